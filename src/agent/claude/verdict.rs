//! The verdict on a call: success only where stream and process both say so, and otherwise whom it
//! is up to — the task, the account, the API, or time.

use jiff::Timestamp;

use super::{ResultLine, Transcript};
use crate::agent::{CallOutcome, Cut, Ending};

/// A verdict and what belongs to it.
pub(super) struct Verdict {
    pub(super) outcome: CallOutcome,
    pub(super) reason: String,
    pub(super) resets_at: Option<Timestamp>,
}

impl Verdict {
    fn new(outcome: CallOutcome, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            reason: reason.into(),
            resets_at: None,
        }
    }

    fn until(self, resets_at: Option<Timestamp>) -> Self {
        Self { resets_at, ..self }
    }
}

/// Judges a call. The first row that fits decides.
pub(super) fn of(call: &Transcript, ending: &Ending<'_>) -> Verdict {
    if call.limits.overage && !ending.allow_overage || ending.cut == Some(Cut::Overage) {
        return Verdict::new(CallOutcome::Overage, "paid overage is being used").until(call.limits.resets_at);
    }
    if ending.cut == Some(Cut::Credentials) {
        return Verdict::new(CallOutcome::Permanent, Cut::Credentials.reason());
    }
    let Some(result) = &call.result else {
        return without_result(call, ending);
    };
    if result.claims_success() {
        return claimed_success(ending);
    }
    if ending.cut == Some(Cut::Budget) {
        return Verdict::new(CallOutcome::Budget, Cut::Budget.reason());
    }
    limited(call)
        .or_else(|| spent(result))
        .or_else(|| interrupted(ending))
        .unwrap_or_else(|| refused(call, result))
}

fn claimed_success(ending: &Ending<'_>) -> Verdict {
    if ending.allows_success() {
        return Verdict::new(CallOutcome::Success, "");
    }
    let how = process_end(ending);
    Verdict::new(CallOutcome::Failed, format!("the client claims success, but {how}"))
}

/// A usage limit: the API refuses everything until a reset.
fn limited(call: &Transcript) -> Option<Verdict> {
    let result = call.result.as_ref();
    let by_status = result.is_some_and(|line| line.status == Some(429) && line.usage_limit);
    let refusal = call.refusal.as_ref();
    let by_refusal = refusal.is_some_and(|refusal| refusal.word == "rate_limit" && refusal.resets_at.is_some());
    let text = result.and_then(|line| line.text.as_deref()).unwrap_or_default();
    if !(call.limits.rejected || by_status || by_refusal || speaks_of_limit(text)) {
        return None;
    }
    let resets_at = call
        .limits
        .resets_at
        .or_else(|| refusal.and_then(|refusal| refusal.resets_at))
        .or_else(|| super::reset_time(text, None));
    let refused = refusal.map(|refusal| refusal.text.as_str()).unwrap_or_default();
    let said = [text, refused].into_iter().find(|words| !words.is_empty());
    Some(Verdict::new(CallOutcome::Limited, said.unwrap_or("a usage limit is reached")).until(resets_at))
}

/// Clients that send no rate limit events say it only here.
fn speaks_of_limit(text: &str) -> bool {
    text.contains("usage limit reached") || (text.contains("limit") && text.contains("· resets "))
}

/// The task's own verdict: it used up what it was given.
fn spent(result: &ResultLine) -> Option<Verdict> {
    let says = |subtype: &str, reason: &str| result.subtype == subtype || result.terminal_reason == reason;
    if says("error_max_turns", "max_turns") {
        return Some(Verdict::new(
            CallOutcome::MaxTurns,
            words(result, "the turns are used up"),
        ));
    }
    says("error_max_budget_usd", "budget_exhausted").then(|| {
        let reason = words(result, "the call's budget is used up");
        Verdict::new(CallOutcome::Budget, reason)
    })
}

/// An error result that only says that we ended the call.
fn interrupted(ending: &Ending<'_>) -> Option<Verdict> {
    let cut = ending.cut?;
    Some(Verdict::new(CallOutcome::Crashed, cut.reason()))
}

