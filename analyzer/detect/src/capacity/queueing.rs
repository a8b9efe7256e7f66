//! How busy a server may be: large ones can run hotter, because all cores are rarely busy at once.

/// The mean wait for a core as a share of the time served, with random arrivals (Erlang 1917, "Solution of some
/// problems in the theory of probabilities of significance in automatic telephone exchanges").
pub fn wait_share(cores: u32, utilisation: f64) -> f64 {
    if utilisation >= 1.0 {
        return f64::INFINITY;
    }
    let load = f64::from(cores) * utilisation;
    // Erlang's loss formula by its recurrence, which stays within floating point for any number of cores.
    let blocked = (1..=cores).fold(1.0, |blocked, core| load * blocked / (f64::from(core) + load * blocked));
    let waiting = blocked / (1.0 - utilisation * (1.0 - blocked));
    waiting / (f64::from(cores) * (1.0 - utilisation))
}

/// The utilisation at which the mean wait is this share of the time served.
pub fn target_utilisation(cores: u32, wait_share_max: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if wait_share(cores, middle) > wait_share_max { high = middle } else { low = middle }
    }
    low
}

const STEPS: usize = 40;

#[cfg(test)]
mod tests {
    use testkit::Random;

    use super::*;

    #[test]
    fn waits_are_erlangs() {
        let cases = [
            (16, 0.8, 0.095),
            (16, 0.9, 0.37),
            (32, 0.8, 0.025),
            (32, 0.9, 0.14),
            (64, 0.8, 0.0044),
            (64, 0.9, 0.049),
            (1, 0.5, 1.0),
        ];
        for (cores, utilisation, expected) in cases {
            let found = wait_share(cores, utilisation);
            assert!((found / expected - 1.0).abs() < 0.06, "{cores} at {utilisation}: {found}");
            assert!((target_utilisation(cores, found) - utilisation).abs() < 1e-6);
        }
        assert_eq!(wait_share(4, 1.0), f64::INFINITY);
    }

    /// Requests that come at random to servers with so many cores, each served for a random time.
    fn simulated_wait_share(cores: usize, utilisation: f64) -> f64 {
        let mut random = Random::new(7);
        let mut exponential = || -(((random.next_u64() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64).ln();
        let mut free_at = vec![0.0_f64; cores];
        let (mut now, mut waited, mut served) = (0.0, 0.0, 0.0);
        for _ in 0..200_000 {
            now += exponential() / (cores as f64 * utilisation);
            let first = free_at.iter_mut().min_by(|left, right| left.total_cmp(right)).unwrap();
            let service = exponential();
            waited += (*first - now).max(0.0);
            served += service;
            *first = first.max(now) + service;
        }
        waited / served
    }

    #[test]
    fn a_simulation_agrees() {
        for cores in [4_u32, 16, 32] {
            let utilisation = target_utilisation(cores, 0.1);
            let found = simulated_wait_share(cores as usize, utilisation);
            assert!((0.08..0.125).contains(&found), "{cores} cores at {utilisation}: {found}");
        }
    }
}
