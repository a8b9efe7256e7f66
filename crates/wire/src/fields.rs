//! A look at a protobuf message before it is decoded: how often each field occurs.
//!
//! An empty message in a repeated field takes two bytes on the wire and a hundred in memory, so lists are counted
//! against their limits before anything is allocated for them.

/// How often each field with a number below `N` occurs in a message, or nothing when it is not a protobuf message.
pub(crate) fn count<const N: usize>(mut message: &[u8]) -> Option<[Field; N]> {
    let mut fields = [Field::default(); N];
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let bytes = match key & 7 {
            0 => {
                varint(&mut message)?;
                0
            }
            1 => skip(&mut message, 8)?,
            2 => {
                let length = varint(&mut message)?;
                skip(&mut message, length)?
            }
            5 => skip(&mut message, 4)?,
            _ => return None,
        };
        if let Some(field) = fields.get_mut((key >> 3) as usize) {
            field.times += 1;
            field.bytes += bytes;
            field.longest_bytes = field.longest_bytes.max(bytes);
        }
    }
    Some(fields)
}

/// What was seen of one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    /// How often it occurs.
    pub(crate) times: u64,
    /// Length of all its texts or messages together.
    pub(crate) bytes: u64,
    /// Length of its longest text or message.
    pub(crate) longest_bytes: u64,
}

fn skip(message: &mut &[u8], length: u64) -> Option<u64> {
    *message = message.get(usize::try_from(length).ok()?..)?;
    Some(length)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &[u8], expected: Option<[(u64, u64, u64); 3]>) {
        let counted = count::<3>(message);
        let shown = |field: Field| (field.times, field.bytes, field.longest_bytes);
        assert_eq!(counted.map(|fields| fields.map(shown)), expected);
    }

    #[test]
    fn counts_every_wire_type() {
        check(&[], Some([(0, 0, 0); 3]));
        check(&[0x08, 0x96, 0x01, 0x08, 0x00], Some([(0, 0, 0), (2, 0, 0), (0, 0, 0)]));
        check(&[0x12, 2, b'h', b'i', 0x12, 1, b'!'], Some([(0, 0, 0), (0, 0, 0), (2, 3, 2)]));
        check(&[0x0d, 1, 2, 3, 4, 0x11, 1, 2, 3, 4, 5, 6, 7, 8], Some([(0, 0, 0), (1, 4, 4), (1, 8, 8)]));
        check(&[0xfa, 0x01, 0], Some([(0, 0, 0); 3]));
    }

    #[test]
    fn what_is_no_message_is_nothing() {
        check(&[0x12, 5, b'h'], None);
        check(&[0x0b], None);
        check(&[0x80], None);
        check(&[0xff; 11], None);
        check(&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], None);
    }
}
