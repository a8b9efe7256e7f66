//! Fingerprints: 128 bits that depend on content alone.

use twox_hash::XxHash3_128;

/// What content hashes to.
pub(super) type Fingerprint = u128;

/// Spreads lengths over all bits; odd, so that no two lengths become one.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

/// Two contents in this order.
pub(super) fn join(first: Fingerprint, second: Fingerprint) -> Fingerprint {
    let mut bytes = [0; 32];
    let (low, high) = bytes.split_at_mut(16);
    low.copy_from_slice(&first.to_ne_bytes());
    high.copy_from_slice(&second.to_ne_bytes());
    XxHash3_128::oneshot(&bytes)
}

/// Plain content of one type. All three are as wide as the result, so none can stand for another but by chance.
pub(super) fn of_bytes(kind: Fingerprint, length: u64, bytes: &[u8]) -> Fingerprint {
    XxHash3_128::oneshot(bytes) ^ kind ^ u128::from(length).wrapping_mul(SPREAD)
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
        let long = vec![b'a'; 400];
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
