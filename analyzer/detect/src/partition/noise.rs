//! What the points that an explanation leaves over cost as noise in which each point resembles the one before.

/// Correlation above this is put down to the series, not to its noise: otherwise a step would be one more lurch of a
/// wandering series.
const MAX_CORRELATION: f64 = 0.9;

/// Of values that reach to about 1 (see `Pieces`), noise this small cannot be seen: a thousandth of the height of a plot
/// is thinner than the line it is drawn with.
const LEAST_VARIANCE: f64 = 1e-6;

/// Twice the negative log likelihood of Gaussian noise with lag-one autocorrelation that starts anew with each piece, at
/// the likeliest variance and up to a constant (Davis, Lee and Rodriguez-Yam 2006, "Structural break estimation for
/// nonstationary time series models").
pub(super) fn description_cost(pieces: &[Vec<f64>]) -> f64 {
    let square: f64 = pieces.iter().flatten().map(|value| value * value).sum();
    let pairs = || pieces.iter().flat_map(|piece| piece.iter().zip(piece.iter().skip(1)));
    let product: f64 = pairs().map(|(before, now)| before * now).sum();
    let correlation = if square > 0.0 { (product / square).clamp(0.0, MAX_CORRELATION) } else { 0.0 };
    let unpredicted = 1.0 - correlation * correlation;
    let starts: f64 = pieces.iter().filter_map(|piece| piece.first()).map(|value| value * value).sum();
    let innovations: f64 = pairs().map(|(before, now)| (now - correlation * before).powi(2)).sum();
    let count = pieces.iter().map(Vec::len).sum::<usize>() as f64;
    let variance = (unpredicted * starts + innovations) / count;
    count * variance.max(LEAST_VARIANCE).ln() - pieces.len() as f64 * unpredicted.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&[f64]], expected: f64) {
        let pieces: Vec<Vec<f64>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let found = description_cost(&pieces);
        assert!((found - expected).abs() < 1e-9, "{pieces:?}: {found}, not {expected}");
    }

    #[test]
    fn a_cost_is_the_exact_likelihood() {
        check(&[&[1.0, -1.0, 1.0, -1.0]], 0.0); // Negative correlation is taken as none.
        check(&[&[2.0, -2.0], &[2.0, -2.0]], 4.0 * 4f64.ln());
        // Correlation 2/3: the first point counts 5/9, each other one what the one before does not predict.
        let pieces: &[&[f64]] = &[&[1.0, 1.0, 1.0, 0.0, 0.0]];
        let correlation: f64 = 2.0 / 3.0;
        let variance =
            ((1.0 - correlation.powi(2)) + 2.0 * (1.0 - correlation).powi(2) + correlation.powi(2)) / 5.0;
        check(pieces, 5.0 * variance.ln() - (1.0 - correlation.powi(2)).ln());
    }

    #[test]
    fn nothing_left_over_has_a_cost_that_ends() {
        check(&[&[0.0; 10]], 10.0 * LEAST_VARIANCE.ln());
    }
}
