//! Code that stands behind feature flags: branches on a flag's value, and functions that only such branches call.
//!
//! A call asks for a flag when the flag's key is among its arguments, written down or as a constant, and its name is one
//! that asks for flags. A function that returns what such a call says is asked instead of it; a variable with its value
//! is too.

mod keys;

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::{
    inventory::{Inventory, ReferenceKind},
    syntax,
};

pub(crate) use keys::keys;
use keys::{constant, constants, is_asking, value_of};

/// Functions that are gone through again to find those that stand behind a flag.
const ROUNDS_MAX: usize = 20;

/// A branch that runs only with a flag on, or off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arm {
    /// The flag's key.
    pub(crate) flag: String,
    /// Whether it has to be on.
    pub(crate) on: bool,
    /// The file, in [`Inventory::files`].
    pub(crate) file: usize,
    /// Where it stands.
    pub(crate) bytes: std::ops::Range<usize>,
}

/// A place that asks for a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// The flag's key.
    pub(crate) flag: String,
    /// The file, in [`Inventory::files`].
    pub(crate) file: usize,
    /// Its lines.
    pub(crate) lines: (u32, u32),
    /// What is called.
    pub(crate) callee: String,
}

/// A condition, or a part of one, that is what a flag says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// The flag's key.
    pub(crate) flag: String,
    /// Whether it is on when this is true.
    pub(crate) on: bool,
    /// The file, in [`Inventory::files`].
    pub(crate) file: usize,
    /// Its line, and the bytes before it in that.
    pub(crate) place: (u32, u32),
}

/// What stands behind flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guards {
    /// Branches, in order.
    pub(crate) arms: Vec<Arm>,
    /// Who asks, in order.
    pub(crate) checks: Vec<Check>,
    /// What is asked of them, in order.
    pub(crate) conditions: Vec<Condition>,
}

/// A flag and whether it is on.
pub(crate) type Guard = (String, bool);

/// What a condition says of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    flag: String,
    on: bool,
    /// True when nothing else decides.
    is_all: bool,
}

/// Finds what stands behind these flags.
pub(crate) fn find(inventory: &Inventory, flags: &BTreeSet<String>) -> Guards {
    let mut asked = Asked {
        inventory,
        flags,
        constants: constants(inventory, &|key| flags.contains(key)),
        wrappers: BTreeMap::new(),
    };
    asked.find_wrappers();
    let mut guards = Guards::default();
    for (at, file) in inventory.files.iter().enumerate().filter(|(_, file)| !file.is_test) {
        for node in syntax::nodes(file.tree.root_node()) {
            if let Some(condition) = condition_of(node) {
                asked.add_conditions(at, condition, &mut guards.conditions);
            }
            match node.kind() {
                "if_statement" => guards.arms.extend(asked.arms_of_if(at, node)),
                "conditional_expression" => guards.arms.extend(asked.arms_of_expression(at, node)),
                "call" => guards.checks.extend(asked.check(at, node)),
                _ => {}
            }
        }
    }
    guards
}

impl Guards {
    /// The flag that a place stands behind: the innermost.
    pub(crate) fn of_place(&self, file: usize, byte: usize) -> Option<Guard> {
        let around = self.arms.iter().filter(|arm| arm.file == file && arm.bytes.contains(&byte));
        let innermost = around.min_by_key(|arm| arm.bytes.len())?;
        Some((innermost.flag.clone(), innermost.on))
    }

    /// Functions whose every caller stands behind one flag, or is such a function; tests do not count.
    pub(crate) fn functions(&self, inventory: &Inventory) -> BTreeMap<usize, Guard> {
        let mut guarded: BTreeMap<usize, Guard> = BTreeMap::new();
        for _ in 0..ROUNDS_MAX {
            let before = guarded.len();
            for function in 0..inventory.functions.len() {
                if !guarded.contains_key(&function)
                    && let Some(guard) = self.of_callers(inventory, function, &guarded)
                {
                    guarded.insert(function, guard);
                }
            }
            if guarded.len() == before {
                break;
            }
        }
        guarded
    }

