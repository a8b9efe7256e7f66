//! Precision and recall against the time of watching, as a picture.

use std::fmt::Write;

/// Precision and recall after each number of days, by the name of the fleets.
pub(crate) type Curve = (&'static str, Vec<(f64, f64)>);

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 48.0;
const TOP: f64 = 16.0;
const PLOT_WIDTH: f64 = 440.0;
const PLOT_HEIGHT: f64 = 250.0;
const COLOURS: [&str; 5] = ["#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#e15759"];

/// The picture: precision drawn through, recall dashed; days on a logarithmic axis.
pub(crate) fn svg(days: &[u32], curves: &[Curve]) -> String {
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let (first, last) = (f64::from(days[0]).ln(), f64::from(days[days.len() - 1]).ln());
    let x = |days: u32| LEFT + PLOT_WIDTH * (f64::from(days).ln() - first) / (last - first);
    let y = |share: f64| TOP + PLOT_HEIGHT * (1.0 - share);
    for tenth in (0..=10).step_by(2) {
        let share = f64::from(tenth) / 10.0;
        let _ = writeln!(
            text,
            "<path d=\"M{LEFT} {0:.1}h{PLOT_WIDTH}\" stroke=\"#ddd\"/><text x=\"{1}\" y=\"{2:.1}\" \
             text-anchor=\"end\">{share:.1}</text>",
            y(share),
            LEFT - 6.0,
            y(share) + 4.0
        );
    }
    for day in days {
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{day}</text>",
            x(*day),
            TOP + PLOT_HEIGHT + 18.0
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">days watched (drawn through: precision; dashed: \
         recall)</text>",
        LEFT + PLOT_WIDTH / 2.0,
        TOP + PLOT_HEIGHT + 40.0
    );
    for (at, ((name, points), colour)) in curves.iter().zip(COLOURS).enumerate() {
        let line = |share: &dyn Fn(&(f64, f64)) -> f64| {
            let points =
                days.iter().zip(points).map(|(day, point)| format!("{:.1},{:.1}", x(*day), y(share(point))));
            points.collect::<Vec<_>>().join(" ")
        };
        let (precision, recall) = (line(&|point| point.0), line(&|point| point.1));
        let _ = writeln!(
            text,
            "<polyline points=\"{precision}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n<polyline \
             points=\"{recall}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"5 4\"/>"
        );
        let row = TOP + 14.0 + 22.0 * at as f64;
        let _ = writeln!(
            text,
            "<path d=\"M{0} {1:.1}h18\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{2}\" \
             y=\"{3:.1}\">{name}</text>",
            LEFT + PLOT_WIDTH + 24.0,
            row - 4.0,
            LEFT + PLOT_WIDTH + 50.0,
            row
        );
    }
    text + "</svg>\n"
}
