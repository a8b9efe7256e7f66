//! What trees cost on the scale of one endpoint's day: 50,000 distinct stacks of 20 to 60 frames.
//! Prints one line of JSON per measure.
#![allow(clippy::print_stdout)]

use std::{hint::black_box, time::Instant};

use calltree::{CallTree, DiffTree, Direction, LayoutOptions, layout, matched, top};
use model::{Batch, Frame, FrameId, Profile, Sample, StackId};

const STACKS: u32 = 50_000;
const FUNCTIONS: u64 = 20_000;

/// SplitMix64: a seed gives the same data on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound
    }
}

/// Stacks share beginnings as real ones do: each one leaves an earlier stack somewhere on the way to its leaf.
fn batch() -> Batch {
    let mut random = Random(7);
    let frames = (0..FUNCTIONS)
        .map(|at| Frame {
            function: format!("crate_{}::module::function_{at}", at % 97).into(),
            executable: format!("/usr/bin/service-{}", at % 11).into(),
            ..Frame::default()
        })
        .collect();
    let mut stacks: Vec<Vec<FrameId>> = Vec::new();
    for at in 0..u64::from(STACKS) {
        let depth = 20 + random.below(41) as usize;
        let mut stack: Vec<FrameId> = Vec::new();
        if at > 0
            && let Some(earlier) = stacks.get(random.below(at) as usize)
        {
            let shared = random.below(depth as u64) as usize;
            stack = earlier.iter().rev().take(shared).copied().collect();
        }
        stack.extend((stack.len()..depth).map(|_| FrameId(random.below(FUNCTIONS) as u32)));
        stack.reverse();
        stacks.push(stack);
    }
    let samples = (0..STACKS)
        .map(|stack| Sample { stack: StackId(stack), value: 1 + random.below(1_000_000) as i64 })
        .collect();
    Batch { frames, stacks, profiles: vec![Profile { samples, ..Profile::default() }], ..Batch::default() }
}

/// Prints the best of five runs: the work is pure, so whatever took longer was something else.
fn measure<T>(name: &str, mut work: impl FnMut() -> T) {
    let best = (0..5)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!("{{\"bench\":\"calltree\",\"measure\":\"{name}\",\"wall_s\":{:.4}}}", best.as_secs_f64());
}

fn main() {
    let batch = batch();
    let tree = CallTree::new(&batch, Direction::Callees);
    let nodes = tree.nodes().len();
    println!("{{\"bench\":\"calltree\",\"measure\":\"nodes\",\"count\":{nodes}}}");
    measure("merge", || CallTree::new(&batch, Direction::Callees));
    measure("merge_callers", || CallTree::new(&batch, Direction::Callers));
    measure("layout", || layout(&tree, &LayoutOptions::default()));
    measure("top", || top(&batch));
    measure("match", || matched(&batch, |function| function.name.contains("_77")));
    measure("diff", || DiffTree::new(&tree, &tree));
}