    fn of_callers(
        &self,
        inventory: &Inventory,
        function: usize,
        guarded: &BTreeMap<usize, Guard>,
    ) -> Option<Guard> {
        let references = super::classes::references(inventory, function);
        let mut callers = references.iter().filter(|one| one.kind != ReferenceKind::Import);
        let guard_of = |(file, byte): (usize, usize), from: Option<usize>| {
            self.of_place(file, byte).or_else(|| guarded.get(&from?).cloned())
        };
        let first = callers.next()?;
        let guard = guard_of(first.at?, first.from)?;
        callers
            .all(|one| one.at.and_then(|at| guard_of(at, one.from)).as_ref() == Some(&guard))
            .then_some(guard)
    }
}

/// Who asks for flags in a folder.
struct Asked<'a> {
    inventory: &'a Inventory,
    flags: &'a BTreeSet<String>,
    /// Constants whose value is a flag's key, by file and name.
    constants: BTreeMap<(usize, String), String>,
    /// Functions that return what a flag says.
    wrappers: BTreeMap<usize, (String, bool)>,
}

impl Asked<'_> {
    fn find_wrappers(&mut self) {
        for function in 0..self.inventory.functions.len() {
            let Some(one) = self.inventory.functions.get(function) else { continue };
            let Some((node, _)) = self.inventory.node_of(function) else { continue };
            let inside = syntax::own_nodes(node);
            let flags: BTreeSet<String> =
                inside.iter().filter_map(|node| self.direct(one.file, *node)).collect();
            let mut returns = inside.iter().filter(|node| node.kind() == "return_statement").peekable();
            if flags.len() != 1 || returns.peek().is_none() {
                continue;
            }
            let said: Option<Vec<Said>> = returns
                .map(|one_return| self.said(one.file, one_return.named_child(0)?).filter(|said| said.is_all))
                .collect();
            if let Some([first, rest @ ..]) = said.as_deref()
                && rest.iter().all(|other| other == first)
            {
                self.wrappers.insert(function, (first.flag.clone(), first.on));
            }
        }
    }

    /// The key of the flag that a call asks for.
    fn direct(&self, file: usize, call: Node<'_>) -> Option<String> {
        let source = &self.inventory.files.get(file)?.text;
        if call.kind() != "call" {
            return None;
        }
        let (name, _) = syntax::callee(call, source)?;
        if !is_asking(name) {
            return None;
        }
        let arguments = call.child_by_field_name("arguments")?;
        let mut keys = arguments.named_children(&mut arguments.walk()).collect::<Vec<_>>().into_iter();
        keys.find_map(|argument| self.key(file, argument))
    }

    fn key(&self, file: usize, argument: Node<'_>) -> Option<String> {
        let source = &self.inventory.files.get(file)?.text;
        let argument = value_of(argument);
        if let Some(literal) = syntax::literal(argument, source) {
            return self.flags.get(literal).cloned();
        }
        let name = syntax::text(argument, source);
        let own = name.rsplit('.').next().unwrap_or(name).to_owned();
        self.constants.get(&(file, own)).cloned().or_else(|| constant(&self.constants, name))
    }

    /// The parts of a condition that are each asked by themselves.
    fn add_conditions(&self, file: usize, expression: Node<'_>, found: &mut Vec<Condition>) {
        let parts: &[&str] = match expression.kind() {
            "parenthesized_expression" => {
                let inner = expression.named_child(0);
                return inner.into_iter().for_each(|inner| self.add_conditions(file, inner, found));
            }
            "not_operator" => &["argument"],
            "boolean_operator" => &["left", "right"],
            _ => {
                let said = self.said(file, expression).filter(|said| said.is_all);
                let place = expression.start_position();
                found.extend(said.map(|said| Condition {
                    flag: said.flag,
                    on: said.on,
                    file,
                    place: (place.row as u32 + 1, place.column as u32),
                }));
                return;
            }
        };
        for part in parts.iter().filter_map(|part| expression.child_by_field_name(part)) {
            self.add_conditions(file, part, found);
        }
    }

    /// What an expression says of a flag.
    fn said(&self, file: usize, expression: Node<'_>) -> Option<Said> {
        let source = &self.inventory.files.get(file)?.text;
        match expression.kind() {
            "parenthesized_expression" => self.said(file, expression.named_child(0)?),
            "not_operator" => {
                let said = self.said(file, expression.child_by_field_name("argument")?)?;
                said.is_all.then_some(Said { on: !said.on, ..said })
            }
            "boolean_operator" => {
                let is_and = expression.child_by_field_name("operator")?.kind() == "and";
                let sides =
                    ["left", "right"].into_iter().filter_map(|side| expression.child_by_field_name(side));
                let said = sides.filter(|_| is_and).find_map(|side| self.said(file, side))?;
                Some(Said { is_all: false, ..said })
            }
            "identifier" => self.said_by_variable(file, expression),
            "call" => {
                if let Some(flag) = self.direct(file, expression) {
                    return Some(Said { flag, on: true, is_all: true });
                }
                if syntax::callee(expression, source) == Some(("bool", None)) {
                    let arguments = expression.child_by_field_name("arguments")?;
                    return self.said(file, arguments.named_child(0)?);
                }
                let (flag, on) = self.wrappers.get(&self.inventory.called(file, expression)?)?.clone();
                Some(Said { flag, on, is_all: true })
            }
            _ => None,
        }
    }

    /// A variable that was given its value once, by asking.
    fn said_by_variable(&self, file: usize, variable: Node<'_>) -> Option<Said> {
        let source = &self.inventory.files.get(file)?.text;
        let name = syntax::text(variable, source);
        let function = syntax::around(variable, &["function_definition"])?;
        let mut values = syntax::own_nodes(function).into_iter().filter(|node| {
            node.kind() == "identifier" && syntax::text(*node, source) == name && syntax::is_store(*node)
        });
        let only = values.next().filter(|_| values.next().is_none())?;
        let assignment = only.parent().filter(|parent| parent.kind() == "assignment")?;
        let value = assignment.child_by_field_name("right")?;
        // A variable that is another one is not followed: names could go round in circles.
        if value.kind() == "identifier" { None } else { self.said(file, value) }
    }

    fn arms_of_if(&self, file: usize, statement: Node<'_>) -> Vec<Arm> {
        let field = |name: &str| statement.child_by_field_name(name);
        let (Some(condition), Some(body)) = (field("condition"), field("consequence")) else {
            return Vec::new();
        };
        let Some(said) = self.said(file, condition) else { return Vec::new() };
        let mut arms = vec![said.arm(file, said.on, body.byte_range())];
        if !said.is_all {
            return arms;
        }
        let alternatives: Vec<Node> =
            statement.children_by_field_name("alternative", &mut statement.walk()).collect();
        let is_leaving = body.named_children(&mut body.walk()).last().is_some_and(|last| {
            matches!(
                last.kind(),
                "return_statement" | "raise_statement" | "continue_statement" | "break_statement"
            )
        });
        arms.extend(alternatives.iter().map(|other| said.arm(file, !said.on, other.byte_range())));
        if let (true, true, Some(block)) = (alternatives.is_empty(), is_leaving, statement.parent()) {
            arms.push(said.arm(file, !said.on, statement.end_byte()..block.end_byte()));
        }
        arms
    }

    fn arms_of_expression(&self, file: usize, expression: Node<'_>) -> Vec<Arm> {
        let parts: Vec<Node> = expression.named_children(&mut expression.walk()).collect();
        let [body, condition, other] = parts[..] else { return Vec::new() };
        let Some(said) = self.said(file, condition) else { return Vec::new() };
        let mut arms = vec![said.arm(file, said.on, body.byte_range())];
        if said.is_all {
            arms.push(said.arm(file, !said.on, other.byte_range()));
        }
        arms
    }

    fn check(&self, file: usize, call: Node<'_>) -> Option<Check> {
        let source = &self.inventory.files.get(file)?.text;
        let around = self.inventory.function_at(file, call.start_byte());
        // What a wrapper asks is asked by whoever calls it.
        if around.is_some_and(|around| self.wrappers.contains_key(&around)) {
            return None;
        }
        let wrapped = || Some(self.wrappers.get(&self.inventory.called(file, call)?)?.0.clone());
        let flag = self.direct(file, call).or_else(wrapped)?;
        let callee = syntax::callee(call, source)?.0.to_owned();
        Some(Check { flag, file, lines: syntax::lines(call), callee })
    }
}

