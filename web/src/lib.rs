//! The files of the web UI, embedded at build time. Holds assets and nothing else.
//!
//! ```
//! let accepted = web::Encodings::parse("gzip, br;q=0.9");
//! let page = web::asset("/explore", accepted);
//! assert_eq!(page.map(|page| page.content_type), Some("text/html; charset=utf-8"));
//! ```

/// What a response for one path is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The bytes to send.
    pub body: &'static [u8],
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// Value of `Content-Encoding`; absent when the bytes are plain.
    pub encoding: Option<&'static str>,
    /// Value of `ETag`, quotes included. Differs between the encodings of one file.
    pub etag: &'static str,
    /// Whether the path names its content, so that a browser need never ask again.
    pub immutable: bool,
}

impl Asset {
    /// Value of `Cache-Control`: for ever when the path names the content, else ask again with the `ETag`.
    pub fn cache_control(&self) -> &'static str {
        if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" }
    }
}

/// Compressed forms that a client takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encodings {
    /// `br`.
    pub brotli: bool,
    /// `gzip`.
    pub gzip: bool,
}

impl Encodings {
    /// Reads the value of `Accept-Encoding`. What is unknown or refused (`q=0`) is left out.
    pub fn parse(accept_encoding: &str) -> Encodings {
        let mut accepted = Encodings::default();
        for choice in accept_encoding.split(',') {
            let mut parts = choice.split(';').map(str::trim);
            let coding = parts.next().unwrap_or_default();
            let refused = parts.any(is_zero_quality);
            if coding.eq_ignore_ascii_case("br") {
                accepted.brotli = !refused;
            } else if coding.eq_ignore_ascii_case("gzip") {
                accepted.gzip = !refused;
            }
        }
        accepted
    }
}

/// Whether the real UI is inside, not the page that says how to build it.
pub const BUILT: bool = embedded::BUILT;

/// Value of `Content-Security-Policy` that every page works under: nothing inline, nothing from elsewhere.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The asset at a URL path, in the smallest form the client takes.
///
/// Pages of the app are one document, so a path that names no file and has no file ending gets `index.html`.
/// `None` is for the API's paths and for files that do not exist.
pub fn asset(path: &str, accepted: Encodings) -> Option<Asset> {
    let path = path.trim_start_matches('/');
    let file = find(path).or_else(|| if is_page(path) { find("index.html") } else { None })?;
    let [plain_tag, brotli_tag, gzip_tag] = file.tags;
    let brotli = file.brotli.filter(|_| accepted.brotli).map(|body| (body, Some("br"), brotli_tag));
    let gzip = file.gzip.filter(|_| accepted.gzip).map(|body| (body, Some("gzip"), gzip_tag));
    let (body, encoding, etag) = brotli.or(gzip).unwrap_or((file.plain, None, plain_tag));
    let immutable = file.path.starts_with("assets/");
    Some(Asset { body, content_type: content_type(file.path), encoding, etag, immutable })
}

/// One embedded file with its compressed forms.
struct File {
    path: &'static str,
    /// Of the plain, the brotli and the gzip form.
    tags: [&'static str; 3],
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

mod embedded {
    //! The table written by `build.rs`.
    use super::File;
    include!(concat!(env!("OUT_DIR"), "/files.rs"));
}

fn find(path: &str) -> Option<&'static File> {
    embedded::FILES.iter().find(|file| file.path == path)
}

/// Whether a path is one of the app's own pages, which all start from `index.html`.
fn is_page(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    let of_the_server = path == "api" || path.starts_with("api/") || path.starts_with("assets/");
    !of_the_server && !last.contains('.')
}

/// Whether a parameter of `Accept-Encoding` is a quality of nought: `q=0`, `q=0.0`, `q=0.000`.
fn is_zero_quality(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>() == Ok(0.0)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Encodings = Encodings { brotli: false, gzip: false };

    #[test]
    fn accept_encoding_is_read() {
        let check = |text: &str, brotli: bool, gzip: bool| {
            assert_eq!(Encodings::parse(text), Encodings { brotli, gzip }, "{text}");
        };
        check("", false, false);
        check("gzip, deflate, br, zstd", true, true);
        check("GZIP", false, true);
        check("br;q=1.0, gzip;q=0", true, false);
        check("br; q=0.000 , gzip ; q=0.5", false, true);
        check("brotli, x-gzip", false, false);
    }

    #[test]
    fn pages_fall_back_to_the_document_and_files_do_not() {
        let index = asset("/index.html", PLAIN).unwrap();
        assert_eq!(index.content_type, "text/html; charset=utf-8");
        assert!(!index.immutable);
        for page in ["/", "", "/explore", "/hosts", "/diff/a"] {
            assert_eq!(asset(page, PLAIN), Some(index), "{page}");
        }
        for missing in
            ["/api", "/api/v1/none", "/assets/none.js", "/assets/none", "/none.js", "/../Cargo.toml"]
        {
            assert_eq!(asset(missing, PLAIN), None, "{missing}");
        }
    }

    #[test]
    fn every_file_is_served_in_each_form_it_has() {
        for file in embedded::FILES {
            let plain = asset(file.path, PLAIN).unwrap();
            assert_eq!((plain.body, plain.encoding), (file.plain, None), "{}", file.path);
            assert_ne!(plain.content_type, "application/octet-stream", "{}", file.path);
            let best = asset(file.path, Encodings { brotli: true, gzip: true }).unwrap();
            assert_eq!(best.encoding.is_some(), file.brotli.is_some() || file.gzip.is_some());
            assert_eq!(best.etag == plain.etag, best.encoding.is_none());
            assert!(best.body.len() <= plain.body.len(), "{}", file.path);
            assert!(plain.etag.starts_with('"') && plain.etag.ends_with('"'));
        }
    }

    #[test]
    fn the_page_of_an_unbuilt_ui_says_how_to_build_it() {
        let text = include_str!("not_built.html");
        for needed in ["make web", "/openapi.json", "/api/v1/status"] {
            assert!(text.contains(needed), "{needed}");
        }
        let index = asset("/", PLAIN).unwrap();
        assert_eq!(index.body == text.as_bytes(), !BUILT);
    }

    #[test]
    fn names_that_carry_a_hash_are_kept_for_ever() {
        let hashed = Asset { body: b"", content_type: "", encoding: None, etag: "", immutable: true };
        assert_eq!(hashed.cache_control(), "public, max-age=31536000, immutable");
        assert_eq!(Asset { immutable: false, ..hashed }.cache_control(), "no-cache");
    }
}
