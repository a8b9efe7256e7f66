//! Which functions are shown, and how many are not.

use agent::dead_code::{Origin, Owners, Process, Row};

use super::{DeadCodeArgs, PROC};

/// Decides row by row, and counts what it leaves out.
pub(super) struct Selection<'a> {
    args: &'a DeadCodeArgs,
    owners: Option<Owners>,
    pub(super) hidden: Hidden,
}

/// What is not shown without `--all`, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hidden {
    pub(super) packages: u64,
    pub(super) standard_library: u64,
    pub(super) bodies: u64,
}

/// Code that is part of what it stands in.
const BODIES: [&str; 5] = ["<module>", "<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"];

impl<'a> Selection<'a> {
    pub(super) fn new(args: &'a DeadCodeArgs, processes: &[Process]) -> Self {
        let owners = args.owner.as_ref().and(processes.first());
        let owners = owners.map(|process| Owners::of_process(PROC.as_ref(), process.pid));
        Self { args, owners, hidden: Hidden::default() }
    }

    pub(super) fn has(&mut self, row: &Row) -> bool {
        let Self { args, owners, hidden } = self;
        if args.file.as_ref().is_some_and(|prefix| !row.file.starts_with(prefix)) {
            return false;
        }
        if let (Some(owners), Some(pattern)) = (owners, &args.owner) {
            return owners.of(&row.file).iter().any(|owner| agent::dead_code::is_like(pattern, owner))
                && (args.all || !is_body(row));
        }
        if args.all {
            return true;
        }
        // Whoever names the files means them, wherever they are installed.
        let is_named = args.file.is_some();
        let count = match Origin::of(&row.file) {
            Origin::Package if !is_named => &mut hidden.packages,
            Origin::StandardLibrary if !is_named => &mut hidden.standard_library,
            _ if is_body(row) => &mut hidden.bodies,
            _ => return true,
        };
        *count += 1;
        false
    }
}

fn is_body(row: &Row) -> bool {
    BODIES.iter().any(|body| row.function.ends_with(body))
}
