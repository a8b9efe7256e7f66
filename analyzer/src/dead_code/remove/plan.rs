//! What goes with a function, and what stands against it.

use std::collections::{BTreeMap, BTreeSet};

use crate::dead_code::{
    classes,
    inventory::{Inventory, Reference, SourceFunction},
    syntax,
};

/// Places that a refusal lists.
const PLACES_SHOWN: usize = 10;

/// What was seen of functions of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Functions that did not run, by file and name, each with what says so.
    pub silent: BTreeMap<(String, String), String>,
    /// Functions that ran.
    pub alive: BTreeSet<(String, String)>,
}

/// Why nothing is removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such function.
    #[error(
        "there is no function {0} in the source; give its name, such as Feed.old or feed/views.py:Feed.old"
    )]
    NotFound(String),
    /// There are several.
    #[error("{name} is not one function: {}; give the file, such as FILE.py:{name}", places.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Which there are.
        places: Vec<String>,
    },
    /// It ran.
    #[error("{0} ran: it is not dead")]
    Alive(String),
    /// Nobody watched it.
    #[error("nothing is known of {0}: no process that was watched has it, under this name and file")]
    Unwatched(String),
    /// Something names it.
    #[error("{name} is named in {}{}", places.join(", "), more(*beyond))]
    Referenced {
        /// The function.
        name: String,
        /// Where, the first few.
        places: Vec<String>,
        /// How many more places.
        beyond: usize,
    },
    /// Where or how it stands is not safe.
    #[error("{name} {why}")]
    NotSafe {
        /// The function.
        name: String,
        /// Why.
        why: String,
    },
}

fn more(beyond: usize) -> String {
    if beyond > 0 { format!(" and {beyond} more places") } else { String::new() }
}

/// The function that is meant, among those of files in a folder (`feed/`, or empty for all).
pub(super) fn target(inventory: &Inventory, folder: &str, wanted: &str) -> Result<usize, Refusal> {
    let (path, name) = wanted.rsplit_once(':').unwrap_or(("", wanted));
    let all = (0..inventory.functions.len()).filter(|at| inventory.path_of(*at).starts_with(folder));
    let found: Vec<usize> = all
        .filter(|at| {
            let own = inventory.functions.get(*at).map_or("", |one| &one.name);
            let file = inventory.path_of(*at);
            let below = file.strip_prefix(folder).unwrap_or(file);
            let module = below.trim_end_matches(".py").replace('/', ".");
            let is_name = own == name
                || path.is_empty()
                    && format!("{module}.{own}").ends_with(&format!(".{name}"))
                    && name.len() > own.len()
                || path.is_empty() && format!("{module}.{own}") == name;
            is_name && (path.is_empty() || below == path || below.ends_with(&format!("/{path}")))
        })
        .collect();
    match found[..] {
        [] => Err(Refusal::NotFound(wanted.to_owned())),
        [only] => Ok(only),
        _ => Err(Refusal::Ambiguous {
            name: name.to_owned(),
            places: found.iter().take(PLACES_SHOWN).map(|at| place(inventory, *at)).collect(),
        }),
    }
}

/// The function with what only it needs: private functions of its file that did not run either. The first is the function.
pub(super) fn plan(
    inventory: &Inventory,
    target: usize,
    is_silent: &dyn Fn(usize) -> bool,
) -> Result<Vec<usize>, Refusal> {
    let Some(one) = inventory.functions.get(target) else { return Err(Refusal::NotFound(String::new())) };
    safe(inventory, one)?;
    let mut going = vec![target];
    against(inventory, target, &going)?;
    // Each helper may free another.
    loop {
        let helpers: Vec<usize> = inventory
            .file_of(target)
            .into_iter()
            .flat_map(|file| file.functions.clone())
            .filter(|at| !going.contains(at) && is_silent(*at) && is_helper(inventory, *at, &going))
            .collect();
        if helpers.is_empty() {
            return Ok(going);
        }
        going.extend(helpers);
    }
}

/// True for a private function that only those name that go.
fn is_helper(inventory: &Inventory, at: usize, going: &[usize]) -> bool {
    let Some(one) = inventory.functions.get(at) else { return false };
    let is_private = one.own_name().starts_with('_') && !one.own_name().starts_with("__");
    let is_named = !inventory.references(at).is_empty();
    is_private
        && is_named
        && safe(inventory, one).is_ok()
        && inventory.named(one.own_name()).len() == 1
        && against(inventory, at, going).is_ok()
}

/// Where and how a function may stand.
fn safe(inventory: &Inventory, one: &SourceFunction) -> Result<(), Refusal> {
    let refused = |why: String| Err(Refusal::NotSafe { name: one.name.clone(), why });
    if one.is_nested {
        return refused("stands in another function".to_owned());
    }
    let same = inventory.functions.iter().filter(|other| other.file == one.file && other.name == one.name);
    if same.count() > 1 {
        return refused("is defined more than once in its file".to_owned());
    }
    if let Some(decorator) = one.decorators.iter().find(|decorator| classes::is_registering(decorator)) {
        return refused(format!("is decorated with @{decorator}, which may tell others of it"));
    }
    if classes::is_entry_point(inventory, one) {
        return refused("may be called by a framework".to_owned());
    }
    if one.is_method && has_namesake(inventory, one) {
        return refused("may stand in for a method of the same name of another class".to_owned());
    }
    if !is_at_top(inventory, one) {
        return refused("is defined only under a condition".to_owned());
    }
    Ok(())
}

