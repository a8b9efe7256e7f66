//! Work whose result is dropped: a value that nothing takes, a variable that is not read again, or that only code reads
//! which never runs.

use tree_sitter::Node;

use super::{Region, Wasted, Why};
use crate::dead_code::{
    inventory::Inventory,
    purity::{Purities, Purity},
    syntax,
};

/// Calls that read variables without naming them.
const READS_ALL: [&str; 5] = ["eval", "exec", "globals", "locals", "vars"];

/// Parts of the names of contexts that take failures.
const CATCHING: [&str; 4] = ["catch", "raises", "suppress", "warns"];

/// What is known of places beside the source.
pub(crate) struct Known<'a> {
    /// The flag whose value keeps this place of a file from running.
    pub(crate) decided: &'a dyn Fn(usize, usize) -> Option<String>,
    /// Functions that never ran.
    pub(crate) never_ran: &'a dyn Fn(usize) -> bool,
}

/// Why nobody reads a value.
enum Reason {
    Discarded,
    NeverRead,
    Overwritten,
    Flag(String),
    NeverRan(String),
}

/// Finds them in all functions but those of tests and those that never ran.
pub(crate) fn find(inventory: &Inventory, known: &Known) -> Vec<Wasted> {
    let mut purities = Purities::new(inventory);
    let mut found = Vec::new();
    for function in 0..inventory.functions.len() {
        let is_test = inventory.file_of(function).is_none_or(|file| file.is_test);
        if !is_test && !(known.never_ran)(function) {
            let one = Function { inventory, known, at: function };
            found.extend(one.find(&mut purities));
        }
    }
    found
}

struct Function<'a> {
    inventory: &'a Inventory,
    known: &'a Known<'a>,
    at: usize,
}

impl Function<'_> {
    fn find(&self, purities: &mut Purities) -> Vec<Wasted> {
        let Some((node, source)) = self.inventory.node_of(self.at) else { return Vec::new() };
        let inside = syntax::own_nodes(node);
        let calls = inside.iter().filter(|node| node.kind() == "call");
        let mut names = calls.filter_map(|call| syntax::callee(*call, source)).map(|(name, _)| name);
        if names.any(|name| READS_ALL.contains(&name)) {
            return Vec::new();
        }
        let statements = inside.iter().filter(|node| node.kind() == "expression_statement");
        statements.filter_map(|statement| self.statement(node, *statement, purities)).collect()
    }

    fn statement(&self, function: Node<'_>, statement: Node<'_>, purities: &mut Purities) -> Option<Wasted> {
        let one = self.inventory.functions.get(self.at)?;
        let source = &self.inventory.files.get(one.file)?.text;
        let expression = statement.named_child(0).filter(|_| statement.named_child_count() == 1)?;
        let (variable, value) = match expression.kind() {
            "assignment" => {
                let left =
                    expression.child_by_field_name("left").filter(|left| left.kind() == "identifier")?;
                (Some(syntax::text(left, source)), expression.child_by_field_name("right")?)
            }
            "augmented_assignment" | "await" | "yield" | "string" | "named_expression" => return None,
            _ => (None, expression),
        };
        let is_call = |node: &Node| node.kind() == "call";
        if value.kind() == "assignment" || !syntax::own_nodes(value).iter().any(is_call) {
            return None;
        }
        let purity = purities.of_expression(one.file, value);
        let reason = match variable {
            None => {
                (purity >= Purity::ByName && !is_tried(statement, source)).then_some(Reason::Discarded)?
            }
            Some(_) if purity == Purity::Effects => return None,
            Some(variable) => self.unread((function, statement), variable, source)?,
        };
        let what = match value.kind() {
            "call" => format!("`{}`", syntax::callee(value, source)?.0),
            _ => "the value".to_owned(),
        };
        let flag = if let Reason::Flag(flag) = &reason { flag.clone() } else { String::new() };
        let is_guess = purity < Purity::Pure;
        let doubt = match purity {
            Purity::ByName => "; that it does nothing else is guessed from its name",
            Purity::Unknown => "; that it does nothing else is a guess",
            _ => "",
        };
        let lines = syntax::lines(statement);
        Some(Wasted {
            why: Why::Unused,
            name: one.name.clone(),
            path: self.inventory.path_of(self.at).to_owned(),
            line: lines.0,
            regions: vec![Region {
                path: self.inventory.path_of(self.at).to_owned(),
                lines,
                ..Region::default()
            }],
            evidence: format!("{}{doubt}", reason.said(&what, variable.unwrap_or_default())),
            is_guess,
            flag,
            bytes: 0,
            functions: 0,
        })
    }

    fn unread(
        &self,
        (function, statement): (Node<'_>, Node<'_>),
        variable: &str,
        source: &[u8],
    ) -> Option<Reason> {
        if variable.starts_with('_') || !syntax::own_names(function, source).contains(variable) {
            return None;
        }
        let again =
            (!is_tried(statement, source)).then(|| given_again(statement, variable, source)).flatten();
        let around = syntax::around(statement, &["for_statement", "while_statement", "function_definition"]);
        let round = around.filter(|node| node.kind() != "function_definition");
        let is_behind = |read: &Node| {
            let is_later = read.start_byte() >= statement.end_byte();
            match again {
                Some(again) => is_later && read.start_byte() < again.end_byte(),
                None => is_later || round.is_some_and(|round| syntax::is_within(*read, round)),
            }
        };
        let in_other = |read: &Node| {
            syntax::around(*read, &["function_definition", "lambda", "class_definition"])
                .is_some_and(|inner| inner.id() != function.id())
        };
        let reads: Vec<Node> = syntax::nodes(function)
            .filter(|node| node.kind() == "identifier" && syntax::text(*node, source) == variable)
            .filter(|node| !syntax::is_store(*node) && !is_label(*node))
            .filter(|read| is_behind(read) || in_other(read))
            .collect();
        if reads.is_empty() {
            return Some(if again.is_some() { Reason::Overwritten } else { Reason::NeverRead });
        }
        let file = self.inventory.functions.get(self.at)?.file;
        let flags: Option<Vec<String>> =
            reads.iter().map(|read| (self.known.decided)(file, read.start_byte())).collect();
        if let Some(flag) = flags.and_then(|flags| flags.into_iter().next()) {
            return Some(Reason::Flag(flag));
        }
        let readers: Option<Vec<String>> = reads.iter().map(|read| self.dead_reader(file, *read)).collect();
        readers.and_then(|readers| readers.into_iter().next()).map(Reason::NeverRan)
    }

    /// A function that takes what is read, and never ran.
    fn dead_reader(&self, file: usize, read: Node<'_>) -> Option<String> {
        let arguments = syntax::around(read, &["argument_list", "function_definition"])?;
        let call = arguments.parent().filter(|call| call.kind() == "call")?;
        let function = self.inventory.called(file, call).filter(|at| (self.known.never_ran)(*at))?;
        self.inventory.functions.get(function).map(|one| one.name.clone())
    }
}

