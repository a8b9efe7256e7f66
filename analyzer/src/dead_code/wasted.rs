//! Code that runs for nothing, by what the source says; what it costs is looked up in the profiles. Each rule is a function
//! of its own: the fewer it finds, and the surer, the better. What it guesses it says.

pub(crate) mod asked;
pub(crate) mod repeated;
pub(crate) mod unused;

/// Why it runs for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// A flag that never varies is asked for again and again.
    ConstantFlag,
    /// What it makes is not used by anything.
    Unused,
    /// It does the same again.
    Repeated,
    /// It was imported, and nothing of it ran since.
    Imported,
}

/// Where the CPU of it is seen: frames of these lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Region {
    /// The file, in the folder or as the process has it.
    pub(crate) path: String,
    /// First and last line.
    pub(crate) lines: (u32, u32),
    /// What has to be called from there; empty for anything.
    pub(crate) callee: String,
    /// True for the body of a module alone.
    pub(crate) is_import: bool,
}

/// One thing that runs for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wasted {
    /// By which rule.
    pub(crate) why: Why,
    /// The function it is in, or the module, or the flag.
    pub(crate) name: String,
    /// The file; empty for a flag.
    pub(crate) path: String,
    /// The line; 0 for a module.
    pub(crate) line: u32,
    /// Where its CPU is seen.
    pub(crate) regions: Vec<Region>,
    /// How it is known.
    pub(crate) evidence: String,
    /// True when the rule cannot be sure.
    pub(crate) is_guess: bool,
    /// The flag that decides; empty when none does.
    pub(crate) flag: String,
    /// Bytes of code that go with it.
    pub(crate) bytes: u64,
    /// Functions that go with it.
    pub(crate) functions: u64,
}

impl Why {
    /// One word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ConstantFlag => "constant_flag",
            Self::Unused => "unused_result",
            Self::Repeated => "repeated",
            Self::Imported => "unused_import",
        }
    }

    /// What to do, in a few words.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::ConstantFlag => {
                "retire the flag: keep the branch that runs, remove the other and the check"
            }
            Self::Unused => "remove it, or make it where its value is used",
            Self::Repeated => "make it once and keep the value",
            Self::Imported => "do not import it, or import it where it is used",
        }
    }
}
