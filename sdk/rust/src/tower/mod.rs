//! A tower layer that makes each HTTP or gRPC request a request of the SDK.
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! let app: axum::Router = axum::Router::new()
//!     .route("/items/{id}", axum::routing::get(|| async { "an item" }))
//!     .layer(fewer_sdk::tower::Layer::new());
//! # }
//! ```
//!
//! For tonic: `tonic::transport::Server::builder().layer(fewer_sdk::tower::Layer::new())`.
//!
//! HTTP endpoints are `GET /items/{id}`, gRPC ones `grpc:package.Service/Method`. Raw paths never become names: without a
//! route template the endpoint is `GET (unrouted)`, and a gRPC method is known once it has answered something other
//! than "unimplemented".

mod body;
mod exchange;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Extensions, Request, Response};
use pin_project_lite::pin_project;

pub use self::body::Body;
use self::exchange::Exchange;

/// Finds the route template of a request, such as `/items/{id}`, in its extensions.
pub type FindRoute = fn(&Extensions) -> Option<&str>;

/// The layer. In axum it belongs on the router that has the routes: `Router::layer`.
#[derive(Clone)]
pub struct Layer {
    find_route: FindRoute,
}

impl Layer {
    /// Names endpoints by axum's matched path (feature `axum`) and by gRPC's service and method.
    pub fn new() -> Self {
        Self { find_route: matched_path }
    }

    /// The same for another framework, whose router leaves the route template among the extensions.
    pub fn with_route(find_route: FindRoute) -> Self {
        Self { find_route }
    }
}

impl Default for Layer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Layer")
    }
}

impl<S> tower_layer::Layer<S> for Layer {
    type Service = Service<S>;

    fn layer(&self, inner: S) -> Service<S> {
        Service { inner, find_route: self.find_route }
    }
}

/// A service whose requests are labelled and counted.
#[derive(Clone)]
pub struct Service<S> {
    inner: S,
    find_route: FindRoute,
}

impl<S: fmt::Debug> fmt::Debug for Service<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Service").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, A, B> tower_service::Service<Request<A>> for Service<S>
where
    S: tower_service::Service<Request<A>, Response = Response<B>>,
    B: http_body::Body,
{
    type Response = Response<Body<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let mut exchange = Exchange::begin(&request, self.find_route);
        let inner = match &mut exchange {
            Some(exchange) => exchange.running.run(|| self.inner.call(request)),
            None => self.inner.call(request),
        };
        ResponseFuture { inner, exchange }
    }
}

pin_project! {
    /// The response to come.
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        exchange: Option<Exchange>,
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: http_body::Body,
{
    type Output = Result<Response<Body<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answered = match &mut *this.exchange {
            Some(exchange) => ready!(exchange.running.run(|| this.inner.poll(context))),
            None => ready!(this.inner.poll(context)),
        };
        let mut exchange = this.exchange.take();
        let response = answered.inspect_err(|_| {
            if let Some(exchange) = &mut exchange {
                exchange.failed();
            }
        })?;
        if let Some(exchange) = &mut exchange {
            exchange.answered(response.status(), response.headers());
        }
        // A body that is over before it begins is not polled: count now, so that the client sees itself counted.
        let exchange = exchange.filter(|_| !response.body().is_end_stream());
        Poll::Ready(Ok(response.map(|body| Body::new(body, exchange))))
    }
}

#[cfg(feature = "axum")]
fn matched_path(extensions: &Extensions) -> Option<&str> {
    extensions.get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str)
}

#[cfg(not(feature = "axum"))]
fn matched_path(_extensions: &Extensions) -> Option<&str> {
    None
}
