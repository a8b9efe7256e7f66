//! What a source folder has: functions of Python, and everything that names them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tree_sitter::{Node, Tree};

use super::{
    source::{Source, is_test},
    syntax,
};

/// Strings that may be the name of something; longer ones are text.
const NAME_BYTES_MAX: usize = 200;

/// Places where a function is named that are kept.
const REFERENCES_MAX: usize = 1_000;

/// A folder's functions.
pub(crate) struct Inventory {
    /// Files of Python.
    pub(crate) files: Vec<File>,
    /// Functions, file by file in the order of their lines.
    pub(crate) functions: Vec<SourceFunction>,
    /// Files that were not read.
    pub(crate) left_out: u64,
    references: HashMap<String, Vec<Reference>>,
    by_name: HashMap<String, Vec<usize>>,
    classes: BTreeSet<String>,
}

/// One file.
pub(crate) struct File {
    /// Its path from the folder.
    pub(crate) path: String,
    /// True when only tests run it.
    pub(crate) is_test: bool,
    /// True when it is a program of its own.
    pub(crate) is_program: bool,
    /// Its functions in [`Inventory::functions`].
    pub(crate) functions: std::ops::Range<usize>,
    pub(crate) text: Vec<u8>,
    pub(crate) tree: Tree,
}

/// One function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceFunction {
    /// Its file, in [`Inventory::files`].
    pub(crate) file: usize,
    /// Its name with what encloses it: `Feed.rank`.
    pub(crate) name: String,
    /// First line, decorators included.
    pub(crate) first_line: u32,
    /// Last line.
    pub(crate) last_line: u32,
    /// What decorates it, without arguments.
    pub(crate) decorators: Vec<String>,
    /// What its class inherits from.
    pub(crate) bases: Vec<String>,
    /// True when it stands in a class.
    pub(crate) is_method: bool,
    /// True when it stands in a function.
    pub(crate) is_nested: bool,
    /// Where it stands, decorators included.
    pub(crate) bytes: std::ops::Range<usize>,
}

/// How something is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReferenceKind {
    /// By code.
    Code,
    /// By an import.
    Import,
    /// By a string, or by a file that is not code.
    Text,
}

/// One place that names a function, or something else of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The file's path from the folder.
    pub(crate) path: String,
    /// The line.
    pub(crate) line: u32,
    /// How.
    pub(crate) kind: ReferenceKind,
    /// The innermost function around it.
    pub(crate) from: Option<usize>,
    /// The file, in [`Inventory::files`], and the byte, where it is Python.
    pub(crate) at: Option<(usize, usize)>,
    /// True in an `except`.
    pub(crate) is_on_failure: bool,
}

impl SourceFunction {
    /// Its name without what encloses it.
    pub(crate) fn own_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }
}

impl Inventory {
    /// Reads all files.
    pub(crate) fn new(source: Source) -> Self {
        let mut found = Self {
            files: Vec::new(),
            functions: Vec::new(),
            left_out: source.left_out,
            references: HashMap::new(),
            by_name: HashMap::new(),
            classes: BTreeSet::new(),
        };
        for file in source.python {
            match syntax::parse(&file.text) {
                Some(tree) => found.add_file(file.path, file.text, tree),
                None => found.left_out += 1,
            }
        }
        for (at, function) in found.functions.iter().enumerate() {
            found.by_name.entry(function.own_name().to_owned()).or_default().push(at);
        }
        for at in 0..found.files.len() {
            found.add_references(at);
        }
        for file in &source.others {
            found.add_words(&file.path, &file.text);
        }
        found
    }

    /// The file of a function.
    pub(crate) fn file_of(&self, function: usize) -> Option<&File> {
        self.files.get(self.functions.get(function)?.file)
    }

    /// The path of a function's file; empty where there is none.
    pub(crate) fn path_of(&self, function: usize) -> &str {
        self.file_of(function).map_or("", |file| &file.path)
    }

    /// Every place that may name a function; its own inside does not count.
    pub(crate) fn references(&self, function: usize) -> Vec<&Reference> {
        let Some(one) = self.functions.get(function) else { return Vec::new() };
        let is_inside = |reference: &&Reference| {
            !reference.at.is_some_and(|(file, byte)| file == one.file && one.bytes.contains(&byte))
        };
        self.references.get(one.own_name()).into_iter().flatten().filter(is_inside).collect()
    }

    /// All functions of a name, without what encloses them.
    pub(crate) fn named(&self, own_name: &str) -> &[usize] {
        self.by_name.get(own_name).map_or(&[], Vec::as_slice)
    }

    /// True when a class of this name is in the folder.
    pub(crate) fn has_class(&self, name: &str) -> bool {
        self.classes.contains(name)
    }

