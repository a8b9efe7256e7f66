//! What a series does throughout.

/// The course on which changes are laid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trend {
    /// None.
    Flat,
    /// A straight line.
    Slope,
    /// A line and a curve that turns into it, or away from it, within this share of the series; below 0 the curve is at
    /// the end. Growth and saturation are curves, and no change.
    Curve(f64),
}

/// How fast curves turn.
const PACES: [f64; 8] = [0.15, 0.22, 0.33, 0.5, -0.15, -0.22, -0.33, -0.5];

impl Trend {
    /// How many numbers describe it.
    pub(super) fn parameters(self) -> usize {
        match self {
            Trend::Flat => 0,
            Trend::Slope => 1,
            Trend::Curve(_) => 3,
        }
    }

    /// What it can be made into by one more column.
    pub(super) fn more(self) -> Vec<Trend> {
        match self {
            Trend::Flat => vec![Trend::Slope],
            Trend::Slope => PACES.map(Trend::Curve).to_vec(),
            Trend::Curve(_) => Vec::new(),
        }
    }

    /// What is left of it with one column less.
    pub(super) fn less(self) -> Option<Trend> {
        match self {
            Trend::Flat => None,
            Trend::Slope => Some(Trend::Flat),
            Trend::Curve(_) => Some(Trend::Slope),
        }
    }

    /// The column that it has and [`Self::less`] has not.
    pub(super) fn column(self, len: usize) -> Vec<f64> {
        let place = |at: usize| (at + 1) as f64 / len.max(1) as f64;
        match self {
            Trend::Flat => vec![1.0; len],
            Trend::Slope => (0..len).map(place).collect(),
            Trend::Curve(pace) => {
                let left_from_point_to_point = (-1.0 / (pace.abs() * len.max(1) as f64)).exp();
                let falling =
                    std::iter::successors(Some(1.0), |value| Some(value * left_from_point_to_point));
                let mut column: Vec<f64> = falling.take(len).collect();
                if pace < 0.0 {
                    column.reverse();
                }
                column
            }
        }
    }

    /// All columns, the level first.
    pub(super) fn columns(self, len: usize) -> Vec<Vec<f64>> {
        let mut columns = self.less().map_or_else(Vec::new, |less| less.columns(len));
        columns.push(self.column(len));
        columns
    }
}
