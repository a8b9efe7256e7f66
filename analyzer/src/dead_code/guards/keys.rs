//! What flags go by: keys, as texts and as constants for them.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use crate::dead_code::{inventory::Inventory, syntax};

/// Words of names that ask for flags.
const ASKING: [&str; 12] = [
    "active",
    "boolean",
    "enabled",
    "experiment",
    "feature",
    "flag",
    "gate",
    "string",
    "switch",
    "toggle",
    "treatment",
    "variation",
];

/// Those of them that names of much else have, too.
const VAGUE: [&str; 2] = ["active", "string"];

/// Longer texts are none that a flag goes by.
const KEY_BYTES_MAX: usize = 100;

/// The keys of flags that the source asks for, by the names of what it calls with them: a text, or a constant for it.
pub(crate) fn keys(inventory: &Inventory) -> BTreeSet<String> {
    let constants = constants(inventory, &is_key);
    let mut found = BTreeSet::new();
    for file in inventory.files.iter().filter(|file| !file.is_test) {
        for call in syntax::nodes(file.tree.root_node()).filter(|node| node.kind() == "call") {
            let is_asking = syntax::callee(call, &file.text)
                .is_some_and(|(name, _)| words(name).iter().any(|word| !VAGUE.contains(word)));
            let Some(arguments) = call.child_by_field_name("arguments").filter(|_| is_asking) else {
                continue;
            };
            let arguments: Vec<Node> = arguments.named_children(&mut arguments.walk()).collect();
            let key = arguments.into_iter().find_map(|argument| {
                let value = value_of(argument);
                match syntax::literal(value, &file.text) {
                    Some(literal) => Some(literal.to_owned()).filter(|key| is_key(key)),
                    None => constant(&constants, syntax::text(value, &file.text)),
                }
            });
            found.extend(key);
        }
    }
    found
}

/// True for the name of something that asks for flags.
pub(super) fn is_asking(name: &str) -> bool {
    !words(name).is_empty()
}

fn words(name: &str) -> Vec<&'static str> {
    let name = name.to_lowercase();
    let places = name.split('_').filter_map(|word| ASKING.binary_search(&word).ok());
    places.filter_map(|at| ASKING.get(at).copied()).collect()
}

/// What a keyword argument is given.
pub(super) fn value_of(argument: Node<'_>) -> Node<'_> {
    let value = argument.child_by_field_name("value").filter(|_| argument.kind() == "keyword_argument");
    value.unwrap_or(argument)
}

/// Short, and of one word.
fn is_key(text: &str) -> bool {
    let is_of_key = |one: char| one.is_alphanumeric() || "_-.:/".contains(one);
    (1..=KEY_BYTES_MAX).contains(&text.len()) && text.chars().all(is_of_key)
}

/// The only value of all constants of a name.
pub(super) fn constant(constants: &BTreeMap<(usize, String), String>, name: &str) -> Option<String> {
    let name = name.rsplit('.').next().unwrap_or(name);
    let mut everywhere = constants.iter().filter(|((_, other), _)| other == name);
    let (_, key) = everywhere.next()?;
    everywhere.all(|(_, other)| other == key).then(|| key.clone())
}

/// `NEW_FEED = "new_feed"` at the top of a file.
pub(super) fn constants(
    inventory: &Inventory,
    is_flag: &dyn Fn(&str) -> bool,
) -> BTreeMap<(usize, String), String> {
    let mut found = BTreeMap::new();
    for (at, file) in inventory.files.iter().enumerate() {
        let top = file.tree.root_node();
        for statement in top.named_children(&mut top.walk()) {
            let Some(assignment) = statement.named_child(0).filter(|one| one.kind() == "assignment") else {
                continue;
            };
            let field = |name: &str| assignment.child_by_field_name(name);
            if let (Some(left), Some(right)) = (field("left"), field("right"))
                && let Some(key) = syntax::literal(right, &file.text).filter(|key| is_flag(key))
            {
                found.insert((at, syntax::text(left, &file.text).to_owned()), key.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_code::inventory::tests::inventory;

    #[test]
    fn keys_are_what_is_asked_for() {
        let text = "KEY = 'new'\nTITLE = 'Some title'\nwaffle.flag_is_active(request, 'old')\nclient.variation(flags.KEY, \
                    1)\nis_enabled(key='third')\nget_string('x')\nis_active('y')\nfeature(TITLE)\nprint('z')\n\
                    switch_is_active('two words')\n";
        let inventory = inventory(&[("a.py", text), ("test_a.py", "is_enabled('tested')\n")]);
        assert_eq!(keys(&inventory), ["new", "old", "third"].map(str::to_owned).into());
    }

    #[test]
    fn words_are_in_order() {
        assert!(ASKING.is_sorted());
    }
}
