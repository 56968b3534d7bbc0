//! The table of outcomes: every row as each client shows it, and with the evidence in another order.

mod limits;
mod lines;

use serde_json::{Value, json};

use self::lines::Client::{self, Late, New, Old, Oldest};
use self::lines::{aborted, allowed, failure, recording, refusal, refused_with, retry, success};
use super::*;
use crate::agent::CallReport;

const NOW: &str = "2026-11-21T09:30:40Z";

fn report(lines: &[Value], ending: &Ending<'_>) -> CallReport {
    let mut transcript = Transcript::new();
    for line in lines {
        transcript.push_line(line.to_string().as_bytes());
    }
    transcript.finish(&Ending {
        now: Some(NOW.parse().unwrap()),
        ..*ending
    })
}

/// Checks that each client's way to show a call comes to this.
fn check(lines: &[Value], ending: Ending<'_>, outcome: CallOutcome) {
    check_for(&Client::ALL, lines, ending, outcome);
}

fn check_for(clients: &[Client], lines: &[Value], ending: Ending<'_>, outcome: CallOutcome) {
    for client in clients {
        let report = report(&client.write(lines), &ending);
        let what = format!("{client:?} {lines:?} {ending:?}: {}", report.reason);
        assert_eq!(report.outcome, outcome, "{what}");
        assert_eq!(report.reason.is_empty(), outcome == CallOutcome::Success, "{what}");
        assert!(report.fix.is_none() || outcome == CallOutcome::Permanent, "{what}");
    }
}

fn exited(code: i64) -> Ending<'static> {
    Ending {
        exit_code: Some(code),
        ..Ending::default()
    }
}

fn cut(cut: StopCause) -> Ending<'static> {
    Ending {
        cut: Some(cut),
        ..exited(143)
    }
}

const LIMIT: &str = "You've hit your session limit · resets 10:30am (UTC)";

#[test]
fn every_recorded_row_is_the_same_with_every_client() {
    let unknown_session = Ending {
        stderr_tail: "No conversation found with session ID: 00000000-0000-4000-8000-000000000000\n",
        ..exited(1)
    };
    let rows = [
        ("success", exited(0), CallOutcome::Success),
        ("session", exited(0), CallOutcome::Success),
        ("schema", exited(0), CallOutcome::Success),
        ("warning", exited(0), CallOutcome::Success),
        ("rate_limited", exited(1), CallOutcome::Limited),
        ("apikey_429", exited(1), CallOutcome::Transient),
        ("overloaded", exited(1), CallOutcome::Transient),
        ("server_error", exited(1), CallOutcome::Transient),
        ("auth_failed", exited(1), CallOutcome::Permanent),
        ("credit_low", exited(1), CallOutcome::Permanent),
        ("resume_unknown", unknown_session, CallOutcome::Permanent),
        ("max_turns", exited(1), CallOutcome::MaxTurns),
        ("budget", exited(1), CallOutcome::Budget),
    ];
    for (name, ending, outcome) in rows {
        check(&recording(name), ending, outcome);
    }
    // Older clients do not report that they use overage.
    check_for(&[New, Late], &recording("overage"), exited(0), CallOutcome::Overage);
    check_for(&[Old, Oldest], &recording("overage"), exited(0), CallOutcome::Success);
}

#[test]
fn success_needs_every_witness() {
    let out_of_memory = Ending { oom: true, ..exited(0) };
    check(&[success()], exited(0), CallOutcome::Success);
    check(&[success()], Ending::of_recording(), CallOutcome::Success);
    check(&[success()], cut(StopCause::AfterResult), CallOutcome::Success);
    check(&[success()], cut(StopCause::Hard), CallOutcome::Success);
    check(&[success(), allowed()], exited(0), CallOutcome::Success);
    for ending in [exited(1), exited(137), exited(-1), Ending::default(), out_of_memory] {
        check(&[success()], ending, CallOutcome::Failed);
    }
    let slow_and_fat = Ending {
        oom: true,
        ..cut(StopCause::AfterResult)
    };
    check(&[success()], slow_and_fat, CallOutcome::Failed);
    for fields in [
        json!({"subtype": "success"}),
        json!({"subtype": "success", "is_error": null}),
        json!({"subtype": "success", "is_error": "false"}),
        json!({"is_error": false}),
        json!({"subtype": "error_during_execution", "is_error": false}),
    ] {
        let mut line = fields.clone();
        line["type"] = "result".into();
        check(&[line], exited(0), CallOutcome::Failed);
    }
}

