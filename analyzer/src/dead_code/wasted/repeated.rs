//! The same work again within one request: a call in a loop that nothing in the loop changes, and a call that is written
//! twice with nothing changed between. How often something is called samples cannot say; what is found is in the source.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::{Region, Wasted, Why};
use crate::dead_code::{
    inventory::Inventory,
    purity::{Purities, Purity, is_changed},
    syntax,
};

/// Finds them in all functions but those of tests and those that never ran.
pub(crate) fn find(inventory: &Inventory, never_ran: &dyn Fn(usize) -> bool) -> Vec<Wasted> {
    let mut purities = Purities::new(inventory);
    let mut found = Vec::new();
    for function in 0..inventory.functions.len() {
        let is_test = inventory.file_of(function).is_none_or(|file| file.is_test);
        if let (false, false, Some((node, source))) =
            (is_test, never_ran(function), inventory.node_of(function))
        {
            let one = Function { inventory, at: function, node, source };
            found.extend(one.find(&mut purities));
        }
    }
    found
}

struct Function<'a> {
    inventory: &'a Inventory,
    at: usize,
    node: Node<'a>,
    source: &'a [u8],
}

impl Function<'_> {
    fn find(&self, purities: &mut Purities) -> Vec<Wasted> {
        let Some(file) = self.inventory.functions.get(self.at).map(|one| one.file) else { return Vec::new() };
        let calls = syntax::own_nodes(self.node).into_iter().filter(|node| node.kind() == "call");
        let calls: Vec<Node> = calls.filter(|call| self.is_work(file, *call)).collect();
        let pure: Vec<Node> =
            calls.into_iter().filter(|call| purities.of_call(file, *call) == Purity::Pure).collect();
        let mut found = Vec::new();
        for (at, call) in pure.iter().enumerate() {
            let again =
                pure.get(..at).unwrap_or_default().iter().find(|before| self.is_same(**before, *call));
            if let Some(round) = self.round(*call, purities) {
                found.push(
                    self.wasted(*call, &format!("does the same in each round of the loop in line {round}")),
                );
            } else if let Some(before) = again.filter(|_| self.is_unchanged(self.node, *call, purities)) {
                let line = syntax::lines(*before).0;
                found.push(self.wasted(*call, &format!("has the same arguments as in line {line}")));
            }
        }
        found
    }

    /// Calls that may be worth something: functions of the folder and of modules, not those of the language itself.
    fn is_work(&self, file: usize, call: Node<'_>) -> bool {
        let is_of_module = syntax::callee(call, self.source).is_some_and(|(_, object)| {
            object.is_some_and(|object| ["copy", "hashlib", "json", "pickle", "re", "zlib"].contains(&object))
        });
        is_of_module || self.inventory.called(file, call).is_some()
    }

    /// The line of the innermost loop around a call, when each round does the same.
    fn round(&self, call: Node<'_>, purities: &mut Purities) -> Option<u32> {
        let round = syntax::around(call, &["for_statement", "while_statement", "function_definition"])?;
        let body = round.child_by_field_name("body").filter(|body| syntax::is_within(call, *body))?;
        let is_loop = round.kind() != "function_definition";
        (is_loop && !is_last(call, body) && self.is_unchanged(round, call, purities))
            .then(|| syntax::lines(round).0)
    }

    fn is_same(&self, before: Node<'_>, call: Node<'_>) -> bool {
        before.end_byte() <= call.start_byte()
            && syntax::text(before, self.source) == syntax::text(call, self.source)
            // Branches of one condition never run both.
            && enclosing_blocks(call).contains(&enclosing_blocks(before).first().copied().unwrap_or_default())
    }

    /// True when nothing within changes what the call is about.
    fn is_unchanged(&self, within: Node<'_>, call: Node<'_>, purities: &mut Purities) -> bool {
        let about = self.variables(call);
        let file = self.inventory.functions.get(self.at).map_or(0, |one| one.file);
        let inside = syntax::own_nodes(within);
        let parameters = self.node.child_by_field_name("parameters");
        inside.into_iter().all(|node| match node.kind() {
            // A parameter has its value before.
            _ if parameters.is_some_and(|parameters| syntax::is_within(node, parameters)) => true,
            "identifier" => {
                let name = syntax::text(node, self.source);
                !about.contains(name) || !syntax::is_store(node) || self.is_before(node, call, within)
            }
            "attribute" | "subscript" if is_changed(node) => {
                !syntax::root(node, self.source).is_some_and(|root| about.contains(root))
            }
            "augmented_assignment" => {
                let left = node.child_by_field_name("left").and_then(|left| syntax::root(left, self.source));
                !left.is_some_and(|left| about.contains(left))
            }
            "await" | "yield" => about.is_empty(),
            "call" => self.passed(node).is_disjoint(&about) || purities.of_call(file, node) == Purity::Pure,
            _ => true,
        })
    }

    /// Of two calls in a row, what is given a value before both is the same for both.
    fn is_before(&self, store: Node<'_>, call: Node<'_>, within: Node<'_>) -> bool {
        let text = syntax::text(call, self.source);
        let is_whole = within.id() == self.node.id();
        let calls = syntax::own_nodes(self.node).into_iter().filter(|node| node.kind() == "call");
        let first =
            calls.filter(|node| syntax::text(*node, self.source) == text).map(|node| node.start_byte()).min();
        is_whole && first.is_some_and(|first| store.end_byte() <= first)
    }

    /// Variables that a call reads, without the names of what it calls.
    fn variables(&self, call: Node<'_>) -> BTreeSet<&str> {
        let own = syntax::own_names(self.node, self.source);
        let inside = syntax::nodes(call).filter(|node| node.kind() == "identifier");
        let names = inside.filter(|node| {
            let is_attribute = node.parent().is_some_and(|parent| {
                parent.kind() == "attribute"
                    && parent.child_by_field_name("attribute").is_some_and(|one| one.id() == node.id())
            });
            !is_attribute && !syntax::is_store(*node)
        });
        names.map(|node| syntax::text(node, self.source)).filter(|name| own.contains(name)).collect()
    }

    /// Variables that a call gets itself, not only calls within it.
    fn passed(&self, call: Node<'_>) -> BTreeSet<&str> {
        let mut passed = BTreeSet::new();
        let mut inside = syntax::nodes(call);
        while let Some(node) = inside.next() {
            match node.kind() {
                "call" if node.id() != call.id() => inside.skip_inside(),
                "identifier" => drop(passed.insert(syntax::text(node, self.source))),
                _ => {}
            }
        }
        passed
    }

    fn wasted(&self, call: Node<'_>, how: &str) -> Wasted {
        let name = self.inventory.functions.get(self.at).map(|one| one.name.clone()).unwrap_or_default();
        let callee = syntax::callee(call, self.source).map_or("", |(name, _)| name).to_owned();
        let path = self.inventory.path_of(self.at).to_owned();
        let lines = syntax::lines(call);
        Wasted {
            why: Why::Repeated,
            name,
            line: lines.0,
            evidence: format!(
                "`{callee}` {how}; how often samples cannot count, so that up to all of its CPU there is for nothing"
            ),
            regions: vec![Region { path: path.clone(), lines, callee, is_import: false }],
            path,
            is_guess: true,
            flag: String::new(),
            bytes: 0,
            functions: 0,
        }
    }
}

