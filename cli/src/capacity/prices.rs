//! What servers cost in money and energy, by a list that somebody keeps.

use std::{fs, path::Path};

use analyzer::AnalyzerError;
use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

/// The list. What is left out is not told.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Prices {
    currency: String,
    /// Money for one server for one hour.
    server_hour: Option<f64>,
    /// Energy of one server in one hour, with what cooling and conversion take.
    kwh_per_server_hour: Option<f64>,
    /// Carbon dioxide of that energy.
    grams_co2_per_kwh: Option<f64>,
}

/// In a year, leap days included.
const HOURS: f64 = 8766.0;
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Reads a list.
pub(super) fn read(path: &Path) -> anyhow::Result<Prices> {
    let cannot_read = || format!("cannot read {}", path.display());
    let refused = |message: String| AnalyzerError::File { file: path.display().to_string(), message };
    if fs::metadata(path).with_context(cannot_read)?.len() > FILE_BYTES_MAX {
        return Err(refused(format!("more than {FILE_BYTES_MAX} bytes")).into());
    }
    let text = fs::read_to_string(path).with_context(cannot_read)?;
    let prices: Prices = toml::from_str(&text).map_err(|error| refused(error.to_string()))?;
    let numbers = [prices.server_hour, prices.kwh_per_server_hour, prices.grams_co2_per_kwh];
    match numbers.into_iter().flatten().all(|number| number.is_finite() && number >= 0.0) {
        true => Ok(prices),
        false => Err(refused("a price is not a number of 0 or more".to_owned()).into()),
    }
}

impl Prices {
    /// What so many servers cost in a year, in words.
    pub(super) fn yearly(&self, (likely, low, high): (f64, f64, f64)) -> String {
        let mut parts = Vec::new();
        for (each, unit) in self.each() {
            parts.push(format!(
                "{:.0} {unit} (95 %: {:.0} to {:.0})",
                likely * each,
                low * each,
                high * each
            ));
        }
        parts.join(", ")
    }

    /// The same for programs.
    pub(super) fn yearly_json(&self, (likely, low, high): (f64, f64, f64)) -> Value {
        let of = |each: f64| json!({ "likely": likely * each, "low": low * each, "high": high * each });
        self.each().into_iter().map(|(each, unit)| (unit, of(each))).collect()
    }

    /// What one server takes in a year, with the unit.
    fn each(&self) -> Vec<(f64, String)> {
        let money = self.server_hour.map(|price| (price * HOURS, self.currency.clone()));
        let energy = self.kwh_per_server_hour.map(|kwh| (kwh * HOURS, "kWh".to_owned()));
        let carbon = self.kwh_per_server_hour.zip(self.grams_co2_per_kwh);
        let carbon = carbon.map(|(kwh, grams)| (kwh * grams / 1000.0 * HOURS, "kg CO2".to_owned()));
        money.into_iter().chain(energy).chain(carbon).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> anyhow::Result<Prices> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.toml");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn servers_become_money_and_energy() {
        let text =
            "currency = \"EUR\"\nserver_hour = 0.5\nkwh_per_server_hour = 0.2\ngrams_co2_per_kwh = 300";
        let prices = written(text).unwrap();
        insta::assert_snapshot!(prices.yearly((2.0, 1.0, 4.0)), @"8766 EUR (95 %: 4383 to 17532), 3506 kWh (95 %: 1753 to 7013), 1052 kg CO2 (95 %: 526 to 2104)");
        assert_eq!(prices.yearly_json((2.0, 1.0, 4.0))["EUR"]["high"], 17_532.0);
        assert_eq!(written("").unwrap().yearly((1.0, 1.0, 1.0)), "");
        for bad in ["server_hour = -1.0", "server_hour = nan", "price = 1", "nonsense"] {
            assert!(written(bad).is_err(), "{bad}");
        }
    }
}
