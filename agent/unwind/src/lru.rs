//! A map that forgets what was used longest ago.

use std::hash::Hash;

use foldhash::{HashMap, HashMapExt};

/// A map with a bound on the summed weight of its values. Making room looks at every entry, so it is for maps that
/// are read far more often than they overflow.
#[derive(Debug)]
pub(crate) struct Lru<K, V> {
    entries: HashMap<K, Entry<V>>,
    weight: usize,
    weight_max: usize,
    uses: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, V> Lru<K, V> {
    pub(crate) fn new(weight_max: usize) -> Self {
        Self { entries: HashMap::new(), weight: 0, weight_max, uses: 0 }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        self.uses += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.uses;
        Some(&mut entry.value)
    }

    /// Adds a value, and says how many others had to go. A value heavier than the whole map is taken in alone.
    pub(crate) fn insert(&mut self, key: K, value: V, weight: usize) -> u64 {
        self.remove(&key);
        let evicted = self.shrink(self.weight_max.saturating_sub(weight));
        self.uses += 1;
        self.weight = self.weight.saturating_add(weight);
        self.entries.insert(key, Entry { value, weight, used: self.uses });
        evicted
    }

    /// Makes room until at most this weight is left, and says how many values had to go.
    pub(crate) fn shrink(&mut self, weight_max: usize) -> u64 {
        let mut evicted = 0;
        while !self.entries.is_empty() && self.weight > weight_max {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key);
            oldest.iter().for_each(|key| {
                self.remove(key);
            });
            evicted += 1;
        }
        evicted
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.weight -= entry.weight;
        Some(entry.value)
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        let weight = &mut self.weight;
        self.entries.retain(|key, entry| {
            let kept = keep(key);
            if !kept {
                *weight -= entry.weight;
            }
            kept
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_go_first() {
        let mut lru = Lru::new(10);
        for key in 0..3 {
            assert_eq!(lru.insert(key, key, 3), 0);
        }
        assert_eq!(lru.get(&0), Some(&mut 0));
        assert_eq!(lru.insert(3, 3, 4), 1);
        assert_eq!(lru.get(&1), None);
        assert_eq!((lru.weight(), lru.len()), (10, 3));
        assert_eq!(lru.insert(4, 4, 100), 3);
        assert_eq!((lru.weight(), lru.len()), (100, 1));
        lru.retain(|key| *key != 4);
        assert_eq!((lru.weight(), lru.len()), (0, 0));
    }
}
