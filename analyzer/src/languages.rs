//! What a function is in each language that is read.

use tree_sitter::{Language, Node};

/// How to find functions in the source of one language.
pub(crate) struct Grammar {
    /// Ends of file names.
    extensions: &'static [&'static str],
    /// The parser's tables.
    pub(crate) language: fn() -> Language,
    /// Kinds of nodes that are functions.
    pub(crate) functions: &'static [&'static str],
    /// Kinds of nodes that give functions within a longer name, and the field that has it.
    pub(crate) containers: &'static [(&'static str, &'static str)],
}

const GRAMMARS: [Grammar; 7] = [
    Grammar {
        extensions: &["py", "pyi"],
        language: || tree_sitter_python::LANGUAGE.into(),
        functions: &["function_definition"],
        containers: &[("class_definition", "name")],
    },
    Grammar {
        extensions: &["rs"],
        language: || tree_sitter_rust::LANGUAGE.into(),
        functions: &["function_item"],
        containers: &[("impl_item", "type"), ("trait_item", "name"), ("mod_item", "name")],
    },
    Grammar {
        extensions: &["go"],
        language: || tree_sitter_go::LANGUAGE.into(),
        functions: &["function_declaration", "method_declaration"],
        containers: &[],
    },
    Grammar {
        extensions: &["java"],
        language: || tree_sitter_java::LANGUAGE.into(),
        functions: &["method_declaration", "constructor_declaration", "compact_constructor_declaration"],
        containers: &[
            ("class_declaration", "name"),
            ("interface_declaration", "name"),
            ("enum_declaration", "name"),
            ("record_declaration", "name"),
        ],
    },
    Grammar {
        extensions: &["ts", "mts", "cts", "js", "mjs", "cjs"],
        language: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        functions: SCRIPT_FUNCTIONS,
        containers: SCRIPT_CONTAINERS,
    },
    Grammar {
        extensions: &["tsx", "jsx"],
        language: || tree_sitter_typescript::LANGUAGE_TSX.into(),
        functions: SCRIPT_FUNCTIONS,
        containers: SCRIPT_CONTAINERS,
    },
    Grammar {
        extensions: &["c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx"],
        language: || tree_sitter_cpp::LANGUAGE.into(),
        functions: &["function_definition"],
        containers: &[
            ("class_specifier", "name"),
            ("struct_specifier", "name"),
            ("namespace_definition", "name"),
        ],
    },
];

const SCRIPT_FUNCTIONS: &[&str] = &[
    "function_declaration",
    "generator_function_declaration",
    "method_definition",
    "arrow_function",
    "function_expression",
];

const SCRIPT_CONTAINERS: &[(&str, &str)] =
    &[("class_declaration", "name"), ("abstract_class_declaration", "name"), ("internal_module", "name")];

/// Files that say nothing about what runs.
const PROSE: [&str; 9] = ["md", "rst", "txt", "adoc", "png", "jpg", "jpeg", "gif", "svg"];

/// Files whose code is not read, but which are code.
const OTHER_CODE: [&str; 14] =
    ["rb", "php", "cs", "kt", "kts", "scala", "swift", "ex", "exs", "erl", "hs", "ml", "pyx", "zig"];

/// The grammar for a file, by the end of its name.
pub(crate) fn grammar(path: &str) -> Option<&'static Grammar> {
    let extension = extension(path)?;
    GRAMMARS.iter().find(|grammar| grammar.extensions.contains(&extension))
}

/// True for a file that can change nothing that runs.
pub(crate) fn is_prose(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    extension(path).is_some_and(|extension| PROSE.contains(&extension) && name != "requirements.txt")
        || ["LICENSE", "CODEOWNERS", ".gitignore"].contains(&name)
}

/// True for code in a language that is not read.
pub(crate) fn is_other_code(path: &str) -> bool {
    extension(path).is_some_and(|extension| OTHER_CODE.contains(&extension))
}

/// The node that has a function's name, where it is not simply the field `name`.
pub(crate) fn name_node(function: Node<'_>) -> Option<Node<'_>> {
    if let Some(name) = function.child_by_field_name("name") {
        return Some(name);
    }
    if let Some(mut declarator) = function.child_by_field_name("declarator") {
        // C wraps the name in pointers, references and parameters.
        while let Some(inner) = declarator.child_by_field_name("declarator") {
            declarator = inner;
        }
        return Some(declarator);
    }
    // A function without a name has that of what it is assigned to.
    let parent = function.parent()?;
    ["name", "left", "key"].iter().find_map(|field| parent.child_by_field_name(field))
}

fn extension(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    name.rsplit_once('.').map(|(_, extension)| extension)
}
