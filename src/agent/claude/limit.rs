//! What the stream reports of the account's limits.

use jiff::Timestamp;

use super::fields::Fields;
use crate::agent::AgentEvent;
use crate::base::text::one_line;

/// The limits as last reported, and whether overage was ever in use.
#[derive(Debug, Default)]
pub(super) struct ReportedLimits {
    /// The state by the last report.
    pub(super) standing: Standing,
    /// Whether any report showed paid overage in use.
    pub(super) overage: bool,
    /// When the limit of the last refusal, or of the overage, is lifted.
    pub(super) resets_at: Option<Timestamp>,
}

/// Whether the API lets the account make requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing was reported.
    #[default]
    Unknown,
    /// It does, with or without a warning.
    Allowed,
    /// It refuses them until a reset.
    Rejected,
}

impl ReportedLimits {
    /// Processes one `rate_limit_info`. Fields that it leaves out stay as they were.
    pub(super) fn note(&mut self, info: &Fields<'_>) -> AgentEvent {
        let status = info.text("status");
        let kind = info.text("rateLimitType");
        let standing = standing(status.as_deref());
        let overage = overage_in_use(info, standing, kind.as_deref());
        let resets_at = info.moment("resetsAt").or_else(|| info.moment("overageResetsAt"));
        // With a subscription the client calls every 429 rejected; one that names no limit is not about the account.
        let is_nameless = kind.is_none() && resets_at.is_none() && info.text("overageStatus").is_none();
        let standing = match standing {
            Standing::Rejected if is_nameless => Standing::Unknown,
            // Overage pays for requests that the subscription refuses.
            Standing::Rejected if overage && !overage_refused(info, kind.as_deref()) => Standing::Allowed,
            standing => standing,
        };
        self.overage |= overage;
        match standing {
            Standing::Rejected => self.resets_at = resets_at.or(self.resets_at),
            _ if overage => self.resets_at = resets_at.or(self.resets_at),
            // When a limit is over, its reset is removed.
            Standing::Allowed if !self.overage => self.resets_at = None,
            Standing::Allowed | Standing::Unknown => {}
        }
        if standing != Standing::Unknown {
            self.standing = standing;
        }
        AgentEvent::RateLimit {
            status: status.map(|word| one_line(&word, 40)),
            kind: kind.map(|word| one_line(&word, 40)),
            resets_at,
            overage,
        }
    }
}

fn standing(status: Option<&str>) -> Standing {
    match status {
        Some("rejected") => Standing::Rejected,
        Some(word) if word.starts_with("allowed") => Standing::Allowed,
        _ => Standing::Unknown,
    }
}

/// Returns whether overage is in use: `overageStatus: allowed` beside `status: allowed` means only that overage is
/// available.
fn overage_in_use(info: &Fields<'_>, standing: Standing, kind: Option<&str>) -> bool {
    let available = info
        .text("overageStatus")
        .is_some_and(|status| status.starts_with("allowed"));
    let paying = standing == Standing::Rejected && available;
    info.get("isUsingOverage") == Some(true) || kind == Some("overage") || paying
}

/// Returns whether overage is used up, too, or was never available.
fn overage_refused(info: &Fields<'_>, kind: Option<&str>) -> bool {
    match info.word("overageStatus") {
        Some(status) => !status.starts_with("allowed"),
        None => kind == Some("overage"),
    }
}

/// Returns whether a client's sentence reports that a usage limit is reached: older clients give no other sign. Limits
/// on spending do not count: they are lifted by money, not by time.
pub(super) fn speaks_of_limit(sentence: &str) -> bool {
    let clause = first_clause(sentence).replace('’', "'").to_lowercase();
    let words: Vec<&str> = clause.split_whitespace().collect();
    match without_model(&words) {
        ["you've", "hit" | "reached", "your", name @ .., "limit"]
        | ["you", "have", "hit" | "reached", "your", name @ .., "limit"] => names_no_other(name),
        [name @ .., "limit", "reached"] => name.iter().all(|word| LIMITS.contains(word)),
        ["you're", "out", "of", "extra", "usage"]
        | ["you", "are", "out", "of", "extra", "usage"]
        | ["usage", "limit", "reached", "for", ..] => true,
        _ => false,
    }
}

/// Returns whether a text is only the report of clients 1.0 about a limit: `Claude AI usage limit reached|1795257035`.
pub(super) fn is_limit_alone(text: &str) -> bool {
    let Some((words, moment)) = text.trim().rsplit_once('|') else {
        return false;
    };
    let is_moment = matches!(moment.len(), 10 | 13) && moment.bytes().all(|byte| byte.is_ascii_digit());
    is_moment && words.ends_with("limit reached") && speaks_of_limit(words)
}

