//! A map with a bound: at the bound, what was used longest ago makes room.

use std::hash::Hash;

use foldhash::{HashMap, HashMapExt};

/// A bounded map. Making room drops the older half in one pass, so that inserting stays cheap on average.
#[derive(Debug)]
pub(crate) struct Lru<K, V> {
    limit: usize,
    clock: u64,
    evicted: u64,
    entries: HashMap<K, (u64, V)>,
}

impl<K: Eq + Hash, V> Lru<K, V> {
    /// An empty map that keeps at most `limit` entries.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), clock: 0, evicted: 0, entries: HashMap::new() }
    }

    /// The value of `key`, which becomes the most recently used.
    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        self.clock += 1;
        let (used, value) = self.entries.get_mut(key)?;
        *used = self.clock;
        Some(value)
    }

    /// Adds or replaces a value.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.entries.len() >= self.limit && !self.entries.contains_key(&key) {
            self.shrink(self.limit / 2);
        }
        self.clock += 1;
        self.entries.insert(key, (self.clock, value));
    }

    /// Forgets one entry.
    pub(crate) fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    /// Forgets the entries whose key does not pass.
    pub(crate) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.entries.retain(|key, _| keep(key));
    }

    /// Keeps the `keep` entries used last.
    pub(crate) fn shrink(&mut self, keep: usize) {
        let excess = self.entries.len().saturating_sub(keep);
        if excess == 0 {
            return;
        }
        let mut used: Vec<u64> = self.entries.values().map(|(used, _)| *used).collect();
        let (_, oldest_dropped, _) = used.select_nth_unstable(excess - 1);
        let oldest_dropped = *oldest_dropped;
        self.entries.retain(|_, (used, _)| *used > oldest_dropped);
        self.evicted += excess as u64;
    }

    /// How many entries made room for others so far.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// How many entries there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_make_room() {
        let mut map = Lru::new(4);
        for key in 0..4 {
            map.insert(key, key);
        }
        assert_eq!(map.get(&0), Some(&mut 0));
        map.insert(4, 4);
        assert_eq!((map.len(), map.evicted()), (3, 2));
        let kept: Vec<bool> = (0..5).map(|key| map.get(&key).is_some()).collect();
        assert_eq!(kept, [true, false, false, true, true]);
    }

    #[test]
    fn replacing_evicts_nothing() {
        let mut map = Lru::new(1);
        map.insert("a", 1);
        map.insert("a", 2);
        assert_eq!(map.get(&"a").copied(), Some(2));
        assert_eq!(map.evicted(), 0);
    }
}
