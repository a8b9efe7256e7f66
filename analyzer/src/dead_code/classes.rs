//! What the source says about a function before anything was watched.

use analyzer_detect::dead_code::survival::StaticClass;

use super::inventory::{Inventory, Reference, ReferenceKind, SourceFunction};

/// Decorators that only change how a function is called.
const PLAIN: [&str; 18] = [
    "abstractmethod",
    "asynccontextmanager",
    "cache",
    "cached_property",
    "classmethod",
    "contextmanager",
    "deprecated",
    "final",
    "lru_cache",
    "njit",
    "no_type_check",
    "overload",
    "override",
    "property",
    "staticmethod",
    "total_ordering",
    "wraps",
    "atomic",
];

/// Classes that bring no caller with them.
const CALLERLESS: [&str; 6] = ["object", "Exception", "ValueError", "Protocol", "ABC", "abc.ABC"];

/// Folders whose files frameworks load by name.
const LOADED: [&str; 4] = ["/management/commands/", "/migrations/", "/templatetags/", "/alembic/versions/"];

/// What is said of a function; `is_candidate` tells of other functions whether they did not run either.
pub(crate) fn class(
    inventory: &Inventory,
    function: usize,
    is_candidate: &dyn Fn(usize) -> bool,
) -> StaticClass {
    let Some(one) = inventory.functions.get(function) else { return StaticClass::Public };
    let references = references(inventory, function);
    if is_entry_point(inventory, one)
        || !references.is_empty() && references.iter().all(|by| by.is_on_failure)
    {
        return StaticClass::EntryPoint;
    }
    // An import alone calls nothing, but what is imported was meant to be called.
    let calls: Vec<&&Reference> = references.iter().filter(|by| by.kind != ReferenceKind::Import).collect();
    if references.is_empty() {
        return StaticClass::Unreferenced;
    }
    if !calls.is_empty() && calls.iter().all(|by| by.from.is_some_and(is_candidate)) {
        return StaticClass::ReferencedByCandidates;
    }
    match one.own_name().starts_with('_') {
        true => StaticClass::Private,
        false => StaticClass::Public,
    }
}

/// Places that name a function, without those that are tests.
pub(crate) fn references(inventory: &Inventory, function: usize) -> Vec<&Reference> {
    let is_tested = |reference: &&Reference| {
        reference.at.and_then(|(file, _)| inventory.files.get(file)).is_some_and(|file| file.is_test)
    };
    inventory.references(function).into_iter().filter(|reference| !is_tested(reference)).collect()
}

/// True for what something outside the folder may call.
pub(crate) fn is_entry_point(inventory: &Inventory, one: &SourceFunction) -> bool {
    let path = format!("/{}", inventory.files.get(one.file).map_or("", |file| &file.path));
    is_dunder(one.own_name())
        || one.decorators.iter().any(|decorator| is_registering(decorator))
        || LOADED.iter().any(|folder| path.contains(folder))
        || one.is_method
            && !one.own_name().starts_with('_')
            && one.bases.iter().any(|base| has_callers(inventory, base))
}

/// True for a decorator that may tell somebody of what it decorates.
pub(crate) fn is_registering(decorator: &str) -> bool {
    let name = decorator.rsplit('.').next().unwrap_or(decorator);
    let is_accessor = matches!(name, "setter" | "getter" | "deleter");
    !is_accessor && !PLAIN.contains(&name) && !name.starts_with("require_") && !name.ends_with("_required")
}

fn is_dunder(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

/// A class from elsewhere may call what is defined in those that inherit from it.
fn has_callers(inventory: &Inventory, base: &str) -> bool {
    let name = base.split('[').next().unwrap_or(base);
    let own = name.rsplit('.').next().unwrap_or(name);
    !CALLERLESS.contains(&name) && !inventory.has_class(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_code::inventory::tests::{at, inventory};

    fn check(text: &str, name: &str, candidates: &[&str], expected: StaticClass) {
        let inventory = inventory(&[("p/a.py", text)]);
        let is_candidate = |at: usize| candidates.contains(&inventory.functions[at].name.as_str());
        assert_eq!(class(&inventory, at(&inventory, name), &is_candidate), expected, "{text}");
    }

    #[test]
    fn the_source_says_who_may_call() {
        use StaticClass::{EntryPoint, Private, Public, ReferencedByCandidates, Unreferenced};
        check("def f(): f()\n", "f", &[], Unreferenced);
        check("def f(): pass\ndef g(): f()\n", "f", &["g"], ReferencedByCandidates);
        check("def f(): pass\ndef g(): f()\nf()\n", "f", &["g"], Public);
        check("def _f(): pass\ndef g(): _f()\n", "_f", &[], Private);
        check("def f(): pass\nx = [f]\n", "f", &[], Public);
        check("@app.route('/')\ndef f(): pass\n", "f", &[], EntryPoint);
        check("@login_required\n@functools.lru_cache(maxsize=1)\ndef f(): pass\n", "f", &[], Unreferenced);
        check("class A:\n  def __repr__(self): pass\n", "A.__repr__", &[], EntryPoint);
        check("class A(views.View):\n  def get(self): pass\n", "A.get", &[], EntryPoint);
        check("class B: pass\nclass A(B):\n  def get(self): pass\n", "A.get", &[], Unreferenced);
        check("def f(): pass\ntry: pass\nexcept E: f()\n", "f", &[], EntryPoint);
    }

    #[test]
    fn tests_keep_nothing_alive() {
        let inventory =
            inventory(&[("a.py", "def f(): pass\n"), ("tests/test_a.py", "from a import f\nf()\n")]);
        assert_eq!(class(&inventory, 0, &|_| false), StaticClass::Unreferenced);
        assert_eq!(inventory.references(0).len(), 2);
    }
}
