//! What a file with code says about the runtimes in it, looked up once per file however many processes have it mapped.

use std::{fs::File, sync::Arc};

use agent_python::{Binary, Refusal};
use agent_unwind::{Backing, Mapping, ProcFiles, ProcessFiles};
use object::ReadCache;

use crate::{
    context::{
        custom_labels::{self, CustomLabels},
        elf::Elf,
        go::{self, GoLayout},
        postgres, thread_context,
        tls::TlsVariable,
    },
    lru::Lru,
    tally::Tally,
};

/// What one file has to offer; nothing for most.
#[derive(Debug, Default)]
pub(super) struct Inspection {
    /// CPython.
    pub(super) python: Option<Arc<Binary>>,
    /// The variable that OpenTelemetry's thread context is in.
    pub(super) thread_context: Option<TlsVariable>,
    /// The variable that custom labels are in.
    pub(super) custom_labels: Option<TlsVariable>,
    /// Go's runtime.
    pub(super) go: Option<GoLayout>,
    /// File address of the pointer to a running query's text.
    pub(super) query_text: Option<u64>,
}

/// Files looked into, bounded.
#[derive(Debug)]
pub(super) struct Inspections {
    /// By inode and path: an inode number alone is used by every file system.
    files: Lru<(u64, Arc<str>), Arc<Inspection>>,
    tally: Tally,
}

const MAX_FILES: usize = 4096;
/// Counts files that look like a runtime by what became of them.
const RUNTIME_FILES: &str = "runtime_files_total";

impl Inspection {
    /// True when processes that have the file mapped are worth a closer look.
    pub(super) fn is_of_interest(&self) -> bool {
        self.python.is_some()
            || self.thread_context.is_some()
            || self.custom_labels.is_some()
            || self.go.is_some()
            || self.query_text.is_some()
    }
}

impl Inspections {
    pub(super) fn new() -> Self {
        Self { files: Lru::new(MAX_FILES), tally: Tally::default() }
    }

    /// What the file behind a mapping offers. A file that cannot be opened is tried again with the next process.
    pub(super) fn of(
        &mut self,
        pid: u32,
        mapping: &Mapping,
        is_program: bool,
        files: &ProcFiles,
    ) -> Option<Arc<Inspection>> {
        if mapping.backing != Backing::File || mapping.inode == 0 {
            return None;
        }
        let key = (mapping.inode, mapping.path.clone());
        if let Some(known) = self.files.get(&key) {
            return Some(known.clone());
        }
        let file = files.open(pid, mapping).ok()?;
        let inspection = Arc::new(self.inspect(file, mapping, is_program));
        self.files.insert(key, inspection.clone());
        Some(inspection)
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    fn inspect(&mut self, file: File, mapping: &Mapping, is_program: bool) -> Inspection {
        let python = self.python(&file, mapping, is_program);
        let cache = ReadCache::new(&file);
        let Some(elf) = Elf::parse(&cache) else { return Inspection { python, ..Inspection::default() } };
        let custom_labels = match custom_labels::find(&elf) {
            Some(CustomLabels::Set(variable)) => Some(variable),
            Some(CustomLabels::UnknownVersion(_)) => {
                self.tally.add(RUNTIME_FILES, "custom-labels unknown version", 1);
                None
            }
            None => None,
        };
        let go = is_program.then(|| go::recognise(&elf)).flatten().and_then(|recognised| {
            self.tally.add(
                RUNTIME_FILES,
                recognised.as_ref().map_or_else(|refusal| refusal.name(), |_| "go"),
                1,
            );
            recognised.ok()
        });
        Inspection {
            python,
            thread_context: thread_context::find(&elf),
            custom_labels,
            go,
            query_text: postgres::query_text_pointer(&elf, &mapping.path, 0),
        }
    }

    fn python(&mut self, file: &File, mapping: &Mapping, is_program: bool) -> Option<Arc<Binary>> {
        if !agent_python::may_be_interpreter(&python_mapping(mapping), is_program) {
            return None;
        }
        match Binary::inspect(file) {
            Ok(found) => {
                let binary = found?;
                self.tally.add(RUNTIME_FILES, "cpython", 1);
                Some(Arc::new(binary))
            }
            Err(refusal) => {
                self.tally.add(super::PYTHON_REFUSALS, Refusal::name(refusal), 1);
                None
            }
        }
    }
}

/// The same mapping in the words of the other crate.
pub(crate) fn python_mapping(mapping: &Mapping) -> agent_python::Mapping<'_> {
    agent_python::Mapping {
        start: mapping.start,
        end: mapping.end,
        file_offset: mapping.offset,
        executable: true,
        inode: mapping.inode,
        path: mapping.path.as_bytes(),
    }
}