impl Reason {
    fn said(&self, what: &str, variable: &str) -> String {
        match self {
            Self::Discarded => format!("what {what} returns is dropped"),
            Self::NeverRead => format!("`{variable}` is made by {what} and never read"),
            Self::Overwritten => {
                format!("`{variable}` is made by {what} and given another value before it is read")
            }
            Self::Flag(flag) => {
                format!(
                    "`{variable}` is made by {what} and read only where the flag {flag} keeps code from running"
                )
            }
            Self::NeverRan(reader) => {
                format!("`{variable}` is made by {what} and read only by `{reader}`, which never ran")
            }
        }
    }
}

/// True where a failure may be what is wanted.
fn is_tried(statement: Node<'_>, source: &[u8]) -> bool {
    let mut next = statement.parent();
    while let Some(outer) = next.filter(|outer| outer.kind() != "function_definition") {
        let catches = || {
            let items = syntax::nodes(outer).take_while(|node| node.kind() != "block");
            let calls = items.filter(|node| node.kind() == "call");
            let mut names =
                calls.filter_map(|call| syntax::callee(call, source)).map(|(name, _)| name.to_lowercase());
            names.any(|name| CATCHING.iter().any(|word| name.contains(word)))
        };
        match outer.kind() {
            "try_statement" => return true,
            "with_statement" if catches() => return true,
            _ => next = outer.parent(),
        }
    }
    false
}

/// The next statement of the same block that gives the variable another value, come what may.
fn given_again<'t>(statement: Node<'t>, variable: &str, source: &[u8]) -> Option<Node<'t>> {
    let mut next = statement.next_named_sibling();
    while let Some(sibling) = next {
        let assignment = sibling.named_child(0).filter(|one| one.kind() == "assignment");
        let left = assignment.and_then(|assignment| assignment.child_by_field_name("left"));
        if left.is_some_and(|left| syntax::text(left, source) == variable) {
            return Some(sibling);
        }
        next = sibling.next_named_sibling();
    }
    None
}

