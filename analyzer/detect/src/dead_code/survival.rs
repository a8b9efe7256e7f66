//! How long functions that are alive take to run first after they were deployed, learned from the operator's own fleet,
//! and what silence up to some age says with it.

/// What the source says about a function before anything was watched; the likeliest to be dead first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StaticClass {
    /// Nothing names it.
    Unreferenced,
    /// Only candidates name it.
    ReferencedByCandidates,
    /// Private by its name.
    Private,
    /// Anything else.
    Public,
    /// Called by a framework or in rare cases only: route handlers, commands, migrations, signals, serializers, text for
    /// debugging, handlers of exceptions.
    EntryPoint,
}

/// One function of a class, from its deployment on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Life {
    /// Days until it first ran, or until it was last watched.
    pub days: f64,
    /// True when it ran.
    pub has_run: bool,
}

/// Share of functions that have not run yet, by age: a Kaplan-Meier curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survival {
    /// Age and share from then on, in order of age.
    steps: Vec<(f64, f64)>,
}

impl StaticClass {
    /// Chance that such a function is dead: where a new fleet starts from.
    pub fn prior(self) -> f64 {
        match self {
            Self::Unreferenced => 0.7,
            Self::ReferencedByCandidates => 0.6,
            Self::Private => 0.3,
            Self::Public => 0.15,
            Self::EntryPoint => 0.05,
        }
    }
}

impl Survival {
    /// Fits the curve to functions that ran, and to those whose watch ended before they did.
    pub fn fit(lives: &[Life]) -> Self {
        let mut lives: Vec<Life> = lives.iter().copied().filter(|life| life.days.is_finite()).collect();
        lives.sort_by(|left, right| left.days.total_cmp(&right.days));
        let (mut at_risk, mut share) = (lives.len(), 1.0);
        let mut steps = Vec::new();
        for same in lives.chunk_by(|left, right| left.days == right.days) {
            let ran = same.iter().filter(|life| life.has_run).count();
            if let (Some(first), true) = (same.first(), ran > 0) {
                share *= 1.0 - ran as f64 / at_risk as f64;
                steps.push((first.days, share));
            }
            at_risk -= same.len();
        }
        Self { steps }
    }

    /// The share that has not run by an age.
    pub fn at(&self, days: f64) -> f64 {
        let passed = self.steps.partition_point(|(age, _)| *age <= days);
        passed.checked_sub(1).and_then(|at| self.steps.get(at)).map_or(1.0, |(_, share)| *share)
    }
}

/// The chance that a function is dead that did not run, from its prior and the share of live ones that did not either:
/// q / (q + (1 - q) S).
pub fn dead(prior: f64, survival: f64) -> f64 {
    let alive = (1.0 - prior) * survival;
    if prior + alive > 0.0 { prior / (prior + alive) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(days: f64, has_run: bool) -> Life {
        Life { days, has_run }
    }

    #[test]
    fn the_curve_counts_those_whose_watch_ended() {
        let survival = Survival::fit(&[
            life(1.0, true),
            life(1.0, true),
            life(2.0, false),
            life(3.0, true),
            life(9.0, false),
            life(f64::NAN, true),
        ]);
        let cases = [(0.0, 1.0), (0.9, 1.0), (1.0, 0.6), (2.5, 0.6), (3.0, 0.3), (100.0, 0.3)];
        for (days, expected) in cases {
            assert!((survival.at(days) - expected).abs() < 1e-12, "{days}");
        }
        assert_eq!(Survival::fit(&[]).at(5.0), 1.0);
    }

    #[test]
    fn silence_moves_the_prior() {
        let cases = [(0.7, 1.0, 0.7), (0.7, 0.0, 1.0), (0.05, 0.01, 0.840_336), (0.0, 0.0, 0.0)];
        for (prior, survival, expected) in cases {
            assert!((dead(prior, survival) - expected).abs() < 1e-6, "{prior} {survival}");
        }
        let priors = [
            StaticClass::Unreferenced,
            StaticClass::ReferencedByCandidates,
            StaticClass::Private,
            StaticClass::Public,
            StaticClass::EntryPoint,
        ]
        .map(StaticClass::prior);
        assert!(priors.is_sorted_by(|left, right| left > right));
    }
}