#[test]
fn what_an_agent_says_is_no_limit() {
    let words = format!("I wrote that. {LIMIT}");
    let proud = json!({"type": "result", "subtype": "success", "is_error": false, "result": LIMIT});
    check(&[proud], exited(0), CallOutcome::Success);
    check(&[failure(&words)], exited(1), CallOutcome::Failed);
    let said = json!({"type": "assistant", "message": {"content": [{"type": "text", "text": LIMIT}]}});
    check(&[said.clone(), failure("It broke")], exited(1), CallOutcome::Failed);
    check(&[said], exited(137), CallOutcome::Crashed);
    // An error result repeats the agent's last words where the client has none of its own.
    for (words, by_client) in [
        ("I added the spend limit page.", CallOutcome::Permanent),
        ("The test waits while it is overloaded.", CallOutcome::Transient),
        (LIMIT, CallOutcome::Limited),
    ] {
        let said =
            json!({"type": "assistant", "message": {"content": [{"type": "text", "text": format!("{words}\n")}]}});
        let error = json!({"type": "result", "subtype": "error_during_execution", "is_error": true, "result": words});
        check(&[said.clone(), error.clone()], exited(1), CallOutcome::Failed);
        check(&[refusal("unknown", words), error.clone()], exited(1), by_client);
        check(std::slice::from_ref(&error), exited(1), by_client);
        let mut refused = error;
        refused["api_error_status"] = 503.into();
        check_for(&[New, Late], &[said, refused], exited(1), CallOutcome::Transient);
    }
    // So it is with words that are too long to be kept.
    let words = format!("{} overloaded", "x".repeat(300 << 10));
    let said = json!({"type": "assistant", "message": {"content": [{"type": "text", "text": words}]}});
    check(&[said, failure(&words)], exited(1), CallOutcome::Failed);
}

#[test]
fn what_cut_a_call_decides_unless_its_result_says_more() {
    let died = CallOutcome::Crashed;
    for (why, outcome) in [
        (StopCause::FirstEvent, CallOutcome::Transient),
        (StopCause::Idle, died),
        (StopCause::Tool, died),
        (StopCause::Hard, died),
        (StopCause::Flood, died),
        (StopCause::Disk, CallOutcome::Failed),
        (StopCause::Cancelled, died),
        (StopCause::AfterResult, died),
        (StopCause::Budget, CallOutcome::Budget),
        (StopCause::Model, CallOutcome::Permanent),
        (StopCause::Credentials, CallOutcome::Permanent),
        (StopCause::Seal, CallOutcome::Permanent),
        (StopCause::LoginExpired, CallOutcome::Limited),
        (StopCause::Overage, CallOutcome::Overage),
    ] {
        check(&[], cut(why), outcome);
        check_for(&[New, Late], &[aborted()], cut(why), outcome);
        let mut cheerful = aborted();
        cheerful["subtype"] = "success".into();
        cheerful["is_error"] = false.into();
        check_for(&[New, Late], &[cheerful], cut(why), outcome);
    }
    for why in [
        StopCause::FirstEvent,
        StopCause::Idle,
        StopCause::Tool,
        StopCause::Hard,
        StopCause::Flood,
        StopCause::AfterResult,
    ] {
        check(
            &[failure("API Error: 529 Overloaded")],
            cut(why),
            CallOutcome::Transient,
        );
        check(&[failure(LIMIT)], cut(why), CallOutcome::Limited);
        check(
            &[json!({"type": "result", "subtype": "error_max_turns"})],
            cut(why),
            CallOutcome::MaxTurns,
        );
        check(&[success()], cut(why), CallOutcome::Success);
    }
    check(&[failure("It broke")], cut(StopCause::Idle), died);
    check(&[failure("It broke")], cut(StopCause::AfterResult), CallOutcome::Failed);
    check(&[failure("API Error: 529 Overloaded")], cut(StopCause::Cancelled), died);
    check(&[success()], cut(StopCause::Model), CallOutcome::Permanent);
    check(&[success()], cut(StopCause::Credentials), CallOutcome::Permanent);
    for result in [success(), failure(LIMIT), failure("API Error: 529 Overloaded")] {
        check(&[result], cut(StopCause::Disk), CallOutcome::Failed);
    }
    let fat = Ending {
        oom: true,
        ..cut(StopCause::FirstEvent)
    };
    check(&[], fat, died);
    // Somebody else stopped the container.
    check_for(&[New, Late], &[aborted()], exited(143), died);
}