/// Blocks around a node, the innermost first, by where they begin.
fn enclosing_blocks(node: Node<'_>) -> Vec<usize> {
    let mut found = Vec::new();
    let mut next = syntax::around(node, &["block", "module"]);
    while let Some(block) = next {
        found.push(block.start_byte());
        next = syntax::around(block, &["block", "module"]);
    }
    found
}

/// True when the loop ends with the statement of the call: it has only one round of it.
fn is_last(call: Node<'_>, body: Node<'_>) -> bool {
    let leaving = ["return_statement", "raise_statement", "break_statement"];
    let is_left = |block: Node| {
        block.named_children(&mut block.walk()).any(|statement| leaving.contains(&statement.kind()))
    };
    let mut next = syntax::around(call, &["block"]);
    while let Some(block) = next.filter(|block| syntax::is_within(*block, body)) {
        if is_left(block) {
            return true;
        }
        next = syntax::around(block, &["block"]);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_code::inventory::tests::inventory;

    const LIMITS: &str = "def limits(x):\n  return json.loads(x)\ndef note(x):\n  KEPT.append(x)\n";

    fn check(text: &str, expected: &[&str]) {
        let inventory = inventory(&[("limits.py", LIMITS), ("a.py", text)]);
        let found = find(&inventory, &|_| false);
        let found: Vec<String> = found
            .iter()
            .map(|one| format!("{} {}", one.line, one.evidence.split(';').next().unwrap_or_default()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn what_does_the_same_again_is_found() {
        check(
            "def f(x, rows):\n  for row in rows:\n    g(row, limits(x))\n",
            &["3 `limits` does the same in each round of the loop in line 2"],
        );
        check(
            "def f(x):\n  y = str(x)\n  a = limits(y)\n  b = limits(y)\n  return a + b\n",
            &["4 `limits` has the same arguments as in line 3"],
        );
        check(
            "LAST = {'sv': 'x'}\ndef f(photos, language):\n  if language not in LAST:\n    language = str(language)\n  lines = \
             []\n  for photo in photos:\n    with stats.timed('a'):\n      table = collation(language)\n    key = \
             [table.get(one, 0) for one in photo['c'][:8]]\n    lines.append({'key': key})\n  return lines\ndef \
             collation(language):\n  last = LAST.get(language, '')\n  weights = {}\n  for code in range(9):\n    letter = \
             chr(code)\n    plain = unicodedata.normalize('NFKD', letter)[0].lower()\n    weights[letter] = ord(plain) + (9 if \
             letter in last else 0)\n  return weights\n",
            &["8 `collation` does the same in each round of the loop in line 6"],
        );
        check(
            "def f(rows):\n  while rows.pop():\n    json.loads(TEXT)\n",
            &["3 `loads` does the same in each round of the loop in line 2"],
        );
    }

    #[test]
    fn what_may_differ_is_not() {
        for text in [
            "def f(rows):\n  for row in rows:\n    limits(row)\n",
            "def f(x, rows):\n  for row in rows:\n    x = row\n    limits(x)\n",
            "def f(x, rows):\n  for row in rows:\n    x.append(row)\n    limits(x)\n",
            "def f(x, rows):\n  for row in rows:\n    x[0] = row\n    limits(x)\n",
            "def f(x, rows):\n  for row in rows:\n    note(x)\n    limits(x)\n",
            "def f(x, rows):\n  for row in rows:\n    if row:\n      return limits(x)\n",
            "def f(x, rows):\n  for row in rows:\n    len(x)\n    note(1)\n",
            "def f(x):\n  a = limits(x)\n  x = 2\n  b = limits(x)\n",
            "def f(x):\n  if x:\n    a = limits(x)\n  else:\n    b = limits(x)\n",
            "def f(x, rows):\n  for row in rows:\n    unknown(x)\n",
            "def f(rows):\n  left = list(rows)\n  while left:\n    limits(left.pop())\n",
        ] {
            check(text, &[]);
        }
    }
}
