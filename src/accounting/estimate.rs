//! What work will take, estimated from what such work took. Pure.

use serde::Serialize;

use crate::accounting::ledger::Entry;

/// So many examples of one size are enough to estimate from them alone.
const ENOUGH: usize = 3;

/// What something took, or will take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Calls of agents.
    pub calls: f64,
    /// Tokens, read and written.
    pub tokens: f64,
    /// US dollars.
    pub cost_usd: f64,
    /// Seconds during which an agent is at work.
    pub seconds: f64,
}

/// A median, and the quarters below and above which further examples lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// A quarter took less.
    pub low: Figures,
    /// A half took less.
    pub median: Figures,
    /// A quarter took more.
    pub high: Figures,
}

/// How large a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// At most 100 changed lines.
    Small,
    /// At most 300.
    Medium,
    /// More.
    Large,
}

/// Where an estimate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// So many tasks, or measures, that were made here.
    History(usize),
    /// The table of docs/modes.md, since too little was made here.
    Table,
}

/// What one task, or one measure, took: all its calls together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Past {
    /// How large the task was, where that was said.
    pub size: Option<Size>,
    /// What it took.
    pub took: Figures,
}

/// What will be needed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Part {
    /// How much, with its spread.
    pub takes: Spread,
    /// Where that comes from.
    pub from: Source,
}

impl Size {
    /// Returns the size of so many changed lines.
    pub fn of(lines: u32) -> Self {
        match lines {
            0..=100 => Self::Small,
            101..=300 => Self::Medium,
            _ => Self::Large,
        }
    }

    /// Returns what a task takes of which nothing is known here: a rough guess for a model of middle price.
    fn table(self) -> Spread {
        match self {
            Self::Small => spread_of(60_000.0, 0.3, 180.0),
            Self::Medium => spread_of(150_000.0, 0.8, 480.0),
            Self::Large => spread_of(350_000.0, 1.8, 1_080.0),
        }
    }
}

/// Returns what a measure takes of which nothing is known here.
fn measure_table() -> Spread {
    spread_of(60_000.0, 0.3, 150.0)
}

/// Returns figures with half and twice as much around them.
fn spread_of(tokens: f64, cost_usd: f64, seconds: f64) -> Spread {
    let times = |factor: f64, calls: f64| Figures {
        calls,
        tokens: tokens * factor,
        cost_usd: cost_usd * factor,
        seconds: seconds * factor,
    };
    Spread {
        low: times(0.5, 1.0),
        median: times(1.0, 1.0),
        high: times(2.0, 3.0),
    }
}

impl Figures {
    /// Sums up calls.
    pub fn of<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        entries.fold(Self::default(), |sum, entry| {
            let used = entry.charged();
            sum.plus(Self {
                calls: 1.0,
                tokens: as_number(used.tokens()),
                cost_usd: used.cost_usd,
                seconds: as_number(entry.duration_ms) / 1000.0,
            })
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            tokens: self.tokens + other.tokens,
            cost_usd: self.cost_usd + other.cost_usd,
            seconds: self.seconds + other.seconds,
        }
    }
}

impl Spread {
    /// Returns what as many calls will take that have so many times as much to read.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        let of = |figures: Figures| Figures {
            calls: figures.calls,
            tokens: figures.tokens * factor,
            cost_usd: figures.cost_usd * factor,
            seconds: figures.seconds * factor,
        };
        Self {
            low: of(self.low),
            median: of(self.median),
            high: of(self.high),
        }
    }

    /// Adds what comes after it.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            low: self.low.plus(other.low),
            median: self.median.plus(other.median),
            high: self.high.plus(other.high),
        }
    }
}

/// Returns what one measure will take.
pub fn of_measure(past: &[Past]) -> Part {
    if past.is_empty() {
        return Part {
            takes: measure_table(),
            from: Source::Table,
        };
    }
    Part {
        takes: quarters(&past.iter().map(|one| one.took).collect::<Vec<_>>()),
        from: Source::History(past.len()),
    }
}

/// Returns what one task of a size will take: like those of its size, where there are enough, else like all.
pub fn of_task(size: Size, past: &[Past]) -> Part {
    let alike: Vec<Figures> = past
        .iter()
        .filter(|one| one.size == Some(size))
        .map(|one| one.took)
        .collect();
    let known = if alike.len() >= ENOUGH {
        alike
    } else {
        past.iter().map(|one| one.took).collect()
    };
    if known.len() < ENOUGH {
        return Part {
            takes: size.table(),
            from: Source::Table,
        };
    }
    Part {
        from: Source::History(known.len()),
        takes: quarters(&known),
    }
}

fn quarters(known: &[Figures]) -> Spread {
    let at = |part: f64| {
        let of = |figure: fn(&Figures) -> f64| {
            let mut values: Vec<f64> = known.iter().map(figure).collect();
            values.sort_by(f64::total_cmp);
            quantile(&values, part)
        };
        Figures {
            calls: of(|one| one.calls),
            tokens: of(|one| one.tokens),
            cost_usd: of(|one| one.cost_usd),
            seconds: of(|one| one.seconds),
        }
    };
    Spread {
        low: at(0.25),
        median: at(0.5),
        high: at(0.75),
    }
}

/// Returns the value below which this part of sorted values lies, between neighbours in proportion.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list that is there"
)]
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = part * as_number(last as u64);
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    let between = place - place.floor();
    sorted[below] + (sorted[above.min(last)] - sorted[below]) * between
}

#[expect(clippy::cast_precision_loss, reason = "an estimate is no more exact")]
fn as_number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(size: Size, cost_usd: f64) -> Past {
        Past {
            size: Some(size),
            took: Figures {
                calls: 2.0,
                cost_usd,
                ..Figures::default()
            },
        }
    }

    #[test]
    fn tasks_of_a_size_are_like_those_of_that_size_once_there_are_enough() {
        let few = [past(Size::Small, 1.0), past(Size::Large, 9.0)];
        assert_eq!(of_task(Size::Small, &few).from, Source::Table);
        let mut some = few.to_vec();
        some.push(past(Size::Large, 10.0));
        let all = of_task(Size::Small, &some);
        assert_eq!((all.from, all.takes.median.cost_usd), (Source::History(3), 9.0));
        some.push(past(Size::Large, 20.0));
        let alike = of_task(Size::Large, &some);
        assert_eq!(alike.from, Source::History(3));
        assert_eq!(
            (
                alike.takes.low.cost_usd,
                alike.takes.median.cost_usd,
                alike.takes.high.cost_usd
            ),
            (9.5, 10.0, 15.0)
        );
    }

    #[test]
    fn a_measure_is_like_those_before_it() {
        assert_eq!(of_measure(&[]).from, Source::Table);
        let known = of_measure(&[past(Size::Small, 2.0), past(Size::Small, 4.0)]);
        assert_eq!(
            (known.from, known.takes.median.cost_usd, known.takes.median.calls),
            (Source::History(2), 3.0, 2.0)
        );
    }
}
