//! Talking to a person: colour and progress on terminals only.

use std::io::{self, IsTerminal, Write};

/// True when the standard output is a terminal whose user did not ask for plain text.
pub(crate) fn with_colour() -> bool {
    is_wanted() && io::stdout().is_terminal()
}

/// The same for the standard error output.
pub(crate) fn errors_with_colour() -> bool {
    is_wanted() && io::stderr().is_terminal()
}

/// Writes to the standard output. A reader that has gone away is no failure of ours.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes one line to the standard error output.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says what went wrong.
pub(crate) fn complain(text: &str) {
    let (red, plain) = if errors_with_colour() { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
    tell(&format!("{red}fewer: {text}{plain}"));
}

/// By the convention of no-color.org.
fn is_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
