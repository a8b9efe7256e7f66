//! What is known of files: read when it is first needed, and kept while there is room.

use std::{fs::File, io, path::PathBuf, sync::Arc};

use model::FrameKind;

use crate::{
    Executable, Image, Limits, Outcome, Symbol,
    cache::Cache,
    debug_file,
    debug_info::DebugInfo,
    elf::{self, Contents},
    index::SymbolIndex,
    kept::Kept,
    scan,
    symbol::Function,
    symbolizer::Space,
};

/// The files of executables.
#[derive(Debug)]
pub(crate) struct Files {
    debug_directories: Vec<PathBuf>,
    known: Cache<Space, Arc<Known>>,
    indexes: Kept<SymbolIndex>,
    /// How often a file without an index was scanned.
    scans: Cache<Space, u32>,
    debug_info: Kept<DebugInfo>,
    index_functions_max: usize,
    debug_bytes: u64,
    debug_bytes_kept: u64,
    /// How often a file was opened and read.
    pub(crate) read: u64,
    /// Files with more debug information than the limits.
    pub(crate) debug_info_too_big: u64,
}

/// What a file says about itself.
#[derive(Debug)]
struct Known {
    /// Of the separate debug file where there is one, else of the executable.
    contents: Contents,
    separate: Option<Image>,
    shared: Option<(Image, Contents)>,
}

/// An executable during one batch: opened only if something has to be read from it.
struct Source<O> {
    open: Option<O>,
    image: Option<Image>,
}

/// Files whose separate debug files stay open.
const KNOWN_MAX: usize = 512;

/// How often a file is scanned before it gets an index, which takes three times as long to make. Most programs of a
/// build run for one window only, and would push the indexes of others out.
const SCANS_MAX: u32 = 2;

/// Bytes that one function takes in an index, at most.
const INDEX_ENTRY_BYTES: u64 = 16;

impl Files {
    pub(crate) fn new(debug_directories: Vec<PathBuf>, limits: &Limits) -> Self {
        Self {
            debug_directories,
            known: Cache::new(KNOWN_MAX),
            indexes: Kept::new(limits.index_bytes),
            scans: Cache::new(KNOWN_MAX),
            debug_info: Kept::new(limits.debug_bytes_kept),
            index_functions_max: usize::try_from(limits.index_bytes / INDEX_ENTRY_BYTES)
                .unwrap_or(usize::MAX),
            debug_bytes: limits.debug_bytes,
            debug_bytes_kept: limits.debug_bytes_kept,
            read: 0,
            debug_info_too_big: 0,
        }
    }

    /// Forgets what files hold.
    pub(crate) fn forget(&mut self) {
        self.indexes.clear();
        self.debug_info.clear();
    }

    /// Names file addresses, sorted and distinct, of one executable; `None` if it has to be read and cannot be.
    /// Addresses of one function without lines share their symbol, which `functions` remembers.
    pub(crate) fn name(
        &mut self,
        space: Space,
        executable: &Executable,
        open: impl FnOnce() -> io::Result<Image>,
        wanted: &[u64],
        functions: &mut Cache<(Space, u32), Symbol>,
    ) -> Option<Vec<Symbol>> {
        let mut source = Source { open: Some(open), image: None };
        let known = self.known(space, executable, &mut source)?;
        let found = self.find_in_debug_info(space, &known, &mut source, wanted)?;
        // Debug information speaks of what was compiled; hand-written code has only symbols.
        let unnamed = |(address, functions): (&u64, &Vec<Function>)| {
            functions.last().is_none_or(|outermost| outermost.name.is_empty()).then_some(*address)
        };
        let rest: Vec<u64> = wanted.iter().zip(&found).filter_map(unnamed).collect();
        let mut names = self.find_in_symbols(space, &known, &mut source, &rest)?.into_iter();
        let is_without = known.contents.symbols.is_none();
        let otherwise = if is_without { Outcome::NoSymbolTable } else { Outcome::NoSymbol };
        let mut symbols = Vec::with_capacity(wanted.len());
        for (address, mut found) in wanted.iter().zip(found) {
            if found.last().is_some_and(|outermost| !outermost.name.is_empty()) {
                symbols.push(Symbol::named(FrameKind::Native, executable, found));
                continue;
            }
            let Some(name) = names.next().flatten() else {
                symbols.push(Symbol::unnamed(FrameKind::Native, executable, *address, otherwise));
                continue;
            };
            let symbol = match functions.get(&(space, name)) {
                Some(symbol) => symbol,
                None => {
                    let name =
                        known.contents.symbols?.name(source.image(&known, &mut self.read)?, name).ok()?;
                    let function = Function { name, ..Function::default() };
                    Symbol::named(FrameKind::Native, executable, vec![function])
                }
            };
            functions.insert((space, name), symbol.clone());
            symbols.push(match found.last_mut() {
                Some(outermost) => {
                    outermost.name = symbol.frames.first()?.function.to_string();
                    Symbol::named(FrameKind::Native, executable, found)
                }
                None => symbol,
            });
        }
        Some(symbols)
    }

