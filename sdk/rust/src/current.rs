//! What this thread works for at the moment, and stretches: the time between putting a record there and taking it away.

use std::{cell::Cell, marker::PhantomData};

use crate::{
    clock::{self, Spent},
    record::Record,
    tables::Route,
    thread_context,
};

/// What a request is known by while it runs.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) route: &'static Route,
    pub(crate) record: &'static Record,
    /// Whether the request is measured; then so is all that it carries or that is nested in it.
    pub(crate) measured: bool,
}

#[derive(Clone, Copy)]
struct Current {
    work: Option<Work>,
    depth: u32,
}

impl Current {
    const NOTHING: Self = Self { work: None, depth: 0 };
}

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(Current::NOTHING) };
    /// What measured stretches inside the present one have spent: theirs, not its own.
    static NESTED: Cell<Spent> = const { Cell::new(Spent::ZERO) };
}

/// The request that this thread works for.
pub(crate) fn work() -> Option<Work> {
    CURRENT.get().work
}

/// Its record.
pub(crate) fn record() -> Option<&'static Record> {
    work().map(|work| work.record)
}

/// Replaces the record of the running request, which has learned something.
pub(crate) fn refine(record: &'static Record) {
    let Current { work: Some(work), depth } = CURRENT.get() else { return };
    CURRENT.set(Current { work: Some(Work { record, ..work }), depth });
    thread_context::replace(record.bytes.as_ptr());
}

/// A piece of work on one thread, begun.
pub(crate) struct Stretch {
    before: Current,
    pointer_before: *const u8,
    /// The clock at the beginning, and what was nested in the outer stretch until then.
    started: Option<(Spent, Spent)>,
    // Belongs to the thread that it began on.
    _thread: PhantomData<*const ()>,
}

/// What came of a stretch.
pub(crate) struct Ended {
    /// The record at its end; none when stretches ended out of order, so that nobody knows.
    pub(crate) record: Option<&'static Record>,
    pub(crate) spent: Option<Spent>,
}

impl Stretch {
    #[inline]
    pub(crate) fn begin(work: Work) -> Self {
        let before = CURRENT.get();
        CURRENT.set(Current { work: Some(work), depth: before.depth.wrapping_add(1) });
        let pointer_before = thread_context::replace(work.record.bytes.as_ptr());
        let started = work.measured.then(|| (clock::reading(), NESTED.replace(Spent::ZERO)));
        Self { before, pointer_before, started, _thread: PhantomData }
    }

    /// Ends a stretch that the call stack nests. Whatever guards have left behind inside is gone.
    #[inline]
    pub(crate) fn end(self) -> Ended {
        let spent = self.spent();
        let now = CURRENT.replace(self.before);
        thread_context::replace(self.pointer_before);
        let in_order = now.depth == self.before.depth.wrapping_add(1);
        Ended { record: now.work.filter(|_| in_order).map(|work| work.record), spent }
    }

    /// Ends a stretch whose guard may live longer than one inside of it. Then no label is better than a wrong one.
    pub(crate) fn end_of_guard(self) -> Ended {
        let in_order = CURRENT.get().depth == self.before.depth.wrapping_add(1);
        if in_order {
            return self.end();
        }
        CURRENT.set(Current::NOTHING);
        thread_context::replace(std::ptr::null());
        Ended { record: None, spent: None }
    }

    fn spent(&self) -> Option<Spent> {
        let (began, nested_before) = self.started?;
        let whole = clock::reading().minus(began);
        let own = whole.minus(NESTED.get());
        NESTED.set(nested_before.plus(whole));
        Some(own)
    }
}
