//! The call tree itself: one array in depth-first order.

use model::Batch;

use crate::{
    Function,
    flat::stack_values,
    function::Functions,
    union::{Member, Source, union},
};

/// Which end of the stacks is at the top of the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Thread starts at the top, what they call below.
    #[default]
    Callees,
    /// Leaves at the top, who called them below. A function's self value is its total at level 1.
    Callers,
}

/// One path of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Position in [`CallTree::functions`]; out of range for the root, which is no function.
    pub function: u32,
    /// The node above; the root is its own parent.
    pub parent: u32,
    /// First node after this one's subtree.
    pub end: u32,
    /// Depth; the root has 0.
    pub level: u32,
    /// Value of the stacks that end here.
    pub self_value: i64,
    /// Value of the stacks that pass through here.
    pub total: i64,
}

impl Node {
    pub(crate) const ROOT: Self =
        Self { function: u32::MAX, parent: 0, end: 1, level: 0, self_value: 0, total: 0 };
}

/// Samples merged by path. Nodes stand in depth-first order, so that a subtree is a slice; siblings are widest
/// first, and in the order of their functions where they are equally wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallTree {
    pub(crate) functions: Vec<Function>,
    pub(crate) nodes: Vec<Node>,
}

impl CallTree {
    /// Merges all profiles of a batch.
    pub fn new(batch: &Batch, direction: Direction) -> Self {
        let Functions { table, of_frame } = Functions::new(batch);
        let nodes = trie(&Paths::new(batch, &of_frame, direction));
        let nodes = union(&[Source::unmapped(&nodes)], &[(0, 0)], |_, _| {});
        Self { functions: table, nodes }
    }

    /// The functions that nodes refer to, sorted.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// All nodes, depth first; the first is the root.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The function of a node; the root has none.
    pub fn function(&self, node: &Node) -> Option<&Function> {
        self.functions.get(node.function as usize)
    }

    /// The nodes right below one, widest first.
    pub fn children(&self, id: u32) -> impl Iterator<Item = u32> {
        children(&self.nodes, id)
    }

    /// Sum over the whole tree.
    pub fn total(&self) -> i64 {
        self.nodes.first().map_or(0, |root| root.total)
    }

    /// One tree of many, as if their batches had been merged first.
    pub fn merge(trees: &[&CallTree]) -> Self {
        let (functions, sources) = Source::all(trees);
        let roots: Vec<Member> = (0..trees.len() as u32).map(|source| (source, 0)).collect();
        let nodes = union(&sources, &roots, |_, _| {});
        Self { functions, nodes }
    }

    /// The merged subtree of all nodes whose display names from the top equal `path`; its root stands for them.
    /// A path that does not occur gives an empty tree.
    pub fn focus(&self, path: &[impl AsRef<str>]) -> Self {
        let mut found = vec![0];
        for name in path {
            let is_named = |id: &u32| {
                let node = self.nodes.get(*id as usize);
                node.and_then(|node| self.function(node)).is_some_and(|f| f.name.as_ref() == name.as_ref())
            };
            found = found.into_iter().flat_map(|id| self.children(id)).filter(is_named).collect();
        }
        let roots: Vec<Member> = found.into_iter().map(|id| (0, id)).collect();
        let nodes = union(&[Source::unmapped(&self.nodes)], &roots, |_, _| {});
        Self { functions: self.functions.clone(), nodes }
    }
}

/// The nodes right below one, in order.
pub(crate) fn children(nodes: &[Node], id: u32) -> impl Iterator<Item = u32> {
    let end = nodes.get(id as usize).map_or(0, |node| node.end);
    let below = move |id: &u32| *id < end;
    std::iter::successors(Some(id + 1).filter(below), move |id| {
        nodes.get(*id as usize).map(|node| node.end).filter(below)
    })
}

/// Fills in totals and subtree ends, given selves and parents.
pub(crate) fn close(nodes: &mut [Node]) {
    for id in (0..nodes.len()).rev() {
        let Some(node) = nodes.get_mut(id) else { continue };
        node.total += node.self_value;
        node.end = node.end.max(id as u32 + 1);
        let Node { parent, total, end, .. } = *node;
        if let Some(above) = nodes.get_mut(parent as usize).filter(|_| id > 0) {
            above.total += total;
            above.end = above.end.max(end);
        }
    }
}

/// The stacks of a batch as runs of functions from the top of the tree, end to end in one array.
struct Paths {
    functions: Vec<u32>,
    /// Where each path starts and ends, and its value; sorted by path.
    spans: Vec<(usize, usize, i64)>,
}

