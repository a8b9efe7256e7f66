//! Python's syntax tree, in the few questions that are asked of it.

use std::collections::BTreeSet;

use tree_sitter::{Node, Parser, Tree, TreeCursor};

/// Reads a file; None when the parser gives up.
pub(crate) fn parse(text: &[u8]) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).ok()?;
    parser.parse(text, None)
}

/// Everything in a node and the node itself, the outer before the inner.
pub(crate) fn nodes(root: Node<'_>) -> Nodes<'_> {
    Nodes { cursor: root.walk(), is_begun: false, is_over: false, skips: false }
}

/// See [`nodes`].
pub(crate) struct Nodes<'t> {
    cursor: TreeCursor<'t>,
    is_begun: bool,
    is_over: bool,
    /// True when the inside of the last node is not wanted.
    skips: bool,
}

impl<'t> Iterator for Nodes<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        if self.is_over {
            return None;
        }
        if !self.is_begun {
            self.is_begun = true;
            return Some(self.cursor.node());
        }
        if !std::mem::take(&mut self.skips) && self.cursor.goto_first_child() {
            return Some(self.cursor.node());
        }
        while self.cursor.depth() > 0 {
            if self.cursor.goto_next_sibling() {
                return Some(self.cursor.node());
            }
            self.cursor.goto_parent();
        }
        self.is_over = true;
        None
    }
}

impl Nodes<'_> {
    /// Goes on behind the last node, not within it.
    pub(crate) fn skip_inside(&mut self) {
        self.skips = true;
    }
}

/// What runs when this runs: not the bodies of functions and classes that are defined in it.
pub(crate) fn own_nodes<'t>(root: Node<'t>) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    let mut inside = nodes(root);
    while let Some(node) = inside.next() {
        let is_other = matches!(node.kind(), "function_definition" | "class_definition" | "lambda");
        if is_other && node.id() != root.id() {
            inside.skip_inside();
            continue;
        }
        found.push(node);
    }
    found
}

pub(crate) fn text<'s>(node: Node<'_>, source: &'s [u8]) -> &'s str {
    node.utf8_text(source).unwrap_or_default()
}

/// First and last line, from 1.
pub(crate) fn lines(node: Node<'_>) -> (u32, u32) {
    (line(node.start_position().row), line(node.end_position().row))
}

pub(crate) fn line(row: usize) -> u32 {
    u32::try_from(row + 1).unwrap_or(u32::MAX)
}

/// What a string says, if it is one whose value is written down.
pub(crate) fn literal<'s>(node: Node<'_>, source: &'s [u8]) -> Option<&'s str> {
    if node.kind() != "string" {
        return None;
    }
    let mut content = None;
    for child in node.children(&mut node.walk()) {
        match child.kind() {
            "string_start" | "string_end" => {}
            "string_content" if content.is_none() => content = Some(text(child, source)),
            _ => return None,
        }
    }
    Some(content.unwrap_or(""))
}

/// True for a string that stands alone: documentation.
pub(crate) fn is_documentation(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| {
        parent.kind() == "expression_statement"
            || parent.kind() == "concatenated_string"
                && parent.parent().is_some_and(|outer| outer.kind() == "expression_statement")
    })
}

/// The last part of what is called and what stands before it: `images.convert(…)` is `convert` of `images`.
pub(crate) fn callee<'s>(call: Node<'_>, source: &'s [u8]) -> Option<(&'s str, Option<&'s str>)> {
    let function = call.child_by_field_name("function")?;
    match function.kind() {
        "identifier" => Some((text(function, source), None)),
        "attribute" => {
            let name = function.child_by_field_name("attribute")?;
            let object = function.child_by_field_name("object")?;
            Some((text(name, source), Some(text(object, source))))
        }
        _ => None,
    }
}

/// The variable at the beginning of `a.b[c].d`.
pub(crate) fn root<'s>(mut node: Node<'_>, source: &'s [u8]) -> Option<&'s str> {
    loop {
        match node.kind() {
            "identifier" => return Some(text(node, source)),
            "attribute" => node = node.child_by_field_name("object")?,
            "subscript" => node = node.child_by_field_name("value")?,
            _ => return None,
        }
    }
}