/// The last part of `a.b`, and the name of an argument: no variables.
fn is_label(identifier: Node<'_>) -> bool {
    identifier.parent().is_some_and(|parent| {
        let is_field =
            |name: &str| parent.child_by_field_name(name).is_some_and(|one| one.id() == identifier.id());
        parent.kind() == "attribute" && is_field("attribute")
            || parent.kind() == "keyword_argument" && is_field("name")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_code::{guards, inventory::tests::inventory};

    /// Line, evidence and `?` for a guess of all that is found; the flag `old` is off, and `never` never ran.
    fn check(text: &str, expected: &[&str]) {
        let inventory = inventory(&[("a.py", text)]);
        let guards = guards::find(&inventory, &["old".to_owned()].into());
        let decided = |file: usize, byte: usize| {
            guards.of_place(file, byte).filter(|(_, on)| *on).map(|(flag, _)| flag)
        };
        let never_ran = |at: usize| inventory.functions[at].name == "never";
        let found = find(&inventory, &Known { decided: &decided, never_ran: &never_ran });
        let found: Vec<String> = found
            .iter()
            .map(|one| format!("{}{} {}", one.line, if one.is_guess { "?" } else { "" }, one.evidence))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn what_is_dropped_is_found() {
        check("def f(x):\n  json.dumps(x)\n", &["2 what `dumps` returns is dropped"]);
        check("def f(x):\n  with timed('a'):\n    json.dumps(x)\n", &["3 what `dumps` returns is dropped"]);
        check(
            "def f(x):\n  text = json.dumps(x)\n  return x\n",
            &["2 `text` is made by `dumps` and never read"],
        );
        check(
            "def f(x):\n  text = json.dumps(x)\n  text = str(x)\n  return text\n",
            &["2 `text` is made by `dumps` and given another value before it is read"],
        );
        check(
            "def f(x):\n  scores = rank(x)\n  if is_enabled('old'):\n    g(scores)\ndef rank(x): return sorted(x)\n",
            &["2 `scores` is made by `rank` and read only where the flag old keeps code from running"],
        );
        check(
            "def f(x):\n  scores = rank(x)\n  if not x.ready:\n    return 1\n  return never(scores)\ndef never(x): \
             json.dumps(x)\n",
            &[
                "2? `scores` is made by `rank` and read only by `never`, which never ran; that it does nothing else is a \
               guess",
            ],
        );
        check(
            "def f(x):\n  x.to_json()\n",
            &["2? what `to_json` returns is dropped; that it does nothing else is guessed from its name"],
        );
    }

    #[test]
    fn work_is_followed_through_functions_and_classes() {
        check(
            "def badge(x):\n  with stats.timed('a'):\n    earned = points(x)\n  if not settings.BADGES:\n    return None\n  \
             return never(earned)\ndef points(x):\n  earned = 0.0\n  for hour in range(9):\n    earned += x * hour / 7\n  \
             return earned\ndef never(x): pass\n",
            &["3 `earned` is made by `points` and read only by `never`, which never ran"],
        );
        check(
            "class Trail:\n  def __init__(self, x):\n    self.x = x\n  def entries(self):\n    return [{'a': y['a']} for y in \
             self.x]\n  def as_dict(self):\n    return {'x': self.x, 'entries': self.entries()}\ndef note(x):\n  with \
             stats.timed('a'):\n    json.dumps(Trail(x).as_dict(), indent=2)\n  shown[x] += 1\n",
            &["10? what `dumps` returns is dropped; that it does nothing else is guessed from its name"],
        );
        check(
            "def tray(x):\n  ranked = candidates(x)\n  if client.get_boolean_value('old', False, flags.member(x)):\n    return \
             arranged(ranked)\n  return []\ndef candidates(x):\n  sounds = [letters(y['c']) for y in x[:9]]\n  return [y for _, y \
             in sorted(zip(sounds, x), key=lambda pair: pair[0])]\ndef letters(t):\n  return {t[at:at + 3] for at in \
             range(len(t) - 2)}\n",
            &["2 `ranked` is made by `candidates` and read only where the flag old keeps code from running"],
        );
        check(
            "def grouped(x):\n  groups = facets(x)\n  return x\ndef facets(x):\n  counts = Counter()\n  for y in x:\n    \
             counts.update(' '.join(z) for z in itertools.combinations(y, 2))\n  return counts.most_common(10)\n",
            &["2 `groups` is made by `facets` and never read"],
        );
    }

    #[test]
    fn what_may_be_wanted_is_not() {
        for text in [
            "def f(x):\n  x.save()\n",
            "def f(x):\n  found = []\n  found.append(x)\n  return found\n",
            "def f(x):\n  found = sorted(x)\n  last = found.pop()\n  return found\n",
            "def f(x):\n  y = x.save()\n",
            "def f(x):\n  settle(x)\n",
            "def f(x):\n  try:\n    json.loads(x)\n  except E: return 1\n",
            "def f(x):\n  with raises(E):\n    json.loads(x)\n",
            "def f(x):\n  text = json.dumps(x)\n  return lambda: text\n",
            "def f(x):\n  text = json.dumps(x)\n  def g(): return text\n  return g\n",
            "def f(x):\n  for y in x:\n    if y: z(text)\n    text = json.dumps(y)\n",
            "def f(x):\n  text = json.dumps(x)\n  return locals()\n",
            "def f(x):\n  global text\n  text = json.dumps(x)\n",
            "def f(x):\n  text = json.dumps(x)\n  if x: text = 1\n  return text\n",
            "def f(x):\n  text = json.dumps(x)\n  text += 'a'\n",
            "def f(x):\n  n = 0\n  _ = json.dumps(x)\n",
            "def f(x):\n  scores = rank(x)\n  if is_enabled('old'):\n    g(scores)\n  h(scores)\n",
            "def f(x):\n  scores = rank(x)\n  h(never(1), scores)\ndef never(x): pass\n",
        ] {
            check(text, &[]);
        }
    }
}
