//! What was spent in the course of time, by role and by model: charts, and tables with the same figures.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::axis::Axis;
use super::chart::{Chart, SERIES, areas};
#[cfg(feature = "serve")]
use crate::lifecycle::UsageOverTime;
use crate::model::Usage;
use crate::record::course::Spent;
use crate::report::numbers::{dollars, tokens};
use crate::report::time::moment;

/// In how many parts of time a chart is made.
const PARTS: u32 = 24;

/// What was spent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Spending {
    /// When the charts begin.
    pub(crate) begins: String,
    /// When they end.
    pub(crate) ends: String,
    /// By role, and by model.
    pub(crate) groupings: Vec<Grouping>,
}

/// What was spent, by one thing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Grouping {
    /// By what: `role`, `model`.
    pub(crate) by: &'static str,
    /// Money and tokens.
    pub(crate) charts: Vec<Chart>,
    /// A row for each series, that which spent most first.
    pub(crate) series: Vec<SpentBy>,
    /// What was spent by the end of each part of time in which something was.
    pub(crate) course: Vec<Standing>,
}

/// What one role or model spent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct SpentBy {
    /// Its number in the style, counted from 1.
    pub(crate) series: usize,
    /// Its name.
    pub(crate) name: String,
    /// How many calls.
    pub(crate) calls: u64,
    /// How many tokens, in words.
    pub(crate) tokens: String,
    /// How much money, in words.
    pub(crate) money: String,
}

/// What was spent by a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Standing {
    /// When.
    pub(crate) at: String,
    /// What each series had spent by then, in words.
    pub(crate) spent: Vec<String>,
}

impl Spending {
    /// Sums up what the calls of a generation spent; `None` where there was none.
    #[cfg(feature = "serve")]
    pub(crate) fn over_time(usage: &UsageOverTime, zone: &TimeZone) -> Option<Self> {
        Self::of(&usage.spent, Axis::of_usage(usage).as_ref(), zone)
    }

    /// Sums up what calls spent; `None` where there was none.
    pub(super) fn of(spent: &[Spent], axis: Option<&Axis>, zone: &TimeZone) -> Option<Self> {
        let axis = axis.filter(|_| !spent.is_empty())?;
        let by_role = grouped(spent, axis, |one| one.role.name());
        let by_model = grouped(spent, axis, |one| &one.model);
        let (begins, ends) = axis.ends();
        Some(Self {
            begins: moment(begins, zone),
            ends: moment(ends, zone),
            groupings: vec![
                Grouping::of("role", &by_role, axis, zone),
                Grouping::of("model", &by_model, axis, zone),
            ],
        })
    }
}

/// A series, by parts of time.
struct InParts<'a> {
    name: &'a str,
    whole: Usage,
    parts: Vec<Usage>,
}

/// Sums up by a name, the dearest one first; what is beyond the series that a chart has room for is one together.
fn grouped<'a>(spent: &'a [Spent], axis: &Axis, name: impl Fn(&'a Spent) -> &'a str) -> Vec<InParts<'a>> {
    let mut by_name: BTreeMap<&str, InParts<'a>> = BTreeMap::new();
    for one in spent {
        let name = name(one);
        let series = by_name.entry(name).or_insert_with(|| InParts::new(name));
        let part = axis.part(one.at, PARTS) as usize;
        series.parts[part] += one.usage;
        series.whole += one.usage;
    }
    let mut all: Vec<_> = by_name.into_values().collect();
    all.sort_by(|one, other| other.whole.cost_usd.total_cmp(&one.whole.cost_usd));
    if all.len() > SERIES {
        let mut others = InParts::new("others");
        for one in all.drain(SERIES - 1..) {
            others.whole += one.whole;
            others
                .parts
                .iter_mut()
                .zip(one.parts)
                .for_each(|(sum, part)| *sum += part);
        }
        all.push(others);
    }
    all
}

impl<'a> InParts<'a> {
    fn new(name: &'a str) -> Self {
        Self {
            name,
            whole: Usage::default(),
            parts: vec![Usage::default(); PARTS as usize],
        }
    }
}

impl Grouping {
    fn of(by: &'static str, all: &[InParts<'_>], axis: &Axis, zone: &TimeZone) -> Self {
        let whole: Usage = all.iter().map(|one| one.whole).sum();
        let chart = |what: &str, total: String, words: fn(&Usage) -> String, amount: fn(&Usage) -> f64| {
            let names: Vec<_> = all
                .iter()
                .map(|one| format!("{}: {}", one.name, words(&one.whole)))
                .collect();
            let amounts: Vec<Vec<f64>> = all.iter().map(|one| one.parts.iter().map(amount).collect()).collect();
            Chart {
                title: format!("{what} by {by}"),
                total,
                areas: areas(&names, &amounts),
                breaks: axis.breaks(),
            }
        };
        let series = |(series, one): (usize, &InParts<'_>)| SpentBy {
            series,
            name: one.name.to_owned(),
            calls: one.whole.calls,
            tokens: in_tokens(&one.whole),
            money: in_money(&one.whole),
        };
        Self {
            by,
            charts: vec![
                chart("Money", in_money(&whole), in_money, |usage| usage.cost_usd),
                chart("Tokens", in_tokens(&whole), in_tokens, count),
            ],
            series: (1..).zip(all).map(series).collect(),
            course: course(all, axis, zone),
        }
    }
}

/// Returns what each series had spent by the end of each part in which one of them spent something.
fn course(all: &[InParts<'_>], axis: &Axis, zone: &TimeZone) -> Vec<Standing> {
    let mut sums = vec![Usage::default(); all.len()];
    let mut course = Vec::new();
    for part in 0..PARTS {
        let index = part as usize;
        sums.iter_mut().zip(all).for_each(|(sum, one)| *sum += one.parts[index]);
        if all.iter().any(|one| one.parts[index].calls > 0) {
            course.push(Standing {
                at: moment(axis.end_of_part(part, PARTS), zone),
                spent: sums.iter().map(crate::report::numbers::usage).collect(),
            });
        }
    }
    course
}

fn in_money(usage: &Usage) -> String {
    dollars(usage.cost_usd)
}

fn in_tokens(usage: &Usage) -> String {
    tokens(usage.tokens())
}

#[expect(clippy::cast_precision_loss, reason = "drawn, to a thousandth of the whole")]
fn count(usage: &Usage) -> f64 {
    usage.tokens() as f64
}
