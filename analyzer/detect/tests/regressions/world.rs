//! A simulated fleet: endpoints whose requests run through trees of functions on hosts of different speed, sampled with
//! noise. What happens to it is a list of changes.

use analyzer_detect::regressions::fleet::{Endpoint, FleetSeries, FunctionName, Host, Part, Scope, Series};
use testkit::Random;

/// Steps of an hour: four days.
pub(crate) const STEPS: usize = 96;
const STEP_S: f64 = 3600.0;
const DAY: usize = 24;

/// When things happen.
pub(crate) const CHANGE_AT: usize = 60;

/// CPU between two samples of one host: 19 Hz.
const PERIOD_NS: f64 = 1e9 / 19.0;

/// CPU per request of an untouched endpoint.
pub(crate) const REQUEST_NS: f64 = 20e6;

/// Requests per second of one host in one endpoint, on average.
const RATE: f64 = 2.0;

/// A place in the call tree of every endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) function: usize,
    pub(crate) parent: Option<usize>,
    /// Own cost per request.
    pub(crate) own_ns: f64,
}

/// Where and when a cost is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) endpoint: usize,
    pub(crate) node: usize,
    pub(crate) host: usize,
    pub(crate) step: usize,
    /// Requests against the mean of the day.
    pub(crate) load: f64,
}

type Cost = Box<dyn Fn(&Moment, f64) -> f64>;
type Share = Box<dyn Fn(usize, usize) -> f64>;

/// The fleet before it is measured.
pub(crate) struct World {
    pub(crate) hosts: Vec<Host>,
    /// Cost of a host against the others.
    pub(crate) speed: Vec<f64>,
    pub(crate) endpoints: usize,
    pub(crate) functions: Vec<FunctionName>,
    pub(crate) nodes: Vec<Node>,
    /// What becomes of a node's own cost, one after the other.
    pub(crate) costs: Vec<Cost>,
    /// Requests of a host in a step against the others.
    pub(crate) share: Share,
    /// CPU between samples in a step.
    pub(crate) period_ns: Box<dyn Fn(usize) -> f64>,
    /// Whether a host's samples of a step were lost.
    pub(crate) is_lost: Share,
    pub(crate) versions: Vec<Part>,
    pub(crate) flags: Vec<Part>,
}

pub(crate) fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64).sum::<f64>() - 6.0
}

impl World {
    /// A quiet fleet: three layers of functions, of which every third belongs to a library.
    pub(crate) fn new(random: &mut Random, (hosts, endpoints): (usize, usize), variation: f64) -> Self {
        let mut world = Self {
            hosts: (0..hosts)
                .map(|at| Host {
                    name: format!("web-{at}"),
                    group: if at % 2 == 0 { "amd" } else { "arm" }.into(),
                })
                .collect(),
            speed: (0..hosts).map(|_| (variation * normal(random)).exp()).collect(),
            endpoints,
            functions: Vec::new(),
            nodes: Vec::new(),
            costs: Vec::new(),
            share: Box::new(|_, _| 1.0),
            period_ns: Box::new(|_| PERIOD_NS),
            is_lost: Box::new(|_, _| 0.0),
            versions: Vec::new(),
            flags: Vec::new(),
        };
        let main = world.add("serve", "app", None, 0.02);
        for layer in 0..4 {
            let handler = world.add(&format!("handle_{layer}"), "app", Some(main), 0.03);
            for step in 0..4 {
                let package = if step == 3 { "libjson" } else { "app" };
                let worker = world.add(&format!("{package}_{layer}{step}"), package, Some(handler), 0.03);
                world.add(&format!("{package}_inner_{layer}{step}"), package, Some(worker), 0.02);
            }
        }
        world
    }

    /// Adds a function under a node, with a share of the request as its own cost.
    pub(crate) fn add(&mut self, name: &str, package: &str, parent: Option<usize>, share: f64) -> usize {
        let known = self.functions.iter().position(|function| function.name == name);
        let function = known.unwrap_or_else(|| {
            self.functions.push(FunctionName {
                name: name.into(),
                place: format!("{package}/{name}.rs"),
                package: if package == "app" { String::new() } else { package.into() },
            });
            self.functions.len() - 1
        });
        self.nodes.push(Node { function, parent, own_ns: share * REQUEST_NS });
        self.nodes.len() - 1
    }

    pub(crate) fn node(&self, name: &str) -> usize {
        let is_it = |node: &Node| self.functions[node.function].name == name;
        self.nodes.iter().position(is_it).unwrap()
    }

    /// What a node costs of its own.
    pub(crate) fn change(&mut self, cost: impl Fn(&Moment, f64) -> f64 + 'static) {
        self.costs.push(Box::new(cost));
    }

