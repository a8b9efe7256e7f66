//! Every byte format of the network and of the files that fewer reads or writes (invariant I2).
//!
//! Writing cannot go wrong where the format can say everything; reading is over outside input and always bounded.

pub mod api;
pub mod file;
pub mod folded;
pub mod pprof;
pub mod push;
pub mod selector;
pub mod speedscope;
pub mod svg;
pub mod time;

mod fields;
mod frame_text;
mod reading;
