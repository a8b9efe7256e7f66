//! CPU and wall time of a piece of work.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// What something cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// CPU seconds of all threads of this process.
    pub(crate) cpu_s: f64,
    /// Wall seconds.
    pub(crate) wall_s: f64,
}

/// Does the work and says what it cost.
pub(crate) fn cost_of<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(Cost, T), E> {
    let (started, cpu_before_s) = (Instant::now(), cpu_s());
    let result = work()?;
    Ok((Cost { cpu_s: cpu_s() - cpu_before_s, wall_s: started.elapsed().as_secs_f64() }, result))
}

/// Does the work some times. The medians of both costs, and the last result.
pub(crate) fn median_of<T, E>(runs: usize, work: impl Fn() -> Result<T, E>) -> Result<(Cost, T), E> {
    let (cost, mut last) = cost_of(&work)?;
    let mut costs = vec![cost];
    for _ in 1..runs {
        let (cost, result) = cost_of(&work)?;
        costs.push(cost);
        last = result;
    }
    Ok((median(&costs), last))
}

/// The medians of CPU and of wall time.
pub(crate) fn median(costs: &[Cost]) -> Cost {
    let middle = |of: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Cost { cpu_s: middle(|cost| cost.cpu_s), wall_s: middle(|cost| cost.wall_s) }
}

fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
