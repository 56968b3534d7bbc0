//! A chart of what was spent in the course of time: areas on top of each other, one for each series.

use serde::Serialize;

use super::axis::WIDTH;

/// How many series a chart shows; what is beyond is the last one's.
pub(super) const SERIES: usize = 6;
/// How many units a chart is high.
const HEIGHT: f64 = 1000.0;

/// A chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Chart {
    /// What it shows.
    pub(crate) title: String,
    /// What it comes to in the end, in words.
    pub(crate) total: String,
    /// Its areas, from below.
    pub(crate) areas: Vec<Area>,
    /// Where one run ends and the next begins.
    pub(crate) breaks: Vec<u32>,
}

/// The area of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Area {
    /// The number of the series in the style, counted from 1.
    pub(crate) series: usize,
    /// What it is of, and what that comes to.
    pub(crate) name: String,
    /// Its outline.
    pub(crate) path: String,
}

/// Draws areas on top of each other. `amounts` has for each series what was spent in each of the equal parts of the axis.
pub(super) fn areas(names: &[String], amounts: &[Vec<f64>]) -> Vec<Area> {
    let parts = amounts.iter().map(Vec::len).max().unwrap_or(0);
    let whole: f64 = amounts.iter().flatten().sum();
    let mut below = vec![0.0; parts + 1];
    let mut areas = Vec::new();
    for (series, (name, amounts)) in (1..).zip(names.iter().zip(amounts)) {
        let mut above = below.clone();
        let mut spent = 0.0;
        for (part, amount) in amounts.iter().enumerate() {
            spent += amount;
            above[part + 1] += spent;
        }
        areas.push(Area {
            series,
            name: name.clone(),
            path: outline(&below, &above, whole),
        });
        below = above;
    }
    areas
}

/// Returns the outline between two lines: the upper one from left to right, the lower one back.
fn outline(below: &[f64], above: &[f64], whole: f64) -> String {
    let parts = above.len().saturating_sub(1).max(1);
    let points = |line: &[f64]| -> Vec<String> {
        let point =
            |(index, amount): (usize, &f64)| format!("{} {}", WIDTH as usize * index / parts, y(*amount, whole));
        line.iter().enumerate().map(point).collect()
    };
    let mut back = points(below);
    back.reverse();
    format!("M{}L{}Z", points(above).join("L"), back.join("L"))
}

/// Returns how far from the top an amount is.
fn y(amount: f64, whole: f64) -> f64 {
    let share = if whole > 0.0 {
        (amount / whole).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (HEIGHT * (1.0 - share)).round()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_lie_on_top_of_each_other_and_reach_the_top() {
        let names = ["stitch".to_owned(), "review".to_owned()];
        let found = areas(&names, &[vec![1.0, 2.0], vec![0.0, 1.0]]);
        let paths: Vec<_> = found.iter().map(|area| area.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "M0 1000L500 750L1000 250L1000 1000L500 1000L0 1000Z",
                "M0 1000L500 750L1000 0L1000 250L500 750L0 1000Z"
            ]
        );
        assert_eq!(found[1].series, 2);
    }

    #[test]
    fn nothing_spent_is_a_flat_line() {
        let found = areas(&["stitch".to_owned()], &[vec![0.0, 0.0]]);
        assert_eq!(found[0].path, "M0 1000L500 1000L1000 1000L1000 1000L500 1000L0 1000Z");
        assert_eq!(areas(&[], &[]), []);
    }
}