/// True where a name is written, not read: a target, a parameter, the name of a definition or of an argument.
pub(crate) fn is_store(identifier: Node<'_>) -> bool {
    let mut node = identifier;
    while let Some(parent) = node.parent() {
        let is_field = |name: &str| parent.child_by_field_name(name).is_some_and(|one| one.id() == node.id());
        match parent.kind() {
            "pattern_list"
            | "tuple_pattern"
            | "list_pattern"
            | "list_splat_pattern"
            | "dictionary_splat_pattern"
            | "as_pattern_target" => node = parent,
            "parameters" | "lambda_parameters" | "typed_parameter" => {
                return !is_field("type");
            }
            "assignment" | "for_statement" | "for_in_clause" => return is_field("left"),
            "named_expression"
            | "default_parameter"
            | "typed_default_parameter"
            | "keyword_argument"
            | "function_definition"
            | "class_definition" => return is_field("name"),
            "aliased_import" | "import_statement" | "import_from_statement" => return true,
            "dotted_name" => node = parent,
            _ => return parent.kind() == "as_pattern" && is_field("alias"),
        }
    }
    false
}

/// Names that a function gives values to: they are its own, whatever has the same name elsewhere.
pub(crate) fn own_names<'s>(function: Node<'_>, source: &'s [u8]) -> BTreeSet<&'s str> {
    let mut own = BTreeSet::new();
    let mut foreign = BTreeSet::new();
    for node in own_nodes(function) {
        match node.kind() {
            "identifier" if is_own_store(node, function) => {
                own.insert(text(node, source));
            }
            "global_statement" | "nonlocal_statement" => {
                foreign.extend(node.named_children(&mut node.walk()).map(|name| text(name, source)));
            }
            _ => {}
        }
    }
    &own - &foreign
}

fn is_own_store(identifier: Node<'_>, function: Node<'_>) -> bool {
    let parent = identifier.parent();
    let is_argument = parent.is_some_and(|parent| parent.kind() == "keyword_argument");
    let is_name = parent.is_some_and(|parent| parent.id() == function.id());
    !is_argument && !is_name && is_store(identifier)
}

/// The innermost node of some kinds around a node.
pub(crate) fn around<'t>(node: Node<'t>, kinds: &[&str]) -> Option<Node<'t>> {
    let mut next = node.parent();
    while let Some(outer) = next {
        if kinds.contains(&outer.kind()) {
            return Some(outer);
        }
        next = outer.parent();
    }
    None
}

pub(crate) fn is_within(inner: Node<'_>, outer: Node<'_>) -> bool {
    outer.start_byte() <= inner.start_byte() && inner.end_byte() <= outer.end_byte()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_own_names_are_what_it_gives_values_to() {
        let source = b"def f(a, b=c, *d, e: int = 1, **g):\n  global h\n  h = i.j\n  k, (l, m) = n\n  for o in p: pass\n  \
            with q as r: pass\n  [s for s in t]\n  u = lambda v: w\n  x(y=z)\n  import aa.bb as cc\n  def dd(): ee = 1\n  \
            (ff := 1)\n  try: pass\n  except E as gg: pass\n";
        let tree = parse(source).unwrap();
        let function = tree.root_node().named_child(0).unwrap();
        let found: Vec<&str> = own_names(function, source).into_iter().collect();
        assert_eq!(
            found,
            ["a", "aa", "b", "bb", "cc", "d", "e", "ff", "g", "gg", "k", "l", "m", "o", "r", "s", "u"]
        );
    }

    #[test]
    fn calls_and_strings_are_read() {
        let source = b"a.b.c(x)['k'].d\ny = 'plain'\nz = f'{x}'\n";
        let tree = parse(source).unwrap();
        let all: Vec<Node> = nodes(tree.root_node()).collect();
        let call = all.iter().find(|node| node.kind() == "call").unwrap();
        assert_eq!(callee(*call, source), Some(("c", Some("a.b"))));
        let strings: Vec<Option<&str>> =
            all.iter().filter(|node| node.kind() == "string").map(|node| literal(*node, source)).collect();
        assert_eq!(strings, [Some("k"), Some("plain"), None]);
        let attribute = all.iter().find(|node| node.kind() == "attribute").unwrap();
        assert_eq!(root(*attribute, source), None);
    }
}
