//! Evidence added up by function. A block is one host on one day with one release in one region: requests inside it are
//! not independent of each other, so a function counts once per block, however many workers it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Days since 1970-01-01 in UTC.
pub type Day = u32;

/// What a process of the service is for.
pub type Role = Arc<str>;

/// A function, across releases: its line may move. With another body it is another function, watched anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Path in the repository.
    pub file: Arc<str>,
    /// Qualified name.
    pub function: Arc<str>,
    /// Wide hash of what it does, without where it stands.
    pub body: u128,
}

/// Where and when evidence is from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block {
    /// The release.
    pub release: Arc<str>,
    /// The region.
    pub region: Arc<str>,
    /// The host.
    pub host: Arc<str>,
    /// The day.
    pub day: Day,
}

/// What one process said of one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It ran.
    Executed,
    /// It did not.
    Unexecuted,
    /// It cannot say.
    Unknown,
}

/// One line of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The function.
    pub identity: Identity,
    /// Where it stands in this release.
    pub line: u32,
    /// Where and when.
    pub block: Block,
    /// In which role.
    pub role: Role,
    /// What was seen.
    pub state: State,
}

/// Everything seen of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The function.
    pub identity: Identity,
    /// Where it stood when last seen.
    pub line: u32,
    /// First day it was watched.
    pub first_seen: Day,
    /// Last day it was watched.
    pub last_seen: Day,
    /// First day it was seen to have run.
    pub first_executed: Option<Day>,
    /// Last day it was seen to have run.
    pub last_executed: Option<Day>,
    /// Blocks in which a process had run it.
    pub executed_blocks: u64,
    /// Blocks in which every process could say that it had not.
    pub silent_blocks: u64,
    /// All other blocks.
    pub unknown_blocks: u64,
    /// Roles in which it was watched.
    pub roles: BTreeSet<Role>,
}

/// Adds observations up, in whatever order they come.
pub fn merge(observations: &[Observation]) -> Vec<Unit> {
    let mut by_unit: BTreeMap<&Identity, Vec<&Observation>> = BTreeMap::new();
    for observation in observations {
        by_unit.entry(&observation.identity).or_default().push(observation);
    }
    by_unit.into_iter().filter_map(|(identity, observations)| add_up(identity, &observations)).collect()
}

fn add_up(identity: &Identity, observations: &[&Observation]) -> Option<Unit> {
    let mut blocks: BTreeMap<&Block, State> = BTreeMap::new();
    for observation in observations {
        blocks
            .entry(&observation.block)
            .and_modify(|state| *state = merged(*state, observation.state))
            .or_insert(observation.state);
    }
    let count = |wanted: State| blocks.values().filter(|state| **state == wanted).count() as u64;
    let days = |wanted: Option<State>| {
        let wanted = move |state: &State| wanted.is_none_or(|wanted| *state == wanted);
        blocks.iter().filter(move |(_, state)| wanted(state)).map(|(block, _)| block.day)
    };
    let newest = observations.iter().max_by_key(|observation| (observation.block.day, observation.line))?;
    Some(Unit {
        identity: identity.clone(),
        line: newest.line,
        first_seen: days(None).min()?,
        last_seen: days(None).max()?,
        first_executed: days(Some(State::Executed)).min(),
        last_executed: days(Some(State::Executed)).max(),
        executed_blocks: count(State::Executed),
        silent_blocks: count(State::Unexecuted),
        unknown_blocks: count(State::Unknown),
        roles: observations.iter().map(|observation| observation.role.clone()).collect(),
    })
}

/// Life wins over doubt, and doubt over silence.
fn merged(left: State, right: State) -> State {
    match (left, right) {
        (State::Executed, _) | (_, State::Executed) => State::Executed,
        (State::Unknown, _) | (_, State::Unknown) => State::Unknown,
        (State::Unexecuted, State::Unexecuted) => State::Unexecuted,
    }
}
