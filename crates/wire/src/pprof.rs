//! pprof: the protobuf that `go tool pprof` and most profiling services read.

mod read;
mod strings;
mod write;

pub use read::read;
pub use write::write;

#[cfg(test)]
mod tests;
