//! A fleet that is the same every time: hosts, services, endpoints, and how often each stack is seen.

use std::sync::Arc;

use model::{Batch, Frame, FrameId, LabelSet, Profile, ProfileType, Sample, StackId, Window, keys};

/// Nanoseconds of an hour.
pub(crate) const HOUR_NS: i64 = 3_600_000_000_000;
/// The first hour of the day, counted from the Unix epoch.
pub(crate) const FIRST_HOUR: i64 = 480_000;

const SERVICES: usize = 40;
const ENDPOINTS: usize = 5;
const VERSIONS: usize = 3;
const FLAG_SETS: usize = 16;
const SERIES_PER_HOST: usize = 5;
const STACKS: usize = 50_000;
const FUNCTIONS: usize = 20_000;
const STACKS_PER_ENDPOINT: usize = 2_000;
const STACKS_PER_PROFILE: usize = 64;
const ZIPF: f64 = 1.05;
/// Each host reports every twelfth window of 10 s.
const WINDOW_NS: i64 = 10_000_000_000;
const WINDOWS_PER_REPORT: usize = 12;
const REPORTS_PER_HOUR: usize = 30;
const PERIOD_NS: i64 = 10_000_000;

/// The fleet, and the profiles of its latest hour.
pub(crate) struct Fleet {
    pub(crate) batch: Batch,
    hosts: Vec<[Line; SERIES_PER_HOST]>,
    of_endpoint: Vec<Vec<StackId>>,
    ranks: Zipf,
    random: Random,
}

/// What one process of a host reports.
#[derive(Clone, Default)]
struct Line {
    labels: LabelSet,
    endpoint: usize,
}

/// Name of a service; 0 is the most popular.
pub(crate) fn service(rank: usize) -> String {
    format!("service-{rank:02}")
}

/// Name of a service's endpoint.
pub(crate) fn endpoint(service: usize, rank: usize) -> String {
    format!("GET /service-{service:02}/endpoint-{rank}")
}

/// The answer of a query as text: a line for each stack with its functions and its sum, in order.
pub(crate) fn sums_text(batch: &Batch) -> String {
    let samples = batch.profiles.iter().flat_map(|profile| &profile.samples);
    let mut lines: Vec<String> = samples
        .map(|sample| {
            let names: Vec<Arc<str>> =
                batch.stack(sample.stack).iter().map(|frame| batch.frame(*frame).function).collect();
            format!("{} {}\n", names.join(";"), sample.value)
        })
        .collect();
    lines.sort_unstable();
    lines.concat()
}

impl Fleet {
    /// A fleet big enough for so many rows an hour.
    pub(crate) fn new(rows_per_hour: usize) -> Self {
        let mut random = Random(7);
        let hosts = rows_per_hour.div_ceil(STACKS_PER_PROFILE * REPORTS_PER_HOUR).max(1);
        let (services, endpoints) = (Zipf::new(SERVICES), Zipf::new(ENDPOINTS));
        let host = |at: usize| {
            let service = services.draw(&mut random);
            std::array::from_fn(|_| line(at, service, endpoints.draw(&mut random), &mut random))
        };
        let hosts = (0..hosts).map(host).collect();
        let frames = (0..FUNCTIONS).map(frame).collect();
        let stacks = (0..STACKS).map(|_| stack(&mut random)).collect();
        let of_endpoint = (0..SERVICES * ENDPOINTS).map(|_| {
            (0..STACKS_PER_ENDPOINT).map(|_| StackId(random.below(STACKS) as u32)).collect::<Vec<StackId>>()
        });
        let of_endpoint = of_endpoint.collect();
        let batch = Batch { frames, stacks, ..Batch::default() };
        Self { batch, hosts, of_endpoint, ranks: Zipf::new(STACKS_PER_ENDPOINT), random }
    }

    /// Replaces the profiles by those of another hour.
    pub(crate) fn next_hour(&mut self, start_ns: i64) {
        self.batch.profiles.clear();
        let mut counts: Vec<i64> = vec![0; STACKS];
        for report in 0..REPORTS_PER_HOUR {
            for (at, lines) in self.hosts.iter().enumerate() {
                let window = report * WINDOWS_PER_REPORT + at % WINDOWS_PER_REPORT;
                let line = &lines[self.random.below(SERIES_PER_HOST)];
                let stacks = &self.of_endpoint[line.endpoint];
                let mut seen: Vec<StackId> = Vec::with_capacity(STACKS_PER_PROFILE);
                while seen.len() < STACKS_PER_PROFILE {
                    let stack = stacks[self.ranks.draw(&mut self.random)];
                    let count = &mut counts[stack.0 as usize];
                    if *count == 0 {
                        seen.push(stack);
                    }
                    *count += 1;
                }
                let samples = seen.into_iter().map(|stack| {
                    let count = std::mem::take(&mut counts[stack.0 as usize]);
                    Sample { stack, value: count * PERIOD_NS }
                });
                let start_ns = start_ns + window as i64 * WINDOW_NS;
                self.batch.profiles.push(Profile {
                    kind: ProfileType::Cpu,
                    labels: line.labels.clone(),
                    window: Window { start_ns, end_ns: start_ns + WINDOW_NS },
                    period: PERIOD_NS,
                    samples: samples.collect(),
                });
            }
        }
    }
}

fn line(host: usize, service_rank: usize, endpoint_rank: usize, random: &mut Random) -> Line {
    let labels = LabelSet::new([
        (keys::SERVICE_NAME, service(service_rank)),
        (keys::ENDPOINT, endpoint(service_rank, endpoint_rank)),
        (keys::SERVICE_VERSION, format!("v{}", random.below(VERSIONS))),
        ("flags", format!("{:04b}", random.below(FLAG_SETS))),
        (keys::HOST_NAME, format!("host-{host:05}")),
    ]);
    Line { labels, endpoint: service_rank * ENDPOINTS + endpoint_rank }
}

fn frame(number: usize) -> Frame {
    Frame {
        function: format!("package_{}::function_{number}", number % 300).into(),
        file: format!("src/package_{}/file_{}.rs", number % 300, number % 1000).into(),
        line: number as u32 % 900 + 1,
        executable: format!("/usr/bin/service-{}", number % 40).into(),
        build_id: format!("{:040x}", number % 40).into(),
        ..Frame::default()
    }
}

fn stack(random: &mut Random) -> Vec<FrameId> {
    let depth = 20 + random.below(41);
    (0..depth).map(|_| FrameId(random.below(FUNCTIONS) as u32)).collect()
}

/// Ranks whose frequency falls with their number.
struct Zipf {
    /// Upper end of each rank's share.
    ends: Vec<f64>,
}

impl Zipf {
    fn new(ranks: usize) -> Self {
        let mut total = 0.0;
        let mut ends: Vec<f64> = (1..=ranks)
            .map(|rank| {
                total += (rank as f64).powf(-ZIPF);
                total
            })
            .collect();
        ends.iter_mut().for_each(|end| *end /= total);
        Self { ends }
    }

    fn draw(&self, random: &mut Random) -> usize {
        let at = random.next() as f64 / u64::MAX as f64;
        self.ends.partition_point(|end| *end < at).min(self.ends.len() - 1)
    }
}

/// SplitMix64: small, fast, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
