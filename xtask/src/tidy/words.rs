//! One word, one meaning: words that docs/glossary.md replaces by another.

use super::Untidy;

/// The word that is not used, and the one that is.
const WORDS: [(&str, &str); 12] = [
    ("callchain", "stack"),
    ("call chain", "stack"),
    ("memtable", "head"),
    ("symbolicat", "symboliz"),
    ("subroutine", "function"),
    ("stack walking", "unwinding"),
    ("root cause", "suspect"),
    ("culprit", "suspect"),
    ("false alarm", "false finding"),
    ("master branch", "main branch"),
    ("whitelist", "allow list"),
    ("blacklist", "deny list"),
];

/// Where the kernel's interfaces are spoken to, its words are said.
const FOREIGN: [&str; 1] = ["agent/bpf/src/"];

pub fn check(path: &str, text: &str) -> Vec<Untidy> {
    let own_words = path == "docs/glossary.md" || path.starts_with("xtask/src/tidy/");
    let foreign_words = FOREIGN.iter().any(|folder| path.starts_with(folder));
    if own_words
        || foreign_words
        || !matches!(path.rsplit('.').next(), Some("rs" | "ts" | "tsx" | "py" | "md" | "c" | "h"))
    {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let lower = line.to_lowercase();
        for (word, instead) in WORDS {
            if lower.contains(word) {
                found.push(Untidy {
                    place: format!("{path}:{}", index + 1),
                    what: format!("says `{word}`; the glossary's word is `{instead}`"),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banned_word_is_named_with_its_replacement() {
        assert_eq!(check("a.rs", "// the Memtable is full").len(), 1);
        assert_eq!(check("agent/bpf/src/a.rs", "PERF_SAMPLE_CALLCHAIN // callchain").len(), 0);
        assert_eq!(check("docs/glossary.md", "| head | | memtable |").len(), 0);
        assert_eq!(check("a.json", "memtable").len(), 0);
    }
}
