//! Finding functions in one pass over a symbol table, with the wanted addresses in hand. It needs no memory, and so
//! serves files with too many functions for an index.

use std::io;

use crate::{
    Image,
    table::{Entry, SymbolTable},
};

/// Nearest symbols below a wanted address: of those that do not say where they end, and of those that do.
#[derive(Clone, Copy, Debug, Default)]
struct Below {
    endless: Option<Entry>,
    ended: u64,
}

/// Where the names are of the functions at `wanted` file addresses, which are sorted and distinct. `code` are the
/// ranges of sections with code.
pub(crate) fn find(
    table: &SymbolTable,
    image: &Image,
    code: &[(u64, u64)],
    wanted: &[u64],
) -> io::Result<Vec<Option<u32>>> {
    let mut best: Vec<Option<Entry>> = vec![None; wanted.len()];
    let mut below: Vec<Below> = vec![Below::default(); wanted.len()];
    table.for_each(image, |entry| consider(entry, wanted, &mut best, &mut below))?;
    settle_endless(code, wanted, &mut best, &below);
    Ok(best.into_iter().map(|entry| entry.map(|entry| entry.name)).collect())
}

fn consider(entry: Entry, wanted: &[u64], best: &mut [Option<Entry>], below: &mut [Below]) {
    let first = wanted.partition_point(|address| *address < entry.start);
    let Some(nearest) = below.get_mut(first) else { return };
    if entry.size == 0 {
        improve(&mut nearest.endless, entry);
        return;
    }
    nearest.ended = nearest.ended.max(entry.start);
    let covered = wanted.iter().zip(best).skip(first).take_while(|(address, _)| **address < entry.end());
    covered.for_each(|(_, best)| improve(best, entry));
}

fn improve(best: &mut Option<Entry>, entry: Entry) {
    if best.is_none_or(|best| best.precedence() < entry.precedence()) {
        *best = Some(entry);
    }
}

/// Hand-written code often has symbols without a size. Such a symbol names what follows it in its section, up to the
/// next symbol.
fn settle_endless(code: &[(u64, u64)], wanted: &[u64], best: &mut [Option<Entry>], below: &[Below]) {
    let mut nearest = Below::default();
    for ((address, best), below) in wanted.iter().zip(best).zip(below) {
        if let Some(endless) = below.endless {
            improve(&mut nearest.endless, endless);
        }
        nearest.ended = nearest.ended.max(below.ended);
        let Some(endless) = nearest.endless.filter(|_| best.is_none()) else { continue };
        let in_same_section = code
            .iter()
            .any(|(start, end)| *start <= endless.start && endless.start < *end && *address < *end);
        if in_same_section && endless.start >= nearest.ended {
            *best = Some(endless);
        }
    }
}
