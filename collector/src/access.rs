//! Who may ask and send.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Shortest token accepted: 16 characters cannot be guessed over a network.
const TOKEN_CHARACTERS_MIN: usize = 16;

/// Who may ask and send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Programs of this machine. A page of another site must not reach the collector through the browser, so
    /// requests have to name this machine in `Host`.
    Loopback,
    /// Whoever has the token.
    Token(Token),
    /// Everybody who can reach the address.
    Open,
}

/// A shared secret; only its hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Why a collector does not start with the access asked for.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Others could reach the address and nothing keeps them out.
    #[error(
        "{address} can be reached from other machines: give --token-file FILE to ask for a token, or --open to let \
         everybody in"
    )]
    Unprotected {
        /// The address to listen on.
        address: SocketAddr,
    },
    /// Both a token and none.
    #[error("--token-file and --open exclude each other: give one of them")]
    Contradiction,
    /// The token's file cannot be read.
    #[error("token file {} cannot be read", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The token is too easy to guess.
    #[error(
        "token file {}: the token has {found} characters, at least {TOKEN_CHARACTERS_MIN} are needed: \
         write one with `openssl rand -hex 32`", path.display()
    )]
    Short {
        /// Where.
        path: PathBuf,
        /// Length of the token.
        found: usize,
    },
}

impl Access {
    /// The access for an address: what can be reached from outside is never open by accident.
    pub fn new(address: SocketAddr, token_file: Option<&Path>, open: bool) -> Result<Self, AccessError> {
        match (token_file, open) {
            (Some(_), true) => Err(AccessError::Contradiction),
            (Some(path), false) => Ok(Self::Token(Token::read(path)?)),
            (None, true) => Ok(Self::Open),
            (None, false) if is_loopback(address.ip()) => Ok(Self::Loopback),
            (None, false) => Err(AccessError::Unprotected { address }),
        }
    }

    /// Lets a request pass, or says why not.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Error> {
        match self {
            Self::Open => Ok(()),
            Self::Loopback => check_host(headers),
            Self::Token(token) => check_token(token, headers),
        }
    }
}

impl Token {
    /// The token that a text is.
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    fn read(path: &Path) -> Result<Self, AccessError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| AccessError::File { path: path.to_owned(), source })?;
        let text = text.trim();
        match text.chars().count() {
            found @ ..TOKEN_CHARACTERS_MIN => Err(AccessError::Short { path: path.to_owned(), found }),
            _ => Ok(Self::new(text)),
        }
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn check_host(headers: &HeaderMap) -> Result<(), Error> {
    let host = headers.get(header::HOST).map_or(Ok("localhost"), |host| host.to_str()).unwrap_or_default();
    let bracketed = host.strip_prefix('[').and_then(|host| host.split_once(']')).map(|(host, _)| host);
    let name = bracketed.unwrap_or_else(|| host.rsplit_once(':').map_or(host, |(name, _)| name));
    if name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback) {
        return Ok(());
    }
    Err(Error::new(StatusCode::FORBIDDEN, "foreign_host", format!("`{host}` is not a name of this machine"))
        .field("host")
        .fix("ask at localhost, or start the collector with --token-file or --open"))
}

/// Programs send the token as bearer; a browser asks a person for a name and a password, and the password is the token.
fn check_token(token: &Token, headers: &HeaderMap) -> Result<(), Error> {
    let given =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(given_token);
    // Hashes are compared, so the time it takes tells nothing about the token.
    if given.is_some_and(|given| Token::new(&given) == *token) {
        return Ok(());
    }
    Err(Error::new(StatusCode::UNAUTHORIZED, "unauthorized", "the token is missing or wrong")
        .field("authorization")
        .fix("send `Authorization: Bearer TOKEN`, or in a browser the token as password with any name"))
}

fn given_token(authorization: &str) -> Option<String> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(base64_decoded(credentials.trim())?).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

fn base64_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for character in text.trim_end_matches('=').bytes() {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn passes(access: &Access, name: HeaderName, value: &str) -> bool {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
        access.check(&headers).is_ok()
    }

    #[test]
    fn loopback_answers_to_its_own_names() {
        for host in ["localhost", "LOCALHOST:4040", "127.0.0.1:4040", "127.8.0.1", "[::1]:4040", "[::1]"] {
            assert!(passes(&Access::Loopback, header::HOST, host), "{host}");
        }
        for host in
            ["evil.example", "evil.example:4040", "192.0.2.1:4040", "localhost.evil.example", "", "[::2]"]
        {
            assert!(!passes(&Access::Loopback, header::HOST, host), "{host}");
        }
        assert!(Access::Loopback.check(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn a_token_is_taken_as_bearer_or_password() {
        let access = Access::Token(Token::new("a token of some length"));
        for good in ["Bearer a token of some length", "basic YW55OmEgdG9rZW4gb2Ygc29tZSBsZW5ndGg="] {
            assert!(passes(&access, header::AUTHORIZATION, good), "{good}");
        }
        for bad in ["Bearer a token", "Basic YW55OmE=", "Basic !", "a token of some length", "Digest x"] {
            assert!(!passes(&access, header::AUTHORIZATION, bad), "{bad}");
        }
        assert!(access.check(&HeaderMap::new()).is_err());
    }

    #[test]
    fn nothing_is_open_by_accident() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (good, short) = (write("good", "0123456789abcdef\n"), write("short", "0123\n"));
        let check = |address: &str, token_file: Option<&Path>, open, expected: &str| {
            let found = Access::new(address.parse().unwrap(), token_file, open);
            let text = found.map_or_else(|error| error.to_string(), |access| format!("{access:?}"));
            assert!(text.contains(expected), "{text}");
        };
        check("127.0.0.1:4040", None, false, "Loopback");
        check("[::ffff:127.0.0.1]:4040", None, false, "Loopback");
        check(
            "0.0.0.0:4040",
            None,
            false,
            "0.0.0.0:4040 can be reached from other machines: give --token-file",
        );
        check("0.0.0.0:4040", None, true, "Open");
        check("0.0.0.0:4040", Some(&good), false, "Token(..)");
        check("0.0.0.0:4040", Some(&short), false, "the token has 4 characters, at least 16 are needed");
        check("0.0.0.0:4040", Some(&dir.path().join("none")), false, "none cannot be read");
        check("127.0.0.1:4040", Some(&good), true, "exclude each other");
    }
}
