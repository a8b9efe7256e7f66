//! Execution evidence in a push: functions with their places, sizes and hashes, and whether they have run.

use model::{BRANCHES_MAX, CodeBranch, CodeFunction, CodeReport, ExecutionState, Outcomes};

use super::{
    PushError,
    decode::{Texts as Read, labels, malformed, unknown},
    encode::{Texts as Written, label_indexes},
    proto,
};

/// The message of a report.
pub(super) fn message<'a>(report: &'a CodeReport, texts: &mut Written<'a>) -> proto::CodeReport {
    let (label_keys, label_values) = label_indexes(&report.labels, texts);
    proto::CodeReport {
        at_ns: report.at_ns,
        label_keys,
        label_values,
        program: texts.index(&report.program),
        runtime: texts.index(&report.runtime),
        processes: report.processes,
        read: report.read,
        refused: report.refused,
        complete: report.is_complete,
        functions: report.functions.iter().map(|function| function_message(function, texts)).collect(),
        left_out: report.left_out,
    }
}

fn function_message<'a>(function: &'a CodeFunction, texts: &mut Written<'a>) -> proto::CodeFunction {
    let state = match function.state {
        ExecutionState::Unknown => proto::ExecutionState::Unknown,
        ExecutionState::Unexecuted => proto::ExecutionState::Unexecuted,
        ExecutionState::Executed => proto::ExecutionState::Executed,
    };
    proto::CodeFunction {
        function: texts.index(&function.function),
        file: texts.index(&function.file),
        line: function.line,
        body_high: (function.body >> 64) as u64,
        body_low: function.body as u64,
        bytes: function.bytes,
        state: state.into(),
        import_only: function.is_import_only,
        branch_lines: function.branches.iter().map(|branch| branch.line).collect(),
        branch_columns: function.branches.iter().map(|branch| branch.column).collect(),
        branch_outcomes: function.branches.iter().map(|branch| branch.outcomes.bits()).collect(),
    }
}

/// The report of a message.
pub(super) fn report(message: &proto::CodeReport, texts: &Read) -> Result<CodeReport, PushError> {
    let labels = labels(
        [&message.label_keys, &message.label_values],
        texts,
        ["code.label_keys", "code.label_values"],
    )?;
    Ok(CodeReport {
        at_ns: message.at_ns,
        labels,
        program: texts.get(message.program, "code.program")?,
        runtime: texts.get(message.runtime, "code.runtime")?,
        processes: message.processes,
        read: message.read,
        refused: message.refused,
        is_complete: message.complete,
        functions: message.functions.iter().map(|one| function(one, texts)).collect::<Result<_, _>>()?,
        left_out: message.left_out,
    })
}

fn function(message: &proto::CodeFunction, texts: &Read) -> Result<CodeFunction, PushError> {
    let state = match proto::ExecutionState::try_from(message.state) {
        Ok(proto::ExecutionState::Unknown) => ExecutionState::Unknown,
        Ok(proto::ExecutionState::Unexecuted) => ExecutionState::Unexecuted,
        Ok(proto::ExecutionState::Executed) => ExecutionState::Executed,
        Err(_) => return Err(unknown("code.functions.state")),
    };
    let name = texts.get(message.function, "code.functions.function")?;
    if name.is_empty() {
        return Err(malformed("code.functions.function", "is empty"));
    }
    Ok(CodeFunction {
        function: name,
        file: texts.get(message.file, "code.functions.file")?,
        line: message.line,
        body: (u128::from(message.body_high) << 64) | u128::from(message.body_low),
        bytes: message.bytes,
        state,
        is_import_only: message.import_only,
        branches: branches(message)?,
    })
}

fn branches(message: &proto::CodeFunction) -> Result<Vec<CodeBranch>, PushError> {
    let proto::CodeFunction {
        branch_lines: lines, branch_columns: columns, branch_outcomes: outcomes, ..
    } = message;
    if lines.len() != columns.len() || lines.len() != outcomes.len() {
        return Err(malformed("code.functions.branch_lines", "has not as many as columns and outcomes"));
    }
    if lines.len() > BRANCHES_MAX {
        return Err(malformed("code.functions.branch_lines", "has more than 32"));
    }
    let mut found = Vec::with_capacity(lines.len());
    for ((line, column), outcomes) in lines.iter().zip(columns).zip(outcomes) {
        let outcomes =
            Outcomes::from_bits(*outcomes).ok_or_else(|| unknown("code.functions.branch_outcomes"))?;
        found.push(CodeBranch { line: *line, column: *column, outcomes });
    }
    if !found.is_sorted_by_key(|branch| (branch.line, branch.column)) {
        return Err(malformed("code.functions.branch_lines", "are not in order"));
    }
    Ok(found)
}
