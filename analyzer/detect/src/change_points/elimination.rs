//! Which of many columns are worth their price: the least useful goes first.
//!
//! Backward elimination (Efroymson 1960, "Multiple regression analysis") on the normal equations: the inverse of the
//! columns' products says what each would be missed, and a column that goes changes it by one rank.

/// A column of norm 1 of which less than this is its own cannot be told from the others.
const LEAST_PIVOT: f64 = 1e-11;

/// Columns that account for a series together.
pub(super) struct Fit {
    /// The inverse of the columns' products.
    inverse: Vec<Vec<f64>>,
    /// How much of each column the series has.
    shares: Vec<f64>,
    is_in: Vec<bool>,
}

impl Fit {
    /// All columns. None where they cannot be told apart.
    pub(super) fn new(columns: &[Vec<f64>], values: &[f64]) -> Option<Self> {
        let dot = |left: &[f64], right: &[f64]| -> f64 {
            left.iter().zip(right).map(|(left, right)| left * right).sum()
        };
        let norms: Vec<f64> = columns.iter().map(|column| dot(column, column).sqrt()).collect();
        let products =
            columns.iter().map(|left| columns.iter().map(|right| dot(left, right)).collect()).collect();
        let inverse = inverted(products, &norms)?;
        let hits: Vec<f64> = columns.iter().map(|column| dot(column, values)).collect();
        let shares = inverse.iter().map(|row| dot(row, &hits)).collect();
        Some(Self { inverse, shares, is_in: vec![true; columns.len()] })
    }

    /// How much of each column the series has.
    pub(super) fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The squared error with the columns that are in.
    pub(super) fn error(&self, columns: &[Vec<f64>], values: &[f64]) -> f64 {
        let mut left = values.to_vec();
        for ((column, share), _) in
            columns.iter().zip(&self.shares).zip(&self.is_in).filter(|(_, is_in)| **is_in)
        {
            left.iter_mut().zip(column).for_each(|(value, part)| *value -= share * part);
        }
        left.iter().map(|value| value * value).sum()
    }

    /// By how much the squared error rises without a column.
    pub(super) fn loss(&self, at: usize) -> f64 {
        let own = self.inverse.get(at).and_then(|row| row.get(at)).copied().unwrap_or_default();
        let share = self.shares.get(at).copied().unwrap_or_default();
        if own > 0.0 { share * share / own } else { 0.0 }
    }

    /// Takes a column out.
    pub(super) fn remove(&mut self, at: usize) {
        let Some(row) = self.inverse.get(at).cloned() else { return };
        let own = row.get(at).copied().unwrap_or_default();
        let share = self.shares.get(at).copied().unwrap_or_default();
        if let Some(is_in) = self.is_in.get_mut(at) {
            *is_in = false;
        }
        if own <= 0.0 {
            return;
        }
        for ((other, shares), part) in self.inverse.iter_mut().zip(&mut self.shares).zip(&row) {
            *shares -= part / own * share;
            for (value, across) in other.iter_mut().zip(&row) {
                *value -= part / own * across;
            }
        }
    }

    /// The columns that are left.
    pub(super) fn left(&self) -> Vec<usize> {
        self.is_in.iter().enumerate().filter(|(_, is_in)| **is_in).map(|(at, _)| at).collect()
    }
}

/// Gauss and Jordan's inverse of a symmetric positive matrix, its columns brought to norm 1 first.
fn inverted(mut matrix: Vec<Vec<f64>>, norms: &[f64]) -> Option<Vec<Vec<f64>>> {
    let count = matrix.len();
    for (row, norm) in matrix.iter_mut().zip(norms) {
        row.iter_mut().zip(norms).for_each(|(value, other)| *value /= norm * other);
    }
    for at in 0..count {
        let mut pivot_row = matrix.get(at)?.clone();
        let pivot = *pivot_row.get(at)?;
        if pivot.is_nan() || pivot <= LEAST_PIVOT {
            return None;
        }
        pivot_row.iter_mut().for_each(|value| *value /= pivot);
        *pivot_row.get_mut(at)? = 1.0 / pivot;
        for (_, row) in matrix.iter_mut().enumerate().filter(|(other, _)| *other != at) {
            let factor = *row.get(at)?;
            row.iter_mut().zip(&pivot_row).for_each(|(value, part)| *value -= factor * part);
            *row.get_mut(at)? = -factor / pivot;
        }
        *matrix.get_mut(at)? = pivot_row;
    }
    for (row, norm) in matrix.iter_mut().zip(norms) {
        row.iter_mut().zip(norms).for_each(|(value, other)| *value /= norm * other);
    }
    Some(matrix)
}

#[cfg(test)]
mod tests {
    use testkit::Random;

    use super::*;

    #[test]
    fn a_loss_is_what_the_error_rises_by() {
        let mut random = Random::new(1);
        let mut draw = || -> Vec<f64> { (0..20).map(|_| random.below(1_000) as f64 / 500.0 - 1.0).collect() };
        let columns: Vec<Vec<f64>> = (0..5).map(|_| draw()).collect();
        let values = draw();
        let mut fit = Fit::new(&columns, &values).unwrap();
        for at in [3, 0, 4, 1] {
            let (before, loss) = (fit.error(&columns, &values), fit.loss(at));
            fit.remove(at);
            let rose = fit.error(&columns, &values) - before;
            assert!((rose - loss).abs() < 1e-9, "{at}: {rose}, {loss}");
        }
        assert_eq!(fit.left(), [2]);
    }

    #[test]
    fn columns_that_are_alike_cannot_be_told_apart() {
        let column = vec![1.0, 2.0, 3.0];
        assert!(Fit::new(&[column.clone(), column.clone()], &column).is_none());
    }
}
