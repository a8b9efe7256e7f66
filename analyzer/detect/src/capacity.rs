//! How many servers a service needs, which resource says so, and how many a finding is worth.
//!
//! Servers = ceil(Σ peak rate × CPU per request × (1 + growth) ÷ (cores × target utilisation)) × R ÷ (R - 1) + reserve;
//! the same with the requests that fit into memory at once, or with the rate at which a server was seen to reach its
//! limit. The largest need binds. Memory that a finding frees is worth no server where CPU binds. Findings overlap: of
//! CPU, each takes its share of what the others leave, so that all together never take more than there is. What is not
//! known gives a range, or no answer.

mod amount;
mod queueing;

use crate::stats::servers::Sizing;

pub use amount::{Amount, Spread};
pub use queueing::{target_utilisation, wait_share};

use amount::{DRAWS, Draw};

/// One kind of request at its peak.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// What is asked for.
    pub name: String,
    /// Requests per second, of the whole fleet at its peak.
    pub peak_rate: Amount,
    /// CPU-seconds that one costs.
    pub cpu_per_request_s: Amount,
}

/// What limits how many workers fit on a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostMemory {
    /// Memory of a server.
    pub host_bytes: Amount,
    /// What is taken before the first worker.
    pub base_bytes: Amount,
    /// What the workers share.
    pub shared_bytes: Amount,
    /// What each worker has of its own.
    pub worker_bytes: Amount,
    /// Seconds that a request keeps a worker.
    pub request_s: Amount,
}

/// A service and the servers it runs on.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// What is asked of it.
    pub demands: Vec<Demand>,
    /// Cores of one server.
    pub cores: Option<u32>,
    /// Share of the cores that may be busy at the peak. Without it, the shares at which requests wait 2 to 10 % of the
    /// time they are served.
    pub target_utilisation: Option<Amount>,
    /// Expected growth: 0.2 is a fifth more.
    pub growth: Amount,
    /// Regions of which one may be lost; 1 when no such reserve is counted.
    pub regions: u32,
    /// Servers kept beside all that.
    pub reserve: u32,
    /// Without it nothing is said of memory.
    pub memory: Option<HostMemory>,
    /// Requests per second of one server at which it was seen to reach its limit. Preferred to what CPU alone says.
    pub red_line_rate: Option<Amount>,
}

/// What a finding frees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// A share of all CPU at the peak, 0 to 1.
    Cpu(Amount),
    /// Memory of each worker; so much of it becomes shared, once for the server.
    Memory {
        /// Bytes that each worker no longer has of its own.
        worker_bytes: Amount,
        /// Bytes that are shared instead.
        shared_bytes: Amount,
    },
}

/// A finding by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What to call it.
    pub name: String,
    /// What it frees.
    pub effect: Effect,
}

/// Which resource says how many servers are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource {
    /// Cores.
    Cpu,
    /// Memory for workers.
    Memory,
    /// What a load test showed.
    RedLine,
}

/// How many servers are needed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need {
    /// Whole servers.
    pub servers: Spread,
    /// What most draws say; of the rest, `binding_share` tells.
    pub binding: Resource,
    /// Share of the draws in which that resource binds.
    pub binding_share: f64,
    /// Servers that CPU alone would need, in fractions.
    pub for_cpu: Spread,
    /// Servers that memory alone would need, in fractions.
    pub for_memory: Option<Spread>,
}

