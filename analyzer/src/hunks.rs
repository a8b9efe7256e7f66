//! Which lines a difference touches: what `git diff --unified=0` prints, read.

/// Files of a difference that are looked at; the rest are counted.
pub const FILES_MAX: usize = 10_000;

/// The changes of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileChanges {
    /// Its path before; None for a new file.
    pub old_path: Option<String>,
    /// Its path after; None for a deleted file.
    pub new_path: Option<String>,
    /// Places that changed, by the lines of the file after. A deletion has no lines: it lies behind its start.
    pub hunks: Vec<Lines>,
}

/// Consecutive lines, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// The first one.
    pub start: u32,
    /// How many.
    pub count: u32,
}

/// Reads a whole difference: the first files, and how many more there were.
pub fn parse(diff: &str) -> (Vec<FileChanges>, usize) {
    let mut files: Vec<FileChanges> = Vec::new();
    let mut beyond = 0;
    let mut is_beyond = false;
    // Lines of the current hunk that are content, whatever they look like.
    let mut content = 0;
    for line in diff.lines() {
        if content > 0 && line.starts_with(['+', '-']) {
            content -= 1;
            continue;
        }
        if line.starts_with("diff --git ") {
            is_beyond = files.len() == FILES_MAX;
            match is_beyond {
                true => beyond += 1,
                false => files.push(FileChanges::default()),
            }
            continue;
        }
        let Some(file) = files.last_mut().filter(|_| !is_beyond) else { continue };
        if let Some(path) = line.strip_prefix("--- ") {
            file.old_path = side(path, "a/");
        } else if let Some(path) = line.strip_prefix("+++ ") {
            file.new_path = side(path, "b/");
        } else if let Some(path) = line.strip_prefix("rename from ") {
            file.old_path = Some(path.to_owned());
        } else if let Some(path) = line.strip_prefix("rename to ") {
            file.new_path = Some(path.to_owned());
        } else if let Some((removed, added)) = line.strip_prefix("@@ ").and_then(header) {
            content = removed.count + added.count;
            file.hunks.push(added);
        }
    }
    (files, beyond)
}

/// Git puts a tab behind a path with a space in it, and quotes around one that it cannot print.
fn side(path: &str, prefix: &str) -> Option<String> {
    let path = path.trim_end_matches('\t').trim_matches('"');
    path.strip_prefix(prefix).map(str::to_owned)
}

/// `-10,2 +11,0 @@ …`
fn header(text: &str) -> Option<(Lines, Lines)> {
    let (ranges, _) = text.split_once(" @@")?;
    let (removed, added) = ranges.split_once(' ')?;
    Some((lines(removed.strip_prefix('-')?)?, lines(added.strip_prefix('+')?)?))
}

fn lines(text: &str) -> Option<Lines> {
    let (start, count) = text.split_once(',').unwrap_or((text, "1"));
    Some(Lines { start: start.parse().ok()?, count: count.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Old path, new path, and the start and count of each hunk.
    type Expected<'a> = (Option<&'a str>, Option<&'a str>, &'a [(u32, u32)]);

    fn check(diff: &str, expected: &[Expected]) {
        let (files, beyond) = parse(diff);
        let found: Vec<_> = files
            .iter()
            .map(|file| {
                let hunks: Vec<(u32, u32)> =
                    file.hunks.iter().map(|lines| (lines.start, lines.count)).collect();
                (file.old_path.as_deref(), file.new_path.as_deref(), hunks)
            })
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|(old, new, hunks)| (*old, *new, hunks.to_vec())).collect();
        assert_eq!((found, beyond), (expected, 0));
    }

    #[test]
    fn lines_are_those_of_the_new_side() {
        check(
            "diff --git a/a.py b/a.py\nindex 1..2 100644\n--- a/a.py\n+++ b/a.py\n@@ -3 +3,2 @@ def f():\n-x\n+y\n+z\n\
             @@ -9,2 +9,0 @@\n-a\n-b\n",
            &[(Some("a.py"), Some("a.py"), &[(3, 2), (9, 0)])],
        );
    }

    #[test]
    fn content_is_never_a_header() {
        check(
            "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n--- a/x\n-@@ -1 +1 @@\n+++ b/x\n+y\n\\ No newline\n\
             diff --git a/b b/b\n--- /dev/null\n+++ b/b c\t\n@@ -0,0 +1 @@\n+x\n",
            &[(Some("a"), Some("a"), &[(1, 2)]), (None, Some("b c"), &[(1, 1)])],
        );
    }

    #[test]
    fn renamed_deleted_and_binary_files_have_their_paths() {
        check(
            "diff --git a/o b/n\nsimilarity index 100%\nrename from o\nrename to n\n\
             diff --git a/d b/d\ndeleted file mode 100644\n--- a/d\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
             diff --git a/i.png b/i.png\nBinary files a/i.png and b/i.png differ\n",
            &[(Some("o"), Some("n"), &[]), (Some("d"), None, &[(0, 0)]), (None, None, &[])],
        );
    }

    #[test]
    fn odd_text_is_survived() {
        for text in ["", "@@ -1 +1 @@", "diff --git\n@@ x @@\n@@ -1,x +1 @@\n--- \n+++ "] {
            assert!(parse(text).0.iter().all(|file| file.hunks.is_empty()), "{text}");
        }
        let many = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n".repeat(FILES_MAX + 3);
        let (files, beyond) = parse(&many);
        assert_eq!((files.len(), beyond, files[FILES_MAX - 1].hunks.len()), (FILES_MAX, 3, 1));
    }
}