    /// The node of a function's definition, without its decorators.
    pub(crate) fn node_of(&self, function: usize) -> Option<(Node<'_>, &[u8])> {
        let one = self.functions.get(function)?;
        let file = self.files.get(one.file)?;
        let outer = file.tree.root_node().descendant_for_byte_range(one.bytes.start, one.bytes.end)?;
        let mut inside = syntax::nodes(outer);
        let node = inside.find(|node| {
            node.kind() == "function_definition"
                && one.bytes.start <= node.start_byte()
                && node.end_byte() == one.bytes.end
        })?;
        Some((node, &file.text))
    }

    /// The innermost function of a file around a byte.
    pub(crate) fn function_at(&self, file: usize, byte: usize) -> Option<usize> {
        let range = self.files.get(file)?.functions.clone();
        let functions = self.functions.get(range.clone())?;
        let behind = functions.partition_point(|one| one.bytes.start <= byte);
        let inner = functions.get(..behind)?.iter().rposition(|one| one.bytes.contains(&byte))?;
        Some(range.start + inner)
    }

    /// The function of the folder that a call surely means: one of the same file, the only one of an imported name, one of
    /// a module that is named, or of the same class.
    pub(crate) fn called(&self, file: usize, call: Node<'_>) -> Option<usize> {
        let text = &self.files.get(file)?.text;
        let (name, object) = syntax::callee(call, text)?;
        let candidates = || self.named(name).iter().copied();
        let one_of = |is: &dyn Fn(&SourceFunction) -> bool| {
            let mut found = candidates().filter(|at| self.functions.get(*at).is_some_and(is));
            found.next().filter(|_| found.next().is_none())
        };
        match object {
            None => one_of(&|one| one.file == file && !one.is_method && !one.is_nested)
                .or_else(|| one_of(&|one| !one.is_method && !one.is_nested)),
            Some("self" | "cls") => {
                let around = self.functions.get(self.function_at(file, call.start_byte())?)?;
                let (class, _) = around.name.split_once('.')?;
                let wanted = format!("{class}.{name}");
                one_of(&|one| one.file == file && one.name == wanted)
            }
            Some(object) => {
                let module = object.rsplit('.').next().unwrap_or(object);
                one_of(&|one| {
                    let path = self.files.get(one.file).map_or("", |file| &file.path);
                    !one.is_method && !one.is_nested && is_module(path, module)
                })
            }
        }
    }

    fn add_file(&mut self, path: String, text: Vec<u8>, tree: Tree) {
        let at = self.files.len();
        let first = self.functions.len();
        let mut enclosing: Vec<Enclosing> = Vec::new();
        let mut is_program = false;
        for node in syntax::nodes(tree.root_node()) {
            enclosing.retain(|outer| node.start_byte() < outer.end);
            match node.kind() {
                "class_definition" => {
                    let class = Enclosing::new(node, &text, false);
                    self.classes.insert(class.name.clone());
                    enclosing.push(class);
                }
                "function_definition" => {
                    self.functions.push(function(node, &text, (at, &enclosing)));
                    enclosing.push(Enclosing::new(node, &text, true));
                }
                "string" => is_program |= syntax::literal(node, &text) == Some("__main__"),
                _ => {}
            }
        }
        let functions = first..self.functions.len();
        let is_test = is_test(&path);
        self.files.push(File { path, is_test, is_program, functions, text, tree });
    }

    fn add_references(&mut self, at: usize) {
        let Some(file) = self.files.get(at) else { return };
        let mut found: Vec<(String, Reference)> = Vec::new();
        let mut own: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for node in syntax::nodes(file.tree.root_node()) {
            let reference = |kind, from| Reference {
                path: file.path.clone(),
                line: syntax::line(node.start_position().row),
                kind,
                from,
                at: Some((at, node.start_byte())),
                is_on_failure: syntax::around(node, &["except_clause", "function_definition"])
                    .is_some_and(|outer| outer.kind() == "except_clause"),
            };
            match node.kind() {
                "identifier" => {
                    let name = syntax::text(node, &file.text);
                    let Some(kind) = naming(node).filter(|_| self.by_name.contains_key(name)) else {
                        continue;
                    };
                    let from = self.function_at(at, node.start_byte());
                    let is_attribute = node.parent().is_some_and(|parent| parent.kind() == "attribute");
                    if is_attribute || !self.is_own_name(name, from, &mut own) {
                        found.push((name.to_owned(), reference(kind, from)));
                    }
                }
                "string" if !syntax::is_documentation(node) => {
                    let said = syntax::literal(node, &file.text).unwrap_or_default();
                    let from = self.function_at(at, node.start_byte());
                    let words = words_of_name(said).filter(|word| self.by_name.contains_key(*word));
                    found.extend(words.map(|word| (word.to_owned(), reference(ReferenceKind::Text, from))));
                }
                _ => {}
            }
        }
        found.into_iter().for_each(|(name, reference)| self.add_reference(name, reference));
    }