impl Paths {
    fn new(batch: &Batch, of_frame: &[u32], direction: Direction) -> Self {
        let values = stack_values(batch);
        let mut functions = Vec::with_capacity(batch.stacks.iter().map(Vec::len).sum());
        let mut spans = Vec::with_capacity(batch.stacks.len());
        for (stack, value) in batch.stacks.iter().zip(values).filter(|(_, value)| *value != 0) {
            let start = functions.len();
            let translated = stack.iter().filter_map(|frame| of_frame.get(frame.0 as usize).copied());
            match direction {
                Direction::Callees => functions.extend(translated.rev()),
                Direction::Callers => functions.extend(translated),
            }
            spans.push((start, functions.len(), value));
        }
        spans.sort_unstable_by(|left, right| {
            functions.get(left.0..left.1).cmp(&functions.get(right.0..right.1))
        });
        Self { functions, spans }
    }

    fn iter(&self) -> impl Iterator<Item = (&[u32], i64)> {
        let path = |start, end| self.functions.get(start..end).unwrap_or_default();
        self.spans.iter().map(move |(start, end, value)| (path(*start, *end), *value))
    }
}

/// Sorted paths share their beginnings with their neighbours, so one pass builds the tree and needs no look-up.
fn trie(paths: &Paths) -> Vec<Node> {
    let mut nodes = vec![Node::ROOT];
    let mut open: Vec<u32> = vec![0];
    let mut previous: &[u32] = &[];
    for (path, value) in paths.iter() {
        let shared = previous.iter().zip(path).take_while(|(left, right)| left == right).count();
        open.truncate(shared + 1);
        for function in path.iter().skip(shared) {
            let parent = open.last().copied().unwrap_or_default();
            let level = open.len() as u32;
            open.push(nodes.len() as u32);
            nodes.push(Node { function: *function, parent, level, ..Node::ROOT });
        }
        if let Some(leaf) = open.last().and_then(|id| nodes.get_mut(*id as usize)) {
            leaf.self_value += value;
        }
        previous = path;
    }
    close(&mut nodes);
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{batch, render};

    const STACKS: [(&str, i64); 5] =
        [("main;b", 2), ("main;a;x", 3), ("main;a", 1), ("main;c", 2), ("idle", 9)];

    #[test]
    fn siblings_are_widest_first_then_by_name() {
        insta::assert_snapshot!(render(&CallTree::new(&batch(&STACKS), Direction::Callees)), @r"
        [root] self 0 total 17
          idle self 9 total 9
          main self 0 total 8
            a self 1 total 4
              x self 3 total 3
            b self 2 total 2
            c self 2 total 2
        ");
    }

    #[test]
    fn callers_hang_below_the_leaf() {
        insta::assert_snapshot!(render(&CallTree::new(&batch(&STACKS), Direction::Callers)), @r"
        [root] self 0 total 17
          idle self 9 total 9
          x self 0 total 3
            a self 0 total 3
              main self 3 total 3
          b self 0 total 2
            main self 2 total 2
          c self 0 total 2
            main self 2 total 2
          a self 0 total 1
            main self 1 total 1
        ");
    }

    #[test]
    fn focus_merges_every_place_with_the_path() {
        let mut batch = batch(&[("main;a;x", 3), ("main;a;y", 4), ("main;b;x", 5)]);
        // A second function of the same display name: both are in focus.
        let twin = batch.frames.iter_mut().find(|frame| frame.function.as_ref() == "b");
        let twin = twin.unwrap();
        (twin.function, twin.file) = ("a".into(), "twin.c".into());
        let tree = CallTree::new(&batch, Direction::Callees);
        insta::assert_snapshot!(render(&tree.focus(&["main", "a"])), @r"
        [root] self 0 total 12
          x self 8 total 8
          y self 4 total 4
        ");
        assert_eq!(render(&tree.focus(&["main", "z"])), "[root] self 0 total 0\n");
        assert_eq!(tree.focus(&[""; 0]), tree);
    }

    #[test]
    fn merging_trees_equals_merging_batches() {
        let (left, right) = STACKS.split_at(2);
        let trees = [left, right].map(|stacks| CallTree::new(&batch(stacks), Direction::Callees));
        let merged = CallTree::merge(&[&trees[0], &trees[1]]);
        assert_eq!(merged, CallTree::new(&batch(&STACKS), Direction::Callees));
    }

    #[test]
    fn empty_stacks_and_no_stacks_keep_the_total() {
        assert_eq!(render(&CallTree::new(&batch(&[]), Direction::Callees)), "[root] self 0 total 0\n");
        assert_eq!(render(&CallTree::new(&batch(&[("", 7)]), Direction::Callees)), "[root] self 7 total 7\n");
        assert_eq!(CallTree::merge(&[]).total(), 0);
    }

    #[test]
    fn depth_is_no_limit() {
        let deep = vec!["f"; 200_000].join(";");
        let tree = CallTree::new(&batch(&[(&deep, 1)]), Direction::Callees);
        assert_eq!(tree.nodes().len(), 200_001);
        assert_eq!(tree.focus(&["f", "f"]).nodes().len(), 199_999);
    }
}
