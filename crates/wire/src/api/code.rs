//! What code a service holds, and which of it has run. A *block* is one service, release, region, role, host and day
//! (UTC); a function counts once in each.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /api/v1/code`: one service's functions, or which services are known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CodeAnswer {
    /// The service asked for; empty when none was, and then only `services` says anything.
    pub service: String,
    /// All services of which code is known, by name; empty when one was asked for.
    pub services: Vec<CodeService>,
    /// Blocks in the time asked for.
    pub blocks: u64,
    /// Hosts that they are of.
    pub hosts: u64,
    /// Releases that they are of, those seen last first; at most 1,000.
    pub releases: Vec<String>,
    /// Regions that they are of, in order.
    pub regions: Vec<String>,
    /// Roles that they are of, in order.
    pub roles: Vec<String>,
    /// The first and the last day of which there is a block.
    pub days: Option<CodeDays>,
    /// Every function that is in a block, by file, line and name.
    pub functions: Vec<CodeFunctionRow>,
    /// Functions that fell at a bound, in the block in which most did.
    pub left_out: u64,
}

/// One service of which code is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CodeService {
    /// Its name.
    pub service: String,
    /// Functions of all its releases that are kept.
    pub functions: u64,
    /// Blocks that are kept.
    pub blocks: u64,
}

/// Days, both included, each as the number of days (UTC) since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CodeDays {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
}

/// One function: what has this name in this file and does this, wherever in the file it stands. Times are the starts of
/// days (UTC), in milliseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CodeFunctionRow {
    /// Its qualified name.
    pub function: String,
    /// The file it is written in.
    pub file: String,
    /// Its first line, where it was seen last.
    pub line: u32,
    /// Hash of what it does, in 32 hexadecimal digits; empty when not known, and then all of this name in this file are
    /// one.
    pub body: String,
    /// Memory of its code in each process, where it was seen last.
    pub bytes: u32,
    /// The first day with a block that has it.
    pub first_seen_ms: i64,
    /// The last day with a block that has it.
    pub last_seen_ms: i64,
    /// The first day on which it ran, if it did.
    pub first_executed_ms: Option<i64>,
    /// The last day on which it ran, if it did.
    pub last_executed_ms: Option<i64>,
    /// Blocks in which it ran.
    pub executed_blocks: u64,
    /// Blocks in which every mark says that it did not.
    pub silent_blocks: u64,
    /// Blocks in which no mark says either.
    pub unknown_blocks: u64,
    /// Roles whose blocks have it, in order.
    pub roles: Vec<String>,
    /// It ran, but since the start of the time asked for only as importing runs code, or before the fork.
    pub is_import_only: bool,
    /// Its conditions that were asked, whenever that was, each as line, column and outcomes: lines after its first, which is
    /// 0; bytes before the condition in its line; and bits, of which 1 is for false, 2 for true and 4 for the same in all of
    /// the last outcomes that the runtime keeps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub branches: Vec<[u32; 3]>,
}
