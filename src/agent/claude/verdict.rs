//! The verdict on a call: success only where stream and process both show it, and otherwise what caused the failure:
//! the task, the account, the API, or time.

use jiff::Timestamp;

use super::cause::{self, Cause, Evidence};
use super::limit::{Standing, is_limit_alone, speaks_of_limit};
use super::reset::reset_time;
use super::result::ResultLine;
use super::transcript::Transcript;
use crate::agent::{CallOutcome, Ending, StopCause};

/// A verdict with its details.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) outcome: CallOutcome,
    pub(super) reason: String,
    pub(super) resets_at: Option<Timestamp>,
    pub(super) fix: Option<&'static str>,
    pub(super) session_lost: bool,
    pub(super) request_refused: bool,
}

impl Verdict {
    fn new(outcome: CallOutcome, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            reason: reason.into(),
            resets_at: None,
            fix: None,
            session_lost: false,
            request_refused: false,
        }
    }

    fn until(self, resets_at: Option<Timestamp>) -> Self {
        Self { resets_at, ..self }
    }

    fn caused(cause: &Cause, reason: impl Into<String>) -> Self {
        Self {
            fix: cause.fix,
            session_lost: cause.session_lost,
            request_refused: cause.is_of_request(),
            ..Self::new(cause.outcome, reason)
        }
    }
}

