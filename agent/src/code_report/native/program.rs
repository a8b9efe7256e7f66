//! What one file of machine code holds, and which of it samples saw running.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    sync::Arc,
};

use model::{CodeFunction, ExecutionState};
use symbols::{FileFunction, Image, InventoryError, InventoryLimits, inventory};

use super::own;

/// The functions of one file, whatever processes run it.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// The largest first.
    functions: Vec<Known>,
    /// Smaller functions, for which there was no room.
    pub(super) left_out: u64,
    /// Functions of compilers' libraries, which are not told of.
    pub(super) toolchains: u64,
}

#[derive(Debug)]
struct Known {
    function: CodeFunction,
    other_names: Vec<String>,
}

/// Bounds of one file. Some of these functions are the compiler's, and fall. With more debug information, functions are told
/// with the file of the program.
const LIMITS: InventoryLimits =
    InventoryLimits { functions: 40_000, symbol_bytes: 64 << 20, debug_bytes: 4 << 20 };

impl Program {
    /// Reads a file that processes have at `path`; of its functions at most so many are kept. `go_on` says whether there is
    /// time.
    pub(super) fn read(
        file: File,
        path: &Arc<str>,
        functions_max: usize,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Self, InventoryError> {
        let found = inventory(&Image::File(file), &LIMITS, go_on)?;
        let (toolchains, mut own): (Vec<_>, Vec<_>) =
            found.functions.into_iter().partition(own::is_toolchains);
        own.sort_by_key(|function| std::cmp::Reverse(function.bytes));
        let beyond = own.split_off(own.len().min(functions_max));
        let mut files: BTreeMap<String, Arc<str>> = BTreeMap::new();
        let mut known = |one: FileFunction| {
            let file = match one.file.is_empty() {
                true => path.clone(),
                false => files.entry(one.file).or_insert_with_key(|file| file.as_str().into()).clone(),
            };
            let function = CodeFunction {
                function: one.name.into(),
                file,
                line: one.line,
                bytes: u32::try_from(one.bytes).unwrap_or(u32::MAX),
                state: ExecutionState::Unknown,
                ..CodeFunction::default()
            };
            Known { function, other_names: one.other_names }
        };
        Ok(Self {
            functions: own.into_iter().map(&mut known).collect(),
            left_out: found.left_out + beyond.len() as u64,
            toolchains: toolchains.len() as u64,
        })
    }

    /// How many functions are kept.
    pub(super) fn len(&self) -> usize {
        self.functions.len()
    }

    /// Gives up the smaller half of its functions; returns how many that are.
    pub(super) fn halve(&mut self) -> u64 {
        let given_up = self.functions.split_off(self.functions.len() / 2).len() as u64;
        self.functions.shrink_to_fit();
        self.left_out += given_up;
        given_up
    }

    /// Functions of these names were seen running.
    pub(super) fn add_sampled(&mut self, names: &HashSet<Arc<str>>) {
        if names.is_empty() {
            return;
        }
        for Known { function, other_names } in &mut self.functions {
            if names.contains(&function.function)
                || other_names.iter().any(|name| names.contains(name.as_str()))
            {
                function.state = ExecutionState::Executed;
            }
        }
    }

    /// Another day begins, of which nothing was seen yet.
    pub(super) fn new_day(&mut self) {
        self.functions.iter_mut().for_each(|known| known.function.state = ExecutionState::Unknown);
    }

    /// Functions of which more is known than was told, which is kept for each in their order.
    pub(super) fn tell(&self, told: &mut Vec<Option<ExecutionState>>) -> Vec<CodeFunction> {
        told.resize(self.functions.len(), None);
        let functions = self.functions.iter().map(|known| &known.function).zip(told);
        let news = functions.filter_map(|(function, told)| {
            let is_new = *told != Some(function.state);
            *told = Some(function.state);
            is_new.then(|| function.clone())
        });
        news.collect()
    }
}
