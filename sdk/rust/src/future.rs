//! Futures that work for a request: the record is attached around each poll and detached after it.

use std::{
    borrow::Cow,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::running::{Carried, Running};

/// Requests and their labels on futures.
pub trait InRequest: Future + Sized {
    /// Makes this future a request: it is labelled from its first poll on and counted when it is done or dropped.
    fn in_request(self, endpoint: impl Into<Cow<'static, str>>) -> RequestFuture<Self> {
        RequestFuture { inner: self, state: State::Waiting(endpoint.into()) }
    }

    /// Lets this future work for the request that is running now, wherever it is polled:
    /// `tokio::spawn(task.in_current_request())`. Its cost is the request's; flags that it evaluates label it alone.
    fn in_current_request(self) -> CarriedFuture<Self> {
        CarriedFuture { inner: self, carried: Carried::take() }
    }
}

impl<F: Future> InRequest for F {}

enum State {
    Waiting(Cow<'static, str>),
    /// Nothing runs when the SDK is off, and when the request is over.
    Running(Option<Running>),
}

pin_project! {
    /// A future that is a request; see [`InRequest::in_request`].
    pub struct RequestFuture<F> {
        #[pin]
        inner: F,
        state: State,
    }
}

impl<F: Future> Future for RequestFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let State::Waiting(endpoint) = &*this.state {
            let running = Running::begin(endpoint);
            *this.state = State::Running(running);
        }
        let State::Running(Some(running)) = &mut *this.state else { return this.inner.poll(context) };
        let polled = running.run(|| this.inner.poll(context));
        if polled.is_ready() {
            *this.state = State::Running(None);
        }
        polled
    }
}

pin_project! {
    /// A future that works for a request which runs elsewhere; see [`InRequest::in_current_request`].
    pub struct CarriedFuture<F> {
        #[pin]
        inner: F,
        carried: Option<Carried>,
    }
}

impl<F: Future> Future for CarriedFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(carried) = this.carried else { return this.inner.poll(context) };
        let polled = carried.run(|| this.inner.poll(context));
        if polled.is_ready() {
            *this.carried = None;
        }
        polled
    }
}

/// Lets a closure work for the request that is running now, on whatever thread it is called:
/// `tokio::task::spawn_blocking(fewer_sdk::carry(|| render(page)))`.
pub fn carry<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let carried = Carried::take();
    move || match carried {
        Some(mut carried) => carried.run(work),
        None => work(),
    }
}
