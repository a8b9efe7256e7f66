//! Functions: what makes two frames one node.

use std::sync::Arc;

use model::{Batch, Frame, FrameKind};

/// A named unit of code. Frames that differ only in line, build id or inlining are one function; a frame that has no
/// name is a function of its own, `executable+0xaddress`.
///
/// The order is by name first, so that sorting functions sorts what a person reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Function {
    /// Readable name.
    pub name: Arc<str>,
    /// What kind of code it is.
    pub kind: FrameKind,
    /// Source file, or empty.
    pub file: Arc<str>,
    /// Executable, or empty.
    pub executable: Arc<str>,
}

impl Function {
    /// The function that a frame is in.
    pub fn new(frame: &Frame) -> Self {
        Self {
            name: frame.display_name(),
            kind: frame.kind,
            file: frame.file.clone(),
            executable: frame.executable.clone(),
        }
    }

    /// What colour and grouping go by: the executable's file name, the Python package, `kernel` or `jit`; empty
    /// for a marker.
    pub fn package(&self) -> &str {
        match self.kind {
            FrameKind::Kernel => "kernel",
            FrameKind::Marker => "",
            FrameKind::Python => python_package(&self.file),
            FrameKind::Jit if self.executable.is_empty() => "jit",
            FrameKind::Jit | FrameKind::Native => file_name(&self.executable),
        }
    }
}

/// The functions of a batch, sorted, each once.
pub(crate) struct Functions {
    /// The functions.
    pub(crate) table: Vec<Function>,
    /// For each frame of the batch, the position of its function in `table`.
    pub(crate) of_frame: Vec<u32>,
}

impl Functions {
    /// Interns once per distinct frame; stacks are only translated afterwards.
    pub(crate) fn new(batch: &Batch) -> Self {
        let mut named: Vec<(Function, usize)> =
            batch.frames.iter().enumerate().map(|(at, frame)| (Function::new(frame), at)).collect();
        named.sort_unstable();
        let mut table: Vec<Function> = Vec::new();
        let mut of_frame = vec![0; named.len()];
        for (function, at) in named {
            if table.last() != Some(&function) {
                table.push(function);
            }
            if let Some(id) = of_frame.get_mut(at) {
                *id = table.len() as u32 - 1;
            }
        }
        Self { table, of_frame }
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The importable top-level name for installed and standard modules, else the directory that the file is in.
fn python_package(file: &str) -> &str {
    if let Some(frozen) = file.strip_prefix("<frozen ") {
        return frozen.split(['.', '>']).next().unwrap_or_default();
    }
    let installed = ["/site-packages/", "/dist-packages/"]
        .iter()
        .find_map(|folder| file.rsplit_once(folder))
        .map(|(_, module)| module);
    if let Some(module) = installed.or_else(|| standard_module(file)) {
        let top = module.split('/').next().unwrap_or_default();
        return top.strip_suffix(".py").unwrap_or(top);
    }
    match file.rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => file_name(folder),
        _ => file_name(file),
    }
}

/// What follows `/python3.12/` in a path.
fn standard_module(file: &str) -> Option<&str> {
    let (_, versioned) = file.rsplit_once("/python")?;
    let (version, module) = versioned.split_once('/')?;
    let is_version =
        version.contains('.') && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_version.then_some(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_is_what_a_person_groups_by() {
        let cases = [
            (FrameKind::Native, "/usr/lib/libc.so.6", "", "libc.so.6"),
            (FrameKind::Kernel, "[kernel]", "", "kernel"),
            (FrameKind::Marker, "", "", ""),
            (FrameKind::Jit, "", "", "jit"),
            (FrameKind::Jit, "/usr/bin/java", "", "java"),
            (FrameKind::Python, "", "/venv/lib/python3.12/site-packages/django/core/wsgi.py", "django"),
            (FrameKind::Python, "", "/usr/lib/python3/dist-packages/six.py", "six"),
            (FrameKind::Python, "", "/usr/lib/python3.12/json/decoder.py", "json"),
            (FrameKind::Python, "", "/usr/lib/python3.12/threading.py", "threading"),
            (FrameKind::Python, "", "<frozen importlib._bootstrap>", "importlib"),
            (FrameKind::Python, "", "/srv/pythonic/feed/views.py", "feed"),
            (FrameKind::Python, "", "<string>", "<string>"),
        ];
        for (kind, executable, file, expected) in cases {
            let function =
                Function { kind, executable: executable.into(), file: file.into(), ..Function::default() };
            assert_eq!(function.package(), expected, "{function:?}");
        }
    }

    #[test]
    fn line_build_id_and_inlining_do_not_split_a_function() {
        let frame = |line, build_id: &str, inlined| Frame {
            function: "f".into(),
            line,
            build_id: build_id.into(),
            inlined,
            ..Frame::default()
        };
        let frames =
            vec![frame(1, "aa", false), frame(2, "bb", true), Frame { address: 16, ..Frame::default() }];
        let functions = Functions::new(&Batch { frames, ..Batch::default() });
        let names: Vec<&str> = functions.table.iter().map(|function| function.name.as_ref()).collect();
        assert_eq!((names, functions.of_frame), (vec!["[unknown]+0x10", "f"], vec![1, 1, 0]));
    }
}
