//! Route templates: `/items/{id}` in whatever way a framework writes it. The SDKs write endpoints the same way, so
//! that an endpoint has one name whoever says it.

/// Stands for the route of a request that no route matched.
pub(crate) const UNROUTED: &str = "(unrouted)";

/// One form for `items/<int:id>`, `^items/(?P<id>\d+)/$`, `/items/{id}`.
pub(crate) fn readable(template: &str) -> String {
    if template == UNROUTED {
        return template.to_owned();
    }
    let mut plain = String::with_capacity(template.len() + 1);
    let mut rest = template;
    while let Some(character) = rest.chars().next() {
        if let Some((name, after)) = named_group(rest).or_else(|| converter(rest)) {
            plain.extend(["{", name, "}"]);
            rest = after;
            continue;
        }
        if !matches!(character, '\\' | '^' | '$') {
            plain.push(character);
        }
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
    }
    format!("/{}", plain.trim_start_matches('/'))
}

/// Django's and Flask's `<int:id>` at the start of a text, and what follows it.
fn converter(text: &str) -> Option<(&str, &str)> {
    let (inner, after) = text.strip_prefix('<')?.split_once('>')?;
    let name = inner.split_once(':').map_or(inner, |(_, name)| name);
    (!inner.contains('<') && !name.contains(':')).then_some((name, after))
}

/// A named group of a regular expression at the start of a text, and what follows it.
fn named_group(text: &str) -> Option<(&str, &str)> {
    let (name, inner) = text.strip_prefix("(?P<")?.split_once('>')?;
    let is_name =
        !name.is_empty() && name.chars().all(|character| character.is_alphanumeric() || character == '_');
    is_name.then(|| (name, after_group(inner)))
}

/// What follows the parenthesis that closes a group; groups inside it are passed over.
fn after_group(inner: &str) -> &str {
    let mut depth = 1;
    let mut is_escaped = false;
    for (at, character) in inner.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return inner.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_of_all_frameworks_read_alike() {
        let cases = [
            ("", "/"),
            ("/feed", "/feed"),
            ("items/<int:id>/", "/items/{id}/"),
            ("/user/<name>/<path:rest>", "/user/{name}/{rest}"),
            (r"^items/(?P<id>\d+)/$", "/items/{id}/"),
            (r"^a/(?P<year>(19|20)[0-9]{2}\))/(?P<b>x)$", "/a/{year}/{b}"),
            (r"^files/(?P<name>.*", "/files/{name}"),
            ("^photos/(?P<>x)$", "/photos/(?P{}x)"),
            ("/items/{id}", "/items/{id}"),
            (r"^v1\.0/$", "/v1.0/"),
            ("/a<b:c:d>", "/a<b:c:d>"),
            ("/ünïcode/<str:wörd>", "/ünïcode/{wörd}"),
            ("(unrouted)", "(unrouted)"),
        ];
        for (template, expected) in cases {
            assert_eq!(readable(template), expected, "{template}");
        }
    }
}
