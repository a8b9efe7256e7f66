//! Every byte format of the network and of the files that fewer reads or writes.

pub mod api;
