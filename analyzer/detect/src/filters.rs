//! What keeps findings few: each filter is one question about a step, a pure function in a file of its own, with a page in
//! `docs/filters`. What a filter takes away is counted.

pub mod cost_shift;
pub mod duplicates;
pub mod floor;
pub mod nested;
pub mod persistence;
pub mod population_shift;
pub mod quality;
pub mod season;
pub mod went_away;