/// One row of the table: a verdict, if it fits.
type Row = fn(&Transcript, &Ending<'_>) -> Option<Verdict>;

/// The table. The first row that fits decides.
const ROWS: [Row; 15] = [
    paid_overage,
    cut_for_good,
    cut_for_disk,
    did_not_come_up,
    limited_in_disguise,
    claimed_success,
    cut_for_budget,
    cut_for_login,
    limited_by_fields,
    spent,
    limited_by_words,
    cancelled,
    refused,
    died_retrying,
    died_refused,
];

/// Classifies a call.
pub(super) fn of(call: &Transcript, ending: &Ending<'_>) -> Verdict {
    let verdict = ROWS.iter().find_map(|row| row(call, ending));
    verdict.unwrap_or_else(|| died(call, ending))
}

fn paid_overage(call: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let counts = call.limits.overage && !ending.allow_overage || ending.cut == Some(StopCause::Overage);
    counts.then(|| Verdict::new(CallOutcome::Overage, "paid overage is being used").until(call.limits.resets_at))
}

/// Returns the verdict on a call that was cut for good: a forbidden call is not a success, however far it came.
fn cut_for_good(call: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let cut = ending.cut?;
    let (fix, thing) = match cut {
        StopCause::Credentials => (
            "remove the API key from `container.env` and from the agent's settings, or set `agent.credentials: api_key`",
            call.api_key_source.as_deref(),
        ),
        StopCause::Model => (
            "set `model` in the role's section to the model that the client uses, or `strict_model: false`",
            call.model.as_deref(),
        ),
        StopCause::Seal => (
            "`cordwainer doctor` prints what this engine lacks; `container.relax` allows it",
            None,
        ),
        _ => return None,
    };
    let thing = thing.map_or(String::new(), |thing| format!(" (`{thing}`)"));
    Some(Verdict {
        fix: Some(fix),
        ..Verdict::new(CallOutcome::Permanent, format!("{}{thing}", cut.reason()))
    })
}

/// Returns the verdict on a call that wrote too much to the disk: the same call might again, so it is the task's own
/// failure, whatever its result says.
fn cut_for_disk(_: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let cut = ending.cut.filter(|cut| *cut == StopCause::Disk)?;
    Some(Verdict::new(CallOutcome::Failed, cut.reason()))
}

/// Returns the verdict on a call with a client that did not start: the client itself reports the reason.
fn did_not_come_up(call: &Transcript, _: &Ending<'_>) -> Option<Verdict> {
    let result = call.result.as_ref()?;
    let why = result.startup_failure.as_deref()?;
    let said = words(result).unwrap_or_else(|| "the client did not start".to_owned());
    Some(Verdict::caused(&cause::of_startup(why), format!("{said} ({why})")))
}

/// Returns the verdict on a usage limit that the client calls a success.
fn limited_in_disguise(call: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let result = call.result.as_ref()?;
    let disguised = result.claims_success() && !aborted(result) && is_limit_in_disguise(call);
    disguised.then(|| limited(call, ending))
}

/// Returns whether no model wrote anything, and the client only reports a limit: then a success that it claims cannot
/// be true.
pub(super) fn is_limit_in_disguise(call: &Transcript) -> bool {
    let text = call.result.as_ref().and_then(|line| line.text.as_deref());
    let told = call.limits.standing == Standing::Rejected || text.is_some_and(is_limit_alone);
    told && !call.has_spoken
}

fn claimed_success(call: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let result = call.result.as_ref()?;
    if !result.claims_success() || aborted(result) {
        return None;
    }
    if call.work.is_unfinished() || ending.cut.is_some() && call.work.is_under_way() {
        // Other rows handle the other meanings.
        let more = [
            StopCause::Cancelled,
            StopCause::Budget,
            StopCause::LoginExpired,
            StopCause::Overage,
        ]
        .map(Some);
        let reason = match ending.cut {
            Some(cut) => format!("work was still in progress: {}", cut.reason()),
            None => "it ended work that it had begun in the background".to_owned(),
        };
        let reason = format!("the client claims success, but {reason}");
        return (!more.contains(&ending.cut)).then(|| Verdict::new(CallOutcome::Failed, reason));
    }
    if ending.allows_success() {
        return Some(Verdict::new(CallOutcome::Success, ""));
    }
    let reason = format!("the client claims success, but {}", process_end(ending));
    Some(Verdict::new(CallOutcome::Failed, reason))
}

/// Returns the verdict on a call that was cut for a login: the session continues once somebody has logged in again.
fn cut_for_login(_: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let cut = ending.cut.filter(|cut| *cut == StopCause::LoginExpired)?;
    Some(Verdict::new(CallOutcome::Limited, cut.reason()))
}

fn cut_for_budget(_: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let cut = ending.cut.filter(|cut| *cut == StopCause::Budget)?;
    Some(Verdict::new(CallOutcome::Budget, cut.reason()))
}

/// Returns the verdict on a usage limit that the API's own fields report: it refuses everything until a reset.
fn limited_by_fields(call: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let result = call.result.as_ref();
    let by_result = result.is_some_and(|line| line.usage_limit && matches!(line.status, None | Some(429)));
    (call.limits.standing == Standing::Rejected || by_result).then(|| limited(call, ending))
}

/// Returns the verdict on a usage limit that only a sentence of the client reports, and that no field contradicts.
fn limited_by_words(call: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let status = call.result.as_ref().and_then(|line| line.status);
    let refusal = call.refusal.as_ref();
    let word = refusal.map_or("", |refusal| refusal.word.as_str());
    let another_reason = status.is_some_and(|status| status != 429) || !matches!(word, "" | "unknown" | "rate_limit");
    let for_its_rate = status == Some(429) || word == "rate_limit";
    if another_reason || call.limits.standing == Standing::Allowed && !for_its_rate {
        return None;
    }
    let has_reset = word == "rate_limit" && refusal.is_some_and(|refusal| refusal.resets_at.is_some());
    (has_reset || sentences(call).any(speaks_of_limit)).then(|| limited(call, ending))
}

fn limited(call: &Transcript, ending: &Ending<'_>) -> Verdict {
    let refusal = call.refusal.as_ref();
    let resets_at = call
        .limits
        .resets_at
        .or_else(|| refusal.and_then(|refusal| refusal.resets_at))
        .or_else(|| sentences(call).find_map(|sentence| reset_time(sentence, ending.now)));
    let said = sentences(call).next().unwrap_or("a usage limit is reached");
    Verdict::new(CallOutcome::Limited, said).until(resets_at)
}

/// Returns what the client reports about the call's end: in its result, and in the message that it created from a
/// refusal. The last text of the agent is not part of it.
fn sentences(call: &Transcript) -> impl Iterator<Item = &str> {
    let result = call.result.as_ref().and_then(|line| line.text.as_deref());
    let result = result.filter(|text| !call.last_words.are(text));
    let refusal = call.refusal.as_ref().map(|refusal| refusal.text.as_str());
    [result, refusal]
        .into_iter()
        .flatten()
        .filter(|text| !text.trim().is_empty())
}

/// Returns the task's own verdict: it used up its turns or its budget.
fn spent(call: &Transcript, _: &Ending<'_>) -> Option<Verdict> {
    const WAYS: [(CallOutcome, &str, &str, &str); 2] = [
        (
            CallOutcome::MaxTurns,
            "error_max_turns",
            "max_turns",
            "the turns are used up",
        ),
        (
            CallOutcome::Budget,
            "error_max_budget_usd",
            "budget_exhausted",
            "the call's budget is used up",
        ),
    ];
    let result = call.result.as_ref()?;
    let fits = |subtype: &str, reason: &str| result.subtype == subtype || result.terminal_reason == reason;
    let way = WAYS.iter().find(|(_, subtype, reason, _)| fits(subtype, reason));
    way.map(|(outcome, _, _, otherwise)| Verdict::new(*outcome, words(result).unwrap_or_else(|| (*otherwise).into())))
}

fn cancelled(_: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let cut = ending.cut.filter(|cut| *cut == StopCause::Cancelled)?;
    Some(Verdict::new(CallOutcome::Crashed, cut.reason()))
}

/// Returns the verdict on an error result, by its cause. One that came because we ended the call counts only if it
/// gives a reason.
fn refused(call: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let result = call.result.as_ref().filter(|line| !aborted(line))?;
    let silent = stderr(ending).unwrap_or("the client ended with an error and printed nothing");
    let said = words(result).unwrap_or_else(|| silent.to_owned());
    let word = call.refusal.as_ref().map_or("", |refusal| refusal.word.as_str());
    let by_agent = call.last_words.are(&said);
    let evidence = Evidence {
        status: result.status,
        word,
        text: if by_agent { "" } else { &said },
    };
    match cause::of(evidence) {
        Some(cause) => Some(Verdict::caused(cause, said)),
        None if matches!(ending.cut, None | Some(StopCause::AfterResult)) => {
            Some(Verdict::new(CallOutcome::Failed, said))
        }
        None => None,
    }
}

/// Returns the verdict on a call with a last request that the API had refused when it ended: the API's reason counts,
/// not the ending's.
fn died_retrying(call: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let retry = call.retry.as_ref().filter(|_| !ending.oom)?;
    let status = retry
        .status
        .map_or("unreachable".to_owned(), |status| status.to_string());
    let how = process_end(ending);
    let reason = format!("while the client retried after an API error ({status}), {how}");
    let cause = cause::of(Evidence {
        status: retry.status,
        word: &retry.word,
        text: "",
    });
    Some(match cause {
        Some(cause) => Verdict::caused(cause, reason),
        None => Verdict::new(CallOutcome::Transient, reason),
    })
}

/// Returns the verdict on a call with a client that had recorded a refusal, and ended before its result.
fn died_refused(call: &Transcript, ending: &Ending<'_>) -> Option<Verdict> {
    let refusal = call.refusal.as_ref().filter(|_| !ending.oom)?;
    let cause = cause::of(Evidence {
        status: None,
        word: &refusal.word,
        text: &refusal.text,
    })?;
    Some(Verdict::caused(
        cause,
        format!("{}; {}", refusal.text, process_end(ending)),
    ))
}

/// Returns the verdict on a call where only the end of the process gives a reason: it was killed, it died, or it never
/// started.
fn died(call: &Transcript, ending: &Ending<'_>) -> Verdict {
    let how = process_end(ending);
    if ending.cut == Some(StopCause::FirstEvent) && !ending.oom {
        return Verdict::new(CallOutcome::Transient, how);
    }
    if call.result.is_some() {
        let who = if ending.cut.is_some() {
            ""
        } else {
            "the client was stopped: "
        };
        return Verdict::new(CallOutcome::Crashed, format!("{who}{how}"));
    }
    let mut reason = format!("no result line: {how}");
    let tail = ending.stderr_tail.trim();
    if !tail.is_empty() {
        reason.push_str("; stderr ends: ");
        reason.push_str(last_characters(tail, 300));
    }
    let text = stderr(ending).unwrap_or_default();
    match cause::of(Evidence {
        text,
        ..Evidence::default()
    }) {
        Some(cause) => Verdict::caused(cause, reason),
        None => Verdict::new(CallOutcome::Crashed, reason),
    }
}

/// Returns whether a result only reports that the client was told to stop.
fn aborted(result: &ResultLine) -> bool {
    result.terminal_reason.starts_with("aborted")
}

/// Returns the end of stderr, where the client ended by itself and had time to give a reason.
fn stderr<'a>(ending: &Ending<'a>) -> Option<&'a str> {
    let tail = last_characters(ending.stderr_tail.trim(), 300);
    (!tail.is_empty() && ending.cut.is_none() && !ending.oom).then_some(tail)
}

fn process_end(ending: &Ending<'_>) -> String {
    match (ending.oom, ending.cut, ending.exit_code) {
        (true, _, _) => "it ran out of memory".to_owned(),
        (_, Some(cut), _) => cut.reason().to_owned(),
        (_, _, Some(code @ 129..=192)) => format!("it ended by signal {}", code - 128),
        (_, _, Some(code)) => format!("it exited with {code}"),
        (_, _, None) => "how it ended is not known".to_owned(),
    }
}

/// Returns the text of the result line, if it has any.
fn words(result: &ResultLine) -> Option<String> {
    let errors = result.errors.iter().map(|error| error.trim());
    let errors: Vec<&str> = errors.filter(|error| !error.is_empty()).collect();
    if !errors.is_empty() {
        return Some(errors.join("; "));
    }
    let text = result.text.as_deref().unwrap_or_default().trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn last_characters(text: &str, count: usize) -> &str {
    let start = text.char_indices().rev().nth(count.saturating_sub(1));
    start.map_or(text, |(index, _)| &text[index..])
}

#[cfg(test)]
mod tests;
