//! Numbers as a person reads them.

/// A relative change: `+3.1 %`, `−0.4 %`.
pub fn signed_percent(share: f64) -> String {
    let percent = rounded(share.abs() * 100.0, 1);
    match share {
        _ if percent.trim_matches(['0', '.']).is_empty() => format!("±{percent} %"),
        rise if rise > 0.0 => format!("+{percent} %"),
        _ => format!("−{percent} %"),
    }
}

/// A share: `2.0 %`.
pub fn percent(share: f64) -> String {
    format!("{} %", rounded(share * 100.0, 1))
}

/// An interval of relative changes: `+2.2 to +4.0 %`.
pub fn percent_range((low, high): (f64, f64)) -> String {
    format!("{} to {}", signed_percent(low).trim_end_matches(" %"), signed_percent(high))
}

/// CPU time in the unit that suits it: `12.3 ms`.
pub fn duration(ns: f64) -> String {
    let size = ns.abs();
    let (value, unit) = match size {
        _ if size >= 1e9 => (ns / 1e9, "s"),
        _ if size >= 1e6 => (ns / 1e6, "ms"),
        _ if size >= 1e3 => (ns / 1e3, "µs"),
        _ => (ns, "ns"),
    };
    format!("{} {unit}", three_digits(value))
}

/// Three significant digits, and no more than needed before the point.
pub fn three_digits(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size == 0.0 || size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ => (2.0 - size.log10().floor()).min(6.0) as usize,
    };
    rounded(value, decimals).replace('-', "−")
}

/// A rise or fall with three significant digits: `+0.12`.
pub fn signed(value: f64) -> String {
    let text = three_digits(value);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// `1 round`, `2 rounds`.
pub fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Without a minus sign before a zero.
fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|byte| matches!(byte, b'0' | b'.')) => zero.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_to_read() {
        assert_eq!(
            [0.031, -0.004, 0.0001, -0.0].map(signed_percent),
            ["+3.1 %", "−0.4 %", "±0.0 %", "±0.0 %"]
        );
        assert_eq!(percent_range((-0.01, 0.2)), "−1.0 to +20.0 %");
        assert_eq!(
            [1.5e9, 12_345_678.0, -2_500.0, 7.0].map(duration),
            ["1.50 s", "12.3 ms", "−2.50 µs", "7.00 ns"]
        );
        assert_eq!([0.0, 1234.5, 0.01234, -0.0000001].map(three_digits), ["0", "1234", "0.0123", "0.000000"]);
        assert_eq!([counted(1, "round"), counted(0, "round")], ["1 round", "0 rounds"]);
    }
}