/// An error result: whose fault, by status, else by the API's word, else by the client's words.
fn refused(call: &Transcript, result: &ResultLine) -> Verdict {
    let word = call
        .refusal
        .as_ref()
        .map(|refusal| refusal.word.as_str())
        .unwrap_or_default();
    let said = words(result, "the client ended with an error and said nothing");
    let outcome = by_status(result.status)
        .or_else(|| by_word(word))
        .or_else(|| by_text(&said))
        .unwrap_or(CallOutcome::Failed);
    Verdict::new(outcome, said)
}

fn by_status(status: Option<u16>) -> Option<CallOutcome> {
    match status? {
        408 | 409 | 425 | 429 | 500.. => Some(CallOutcome::Transient),
        400..=499 => Some(CallOutcome::Permanent),
        _ => None,
    }
}

fn by_word(word: &str) -> Option<CallOutcome> {
    match word {
        "overloaded" | "server_error" | "rate_limit" => Some(CallOutcome::Transient),
        "authentication_failed" | "billing_error" | "invalid_request" | "model_not_found" | "oauth_org_not_allowed" => {
            Some(CallOutcome::Permanent)
        }
        _ => None,
    }
}

fn by_text(text: &str) -> Option<CallOutcome> {
    const REFUSED: [&str; 6] = [
        "No conversation found",
        "unknown option",
        "Invalid API key",
        "Please run /login",
        "Not logged in",
        "cannot be used with root",
    ];
    const OUT_OF_REACH: [&str; 4] = ["Unable to connect", "ECONNREFUSED", "Connection error", "ECONNRESET"];
    let mentions = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    if mentions(&REFUSED) {
        Some(CallOutcome::Permanent)
    } else {
        mentions(&OUT_OF_REACH).then_some(CallOutcome::Transient)
    }
}

/// No result line: killed, dead, or never started.
fn without_result(call: &Transcript, ending: &Ending<'_>) -> Verdict {
    if ending.cut == Some(Cut::Budget) {
        return Verdict::new(CallOutcome::Budget, Cut::Budget.reason());
    }
    if let Some(verdict) = limited(call) {
        return verdict;
    }
    if let Some(verdict) = died_retrying(call, ending) {
        return verdict;
    }
    let tail = ending.stderr_tail.trim();
    let outcome = by_text(tail).filter(|_| ending.cut.is_none() && !ending.oom);
    let mut reason = format!("no result line: {}", process_end(ending));
    if !tail.is_empty() {
        reason.push_str("; stderr ends: ");
        reason.push_str(last_characters(tail, 300));
    }
    Verdict::new(outcome.unwrap_or(CallOutcome::Crashed), reason)
}

/// The API had refused the last request when the call ended: its word counts, not the end's.
fn died_retrying(call: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let retry = call.retry.as_ref().filter(|_| !ending.oom)?;
    let outcome = by_status(retry.status)
        .or_else(|| by_word(&retry.word))
        .unwrap_or(CallOutcome::Transient);
    let status = retry
        .status
        .map_or_else(|| "out of reach".to_owned(), |status| status.to_string());
    let how = process_end(ending);
    Some(Verdict::new(
        outcome,
        format!("while the client retried after an API error ({status}), {how}"),
    ))
}

fn process_end(ending: &Ending<'_>) -> String {
    match (ending.oom, ending.cut, ending.exit_code) {
        (true, _, _) => "it ran out of memory".to_owned(),
        (_, Some(cut), _) => cut.reason().to_owned(),
        (_, _, Some(code @ 129..=192)) => format!("it ended by signal {}", code - 128),
        (_, _, Some(code)) => format!("it exited with {code}"),
        (_, _, None) => "nobody knows how it ended".to_owned(),
    }
}

/// What the result line says, else `otherwise`.
fn words(result: &ResultLine, otherwise: &str) -> String {
    if !result.errors.is_empty() {
        return result.errors.join("; ");
    }
    let text = result.text.as_deref().unwrap_or_default().trim();
    if text.is_empty() { otherwise } else { text }.to_owned()
}

fn last_characters(text: &str, count: usize) -> &str {
    let start = text.char_indices().rev().nth(count.saturating_sub(1));
    start.map_or(text, |(index, _)| &text[index..])
}
