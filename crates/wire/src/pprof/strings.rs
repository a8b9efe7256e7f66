//! The string table of a file being written.

use std::collections::HashMap;

/// Texts by index, each once; index 0 is the empty text.
pub(super) struct Strings {
    known: HashMap<String, i64>,
    in_order: Vec<String>,
}

impl Strings {
    pub(super) fn new() -> Self {
        Self { known: HashMap::from([(String::new(), 0)]), in_order: vec![String::new()] }
    }

    pub(super) fn index(&mut self, text: &str) -> i64 {
        if let Some(index) = self.known.get(text) {
            return *index;
        }
        let index = self.in_order.len() as i64;
        self.in_order.push(text.to_owned());
        self.known.insert(text.to_owned(), index);
        index
    }

    pub(super) fn into_table(self) -> Vec<String> {
        self.in_order
    }
}
