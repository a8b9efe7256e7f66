//! A map bounded by bytes that forgets what was not used for longest.

use std::collections::HashMap;

/// Values by number, each with the bytes it holds. A value is taken out to be used and put back afterwards, with
/// what it has grown to.
#[derive(Debug)]
pub(crate) struct Kept<V> {
    values: HashMap<u64, Weighed<V>>,
    bytes: u64,
    bytes_max: u64,
    uses: u64,
}

#[derive(Debug)]
struct Weighed<V> {
    value: V,
    bytes: u64,
    last_use: u64,
}

/// What a value takes beside its own bytes.
const ENTRY_BYTES: u64 = 256;

impl<V> Kept<V> {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { values: HashMap::new(), bytes: 0, bytes_max, uses: 0 }
    }

    pub(crate) fn take(&mut self, key: u64) -> Option<V> {
        let taken = self.values.remove(&key)?;
        self.bytes -= taken.bytes;
        Some(taken.value)
    }

    pub(crate) fn clear(&mut self) {
        (self.values, self.bytes) = (HashMap::new(), 0);
    }

    /// Keeps a value, unless it alone is over the bound; makes room by forgetting others.
    pub(crate) fn put(&mut self, key: u64, value: V, bytes: u64) {
        self.take(key);
        let bytes = bytes.saturating_add(ENTRY_BYTES);
        if bytes > self.bytes_max {
            return;
        }
        while self.bytes > self.bytes_max - bytes {
            let oldest = self.values.iter().min_by_key(|(_, weighed)| weighed.last_use);
            let Some(oldest) = oldest.map(|(key, _)| *key) else { break };
            self.take(oldest);
        }
        self.uses += 1;
        self.bytes += bytes;
        self.values.insert(key, Weighed { value, bytes, last_use: self.uses });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut kept = Kept::new(3000);
        for key in 0..3 {
            kept.put(key, key, 1000 - ENTRY_BYTES);
        }
        let first = kept.take(0).unwrap();
        kept.put(0, first, 1000 - ENTRY_BYTES);
        kept.put(3, 3, 1000 - ENTRY_BYTES);
        assert_eq!([0, 1, 2, 3].map(|key| kept.values.contains_key(&key)), [true, false, true, true]);
        kept.put(4, 4, 3001);
        assert_eq!((kept.values.len(), kept.bytes), (3, 3000));
        kept.put(2, 2, 3000 - ENTRY_BYTES);
        assert_eq!((kept.values.len(), kept.bytes, kept.take(2), kept.bytes), (1, 3000, Some(2), 0));
        kept.put(5, 5, 1);
        kept.clear();
        assert_eq!((kept.take(5), kept.bytes), (None, 0));
    }
}
