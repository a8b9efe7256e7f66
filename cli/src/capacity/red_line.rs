//! What load tests showed.

use analyzer_detect::capacity::Amount;

/// The requests per second at which one server reached its limit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RedLine {
    /// Of this service; of the only one without it.
    pub(crate) service: Option<String>,
    /// The rate.
    pub(crate) rate: Amount,
}

/// Reads `RATE`, `LOW..HIGH`, or either after `NAME=`.
pub(super) fn parse(text: &str) -> Result<RedLine, String> {
    let (service, rate) = match text.rsplit_once('=') {
        Some((service, rate)) => (Some(service.to_owned()), rate),
        None => (None, text),
    };
    let number = |text: &str| {
        let number = text.trim().parse::<f64>().ok();
        number.filter(|number| number.is_finite() && *number > 0.0)
    };
    let rate = match rate.split_once("..") {
        Some((low, high)) => number(low)
            .zip(number(high))
            .filter(|(low, high)| low <= high)
            .map(|(low, high)| Amount::Range { low, high }),
        None => number(rate).map(Amount::Known),
    };
    let rate = rate.ok_or_else(|| format!("`{text}` is no rate; write 350, 340..360 or feed=350"))?;
    Ok(RedLine { service, rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_refused() {
        let cases = [
            ("350", None, Amount::Known(350.0)),
            ("340..360", None, Amount::Range { low: 340.0, high: 360.0 }),
            ("feed=350", Some("feed"), Amount::Known(350.0)),
            ("a=b=1..2", Some("a=b"), Amount::Range { low: 1.0, high: 2.0 }),
        ];
        for (text, service, rate) in cases {
            assert_eq!(parse(text), Ok(RedLine { service: service.map(str::to_owned), rate }), "{text}");
        }
        for text in ["", "0", "-1", "feed=", "360..340", "nan", "1..x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
