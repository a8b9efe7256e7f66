//! Randomness from a seed, and batches made of it.

use model::{Batch, BatchBuilder, Frame, FrameKind, LabelSet, Profile, Sample, Window};

/// Numbers that are a function of the seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts the sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next_u64().checked_rem(end).unwrap_or(0)
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the items. Panics when there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        match items.get(self.below(items.len() as u64) as usize) {
            Some(item) => item,
            None => panic!("nothing to pick from"),
        }
    }
}

/// A small batch, the same for the same seed: every kind of frame, awkward names, labels, several windows.
pub fn random_batch(seed: u64) -> Batch {
    let mut random = Random::new(seed);
    let frames: Vec<Frame> = (0..=random.below(30)).map(|_| random_frame(&mut random)).collect();
    let profiles: Vec<Profile> = (0..random.below(4)).map(|_| random_profile(&mut random)).collect();
    let mut builder = BatchBuilder::new();
    for profile in &profiles {
        for _ in 0..=random.below(20) {
            let depth = 1 + random.below(12);
            let stack = (0..depth).map(|_| builder.frame(random.pick(&frames).clone())).collect();
            let stack = builder.stack(stack);
            let value = random.below(1_000) as i64 * profile.period.max(1);
            builder.add(profile, Sample { stack, value });
        }
    }
    builder.finish()
}

fn random_profile(random: &mut Random) -> Profile {
    let start_ns = 1_700_000_000_000_000_000 + random.below(100) as i64 * 10_000_000_000;
    let keys = ["service.name", "endpoint", "host.name", "thread.name"];
    let values = ["feed", "GET /p/{id}", "quo\"ted", "naïve", "back\\slash", "two\nlines"];
    let labels: Vec<(&str, &str)> =
        (0..random.below(4)).map(|_| (*random.pick(&keys), *random.pick(&values))).collect();
    Profile {
        labels: LabelSet::new(labels),
        window: Window { start_ns, end_ns: start_ns + 10_000_000_000 },
        period: *random.pick(&[0, 10_101_010, 52_631_579]),
        ..Profile::default()
    }
}

fn random_frame(random: &mut Random) -> Frame {
    let names = [
        "main",
        "alloc::vec::Vec<[u8; 8]>::push",
        "<T as U>::f",
        "operator new 5",
        "naïve",
        "a\\b",
        "two\nlines",
    ];
    let executables = ["/usr/bin/app", "/usr/lib/libc.so.6", "[vdso]"];
    let numbered = format!("f{}", random.below(20));
    let function = if random.chance(50) { numbered.as_str() } else { random.pick(&names) };
    let executable = *random.pick(&executables);
    let named = Frame { function: function.into(), executable: executable.into(), ..Frame::default() };
    match random.below(8) {
        0 => Frame { kind: FrameKind::Kernel, executable: "[kernel]".into(), ..named },
        1 => Frame { kind: FrameKind::Jit, executable: "".into(), ..named },
        2 => Frame::marker("[truncated]"),
        3 => Frame {
            function: "".into(),
            address: 16 + random.below(1 << 40),
            build_id: "ab12".into(),
            ..named
        },
        4 => {
            let (file, line) = ("feed/views.py".into(), 1 + random.below(300) as u32);
            Frame { kind: FrameKind::Python, executable: "".into(), file, line, ..named }
        }
        5 => Frame { inlined: true, file: "src/lib.rs".into(), line: 1 + random.below(300) as u32, ..named },
        _ => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            [random.next_u64(), random.next_u64()]
        };
        assert_eq!(numbers(0), [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
        assert_ne!(numbers(1), numbers(2));
    }

    #[test]
    fn batches_are_valid_and_vary() {
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let batch = random_batch(seed);
            assert_eq!(batch.check(), Ok(()));
            assert_eq!(batch, random_batch(seed));
            kinds.extend(batch.frames.iter().map(|frame| (frame.kind, frame.inlined)));
        }
        assert_eq!(kinds.len(), 6, "{kinds:?}");
    }
}
