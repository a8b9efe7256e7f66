//! What running writes over the instructions of a function, and how to read them as they were compiled: 3.11 to 3.13
//! put faster forms in their place, with notes beside them.

use std::sync::LazyLock;

/// The instructions of one version.
pub(super) struct Instructions {
    /// By opcode: what the compiler wrote.
    originals: [u8; 256],
    /// By compiled opcode: code units of notes behind it.
    caches: [u8; 256],
    /// From here on, instructions are what a tool makes of others, and the others are elsewhere.
    instrumented: u8,
    /// Stands for an instruction that is elsewhere, too: code that was compiled while the program ran.
    executor: Option<u8>,
}

/// 3.11.
static VERSION_11: LazyLock<Instructions> = LazyLock::new(|| Instructions::new(&FORMS_11, &CACHES_11, 255));
/// 3.12.
pub(super) static VERSION_12: LazyLock<Instructions> =
    LazyLock::new(|| Instructions::new(&FORMS_12, &CACHES_12, 237));
/// 3.13.
static VERSION_13: LazyLock<Instructions> = LazyLock::new(|| Instructions {
    executor: Some(ENTER_EXECUTOR_13),
    ..Instructions::new(&FORMS_13, &CACHES_13, 236)
});

/// Those of a minor version; none before 3.11, where nothing is written over.
pub(super) fn of_minor(minor: u8) -> Option<&'static Instructions> {
    match minor {
        11 => Some(&VERSION_11),
        12 => Some(&VERSION_12),
        13 => Some(&VERSION_13),
        _ => None,
    }
}

impl Instructions {
    fn new(forms: &[(u8, &[u8])], caches: &[(u8, u8)], instrumented: u8) -> Self {
        let originals = std::array::from_fn(|opcode| {
            let opcode = opcode as u8;
            let found = forms.iter().find(|(_, forms)| forms.contains(&opcode));
            found.map_or(opcode, |(original, _)| *original)
        });
        let caches = std::array::from_fn(|opcode| {
            caches.iter().find(|(of, _)| usize::from(*of) == opcode).map_or(0, |(_, units)| *units)
        });
        Self { originals, caches, instrumented, executor: None }
    }

    /// What the compiler wrote in place of an instruction.
    pub(super) fn original(&self, opcode: u8) -> u8 {
        self.originals.get(usize::from(opcode)).copied().unwrap_or(opcode)
    }

    /// Code units of notes behind an instruction of the compiler's.
    pub(super) fn caches(&self, opcode: u8) -> usize {
        self.caches.get(usize::from(opcode)).copied().unwrap_or_default().into()
    }

    /// True for what only running makes of an instruction with notes.
    pub(super) fn is_specialised(&self, opcode: u8) -> bool {
        let original = self.original(opcode);
        original != opcode && self.caches(original) > 0
    }

    /// True for what stands in place of an instruction that is elsewhere.
    pub(super) fn is_elsewhere(&self, opcode: u8) -> bool {
        opcode >= self.instrumented || self.is_executor(opcode)
    }

    /// True for what stands where code begins that was compiled while the program ran.
    pub(super) fn is_executor(&self, opcode: u8) -> bool {
        Some(opcode) == self.executor
    }

    /// Puts back what the compiler wrote. False when some of it is not here.
    pub(super) fn restore(&self, code: &mut [u8]) -> bool {
        let (units, _) = code.as_chunks_mut::<2>();
        let mut notes = 0;
        for unit in units {
            if notes > 0 {
                notes -= 1;
                *unit = [0; 2];
                continue;
            }
            let [opcode, _] = unit;
            if self.is_elsewhere(*opcode) {
                return false;
            }
            *opcode = self.original(*opcode);
            notes = self.caches(*opcode);
        }
        true
    }
}

const ENTER_EXECUTOR_13: u8 = 70;

/// By what the compiler writes: the forms that take its place.
const FORMS_11: [(u8, &[u8]); 17] = [
    (25, &[17, 18, 19, 20, 21]),            // BINARY_SUBSCR
    (60, &[168, 169, 170]),                 // STORE_SUBSCR
    (92, &[177, 178, 179, 180]),            // UNPACK_SEQUENCE
    (95, &[153, 154, 158, 159]),            // STORE_ATTR
    (100, &[44]),                           // LOAD_CONST
    (106, &[39, 40, 41, 42, 43]),           // LOAD_ATTR
    (107, &[26, 27, 28, 29]),               // COMPARE_OP
    (116, &[47, 48, 55]),                   // LOAD_GLOBAL
    (122, &[3, 4, 5, 6, 7, 8, 13, 14, 16]), // BINARY_OP
    (124, &[45, 46]),                       // LOAD_FAST
    (125, &[161, 167]),                     // STORE_FAST
    (140, &[38]),                           // JUMP_BACKWARD
    (144, &[34]),                           // EXTENDED_ARG
    (151, &[150]),                          // RESUME
    (160, &[56, 57, 58, 59, 62, 63]),       // LOAD_METHOD
    (166, &[64, 65, 66, 67, 72, 73, 76, 77, 78, 79, 80, 81, 113, 121, 127, 141, 143]), // PRECALL
    (171, &[22, 23, 24]),                   // CALL
];

