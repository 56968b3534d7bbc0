//! The times of a benchmark's rounds, and the table of them.

use std::fmt::Display;
use std::time::Duration;

/// The times of one kind of round.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Adds a round.
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds rounds.
    pub(crate) fn extend(&mut self, times: Vec<Duration>) {
        self.0.extend(times);
    }

    /// What so many of a hundred rounds take at most, in seconds.
    pub(crate) fn quantile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        let at = (sorted.len() * percent).div_ceil(100);
        let time = sorted.get(at.saturating_sub(1));
        time.copied().unwrap_or_default().as_secs_f64()
    }

    /// The fastest round, in seconds.
    pub(crate) fn minimum(&self) -> f64 {
        self.0.iter().min().copied().unwrap_or_default().as_secs_f64()
    }

    /// The round in the middle, in seconds; of two in the middle, what is between them.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        let middle = |at: usize| sorted.get(at).copied().unwrap_or_default().as_secs_f64();
        f64::midpoint(
            middle(sorted.len() / 2),
            middle(sorted.len().div_ceil(2).saturating_sub(1)),
        )
    }
}

/// Prints the line above all tables.
pub(crate) fn print_head() {
    println!(
        "{:>7}  {:<24} {:>9} {:>9}  {:>7}",
        "files", "", "minimum", "median", "at most"
    );
}

/// Prints the times of one kind of round; `row` is the first column.
pub(crate) fn print_times(row: impl Display, name: &str, times: &Times) {
    println!(
        "{row:>7}  {name:<24} {:>7.3} s {:>7.3} s",
        times.minimum(),
        times.median()
    );
}

/// Prints how `times` compare with the sum of `others`, beside what is to be reached, if anything; `row` is the first column.
/// Returns whether the medians keep to that.
pub(crate) fn print_ratio(
    row: impl Display,
    name: &str,
    times: &Times,
    others: &[&Times],
    at_most: Option<f64>,
) -> bool {
    let minimum = times.minimum() / others.iter().map(|other| other.minimum()).sum::<f64>();
    let median = times.median() / others.iter().map(|other| other.median()).sum::<f64>();
    let limit = at_most.map(|most| format!("{most:.2}")).unwrap_or_default();
    println!("{row:>7}  {name:<24} {minimum:>9.2} {median:>9.2}  {limit:>7}");
    at_most.is_none_or(|most| median <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(milliseconds: &[u64], expect: (f64, f64)) {
        let times = Times(milliseconds.iter().copied().map(Duration::from_millis).collect());
        let near = |one: f64, other: f64| (one - other).abs() < 1e-9;
        assert!(near(times.minimum(), expect.0), "{milliseconds:?}");
        assert!(near(times.median(), expect.1), "{milliseconds:?}");
    }

    #[test]
    fn quantiles() {
        let times = Times((1..=200).map(Duration::from_secs).collect());
        let seconds = [0, 1, 50, 99, 100].map(|percent| times.quantile(percent).round().to_string());
        assert_eq!(seconds, ["1", "2", "100", "198", "200"]);
        assert!(Times::default().quantile(99) < 1e-9);
    }

    #[test]
    fn minima_and_medians() {
        check(&[], (0.0, 0.0));
        check(&[7], (0.007, 0.007));
        check(&[9, 1], (0.001, 0.005));
        check(&[9, 1, 2], (0.001, 0.002));
    }
}
