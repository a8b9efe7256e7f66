//! Where instructions stand in the source, from the line tables of 3.11 and later.

use crate::lines::{ENTRY, signed};

/// Lines, after the function's first, and columns of the instructions at code units, which are in order. `None` for those
/// without a place, and without a column.
pub(super) fn places(table: &[u8], units: &[usize]) -> Vec<Option<(u32, u32)>> {
    let mut found = Vec::with_capacity(units.len());
    let mut wanted = units.iter().peekable();
    let (mut line, mut end) = (0_i64, 0);
    let mut rest = table;
    while let [head, tail @ ..] = rest {
        let length = tail.iter().position(|byte| byte & ENTRY != 0).unwrap_or(tail.len());
        let (body, next) = tail.split_at(length);
        let form = head >> 3 & 15;
        line += match form {
            NO_COLUMNS | LONG => signed(body),
            10..=12 => i64::from(form - 10),
            _ => 0,
        };
        end += usize::from(head & 7) + 1;
        let place = || Some((u32::try_from(line).ok()?, column(form, body)?));
        while wanted.next_if(|unit| **unit < end).is_some() {
            found.push(place());
        }
        rest = next;
    }
    found.resize(units.len(), None);
    found
}

/// Forms of entries; those below 10 are on the line of the one before, 10 to 12 so many lines on.
const NO_COLUMNS: u8 = 13;
const LONG: u8 = 14;

/// The bytes before an instruction in its line.
fn column(form: u8, body: &[u8]) -> Option<u32> {
    match form {
        ..10 => body.first().map(|byte| u32::from(form) << 3 | u32::from(byte >> 4 & 7)),
        10..=12 => body.first().map(|byte| u32::from(*byte)),
        LONG => unsigned(numbers(body).nth(2)?).checked_sub(1),
        _ => None,
    }
}

/// The numbers of an entry: groups of six bits, lowest first, each but the last with the seventh bit set.
fn numbers(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split_inclusive(|byte| byte & 0x40 == 0)
}

fn unsigned(groups: &[u8]) -> u32 {
    groups.iter().take(5).rev().fold(0, |number, byte| number << 6 | u32::from(byte & 0x3f))
}

#[cfg(test)]
mod tests {
    use testkit::Random;

    use super::*;

    #[test]
    fn places_come_in_all_forms() {
        let table = [
            0x80 | 10 << 3, // 1 unit, same line, columns 7 to 9
            7,
            9,
            0x80 | 2 << 3 | 1, // 2 units, columns 16 + 5
            0x53,
            0x80 | 12 << 3, // 1 unit, two lines on
            3,
            9,
            0x80 | 13 << 3, // 1 unit, one line on, no columns
            0x02,
            0x80 | 15 << 3, // 1 unit, no place
            0x80 | 14 << 3, // 1 unit, one line on, columns 70 to 71
            0x02,
            0,
            0x40 | 7,
            1,
            0x40 | 8,
            1,
        ];
        let found = places(&table, &[0, 1, 2, 3, 4, 5, 6, 7]);
        let expected =
            [Some((0, 7)), Some((0, 21)), Some((0, 21)), Some((2, 3)), None, None, Some((4, 70)), None];
        assert_eq!(found, expected);
        assert_eq!(places(&table, &[2, 6]), [Some((0, 21)), Some((4, 70))]);
        assert_eq!(places(&[], &[0]), [None]);
    }

    #[test]
    fn random_tables_end() {
        let mut random = Random::new(12);
        for _ in 0..20_000 {
            let table: Vec<u8> = (0..random.below(60)).map(|_| random.next_u64() as u8).collect();
            assert_eq!(places(&table, &[0, 3, 90]).len(), 3);
        }
    }
}
