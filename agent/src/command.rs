//! The agent's command, for `fewer-agent` and `fewer agent` alike.

use std::{io::Write, sync::atomic::AtomicBool};

use crate::{
    args::{AgentAction, AgentCommand},
    doctor,
    error::AgentError,
    run, state,
};

/// Carries the command out and returns its exit code. Running ends when `stop` is set.
pub fn execute(
    command: &AgentCommand,
    stop: &AtomicBool,
    out: &mut dyn Write,
    with_colour: bool,
) -> Result<u8, AgentError> {
    let Some(AgentAction::Doctor { json }) = command.action else {
        run::run(&command.run.options(state::state_directory(), state::cpu_count())?, stop)?;
        return Ok(0);
    };
    let diagnosis = doctor::examine();
    let text = if json { diagnosis.json() } else { diagnosis.table(with_colour) };
    out.write_all(text.as_bytes())
        .map_err(|source| AgentError::System { action: "write the report", source })?;
    Ok(diagnosis.verdict().exit_code())
}
