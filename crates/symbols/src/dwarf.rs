//! Debug information: functions, inlined functions and lines, read with `blazesym`.

use std::path::{Path, PathBuf};

use blazesym::symbolize::{
    CodeInfo, Input, Sym, Symbolized, Symbolizer,
    source::{Elf, Source},
};

use crate::{demangle::demangle, symbol::Function};

/// The functions at file addresses, innermost first; empty where debug information says nothing. What is parsed is
/// dropped on return. A part that several debug files share is looked for in the directories.
pub(crate) fn find_functions(path: &Path, directories: &[PathBuf], addresses: &[u64]) -> Vec<Vec<Function>> {
    let symbolizer = Symbolizer::builder()
        .enable_auto_reload(false)
        .enable_demangling(false)
        .set_debug_dirs(Some(directories))
        .build();
    let source = Source::Elf(Elf::new(path));
    match symbolizer.symbolize(&source, Input::VirtOffset(addresses)) {
        Ok(symbols) => symbols.iter().map(functions).collect(),
        Err(_) => vec![Vec::new(); addresses.len()],
    }
}

fn functions(symbolized: &Symbolized<'_>) -> Vec<Function> {
    let Symbolized::Sym(Sym { name, code_info: Some(code_info), inlined, .. }) = symbolized else {
        // Without a line the name came from the symbol table, in which a linker's stub is given to what precedes it.
        return Vec::new();
    };
    let outermost = function(name, Some(code_info));
    let inlined = inlined.iter().rev().map(|inlined| function(&inlined.name, inlined.code_info.as_ref()));
    inlined.chain([outermost]).collect()
}

fn function(name: &str, code: Option<&CodeInfo<'_>>) -> Function {
    Function {
        name: demangle(name),
        file: code.map(|code| code.to_path().to_string_lossy().into_owned()).unwrap_or_default(),
        line: code.and_then(|code| code.line).unwrap_or_default(),
    }
}
