//! The symbolizer: batches of addresses in, symbols out, results remembered.

use std::{collections::BTreeMap, fs, io, path::PathBuf, sync::Arc};

use model::FrameKind;

use crate::{
    Counters, Executable, Image, Outcome, Symbol,
    cache::Cache,
    debug_file, dwarf, elf,
    kernel::{KERNEL, KernelSymbols},
    perf_files::PerfFiles,
    symbol::Function,
};

/// Where the symbolizer finds what it is not handed (I7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// The directory of processes and kernel symbols.
    pub proc: PathBuf,
    /// Directories with separate debug files.
    pub debug_directories: Vec<PathBuf>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { proc: "/proc".into(), debug_directories: vec!["/usr/lib/debug".into()] }
    }
}

/// Bounds on everything that grows with its input (I6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Results remembered; about 300 bytes each.
    pub results: usize,
    /// Executables remembered by path and build id.
    pub executables: usize,
    /// Bytes of debug information in one file, decompressed. Reading it takes more than as many bytes of memory for
    /// the time of a batch. A file with more is named from its symbol table.
    pub debug_bytes: u64,
    /// Kernel symbols.
    pub kernel_symbols: usize,
    /// Entries of all perf maps together.
    pub perf_map_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            results: 32_768,
            executables: 4096,
            debug_bytes: 20 << 20,
            kernel_symbols: 1 << 20,
            perf_map_entries: 100_000,
        }
    }
}

/// Names addresses.
#[derive(Debug)]
pub struct Symbolizer {
    sources: Sources,
    limits: Limits,
    results: Cache<(Space, u64), Symbol>,
    executables: Cache<Executable, u64>,
    spaces_met: u64,
    kernel: Option<Kernel>,
    perf_files: PerfFiles,
    counters: Counters,
}

/// What an address is an address in: an executable, or the kernel with one set of modules. Numbers are never used
/// again, so a result is never taken for another's.
type Space = u64;

#[derive(Debug)]
struct Kernel {
    space: Space,
    symbols: KernelSymbols,
    /// The list of modules that the symbols were read with.
    modules: String,
}

impl Symbolizer {
    /// A symbolizer that knows nothing yet.
    pub fn new(sources: Sources, limits: Limits) -> Self {
        Self {
            results: Cache::new(limits.results),
            executables: Cache::new(limits.executables),
            spaces_met: 0,
            kernel: None,
            perf_files: PerfFiles::new(sources.proc.clone(), limits.perf_map_entries),
            counters: Counters::default(),
            sources,
            limits,
        }
    }

    /// Names file addresses of one executable, in the order given. It is opened only for addresses that are not
    /// remembered, and a failure to read it is not remembered.
    pub fn executable(
        &mut self,
        executable: &Executable,
        open: impl FnOnce() -> io::Result<Image>,
        addresses: &[u64],
    ) -> Vec<Symbol> {
        let space = match self.executables.get(executable) {
            Some(space) => space,
            None => {
                let space = self.new_space();
                self.executables.insert(executable.clone(), space);
                space
            }
        };
        let unnamed =
            |address| Symbol::unnamed(FrameKind::Native, executable, address, Outcome::FileUnreadable);
        let (mut known, wanted) = self.remembered(space, addresses);
        if !wanted.is_empty()
            && let Some(symbols) = open().ok().and_then(|image| self.read(executable, &image, &wanted))
        {
            self.remember(space, &wanted, symbols, &mut known);
        }
        self.answer(addresses, &known, unnamed)
    }

    /// Names runtime addresses of the kernel.
    pub fn kernel(&mut self, addresses: &[u64]) -> Vec<Symbol> {
        self.read_kernel();
        let space = self.kernel.as_ref().map(|kernel| kernel.space);
        let (mut known, wanted) = self.remembered(space.unwrap_or_default(), addresses);
        let executable = Executable { path: KERNEL.into(), build_id: Arc::default() };
        let mut otherwise = Outcome::FileUnreadable;
        if let Some(kernel) = &self.kernel {
            otherwise = if kernel.symbols.is_hidden { Outcome::KernelHidden } else { Outcome::NoSymbol };
            let symbols =
                wanted.iter().map(|address| name_kernel(&kernel.symbols, *address, otherwise)).collect();
            self.remember(kernel.space, &wanted, symbols, &mut known);
        }
        self.answer(addresses, &known, |address| {
            Symbol::unnamed(FrameKind::Kernel, &executable, address, otherwise)
        })
    }

    /// Names runtime addresses of code that a process wrote at run time. Nothing is remembered but the process's
    /// perf map, because such code moves.
    pub fn jit(&mut self, pid: u32, addresses: &[u64]) -> Vec<Symbol> {
        let executable = Executable { path: JIT.into(), build_id: Arc::default() };
        let map = self.perf_files.get(pid);
        let otherwise = if map.is_some() { Outcome::NotInPerfMap } else { Outcome::NoPerfMap };
        let name = |address: &u64| match map.and_then(|map| map.find(*address)) {
            Some(name) => {
                let function = Function { name: name.to_string(), ..Function::default() };
                Symbol::named(FrameKind::Jit, &executable, vec![function])
            }
            None => Symbol::unnamed(FrameKind::Jit, &executable, *address, otherwise),
        };
        let symbols: Vec<Symbol> = addresses.iter().map(name).collect();
        symbols.iter().for_each(|symbol| self.counters.count(symbol.outcome));
        symbols
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters.clone();
        let kernel_dropped = self.kernel.as_ref().map_or(0, |kernel| kernel.symbols.dropped);
        counters.entries_dropped = kernel_dropped.saturating_add(self.perf_files.dropped());
        counters
    }