#[test]
fn without_a_result_the_last_thing_that_failed_is_the_reason() {
    let unreachable = retry(&json!(null), "unknown");
    let rows = [
        (unreachable.clone(), CallOutcome::Transient),
        (retry(&json!(503), "server_error"), CallOutcome::Transient),
        (retry(&json!(401), "authentication_failed"), CallOutcome::Permanent),
        (
            refusal("overloaded", "API Error: 529 Overloaded"),
            CallOutcome::Transient,
        ),
        (
            refusal("billing_error", "Credit balance is too low"),
            CallOutcome::Permanent,
        ),
    ];
    let fields = &[New, Late, Old];
    for (line, outcome) in rows {
        for ending in [exited(1), exited(137), cut(StopCause::Idle), cut(StopCause::Hard)] {
            check_for(fields, std::slice::from_ref(&line), ending, outcome);
            check_for(&[New], &[line.clone(), aborted()], ending, outcome);
        }
        let fat = Ending {
            oom: true,
            ..exited(137)
        };
        check_for(fields, &[line], fat, CallOutcome::Crashed);
    }
    check(&[unreachable], cut(StopCause::Cancelled), CallOutcome::Crashed);
    for (stderr_tail, outcome) in [
        ("error: unknown option '--x'\n", CallOutcome::Permanent),
        (
            "API Error: Unable to connect to API (ECONNREFUSED)",
            CallOutcome::Transient,
        ),
        ("Segmentation fault", CallOutcome::Crashed),
    ] {
        let told = Ending {
            stderr_tail,
            ..exited(1)
        };
        check(&[], told, outcome);
        let stopped = Ending {
            cut: Some(StopCause::Idle),
            ..told
        };
        check(&[], stopped, CallOutcome::Crashed);
    }
    for ending in [exited(0), exited(137), Ending::default(), Ending::of_recording()] {
        check(&[], ending, CallOutcome::Crashed);
    }
}

#[test]
fn a_permanent_failure_says_what_mends_it() {
    let fix = |lines: &[Value], ending: &Ending<'_>| report(lines, ending).fix.unwrap_or_default();
    let model = refusal("model_not_found", "There's an issue with the selected model (opux).");
    let option = Ending {
        stderr_tail: "error: unknown option '--x'",
        ..exited(1)
    };
    let rows = [
        (recording("auth_failed"), exited(1), "log in again"),
        (recording("credit_low"), exited(1), "add credit"),
        (vec![model, refused_with(404, "no such model")], exited(1), "`model`"),
        (recording("resume_unknown"), exited(1), "begin a new session"),
        (vec![], option, "`claude_args`"),
        (vec![], cut(StopCause::Model), "`strict_model: false`"),
        (vec![], cut(StopCause::Credentials), "`agent.credentials: api_key`"),
        (vec![], cut(StopCause::Seal), "`container.relax`"),
    ];
    for (lines, ending, expect) in rows {
        let fix = fix(&lines, &ending);
        assert!(fix.contains(expect), "{lines:?}: {fix}");
    }
    for name in ["the role's `args`", "unset the key that adds it"] {
        assert!(fix(&[], &option).contains(name), "{name}");
    }
    assert!(fix(&recording("auth_failed"), &exited(1)).contains("a valid API key"));
    assert!(report(&recording("resume_unknown"), &exited(1)).session_lost);
    assert!(!report(&recording("auth_failed"), &exited(1)).session_lost);
}

