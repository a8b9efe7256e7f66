//! A canary against its control, host by host, at one of several looks.
//!
//! CPU per request is a ratio of sums over each arm's hosts (unequal loads are no bias), its logarithm compared. Below
//! eight hosts an arm the hosts are also dealt out anew (a permutation test), and both tests have to agree. What may
//! be spent of the chance of a false finding at each look comes from [`crate::stats::spending`].

use crate::{
    comparison::{Change, Limits, Verdict, judge},
    stats::{
        Estimate,
        permutation::{self, HOSTS_FOR_T, permutation_test},
        ratio::ratio,
    },
};

/// Ways to deal the hosts that are looked at.
const DRAWS: u32 = 20_000;

/// One host's part of an arm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Host {
    /// CPU of the counted requests, in nanoseconds.
    pub cpu_ns: f64,
    /// The requests that `cpu_ns` is of.
    pub requests: f64,
    /// All requests that ended.
    pub ended: f64,
    /// Those that ended with an error of the server.
    pub server_errors: f64,
    /// Those that ended with an error of the client.
    pub client_errors: f64,
}

/// One look at both arms.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// What it says.
    pub verdict: Verdict,
    /// CPU per request, relative; None when an arm has no two hosts with requests.
    pub cpu: Option<Change>,
    /// Rise of the share of requests that end with an error of the server, of those that the client did nothing wrong in:
    /// value and interval.
    pub server_errors: Option<(f64, (f64, f64))>,
    /// The same for errors of the client, of all requests. It decides nothing: clients differ.
    pub client_errors: Option<(f64, (f64, f64))>,
    /// Why there is no verdict.
    pub reason: Option<String>,
}

/// What is put up with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CanaryLimits {
    /// For CPU per request; its confidence is what this look may spend.
    pub cpu: Limits,
    /// Rise of the share of errors of the server that is put up with.
    pub errors_margin: f64,
}

/// Compares the arms. CPU and errors each fail the canary.
pub fn look(control: &[Host], canary: &[Host], limits: &CanaryLimits) -> Look {
    let estimate = log_cost(canary).zip(log_cost(control)).map(|(canary, control)| canary.minus(control));
    let Some(estimate) = estimate else {
        let reason = "each arm needs two hosts with requests; one host says nothing about hosts";
        return Look {
            verdict: Verdict::NoVerdict,
            cpu: None,
            server_errors: None,
            client_errors: None,
            reason: Some(reason.to_owned()),
        };
    };
    let (mut verdict, cpu) = judge(&estimate, &limits.cpu);
    let mut reason =
        (verdict == Verdict::NoVerdict).then(|| "the hosts differ too much among themselves".to_owned());
    if control.len().min(canary.len()) < HOSTS_FOR_T {
        let level = 1.0 - limits.cpu.confidence;
        let dealt = dealt(control, canary, level);
        if dealt == Some(permutation::Verdict::CannotSay) || dealt.is_none() {
            let hosts = format!(
                "{} and {} hosts cannot tell chance from change at this confidence",
                control.len(),
                canary.len()
            );
            (verdict, reason) = (Verdict::NoVerdict, Some(hosts));
        } else if verdict == Verdict::Fail && dealt == Some(permutation::Verdict::Alike) {
            (verdict, reason) = (Verdict::NoVerdict, Some("too few hosts to be sure of the rise".to_owned()));
        }
    }
    let rise = |part: fn(&Host) -> (f64, f64)| {
        let errors = error_share(canary, part).zip(error_share(control, part));
        let errors = errors.map(|(canary, control)| canary.minus(control));
        errors.map(|errors| (errors.value, errors.interval(limits.cpu.confidence)))
    };
    // Errors of the server against successes: more errors of clients must not hide them.
    let server_errors = rise(|host| (host.server_errors, host.ended - host.client_errors));
    let client_errors = rise(|host| (host.client_errors, host.ended));
    if server_errors.is_some_and(|(_, (low, _))| low > limits.errors_margin) {
        (verdict, reason) = (Verdict::Fail, None);
    }
    Look { verdict, cpu: Some(cpu), server_errors, client_errors, reason }
}

/// The logarithm of CPU per request.
fn log_cost(hosts: &[Host]) -> Option<Estimate> {
    let cpu: Vec<f64> = hosts.iter().map(|host| host.cpu_ns).collect();
    let requests: Vec<f64> = hosts.iter().map(|host| host.requests).collect();
    let cost = ratio(&cpu, &requests).filter(|cost| cost.value > 0.0)?;
    Some(Estimate { value: cost.value.ln(), standard_error: cost.standard_error / cost.value, ..cost })
}

fn error_share(hosts: &[Host], part: fn(&Host) -> (f64, f64)) -> Option<Estimate> {
    let (errors, all): (Vec<f64>, Vec<f64>) = hosts.iter().map(part).unzip();
    ratio(&errors, &all)
}

