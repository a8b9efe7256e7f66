//! Functions that samples saw running, by the file that they are in, from one look to the next.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use model::{Frame, FrameKind};

use super::own;

/// Names of functions by build id.
#[derive(Debug, Default)]
pub(crate) struct Sampled {
    by_build: BTreeMap<Arc<str>, HashSet<Arc<str>>>,
    names: usize,
    /// Names for which there was no room.
    dropped: u64,
}

/// Names kept, of all files together: about 3 MB.
const NAMES_MAX: usize = 30_000;

impl Sampled {
    /// Takes in the frames of a window: whatever is in a stack was running.
    pub(crate) fn add(&mut self, frames: &[Frame]) {
        for frame in frames {
            let is_known = frame.kind == FrameKind::Native
                && !frame.function.is_empty()
                && !frame.build_id.is_empty()
                && !own::is_distributions(&frame.executable);
            if is_known {
                self.insert(&frame.build_id, &frame.function);
            }
        }
    }

    /// Adds what others saw.
    pub(super) fn merge(&mut self, other: Self) {
        self.dropped += other.dropped;
        for (build, names) in &other.by_build {
            names.iter().for_each(|name| self.insert(build, name));
        }
    }

    /// What of a file was seen running; it is handed out once.
    pub(super) fn take(&mut self, build: &str) -> HashSet<Arc<str>> {
        let names = self.by_build.remove(build).unwrap_or_default();
        self.names -= names.len();
        names
    }

    /// Forgets all names; says how many there was no room for.
    pub(super) fn clear(&mut self) {
        self.by_build.clear();
        self.names = 0;
    }

    /// How many names were dropped since this was asked last.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    fn insert(&mut self, build: &Arc<str>, name: &Arc<str>) {
        let names = self.by_build.get_mut(build);
        if names.as_ref().is_some_and(|names| names.contains(name)) {
            return;
        }
        if self.names >= NAMES_MAX {
            self.dropped += 1;
            return;
        }
        self.names += 1;
        match names {
            Some(names) => drop(names.insert(name.clone())),
            None => drop(self.by_build.insert(build.clone(), HashSet::from([name.clone()]))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(executable: &str, build_id: &str, function: &str) -> Frame {
        Frame {
            executable: executable.into(),
            build_id: build_id.into(),
            function: function.into(),
            ..Frame::default()
        }
    }

    #[test]
    fn names_are_kept_by_file_and_handed_out_once() {
        let mut sampled = Sampled::default();
        let python = Frame { kind: FrameKind::Python, ..frame("/srv/feed", "a1", "python") };
        sampled.add(&[
            frame("/srv/feed", "a1", "rank"),
            frame("/srv/feed", "a1", "rank"),
            frame("/srv/feed", "a1", ""),
            frame("/srv/feed", "", "nowhere"),
            frame("/srv/mail", "b2", "send"),
            frame("/usr/lib/libc.so.6", "c3", "memcpy"),
            python,
        ]);
        let mut other = Sampled::default();
        other.add(&[frame("/srv/feed", "a1", "rank"), frame("/srv/feed", "a1", "page")]);
        sampled.merge(other);
        assert_eq!((sampled.names, sampled.by_build.len()), (3, 2));
        assert_eq!(sampled.take("a1"), HashSet::from(["rank".into(), "page".into()]));
        assert_eq!((sampled.take("a1").len(), sampled.names), (0, 1));
        sampled.clear();
        assert_eq!((sampled.take("b2").len(), sampled.names), (0, 0));
    }

    #[test]
    fn names_beyond_the_bound_are_counted() {
        let mut sampled = Sampled::default();
        let frames: Vec<Frame> =
            (0..NAMES_MAX + 5).map(|number| frame("/srv/feed", "a1", &format!("f{number}"))).collect();
        sampled.add(&frames);
        assert_eq!((sampled.names, sampled.take_dropped(), sampled.take_dropped()), (NAMES_MAX, 5, 0));
    }
}
