//! The usage of a call by its result line, and which of its figures to trust.
//!
//! Clients differ. Client 2.1.329 sums `modelUsage` and `total_cost_usd` over all calls of a session, and adds the new
//! part (`model_usage_since_last_result`); 2.1.220 reports each call's own. Both include sub-agents there, but not in
//! `usage`, which is all zero when a budget ran out.

use super::fields::Fields;
use crate::agent::Rates;
use crate::model::Usage;

/// How far sums of equal amounts may differ, in US dollars.
const ROUNDING: f64 = 1e-6;

/// The figures of one result line.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// `model_usage_since_last_result`, over all models.
    since_last: Option<Usage>,
    /// `modelUsage`, over all models.
    by_model: Usage,
    /// `usage`: the main thread's.
    own: Usage,
    /// `total_cost_usd`.
    total_cost: Option<f64>,
    /// `duration_api_ms`.
    api_ms: u64,
}

/// What a session had used before the figures were taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    pub(super) usage: Usage,
    pub(super) api_ms: u64,
}

/// The result of the figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FiguresRead {
    pub(super) usage: Usage,
    pub(super) api_ms: u64,
    /// Whether part of it is estimated because the figures lack it.
    pub(super) estimated: bool,
}

impl Figures {
    /// Takes the figures from the fields of a result line.
    pub(super) fn of(fields: &Fields<'_>) -> Self {
        let models = |name| {
            let models = fields.object(name)?;
            Some(models.values().map(|model| model.model_usage()).sum())
        };
        Self {
            since_last: models("model_usage_since_last_result"),
            by_model: models("modelUsage").unwrap_or_default(),
            own: fields.object("usage").unwrap_or_default().api_usage(),
            total_cost: fields.money("total_cost_usd"),
            api_ms: fields.count("duration_api_ms"),
        }
    }

    /// Returns what was used since `before`, where the stream itself has `shown` this much.
    pub(super) fn read(&self, before: &Before, shown: &Usage, rates: &Rates) -> FiguresRead {
        let (tokens, cumulative) = self.tokens(&before.usage, shown);
        let api_ms = if cumulative {
            self.api_ms.saturating_sub(before.api_ms)
        } else {
            self.api_ms
        };
        let told = tokens.tokens() > 0 || shown.tokens() == 0;
        let tokens = if told { tokens } else { *shown };
        let seen = at_least(&tokens, shown);
        let is_raised = seen != tokens;
        let cost = self.cost(cumulative, &before.usage).filter(|cost| told || *cost > 0.0);
        let reckoned = rates.cost(&seen);
        let cost_usd = cost.map_or(reckoned, |cost| if is_raised { cost.max(reckoned) } else { cost });
        let is_short = cumulative && self.falls_short_of(&before.usage);
        FiguresRead {
            estimated: !told || is_raised || is_short || cost.is_none() && tokens.tokens() > 0,
            usage: Usage { cost_usd, ..seen },
            api_ms,
        }
    }

    /// Returns the tokens, and whether the sums by model cover the whole session.
    fn tokens(&self, before: &Usage, shown: &Usage) -> (Usage, bool) {
        if let Some(since_last) = self.since_last {
            return (since_last, input(&self.by_model) > input(&since_last));
        }
        if self.by_model.tokens() > 0 {
            return nearest(self.by_model, before, shown);
        }
        let unseen = input(shown) > input(&self.own);
        (if unseen { most(&self.own, shown) } else { self.own }, false)
    }

    /// Returns the money; `None` when no figure has it.
    fn cost(&self, cumulative: bool, before: &Usage) -> Option<f64> {
        let since_last = self.cost_since_last();
        if since_last > 0.0 {
            return Some(since_last);
        }
        let total = self.total()?;
        Some(if cumulative {
            (total - before.cost_usd).max(0.0)
        } else {
            total
        })
    }

    fn cost_since_last(&self) -> f64 {
        self.since_last.map_or(0.0, |usage| usage.cost_usd)
    }

    fn total(&self) -> Option<f64> {
        let by_model = Some(self.by_model.cost_usd).filter(|cost| *cost > 0.0);
        let total = self.total_cost.filter(|cost| *cost > 0.0 || by_model.is_none());
        total.or(by_model)
    }

    /// Returns whether a whole session is smaller than its earlier calls: the estimate for one that was killed was too
    /// high, and it is not known which part of the sum is new.
    fn falls_short_of(&self, before: &Usage) -> bool {
        let of_output = self.since_last.is_none() && self.by_model.output < before.output;
        let total = self.total().filter(|_| self.cost_since_last() <= 0.0);
        of_output || total.is_some_and(|total| total + ROUNDING < before.cost_usd)
    }
}

/// Chooses between `all` and the part of `all` beyond `before`: whichever is nearer to the input that the stream has
/// shown, which is exact. Where both are as near, the larger one, so that no money is lost. Output is not a criterion:
/// the output of a killed call is an estimate, and may be too high.
fn nearest(all: Usage, before: &Usage, shown: &Usage) -> (Usage, bool) {
    let includes =
        all.input >= before.input && all.cache_write >= before.cache_write && all.cache_read >= before.cache_read;
    let rest = beyond(&all, before);
    if includes && distance(&rest, shown) < distance(&all, shown) {
        (rest, true)
    } else {
        (all, false)
    }
}

/// Returns how far the inputs of two usages are apart.
fn distance(one: &Usage, other: &Usage) -> u64 {
    let parts = [
        one.input.abs_diff(other.input),
        one.cache_write.abs_diff(other.cache_write),
        one.cache_read.abs_diff(other.cache_read),
    ];
    parts.into_iter().fold(0, u64::saturating_add)
}

/// Returns the part of `more` beyond `less`, never below zero.
pub(super) fn beyond(more: &Usage, less: &Usage) -> Usage {
    Usage {
        input: more.input.saturating_sub(less.input),
        cache_write: more.cache_write.saturating_sub(less.cache_write),
        cache_read: more.cache_read.saturating_sub(less.cache_read),
        output: more.output.saturating_sub(less.output),
        cost_usd: (more.cost_usd - less.cost_usd).max(0.0),
        calls: more.calls.saturating_sub(less.calls),
    }
}

/// Returns a usage with no less input than the stream has shown, which is exact.
fn at_least(usage: &Usage, shown: &Usage) -> Usage {
    Usage {
        output: usage.output,
        cost_usd: usage.cost_usd,
        calls: usage.calls,
        ..most(usage, shown)
    }
}

/// Returns the larger of each kind of token.
pub(super) fn most(one: &Usage, other: &Usage) -> Usage {
    Usage {
        input: one.input.max(other.input),
        cache_write: one.cache_write.max(other.cache_write),
        cache_read: one.cache_read.max(other.cache_read),
        output: one.output.max(other.output),
        ..Usage::default()
    }
}

fn input(usage: &Usage) -> u64 {
    usage.tokens().saturating_sub(usage.output)
}
