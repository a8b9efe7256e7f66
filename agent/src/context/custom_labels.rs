//! The `custom-labels` library, ABI version 1: a thread-local pointer to the current set of labels. It is read
//! because programs have it; nothing writes it here.

use object::{ReadRef, elf};

use super::{
    elf::Elf,
    tls::{self, TlsVariable},
};

/// What a module says about custom labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CustomLabels {
    /// The pointer to the current set.
    Set(TlsVariable),
    /// A version that nothing is known about.
    UnknownVersion(u32),
}

const VERSION_SYMBOL: &str = "custom_labels_abi_version";
const SET_SYMBOL: &str = "custom_labels_current_set";
const VERSION: u32 = 1;

/// The custom labels of a module, if it has any.
pub(crate) fn find<'data, R: ReadRef<'data>>(elf: &Elf<'data, R>) -> Option<CustomLabels> {
    // Few files have thread-local variables, so this answers for most of them.
    let set = tls::find(elf, SET_SYMBOL)?;
    let version = elf.symbol(VERSION_SYMBOL, elf::STT_OBJECT).filter(|symbol| symbol.size == 4)?;
    let version =
        elf.bytes_at(version.value, version.size)?.first_chunk().copied().map(u32::from_le_bytes)?;
    Some(if version == VERSION { CustomLabels::Set(set) } else { CustomLabels::UnknownVersion(version) })
}

#[cfg(test)]
mod tests;
