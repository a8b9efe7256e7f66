//! Readable names for mangled symbols.

use std::borrow::Cow;

/// Longest mangled name that is taken apart; a longer one stays as it is. Template instances reach kilobytes, and
/// their readable form can be many times as long.
const MANGLED_BYTES_MAX: usize = 4096;

/// Longest readable name; what is longer is cut.
const READABLE_BYTES_MAX: usize = 1024;

/// The name as its author wrote it, for Rust (without the hash) and C++; any other name as it is.
pub(crate) fn demangle(name: &str) -> String {
    // Compilers number the copies they make of a function.
    let readable = if name.len() > MANGLED_BYTES_MAX { Cow::Borrowed(name) } else { readable(name) };
    let cut = (0..=READABLE_BYTES_MAX.min(readable.len())).rev().find(|at| readable.is_char_boundary(*at));
    readable.get(..cut.unwrap_or_default()).unwrap_or_default().to_owned()
}

fn readable(name: &str) -> Cow<'_, str> {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return format!("{rust:#}").into();
    }
    if name.starts_with("_Z")
        && let Ok(symbol) = cpp_demangle::Symbol::new(name)
        && let Ok(cpp) = symbol.demangle()
    {
        return cpp.into();
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_readable() {
        for (mangled, expected) in [
            ("main", "main"),
            ("", ""),
            ("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt"),
            ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
            ("_ZNSt6vectorIiSaIiEE9push_backEOi", "std::vector<int, std::allocator<int> >::push_back(int&&)"),
            ("_Znonsense", "_Znonsense"),
            ("foo.cold", "foo.cold"),
        ] {
            assert_eq!(demangle(mangled), expected);
        }
        assert_eq!(demangle(&"é".repeat(3000)).len(), 1024);
    }
}
