//! Two trees on the union of their nodes.

use crate::{
    CallTree, Function, Node,
    union::{Source, union},
};

/// One side's values at a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Value of the stacks that end here.
    pub self_value: i64,
    /// Value of the stacks that pass through here.
    pub total: i64,
}

/// One path with both sides' values; a side that lacks the path has zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffNode {
    /// What is compared against.
    pub baseline: Values,
    /// What is under test.
    pub candidate: Values,
}

/// Both trees at once. Its shape is that of the merged tree; values are per side and not scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffTree {
    merged: CallTree,
    sides: Vec<DiffNode>,
}

impl DiffTree {
    /// Puts the candidate beside the baseline.
    pub fn new(baseline: &CallTree, candidate: &CallTree) -> Self {
        let (functions, sources) = Source::all(&[baseline, candidate]);
        let mut sides = Vec::new();
        let nodes = union(&sources, &[(0, 0), (1, 0)], |_, members| {
            let mut both = DiffNode::default();
            for (source, id) in members {
                let (tree, values) = match source {
                    0 => (baseline, &mut both.baseline),
                    _ => (candidate, &mut both.candidate),
                };
                if let Some(node) = tree.nodes().get(*id as usize) {
                    values.self_value += node.self_value;
                    values.total += node.total;
                }
            }
            sides.push(both);
        });
        Self { merged: CallTree { functions, nodes }, sides }
    }

    /// The union of both trees, its values the sum of both sides.
    pub fn merged(&self) -> &CallTree {
        &self.merged
    }

    /// Every node with its function (the root has none) and both sides' values, depth first.
    pub fn nodes(&self) -> impl Iterator<Item = (&Node, Option<&Function>, DiffNode)> {
        self.merged
            .nodes()
            .iter()
            .zip(&self.sides)
            .map(|(node, both)| (node, self.merged.function(node), *both))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::{Direction, fixture::batch};

    #[test]
    fn both_sides_stand_beside_each_other() {
        let baseline = CallTree::new(&batch(&[("main;a", 5), ("main;gone", 2)]), Direction::Callees);
        let candidate = CallTree::new(&batch(&[("main;a", 3), ("main;a;new", 4)]), Direction::Callees);
        let diff = DiffTree::new(&baseline, &candidate);
        let mut text = String::new();
        for (node, function, both) in diff.nodes() {
            let name = function.map_or("[root]", |function| &function.name);
            let DiffNode { baseline: old, candidate: new } = both;
            let indent = node.level as usize * 2;
            let _ = writeln!(
                text,
                "{:indent$}{name} self {} -> {} total {} -> {}",
                "", old.self_value, new.self_value, old.total, new.total
            );
        }
        insta::assert_snapshot!(text, @r"
        [root] self 0 -> 0 total 7 -> 7
          main self 0 -> 0 total 7 -> 7
            a self 5 -> 3 total 5 -> 7
              new self 0 -> 4 total 0 -> 4
            gone self 2 -> 0 total 2 -> 0
        ");
        assert_eq!(diff.merged(), &CallTree::merge(&[&baseline, &candidate]));
    }
}
