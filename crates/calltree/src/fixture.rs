//! What the tests of this crate share.

use std::fmt::Write;

use model::{Batch, BatchBuilder, Frame, Profile, Sample};

use crate::CallTree;

/// A batch of one profile from stacks written root first, `main;work;leaf`.
pub(crate) fn batch(stacks: &[(&str, i64)]) -> Batch {
    let mut builder = BatchBuilder::new();
    for (stack, value) in stacks {
        let names = stack.rsplit(';').filter(|name| !name.is_empty());
        let frames =
            names.map(|name| builder.frame(Frame { function: name.into(), ..Frame::default() })).collect();
        let stack = builder.stack(frames);
        builder.add(&Profile::default(), Sample { stack, value: *value });
    }
    builder.finish()
}

/// One line per node, indented by level.
pub(crate) fn render(tree: &CallTree) -> String {
    let mut text = String::new();
    for node in tree.nodes() {
        let name = tree.function(node).map_or("[root]", |function| &function.name);
        let indent = node.level as usize * 2;
        let _ = writeln!(text, "{:indent$}{name} self {} total {}", "", node.self_value, node.total);
    }
    text
}
