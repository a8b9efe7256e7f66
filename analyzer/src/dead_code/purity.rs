//! Whether a call does anything beside returning a value, as far as the source says. What is not sure is unknown.

mod names;

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::{inventory::Inventory, syntax};
use names::{BUILTINS, CHANGES, METHODS, MODULES, NOT_PURE, SERIALIZERS, VERBS};

/// How sure it is that a call only returns a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purity {
    /// It does more.
    Effects,
    /// Nobody can say.
    Unknown,
    /// Its name says so.
    ByName,
    /// Its source says so, or its manual.
    Pure,
}

/// Functions within functions that are followed.
const DEPTH_MAX: usize = 8;

/// Answers for the calls of a folder, each function once.
pub(crate) struct Purities<'a> {
    inventory: &'a Inventory,
    known: BTreeMap<usize, Purity>,
}

impl<'a> Purities<'a> {
    /// Nothing is known yet.
    pub(crate) fn new(inventory: &'a Inventory) -> Self {
        Self { inventory, known: BTreeMap::new() }
    }

    /// What a call does.
    pub(crate) fn of_call(&mut self, file: usize, call: Node<'_>) -> Purity {
        self.of_call_at(file, call, 0)
    }

    /// What everything that an expression calls does.
    pub(crate) fn of_expression(&mut self, file: usize, expression: Node<'_>) -> Purity {
        self.of_inside(file, expression, 0)
    }

    fn of_inside(&mut self, file: usize, expression: Node<'_>, depth: usize) -> Purity {
        let mut purity = Purity::Pure;
        for node in syntax::own_nodes(expression) {
            purity = purity.min(match node.kind() {
                "call" => self.of_call_at(file, node, depth),
                "await" | "yield" | "named_expression" => Purity::Effects,
                _ => Purity::Pure,
            });
        }
        purity
    }

    fn of_call_at(&mut self, file: usize, call: Node<'_>, depth: usize) -> Purity {
        let inventory = self.inventory;
        let Some(source) = inventory.files.get(file).map(|file| &file.text) else { return Purity::Unknown };
        if let Some(function) = inventory.called(file, call) {
            return self.of_function(function, depth + 1);
        }
        let Some((name, object)) = syntax::callee(call, source) else { return Purity::Unknown };
        if let Some(purity) = self.of_class(name, object, depth) {
            return purity;
        }
        match object {
            _ if !inventory.named(name).is_empty() && object.is_none() => Purity::Unknown,
            None if BUILTINS.binary_search(&name).is_ok() => Purity::Pure,
            Some(module) if MODULES.binary_search(&module).is_ok() && !NOT_PURE.contains(&name) => {
                Purity::Pure
            }
            Some(_) if METHODS.binary_search(&name).is_ok() => Purity::Pure,
            Some(_) if CHANGES.contains(&name) && is_of_own_value(call, source) => {
                // Within the function that is asked about it is an effect; for whoever calls that function it is none.
                if depth == 0 && name != "get" { Purity::Effects } else { Purity::Pure }
            }
            Some(object) if name == "get" && is_table(call, object, source) => Purity::Pure,
            Some(_) if self.has_methods(name) => self.of_methods(name, depth),
            _ if SERIALIZERS.binary_search(&name).is_ok() => Purity::ByName,
            _ if VERBS.binary_search(&first_word(name)).is_ok() => Purity::Effects,
            _ => Purity::Unknown,
        }
    }

    /// Making an object of a class of the folder does what its `__init__` does.
    fn of_class(&mut self, name: &str, object: Option<&str>, depth: usize) -> Option<Purity> {
        let inventory = self.inventory;
        if !inventory.has_class(name) || object.is_some_and(|object| object.contains('(')) {
            return None;
        }
        let wanted = format!("{name}.__init__");
        let all = inventory.named("__init__").iter().copied();
        let mut found = all.filter(|at| inventory.functions.get(*at).is_some_and(|one| one.name == wanted));
        match (found.next(), found.next()) {
            // What its class inherits from may do anything.
            (None, _) | (_, Some(_)) => Some(Purity::Unknown),
            (Some(init), None) => Some(self.of_function(init, depth + 1)),
        }
    }