    fn own_ns(&self, moment: &Moment) -> f64 {
        let own_ns = self.nodes[moment.node].own_ns * self.speed[moment.host];
        self.costs.iter().fold(own_ns, |cost, change| change(moment, cost))
    }

    /// What an analysis sees of it.
    pub(crate) fn measured(&self, random: &mut Random) -> FleetSeries {
        let mut fleet = FleetSeries {
            steps: STEPS,
            step_s: STEP_S,
            period: DAY,
            hosts: self.hosts.clone(),
            functions: self.functions.clone(),
            versions: self.versions.clone(),
            flags: self.flags.clone(),
            ..FleetSeries::default()
        };
        for endpoint in 0..self.endpoints {
            self.measure(endpoint, random, &mut fleet);
        }
        fleet
    }

    fn measure(&self, endpoint: usize, random: &mut Random, fleet: &mut FleetSeries) {
        let cells = self.hosts.len() * STEPS;
        let mut own: Vec<Vec<f64>> = vec![vec![0.0; cells]; self.nodes.len()];
        let mut requests = vec![0.0; cells];
        for (cell, requests) in requests.iter_mut().enumerate() {
            let (host, step) = (cell / STEPS, cell % STEPS);
            let hour = (step % DAY) as f64 / DAY as f64 * std::f64::consts::TAU;
            let load = 1.0 - 0.4 * hour.cos();
            *requests =
                (RATE * STEP_S * load * (self.share)(host, step) * (1.0 + 0.05 * normal(random))).round();
            let weather = (0.02 * normal(random)).exp();
            let period_ns = (self.period_ns)(step);
            for (node, own) in own.iter_mut().enumerate() {
                let cost = self.own_ns(&Moment { endpoint, node, host, step, load });
                let cpu_ns = cost * weather * (0.01 * normal(random)).exp() * *requests;
                own[cell] = (poisson(random, cpu_ns / period_ns) * period_ns).max(0.0);
                if (self.is_lost)(host, step) > 0.0 {
                    own[cell] = 0.0;
                }
            }
        }
        self.add_series(endpoint, (&own, requests), fleet);
    }

    fn add_series(&self, endpoint: usize, (own, requests): (&[Vec<f64>], Vec<f64>), fleet: &mut FleetSeries) {
        // Children come behind their parents.
        let mut totals = own.to_vec();
        for (at, node) in self.nodes.iter().enumerate().rev() {
            if let Some(parent) = node.parent {
                let child = totals[at].clone();
                totals[parent].iter_mut().zip(child).for_each(|(sum, more)| *sum += more);
            }
        }
        let name = format!("GET /{endpoint}");
        fleet.endpoints.push(Endpoint { name, requests, sampled_ns: totals[0].clone() });
        let whole = fleet.series.len();
        fleet.series.push(Series { endpoint, cpu_ns: totals[0].clone(), ..Series::default() });
        let first = fleet.series.len();
        let place = |function: usize| first + function;
        for function in 0..self.functions.len() {
            let mut total = Series {
                endpoint,
                scope: Scope::Total,
                function: Some(function),
                parents: Vec::new(),
                cpu_ns: vec![0.0; own[0].len()],
                is_counted: false,
            };
            for (at, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.function == function) {
                total.cpu_ns.iter_mut().zip(&totals[at]).for_each(|(sum, more)| *sum += more);
                let parent = node.parent.map_or(whole, |parent| place(self.nodes[parent].function));
                if !total.parents.contains(&parent) {
                    total.parents.push(parent);
                }
            }
            fleet.series.push(total);
        }
        for function in 0..self.functions.len() {
            let nodes: Vec<usize> =
                (0..self.nodes.len()).filter(|at| self.nodes[*at].function == function).collect();
            let is_inner = |at: &usize| self.nodes.iter().any(|node| node.parent == Some(*at));
            if !nodes.iter().any(is_inner) {
                continue;
            }
            let mut cpu_ns = vec![0.0; own[0].len()];
            for at in nodes {
                cpu_ns.iter_mut().zip(&own[at]).for_each(|(sum, more)| *sum += more);
            }
            let parents = vec![place(function)];
            let scope = Scope::Own;
            fleet.series.push(Series {
                endpoint,
                scope,
                function: Some(function),
                parents,
                cpu_ns,
                is_counted: false,
            });
        }
    }
}

/// A count of samples.
fn poisson(random: &mut Random, mean: f64) -> f64 {
    if mean > 30.0 {
        return (mean + mean.sqrt() * normal(random)).round();
    }
    let mut left = (-mean).exp();
    let uniform = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let (mut count, mut below) = (0.0, left);
    while below < uniform && count < 200.0 {
        count += 1.0;
        left *= mean / count;
        below += left;
    }
    count
}
