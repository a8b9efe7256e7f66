//! Line tables: which line an instruction belongs to.

use crate::layout::LineTable;

/// The line of the instruction at a byte offset; the first line when nothing has run yet. `None` for an instruction
/// without a line, and where the table does not reach.
pub(crate) fn line(form: LineTable, table: &[u8], first_line: u32, instruction: i64) -> Option<u32> {
    let Ok(instruction) = u64::try_from(instruction) else { return Some(first_line) };
    let line = match form {
        LineTable::Lnotab => Some(lnotab(table, first_line, instruction)),
        LineTable::Ranges => ranges(table, first_line, instruction),
        LineTable::Locations => locations(table, first_line, instruction),
    }?;
    u32::try_from(line).ok()
}

/// Pairs (bytes of code, signed lines): a line begins where its pair's bytes end.
fn lnotab(table: &[u8], first_line: u32, instruction: u64) -> i64 {
    let (mut line, mut address) = (i64::from(first_line), 0);
    for pair in table.chunks_exact(2) {
        let [bytes, lines] = pair else { break };
        address += u64::from(*bytes);
        if address > instruction {
            break;
        }
        line += i64::from(lines.cast_signed());
    }
    line
}

/// Pairs (bytes of code, signed lines): the line changes, then holds for so many bytes. -128 lines mean that these
/// bytes have none.
fn ranges(table: &[u8], first_line: u32, instruction: u64) -> Option<i64> {
    let (mut line, mut end) = (i64::from(first_line), 0);
    for pair in table.chunks_exact(2) {
        let [bytes, lines] = pair else { break };
        let lines = lines.cast_signed();
        if lines != i8::MIN {
            line += i64::from(lines);
        }
        end += u64::from(*bytes);
        if instruction < end {
            return (lines != i8::MIN).then_some(line);
        }
    }
    None
}

/// Entries that begin with a byte with its top bit set: the form in four bits, the number of code units less one in
/// three. Only the line is taken; columns and the last line are skipped.
fn locations(table: &[u8], first_line: u32, instruction: u64) -> Option<i64> {
    let (mut line, mut end) = (i64::from(first_line), 0);
    let mut rest = table;
    while let [head, tail @ ..] = rest {
        let body_length = tail.iter().position(|byte| byte & ENTRY != 0).unwrap_or(tail.len());
        let (body, next) = tail.split_at_checked(body_length)?;
        let form = (head >> 3) & 15;
        line += match form {
            NO_COLUMNS | LONG => signed(body),
            10..=12 => i64::from(form) - 10,
            _ => 0,
        };
        end += (u64::from(head & 7) + 1) * CODE_UNIT_BYTES;
        if instruction < end {
            return (form != NO_LOCATION).then_some(line);
        }
        rest = next;
    }
    None
}

pub(crate) const ENTRY: u8 = 0x80;
const NO_COLUMNS: u8 = 13;
const LONG: u8 = 14;
const NO_LOCATION: u8 = 15;
const CODE_UNIT_BYTES: u64 = 2;

/// A number in groups of six bits, lowest first, whose lowest bit is the sign. More groups than 32 bits hold are not
/// a number that CPython wrote.
pub(crate) fn signed(bytes: &[u8]) -> i64 {
    let mut number: u64 = 0;
    for (group, byte) in bytes.iter().take(6).enumerate() {
        number |= u64::from(byte & 0x3f) << (6 * group);
        if byte & 0x40 == 0 {
            break;
        }
    }
    let magnitude = (number >> 1).cast_signed();
    if number & 1 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use testkit::Random;

    use super::*;

    fn check(form: LineTable, table: &[u8], expected: &[(i64, Option<u32>)]) {
        for (instruction, line_expected) in expected {
            assert_eq!(line(form, table, 10, *instruction), *line_expected, "{form:?} at {instruction}");
        }
    }

    #[test]
    fn lnotab_lines_go_up_and_down() {
        let table = [0, 1, 6, 2, 4, 0xfe, 255, 0, 1, 100];
        let expected = [
            (-1, Some(10)),
            (0, Some(11)),
            (5, Some(11)),
            (6, Some(13)),
            (9, Some(13)),
            (10, Some(11)),
            (265, Some(11)),
            (266, Some(111)),
        ];
        check(LineTable::Lnotab, &table, &expected);
        check(LineTable::Lnotab, &[], &[(0, Some(10))]);
        check(LineTable::Lnotab, &[0, 0x80], &[(0, None)]);
    }

    #[test]
    fn ranges_have_holes() {
        let table = [4, 1, 2, 0x80, 0, 100, 2, 0x9d];
        let expected = [
            (-1, Some(10)),
            (0, Some(11)),
            (3, Some(11)),
            (4, None),
            (6, Some(12)),
            (7, Some(12)),
            (8, None),
        ];
        check(LineTable::Ranges, &table, &expected);
    }

    #[test]
    fn locations_come_in_all_forms() {
        let table = [
            0x80 | 13 << 3, // 1 unit, no columns, +1
            0x02,
            0x80 | 1, // 2 units, short, +0
            0x11,
            0x80 | 12 << 3, // 1 unit, +2
            1,
            2,
            0x80 | 15 << 3, // 1 unit, no location
            0x80 | 14 << 3, // 1 unit, long, -64 lines in two groups
            0x41,
            0x02,
            0,
            1,
            1,
        ];
        let expected = [
            (-2, Some(10)),
            (0, Some(11)),
            (2, Some(11)),
            (4, Some(11)),
            (6, Some(13)),
            (8, None),
            (10, None),
            (12, None),
        ];
        check(LineTable::Locations, &table, &expected);
        assert_eq!(locations(&table, 100, 10), Some(39));
    }

    #[test]
    fn random_tables_end() {
        let mut random = Random::new(11);
        for _ in 0..20_000 {
            let table: Vec<u8> = (0..random.below(60)).map(|_| random.next_u64() as u8).collect();
            let instruction = random.below(300) as i64 - 10;
            let first_line = random.next_u64() as u32;
            for form in [LineTable::Lnotab, LineTable::Ranges, LineTable::Locations] {
                let found = line(form, &table, first_line, instruction);
                assert!(instruction >= 0 || found == Some(first_line));
            }
        }
    }
}