/// Returns the part before the reset: clients separate it in many ways.
fn first_clause(sentence: &str) -> &str {
    let clause = sentence.trim().split(['·', '∙', '•', '|', '.', '\n']).next();
    let parts = [" - ", " – ", " — "].iter();
    let cut = parts.fold(clause.unwrap_or_default(), |clause, dash| {
        clause.split_once(dash).map_or(clause, |(before, _)| before)
    });
    cut.trim()
}

/// Removes `for NAME` after a limit.
fn without_model<'w, 'a>(words: &'w [&'a str]) -> &'w [&'a str] {
    match words {
        [before @ .., "for", _] | [before @ .., "for", _, _] if before.ends_with(&["limit"]) => before,
        _ => words,
    }
}

/// The client's names of the limits that it reports as reached.
const LIMITS: [&str; 11] = [
    "5-hour", "7-day", "ai", "claude", "fable", "haiku", "opus", "session", "sonnet", "usage", "weekly",
];

/// Returns whether the text names only limits that count. Models come and go, so any short name is accepted for a limit
/// that the client reports as hit.
fn names_no_other(name: &[&str]) -> bool {
    const OTHERS: [&str; 7] = ["budget", "context", "credit", "fast", "monthly", "rate", "spend"];
    name.len() <= 4 && !name.iter().any(|word| OTHERS.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_alone_is_told_from_talk_of_one() {
        let cases = [
            ("Claude AI usage limit reached|1900000000", true),
            (" Claude AI usage limit reached|1900000000000\n", true),
            ("5-hour limit reached|1900000000", true),
            ("Claude AI usage limit reached|190000000", false),
            ("Claude AI usage limit reached|190000000x", false),
            ("Claude AI usage limit reached", false),
            ("The client said: Claude AI usage limit reached|1900000000", false),
            ("Claude AI usage limit reached|1900000000 is read now", false),
            ("Rate limit reached|1900000000", false),
        ];
        for (text, expect) in cases {
            assert_eq!(is_limit_alone(text), expect, "{text}");
        }
    }

    #[test]
    fn usage_limits_are_told_from_other_limits() {
        let cases = [
            ("Claude AI usage limit reached|1750000000", true),
            (
                "Claude usage limit reached. Your limit will reset at 3pm (Etc/GMT+5).",
                true,
            ),
            ("5-hour limit reached ∙ resets 3pm", true),
            (
                "Weekly limit reached · resets 10am (Asia/Seoul) · /upgrade to Max",
                true,
            ),
            ("Limit reached · resets Dec 17 at 6am (Europe/Oslo)", true),
            ("You've hit your limit · resets 10pm (America/New_York)", true),
            ("You’ve hit your session limit", true),
            ("You've hit your Opus limit · resets Mon 12:00am", true),
            ("You've reached your Fable limit.", true),
            ("Usage limit reached for 5 hour.", true),
            ("You're out of extra usage · resets 9am (America/Cordoba)", true),
            ("You are out of extra usage.", true),
            ("Claude usage limit reached — will reset at 3pm (Europe/Oslo)", true),
            ("Claude usage limit reached – will reset at 3pm", true),
            ("You've hit your limit - resets 3pm (UTC)", true),
            ("You've reached your usage limit for Opus · resets 3pm", true),
            ("You've hit your weekly limit for Opus 5", true),
            ("You've hit your spend limit for Opus", false),
            ("You've hit your limit for what one person can read in a day", false),
            ("You're out of extra usage examples in the README", false),
            ("You're out of usage credits.", false),
            ("You've hit your monthly spend limit · your limit resets 5pm", false),
            ("You've hit your fast limit · resets in 5m", false),
            ("You've hit your team's shared budget.", false),
            ("Rate limit reached", false),
            ("API Error: Rate limit reached", false),
            ("Context limit reached", false),
            (
                "API Error: Request rejected (429) · This request would exceed the rate limit",
                false,
            ),
            (
                "I wrote the limiter; its test says that the usage limit reached 7 · resets 3pm",
                false,
            ),
            ("The reader prints `limit reached · resets 3pm`", false),
            ("", false),
        ];
        for (sentence, expect) in cases {
            assert_eq!(speaks_of_limit(sentence), expect, "{sentence}");
        }
    }
}
