//! The executables met so far: each file is read once, however many processes map it.

use std::sync::Arc;

use crate::{
    Backing, Counters, Executable, ExecutableId, FileIdentity, Limits, MappedAt, Mapping, Outcome,
    ProcessFiles, build_id,
    elf::{Image, Layout},
    load_budget::LoadBudget,
    lru::Lru,
    rows::Rows,
};

/// An executable and what unwinding knows of it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) executable: Arc<Executable>,
    /// Absent when the file could not be read or is not x86-64 code.
    pub(crate) layout: Option<Layout>,
}

/// All executables, and the rows of those used of late.
pub(crate) struct Executables {
    known: Lru<FileIdentity, Arc<Known>>,
    vdso: Option<Arc<Known>>,
    rows: Lru<ExecutableId, Rows>,
    rows_bytes_max: usize,
    loading: LoadBudget,
    next_id: u64,
    too_big: u64,
}

impl Known {
    /// True when the file's content is known.
    pub(crate) fn is_readable(&self) -> bool {
        !self.executable.build_id.is_empty()
    }

    /// What to subtract from a runtime address in this mapping to get the file address; the file offset serves
    /// where the file's own addresses are not known.
    pub(crate) fn bias(&self, mapping: &Mapping) -> u64 {
        let stated = self.layout.as_ref().and_then(|layout| layout.bias(mapping.start, mapping.offset));
        stated.unwrap_or_else(|| mapping.start.wrapping_sub(mapping.offset))
    }
}

impl Executables {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            known: Lru::new(limits.executables),
            vdso: None,
            rows: Lru::new(limits.rows_bytes),
            rows_bytes_max: limits.rows_bytes,
            loading: LoadBudget::new(limits.rows_bytes_per_s),
            next_id: 0,
            too_big: 0,
        }
    }

    /// The executable behind a mapping of a process. Always gives one: a file that cannot be read keeps its path.
    pub(crate) fn resolve(&mut self, files: &dyn ProcessFiles, pid: u32, mapping: &Mapping) -> Arc<Known> {
        if mapping.backing == Backing::Vdso {
            return self.vdso(files, pid, mapping);
        }
        let opened = files.open(pid, mapping).and_then(|file| {
            let identity = FileIdentity::from(&file.metadata()?);
            Ok((file, identity))
        });
        let Ok((file, identity)) = opened else {
            return self.make(pid, mapping, FileIdentity::default(), None);
        };
        if let Some(known) = self.known.get(&identity) {
            return known.clone();
        }
        let known = self.make(pid, mapping, identity, Some(&Image::File(file)));
        if known.is_readable() {
            self.known.insert(identity, known.clone(), 1);
        }
        known
    }

    /// Gives up half of the rows that there may be.
    pub(crate) fn trim(&mut self, counters: &mut Counters) {
        counters.rows_evicted += self.rows.shrink(self.rows_bytes_max / 2);
        counters.rows_bytes = self.rows.weight() as u64;
    }

    /// Executables whose rows are beyond the limit.
    pub(crate) fn too_big(&self) -> u64 {
        self.too_big
    }

    /// The unwind rows of an executable, read again if they had been given up; else why not.
    pub(crate) fn rows(
        &mut self,
        known: &Known,
        files: &dyn ProcessFiles,
        (pid, mapping, now_ns): (u32, &Mapping, u64),
        counters: &mut Counters,
    ) -> Result<&mut Rows, Outcome> {
        let id = known.executable.id;
        if self.rows.get(&id).is_none() {
            let bytes = known.layout.as_ref().map_or(0, Layout::rows_bytes);
            if !self.loading.take(bytes, now_ns) {
                counters.rows_delayed += 1;
                return Err(Outcome::RowsDelayed);
            }
            let rows = self.load(known, files, pid, mapping).ok_or(Outcome::FileUnreadable)?;
            let weight = rows.bytes();
            counters.rows_loaded += 1;
            counters.rows_evicted += self.rows.insert(id, rows, weight);
            counters.rows_bytes = self.rows.weight() as u64;
        }
        self.rows.get(&id).ok_or(Outcome::FileUnreadable)
    }

    fn load(&self, known: &Known, files: &dyn ProcessFiles, pid: u32, mapping: &Mapping) -> Option<Rows> {
        let layout = known.layout.as_ref()?;
        let image = if mapping.backing == Backing::Vdso {
            Image::Memory(files.vdso().ok()?)
        } else {
            let file = files.open(pid, mapping).ok()?;
            if FileIdentity::from(&file.metadata().ok()?) != known.executable.identity {
                return None;
            }
            Image::File(file)
        };
        Rows::load(&image, layout).ok()?
    }

    fn vdso(&mut self, files: &dyn ProcessFiles, pid: u32, mapping: &Mapping) -> Arc<Known> {
        if let Some(known) = &self.vdso {
            return known.clone();
        }
        let image = files.vdso().ok().map(Image::Memory);
        let known = self.make(pid, mapping, FileIdentity::default(), image.as_ref());
        if known.is_readable() {
            self.vdso = Some(known.clone());
        }
        known
    }

    fn make(
        &mut self,
        pid: u32,
        mapping: &Mapping,
        identity: FileIdentity,
        image: Option<&Image>,
    ) -> Arc<Known> {
        let mut layout = image.and_then(|image| image.layout(&mapping.path));
        let noted = layout.as_ref().and_then(|layout| layout.build_id.clone());
        let build_id = noted.or_else(|| match image? {
            Image::File(file) => build_id::from_content(file, identity.size).ok(),
            Image::Memory(_) => None,
        });
        let id = ExecutableId(self.next_id);
        self.next_id += 1;
        self.too_big +=
            u64::from(layout.as_mut().is_some_and(|layout| layout.drop_rows_above(self.rows_bytes_max)));
        let executable = Executable {
            id,
            path: mapping.path.clone(),
            build_id: build_id.unwrap_or_default(),
            identity,
            mapped_at: MappedAt { pid, start: mapping.start, end: mapping.end },
        };
        Arc::new(Known { executable: Arc::new(executable), layout })
    }
}
