//! The text of a file without some of its functions.

use std::{collections::BTreeSet, ops::Range};

use super::imports;
use crate::dead_code::{
    inventory::Inventory,
    syntax::{self, text},
};

/// What a file becomes; None when that is not Python any more. Blank lines and comments that belong to what goes, go too;
/// imports go that nothing uses any more and that something used.
pub(super) fn without(inventory: &Inventory, file: usize, going: &[usize]) -> Option<String> {
    let one = inventory.files.get(file)?;
    let source = &one.text;
    let functions: Vec<Range<usize>> = going
        .iter()
        .filter_map(|at| inventory.functions.get(*at))
        .filter(|function| function.file == file)
        .map(|function| function.bytes.clone())
        .collect();
    let mut cuts: Vec<(Range<usize>, String)> =
        functions.iter().map(|bytes| (whole_lines(source, bytes), String::new())).collect();
    cuts.extend(emptied_classes(inventory, file, &functions));
    cuts.extend(imports::unused(inventory, file, &functions).into_iter().map(|bytes| (bytes, String::new())));
    let changed = cut(source, cuts);
    let tree = syntax::parse(changed.as_bytes())?;
    let is_broken = tree.root_node().has_error() && !one.tree.root_node().has_error();
    (!is_broken).then_some(changed)
}

/// The lines of a definition with the comments right above it and the blank lines below.
fn whole_lines(source: &[u8], bytes: &Range<usize>) -> Range<usize> {
    let begin_of = |at: usize| {
        let before = source.get(..at).unwrap_or_default();
        before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
    };
    let mut start = begin_of(bytes.start);
    let indent = bytes.start - start;
    while start > 0 {
        let above = begin_of(start - 1);
        let line = source.get(above..start).unwrap_or_default();
        let is_comment = line.len() > indent && line.get(indent) == Some(&b'#');
        if !is_comment || !line.iter().take(indent).all(u8::is_ascii_whitespace) {
            break;
        }
        start = above;
    }
    let own_end = line_end(source, bytes.end);
    let mut end = own_end;
    while end < source.len() && is_blank(source, end) {
        end = line_end(source, end);
    }
    // At the end of a block the blank lines above go, and those below stay what they are: behind the block.
    let next = source.get(end..line_end(source, end)).unwrap_or_default();
    if next.iter().take_while(|byte| **byte == b' ' || **byte == b'\t').count() < indent {
        end = own_end;
        while start > 0 && is_blank(source, begin_of(start - 1)) {
            start = begin_of(start - 1);
        }
    }
    start..end
}

