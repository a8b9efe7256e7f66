//! Where the fields of objects are, by minor version, as far as they moved between 3.8 and 3.13.

/// How the dictionary of an instance is found when its type does not give an offset for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ManagedDict {
    /// 3.8 to 3.10 have none.
    None,
    /// 3.11: the dictionary in the third word before the object, else bare values in the fourth.
    Apart,
    /// 3.12: one word for both; the lowest bit marks values, whose address is one more.
    Tagged,
    /// 3.13: the dictionary in the third word before the object, else values behind it.
    Inline,
}

/// Offsets that differ between versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValueLayout {
    /// Interpreter: pointer to the table of modules.
    pub(super) interpreter_modules: u16,
    /// Function: pointers to code, defaults, keyword defaults, closure, documentation and dictionary.
    pub(super) function: [u16; 6],
    /// Code: pointers to objects of its own.
    pub(super) code: &'static [u16],
    /// True when dictionary keys state their sizes as powers of two (3.11 and later).
    pub(super) has_compact_keys: bool,
    /// True when an integer's size and sign share a word of flags (3.12 and later).
    pub(super) has_tagged_int: bool,
    /// How instances keep their attributes.
    pub(super) managed_dict: ManagedDict,
    /// Where bare values begin in their block.
    pub(super) values: u16,
}

/// Position of the documentation in [`ValueLayout::function`].
pub(super) const FUNCTION_DOCUMENTATION: usize = 4;

const FUNCTION_8: [u16; 6] = [16, 32, 40, 48, 56, 72];
const FUNCTION_10: [u16; 6] = [48, 56, 64, 72, 80, 88];

/// Bytecode, constants, names, and the tables of local names and lines.
const CODE_8: &[u16] = &[48, 56, 64, 72, 80, 88, 120];
/// From 3.11 on the bytecode is part of the object: constants, names, exceptions, lines.
const CODE_11: &[u16] = &[24, 32, 40, 136];

/// The table of a minor version.
pub(super) fn of_minor(minor: u8) -> Option<ValueLayout> {
    let before_11 = |interpreter_modules, function| ValueLayout {
        interpreter_modules,
        function,
        code: CODE_8,
        has_compact_keys: false,
        has_tagged_int: false,
        managed_dict: ManagedDict::None,
        values: 0,
    };
    let from_11 = |interpreter_modules, managed_dict| ValueLayout {
        interpreter_modules,
        function: FUNCTION_10,
        code: CODE_11,
        has_compact_keys: true,
        has_tagged_int: minor >= 12,
        managed_dict,
        values: if minor >= 13 { 8 } else { 0 },
    };
    match minor {
        8 => Some(before_11(56, FUNCTION_8)),
        9 => Some(before_11(856, FUNCTION_8)),
        10 => Some(before_11(856, FUNCTION_10)),
        11 => Some(from_11(888, ManagedDict::Apart)),
        12 => Some(from_11(944, ManagedDict::Tagged)),
        13 => Some(from_11(7656, ManagedDict::Inline)),
        _ => None,
    }
}
