//! What must hold for every batch and every cut.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::collections::BTreeMap;

use calltree::{CallTree, DiffTree, Direction, Layout, LayoutOptions, layout, matched, top};
use model::{Batch, BatchBuilder, Frame, Profile, Sample};
use proptest::prelude::*;

/// Few names, so that paths repeat, functions recurse and display names collide across files.
fn batches() -> impl Strategy<Value = Batch> {
    let frame = (0..6_u8, 0..2_u8, 0..3_u32);
    let stack = (prop::collection::vec(frame, 0..8), 0..100_i64, 0..3_i64);
    prop::collection::vec(stack, 0..40).prop_map(|stacks| {
        let mut builder = BatchBuilder::new();
        for (frames, value, period) in stacks {
            let frames = frames
                .into_iter()
                .map(|(name, file, line)| {
                    let function = format!("f{name}").into();
                    builder.frame(Frame {
                        function,
                        file: format!("{file}.c").into(),
                        line,
                        ..Frame::default()
                    })
                })
                .collect();
            let stack = builder.stack(frames);
            builder.add(&Profile { period, ..Profile::default() }, Sample { stack, value });
        }
        builder.finish()
    })
}

fn options() -> impl Strategy<Value = LayoutOptions> {
    (1.0..2000.0_f64, 0.0..200.0_f64, 0..30_usize).prop_map(|(width_px, min_px, max_frames)| LayoutOptions {
        width_px,
        min_px,
        max_frames,
    })
}

/// Folds totals from the rows, as a browser does.
fn folded(layout: &Layout) -> Vec<i64> {
    let mut totals = layout.selves.clone();
    for row in (1..totals.len()).rev() {
        let parent = (0..row).rev().find(|above| layout.levels[*above] < layout.levels[row]).unwrap();
        totals[parent] += totals[row];
    }
    totals
}

/// Totals by path of display names, as the whole tree has them.
fn totals_by_path(tree: &CallTree) -> BTreeMap<Vec<(String, String)>, i64> {
    let mut path = Vec::new();
    let mut totals = BTreeMap::new();
    for node in &tree.nodes()[1..] {
        path.truncate(node.level as usize - 1);
        let function = tree.function(node).unwrap();
        path.push((function.name.to_string(), function.file.to_string()));
        totals.insert(path.clone(), node.total);
    }
    totals
}

proptest! {
    #[test]
    fn a_tree_conserves_the_batch(batch in batches()) {
        for direction in [Direction::Callees, Direction::Callers] {
            let tree = CallTree::new(&batch, direction);
            prop_assert_eq!(tree.total(), batch.total());
            prop_assert_eq!(tree.nodes().iter().map(|node| node.self_value).sum::<i64>(), batch.total());
            for (id, node) in tree.nodes().iter().enumerate() {
                let children: Vec<_> = tree.children(id as u32).map(|id| tree.nodes()[id as usize]).collect();
                prop_assert_eq!(node.total, node.self_value + children.iter().map(|child| child.total).sum::<i64>());
                prop_assert!(children.is_sorted_by_key(|child| (-child.total, child.function)));
                prop_assert!(children.iter().all(|child| child.parent == id as u32 && child.level == node.level + 1));
            }
        }
    }

    #[test]
    fn a_cut_changes_no_number(batch in batches(), options in options()) {
        let tree = CallTree::new(&batch, Direction::Callees);
        let rows = layout(&tree, &options);
        let totals = folded(&rows);
        prop_assert_eq!(totals[0], batch.total());
        prop_assert_eq!(rows.frames_sent + rows.hidden.iter().map(|count| u64::from(*count)).sum::<u64>(), rows.frames_total);
        prop_assert!(rows.frames_sent <= options.max_frames as u64);

        let whole = totals_by_path(&tree);
        let mut path = Vec::new();
        for row in 1..totals.len() {
            path.truncate(rows.levels[row] as usize - 1);
            let Ok(name) = usize::try_from(rows.names[row]) else { continue };
            let function = &rows.functions[name];
            path.push((function.name.to_string(), function.file.to_string()));
            prop_assert_eq!(whole.get(&path), Some(&totals[row]));
            prop_assert!(totals[row] as f64 * options.width_px >= options.min_px * totals[0] as f64);
        }
        let hidden: i64 = rows.selves.iter().zip(&rows.hidden).filter(|(_, count)| **count > 0).map(|(value, _)| value).sum();
        prop_assert!((rows.hidden_share * totals[0] as f64 - hidden as f64).abs() < 1e-6);
    }

    #[test]
    fn focus_conserves(batch in batches()) {
        let tree = CallTree::new(&batch, Direction::Callees);
        let mut by_name: BTreeMap<Vec<String>, i64> = BTreeMap::new();
        for (path, total) in totals_by_path(&tree) {
            *by_name.entry(path.into_iter().map(|(name, _)| name).collect()).or_default() += total;
        }
        for (path, total) in by_name {
            prop_assert_eq!(tree.focus(&path).total(), total);
        }
    }

    #[test]
    fn callers_at_the_top_are_the_selves_of_the_table(batch in batches()) {
        let tree = CallTree::new(&batch, Direction::Callers);
        let rows = top(&batch);
        let selves: BTreeMap<_, _> =
            rows.iter().filter(|row| row.self_value > 0).map(|row| (&row.function, row.self_value)).collect();
        let leaves: BTreeMap<_, _> = tree
            .children(0)
            .map(|id| &tree.nodes()[id as usize])
            .map(|node| (tree.function(node).unwrap(), node.total))
            .collect();
        prop_assert_eq!(selves, leaves);
        for row in &rows {
            let found = matched(&batch, |function| *function == row.function);
            prop_assert_eq!((found.value, found.functions), (row.total, 1));
        }
    }

    #[test]
    fn a_diff_keeps_both_sides(left in batches(), right in batches()) {
        let [baseline, candidate] = [&left, &right].map(|batch| CallTree::new(batch, Direction::Callees));
        let diff = DiffTree::new(&baseline, &candidate);
        let both: Vec<_> = diff.nodes().map(|(_, _, both)| both).collect();
        prop_assert_eq!(both[0].baseline.total, left.total());
        prop_assert_eq!(both[0].candidate.total, right.total());
        prop_assert_eq!(both.iter().map(|both| both.baseline.self_value).sum::<i64>(), left.total());
        prop_assert_eq!(both.iter().map(|both| both.candidate.self_value).sum::<i64>(), right.total());
        prop_assert_eq!(diff.merged(), &CallTree::merge(&[&baseline, &candidate]));

        let mut builder = BatchBuilder::new();
        builder.extend(&left);
        builder.extend(&right);
        let together = CallTree::new(&builder.finish(), Direction::Callees);
        prop_assert_eq!(totals_by_path(diff.merged()), totals_by_path(&together));
    }
}