/// The first byte of the next line.
pub(super) fn line_end(source: &[u8], at: usize) -> usize {
    let rest = source.get(at..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(source.len(), |newline| at + newline + 1)
}

fn is_blank(source: &[u8], begin: usize) -> bool {
    source.get(begin..line_end(source, begin)).is_some_and(|line| line.iter().all(u8::is_ascii_whitespace))
}

/// A class of which nothing is left has a `pass`.
fn emptied_classes(
    inventory: &Inventory,
    file: usize,
    functions: &[Range<usize>],
) -> Vec<(Range<usize>, String)> {
    let Some(one) = inventory.files.get(file) else { return Vec::new() };
    let mut found = Vec::new();
    for class in syntax::nodes(one.tree.root_node()).filter(|node| node.kind() == "class_definition") {
        let Some(body) = class.child_by_field_name("body") else { continue };
        let statements: Vec<_> = body.named_children(&mut body.walk()).collect();
        let goes = |bytes: &Range<usize>| {
            functions.iter().any(|gone| gone.start <= bytes.start && bytes.end <= gone.end)
        };
        let is_empty =
            statements.iter().filter(|one| one.kind() != "comment").all(|one| goes(&one.byte_range()));
        if let (true, Some(first)) = (is_empty, statements.first()) {
            let column = first.start_position().column;
            let at = whole_lines(&one.text, &first.byte_range()).start;
            found.push((at..at, format!("{}pass\n", " ".repeat(column))));
        }
    }
    found
}

/// A text with parts replaced; parts that overlap are one.
fn cut(source: &[u8], mut cuts: Vec<(Range<usize>, String)>) -> String {
    cuts.sort_by_key(|(bytes, text)| (bytes.start, text.is_empty()));
    let mut kept = Vec::new();
    let mut at = 0;
    for (bytes, replacement) in cuts {
        kept.extend_from_slice(source.get(at..bytes.start.max(at)).unwrap_or_default());
        kept.extend_from_slice(replacement.as_bytes());
        at = at.max(bytes.end);
    }
    kept.extend_from_slice(source.get(at..).unwrap_or_default());
    // What stood above the end stands at the end now.
    if at == source.len() {
        while kept.ends_with(b"\n\n") {
            kept.pop();
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Names that the rest of a file reads: without what goes and without imports.
pub(super) fn read_names<'a>(
    inventory: &'a Inventory,
    file: usize,
    is_counted: &dyn Fn(usize) -> bool,
) -> BTreeSet<&'a str> {
    let Some(one) = inventory.files.get(file) else { return BTreeSet::new() };
    let mut names = BTreeSet::new();
    for node in syntax::nodes(one.tree.root_node()) {
        let is_import = || {
            let kinds = ["import_statement", "import_from_statement", "block", "module"];
            syntax::around(node, &kinds).is_some_and(|outer| outer.kind().starts_with("import"))
        };
        match node.kind() {
            "identifier" if is_counted(node.start_byte()) && !is_import() => {
                names.insert(text(node, &one.text));
            }
            // `__all__` and annotations in quotes name things too.
            "string_content" if is_counted(node.start_byte()) => {
                let said = text(node, &one.text);
                names.extend(said.split(|one: char| !(one.is_alphanumeric() || one == '_')));
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_code::inventory::tests::{at, inventory};

    fn check(text: &str, names: &[&str], expected: &str) {
        let inventory = inventory(&[("a.py", text)]);
        let going: Vec<usize> = names.iter().map(|name| at(&inventory, name)).collect();
        assert_eq!(without(&inventory, 0, &going).as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn a_function_goes_with_what_belongs_to_it() {
        check(
            "x = 1\n\n\n# Old.\n@cached\ndef old():\n    pass\n\n\ndef new():\n    pass\n",
            &["old"],
            "x = 1\n\n\ndef new():\n    pass\n",
        );
        check("def new():\n    pass\n\n\ndef old():\n    pass\n", &["old"], "def new():\n    pass\n");
        check(
            "class A:\n    def old(self):\n        pass\n\n    def new(self):\n        pass\n",
            &["A.old"],
            "class A:\n    def new(self):\n        pass\n",
        );
        check(
            "class A:\n    def old(self):\n        pass\n\n\nx = 1\n",
            &["A.old"],
            "class A:\n    pass\n\n\nx = 1\n",
        );
        check(
            "class A:\n    '''Doc.'''\n\n    def old(self):\n        pass\n",
            &["A.old"],
            "class A:\n    '''Doc.'''\n",
        );
        check("def _b(): pass\ndef a(): _b()\nx = 1", &["a", "_b"], "x = 1");
    }

    #[test]
    fn imports_go_that_nothing_uses_any_more() {
        check(
            "import json\nimport os\n\ndef old(): json.dumps(1)\n\nos.x\n",
            &["old"],
            "import os\n\nos.x\n",
        );
        check("from a import b, c, d\n\ndef old(): b()\n\nc(d)\n", &["old"], "from a import c, d\n\nc(d)\n");
        check(
            "from a import (\n    b,\n    c,\n)\n\ndef old(): c()\n\nb()\n",
            &["old"],
            "from a import (\n    b,\n)\n\nb()\n",
        );
        check("from a import b as e, c\n\ndef old(): e(c)\n\nx = 1\n", &["old"], "\nx = 1\n");
        check(
            "from a import b  # noqa\n\ndef old(): b()\n\nx = 1\n",
            &["old"],
            "from a import b  # noqa\n\nx = 1\n",
        );
        check(
            "import json\n\ndef old(): json.dumps(1)\n\n__all__ = ['json']\n",
            &["old"],
            "import json\n\n__all__ = ['json']\n",
        );
        check("import unused\n\ndef old(): pass\n\nx = 1\n", &["old"], "import unused\n\nx = 1\n");
        check("import a.b\n\ndef old(): a.b.c()\n\nx = 1\n", &["old"], "\nx = 1\n");
    }
}