/// Another method of the same name, in classes that may be related.
fn has_namesake(inventory: &Inventory, one: &SourceFunction) -> bool {
    let others = inventory.named(one.own_name()).iter().filter_map(|at| inventory.functions.get(*at));
    others.filter(|other| other.is_method && other.name != one.name).count() > 0
}

/// True right in a module or in a class.
fn is_at_top(inventory: &Inventory, one: &SourceFunction) -> bool {
    let Some(file) = inventory.files.get(one.file) else { return false };
    let node = file.tree.root_node().descendant_for_byte_range(one.bytes.start, one.bytes.end);
    let outer = node.and_then(|node| {
        let kinds = [
            "module",
            "class_definition",
            "if_statement",
            "try_statement",
            "for_statement",
            "with_statement",
        ];
        syntax::around(node, &[&kinds[..], &["while_statement", "match_statement"]].concat())
    });
    outer.is_some_and(|outer| matches!(outer.kind(), "module" | "class_definition"))
}

/// Places that name a function, other than what goes with it. Tests count too: they would fail.
fn against(inventory: &Inventory, function: usize, going: &[usize]) -> Result<(), Refusal> {
    let goes = |reference: &&Reference| {
        let Some((file, byte)) = reference.at else { return false };
        let functions = going.iter().filter_map(|at| inventory.functions.get(*at));
        functions.into_iter().any(|one| one.file == file && one.bytes.contains(&byte))
    };
    let left: Vec<&Reference> =
        inventory.references(function).into_iter().filter(|reference| !goes(reference)).collect();
    if left.is_empty() {
        return Ok(());
    }
    let places = left.iter().take(PLACES_SHOWN).map(|one| format!("{}:{}", one.path, one.line)).collect();
    let name = inventory.functions.get(function).map(|one| one.name.clone()).unwrap_or_default();
    Err(Refusal::Referenced { name, places, beyond: left.len().saturating_sub(PLACES_SHOWN) })
}

fn place(inventory: &Inventory, function: usize) -> String {
    let line = inventory.functions.get(function).map_or(0, |one| one.first_line);
    format!("{}:{line}", inventory.path_of(function))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_code::inventory::tests::{at, inventory};

    /// Files, what is asked for, and what is said.
    type Case = (&'static [(&'static str, &'static str)], &'static str, &'static str);

    fn check(files: &[(&str, &str)], name: &str, expected: &str) {
        let inventory = inventory(files);
        let silent = |at: usize| inventory.functions[at].own_name() != "_used";
        let found = target(&inventory, "", name).and_then(|at| plan(&inventory, at, &silent));
        let found = found.map(|going| {
            let names = going.iter().map(|at| inventory.functions[*at].name.clone());
            names.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(found.unwrap_or_else(|refusal| refusal.to_string()), expected, "{name}");
    }

    #[test]
    fn what_goes_takes_its_helpers_with_it() {
        let text = "def old():\n  _key(1)\n  _used(2)\n  _shared()\n  public()\ndef _key(x): return _inner(x)\ndef _inner(x): \
                    pass\ndef _used(x): pass\ndef _shared(): pass\ndef public(): pass\n_shared()\n";
        check(&[("a.py", text)], "old", "old _key _inner");
        check(&[("a.py", text)], "a.old", "old _key _inner");
        check(&[("p/a.py", text)], "a.py:old", "old _key _inner");
    }

    #[test]
    fn what_is_not_safe_is_refused() {
        let cases: [Case; 12] = [
            (
                &[("a.py", "x = 1\n")],
                "old",
                "there is no function old in the source; give its name, such as Feed.old or feed/views.py:Feed.old",
            ),
            (
                &[("a.py", "def f(): pass\n"), ("b.py", "def f(): pass\n")],
                "f",
                "f is not one function: a.py:1, b.py:1; give the file, such as FILE.py:f",
            ),
            (&[("a.py", "def f():\n  def g(): pass\n")], "f.g", "f.g stands in another function"),
            (&[("a.py", "if x:\n  def f(): pass\n")], "f", "f is defined only under a condition"),
            (
                &[("a.py", "@app.task\ndef f(): pass\n")],
                "f",
                "f is decorated with @app.task, which may tell others of it",
            ),
            (
                &[("a.py", "class A(View):\n  def get(self): pass\n")],
                "A.get",
                "A.get may be called by a framework",
            ),
            (
                &[("a.py", "class A:\n  def f(self): pass\nclass B(A):\n  def f(self): pass\n")],
                "B.f",
                "B.f may stand in for a method of the same name of another class",
            ),
            (&[("a.py", "def f(): pass\n"), ("b.py", "from a import f\n")], "f", "f is named in b.py:1"),
            (&[("a.py", "def f(): pass\nx = 'a.f'\n")], "f", "f is named in a.py:2"),
            (&[("a.py", "def f(): pass\n"), ("c.html", "{{ f }}")], "f", "f is named in c.html:1"),
            (
                &[("a.py", "def f(): pass\n"), ("tests/test_a.py", "a.f()\n")],
                "f",
                "f is named in tests/test_a.py:1",
            ),
            (
                &[("a.py", "def f(): pass\ndef f(): pass\n")],
                "f",
                "f is not one function: a.py:1, a.py:2; give the file, such as FILE.py:f",
            ),
        ];
        for (files, name, expected) in cases {
            check(files, name, expected);
        }
        let twice = inventory(&[(
            "a.py",
            "class A:\n  @property\n  def x(self): pass\n  @x.setter\n  def x(self): pass\n",
        )]);
        let refused = plan(&twice, at(&twice, "A.x"), &|_| true).unwrap_err();
        assert_eq!(refused.to_string(), "A.x is defined more than once in its file");
    }
}