    fn has_methods(&self, name: &str) -> bool {
        let functions = self.inventory.named(name).iter().filter_map(|at| self.inventory.functions.get(*at));
        functions.into_iter().any(|one| one.is_method)
    }

    /// A method of an object that nobody knows: that of some class of the folder, as its name says.
    fn of_methods(&mut self, name: &str, depth: usize) -> Purity {
        let methods = self.inventory.named(name).to_vec();
        methods
            .into_iter()
            .map(|at| self.of_function(at, depth + 1))
            .min()
            .map_or(Purity::Unknown, |purity| purity.min(Purity::ByName))
    }

    fn of_function(&mut self, function: usize, depth: usize) -> Purity {
        if let Some(known) = self.known.get(&function) {
            return *known;
        }
        if depth > DEPTH_MAX {
            return Purity::Unknown;
        }
        // A function that calls itself does what the rest of it does.
        self.known.insert(function, Purity::Pure);
        let purity = self.of_body(function, depth);
        self.known.insert(function, purity);
        purity
    }

    fn of_body(&mut self, function: usize, depth: usize) -> Purity {
        let inventory = self.inventory;
        let (Some(one), Some((node, source))) =
            (inventory.functions.get(function), inventory.node_of(function))
        else {
            return Purity::Unknown;
        };
        let is_plain = |name: &String| {
            matches!(name.rsplit('.').next(), Some("staticmethod" | "classmethod" | "lru_cache" | "cache"))
        };
        if !one.decorators.iter().all(is_plain) {
            return Purity::Unknown;
        }
        let Some(body) = node.child_by_field_name("body") else { return Purity::Unknown };
        let mut own = values_of_own(node, source);
        if one.own_name() == "__init__" {
            own.insert("self");
        }
        let mut purity = Purity::Pure;
        for node in syntax::own_nodes(body) {
            purity = purity.min(match node.kind() {
                "call" => self.of_call_at(one.file, node, depth),
                "global_statement" | "nonlocal_statement" | "yield" | "await" => Purity::Effects,
                // What may be called in order to fail.
                "raise_statement" | "assert_statement" | "with_statement" => Purity::Unknown,
                "attribute" | "subscript" if is_changed(node) => {
                    let is_own = syntax::root(node, source).is_some_and(|root| own.contains(root));
                    if is_own { Purity::Pure } else { Purity::Effects }
                }
                _ => Purity::Pure,
            });
        }
        purity
    }
}

/// True for `a.b` and `a[b]` that are given a value or deleted.
pub(crate) fn is_changed(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    let is_left = parent.child_by_field_name("left").is_some_and(|left| left.id() == node.id());
    match parent.kind() {
        "assignment" | "augmented_assignment" | "for_statement" => is_left,
        "pattern_list" | "tuple_pattern" => syntax::is_store(node),
        "delete_statement" => true,
        _ => false,
    }
}

/// The values that a function makes itself: nobody else has them, whatever is done to them.
fn values_of_own<'s>(function: Node<'_>, source: &'s [u8]) -> BTreeSet<&'s str> {
    let mut made = BTreeSet::new();
    let mut other = BTreeSet::new();
    for node in syntax::own_nodes(function) {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            continue;
        };
        if node.kind() != "assignment" || left.kind() != "identifier" {
            continue;
        }
        let list = if is_made(right, source) { &mut made } else { &mut other };
        list.insert(syntax::text(left, source));
    }
    let parameters: BTreeSet<&str> = function
        .child_by_field_name("parameters")
        .map(|parameters| syntax::nodes(parameters).map(|one| syntax::text(one, source)).collect())
        .unwrap_or_default();
    &(&made - &other) - &parameters
}

/// A new container or text.
fn is_made(value: Node<'_>, source: &[u8]) -> bool {
    let is_constructor = || {
        let name = syntax::callee(value, source).map_or("", |(name, _)| name);
        ["list", "dict", "set", "bytearray", "Counter", "defaultdict", "sorted", "deepcopy"].contains(&name)
            || syntax::callee(value, source).is_some_and(|(_, object)| object == Some("hashlib"))
    };
    match value.kind() {
        "list"
        | "dictionary"
        | "set"
        | "list_comprehension"
        | "dictionary_comprehension"
        | "set_comprehension"
        | "string"
        | "binary_operator" => true,
        "call" => is_constructor(),
        _ => false,
    }
}

