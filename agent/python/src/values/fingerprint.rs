//! Fingerprints: 128 bits that depend on content alone.

use twox_hash::XxHash3_128;

/// What content hashes to.
pub(super) type Fingerprint = u128;

/// Two contents in this order.
pub(super) fn join(first: Fingerprint, second: Fingerprint) -> Fingerprint {
    let mut bytes = [0; 32];
    let (low, high) = bytes.split_at_mut(16);
    low.copy_from_slice(&first.to_ne_bytes());
    high.copy_from_slice(&second.to_ne_bytes());
    XxHash3_128::oneshot(&bytes)
}

/// Plain content of one kind.
pub(super) fn of_bytes(kind: u8, length: u64, bytes: &[u8]) -> Fingerprint {
    join(XxHash3_128::oneshot(bytes), of_size(kind, length))
}

/// A kind and a size, where no more is known or looked at.
pub(super) fn of_size(kind: u8, length: u64) -> Fingerprint {
    u128::from(kind) << 64 | u128::from(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_kind_and_length_matter() {
        let all = [
            join(1, 2),
            join(2, 1),
            of_bytes(1, 2, b"ab"),
            of_bytes(2, 2, b"ab"),
            of_bytes(1, 3, b"ab"),
            of_bytes(1, 2, b"ba"),
        ];
        let different: std::collections::HashSet<Fingerprint> = all.into_iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(of_bytes(1, 2, b"ab"), of_bytes(1, 2, b"ab"));
    }
}
