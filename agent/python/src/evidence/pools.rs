//! Memory that need not be looked at: CPython keeps small objects of one size side by side in pools, and each pool's head
//! says which size that is. Most memory of most programs holds objects that are smaller than any code object.

use std::ops::Range;

use crate::{
    Memory,
    memory::{read_array, u32_at, u64_at},
};

/// First minor version whose pools are so large that their heads tell more than they cost.
pub(super) const SINCE_MINOR: u8 = 10;
/// Pools are aligned to their size.
pub(super) const POOL_BYTES: u64 = 1 << 14;

/// How many objects are in use, and the next free one.
const USED: usize = 0;
const FREE: usize = 8;
/// Which size it is for, and from where to where it was not used yet.
const SIZE_CLASS: usize = 36;
const NEXT: usize = 40;
const LAST: usize = 44;
const HEAD_BYTES: u64 = 48;
/// Sizes are multiples of this, up to so many.
const STEP_BYTES: u64 = 16;
const CLASSES: u32 = 32;

/// True when a pool is at this address, and all its objects have fewer bytes than these.
pub(super) fn is_of_smaller(memory: &dyn Memory, pool: u64, bytes: u64) -> bool {
    let head = read_array::<{ HEAD_BYTES as usize }>(memory, pool);
    head.ok().and_then(|head| object_bytes(pool, &head)).is_some_and(|objects| objects < bytes)
}

/// What a pool's objects take. `None` when no pool has this head: all that it says has to agree.
fn object_bytes(pool: u64, head: &[u8]) -> Option<u64> {
    let class = u32_at(head, SIZE_CLASS);
    let bytes = u64::from(class).checked_add(1)?.checked_mul(STEP_BYTES)?;
    let [used, next, last] = [USED, NEXT, LAST].map(|at| u64::from(u32_at(head, at)));
    let objects: Range<u64> = HEAD_BYTES..POOL_BYTES;
    let free = u64_at(head, FREE);
    let is_free_inside = free == 0 || free.checked_sub(pool).is_some_and(|offset| objects.contains(&offset));
    let is_pool = class < CLASSES
        && last == POOL_BYTES - bytes
        && (HEAD_BYTES..=POOL_BYTES).contains(&next)
        && (next - HEAD_BYTES).is_multiple_of(bytes)
        && used <= (POOL_BYTES - HEAD_BYTES) / bytes
        && is_free_inside;
    is_pool.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: u64 = 0x7f00_0001_0000;

    fn head(used: u32, free: u64, class: u32, next: u32, last: u32) -> Vec<u8> {
        let mut head = vec![0; HEAD_BYTES as usize];
        head[USED..][..4].copy_from_slice(&used.to_ne_bytes());
        head[FREE..][..8].copy_from_slice(&free.to_ne_bytes());
        for (at, value) in [(SIZE_CLASS, class), (NEXT, next), (LAST, last)] {
            head[at..][..4].copy_from_slice(&value.to_ne_bytes());
        }
        head
    }

    #[test]
    fn only_a_head_that_agrees_with_itself_is_one() {
        let cases = [
            (head(255, 0, 3, 48 + 64 * 255, 16_320), Some(64)),
            (head(1, POOL + 48, 11, 48 + 192, 16_192), Some(192)),
            (head(0, POOL + 48, 0, 64, 16_368), Some(16)),
            (vec![0; 48], None),
            (head(255, 0, 3, 48 + 64 * 255, 16_384), None),
            (head(256, 0, 3, 48 + 64 * 255, 16_320), None),
            (head(1, POOL + 16, 3, 112, 16_320), None),
            (head(1, POOL + POOL_BYTES, 3, 112, 16_320), None),
            (head(1, 1, 3, 112, 16_320), None),
            (head(1, 0, 3, 113, 16_320), None),
            (head(1, 0, 3, 0, 16_320), None),
            (head(1, 0, 32, 48, 15_856), None),
            (head(1, 0, u32::MAX, 48, 16_384), None),
        ];
        for (head, expected) in cases {
            assert_eq!(object_bytes(POOL, &head), expected, "{head:?}");
        }
    }
}
