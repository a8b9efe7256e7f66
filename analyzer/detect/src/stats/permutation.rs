//! How often chance alone would part the hosts so unevenly: Fisher 1935, "The design of experiments"; Pitman 1937. All
//! ways to deal the hosts out where they are few, otherwise a sample of ways drawn from a seed, counted as Phipson and
//! Smyth 2010 ("Permutation p-values should never be zero") say.

/// The outcome of a permutation test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Permutation {
    /// Probability of a difference of means at least as large, on either side, if the arms are alike.
    pub p_value: f64,
    /// The smallest p-value that this many hosts and draws could give; a test whose threshold lies below cannot pass.
    pub least_p_value: f64,
    /// True when every way to deal was looked at.
    pub is_exact: bool,
}

/// From this many hosts (in each arm, or that are their own control) on, Student's t is believed alone.
pub const HOSTS_FOR_T: usize = 8;

/// What few hosts say at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Chance alone would seldom part them so.
    Differ,
    /// Chance alone would do.
    Alike,
    /// However far apart they were, so few could not tell.
    CannotSay,
}

impl Permutation {
    /// What it says at a level such as 0.05.
    pub fn verdict(&self, level: f64) -> Verdict {
        match self {
            _ if self.least_p_value > level => Verdict::CannotSay,
            _ if self.p_value <= level => Verdict::Differ,
            _ => Verdict::Alike,
        }
    }
}

/// Differences of means this close, relative to the spread of the values, are equal: sums depend on their order.
const TIE: f64 = 1e-12;

/// Deals the hosts into arms of the same sizes: all ways if there are at most `most_draws`, otherwise that many drawn
/// from `seed`. None when an arm is empty or a value is not finite.
pub fn permutation_test(
    baseline: &[f64],
    candidate: &[f64],
    most_draws: u32,
    seed: u64,
) -> Option<Permutation> {
    let mut pool: Vec<f64> = candidate.iter().chain(baseline).copied().collect();
    if baseline.is_empty() || candidate.is_empty() || pool.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let center = pool.iter().sum::<f64>() / pool.len() as f64;
    pool.iter_mut().for_each(|value| *value -= center);
    // About the common mean, the sum over one arm decides the difference of means.
    let dealt = candidate.len();
    let observed: f64 = pool.iter().take(dealt).sum::<f64>().abs();
    let reach = pool.iter().map(|value| value.abs()).sum::<f64>();
    let least = observed - TIE * reach;
    let ways = ways(pool.len(), dealt);
    if ways <= f64::from(most_draws) {
        let mirrored = 2 * dealt == pool.len() && reach > 0.0;
        return Some(Permutation {
            p_value: f64::from(count_all(&pool, dealt, 0.0, least)) / ways,
            least_p_value: if mirrored { 2.0 } else { 1.0 } / ways,
            is_exact: true,
        });
    }
    let mut random = seed;
    let hits = (0..most_draws).filter(|_| drawn_sum(&mut pool, dealt, &mut random).abs() >= least).count();
    let draws = f64::from(most_draws) + 1.0;
    Some(Permutation { p_value: (hits as f64 + 1.0) / draws, least_p_value: 1.0 / draws, is_exact: false })
}

/// Turns the signs of differences within hosts: all ways if there are at most `most_draws`, otherwise that many drawn from
/// `seed`. With n hosts the smallest p-value is 2 in 2ⁿ: five hosts can never say anything at 5 %. None without
/// differences, or where one is not finite.
pub fn sign_flip_test(differences: &[f64], most_draws: u32, seed: u64) -> Option<Permutation> {
    if differences.is_empty() || differences.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let reach = differences.iter().map(|value| value.abs()).sum::<f64>();
    let least = differences.iter().sum::<f64>().abs() - TIE * reach;
    let ways = 2f64.powi(differences.len().min(1_000) as i32);
    if ways <= f64::from(most_draws) {
        let mirrored = reach > 0.0;
        return Some(Permutation {
            p_value: f64::from(count_signs(differences, 0.0, least)) / ways,
            least_p_value: if mirrored { 2.0 } else { 1.0 } / ways,
            is_exact: true,
        });
    }
    let mut random = seed;
    let mut sum = || -> f64 {
        let signed =
            differences.iter().map(|value| if next(&mut random).is_multiple_of(2) { *value } else { -value });
        signed.sum()
    };
    let hits = (0..most_draws).filter(|_| sum().abs() >= least).count();
    let draws = f64::from(most_draws) + 1.0;
    Some(Permutation { p_value: (hits as f64 + 1.0) / draws, least_p_value: 1.0 / draws, is_exact: false })
}

/// Ways to give signs that bring the sum's size to `least`.
fn count_signs(differences: &[f64], sum: f64, least: f64) -> u32 {
    match differences.split_first() {
        Some((first, rest)) => count_signs(rest, sum + first, least) + count_signs(rest, sum - first, least),
        None => u32::from(sum.abs() >= least),
    }
}

/// How many ways there are to choose `part` of `whole`.
fn ways(whole: usize, part: usize) -> f64 {
    let part = part.min(whole - part);
    (0..part).fold(1.0, |ways, at| ways * (whole - at) as f64 / (at + 1) as f64).round()
}