impl Said {
    fn arm(&self, file: usize, on: bool, bytes: std::ops::Range<usize>) -> Arm {
        Arm { flag: self.flag.clone(), on, file, bytes }
    }
}

/// What decides here which way is gone.
fn condition_of(node: Node<'_>) -> Option<Node<'_>> {
    match node.kind() {
        "if_statement" | "elif_clause" | "while_statement" => node.child_by_field_name("condition"),
        "conditional_expression" => node.named_child(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_code::inventory::tests::inventory;

    /// Each arm as its flag, whether it is on, and its first line without spaces around.
    fn arms(text: &str) -> Vec<String> {
        let inventory = inventory(&[("flags.py", FLAGS), ("a.py", text)]);
        let found = find(&inventory, &["new".to_owned(), "old".to_owned()].into());
        let shown = found.arms.iter().filter(|arm| arm.file == 1).map(|arm| {
            let code = text[arm.bytes.clone()].trim().lines().next().unwrap_or_default();
            format!("{} {}: {code}", arm.flag, if arm.on { "on" } else { "off" })
        });
        shown.collect()
    }

    const FLAGS: &str = "KEY = 'new'\ndef new(member):\n  active = bool(client.get_boolean_value(KEY, False))\n  note(active)\n  \
                         return active\n";

    #[test]
    fn branches_know_their_flags() {
        let cases: [(&str, &[&str]); 9] = [
            ("if waffle.flag_is_active(request, 'old'):\n  a()\n", &["old on: a()"]),
            (
                "if not flag_is_active(request, 'old'):\n  a()\nelse:\n  b()\n",
                &["old off: a()", "old on: else:"],
            ),
            (
                "def f():\n  if flags.new(1):\n    return a()\n  b()\n",
                &["new on: return a()", "new off: b()"],
            ),
            ("x = a if flags.new(1) else b\n", &["new on: a", "new off: b"]),
            ("if flags.new(1) and x:\n  a()\nelse:\n  b()\n", &["new on: a()"]),
            ("if flags.new(1) or x:\n  a()\n", &[]),
            (
                "def f():\n  on = client.get_boolean_value(flags.KEY, False)\n  if on:\n    a()\n",
                &["new on: a()"],
            ),
            ("def f():\n  on = flags.new(1)\n  on = True\n  if on:\n    a()\n", &[]),
            ("if is_enabled('unknown'):\n  a()\nif print('old'):\n  b()\n", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(arms(text), expected, "{text}");
        }
    }

    #[test]
    fn conditions_are_known_by_their_places() {
        let text = "def f():\n  on = flags.new(1)\n  if x and not (on):\n    a()\n  elif is_enabled('old'):\n    b()\n  while \
                    bool(flags.new(2)): c()\n  return d if is_enabled('old') == 1 else e if is_enabled('old') else g\n";
        let inventory = inventory(&[("flags.py", FLAGS), ("a.py", text)]);
        let guards = find(&inventory, &["new".to_owned(), "old".to_owned()].into());
        let found: Vec<(&str, bool, (u32, u32))> =
            guards.conditions.iter().map(|one| (one.flag.as_str(), one.on, one.place)).collect();
        assert_eq!(
            found,
            [("new", true, (3, 16)), ("old", true, (5, 7)), ("new", true, (7, 8)), ("old", true, (8, 47))]
        );
    }

    #[test]
    fn functions_that_only_guarded_code_calls_are_guarded() {
        let text = "def a(): b()\ndef b(): pass\ndef c(): pass\ndef d(): pass\ndef f():\n  if flags.new(1):\n    a()\n    \
                    c()\n  c()\n  if not flags.new(2):\n    d()\n";
        let inventory = inventory(&[("flags.py", FLAGS), ("a.py", text), ("test_a.py", "a()\n")]);
        let guards = find(&inventory, &["new".to_owned()].into());
        let found: Vec<(String, bool)> = guards
            .functions(&inventory)
            .into_iter()
            .map(|(at, (_, on))| (inventory.functions[at].name.clone(), on))
            .collect();
        assert_eq!(found, [("a".to_owned(), true), ("b".to_owned(), true), ("d".to_owned(), false)]);
        let checks: Vec<(u32, &str)> =
            guards.checks.iter().map(|check| (check.lines.0, check.callee.as_str())).collect();
        assert_eq!(checks, [(6, "new"), (10, "new")]);
    }
}
