//! Numbers for people.

use crate::accounting::budget::{Portion, Standing};
use crate::model::Usage;

/// Formats tokens, short: `950`, `12.3k`, `4.6M`.
pub(crate) fn tokens(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    let count_as_float = count as f64;
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{:.1}k", count_as_float / 1e3),
        _ => format!("{:.1}M", count_as_float / 1e6),
    }
}

/// Formats money, with as many digits as are significant: `$0.0016`, `$12.40`.
pub(crate) fn dollars(amount: f64) -> String {
    if amount != 0.0 && amount.abs() < 0.1 {
        format!("${amount:.4}")
    } else {
        format!("${amount:.2}")
    }
}

/// Returns what calls used, in one phrase.
pub(crate) fn usage(usage: &Usage) -> String {
    format!("{} tokens, {}", tokens(usage.tokens()), dollars(usage.cost_usd))
}

/// Formats what is spent of a budget: `$1.20 of $5.00, 12.3k of 1.0M tokens`.
pub(crate) fn budget(standing: &Standing) -> String {
    let money = |usd: &Portion<f64>| format!("{} of {}", dollars(usd.spent), dollars(usd.limit));
    let counts = |count: &Portion<u64>| format!("{} of {} tokens", tokens(count.spent), tokens(count.limit));
    let portions = [standing.usd.as_ref().map(money), standing.tokens.as_ref().map(counts)];
    portions.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Formats how many tokens there are of each kind: `input 10, cache write 0, cache read 3000, output 40`.
pub(crate) fn kinds(usage: &Usage) -> String {
    let Usage {
        input,
        cache_write,
        cache_read,
        output,
        ..
    } = usage;
    format!("input {input}, cache write {cache_write}, cache read {cache_read}, output {output}")
}

/// Formats a number of bytes: `512 B`, `1.5 kB`, `12.3 GB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut tenths = u128::from(count) * 10;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
    }
}

/// Formats a number of calls: `1 call`, `2 calls`.
pub(crate) fn calls(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "call")
}

/// Formats a number of things: `1 task`, `2 tasks`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    if count == 1 {
        format!("1 {thing}")
    } else {
        format!("{count} {thing}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounting::budget::Scope;

    #[test]
    fn tokens_are_short() {
        for (count, expect) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1.0k"),
            (12_345, "12.3k"),
            (4_600_000, "4.6M"),
        ] {
            assert_eq!(tokens(count), expect);
        }
    }

    #[test]
    fn money_shows_what_counts() {
        for (amount, expect) in [
            (0.0, "$0.00"),
            (0.001_61, "$0.0016"),
            (0.099_99, "$0.1000"),
            (12.4, "$12.40"),
        ] {
            assert_eq!(dollars(amount), expect);
        }
    }

    #[test]
    fn budgets_show_what_has_a_limit() {
        let money = Portion { spent: 1.2, limit: 5.0 };
        let count = Portion {
            spent: 12_345,
            limit: 1_000_000,
        };
        for (usd, tokens, expect) in [
            (Some(money), None, "$1.20 of $5.00"),
            (None, Some(count), "12.3k of 1.0M tokens"),
            (Some(money), Some(count), "$1.20 of $5.00, 12.3k of 1.0M tokens"),
        ] {
            let scope = Scope::Generation;
            assert_eq!(budget(&Standing { scope, usd, tokens }), expect);
        }
    }
}
