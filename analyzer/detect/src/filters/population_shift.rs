//! Did only the mix change? `docs/filters/population-shift.md`

/// Of a rise, what the groups themselves must have risen by.
const OWN_MIN: f64 = 0.2;

/// One group (a host, an endpoint) before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Group {
    /// Requests before and after.
    pub requests: (f64, f64),
    /// CPU before and after.
    pub cpu: (f64, f64),
}

/// Whether cost per request rose because requests moved to groups that are dear, and not because a group became dearer.
/// The groups' own part is what their changes of cost make at the mix of after (Laspeyres' and Paasche's question); a
/// group that is new or gone has none.
pub fn is_population_shift(groups: &[Group]) -> bool {
    let sum = |of: fn(&Group) -> f64| groups.iter().map(of).sum::<f64>();
    let (requests_before, requests_after) = (sum(|group| group.requests.0), sum(|group| group.requests.1));
    if requests_before <= 0.0 || requests_after <= 0.0 {
        return false;
    }
    let rise = sum(|group| group.cpu.1) / requests_after - sum(|group| group.cpu.0) / requests_before;
    let own: f64 = groups
        .iter()
        .filter(|group| group.requests.0 > 0.0 && group.requests.1 > 0.0)
        .map(|group| (group.cpu.1 / group.requests.1 - group.cpu.0 / group.requests.0) * group.requests.1)
        .sum();
    rise > 0.0 && own / requests_after < OWN_MIN * rise
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(groups: &[[f64; 4]], expected: bool) {
        let groups: Vec<Group> = groups
            .iter()
            .map(|&[requests_before, requests_after, each_before, each_after]| Group {
                requests: (requests_before, requests_after),
                cpu: (requests_before * each_before, requests_after * each_after),
            })
            .collect();
        assert_eq!(is_population_shift(&groups), expected, "{groups:?}");
    }

    #[test]
    fn a_mix_that_moves_is_told_from_a_cost_that_rises() {
        check(&[[100.0, 50.0, 1.0, 1.0], [100.0, 150.0, 3.0, 3.0]], true);
        check(&[[100.0, 100.0, 1.0, 1.3], [100.0, 100.0, 3.0, 3.9]], false);
        check(&[[100.0, 100.0, 1.0, 1.0], [0.0, 100.0, 0.0, 3.0]], true);
        check(&[[100.0, 50.0, 1.0, 1.5], [100.0, 150.0, 3.0, 4.5]], false);
        check(&[[100.0, 150.0, 1.0, 1.0], [100.0, 50.0, 3.0, 3.0]], false);
        check(&[], false);
    }
}
