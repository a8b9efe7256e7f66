//! From changed lines to the functions around them.

use tree_sitter::{Node, Parser, TreeCursor};

use crate::{
    hunks::Lines,
    languages::{Grammar, grammar, name_node},
};

/// Larger files are generated; nobody is told about their functions.
const SOURCE_BYTES_MAX: usize = 2 << 20;

/// A function in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeFunction {
    /// Its name with what encloses it: `Feed.rank`.
    pub name: String,
    /// The first line, decorators included, counted from 1.
    pub first_line: u32,
    /// The last line.
    pub last_line: u32,
}

/// Functions of a file in the order of their first lines; None when its language is not read, or it is too long.
pub fn functions(path: &str, source: &[u8]) -> Option<Vec<CodeFunction>> {
    let grammar = grammar(path).filter(|_| source.len() <= SOURCE_BYTES_MAX)?;
    let mut parser = Parser::new();
    parser.set_language(&(grammar.language)()).ok()?;
    let tree = parser.parse(source, None)?;
    let mut found = Vec::new();
    // Names of what encloses the node, each with the depth at which it ends.
    let mut enclosing: Vec<(u32, String)> = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        enclosing.retain(|(depth, _)| *depth < cursor.depth());
        let own = own_name(grammar, node, source);
        if let Some((name, is_function)) = own {
            enclosing.push((cursor.depth(), name));
            if is_function {
                let names: Vec<&str> = enclosing.iter().map(|(_, name)| name.as_str()).collect();
                found.push(function(node, names.join(".")));
            }
        }
        if !advance(&mut cursor) {
            return Some(found);
        }
    }
}

/// The innermost function around each changed place, each once, with its first changed line.
pub fn touched<'a>(functions: &'a [CodeFunction], hunks: &[Lines]) -> Vec<(&'a CodeFunction, u32)> {
    let mut found: Vec<(&CodeFunction, u32)> = Vec::new();
    for hunk in hunks {
        // A deletion lies behind its line; either neighbour may be in the function.
        let (from, to) = match hunk.count {
            0 => (hunk.start, hunk.start.saturating_add(1)),
            count => (hunk.start, hunk.start.saturating_add(count - 1)),
        };
        let candidates = functions.iter().filter(|one| one.first_line <= to && one.last_line >= from);
        for one in candidates {
            let line = from.max(one.first_line);
            let is_innermost =
                (line..=to.min(one.last_line)).any(|line| innermost(functions, line) == Some(one));
            if is_innermost && !found.iter().any(|(known, _)| *known == one) {
                found.push((one, line));
            }
        }
    }
    found
}

fn innermost(functions: &[CodeFunction], line: u32) -> Option<&CodeFunction> {
    let around = functions.iter().filter(|one| (one.first_line..=one.last_line).contains(&line));
    around.min_by_key(|one| one.last_line - one.first_line)
}

/// The name that a node gives to what is in it, and whether it is a function.
fn own_name(grammar: &Grammar, node: Node, source: &[u8]) -> Option<(String, bool)> {
    let kind = node.kind();
    if grammar.functions.contains(&kind) {
        let name = text(name_node(node)?, source);
        let receiver =
            node.child_by_field_name("receiver").map(|receiver| receiver_type(&text(receiver, source)));
        return Some((receiver.map_or(name.clone(), |receiver| format!("{receiver}.{name}")), true));
    }
    let (_, field) = grammar.containers.iter().find(|(container, _)| *container == kind)?;
    Some((without_generics(&text(node.child_by_field_name(field)?, source)), false))
}

fn function(node: Node, name: String) -> CodeFunction {
    // Decorators belong to the function.
    let outer = node.parent().filter(|parent| parent.kind() == "decorated_definition").unwrap_or(node);
    let line = |row: usize| u32::try_from(row + 1).unwrap_or(u32::MAX);
    CodeFunction {
        name,
        first_line: line(outer.start_position().row),
        last_line: line(node.end_position().row),
    }
}

/// The next node, depth first.
fn advance(cursor: &mut TreeCursor) -> bool {
    if cursor.goto_first_child() {
        return true;
    }
    while !cursor.goto_next_sibling() {
        if !cursor.goto_parent() {
            return false;
        }
    }
    true
}

