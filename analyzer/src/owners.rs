//! Who is told: CODEOWNERS as GitHub reads it. The last rule that matches wins, and one without owners clears them.

/// Rules that are read; more are ignored.
const RULES_MAX: usize = 20_000;

/// Where the file may be, in the order in which it is looked for.
pub const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// The rules of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    pattern: Pattern,
    owners: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    parts: Vec<String>,
    /// True when it counts from the root of the repository.
    is_anchored: bool,
    /// True when it matches what is in a folder, too.
    matches_below: bool,
}

impl Owners {
    /// Reads the file. What GitHub would not understand (`!`, `[`) is left out.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(|line| line.split(" #").next().unwrap_or(line).trim());
        let rules = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(|line| {
            let words = words(line);
            let (pattern, owners) = words.split_first()?;
            Some(Rule { pattern: Pattern::new(pattern)?, owners: owners.to_vec() })
        });
        Self { rules: rules.take(RULES_MAX).collect() }
    }

    /// The owners of a file by its path from the root; none when no rule matches or the rule has none.
    pub fn of(&self, path: &str) -> &[String] {
        let parts: Vec<&str> = path.split('/').collect();
        let rule = self.rules.iter().rev().find(|rule| rule.pattern.matches(&parts));
        rule.map_or(&[], |rule| &rule.owners)
    }
}

impl Pattern {
    fn new(text: &str) -> Option<Self> {
        if text.starts_with('!') || text.contains('[') {
            return None;
        }
        let trimmed = text.trim_start_matches('/').trim_end_matches('/');
        let parts: Vec<String> = trimmed.split('/').map(str::to_owned).collect();
        let ends_in_star = parts.len() > 1 && parts.last().is_some_and(|last| last == "*");
        Some(Self {
            is_anchored: text.starts_with('/') || parts.len() > 1,
            // `docs/*` is what lies in the folder itself; `docs/` and `docs` are everything below.
            matches_below: !ends_in_star,
            parts,
        })
    }

    fn matches(&self, path: &[&str]) -> bool {
        let starts = if self.is_anchored { 1 } else { path.len() };
        (0..starts).any(|start| {
            matches_parts(&self.parts, path.get(start..).unwrap_or_default(), self.matches_below)
        })
    }
}

fn matches_parts(pattern: &[String], path: &[&str], matches_below: bool) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (None, Some(_)) => matches_below,
        (Some((any, rest)), _) if any == "**" => (0..=path.len())
            .any(|skip| matches_parts(rest, path.get(skip..).unwrap_or_default(), matches_below)),
        (Some((part, rest)), Some((name, below))) => {
            matches_name(part.as_bytes(), name.as_bytes()) && matches_parts(rest, below, matches_below)
        }
        (Some(_), None) => false,
    }
}

/// `*` is any text and `?` one character, both within a name.
pub(crate) fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            (0..=name.len()).any(|skip| matches_name(rest, name.get(skip..).unwrap_or_default()))
        }
        (Some((b'?', rest)), Some((_, tail))) => matches_name(rest, tail),
        (Some((one, rest)), Some((other, tail))) => one == other && matches_name(rest, tail),
        _ => false,
    }
}

/// Separated by spaces; a backslash keeps a space in a pattern.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => words.last_mut().into_iter().for_each(|word| word.extend(characters.next())),
            space if space.is_whitespace() => words.push(String::new()),
            other => words.last_mut().into_iter().for_each(|word| word.push(other)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of the example in GitHub's manual, each with what it says about them.
    const EXAMPLE: &str = "
# Each line is a file pattern followed by one or more owners.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
/with\\ space/ @space
";

    fn check(path: &str, expected: &[&str]) {
        assert_eq!(Owners::parse(EXAMPLE).of(path), expected, "{path}");
    }

    #[test]
    fn the_last_match_wins() {
        check("README", &["@global-owner1", "@global-owner2"]);
        check("src/deep/a.js", &["@js-owner"]);
        check("a.go", &["docs@example.com"]);
        check("notes/a.txt", &["@octo-org/octocats"]);
        check("build/logs/x/y", &["@octocat"]);
        check("docs/getting-started.md", &["@doctocat"]);
        check("docs/build-app/x.md", &["@doctocat"]);
        check("deeply/nested/logs/a", &["@octocat"]);
        check("scripts/a", &["@doctocat", "@octocat"]);
        check("apps/x", &["@octocat"]);
        check("apps/github/x", &[]);
        check("other/apps/x", &["@octocat"]);
        check("with space/a", &["@space"]);
    }

    #[test]
    fn a_star_stays_in_its_folder() {
        let owners = Owners::parse("docs/* @docs\n/a/**/z @z\n!x @no\n[ab] @no\n/e?.py @e\n");
        assert_eq!(owners.of("docs/a.md"), ["@docs"]);
        assert!(owners.of("docs/sub/a.md").is_empty());
        assert!(owners.of("x").is_empty() && owners.of("a").is_empty());
        assert_eq!([owners.of("a/z"), owners.of("a/b/c/z")], [["@z"], ["@z"]]);
        assert_eq!((owners.of("e1.py").len(), owners.of("e12.py").len()), (1, 0));
    }
}
