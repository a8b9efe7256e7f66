//! Stack rules: the request handler of a Python process without an SDK, read off the frames of its frameworks.
//!
//! The rules are data, `agent/rules/stack-rules.toml`. What comes out names code, not a route. The work is a few
//! string comparisons for each frame; a caller remembers the answer for each stack.

use serde::Deserialize;

/// A frame of Python code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PythonFrame<'a> {
    /// Path of the source file.
    pub(crate) file: &'a str,
    /// Qualified name where Python has one, which is from 3.11 on.
    pub(crate) function: &'a str,
}

/// All rules.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    wrappers: Vec<FramePattern>,
    #[serde(rename = "rule")]
    rules: Vec<Rule>,
}

/// The text of the rules makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("stack rules: {0}")]
pub(crate) struct RulesError(#[from] toml::de::Error);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    framework: String,
    anchor: Vec<Anchor>,
    #[serde(default)]
    skip: Vec<FramePattern>,
    #[serde(default)]
    stop: Vec<FramePattern>,
    #[serde(default)]
    only_modules: Vec<String>,
    prefix: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Anchor {
    file: String,
    function: FunctionPattern,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FramePattern {
    file: Option<FilePattern>,
    function: Option<FunctionPattern>,
}

#[derive(Clone, Debug, Deserialize)]
struct FilePattern(String);

#[derive(Clone, Debug, Deserialize)]
struct FunctionPattern(String);

const BUILT_IN: &str = include_str!("../../rules/stack-rules.toml");
/// How much of a module's dotted name is kept. Where a source tree begins cannot be seen in a path, and what is
/// above it (a release's directory) would change the name with every release.
const MODULE_PARTS: usize = 2;
/// Directories that packages are installed in.
const PACKAGES: [&str; 2] = ["/site-packages/", "/dist-packages/"];

impl Rules {
    /// The rules that the agent comes with.
    pub(crate) fn built_in() -> Result<Self, RulesError> {
        Self::parse(BUILT_IN)
    }

    /// Reads rules.
    pub(crate) fn parse(text: &str) -> Result<Self, RulesError> {
        Ok(toml::from_str(text)?)
    }

    /// The endpoint of a stack, leaf first; `None` when no framework is on it. Of several requests, one within the
    /// other, the innermost that has a handler counts.
    pub(crate) fn endpoint(&self, leaf_first: &[PythonFrame<'_>]) -> Option<String> {
        let mut framework = None;
        for (at, frame) in leaf_first.iter().enumerate() {
            let Some((rule, root)) = self.anchored(frame) else { continue };
            let called = leaf_first.get(..at).unwrap_or_default();
            if let Some(handler) = self.handler(rule, root, called) {
                return Some(format!("{}{}.{}", rule.prefix, module(handler.file), handler.function));
            }
            framework = framework.or(Some(&rule.framework));
        }
        framework.map(|framework| format!("unattributed:{framework}"))
    }

    /// The rule that a frame is an anchor of, and the directory that the framework is installed in.
    fn anchored<'f>(&self, frame: &PythonFrame<'f>) -> Option<(&Rule, &'f str)> {
        let root = |rule: &Rule| rule.anchor.iter().find_map(|anchor| anchor.root(frame));
        self.rules.iter().find_map(|rule| Some((rule, root(rule)?)))
    }

    /// The handler among the frames that an anchor called, leaf first.
    fn handler<'a, 'f>(
        &self,
        rule: &Rule,
        root: &str,
        called: &'a [PythonFrame<'f>],
    ) -> Option<&'a PythonFrame<'f>> {
        let any =
            |patterns: &[FramePattern], frame| patterns.iter().any(|pattern| pattern.matches(frame, root));
        let is_between = |frame| is_generated(frame) || any(&rule.skip, frame) || any(&self.wrappers, frame);
        let mut from_anchor = called.iter().rev();
        let frame = from_anchor.find(|frame| any(&rule.stop, frame) || !is_between(frame))?;
        (!any(&rule.stop, frame) && rule.allows(frame)).then_some(frame)
    }
}

impl Rule {
    fn allows(&self, frame: &PythonFrame<'_>) -> bool {
        let is_named = |part: &str| self.only_modules.iter().any(|name| name == part);
        self.only_modules.is_empty() || module(frame.file).split('.').any(is_named)
    }
}

impl Anchor {
    fn root<'f>(&self, frame: &PythonFrame<'f>) -> Option<&'f str> {
        let root = frame.file.strip_suffix(self.file.as_str()).filter(|root| is_directory(root))?;
        self.function.matches(frame.function).then_some(root)
    }
}

impl FramePattern {
    fn matches(&self, frame: &PythonFrame<'_>, root: &str) -> bool {
        self.function.as_ref().is_none_or(|function| function.matches(frame.function))
            && self.file.as_ref().is_none_or(|file| file.matches(frame.file, root))
    }
}

impl FilePattern {
    fn matches(&self, path: &str, root: &str) -> bool {
        let Self(pattern) = self;
        if !pattern.ends_with('/') {
            return path.strip_suffix(pattern.as_str()).is_some_and(is_directory);
        }
        let installed = PACKAGES.iter().find_map(|packages| Some(path.split_once(packages)?.1));
        let beside = path.strip_prefix(root);
        installed.or(beside).is_some_and(|package| package.starts_with(pattern.as_str()))
    }
}

impl FunctionPattern {
    fn matches(&self, function: &str) -> bool {
        let Self(pattern) = self;
        match pattern.strip_prefix("*.") {
            Some(name) => last_part(function) == name,
            None => function == pattern || function == last_part(pattern),
        }
    }
}

/// What stands before a file's name, or before the part of it that was asked for.
fn is_directory(before: &str) -> bool {
    before.is_empty() || before.ends_with('/')
}

fn last_part(qualified: &str) -> &str {
    qualified.rsplit('.').next().unwrap_or_default()
}

/// Code without a file, such as `<frozen importlib._bootstrap>`, is nobody's handler.
fn is_generated(frame: &PythonFrame<'_>) -> bool {
    frame.file.starts_with('<')
}

/// The end of the dotted name of the module that a file holds.
fn module(path: &str) -> String {
    let path = path.strip_suffix(".py").unwrap_or(path);
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    let is_name = |part: &&str| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part.chars().all(|character| character.is_alphanumeric() || character == '_')
    };
    let mut parts: Vec<&str> = path.rsplit('/').take_while(is_name).take(MODULE_PARTS).collect();
    parts.reverse();
    if parts.is_empty() { path.rsplit('/').next().unwrap_or_default().to_owned() } else { parts.join(".") }
}

#[cfg(test)]
mod tests;
