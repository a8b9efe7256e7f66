//! A request from its begin to its end: stretches of work, on any thread, and then one count.

use std::{cell::Cell, hash::BuildHasher};

use crate::{
    clock::Spent,
    current::{self, Ended, Stretch, Work},
    page::{End, Header},
    sdk::{self, Sdk},
    tables::Route,
};

/// A request that runs; dropping it counts it.
pub(crate) struct Running {
    sdk: &'static Sdk,
    work: Work,
    spent: Spent,
    stretches: u64,
    pub(crate) end: End,
}

impl Running {
    /// Begins a request; nothing when the SDK is off.
    pub(crate) fn begin(endpoint: &str) -> Option<Self> {
        let sdk = sdk::get()?;
        Some(Self::on(sdk, sdk.route(endpoint)?))
    }

    pub(crate) fn on(sdk: &'static Sdk, route: &'static Route) -> Self {
        // What is nested in a measured request is measured too: its time has to be taken from the outer one's.
        let measured = current::work().is_some_and(|outer| outer.measured) || route.is_due(random());
        let work = Work { route, record: route.record, measured };
        Self { sdk, work, spent: Spent::ZERO, stretches: 0, end: End::Good }
    }

    /// Does a stretch of the work; a panic in it ends the stretch like a return.
    #[inline]
    pub(crate) fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let _leave = Leave { stretch: Some(self.begin_stretch()), running: self };
        work()
    }

    /// Gives the request its name, late.
    #[cfg(feature = "tower")]
    pub(crate) fn rename(&mut self, endpoint: &str) {
        // The route is learned too, so that the next request knows its name at once.
        if self.sdk.route(endpoint).is_some() {
            let record = self.work.record;
            self.work.record = self.sdk.renamed(record, endpoint).unwrap_or(record);
        }
    }

    pub(crate) fn begin_stretch(&self) -> Stretch {
        Stretch::begin(self.work)
    }

    pub(crate) fn add(&mut self, ended: Ended) {
        match ended.record {
            Some(record) => self.work.record = record,
            None => self.sdk.page.count(Header::Faults),
        }
        match ended.spent {
            Some(spent) => self.spent = self.spent.plus(spent),
            None => self.work.measured = false,
        }
        self.stretches += 1;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Work { route, record, measured } = self.work;
        if measured && self.stretches > 0 {
            route.learn(self.spent.cpu_ns / self.stretches);
        }
        let end = if std::thread::panicking() { End::ServerError } else { self.end };
        self.sdk.add_request(record, measured.then_some(self.spent), end);
    }
}

struct Leave<'a> {
    stretch: Option<Stretch>,
    running: &'a mut Running,
}

impl Drop for Leave<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(stretch) = self.stretch.take() {
            self.running.add(stretch.end());
        }
    }
}

/// The running request's labels, taken along to another task or thread.
pub(crate) struct Carried {
    sdk: &'static Sdk,
    work: Work,
    spent: Spent,
    stretches: u64,
}

impl Carried {
    /// Takes what this thread works for; nothing outside a request.
    pub(crate) fn take() -> Option<Self> {
        let work = current::work()?;
        Some(Self { sdk: sdk::get()?, work, spent: Spent::ZERO, stretches: 0 })
    }

    /// Does a stretch of the work.
    #[inline]
    pub(crate) fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let _leave = LeaveCarried { stretch: Some(Stretch::begin(self.work)), carried: self };
        work()
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        // A cheap request may have dear work done elsewhere: then it is worth measuring every time.
        if self.work.measured && self.stretches > 0 {
            self.work.route.learn(self.spent.cpu_ns / self.stretches);
            self.sdk.add_cost(self.work.record, self.spent);
        }
    }
}

struct LeaveCarried<'a> {
    stretch: Option<Stretch>,
    carried: &'a mut Carried,
}

impl Drop for LeaveCarried<'_> {
    #[inline]
    fn drop(&mut self) {
        let Some(ended) = self.stretch.take().map(Stretch::end) else { return };
        self.carried.work.record = ended.record.unwrap_or(self.carried.work.record);
        self.carried.spent = self.carried.spent.plus(ended.spent.unwrap_or_default());
        self.carried.stretches += 1;
    }
}

/// Decides which requests are measured, so that no rhythm of theirs can. Seeded by the standard library's hash keys.
fn random() -> u64 {
    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }
    let mut state = STATE.get();
    if state == 0 {
        state = std::hash::RandomState::new().hash_one(0_u8) | 1;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    STATE.set(state);
    state >> 32
}
