//! What holds for every file: module docs, sizes, bounds.

use super::Untidy;

const LINES_AT_MOST: usize = 500;

/// Ways to make a queue without a bound (invariant I6).
const UNBOUNDED: [&str; 4] =
    ["mpsc::channel(", "unbounded_channel(", "channel::unbounded(", "mpsc::channel::<"];

/// Marks of work that was left lying.
const LOOSE_ENDS: [&str; 4] = ["TO\u{44}O", "FIX\u{4d}E", "#[ign\u{6f}re", "x\u{66}ail"];

pub fn check(path: &str, text: &str) -> Vec<Untidy> {
    let mut found = Vec::new();
    let extension = path.rsplit('.').next().unwrap_or_default();
    if !matches!(extension, "rs" | "ts" | "tsx" | "py" | "c" | "h" | "css" | "sh") {
        return found;
    }
    if extension == "rs" && !text.starts_with("//!") {
        found.push(Untidy {
            place: path.into(),
            what: "starts without a `//!` line that says what it is".into(),
        });
    }
    let lines = text.lines().count();
    if lines > LINES_AT_MOST && !text.contains("house: long list") {
        found.push(Untidy {
            place: path.into(),
            what: format!("{lines} lines, over {LINES_AT_MOST}: split it along the noun"),
        });
    }
    for (index, line) in text.lines().enumerate() {
        let place = || format!("{path}:{}", index + 1);
        if extension == "rs"
            && let Some(call) = UNBOUNDED.iter().find(|call| line.contains(**call))
            && !line.contains("tokio::sync::mpsc::channel(")
            && !path.starts_with("xtask/")
        {
            found.push(Untidy {
                place: place(),
                what: format!("`{call}…` has no bound: use a bounded queue"),
            });
        }
        if let Some(mark) = LOOSE_ENDS.iter().find(|mark| line.contains(**mark)) {
            found.push(Untidy { place: place(), what: format!("a loose end, `{mark}`: finish it") });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_count(path: &str, text: &str, expected: usize) {
        assert_eq!(check(path, text).len(), expected, "{path}: {text:.60}");
    }

    #[test]
    fn finds_each_kind() {
        check_count("a.rs", "//! Fine.\n", 0);
        check_count("a.rs", "fn main() {}\n", 1);
        check_count("a.rs", "//! Queue.\nlet (a, b) = mpsc::channel();\n", 1);
        check_count("a.rs", "//! Queue.\nlet (a, b) = mpsc::sync_channel(8);\n", 0);
        check_count("a.ts", &"x\n".repeat(501), 1);
        check_count("a.json", &"x\n".repeat(501), 0);
        check_count("a.py", concat!("# TO", "DO later\n"), 1);
    }
}
