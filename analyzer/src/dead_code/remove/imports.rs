//! Imports at the top of a file that nothing uses once some functions are gone.

use std::{collections::BTreeSet, ops::Range};

use tree_sitter::Node;

use super::edit::{line_end, read_names};
use crate::dead_code::{
    inventory::{Inventory, ReferenceKind},
    syntax::{self, text},
};

/// What to cut. An import that was not used before stays: it may be there for what it does.
pub(super) fn unused(inventory: &Inventory, file: usize, gone: &[Range<usize>]) -> Vec<Range<usize>> {
    let Some(one) = inventory.files.get(file) else { return Vec::new() };
    let is_gone = |byte: usize| gone.iter().any(|bytes| bytes.contains(&byte));
    let left = read_names(inventory, file, &|byte| !is_gone(byte));
    let used = read_names(inventory, file, &is_gone);
    let is_unused =
        |name: &str| used.contains(name) && !left.contains(name) && !is_taken(inventory, file, name);
    // What a package's front file imports others import from it.
    if one.path.ends_with("__init__.py") {
        return Vec::new();
    }
    let top = one.tree.root_node();
    let statements = top.named_children(&mut top.walk()).collect::<Vec<_>>().into_iter();
    statements
        .filter(|node| matches!(node.kind(), "import_statement" | "import_from_statement"))
        .flat_map(|statement| cuts(statement, &one.text, &is_unused))
        .collect()
}

fn cuts(statement: Node<'_>, source: &[u8], is_unused: &dyn Fn(&str) -> bool) -> Vec<Range<usize>> {
    let lines = statement.start_byte()..line_end(source, statement.end_byte());
    let said = String::from_utf8_lossy(source.get(lines.clone()).unwrap_or_default()).into_owned();
    let names: Vec<Node> = statement.children_by_field_name("name", &mut statement.walk()).collect();
    if said.contains("noqa") || said.contains(';') || names.is_empty() {
        return Vec::new();
    }
    let going: Vec<bool> = names.iter().map(|name| bound(*name, source).is_some_and(is_unused)).collect();
    if going.iter().all(|goes| *goes) {
        return vec![lines];
    }
    let mut found = Vec::new();
    for (at, (name, goes)) in names.iter().zip(&going).enumerate() {
        let next = names.get(at + 1);
        let before = at.checked_sub(1).and_then(|at| names.get(at));
        match (goes, next, before) {
            (true, Some(next), _) => found.push(name.start_byte()..next.start_byte()),
            (true, None, Some(before)) => found.push(before.end_byte()..name.end_byte()),
            _ => {}
        }
    }
    found
}

/// The name that an import gives.
fn bound<'s>(name: Node<'_>, source: &'s [u8]) -> Option<&'s str> {
    match name.kind() {
        "aliased_import" => Some(text(name.child_by_field_name("alias")?, source)),
        // `import a.b` gives `a`.
        _ => text(name, source).split('.').next(),
    }
}

/// True when another file takes the name from this one.
fn is_taken(inventory: &Inventory, file: usize, name: &str) -> bool {
    let path = inventory.files.get(file).map_or("", |one| &one.path);
    let module = path.trim_end_matches(".py").rsplit('/').next().unwrap_or(path);
    let taken: BTreeSet<&str> = inventory
        .files
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != file)
        .flat_map(|(_, other)| syntax::nodes(other.tree.root_node()).map(move |node| (node, &other.text)))
        .filter_map(|(node, source)| taken_from(node, source, module))
        .flatten()
        .collect();
    let is_named = || {
        let functions = inventory.named(name).iter().flat_map(|at| inventory.references(*at));
        functions.into_iter().any(|one| one.kind == ReferenceKind::Import && one.path != path)
    };
    taken.contains(name) || is_named()
}

/// Names that a node takes from a module: `from feed import a, b` and `feed.a`.
fn taken_from<'s>(node: Node<'_>, source: &'s [u8], module: &str) -> Option<Vec<&'s str>> {
    match node.kind() {
        "import_from_statement" => {
            let from = text(node.child_by_field_name("module_name")?, source);
            let is_it = from.rsplit('.').next() == Some(module);
            let names = node.children_by_field_name("name", &mut node.walk()).collect::<Vec<_>>().into_iter();
            is_it.then(|| {
                names
                    .map(|name| name.child_by_field_name("name").unwrap_or(name))
                    .map(|name| text(name, source))
                    .collect()
            })
        }
        "attribute" => {
            let object = text(node.child_by_field_name("object")?, source);
            let name = text(node.child_by_field_name("attribute")?, source);
            (object.rsplit('.').next() == Some(module)).then(|| vec![name])
        }
        _ => None,
    }
}