const CACHES_11: [(u8, u8); 11] = [
    (25, 4),
    (60, 1),
    (92, 1),
    (95, 4),
    (106, 4),
    (107, 2),
    (116, 5),
    (122, 1),
    (160, 10),
    (166, 1),
    (171, 4),
];

const FORMS_12: [(u8, &[u8]); 15] = [
    (25, &[19, 20, 21, 22]),                          // BINARY_SUBSCR
    (60, &[159, 160]),                                // STORE_SUBSCR
    (92, &[161, 166, 167]),                           // UNPACK_SEQUENCE
    (93, &[62, 63, 64, 65]),                          // FOR_ITER
    (95, &[113, 148, 153]),                           // STORE_ATTR
    (100, &[84]),                                     // LOAD_CONST
    (106, &[70, 72, 73, 76, 77, 78, 79, 80, 81, 82]), // LOAD_ATTR
    (107, &[57, 58, 59]),                             // COMPARE_OP
    (116, &[111, 112]),                               // LOAD_GLOBAL
    (122, &[6, 7, 8, 10, 13, 14, 16, 18]),            // BINARY_OP
    (123, &[168]),                                    // SEND
    (124, &[86, 88]),                                 // LOAD_FAST
    (125, &[154, 158]),                               // STORE_FAST
    (141, &[66, 67]),                                 // LOAD_SUPER_ATTR
    (171, &[23, 24, 28, 29, 34, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 56]), // CALL
];

const CACHES_12: [(u8, u8); 12] = [
    (25, 1),
    (60, 1),
    (92, 1),
    (93, 1),
    (95, 4),
    (106, 9),
    (107, 1),
    (116, 4),
    (122, 1),
    (123, 1),
    (141, 1),
    (171, 3),
];

const FORMS_13: [(u8, &[u8]); 15] = [
    (5, &[157, 158, 159, 160, 161]),               // BINARY_SUBSCR
    (39, &[212, 213]),                             // STORE_SUBSCR
    (40, &[214, 215, 216, 217, 218, 219]),         // TO_BOOL
    (45, &[3, 150, 151, 152, 153, 154, 155, 156]), // BINARY_OP
    (
        53,
        &[162, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173, 174, 175, 176, 177, 178, 179, 180, 181],
    ), // CALL
    (58, &[182, 183, 184]),                        // COMPARE_OP
    (59, &[185, 186]),                             // CONTAINS_OP
    (72, &[187, 188, 189, 190]),                   // FOR_ITER
    (82, &[191, 192, 193, 194, 195, 196, 197, 198, 199, 200, 201, 202]), // LOAD_ATTR
    (91, &[203, 204]),                             // LOAD_GLOBAL
    (93, &[205, 206]),                             // LOAD_SUPER_ATTR
    (104, &[208]),                                 // SEND
    (108, &[209, 210, 211]),                       // STORE_ATTR
    (117, &[220, 221, 222]),                       // UNPACK_SEQUENCE
    (149, &[207]),                                 // RESUME
];

const CACHES_13: [(u8, u8); 19] = [
    (5, 1),
    (39, 1),
    (40, 3),
    (45, 1),
    (53, 3),
    (58, 1),
    (59, 1),
    (72, 1),
    (77, 1),
    (82, 9),
    (91, 4),
    (93, 1),
    (97, 1),
    (98, 1),
    (99, 1),
    (100, 1),
    (104, 1),
    (108, 4),
    (117, 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(minor: u8, code: &[u8], expected: Option<&[u8]>) {
        let mut code = code.to_vec();
        let is_whole = of_minor(minor).unwrap().restore(&mut code);
        assert_eq!(is_whole.then_some(code.as_slice()), expected);
    }

    #[test]
    fn specialised_forms_and_notes_become_what_was_compiled() {
        // RESUME, LOAD_FAST, BINARY_OP with a note, RETURN_VALUE.
        let compiled = [151, 0, 124, 0, 122, 5, 0, 0, 83, 0];
        check(11, &[150, 0, 46, 0, 4, 5, 0x11, 0, 83, 0], Some(&compiled));
        check(12, &[151, 0, 88, 0, 13, 5, 0x40, 3, 83, 0], Some(&compiled));
        check(13, &[207, 0, 150, 0, 7, 7], Some(&[149, 0, 45, 0, 0, 0]));
        // A note that looks like an instruction is none.
        check(12, &[122, 0, 254, 254, 83, 0], Some(&[122, 0, 0, 0, 83, 0]));
        check(12, &[240, 0, 83, 0], None);
        check(13, &[149, 0, 70, 0], None);
        check(13, &[], Some(&[]));
        assert!(of_minor(10).is_none() && of_minor(14).is_none());
    }

    #[test]
    fn what_is_specialised_has_notes() {
        let version_12 = of_minor(12).unwrap();
        // LOAD_ATTR_MODULE; LOAD_FAST__LOAD_FAST, which is written as the code is made; LOAD_ATTR itself.
        let cases = [(76, true), (88, false), (106, false), (151, false)];
        for (opcode, expected) in cases {
            assert_eq!(version_12.is_specialised(opcode), expected, "{opcode}");
        }
    }
}