/// What dealing the hosts out anew says.
fn dealt(control: &[Host], canary: &[Host], level: f64) -> Option<permutation::Verdict> {
    let costs = |hosts: &[Host]| -> Vec<f64> {
        hosts
            .iter()
            .filter(|host| host.requests > 0.0)
            .map(|host| (host.cpu_ns / host.requests).ln())
            .collect()
    };
    Some(permutation_test(&costs(control), &costs(canary), DRAWS, 1)?.verdict(level))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{simulated::Noise, stats::spending};

    const LIMITS: CanaryLimits =
        CanaryLimits { cpu: Limits { margin: 0.0, confidence: 0.95, must_show: 0.2 }, errors_margin: 0.001 };

    /// Hosts whose costs differ by a tenth, each with its own load; `looks` of noise that averages out.
    fn arm(noise: &mut Noise, hosts: usize, rise: f64, persistent: &[f64]) -> Vec<Host> {
        (0..hosts)
            .map(|at| {
                let requests = (1_000.0 * (0.5 + noise.uniform())).round();
                let own = persistent.get(at).copied().unwrap_or_default() + 0.05 * noise.normal();
                Host {
                    cpu_ns: requests * (1.0 + rise) * own.exp(),
                    requests,
                    ended: requests,
                    server_errors: 0.0,
                    client_errors: 0.0,
                }
            })
            .collect()
    }

    fn draw(noise: &mut Noise, hosts: usize, variation: f64) -> Vec<f64> {
        (0..hosts).map(|_| variation * noise.normal()).collect()
    }

    /// Looks one after the other, as a deploy tool has them, with the hosts' differences staying.
    fn failed(runs: usize, seed: u64, hosts: usize, rise: f64, variation: f64) -> usize {
        let levels = spending::levels(0.05, &[0.25, 0.5, 0.75, 1.0]).unwrap();
        let mut noise = Noise::new(seed);
        (0..runs).filter(|_| fails(&mut noise, &levels, (hosts, rise, variation))).count()
    }

    fn fails(noise: &mut Noise, levels: &[f64], (hosts, rise, variation): (usize, f64, f64)) -> bool {
        let (control, canary) = (draw(noise, hosts, variation), draw(noise, hosts, variation));
        levels.iter().any(|level| {
            let limits = CanaryLimits { cpu: Limits { confidence: 1.0 - level, ..LIMITS.cpu }, ..LIMITS };
            let arms = (arm(noise, hosts, 0.0, &control), arm(noise, hosts, rise, &canary));
            look(&arms.0, &arms.1, &limits).verdict == Verdict::Fail
        })
    }

    #[test]
    fn equal_arms_seldom_fail_at_any_variation_however_often_they_are_looked_at() {
        for (seed, variation) in [(1, 0.0), (2, 0.05), (3, 0.1), (4, 0.2)] {
            let failed = failed(600, seed, 12, 0.0, variation);
            // One side of 5 %, and three standard errors.
            assert!(failed <= 27, "{failed} of 600 at {variation}");
        }
    }

    #[test]
    fn a_dear_canary_fails() {
        let (many, few) = (failed(100, 5, 12, 0.3, 0.1), failed(100, 6, 5, 0.5, 0.05));
        assert!(many >= 95 && few >= 90, "{many} {few}");
    }

    #[test]
    fn few_hosts_and_missing_requests_give_no_verdict() {
        let mut noise = Noise::new(6);
        let two = [arm(&mut noise, 2, 0.0, &[]), arm(&mut noise, 2, 3.0, &[])];
        let found = look(&two[0], &two[1], &LIMITS);
        assert_eq!((found.verdict, found.reason.is_some()), (Verdict::NoVerdict, true));
        assert_eq!(look(&two[0][..1], &two[1], &LIMITS).cpu, None);
        assert_eq!(look(&[], &[Host::default(); 3], &LIMITS).verdict, Verdict::NoVerdict);
    }

    #[test]
    fn errors_of_the_server_fail_a_canary_of_the_same_cost() {
        let mut noise = Noise::new(7);
        let (control, mut canary) = (arm(&mut noise, 12, 0.0, &[]), arm(&mut noise, 12, 0.0, &[]));
        assert_eq!(look(&control, &canary, &LIMITS).verdict, Verdict::Pass);
        for (at, host) in canary.iter_mut().enumerate() {
            host.server_errors = 20.0 + at as f64;
        }
        let found = look(&control, &canary, &LIMITS);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.server_errors.unwrap().0 > 0.02);
        // Twice as many errors of clients decide nothing, and hide nothing.
        for host in canary.iter_mut() {
            host.client_errors = host.ended / 2.0;
        }
        let hidden = look(&control, &canary, &LIMITS);
        assert_eq!(hidden.verdict, Verdict::Fail);
        assert!(hidden.server_errors.unwrap().0 > found.server_errors.unwrap().0);
        canary.iter_mut().for_each(|host| host.server_errors = 0.0);
        assert_eq!(look(&control, &canary, &LIMITS).verdict, Verdict::Pass);
    }
}
