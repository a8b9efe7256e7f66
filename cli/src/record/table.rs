//! A table of functions for the terminal.

use std::fmt::Write;

use calltree::TopRow;

/// Functions with the largest self time; shares are of the whole profile.
pub(crate) fn text(rows: &[TopRow], total: i64, limit: usize) -> String {
    let mut text = String::from("   self              total             function\n");
    for row in rows.iter().take(limit) {
        let package = match row.function.package() {
            "" => String::new(),
            package => format!("  ({package})"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}  {}  {}{package}",
            amount(row.self_value, total),
            amount(row.total, total),
            row.function.name
        );
    }
    if rows.len() > limit {
        let _ = writeln!(text, "   … and {} more; --top shows more rows", rows.len() - limit);
    }
    text
}

/// Seconds and share, in columns.
fn amount(value_ns: i64, total_ns: i64) -> String {
    let share = value_ns as f64 / (total_ns as f64).max(1.0) * 100.0;
    format!("{:>7.2} s {share:>5.1} %", value_ns as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use calltree::Function;

    use super::*;

    fn row(name: &str, executable: &str, self_s: i64, total_s: i64) -> TopRow {
        let function = Function { name: name.into(), executable: executable.into(), ..Function::default() };
        TopRow { function, self_value: self_s * 1_000_000_000, total: total_s * 1_000_000_000 }
    }

    #[test]
    fn a_table_to_read() {
        let rows =
            [row("hot", "/usr/bin/app", 6, 6), row("main", "/usr/bin/app", 0, 10), row("rest", "", 4, 4)];
        insta::assert_snapshot!(text(&rows, 10_000_000_000, 2), @r"
           self              total             function
           6.00 s  60.0 %     6.00 s  60.0 %  hot  (app)
           0.00 s   0.0 %    10.00 s 100.0 %  main  (app)
           … and 1 more; --top shows more rows
        ");
    }
}
