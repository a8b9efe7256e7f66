//! Kernel symbols, from the text of `/proc/kallsyms`.

use std::{
    io::{self, BufRead},
    sync::Arc,
};

/// Code symbols of the kernel and its modules, in order of address.
#[derive(Debug, Default)]
pub(crate) struct KernelSymbols {
    places: Vec<Place>,
    /// All names, each ended by a newline.
    names: String,
    /// Names of modules in brackets; the first is the kernel itself.
    modules: Vec<Arc<str>>,
    /// True when the kernel showed zeros in place of addresses.
    pub(crate) is_hidden: bool,
    /// Symbols beyond the limit.
    pub(crate) dropped: u64,
}

/// One symbol.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u64,
    /// Where its name begins in `names`.
    name: u32,
    module: u16,
    is_local: bool,
}

/// The kernel itself, as the executable of its frames.
pub(crate) const KERNEL: &str = "[kernel]";

/// No kernel function is longer; what lies further behind the last symbol is something else.
const FUNCTION_BYTES_MAX: u64 = 1 << 20;

impl KernelSymbols {
    /// Reads the text line by line, which is ten times as large as what is kept of it. Lines that make no sense are
    /// skipped.
    pub(crate) fn read(mut text: impl BufRead, symbols_max: usize) -> io::Result<Self> {
        let mut symbols = Self { modules: vec![KERNEL.into()], ..Self::default() };
        let mut zeros = 0_u64;
        let mut line = String::new();
        while text.read_line(&mut line)? > 0 {
            if let Some((start, is_global, name, module)) = parse_line(line.trim_end()) {
                if start == 0 {
                    zeros += 1;
                } else if symbols.places.len() < symbols_max {
                    symbols.push(start, is_global, name, module);
                } else {
                    symbols.dropped += 1;
                }
            }
            line.clear();
        }
        symbols.is_hidden = symbols.places.is_empty() && zeros > 0;
        // Of several names for one address a global one comes first, then the order of the text.
        symbols.places.sort_unstable_by_key(|place| (place.start, place.is_local, place.name));
        symbols.places.dedup_by_key(|place| place.start);
        symbols.places.shrink_to_fit();
        symbols.names.shrink_to_fit();
        Ok(symbols)
    }

    /// The number of the function at an address.
    pub(crate) fn find(&self, address: u64) -> Option<u32> {
        let at = self.places.partition_point(|place| place.start <= address).checked_sub(1)?;
        let is_near = address - self.places.get(at)?.start <= FUNCTION_BYTES_MAX;
        is_near.then_some(at as u32)
    }

    /// The name of a function and what it belongs to.
    pub(crate) fn name(&self, function: u32) -> Option<(&str, Arc<str>)> {
        let place = self.places.get(function as usize)?;
        let name = self.names.get(place.name as usize..)?.lines().next()?;
        Some((name, self.modules.get(usize::from(place.module))?.clone()))
    }

    fn push(&mut self, start: u64, is_global: bool, name: &str, module: &str) {
        let module = self.module(module);
        self.places.push(Place { start, name: self.names.len() as u32, module, is_local: !is_global });
        self.names.push_str(name);
        self.names.push('\n');
    }

    fn module(&mut self, name: &str) -> u16 {
        if name.is_empty() {
            return 0;
        }
        // Modules come one after another, so the last ones are the likely ones.
        let known = self.modules.iter().rposition(|module| module.as_ref() == name);
        let at = known.unwrap_or(self.modules.len());
        let Ok(id) = u16::try_from(at) else { return 0 };
        if known.is_none() {
            self.modules.push(name.into());
        }
        id
    }
}

/// What of `/proc/modules` says which code is loaded where: names, sizes and addresses. How often a module is used and
/// by which others changes all the time.
pub(crate) fn loaded_modules(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let mut fields = line.split(' ');
        let [name, size, address] =
            [fields.next(), fields.next(), fields.nth(3)].map(Option::unwrap_or_default);
        format!("{name} {size} {address}\n")
    });
    lines.collect()
}

/// `ffffffff81000000 T _text` and, for a module, a tab and `[module]`.
fn parse_line(line: &str) -> Option<(u64, bool, &str, &str)> {
    let (address, rest) = line.split_once(' ')?;
    let (kind, rest) = rest.split_once(' ')?;
    if !matches!(kind, "t" | "T" | "w" | "W") {
        return None;
    }
    let (name, module) = rest.split_once('\t').unwrap_or((rest, ""));
    Some((u64::from_str_radix(address, 16).ok()?, kind == "T", name, module.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0000000000000000 A fixed_percpu_data\n\
        ffffffff81000000 T _text\n\
        ffffffff81000100 t do_one\n\
        ffffffff81000100 T do_one_alias\n\
        ffffffff81000180 D some_data\n\
        nonsense\n\
        ffffffffc0000000 t ext4_read\t[ext4]\n\
        ffffffffc0000040 t ext4_write\t[ext4]\n\
        ffffffffc0001000 t bpf_prog_1\t[bpf]\n";

    fn read(text: &str, symbols_max: usize) -> KernelSymbols {
        KernelSymbols::read(text.as_bytes(), symbols_max).unwrap()
    }

    fn check(address: u64, expected: Option<(&str, &str)>) {
        let symbols = read(TEXT, 100);
        let found = symbols.find(address).and_then(|function| symbols.name(function));
        assert_eq!(found.as_ref().map(|(name, module)| (*name, module.as_ref())), expected, "{address:#x}");
    }

    #[test]
    fn finds_the_symbol_before_an_address() {
        check(0, None);
        check(0xffff_ffff_8100_0000, Some(("_text", "[kernel]")));
        check(0xffff_ffff_8100_00ff, Some(("_text", "[kernel]")));
        check(0xffff_ffff_8100_0190, Some(("do_one_alias", "[kernel]")));
        check(0xffff_ffff_c000_0041, Some(("ext4_write", "[ext4]")));
        check(0xffff_ffff_c000_1001, Some(("bpf_prog_1", "[bpf]")));
        check(0xffff_ffff_c020_0000, None);
        check(0xffff_ffff_a000_0000, None);
    }

    #[test]
    fn modules_are_the_same_however_often_they_are_used() {
        let one = "ext4 1000 1 - Live 0xffffffffc0000000\nfuse 7 0 - Live 0xffffffffc0100000\n";
        let used = "ext4 1000 3 fuse,a, Live 0xffffffffc0000000\nfuse 7 2 - Live 0xffffffffc0100000\n";
        let moved = "ext4 1000 1 - Live 0xffffffffc0000000\nfuse 7 0 - Live 0xffffffffc0200000\n";
        assert_eq!(loaded_modules(one), loaded_modules(used));
        assert_ne!(loaded_modules(one), loaded_modules(moved));
    }

    #[test]
    fn hidden_addresses_are_told_from_none() {
        assert!(read("0000000000000000 T _text\n0000000000000000 t a\n", 10).is_hidden);
        assert!(!read("", 10).is_hidden);
        let bounded = read(TEXT, 2);
        assert_eq!((bounded.places.len(), bounded.dropped, bounded.is_hidden), (2, 4, false));
    }
}