    /// True for a variable of the function around it, or of one around that.
    fn is_own_name(
        &self,
        name: &str,
        from: Option<usize>,
        known: &mut BTreeMap<usize, BTreeSet<String>>,
    ) -> bool {
        let mut next = from;
        while let Some(at) = next {
            let own = known.entry(at).or_insert_with(|| {
                let found = self.node_of(at);
                let own = found.map(|(node, text)| syntax::own_names(node, text)).unwrap_or_default();
                own.into_iter().map(str::to_owned).collect()
            });
            if own.contains(name) {
                return true;
            }
            next = next_outer(self, self.functions.get(at).filter(|one| one.is_nested));
        }
        false
    }

    fn add_words(&mut self, path: &str, text: &[u8]) {
        let mut found = Vec::new();
        for (row, line) in String::from_utf8_lossy(text).lines().enumerate() {
            let words = line.split(|one: char| !(one.is_alphanumeric() || one == '_'));
            for word in words.filter(|word| self.by_name.contains_key(*word)) {
                let reference = Reference {
                    path: path.to_owned(),
                    line: syntax::line(row),
                    kind: ReferenceKind::Text,
                    from: None,
                    at: None,
                    is_on_failure: false,
                };
                found.push((word.to_owned(), reference));
            }
        }
        found.into_iter().for_each(|(name, reference)| self.add_reference(name, reference));
    }

    fn add_reference(&mut self, name: String, reference: Reference) {
        let references = self.references.entry(name).or_default();
        if references.len() < REFERENCES_MAX {
            references.push(reference);
        }
    }
}

/// `images` is `photos/images.py` and `photos/images/__init__.py`.
fn is_module(path: &str, module: &str) -> bool {
    let path = path.trim_end_matches(".py").trim_end_matches("/__init__");
    path.rsplit('/').next() == Some(module)
}

/// How an identifier names something of the folder, if it does.
fn naming(identifier: Node<'_>) -> Option<ReferenceKind> {
    let import = ["import_statement", "import_from_statement", "block", "module"];
    let import = syntax::around(identifier, &import).filter(|outer| outer.kind().starts_with("import"));
    if import.is_some() {
        return Some(ReferenceKind::Import);
    }
    (!syntax::is_store(identifier)).then_some(ReferenceKind::Code)
}

/// `photos.tasks.make` and `photos.tasks:make` have words; a sentence has none.
fn words_of_name(said: &str) -> impl Iterator<Item = &str> {
    let is_name = said.len() <= NAME_BYTES_MAX && !said.contains(char::is_whitespace);
    said.split(|one: char| !(one.is_alphanumeric() || one == '_'))
        .filter(move |word| is_name && !word.is_empty())
}

/// A class or function that others stand in.
struct Enclosing {
    name: String,
    end: usize,
    is_function: bool,
    bases: Vec<String>,
}

impl Enclosing {
    fn new(node: Node<'_>, source: &[u8], is_function: bool) -> Self {
        let name = node.child_by_field_name("name").map_or("", |name| syntax::text(name, source)).to_owned();
        let bases = node.child_by_field_name("superclasses").filter(|_| !is_function);
        let bases = bases.map(|bases| {
            let bases = bases.named_children(&mut bases.walk()).collect::<Vec<_>>().into_iter();
            let bases = bases.filter(|base| base.kind() != "keyword_argument" && base.kind() != "comment");
            bases.map(|base| syntax::text(base, source).to_owned()).collect()
        });
        Self { name, end: node.end_byte(), is_function, bases: bases.unwrap_or_default() }
    }
}

fn function(node: Node<'_>, source: &[u8], (file, enclosing): (usize, &[Enclosing])) -> SourceFunction {
    let outer = node.parent().filter(|parent| parent.kind() == "decorated_definition").unwrap_or(node);
    let decorators = outer.named_children(&mut outer.walk()).collect::<Vec<_>>().into_iter();
    let decorators = decorators.filter(|child| child.kind() == "decorator").map(|decorator| {
        let text = syntax::text(decorator, source).trim_start_matches('@').trim();
        text.split('(').next().unwrap_or(text).trim().to_owned()
    });
    let own = node.child_by_field_name("name").map_or("", |name| syntax::text(name, source));
    let names: Vec<&str> = enclosing.iter().map(|outer| outer.name.as_str()).chain([own]).collect();
    let class = enclosing.last().filter(|outer| !outer.is_function);
    SourceFunction {
        file,
        name: names.join("."),
        first_line: syntax::lines(outer).0,
        last_line: syntax::lines(node).1,
        decorators: decorators.collect(),
        bases: class.map(|class| class.bases.clone()).unwrap_or_default(),
        is_method: class.is_some(),
        is_nested: enclosing.iter().any(|outer| outer.is_function),
        bytes: outer.start_byte()..node.end_byte(),
    }
}

