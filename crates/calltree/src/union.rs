//! One walk over several trees or subtrees at once: the shape of merge, focus and diff.

use std::cmp::Reverse;

use crate::{
    CallTree, Function, Node,
    tree::{children, close},
};

/// One tree taking part, and how its functions are called in the result.
pub(crate) struct Source<'a> {
    nodes: &'a [Node],
    /// Positions in the result's table; `None` where the tables are the same.
    functions: Option<Vec<u32>>,
}

impl<'a> Source<'a> {
    /// A tree whose function table the result shares.
    pub(crate) fn unmapped(nodes: &'a [Node]) -> Self {
        Self { nodes, functions: None }
    }

    /// Many trees over one common, sorted function table.
    pub(crate) fn all(trees: &[&'a CallTree]) -> (Vec<Function>, Vec<Self>) {
        let mut table: Vec<Function> = trees.iter().flat_map(|tree| tree.functions.iter().cloned()).collect();
        table.sort_unstable();
        table.dedup();
        let position = |function: &Function| table.partition_point(|other| other < function) as u32;
        let sources = trees
            .iter()
            .map(|tree| Self {
                nodes: &tree.nodes,
                functions: Some(tree.functions.iter().map(position).collect()),
            })
            .collect();
        (table, sources)
    }

    pub(crate) fn node(&self, id: u32) -> Node {
        self.nodes.get(id as usize).copied().unwrap_or(Node::ROOT)
    }

    fn function(&self, node: &Node) -> u32 {
        let Some(functions) = &self.functions else { return node.function };
        functions.get(node.function as usize).copied().unwrap_or(u32::MAX)
    }
}

/// A node taking part: the position of its source, and its own.
pub(crate) type Member = (u32, u32);

/// Nodes that become one in the result. They are the last ones on the walk's stack of members.
struct Group {
    function: u32,
    parent: u32,
    level: u32,
    members: usize,
}

/// A node below the ones being merged.
#[derive(Clone, Copy)]
struct Child {
    function: u32,
    member: Member,
    total: i64,
}

/// Merges the subtrees at `roots` under one root. `visit` sees every node of the result in order, with its members.
/// Siblings come out widest first, then by function.
pub(crate) fn union(
    sources: &[Source<'_>],
    roots: &[Member],
    mut visit: impl FnMut(&Node, &[Member]),
) -> Vec<Node> {
    let mut nodes = Vec::with_capacity(sources.iter().map(|source| source.nodes.len()).max().unwrap_or(1));
    let mut stack = roots.to_vec();
    let mut pending = vec![Group { function: u32::MAX, parent: 0, level: 0, members: roots.len() }];
    let mut members = Vec::new();
    let mut below = Vec::new();
    while let Some(Group { function, parent, level, members: count }) = pending.pop() {
        members.clear();
        members.extend(stack.drain(stack.len().saturating_sub(count)..));
        below.clear();
        let mut node = Node { function, parent, level, ..Node::ROOT };
        for (at, id) in &members {
            let Some(source) = sources.get(*at as usize) else { continue };
            node.self_value += source.node(*id).self_value;
            below.extend(children(source.nodes, *id).map(|child| {
                let node = source.node(child);
                Child { function: source.function(&node), member: (*at, child), total: node.total }
            }));
        }
        visit(&node, &members);
        let template = Group { function, parent: nodes.len() as u32, level: level + 1, members: 0 };
        nodes.push(node);
        push_groups(&mut below, &template, &mut pending, &mut stack);
    }
    close(&mut nodes);
    nodes
}

/// Groups children by function and leaves the widest group on top of both stacks.
fn push_groups(below: &mut [Child], template: &Group, pending: &mut Vec<Group>, stack: &mut Vec<Member>) {
    below.sort_unstable_by_key(|child| (child.function, child.member));
    let mut groups: Vec<&[Child]> = below.chunk_by(|left, right| left.function == right.function).collect();
    groups.sort_by_cached_key(|group| {
        let total: i64 = group.iter().map(|child| child.total).sum();
        (total, Reverse(group.first().map(|child| child.function)))
    });
    for group in groups {
        stack.extend(group.iter().map(|child| child.member));
        let function = group.first().map_or(u32::MAX, |child| child.function);
        pending.push(Group { function, members: group.len(), ..*template });
    }
}
