//! The CPython interpreters of this machine: what must be known of each to walk its frames.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use agent_bpf::{ContextVariable, PythonFrame, PythonLayout, PythonMode, PythonTarget};
use object::{Object, ObjectSegment, ObjectSymbol};

use crate::process::{Program, output_of, source};

/// Offsets of one minor version, exercised for its releases under pyenv.
pub struct Version {
    minor: u32,
    layout: PythonLayout,
    /// `autoTSSkey` in `_PyRuntime`.
    key: u64,
    /// Name in a code object, and characters in an ASCII string.
    code_name: u64,
    text_data: u64,
}

const FRAME_OBJECT: PythonLayout = PythonLayout {
    mode: PythonMode::FrameObject,
    tstate_frame: 24,
    cframe_current: 0,
    cframe_previous: 0,
    frame_code: 32,
    frame_previous: 24,
    frame_instruction: 104,
    frame_entry: 0,
    entry_is_owner: false,
};
const CFRAME_3_11: PythonLayout = PythonLayout {
    mode: PythonMode::CFrame,
    tstate_frame: 56,
    cframe_current: 8,
    cframe_previous: 16,
    frame_code: 32,
    frame_previous: 48,
    frame_instruction: 56,
    frame_entry: 68,
    entry_is_owner: false,
};
const CFRAME_3_12: PythonLayout = PythonLayout {
    cframe_current: 0,
    cframe_previous: 8,
    frame_code: 0,
    frame_previous: 8,
    frame_entry: 70,
    entry_is_owner: true,
    ..CFRAME_3_11
};
const DIRECT: PythonLayout = PythonLayout { mode: PythonMode::Direct, tstate_frame: 72, ..CFRAME_3_12 };

const VERSIONS: [Version; 6] = [
    Version { minor: 8, layout: FRAME_OBJECT, key: 1392, code_name: 112, text_data: 48 },
    Version { minor: 9, layout: FRAME_OBJECT, key: 584, code_name: 112, text_data: 48 },
    Version {
        minor: 10,
        layout: PythonLayout { frame_instruction: 96, ..FRAME_OBJECT },
        key: 584,
        code_name: 112,
        text_data: 48,
    },
    Version { minor: 11, layout: CFRAME_3_11, key: 592, code_name: 120, text_data: 48 },
    Version { minor: 12, layout: CFRAME_3_12, key: 1544, code_name: 120, text_data: 40 },
    Version { minor: 13, layout: DIRECT, key: 2160, code_name: 120, text_data: 40 },
];

/// An interpreter of a known version.
pub struct Interpreter {
    pub path: PathBuf,
    version: &'static Version,
}

/// All of this machine: the system's, and pyenv's. Says which versions there are none of.
pub fn interpreters() -> Vec<Interpreter> {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let root = std::env::var_os("PYENV_ROOT").map_or(Path::new(&home).join(".pyenv"), PathBuf::from);
    let installed = fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin/python3")).collect();
    paths.push("/usr/bin/python3".into());
    paths.sort();
    let found: Vec<Interpreter> = paths.into_iter().filter_map(recognise).collect();
    for version in &VERSIONS {
        if !found.iter().any(|interpreter| interpreter.minor() == version.minor) {
            eprintln!("SKIPPED: no CPython 3.{} here", version.minor);
        }
    }
    found
}

fn recognise(path: PathBuf) -> Option<Interpreter> {
    let text = output_of(Command::new(&path).args(["-c", "import sys; print(*sys.version_info[:2])"]))?;
    let (major, minor) = text.trim().split_once(' ')?;
    let version = VERSIONS.iter().find(|version| major == "3" && minor == version.minor.to_string())?;
    Some(Interpreter { path, version })
}

impl Interpreter {
    pub fn minor(&self) -> u32 {
        self.version.minor
    }

    /// Runs one of the test's programs.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Program {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/python/src");
        let mut command = Command::new(&self.path);
        Program::start(command.env("PYTHONPATH", sdk).arg(source(program)).args(arguments))
    }

    pub fn target(&self, program: &Program) -> PythonTarget {
        let symbols = symbols(program.pid(), &["_PyRuntime", "PyCode_Type"]);
        PythonTarget {
            tss_key_address: symbols["_PyRuntime"] + self.version.key,
            code_type: symbols["PyCode_Type"],
            layout: self.version.layout,
        }
    }

    /// The frames as text: names leaf first, `*` behind one that C entered, `|` for a shim.
    pub fn describe(&self, program: &Program, frames: impl Iterator<Item = PythonFrame>) -> String {
        let words = frames.map(|frame| match (frame.is_entry, self.version.layout.entry_is_owner) {
            (true, true) => "|".to_owned(),
            (true, false) => self.name(program, frame.code) + "*",
            (false, _) => self.name(program, frame.code),
        });
        words.collect::<Vec<String>>().join(" ")
    }

    fn name(&self, program: &Program, code: u64) -> String {
        let text = program.word(code + self.version.code_name);
        let length = program.word(text + 16).try_into().unwrap();
        String::from_utf8(program.read(text + self.version.text_data, length)).unwrap()
    }
}

/// The ContextVar of the SDK, as the program printed it.
pub fn context_variable(program: &Program) -> ContextVariable {
    ContextVariable {
        address: program.address("contextvar_addr"),
        hash32: u32::try_from(program.number("var_hash32")).unwrap(),
        tstate_context: program.offset("tstate_context_off"),
        context_vars: program.offset("context_vars_off"),
        hamt_root: program.offset("hamt_root_off"),
        bytes_type: program.address("bytes_type_addr"),
        bitmap_type: program.address("bitmap_type_addr"),
        array_type: program.address("array_type_addr"),
        bytes_data: program.offset("bytes_data_off"),
        hamt_bitmap: program.offset("hamt_bitmap_off"),
        hamt_pairs: program.offset("hamt_pairs_off"),
        hamt_children: program.offset("hamt_children_off"),
    }
}

/// Addresses of dynamic symbols in a process: of the first mapped file that has them all.
pub fn symbols(pid: u32, names: &[&str]) -> BTreeMap<String, u64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let first_mappings = maps.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_start = fields.len() == 6 && fields[2] == "00000000" && fields[5].starts_with('/');
        let start = u64::from_str_radix(fields[0].split('-').next()?, 16).ok()?;
        is_start.then(|| (start, fields[5].to_owned()))
    });
    for (start, path) in first_mappings {
        let Ok(bytes) = fs::read(path) else { continue };
        let Ok(file) = object::File::parse(&*bytes) else { continue };
        let lowest = file.segments().map(|segment| segment.address()).min().unwrap_or(0);
        let bias = start - lowest / 4096 * 4096;
        let wanted = file.dynamic_symbols().filter(|symbol| symbol.is_definition());
        let wanted =
            wanted.filter_map(|symbol| Some((symbol.name().ok()?.to_owned(), bias + symbol.address())));
        let found: BTreeMap<String, u64> =
            wanted.filter(|(name, _)| names.contains(&name.as_str())).collect();
        if found.len() == names.len() {
            return found;
        }
    }
    panic!("no file of process {pid} has {names:?}");
}