    fn known<O: FnOnce() -> io::Result<Image>>(
        &mut self,
        space: Space,
        executable: &Executable,
        source: &mut Source<O>,
    ) -> Option<Arc<Known>> {
        if let Some(known) = self.known.get(&space) {
            return Some(known);
        }
        let own = elf::contents(source.open(&mut self.read)?).ok()?;
        let has_own = own.debug_bytes() > 0;
        let path = (!has_own).then(|| debug_file::find(&self.debug_directories, executable, &own)).flatten();
        let separate = path.as_ref().and_then(|path| {
            let image = Image::File(File::open(path).ok()?);
            let contents = elf::contents(&image).ok()?;
            contents.symbols.is_some().then_some((image, contents))
        });
        let (separate, contents) = match separate {
            Some((image, contents)) => (Some(image), contents),
            None => (None, own),
        };
        let shared = debug_file::find_shared(&self.debug_directories, path.as_deref(), &contents);
        let known = Arc::new(Known { contents, separate, shared });
        self.known.insert(space, known.clone());
        Some(known)
    }

    fn find_in_debug_info<O: FnOnce() -> io::Result<Image>>(
        &mut self,
        space: Space,
        known: &Known,
        source: &mut Source<O>,
        wanted: &[u64],
    ) -> Option<Vec<Vec<Function>>> {
        let expected = DebugInfo::bytes_expected(&known.contents, known.shared.as_ref());
        if expected == 0 {
            return Some(vec![Vec::new(); wanted.len()]);
        }
        let mut info = match self.debug_info.take(space) {
            Some(info) => info,
            None if expected > self.debug_bytes => {
                self.debug_info_too_big += 1;
                DebugInfo::nothing()
            }
            None => {
                let image = source.image(known, &mut self.read)?;
                DebugInfo::read(image, &known.contents, known.shared.as_ref())
            }
        };
        let found = wanted.iter().map(|address| info.find(*address)).collect();
        // Reading it again and again would cost more than it tells.
        if info.bytes() > self.debug_bytes_kept {
            self.debug_info_too_big += 1;
            info = DebugInfo::nothing();
        }
        let bytes = info.bytes();
        self.debug_info.put(space, info, bytes);
        Some(found)
    }

    /// Where the names are of the functions at addresses.
    fn find_in_symbols<O: FnOnce() -> io::Result<Image>>(
        &mut self,
        space: Space,
        known: &Known,
        source: &mut Source<O>,
        wanted: &[u64],
    ) -> Option<Vec<Option<u32>>> {
        let Contents { symbols: Some(table), code, .. } = &known.contents else {
            return Some(vec![None; wanted.len()]);
        };
        if wanted.is_empty() {
            return Some(Vec::new());
        }
        let index = match self.indexes.take(space) {
            Some(index) => index,
            None => {
                let image = source.image(known, &mut self.read)?;
                let scans = self.scans.get(&space).unwrap_or(0);
                if scans < SCANS_MAX {
                    self.scans.insert(space, scans + 1);
                    return scan::find(table, image, code, wanted).ok();
                }
                match SymbolIndex::build(table, image, code, self.index_functions_max).ok()? {
                    Some(index) => index,
                    None => return scan::find(table, image, code, wanted).ok(),
                }
            }
        };
        let found = wanted.iter().map(|address| index.find(*address)).collect();
        let bytes = index.bytes();
        self.indexes.put(space, index, bytes);
        Some(found)
    }
}

impl<O: FnOnce() -> io::Result<Image>> Source<O> {
    /// What is read for names: the separate debug file where there is one.
    fn image<'a>(&'a mut self, known: &'a Known, opened: &mut u64) -> Option<&'a Image> {
        match &known.separate {
            Some(separate) => Some(separate),
            None => self.open(opened),
        }
    }

    fn open(&mut self, opened: &mut u64) -> Option<&Image> {
        if let Some(open) = self.open.take() {
            *opened += 1;
            self.image = open().ok();
        }
        self.image.as_ref()
    }
}
