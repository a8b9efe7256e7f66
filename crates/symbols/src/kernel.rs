//! Kernel symbols, from the text of `/proc/kallsyms`.

use std::sync::Arc;

/// Code symbols of the kernel and its modules, in order of address.
#[derive(Debug, Default)]
pub(crate) struct KernelSymbols {
    starts: Vec<u64>,
    /// Where each symbol's name begins in `names`, and the module it belongs to.
    places: Vec<(u32, u16)>,
    /// All names, each ended by a newline.
    names: String,
    /// Names of modules in brackets; the first is the kernel itself.
    modules: Vec<Arc<str>>,
    /// True when the kernel showed zeros in place of addresses.
    pub(crate) is_hidden: bool,
    /// Symbols beyond the limit.
    pub(crate) dropped: u64,
}

/// The kernel itself, as the executable of its frames.
pub(crate) const KERNEL: &str = "[kernel]";

/// No kernel function is longer; what lies further behind the last symbol is something else.
const FUNCTION_BYTES_MAX: u64 = 1 << 20;

impl KernelSymbols {
    /// Reads the text; lines that make no sense are skipped.
    pub(crate) fn parse(text: &str, symbols_max: usize) -> Self {
        let mut symbols = Self { modules: vec![KERNEL.into()], ..Self::default() };
        let mut lines: Vec<(u64, bool, &str, &str)> = Vec::new();
        let mut zeros = 0_u64;
        for (address, is_global, name, module) in text.lines().filter_map(parse_line) {
            if address == 0 {
                zeros += 1;
            } else if lines.len() < symbols_max {
                lines.push((address, is_global, name, module));
            } else {
                symbols.dropped += 1;
            }
        }
        symbols.is_hidden = lines.is_empty() && zeros > 0;
        // Of several names for one address a global one comes first, then the order of the text.
        lines.sort_by_key(|(address, is_global, ..)| (*address, !is_global));
        lines.dedup_by_key(|(address, ..)| *address);
        for (address, _, name, module) in lines {
            let module = symbols.module(module);
            symbols.starts.push(address);
            symbols.places.push((symbols.names.len() as u32, module));
            symbols.names.push_str(name);
            symbols.names.push('\n');
        }
        symbols
    }

    /// The function at an address and what it belongs to.
    pub(crate) fn find(&self, address: u64) -> Option<(&str, Arc<str>)> {
        let at = self.starts.partition_point(|start| *start <= address).checked_sub(1)?;
        if address - self.starts.get(at)? > FUNCTION_BYTES_MAX {
            return None;
        }
        let (name, module) = self.places.get(at)?;
        let name = self.names.get(*name as usize..)?.lines().next()?;
        Some((name, self.modules.get(usize::from(*module))?.clone()))
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

    fn check(address: u64, expected: Option<(&str, &str)>) {
        let symbols = KernelSymbols::parse(TEXT, 100);
        let found = symbols.find(address);
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
    fn hidden_addresses_are_told_from_none() {
        assert!(KernelSymbols::parse("0000000000000000 T _text\n0000000000000000 t a\n", 10).is_hidden);
        assert!(!KernelSymbols::parse("", 10).is_hidden);
        let bounded = KernelSymbols::parse(TEXT, 2);
        assert_eq!((bounded.starts.len(), bounded.dropped, bounded.is_hidden), (2, 4, false));
    }
}