#[test]
fn a_cut_names_its_key_and_the_thing_that_brought_it() {
    let begun = json!({"type": "system", "subtype": "init", "model": "claude-haiku-9", "apiKeySource": "user"});
    for (why, name) in [
        (StopCause::FirstEvent, "`first_event_timeout`"),
        (StopCause::Idle, "`idle_timeout`"),
        (StopCause::Tool, "`tool_timeout`"),
        (StopCause::Hard, "`timeout`"),
        (StopCause::AfterResult, "`result_grace`"),
        (StopCause::Credentials, "`agent.credentials`"),
        (StopCause::Credentials, "(`user`)"),
        (StopCause::Model, "(`claude-haiku-9`)"),
    ] {
        let reason = report(std::slice::from_ref(&begun), &cut(why)).reason;
        assert!(reason.contains(name), "{why:?}: {reason}");
    }
}

#[test]
fn the_reason_says_how_a_call_ended() {
    let but = |how: &str| format!("the client claims success, but {how}");
    let crashed = |how: &str| format!("no result line: {how}");
    let retried =
        |status: &str| format!("while the client retried after an API error ({status}), it ended by signal 15");
    let fat = Ending { oom: true, ..exited(0) };
    let told = Ending {
        stderr_tail: "error: unknown option '--x'\n",
        ..exited(1)
    };
    let spent = json!({"type": "result", "subtype": "error_max_turns", "is_error": false});
    let silent = json!({"type": "result", "subtype": "success"});
    let rows = [
        (vec![success()], exited(3), but("it exited with 3")),
        (vec![success()], Ending::default(), but("how it ended is not known")),
        (vec![success()], fat, but("it ran out of memory")),
        (vec![success(), spent], exited(0), "the turns are used up".into()),
        (
            vec![silent],
            exited(0),
            "the client ended with an error and printed nothing".into(),
        ),
        (vec![failure("Something else")], exited(1), "Something else".into()),
        (
            vec![failure("Request was aborted")],
            cut(StopCause::Hard),
            "stopped: it ran past `timeout`".into(),
        ),
        (vec![], exited(0), crashed("it exited with 0")),
        (vec![], exited(137), crashed("it ended by signal 9")),
        (
            vec![],
            cut(StopCause::Idle),
            crashed("stopped: no output for longer than `idle_timeout`"),
        ),
        (vec![], cut(StopCause::Budget), "stopped: the budget is spent".into()),
        (
            vec![],
            told,
            crashed("it exited with 1; stderr ends: error: unknown option '--x'"),
        ),
        (vec![retry(&json!(529), "overloaded")], exited(143), retried("529")),
        (
            vec![retry(&json!(null), "unknown")],
            exited(143),
            retried("unreachable"),
        ),
    ];
    for (lines, ending, expect) in rows {
        assert_eq!(report(&lines, &ending).reason, expect);
    }
    // A message ends the retrying.
    let after = json!({"type": "assistant", "message": {"id": "m", "content": []}});
    let report = report(&[retry(&json!(529), "overloaded"), after], &exited(1));
    let crashed = crashed("it exited with 1");
    assert_eq!((report.outcome, report.reason), (CallOutcome::Crashed, crashed));
}

#[test]
fn words_that_say_nothing_are_no_reason() {
    for (subtype, errors) in [("success", json!([" "])), ("error_max_turns", json!(["", "\t"]))] {
        let line = json!({"type": "result", "subtype": subtype, "is_error": true, "result": " \n", "errors": errors});
        let report = report(&[line], &exited(1));
        assert!(!report.reason.trim().is_empty(), "{subtype}");
    }
}