fn text(node: Node, source: &[u8]) -> String {
    node.utf8_text(source).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `(f *Feed[T])` is `Feed`.
fn receiver_type(receiver: &str) -> String {
    let inner = receiver.trim_matches(['(', ')']);
    without_generics(inner.rsplit(' ').next().unwrap_or(inner).trim_start_matches('*'))
}

fn without_generics(name: &str) -> String {
    name.split(['<', '[']).next().unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, source: &str, expected: &[(&str, u32, u32)]) {
        let found = functions(path, source.as_bytes()).unwrap();
        let found: Vec<(&str, u32, u32)> =
            found.iter().map(|one| (one.name.as_str(), one.first_line, one.last_line)).collect();
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn functions_have_names_and_lines_in_every_language() {
        check(
            "a.py",
            "class Feed:\n  @cached\n  def rank(self):\n    def inner(): pass\n    return 1\nasync def f():\n  pass\n",
            &[("Feed.rank", 2, 5), ("Feed.rank.inner", 4, 4), ("f", 6, 7)],
        );
        check(
            "src/a.rs",
            "mod m {\nimpl<T> Feed<T> {\n fn rank(&self) {\n }\n}\n}\nfn main() {}\n",
            &[("m.Feed.rank", 3, 4), ("main", 7, 7)],
        );
        check(
            "a.go",
            "package a\nfunc (f *Feed) Rank() {\n}\nfunc main() {}\n",
            &[("Feed.Rank", 2, 3), ("main", 4, 4)],
        );
        check(
            "A.java",
            "class Feed {\n Feed() {}\n int rank() {\n  return 1; }\n}\n",
            &[("Feed.Feed", 2, 2), ("Feed.rank", 3, 4)],
        );
        check(
            "a.ts",
            "class Feed { rank() {\n return 1 } }\nconst f = () => 2\nfunction g() {}\n",
            &[("Feed.rank", 1, 2), ("f", 3, 3), ("g", 4, 4)],
        );
        check("a.tsx", "export const View = () => <b/>\n", &[("View", 1, 1)]);
        check(
            "a.cpp",
            "namespace n {\nint *Feed::rank(int x) {\n return 0; }\n}\nint main() { return 0; }\n",
            &[("n.Feed::rank", 2, 3), ("main", 5, 5)],
        );
        check("a.c", "static int\nrank(void)\n{\n}\n", &[("rank", 1, 4)]);
    }

    #[test]
    fn the_innermost_function_is_touched() {
        let source =
            "x = 1\ndef outer():\n  a = 1\n  def inner():\n    b = 2\n  return a\ndef other():\n  pass\n";
        let functions = functions("a.py", source.as_bytes()).unwrap();
        let names = |hunks: &[(u32, u32)]| {
            let hunks: Vec<Lines> = hunks.iter().map(|&(start, count)| Lines { start, count }).collect();
            let touched = touched(&functions, &hunks);
            touched.iter().map(|(one, line)| (one.name.clone(), *line)).collect::<Vec<_>>()
        };
        let expect = |found: Vec<(String, u32)>, expected: &[(&str, u32)]| {
            let expected: Vec<(String, u32)> =
                expected.iter().map(|&(name, line)| (name.to_owned(), line)).collect();
            assert_eq!(found, expected);
        };
        expect(names(&[(1, 1)]), &[]);
        expect(names(&[(5, 1)]), &[("outer.inner", 5)]);
        expect(names(&[(6, 0)]), &[("outer", 6), ("other", 7)]);
        expect(names(&[(3, 1), (5, 1), (3, 3)]), &[("outer", 3), ("outer.inner", 5)]);
    }

    #[test]
    fn what_is_not_read_is_said() {
        assert_eq!(functions("a.rb", b"def f; end"), None);
        assert_eq!(functions("a.py", &vec![b' '; SOURCE_BYTES_MAX + 1]), None);
        assert_eq!(functions("a.py", b"\xff def ("), Some(vec![]));
    }
}