/// The function around a function.
fn next_outer(inventory: &Inventory, inner: Option<&SourceFunction>) -> Option<usize> {
    let inner = inner?;
    inventory.function_at(inner.file, inner.bytes.start.checked_sub(1)?)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::dead_code::source::SourceFile;

    /// A folder of files of Python and others, by the ends of their names.
    pub(crate) fn inventory(files: &[(&str, &str)]) -> Inventory {
        let file = |(path, text): &(&str, &str)| SourceFile {
            path: (*path).to_owned(),
            text: text.as_bytes().to_vec(),
        };
        let (python, others): (Vec<SourceFile>, Vec<SourceFile>) =
            files.iter().map(file).partition(|file| file.path.ends_with(".py"));
        Inventory::new(Source { python, others, left_out: 0 })
    }

    pub(crate) fn at(inventory: &Inventory, name: &str) -> usize {
        inventory.functions.iter().position(|one| one.name == name).unwrap()
    }

    fn check(files: &[(&str, &str)], name: &str, expected: &[&str]) {
        let inventory = inventory(files);
        let found = inventory.references(at(&inventory, name));
        let found: Vec<String> = found
            .into_iter()
            .map(|one| format!("{}:{} {:?}", one.path, one.line, one.kind).to_lowercase())
            .collect();
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn functions_have_names_lines_and_what_decorates_them() {
        let text = "import x\n\n@app.task(bind=True)\n@cached\ndef send():\n    def inner(): pass\n\n\nclass \
                    Feed(Base, metaclass=M):\n    def rank(self):\n        return 1\n";
        let inventory = inventory(&[("a.py", text)]);
        let found: Vec<(&str, u32, u32, bool, bool)> = inventory
            .functions
            .iter()
            .map(|one| (one.name.as_str(), one.first_line, one.last_line, one.is_method, one.is_nested))
            .collect();
        let expected = [
            ("send", 3, 6, false, false),
            ("send.inner", 6, 6, false, true),
            ("Feed.rank", 10, 11, true, false),
        ];
        assert_eq!(found, expected);
        assert_eq!(inventory.functions[0].decorators, ["app.task", "cached"]);
        assert_eq!(inventory.functions[2].bases, ["Base"]);
        let (node, text) = inventory.node_of(0).unwrap();
        assert!(syntax::text(node, text).starts_with("def send"));
        assert!(syntax::text(inventory.node_of(1).unwrap().0, text).starts_with("def inner"));
    }

    #[test]
    fn whatever_may_name_a_function_is_found() {
        let other = "from a import old as o\nx = m.old()\nold = 1\ny = 'a.old'\nz = 'an old thing'\n";
        check(
            &[("a.py", "def old():\n    return old()\n"), ("b.py", other), ("c.html", "<p>{{ old }}</p>")],
            "old",
            &["b.py:1 import", "b.py:2 code", "b.py:4 text", "c.html:1 text"],
        );
        let local = "def old(): pass\ndef f(old):\n  g(old)\n  def h(): return old\ndef i():\n  old.x = 1\n  k(old=2)\n";
        check(&[("a.py", local)], "old", &["a.py:6 code"]);
        let documented = "def old():\n  'old'\n\n'old'\n";
        check(&[("a.py", documented)], "old", &[]);
        let failing = "def old(): pass\ntry: pass\nexcept E: old()\n";
        let inventory = inventory(&[("a.py", failing)]);
        assert!(inventory.references(0)[0].is_on_failure);
    }

    #[test]
    fn only_calls_that_are_sure_are_followed() {
        let images =
            "def convert(): pass\nclass Kept:\n  def save(self): self.write()\n  def write(self): pass\n";
        let views = "from images import convert\ndef view():\n  images.convert()\n  convert()\n  other.convert()\n  x.write()\n";
        let inventory = inventory(&[("p/images.py", images), ("p/views.py", views)]);
        let called = |file: usize| -> Vec<Option<&str>> {
            let calls = syntax::nodes(inventory.files[file].tree.root_node());
            let calls = calls.filter(|node| node.kind() == "call");
            calls
                .map(|call| inventory.called(file, call).map(|at| inventory.functions[at].name.as_str()))
                .collect()
        };
        assert_eq!(called(0), [Some("Kept.write")]);
        assert_eq!(called(1), [Some("convert"), Some("convert"), None, None]);
    }
}
