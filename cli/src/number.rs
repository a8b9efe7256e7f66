//! Numbers as a person reads them.

/// One decimal, and never 100 unless it is all.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let tenths = (part as f64 / (whole as f64).max(1.0) * 1000.0).round() as u64;
    let tenths = if part < whole { tenths.min(999) } else { tenths };
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// `4812` is `4,812`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_to_read() {
        assert_eq!([0, 12, 999, 1000, 1_234_567].map(grouped), ["0", "12", "999", "1,000", "1,234,567"]);
        let percents = [percent(9999, 10_000), percent(1, 1), percent(0, 7), percent(1, 3)];
        assert_eq!(percents, ["99.9 %", "100.0 %", "0.0 %", "33.3 %"]);
    }
}