    fn new_space(&mut self) -> Space {
        self.spaces_met += 1;
        self.spaces_met
    }

    /// What is remembered of the addresses, and the others, sorted and distinct.
    fn remembered(&mut self, space: Space, addresses: &[u64]) -> (BTreeMap<u64, Symbol>, Vec<u64>) {
        let mut wanted = Vec::new();
        let mut known = BTreeMap::new();
        for address in addresses {
            match self.results.get(&(space, *address)) {
                Some(symbol) => {
                    known.insert(*address, symbol);
                }
                None => wanted.push(*address),
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        self.counters.cache_hits += known.len() as u64;
        self.counters.cache_misses += wanted.len() as u64;
        (known, wanted)
    }

    fn remember(
        &mut self,
        space: Space,
        wanted: &[u64],
        symbols: Vec<Symbol>,
        known: &mut BTreeMap<u64, Symbol>,
    ) {
        for (address, symbol) in wanted.iter().zip(symbols) {
            self.results.insert((space, *address), symbol.clone());
            known.insert(*address, symbol);
        }
    }

    fn answer(
        &mut self,
        addresses: &[u64],
        known: &BTreeMap<u64, Symbol>,
        otherwise: impl Fn(u64) -> Symbol,
    ) -> Vec<Symbol> {
        let answer = |address: &u64| known.get(address).cloned().unwrap_or_else(|| otherwise(*address));
        let symbols: Vec<Symbol> = addresses.iter().map(answer).collect();
        symbols.iter().for_each(|symbol| self.counters.count(symbol.outcome));
        symbols
    }

    /// Reads one executable, or its separate debug file, for sorted and distinct addresses.
    fn read(&mut self, executable: &Executable, image: &Image, wanted: &[u64]) -> Option<Vec<Symbol>> {
        self.counters.files_read += 1;
        let own = elf::contents(image).ok()?;
        let separate = (own.debug_bytes == 0)
            .then(|| debug_file::find(&self.sources.debug_directories, executable, &own))
            .flatten()
            .and_then(|path| open_separate(&path));
        let (image, contents) =
            separate.as_ref().map_or((image, &own), |(image, contents)| (image, contents));
        let mut functions = vec![Vec::new(); wanted.len()];
        if contents.debug_bytes > self.limits.debug_bytes {
            self.counters.debug_info_too_big += 1;
        } else if contents.debug_bytes > 0
            && let Some(path) = image.path()
        {
            functions = dwarf::find_functions(&path, &self.sources.debug_directories, wanted);
        }
        let otherwise = if contents.symbols.is_some() { Outcome::NoSymbol } else { Outcome::NoSymbolTable };
        // Debug information speaks of what was compiled; hand-written code has only symbols.
        let plain = elf::find_symbols(image, contents, wanted).ok()?;
        let name = |((address, functions), plain): ((&u64, Vec<Function>), Option<Function>)| {
            let functions = if functions.is_empty() { plain.into_iter().collect() } else { functions };
            if functions.is_empty() {
                return Symbol::unnamed(FrameKind::Native, executable, *address, otherwise);
            }
            Symbol::named(FrameKind::Native, executable, functions)
        };
        Some(wanted.iter().zip(functions).zip(plain).map(name).collect())
    }

    /// Reads the kernel's symbols, unless they were read with the same modules loaded.
    fn read_kernel(&mut self) {
        let modules = fs::read_to_string(self.sources.proc.join("modules")).unwrap_or_default();
        if self.kernel.as_ref().is_some_and(|kernel| kernel.modules == modules) {
            return;
        }
        if let Ok(text) = fs::read_to_string(self.sources.proc.join("kallsyms")) {
            let symbols = KernelSymbols::parse(&text, self.limits.kernel_symbols);
            self.kernel = Some(Kernel { space: self.new_space(), symbols, modules });
        }
    }
}

/// Code written at run time, as the executable of its frames.
const JIT: &str = "[jit]";

fn open_separate(path: &std::path::Path) -> Option<(Image, elf::Contents)> {
    let image = Image::File(fs::File::open(path).ok()?);
    let contents = elf::contents(&image).ok()?;
    contents.symbols.is_some().then_some((image, contents))
}

fn name_kernel(symbols: &KernelSymbols, address: u64, otherwise: Outcome) -> Symbol {
    match symbols.find(address) {
        Some((name, module)) => {
            let executable = Executable { path: module, build_id: Arc::default() };
            let function = Function { name: name.to_owned(), ..Function::default() };
            Symbol::named(FrameKind::Kernel, &executable, vec![function])
        }
        None => {
            let executable = Executable { path: KERNEL.into(), build_id: Arc::default() };
            Symbol::unnamed(FrameKind::Kernel, &executable, address, otherwise)
        }
    }
}
