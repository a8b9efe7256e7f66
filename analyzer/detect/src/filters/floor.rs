//! Is it worth anybody's time? `docs/filters/floor.md`

/// What a rise has to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// Relative to the cost before: 0.03 is three in a hundred.
    pub relative: f64,
    /// In servers.
    pub servers: f64,
}

/// Whether a rise from `before` to `after` that costs so many servers is below the floor.
pub fn is_below(floor: &Floor, (before, after): (f64, f64), servers: f64) -> bool {
    after < before * (1.0 + floor.relative) || servers < floor.servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_floors_count() {
        let floor = Floor { relative: 0.03, servers: 0.1 };
        assert!(!is_below(&floor, (1.0, 1.1), 0.2));
        assert!(is_below(&floor, (1.0, 1.02), 5.0));
        assert!(is_below(&floor, (1.0, 2.0), 0.05));
        assert!(!is_below(&floor, (0.0, 0.1), 0.2), "a new function has no cost before");
    }
}
