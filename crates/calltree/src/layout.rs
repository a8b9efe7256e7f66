//! Layout rows: the part of a call tree that a screen can show.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{CallTree, Function, Node};

/// How much to show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayoutOptions {
    /// Width of the graph in pixels.
    pub width_px: f64,
    /// Frames narrower than this are cut.
    pub min_px: f64,
    /// Most frames to show, the widest first.
    pub max_frames: usize,
}

impl Default for LayoutOptions {
    fn default() -> Self {
        Self { width_px: 1400.0, min_px: 0.5, max_frames: 20_000 }
    }
}

/// Rows as columns, depth first, widest child first. A row's total is its self plus its children's totals, cut or not:
/// below each parent, the children that were cut are one hidden row, whose self is their total.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Functions shown, once each, in the order of their first row.
    pub functions: Vec<Function>,
    /// Depth of each row; the root has 0.
    pub levels: Vec<u32>,
    /// Position in `functions`; -1 for the root and for hidden rows.
    pub names: Vec<i32>,
    /// Self value of each row.
    pub selves: Vec<i64>,
    /// How many frames a hidden row stands for; 0 for the root and for frames.
    pub hidden: Vec<u32>,
    /// Sum of everything below the root shown.
    pub total: i64,
    /// Frames in the tree, the root not counted: those shown plus those hidden.
    pub frames_total: u64,
    /// Frames shown, the root not counted.
    pub frames_sent: u64,
    /// Share of `total` in hidden rows, 0 to 1.
    pub hidden_share: f64,
}

/// Cuts a tree to what fits.
pub fn layout(tree: &CallTree, options: &LayoutOptions) -> Layout {
    let nodes = tree.nodes();
    let last = last_shown(nodes, options);
    let mut rows = Layout {
        total: tree.total(),
        frames_total: nodes.len().saturating_sub(1) as u64,
        ..Layout::default()
    };
    let mut positions = vec![-1; tree.functions().len()];
    let mut hidden_total = 0;
    let mut id = 0;
    while let Some(node) = nodes.get(id as usize) {
        if id == 0 || rank(id, node) >= last {
            let name = position(tree, node, &mut positions, &mut rows.functions);
            rows.push(node.level, name, node.self_value, 0);
            id += 1;
            continue;
        }
        // Siblings are widest first, so all that follow are cut too, and up to the parent's end nothing is shown.
        let end = nodes.get(node.parent as usize).map_or(node.end, |parent| parent.end);
        let cut = siblings(nodes, id, end).map(|node| node.total).sum();
        rows.push(node.level, -1, cut, end - id);
        hidden_total += cut;
        id = end;
    }
    rows.frames_sent = rows.hidden.iter().skip(1).filter(|count| **count == 0).count() as u64;
    if rows.total > 0 {
        rows.hidden_share = hidden_total as f64 / rows.total as f64;
    }
    rows
}

impl Layout {
    fn push(&mut self, level: u32, name: i32, self_value: i64, hidden: u32) {
        self.levels.push(level);
        self.names.push(name);
        self.selves.push(self_value);
        self.hidden.push(hidden);
    }
}

/// Wider frames rank higher; among equals, earlier ones. A parent ranks above its children and a sibling above the
/// next, so the frames above any rank form a tree.
type Rank = (i64, Reverse<u32>);

fn rank(id: u32, node: &Node) -> Rank {
    (node.total, Reverse(id))
}

/// The lowest rank that is still wide enough and among the first `max_frames`.
fn last_shown(nodes: &[Node], options: &LayoutOptions) -> Rank {
    let total = nodes.first().map_or(0, |root| root.total);
    let is_wide = |node: &Node| node.total as f64 * options.width_px >= options.min_px * total as f64;
    let mut last = (i64::MAX, Reverse(0));
    let mut next: BinaryHeap<Rank> = nodes.get(1).map(|first| rank(1, first)).into_iter().collect();
    for _ in 0..options.max_frames {
        let Some((_, Reverse(id))) = next.pop() else { break };
        let Some(node) = nodes.get(id as usize).filter(|node| is_wide(node)) else { break };
        last = rank(id, node);
        let parent_end = nodes.get(node.parent as usize).map_or(0, |parent| parent.end);
        let child = (id + 1 < node.end).then_some(id + 1);
        let sibling = (node.end < parent_end).then_some(node.end);
        for id in child.into_iter().chain(sibling) {
            next.extend(nodes.get(id as usize).map(|node| rank(id, node)));
        }
    }
    last
}