/// `found.append(…)`, where the function around it made `found`.
fn is_of_own_value(call: Node<'_>, source: &[u8]) -> bool {
    let object = call.child_by_field_name("function").and_then(|one| one.child_by_field_name("object"));
    let root = object.and_then(|object| syntax::root(object, source));
    let function = syntax::around(call, &["function_definition"]);
    match (root, function) {
        (Some(root), Some(function)) => values_of_own(function, source).contains(root),
        _ => false,
    }
}

/// `NAMES.get(…)` of a dictionary that is written down in the module.
fn is_table(call: Node<'_>, object: &str, source: &[u8]) -> bool {
    let mut top = call;
    while let Some(outer) = top.parent() {
        top = outer;
    }
    let statements = top.named_children(&mut top.walk()).collect::<Vec<_>>().into_iter();
    let mut values = statements
        .filter_map(|statement| statement.named_child(0).filter(|one| one.kind() == "assignment"))
        .filter(|one| {
            one.child_by_field_name("left").is_some_and(|left| syntax::text(left, source) == object)
        })
        .map(|one| one.child_by_field_name("right").is_some_and(|right| right.kind() == "dictionary"))
        .peekable();
    values.peek().is_some() && values.all(|is_dictionary| is_dictionary)
}

fn first_word(name: &str) -> &str {
    name.trim_start_matches('_').split('_').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_code::inventory::tests::inventory;

    /// The purity of the last call of a file.
    fn check(text: &str, expected: Purity) {
        let inventory = inventory(&[("a.py", text)]);
        let calls = syntax::nodes(inventory.files[0].tree.root_node());
        let last = calls.filter(|node| node.kind() == "call").max_by_key(|call| call.start_byte()).unwrap();
        assert_eq!(Purities::new(&inventory).of_call(0, last), expected, "{text}");
    }

    #[test]
    fn calls_are_what_they_reach() {
        use Purity::{ByName, Effects, Pure, Unknown};
        check("json.dumps(x)", Pure);
        check("json.dump(x, f)", Unknown);
        check("sorted(x)", Pure);
        check("', '.join(x)", Pure);
        check("photo.to_dict()", ByName);
        check("photo.save()", Effects);
        check("log_feed(x)", Effects);
        check("settle(x)", Unknown);
        check("requests.get(x)", Unknown);
        check("def f(x):\n  y = []\n  for z in x: y.append(z * 2)\n  y[0] = 1\n  return y\nf(1)", Pure);
        check("def f(x):\n  x.append(1)\nf(1)", Effects);
        check("def f(x):\n  x[0] = 1\nf(1)", Effects);
        check("def f(x):\n  return g(x)\ndef g(x):\n  return f(x) + 1\nf(1)", Pure);
        check("def f(x):\n  return g(x)\ndef g(x):\n  print(x)\nf(1)", Effects);
        check("def f(x):\n  if not x: raise E\n  return x\nf(1)", Unknown);
        check("@task\ndef f(x): return x\nf(1)", Unknown);
        check("def f(x):\n  global y\n  y = x\nf(1)", Effects);
        check("def f(x):\n  yield x\nf(1)", Effects);
        check("T = {'a': 1}\ndef f(x): return T.get(x)\nf(1)", Pure);
        check("T = make()\ndef f(x): return T.get(x)\nf(1)", Unknown);
        check("class A:\n  def __init__(self, x): self.x = x\nA(1)", Pure);
        check("class A:\n  def __init__(self, x): x.y = self\nA(1)", Effects);
        check("class A(B): pass\nA(1)", Unknown);
        check("class A:\n  def rows(self): return sorted(self.x)\na.rows()", ByName);
        check("class A:\n  def rows(self): self.x = 1\na.rows()", Effects);
    }

    #[test]
    fn the_lists_are_in_order() {
        assert!(BUILTINS.is_sorted() && MODULES.is_sorted() && METHODS.is_sorted());
        assert!(SERIALIZERS.is_sorted() && VERBS.is_sorted() && CHANGES.is_sorted());
    }
}