/// What a finding is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Worth {
    /// Its name.
    pub name: String,
    /// Servers, in fractions, if nothing else is done.
    pub alone: Spread,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// As things are.
    pub now: Need,
    /// With all findings carried out.
    pub after: Need,
    /// Each finding.
    pub findings: Vec<Worth>,
    /// All of them together, in fractions: never more than what is needed now. More than their sum only where one makes
    /// room that another needs: CPU and memory both have to give way where both are short.
    pub together: Spread,
    /// Share of the cores that may be busy at the peak: the one asked for, or the likeliest for servers of this size.
    pub target_utilisation: f64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSay {
    /// Nothing is asked of the service, or it is not known what.
    #[error("cannot say: no requests with a rate and CPU per request are known")]
    Demand,
    /// How large servers are is not known.
    #[error("cannot say: the number of cores of a server is not known; give `cores`")]
    Cores,
    /// A number that cannot be.
    #[error("cannot say: `{0}` is not a number that can be")]
    Impossible(&'static str),
    /// No worker fits into a server.
    #[error("cannot say: not one worker fits into the memory of a server")]
    Memory,
}

/// Waits, as shares of the time served, that an unstated target utilisation stands for.
const WAIT_SHARES: [f64; 2] = [0.02, 0.1];

/// Answers.
pub fn plan(service: &Service, findings: &[Finding]) -> Result<Plan, CannotSay> {
    check(service, findings)?;
    let service = &with_target(service);
    let every: Vec<usize> = (0..findings.len()).collect();
    let fraction = |done: &[usize]| {
        let likely = fraction_saved(service, findings, done, Draw::likeliest());
        let drawn = (0..DRAWS).map(|at| fraction_saved(service, findings, done, Draw::number(at))).collect();
        Spread::of(likely, drawn)
    };
    let worth = |at: usize| {
        findings.get(at).map(|finding| Worth { name: finding.name.clone(), alone: fraction(&[at]) })
    };
    Ok(Plan {
        now: need(service, findings, &[])?,
        after: need(service, findings, &every)?,
        findings: every.iter().filter_map(|at| worth(*at)).collect(),
        together: fraction(&every),
        target_utilisation: service
            .target_utilisation
            .map_or(1.0, |target| Draw::likeliest().of(target).min(1.0)),
    })
}

/// The service with a target utilisation, by the size of its servers where none is stated.
fn with_target(service: &Service) -> Service {
    let [low, high] = WAIT_SHARES.map(|share| target_utilisation(service.cores.unwrap_or_default(), share));
    let target = service.target_utilisation.unwrap_or(Amount::Range { low, high });
    Service { target_utilisation: Some(target), ..service.clone() }
}

/// What each resource needs, in fractions of servers and without the fixed reserve.
#[derive(Clone, Copy, Debug)]
struct Fractions {
    cpu: f64,
    red_line: Option<f64>,
    memory: Option<f64>,
}

impl Fractions {
    /// The largest need and whose it is. A load test was made with the CPU of the time, so it stands for CPU too.
    fn largest(&self) -> (Resource, f64) {
        let busy = match self.red_line {
            Some(servers) => (Resource::RedLine, servers),
            None => (Resource::Cpu, self.cpu),
        };
        match self.memory {
            Some(servers) if servers > busy.1 => (Resource::Memory, servers),
            _ => busy,
        }
    }
}

/// Whole servers of one draw.
fn need(service: &Service, findings: &[Finding], done: &[usize]) -> Result<Need, CannotSay> {
    let whole = |servers: f64| (servers.ceil() * region_factor(service)).ceil() + f64::from(service.reserve);
    let likely = fractions(service, findings, done, &mut Draw::likeliest());
    let drawn: Vec<Fractions> =
        (0..DRAWS).map(|at| fractions(service, findings, done, &mut Draw::number(at))).collect();
    if !likely.largest().1.is_finite() {
        return Err(CannotSay::Memory);
    }
    let (binding, servers) = likely.largest();
    let binds = drawn.iter().filter(|fractions| fractions.largest().0 == binding).count();
    let spread =
        |part: &dyn Fn(&Fractions) -> f64| Spread::of(part(&likely), drawn.iter().map(part).collect());
    Ok(Need {
        servers: Spread::of(whole(servers), drawn.iter().map(|drawn| whole(drawn.largest().1)).collect()),
        binding,
        binding_share: binds as f64 / DRAWS as f64,
        for_cpu: spread(&|fractions| fractions.cpu * region_factor(service)),
        for_memory: likely
            .memory
            .map(|_| spread(&|fractions| fractions.memory.unwrap_or_default() * region_factor(service))),
    })
}

/// Servers, in fractions, that findings save in one draw. Both sides are computed from the same inputs.
fn fraction_saved(service: &Service, findings: &[Finding], done: &[usize], mut draw: Draw) -> f64 {
    let inputs = Inputs::draw(service, findings, &mut draw);
    let (before, after) = (inputs.fractions(&[]).largest().1, inputs.fractions(done).largest().1);
    let saved = (before - after).max(0.0) * region_factor(service);
    if saved.is_finite() { saved } else { 0.0 }
}

fn fractions(service: &Service, findings: &[Finding], done: &[usize], draw: &mut Draw) -> Fractions {
    Inputs::draw(service, findings, draw).fractions(done)
}

fn region_factor(service: &Service) -> f64 {
    let Service { regions, reserve, .. } = *service;
    Sizing { cores: 1.0, target_utilisation: 1.0, growth: 0.0, regions, reserve }.region_factor()
}

/// All inputs as one draw has them.
struct Inputs {
    /// Busy cores at the peak, with growth.
    busy_cores: f64,
    /// Requests per second at the peak, with growth.
    rate: f64,
    /// Cores that may be busy in a server.
    cores: f64,
    red_line_rate: Option<f64>,
    memory: Option<Room>,
    effects: Vec<Drawn>,
}

#[derive(Clone, Copy)]
struct Room {
    for_workers: f64,
    worker: f64,
    request_s: f64,
}

#[derive(Clone, Copy)]
enum Drawn {
    Cpu(f64),
    Memory { worker: f64, shared: f64 },
}

impl Inputs {
    fn draw(service: &Service, findings: &[Finding], draw: &mut Draw) -> Self {
        let growth = 1.0 + draw.of(service.growth);
        let (mut busy_cores, mut rate) = (0.0, 0.0);
        for demand in &service.demands {
            let peak = draw.of(demand.peak_rate);
            rate += peak * growth;
            busy_cores += peak * draw.of(demand.cpu_per_request_s) * growth;
        }
        let cores = service.cores.unwrap_or_default();
        let target = draw.of(service.target_utilisation.unwrap_or(Amount::Known(1.0)));
        let memory = service.memory.map(|memory| Room {
            for_workers: draw.of(memory.host_bytes)
                - draw.of(memory.base_bytes)
                - draw.of(memory.shared_bytes),
            worker: draw.of(memory.worker_bytes),
            request_s: draw.of(memory.request_s),
        });
        let effect = |finding: &Finding| match finding.effect {
            Effect::Cpu(share) => Drawn::Cpu(draw.of(share).min(1.0)),
            Effect::Memory { worker_bytes, shared_bytes } => {
                Drawn::Memory { worker: draw.of(worker_bytes), shared: draw.of(shared_bytes) }
            }
        };
        let effects = findings.iter().map(effect).collect();
        let red_line_rate = service.red_line_rate.map(|rate| draw.of(rate));
        Self { busy_cores, rate, cores: f64::from(cores) * target.min(1.0), red_line_rate, memory, effects }
    }

    /// What is needed once these findings are carried out.
    fn fractions(&self, done: &[usize]) -> Fractions {
        let (mut cpu_left, mut worker_left, mut shared) = (1.0, 1.0, 0.0);
        let worker = self.memory.map_or(1.0, |memory| memory.worker);
        for effect in done.iter().filter_map(|at| self.effects.get(*at)) {
            match *effect {
                Drawn::Cpu(share) => cpu_left *= 1.0 - share,
                Drawn::Memory { worker: saved, shared: moved } => {
                    worker_left *= 1.0 - (saved / worker).clamp(0.0, 1.0);
                    shared += moved;
                }
            }
        }
        let for_memory = |memory: Room| {
            let workers = ((memory.for_workers - shared) / (memory.worker * worker_left).max(1.0)).floor();
            let concurrent = self.rate * memory.request_s;
            if workers >= 1.0 { concurrent / workers } else { f64::INFINITY }
        };
        Fractions {
            cpu: self.busy_cores * cpu_left / self.cores,
            red_line: self.red_line_rate.map(|rate| self.rate * cpu_left / (RED_LINE_SHARE * rate)),
            memory: self.memory.map(for_memory),
        }
    }
}

/// How near to its red line a server may be run.
const RED_LINE_SHARE: f64 = 0.9;

fn check(service: &Service, findings: &[Finding]) -> Result<(), CannotSay> {
    let is_above_0 = |amount: Amount| Draw::likeliest().of(amount) > 0.0;
    if !service
        .demands
        .iter()
        .any(|demand| is_above_0(demand.peak_rate) && is_above_0(demand.cpu_per_request_s))
    {
        return Err(CannotSay::Demand);
    }
    match service.cores {
        None => return Err(CannotSay::Cores),
        Some(1..=4096) => {}
        Some(_) => return Err(CannotSay::Impossible("cores")),
    }
    let target = service.target_utilisation.map(|target| Draw::likeliest().of(target));
    let memory = service.memory.map(|memory| [memory.worker_bytes, memory.request_s, memory.host_bytes]);
    let rules = [
        (target.is_none_or(|target| target > 0.0 && target <= 1.0), "target_utilisation"),
        (service.regions >= 1, "regions"),
        (service.red_line_rate.is_none_or(is_above_0), "red_line_rate"),
        (memory.is_none_or(|amounts| amounts.into_iter().all(is_above_0)), "memory"),
        (
            findings.iter().all(|finding| !matches!(finding.effect, Effect::Cpu(share) if !share.is_share())),
            "cpu_share",
        ),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, name)| Err(CannotSay::Impossible(name)))
}

impl Amount {
    fn is_share(self) -> bool {
        (0.0..=1.0).contains(&Draw::likeliest().of(self))
    }
}

#[cfg(test)]
mod tests;