/// Ways to choose `more` of the pool that bring the sum's size to `least`.
fn count_all(pool: &[f64], more: usize, sum: f64, least: f64) -> u32 {
    if more == 0 {
        return u32::from(sum.abs() >= least);
    }
    match pool.split_first() {
        Some((first, rest)) if pool.len() >= more => {
            count_all(rest, more - 1, sum + first, least) + count_all(rest, more, sum, least)
        }
        _ => 0,
    }
}

/// Moves a random choice to the front (Fisher and Yates) and sums it.
fn drawn_sum(pool: &mut [f64], dealt: usize, random: &mut u64) -> f64 {
    for at in 0..dealt {
        let left = (pool.len() - at) as u64;
        pool.swap(at, at + (next(random) % left) as usize);
    }
    pool.iter().take(dealt).sum()
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same seed deals the same hands everywhere.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    const BASELINE: [f64; 4] = [10.1, 9.7, 10.4, 10.0];
    const CANDIDATE: [f64; 5] = [10.9, 11.2, 10.7, 11.8, 10.8];

    /// As `scipy.stats.permutation_test(n_resamples=inf)` gives for the size of the difference of means.
    fn check(baseline: &[f64], candidate: &[f64], p_value: f64, least_p_value: f64) {
        let found = permutation_test(baseline, candidate, 1_000, 0).unwrap();
        assert!(found.is_exact);
        assert_close(found.p_value, p_value);
        assert_close(found.least_p_value, least_p_value);
    }

    #[test]
    fn all_ways_agree_with_scipy() {
        check(&BASELINE, &CANDIDATE, 1.0 / 126.0, 1.0 / 126.0);
        check(&[1.0, 2.0, 3.0], &[2.0, 4.0, 9.0, 1.0], 4.0 / 7.0, 1.0 / 35.0);
        check(&[1.0, 2.0], &[5.0, 6.0], 2.0 / 6.0, 2.0 / 6.0);
        check(&[1.0; 3], &[1.0; 3], 1.0, 1.0 / 20.0);
    }

    #[test]
    fn a_sample_of_ways_comes_near_and_repeats() {
        let baseline: Vec<f64> = (0..9).map(|at| f64::from(at % 5)).collect();
        let candidate: Vec<f64> = (0..9).map(|at| f64::from(at % 5) + 1.0).collect();
        let all = permutation_test(&baseline, &candidate, u32::MAX, 1).unwrap();
        let some = permutation_test(&baseline, &candidate, 20_000, 1).unwrap();
        assert!(all.is_exact && !some.is_exact);
        assert!((all.p_value - some.p_value).abs() < 0.01, "{} against {}", all.p_value, some.p_value);
        assert_eq!(Some(some), permutation_test(&baseline, &candidate, 20_000, 1));
    }

    /// As `scipy.stats.permutation_test(permutation_type="samples", n_resamples=inf)` gives for the size of the mean, all
    /// signs counted by hand: 2 of 2ⁿ reach the sum when all differences point one way.
    fn check_signs(differences: &[f64], p_value: f64, least_p_value: f64) {
        let found = sign_flip_test(differences, 1_000, 0).unwrap();
        assert!(found.is_exact);
        assert_close(found.p_value, p_value);
        assert_close(found.least_p_value, least_p_value);
    }

    #[test]
    fn all_signs_are_counted() {
        check_signs(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2.0 / 64.0, 2.0 / 64.0);
        check_signs(&[1.0, 2.0, 3.0, 4.0, 5.0], 2.0 / 32.0, 2.0 / 32.0);
        check_signs(&[-1.0, 2.0, 3.0], 4.0 / 8.0, 2.0 / 8.0);
        check_signs(&[0.1, 0.2, -0.3], 8.0 / 8.0, 2.0 / 8.0);
        check_signs(&[0.0; 3], 1.0, 1.0 / 8.0);
        check_signs(&[5.0], 1.0, 1.0);
    }

    #[test]
    fn many_signs_are_drawn_and_repeat() {
        let differences: Vec<f64> = (0..12).map(|at| f64::from(at % 5) - 1.2).collect();
        let all = sign_flip_test(&differences, u32::MAX, 1).unwrap();
        let some = sign_flip_test(&differences, 4_000, 1).unwrap();
        assert!(all.is_exact && !some.is_exact);
        assert!((all.p_value - some.p_value).abs() < 0.03, "{} against {}", all.p_value, some.p_value);
        assert_eq!(Some(some), sign_flip_test(&differences, 4_000, 1));
        assert!(!sign_flip_test(&[1.0; 5_000], 10, 1).unwrap().is_exact);
    }

    #[test]
    fn nothing_to_deal_gives_nothing() {
        assert_eq!(sign_flip_test(&[], 10, 0), None);
        assert_eq!(sign_flip_test(&[f64::NAN], 10, 0), None);
        assert_eq!(permutation_test(&[], &CANDIDATE, 10, 0), None);
        assert_eq!(permutation_test(&[f64::NAN], &CANDIDATE, 10, 0), None);
    }
}
