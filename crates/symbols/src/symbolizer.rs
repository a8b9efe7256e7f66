//! The symbolizer: batches of addresses in, symbols out, results remembered.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader},
    path::PathBuf,
    sync::Arc,
};

use model::FrameKind;

use crate::{
    Counters, Executable, Image, Outcome, Symbol,
    cache::Cache,
    files::Files,
    kernel::{self, KERNEL, KernelSymbols},
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
    /// Results remembered; about 100 bytes each, and about 300 for each distinct function.
    pub results: usize,
    /// Executables remembered by path and build id.
    pub executables: usize,
    /// Bytes that all indexes over symbol tables hold together.
    pub index_bytes: u64,
    /// Bytes of memory that one file's debug information takes. A file that takes more is named from its symbol table.
    pub debug_bytes: u64,
    /// Bytes that all debug information holds together.
    pub debug_bytes_kept: u64,
    /// Kernel symbols.
    pub kernel_symbols: usize,
    /// Entries of all perf maps together.
    pub perf_map_entries: usize,
}

/// For a program that runs all the time.
impl Default for Limits {
    fn default() -> Self {
        Self {
            results: 12_288,
            executables: 1024,
            index_bytes: 6 << 20,
            debug_bytes: 4 << 20,
            debug_bytes_kept: 4 << 20,
            kernel_symbols: 1 << 20,
            perf_map_entries: 100_000,
        }
    }
}

impl Limits {
    /// For a program that runs for a while, with a person waiting for all there is to know.
    pub fn generous() -> Self {
        Self {
            results: 1 << 18,
            index_bytes: 256 << 20,
            debug_bytes: 1 << 30,
            debug_bytes_kept: 2 << 30,
            ..Self::default()
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
    files: Files,
    functions: Cache<(Space, u32), Symbol>,
    kernel: Option<Kernel>,
    perf_files: PerfFiles,
    counters: Counters,
}

/// What an address is an address in: an executable, or the kernel with one set of modules. Numbers are never used
/// again, so a result is never taken for another's.
pub(crate) type Space = u64;

#[derive(Debug)]
struct Kernel {
    space: Space,
    symbols: KernelSymbols,
    /// The modules that the symbols were read with.
    modules: String,
}

impl Symbolizer {
    /// A symbolizer that knows nothing yet.
    pub fn new(sources: Sources, limits: Limits) -> Self {
        Self {
            results: Cache::new(limits.results),
            executables: Cache::new(limits.executables),
            spaces_met: 0,
            files: Files::new(sources.debug_directories.clone(), &limits),
            functions: Cache::new(limits.results.div_ceil(2)),
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
            && let Some(symbols) = self.files.name(space, executable, open, &wanted, &mut self.functions)
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
            let functions = &mut self.functions;
            let name = |address: &u64| name_kernel(kernel, functions, *address, otherwise);
            let symbols = wanted.iter().map(name).collect();
            self.remember(space.unwrap_or_default(), &wanted, symbols, &mut known);
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

    /// Gives back memory: what was kept of files goes, names that were found stay. Reading all files again would cost
    /// more than it saves.
    pub fn trim(&mut self) {
        self.files.forget();
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters.clone();
        counters.files_read = self.files.read;
        counters.debug_info_too_big = self.files.debug_info_too_big;
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

    /// Reads the kernel's symbols, unless they were read with the same modules loaded.
    fn read_kernel(&mut self) {
        let modules = fs::read_to_string(self.sources.proc.join("modules")).unwrap_or_default();
        let modules = kernel::loaded_modules(&modules);
        if self.kernel.as_ref().is_some_and(|kernel| kernel.modules == modules) {
            return;
        }
        let text = File::open(self.sources.proc.join("kallsyms")).map(BufReader::new);
        if let Ok(symbols) = text.and_then(|text| KernelSymbols::read(text, self.limits.kernel_symbols)) {
            self.kernel = Some(Kernel { space: self.new_space(), symbols, modules });
        }
    }
}

/// Code written at run time, as the executable of its frames.
const JIT: &str = "[jit]";

fn name_kernel(
    kernel: &Kernel,
    functions: &mut Cache<(Space, u32), Symbol>,
    address: u64,
    otherwise: Outcome,
) -> Symbol {
    let found = kernel.symbols.find(address);
    let Some((function, (name, module))) = found.and_then(|at| Some((at, kernel.symbols.name(at)?))) else {
        let executable = Executable { path: KERNEL.into(), build_id: Arc::default() };
        return Symbol::unnamed(FrameKind::Kernel, &executable, address, otherwise);
    };
    let key = (kernel.space, function);
    functions.get(&key).unwrap_or_else(|| {
        let executable = Executable { path: module, build_id: Arc::default() };
        let function = Function { name: name.to_owned(), ..Function::default() };
        let symbol = Symbol::named(FrameKind::Kernel, &executable, vec![function]);
        functions.insert(key, symbol.clone());
        symbol
    })
}