/// A node and the siblings after it, up to the end of their parent's subtree.
fn siblings(nodes: &[Node], id: u32, end: u32) -> impl Iterator<Item = &Node> {
    let at = move |id: u32| nodes.get(id as usize).filter(|_| id < end);
    std::iter::successors(at(id), move |node| at(node.end))
}

fn position(tree: &CallTree, node: &Node, positions: &mut [i32], shown: &mut Vec<Function>) -> i32 {
    let (Some(function), Some(position)) = (tree.function(node), positions.get_mut(node.function as usize))
    else {
        return -1;
    };
    if *position < 0 {
        *position = shown.len() as i32;
        shown.push(function.clone());
    }
    *position
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::{Direction, fixture::batch};

    fn check(options: &LayoutOptions) -> String {
        let stacks = [
            ("main;a;x", 60),
            ("main;a;y", 5),
            ("main;b;z;w", 20),
            ("main;c;d", 4),
            ("main;e", 1),
            ("idle", 10),
        ];
        let layout = layout(&CallTree::new(&batch(&stacks), Direction::Callees), options);
        let mut text = format!("{} of {} frames\n", layout.frames_sent, layout.frames_total);
        for (at, level) in layout.levels.iter().enumerate() {
            let name = usize::try_from(layout.names[at]).map_or("-", |name| &layout.functions[name].name);
            let indent = *level as usize * 2;
            let _ = writeln!(
                text,
                "{:indent$}{name} self {} hidden {}",
                "", layout.selves[at], layout.hidden[at]
            );
        }
        let _ = write!(text, "hidden share {}", layout.hidden_share);
        text
    }

    #[test]
    fn nothing_is_cut_from_what_fits() {
        insta::assert_snapshot!(check(&LayoutOptions::default()), @"
        11 of 11 frames
        - self 0 hidden 0
          main self 0 hidden 0
            a self 0 hidden 0
              x self 60 hidden 0
              y self 5 hidden 0
            b self 0 hidden 0
              z self 0 hidden 0
                w self 20 hidden 0
            c self 0 hidden 0
              d self 4 hidden 0
            e self 1 hidden 0
          idle self 10 hidden 0
        hidden share 0
        ");
    }

    #[test]
    fn narrow_siblings_become_one_group_per_parent() {
        insta::assert_snapshot!(check(&LayoutOptions { width_px: 100.0, min_px: 10.0, max_frames: 100 }), @"
        7 of 11 frames
        - self 0 hidden 0
          main self 0 hidden 0
            a self 0 hidden 0
              x self 60 hidden 0
              - self 5 hidden 1
            b self 0 hidden 0
              z self 0 hidden 0
                w self 20 hidden 0
            - self 5 hidden 3
          idle self 10 hidden 0
        hidden share 0.1
        ");
    }

    #[test]
    fn the_widest_frames_are_kept() {
        insta::assert_snapshot!(check(&LayoutOptions { max_frames: 3, ..LayoutOptions::default() }), @"
        3 of 11 frames
        - self 0 hidden 0
          main self 0 hidden 0
            a self 0 hidden 0
              x self 60 hidden 0
              - self 5 hidden 1
            - self 25 hidden 6
          - self 10 hidden 1
        hidden share 0.4
        ");
    }

    #[test]
    fn no_frames_at_all_hides_everything_in_one_group() {
        insta::assert_snapshot!(check(&LayoutOptions { max_frames: 0, ..LayoutOptions::default() }), @"
        0 of 11 frames
        - self 0 hidden 0
          - self 100 hidden 11
        hidden share 1
        ");
    }
}
