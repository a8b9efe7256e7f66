//! Upload: the pushes of the spool, one at a time and in order, to the collector.

mod backoff;
mod client;
mod complaint;

use std::{
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use model::PushKey;

use crate::{
    spool::{Spool, SpoolError, SpoolUsage, Waiting},
    tally::Tally,
};

pub use client::{Client, ClientError, ClientOptions, Delivery};

use backoff::Backoff;
use complaint::Complaint;

/// The spool, shared between the thread that fills it and the thread that sends.
#[derive(Debug)]
pub struct Outbox {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    spool: Spool,
    deliveries: Tally,
    /// Set when the agent ends: until this moment the sender still tries, then it leaves the rest in the
    /// spool.
    deadline: Option<Instant>,
}

/// Counts what became of each attempt to send.
const DELIVERIES: &str = "push_deliveries_total";

impl Outbox {
    /// Shares a spool.
    pub fn new(spool: Spool) -> Self {
        let inner = Inner { spool, deliveries: Tally::default(), deadline: None };
        Self { inner: Mutex::new(inner), changed: Condvar::new() }
    }

    /// Adds a push and wakes the sender.
    pub fn append(&self, encode: impl FnOnce(PushKey) -> Vec<u8>) -> Result<PushKey, SpoolError> {
        let key = self.lock().spool.append(encode);
        self.changed.notify_all();
        key
    }

    /// Asks the sender to end: when everything is sent, or at the deadline.
    pub fn close(&self, deadline: Instant) {
        self.lock().deadline = Some(deadline);
        self.changed.notify_all();
    }

    /// What the spool holds.
    pub fn usage(&self) -> SpoolUsage {
        self.lock().spool.usage()
    }

    /// Attempts to send, by outcome.
    pub fn deliveries(&self) -> Tally {
        self.lock().deliveries.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The spool's state is put right before anything that can panic, so it is usable after a panic
        // elsewhere.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a push to send; `None` when the agent ends.
    fn next(&self) -> Option<Waiting> {
        let mut inner = self.lock();
        loop {
            let oldest = inner.spool.oldest();
            match (oldest, inner.deadline) {
                (Some(_), Some(deadline)) if Instant::now() >= deadline => return None,
                (Some(push), _) => return Some(push),
                (None, Some(_)) => return None,
                (None, None) => inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Waits before another attempt; false when the agent ends before that.
    fn pause(&self, delay: Duration) -> bool {
        let until = Instant::now() + delay;
        let mut inner = self.lock();
        loop {
            let now = Instant::now();
            if inner.deadline.is_some() {
                // The collector has just failed to answer. Whoever waits for the agent to end gains nothing
                // from another attempt, and the push is safe in the spool.
                return false;
            }
            if now >= until {
                return true;
            }
            let waited = self.changed.wait_timeout(inner, until - now);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Sends until the outbox is closed. `random` gives numbers from 0 to 1.
pub fn send_all(outbox: &Outbox, client: &Client, mut random: impl FnMut() -> f64) {
    let mut backoff = Backoff::default();
    let mut complaint = Complaint::default();
    while let Some(push) = outbox.next() {
        let delivery = match read(outbox, push) {
            Ok(Some(body)) => client.send(&body),
            Ok(None) => continue,
            Err(error) => Delivery::Refused { reason: format!("the spooled push cannot be read: {error}") },
        };
        outbox.lock().deliveries.add(DELIVERIES, delivery.name(), 1);
        match delivery {
            Delivery::Stored => {
                outbox.lock().spool.remove(push.sequence);
                backoff = Backoff::default();
                if complaint.end() {
                    tracing::info!(collector = client.url(), "the collector answers again");
                }
            }
            Delivery::Refused { reason } => {
                tracing::warn!(
                    reason,
                    sequence = push.sequence,
                    "the collector refuses a push; it is set aside"
                );
                outbox.lock().spool.set_aside(push.sequence);
            }
            Delivery::Retry { reason, after } => {
                if complaint.is_due(Instant::now()) {
                    let waiting = outbox.usage().pushes;
                    tracing::warn!(
                        collector = client.url(),
                        reason,
                        waiting,
                        "cannot send; keeping pushes in the spool"
                    );
                }
                if !outbox.pause(after.unwrap_or_else(|| backoff.next_delay(random()))) {
                    return;
                }
            }
        }
    }
}

/// The bytes of a push; `None` when it has been dropped from the spool meanwhile.
fn read(outbox: &Outbox, push: Waiting) -> io::Result<Option<Vec<u8>>> {
    let path = outbox.lock().spool.path(push.sequence);
    match std::fs::read(path) {
        Err(_) if outbox.lock().spool.oldest() != Some(push) => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests;
