//! The address spaces of this host, by image, with an overlay for a process that mapped more code after its fork.

use foldhash::{HashSet, HashSetExt};

use crate::{
    Counters, ImageKey, Limits, ProcessFiles, Sample, lru::Lru, maps::parse_maps, space::AddressSpace,
};

/// Address spaces, bounded; what was used longest ago is read again when it is met again.
pub(crate) struct Spaces {
    images: Lru<ImageKey, AddressSpace>,
    overlays: Lru<(ImageKey, u32), AddressSpace>,
    /// Processes that mapped code since their mappings were last read.
    stale: HashSet<u32>,
    mappings_max: usize,
    maps_bytes_max: usize,
    reread_interval_ns: u64,
}

/// Processes remembered as stale; others wait the whole interval, as all do without this knowledge.
const STALE_MAX: usize = 4096;
/// How much sooner the mappings of a process that is known to have changed are read again.
const STALE_HASTE: u64 = 10;

impl Spaces {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            images: Lru::new(limits.images),
            overlays: Lru::new(limits.overlays),
            stale: HashSet::new(),
            mappings_max: limits.mappings,
            maps_bytes_max: limits.maps_bytes,
            reread_interval_ns: limits.reread_interval_ns,
        }
    }

    /// The address space of a sampled process, read if it is new. `None` when the process is gone, or runs another
    /// program by now; that is not remembered, because another process may still have the image.
    pub(crate) fn get(
        &mut self,
        sample: &Sample<'_>,
        files: &dyn ProcessFiles,
        counters: &mut Counters,
    ) -> Option<&mut AddressSpace> {
        let overlay = (sample.image, sample.pid);
        if self.overlays.get(&overlay).is_some() {
            return self.overlays.get(&overlay);
        }
        if self.images.get(&sample.image).is_none() {
            let space = self.read(sample, files, None, counters)?;
            counters.maps_read += 1;
            self.images.insert(sample.image, space, 1);
            counters.images = self.images.len() as u64;
        }
        self.images.get(&sample.image)
    }

    /// Reads the mappings of a process again because an address was in none of them. False when it was done too
    /// short a time ago, or cannot be done.
    pub(crate) fn reread(
        &mut self,
        sample: &Sample<'_>,
        files: &dyn ProcessFiles,
        counters: &mut Counters,
    ) -> bool {
        let overlay = (sample.image, sample.pid);
        let haste = if self.stale.contains(&sample.pid) { STALE_HASTE } else { 1 };
        let interval_ns = self.reread_interval_ns / haste;
        let is_recent = |space: &AddressSpace| {
            space.pid == sample.pid && sample.at_ns.saturating_sub(space.read_at_ns) < interval_ns
        };
        let earlier = self.overlays.remove(&overlay).or_else(|| {
            // The image is this process's own reading, or stays for the others.
            let is_own = self.images.get(&sample.image)?.pid == sample.pid;
            is_own.then(|| self.images.remove(&sample.image)).flatten()
        });
        let shared = self.images.get(&sample.image).is_some();
        let recent = earlier.as_ref().is_some_and(is_recent);
        let fresh = if recent { None } else { self.read(sample, files, earlier.as_ref(), counters) };
        counters.maps_reread += u64::from(fresh.is_some());
        let reread = fresh.is_some();
        if reread {
            self.stale.remove(&sample.pid);
        }
        if let Some(space) = fresh.or(earlier) {
            if shared {
                self.overlays.insert(overlay, space, 1);
            } else {
                self.images.insert(sample.image, space, 1);
            }
        }
        reread
    }

    /// The address space of a process as far as it has been read.
    pub(crate) fn known(&mut self, pid: u32, image: ImageKey) -> Option<&AddressSpace> {
        let overlay = self.overlays.get(&(image, pid));
        overlay.or_else(|| self.images.get(&image)).map(|space| &*space)
    }

    /// A process has mapped code: what is known of it may not be all.
    pub(crate) fn mapped(&mut self, pid: u32) {
        if self.stale.len() < STALE_MAX {
            self.stale.insert(pid);
        }
    }

    /// Forgets what belongs to a process alone.
    pub(crate) fn forget_process(&mut self, pid: u32) {
        self.stale.remove(&pid);
        self.overlays.retain(|(_, owner)| *owner != pid);
    }

    fn read(
        &self,
        sample: &Sample<'_>,
        files: &dyn ProcessFiles,
        earlier: Option<&AddressSpace>,
        counters: &mut Counters,
    ) -> Option<AddressSpace> {
        let text = files.maps(sample.pid, self.maps_bytes_max).ok()?;
        let maps = parse_maps(&text, self.mappings_max);
        // An empty list is a process on its way out. One that executed another program since the sample must not
        // lend its new mappings to the old image.
        if maps.mappings.is_empty() || !is_still(sample.image, files, sample.pid) {
            return None;
        }
        counters.mappings_dropped += maps.dropped;
        Some(AddressSpace::new(maps, sample.pid, sample.at_ns, earlier))
    }
}

fn is_still(image: ImageKey, files: &dyn ProcessFiles, pid: u32) -> bool {
    match files.start_stack(pid) {
        Ok(start_stack) => image.start_stack == 0 || start_stack == 0 || start_stack == image.start_stack,
        Err(_) => false,
    }
}
