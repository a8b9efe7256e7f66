//! What a fleet's requests cost: cells of CPU and requests by host and step, for every function of every endpoint.

/// Everything that is looked at together: the series of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FleetSeries {
    /// Steps of time.
    pub steps: usize,
    /// Length of a step in seconds.
    pub step_s: f64,
    /// Steps of a season (a day), 0 when the time range has less than two.
    pub period: usize,
    /// The hosts.
    pub hosts: Vec<Host>,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Names of functions.
    pub functions: Vec<FunctionName>,
    /// The series; those of one endpoint refer to each other.
    pub series: Vec<Series>,
    /// Requests by version of the service.
    pub versions: Vec<Part>,
    /// Requests by variant of each feature flag.
    pub flags: Vec<Part>,
}

/// One host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// What it has in common with some of the others; empty when nothing is known.
    pub group: String,
}

/// One endpoint. A cell is a step of a host: `host * steps + step`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// Requests in each cell.
    pub requests: Vec<f64>,
    /// All its sampled CPU in each cell, which says whether the cell was looked at.
    pub sampled_ns: Vec<f64>,
}

/// A function's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FunctionName {
    /// Its readable name.
    pub name: String,
    /// The file, else the executable.
    pub place: String,
    /// The package or executable that it is part of.
    pub package: String,
}

/// What of an endpoint's cost a series is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All of it.
    #[default]
    Endpoint,
    /// A function's with what it calls.
    Total,
    /// A function's own.
    Own,
}

/// CPU of one function, or of everything, in one endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Position of the endpoint.
    pub endpoint: usize,
    /// What of its cost.
    pub scope: Scope,
    /// Position of the function; none for all of the endpoint.
    pub function: Option<usize>,
    /// Positions of the series that this one is a part of, the one with the most of it first.
    pub parents: Vec<usize>,
    /// CPU in each cell, in nanoseconds.
    pub cpu_ns: Vec<f64>,
    /// True when programs measured the CPU themselves: then it does not depend on samples.
    pub is_counted: bool,
}

/// Requests that have something in common, over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// What it is of: a flag; empty for versions.
    pub of: String,
    /// The version or the variant.
    pub value: String,
    /// Requests in each step.
    pub requests: Vec<f64>,
}

/// CPU and requests of one host in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Served {
    /// CPU in nanoseconds.
    pub cpu_ns: f64,
    /// Requests.
    pub requests: f64,
}

impl FleetSeries {
    /// For each cell whether the host was looked at: a host of which nothing was sampled in a step has lost its samples,
    /// not its cost.
    pub fn presence(&self) -> Vec<bool> {
        let mut present = vec![false; self.hosts.len() * self.steps];
        for endpoint in &self.endpoints {
            for (present, cpu_ns) in present.iter_mut().zip(&endpoint.sampled_ns) {
                *present |= *cpu_ns > 0.0;
            }
        }
        present
    }

    /// What a host served in some steps that were looked at.
    pub fn served(&self, series: &Series, present: &[bool], (host, steps): (usize, &[usize])) -> Served {
        let requests = self.endpoints.get(series.endpoint).map(|endpoint| endpoint.requests.as_slice());
        let requests = requests.unwrap_or_default();
        let cells = steps.iter().map(|step| host * self.steps + step);
        let cells = cells.filter(|cell| series.is_counted || present.get(*cell).copied().unwrap_or(false));
        cells.fold(Served::default(), |sum, cell| Served {
            cpu_ns: sum.cpu_ns + series.cpu_ns.get(cell).copied().unwrap_or_default(),
            requests: sum.requests + requests.get(cell).copied().unwrap_or_default(),
        })
    }

    /// CPU per request of all hosts together in each step, in nanoseconds; not a number where there is none.
    pub fn pooled(&self, series: &Series, present: &[bool]) -> Vec<f64> {
        let requests = self.endpoints.get(series.endpoint).map(|endpoint| endpoint.requests.as_slice());
        let cells = series.cpu_ns.iter().zip(requests.unwrap_or_default()).zip(present);
        let mut sums = vec![(0.0, 0.0); self.steps];
        let cells = cells.enumerate().filter(|(_, (_, present))| series.is_counted || **present);
        for (at, ((cpu_ns, requests), _)) in cells {
            if let Some(sum) = sums.get_mut(at % self.steps.max(1)) {
                *sum = (sum.0 + cpu_ns, sum.1 + requests);
            }
        }
        sums.into_iter().map(|(cpu_ns, requests)| cpu_ns / requests).collect()
    }

    /// Requests of an endpoint in each step.
    pub fn load(&self, endpoint: usize) -> Vec<f64> {
        let mut load = vec![0.0; self.steps];
        let requests = self.endpoints.get(endpoint).map(|endpoint| endpoint.requests.as_slice());
        for (at, requests) in requests.unwrap_or_default().iter().enumerate() {
            if let Some(sum) = load.get_mut(at % self.steps.max(1)) {
                *sum += requests;
            }
        }
        load
    }

    /// True when a series is part of another, by any way of callers.
    pub fn is_within(&self, series: usize, other: usize) -> bool {
        let mut seen = vec![series];
        let mut at = 0;
        while let Some(one) = seen.get(at).copied() {
            at += 1;
            for parent in self.series.get(one).into_iter().flat_map(|one| &one.parents) {
                if *parent == other {
                    return other != series;
                }
                if !seen.contains(parent) {
                    seen.push(*parent);
                }
            }
        }
        false
    }
}
