//! The parts of the evaluation loop. An optimising build puts its rare paths far away from the function, and a
//! stripped file has no name for them; but unwind rows say where each part begins and ends, and the parts jump
//! into each other's middle, which no other function does.

use std::ops::Range;

use gimli::{BaseAddresses, CieOrFde, EhFrame, LittleEndian, UnwindSection};

/// Most rows read; a static interpreter has 10,000.
const FUNCTIONS_MAX: usize = 1 << 18;

/// A part belongs to the function when so many jumps go there and so many come back. Bytes that only look like a
/// jump lead to random places; hundreds are found in a real part.
const JUMPS_MIN: usize = 4;

/// The ranges that unwind rows speak of, in order of address.
pub(crate) fn functions(section_address: u64, section: &[u8]) -> Vec<Range<u64>> {
    let rows = EhFrame::new(section, LittleEndian);
    let bases = BaseAddresses::default().set_eh_frame(section_address);
    let mut entries = rows.entries(&bases);
    let mut functions = Vec::new();
    while functions.len() < FUNCTIONS_MAX
        && let Ok(Some(entry)) = entries.next()
    {
        if let CieOrFde::Fde(partial) = entry
            && let Ok(row) = partial.parse(EhFrame::cie_from_offset)
        {
            let start = row.initial_address();
            functions.push(start..start.saturating_add(row.len()));
        }
    }
    functions.sort_unstable_by_key(|range| range.start);
    functions
}

/// The parts of `function` outside it.
pub(crate) fn cold_parts<'data>(
    function: &Range<u64>,
    functions: &[Range<u64>],
    code: &dyn Fn(&Range<u64>) -> Option<&'data [u8]>,
) -> Vec<Range<u64>> {
    let jumps =
        |range: &Range<u64>| code(range).map(|bytes| jump_targets(range.start, bytes)).unwrap_or_default();
    let mut parts: Vec<Range<u64>> = Vec::new();
    let mut landings: Vec<usize> = jumps(function)
        .into_iter()
        .filter(|target| !function.contains(target))
        .filter_map(|target| position_inside(functions, target))
        .collect();
    landings.sort_unstable();
    for same in landings.chunk_by(|left, right| left == right) {
        let Some(part) = same.first().and_then(|at| functions.get(*at)) else { continue };
        let comes_back = || jumps(part).iter().filter(|target| is_inside(function, **target)).count();
        if same.len() >= JUMPS_MIN && comes_back() >= JUMPS_MIN {
            parts.push(part.clone());
        }
    }
    parts
}

fn is_inside(range: &Range<u64>, target: u64) -> bool {
    range.start < target && target < range.end
}

fn position_inside(functions: &[Range<u64>], target: u64) -> Option<usize> {
    let at = functions.partition_point(|range| range.start <= target).checked_sub(1)?;
    functions.get(at).filter(|range| is_inside(range, target)).map(|_| at)
}

/// Targets of everything in the code that reads as a jump with a displacement of 32 bits. Decoding is not
/// needed: see [`JUMPS_MIN`].
fn jump_targets(start: u64, code: &[u8]) -> Vec<u64> {
    let target = |at: usize, length: usize| {
        let displacement =
            code.get(at + length - 4..)?.first_chunk().map(|bytes| i32::from_le_bytes(*bytes))?;
        Some(start.wrapping_add((at + length) as u64).wrapping_add_signed(displacement.into()))
    };
    let read = |(at, pair): (usize, &[u8])| match pair {
        [0x0f, 0x80..=0x8f] => target(at, 6),
        [0xe9, _] => target(at, 5),
        _ => None,
    };
    code.windows(2).enumerate().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jump(from: u64, to: u64) -> [u8; 5] {
        let displacement = (to.wrapping_sub(from + 5) as u32).to_le_bytes();
        [0xe9, displacement[0], displacement[1], displacement[2], displacement[3]]
    }

    fn jumps(from: u64, to: &[u64]) -> Vec<u8> {
        to.iter().enumerate().flat_map(|(at, to)| jump(from + 5 * at as u64, *to)).collect()
    }

    #[test]
    fn parts_jump_into_each_other() {
        let function = 0x1000..0x1100;
        let others = [0x2000..0x2040, 0x3000..0x3040, 0x4000..0x4040];
        let hot = jumps(0x1000, &[0x2010, 0x2011, 0x2012, 0x2013, 0x3000, 0x4001, 0x4002, 0x4003, 0x4004]);
        let back = jumps(0x2000, &[0x1001, 0x1002, 0x1003, 0x1004]);
        let code = |range: &Range<u64>| match range.start {
            0x1000 => Some(hot.as_slice()),
            0x2000 => Some(back.as_slice()),
            _ => Some(&[][..]),
        };
        let mut functions = vec![function.clone()];
        functions.extend(others.clone());
        assert_eq!(cold_parts(&function, &functions, &code), others[..1]);
        assert_eq!(cold_parts(&function, &[], &code), []);
        assert_eq!(cold_parts(&function, &functions, &|_| None), []);
    }
}
