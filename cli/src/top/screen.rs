//! Where tables go: one after the other, or on a terminal each in the place of the one before.

use std::io::{self, IsTerminal, Write};

use rustix::termios;

/// The standard output.
#[derive(Debug)]
pub(crate) struct Screen {
    is_terminal: bool,
    /// Lines of the table that is on the terminal.
    lines: usize,
}

/// Most lines that a terminal is expected to have when it does not say.
const LINES_UNSAID: usize = 24;

impl Screen {
    /// Knows whether somebody looks.
    pub(crate) fn new() -> Self {
        Self { is_terminal: io::stdout().is_terminal(), lines: 0 }
    }

    /// How many lines a table may have, where there is a limit.
    pub(crate) fn room(&self) -> Option<usize> {
        let said = || termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_row));
        self.is_terminal.then(|| said().filter(|lines| *lines > 0).unwrap_or(LINES_UNSAID))
    }

    /// Shows a table.
    pub(crate) fn show(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.is_terminal {
            out.write_all(redrawn(text, self.lines).as_bytes())?;
            self.lines = text.lines().count();
        } else {
            out.write_all(text.as_bytes())?;
        }
        out.flush()
    }
}

/// A text in the place of so many lines above the cursor. Long lines are cut by the terminal itself, which alone
/// knows how wide each character is: while it draws, it must not continue them on the next line.
fn redrawn(text: &str, lines: usize) -> String {
    let up = if lines > 0 { format!("\x1b[{lines}F") } else { String::new() };
    let body: String = text.lines().map(|line| format!("{line}\x1b[K\n")).collect();
    format!("\x1b[?7l{up}{body}\x1b[J\x1b[?7h")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        assert_eq!(redrawn("a\nb\n", 0), "\x1b[?7la\x1b[K\nb\x1b[K\n\x1b[J\x1b[?7h");
        assert_eq!(redrawn("a\n", 2), "\x1b[?7l\x1b[2Fa\x1b[K\n\x1b[J\x1b[?7h");
    }
}
