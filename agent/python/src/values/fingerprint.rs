//! Fingerprints: 128 bits that depend on content alone.

use twox_hash::XxHash3_128;

/// What content hashes to.
pub(super) type Fingerprint = u128;

/// What stands before plain content: the fingerprint of its type, and its length.
const HEAD_BYTES: usize = 24;
/// Most content is no longer than this, and is hashed in one go.
const SHORT_BYTES: usize = 200;

/// Two contents in this order.
pub(super) fn join(first: Fingerprint, second: Fingerprint) -> Fingerprint {
    let mut bytes = [0; 32];
    let (low, high) = bytes.split_at_mut(16);
    low.copy_from_slice(&first.to_ne_bytes());
    high.copy_from_slice(&second.to_ne_bytes());
    XxHash3_128::oneshot(&bytes)
}

/// Plain content of one type.
pub(super) fn of_bytes(kind: Fingerprint, length: u64, bytes: &[u8]) -> Fingerprint {
    let mut buffer = [0; HEAD_BYTES + SHORT_BYTES];
    let end = HEAD_BYTES + bytes.len();
    let Some(short) = buffer.get_mut(..end) else {
        return join(XxHash3_128::oneshot(bytes), of_size(kind, length));
    };
    let (head, rest) = short.split_at_mut(HEAD_BYTES);
    let (type_bytes, length_bytes) = head.split_at_mut(16);
    type_bytes.copy_from_slice(&kind.to_ne_bytes());
    length_bytes.copy_from_slice(&length.to_ne_bytes());
    rest.copy_from_slice(bytes);
    XxHash3_128::oneshot(short)
}

/// A type and a size, where no more is known or looked at.
pub(super) fn of_size(kind: Fingerprint, length: u64) -> Fingerprint {
    join(kind, length.into())
}

/// The fingerprint of a type, by its name.
pub(super) fn of_type(name: &str) -> Fingerprint {
    XxHash3_128::oneshot(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_type_and_length_matter() {
        let long = vec![b'a'; 2 * SHORT_BYTES];
        let all = [
            join(1, 2),
            join(2, 1),
            of_bytes(1, 2, b"ab"),
            of_bytes(2, 2, b"ab"),
            of_bytes(1, 3, b"ab"),
            of_bytes(1, 2, b"ba"),
            of_bytes(1, 2, &long),
            of_bytes(1, 2, &long[1..]),
            of_size(1, 3),
        ];
        let different: std::collections::HashSet<Fingerprint> = all.into_iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(of_bytes(1, 2, b"ab"), of_bytes(1, 2, b"ab"));
    }
}
