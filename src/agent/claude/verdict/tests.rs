//! The table of outcomes: every row as each client shows it, and with the evidence in another order.

mod lines;

use serde_json::{Value, json};

use self::lines::Client::{self, Late, New, Old, Oldest};
use self::lines::{aborted, allowed, event, failure, recording, refusal, refused_with, rejected, retry, success};
use super::*;
use crate::agent::{AgentEvent, CallReport};

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

/// Sees that each client's way to show a call comes to this.
fn check(lines: &[Value], ending: Ending<'_>, outcome: CallOutcome) {
    check_for(&Client::ALL, lines, ending, outcome);
}

fn check_for(clients: &[Client], lines: &[Value], ending: Ending<'_>, outcome: CallOutcome) {
    for client in clients {
        let report = report(&client.write(lines), &ending);
        let what = format!("{client:?} {lines:?} {ending:?}: {}", report.reason);
        assert_eq!(report.outcome, outcome, "{what}");
        assert_eq!(report.reason.is_empty(), outcome == CallOutcome::Success, "{what}");
        assert!(report.mend.is_none() || outcome == CallOutcome::Permanent, "{what}");
    }
}

fn exited(code: i64) -> Ending<'static> {
    Ending {
        exit_code: Some(code),
        ..Ending::default()
    }
}

fn cut(cut: Cut) -> Ending<'static> {
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
    // Older clients do not say that they use overage.
    check_for(&[New, Late], &recording("overage"), exited(0), CallOutcome::Overage);
    check_for(&[Old, Oldest], &recording("overage"), exited(0), CallOutcome::Success);
}

#[test]
fn every_client_tells_when_its_limit_is_lifted() {
    for (client, expect) in [
        (New, "2026-11-21T10:30:35Z"),
        (Late, "2026-11-21T10:30:35Z"),
        (Old, "2026-11-21T10:30:00Z"),
        (Oldest, "2026-11-21T10:30:00Z"),
    ] {
        let report = report(&client.write(&recording("rate_limited")), &exited(1));
        assert_eq!(
            report.resets_at.map(|at| at.to_string()).as_deref(),
            Some(expect),
            "{client:?}"
        );
    }
}

#[test]
fn success_needs_every_witness() {
    let out_of_memory = Ending { oom: true, ..exited(0) };
    check(&[success()], exited(0), CallOutcome::Success);
    check(&[success()], Ending::of_recording(), CallOutcome::Success);
    check(&[success()], cut(Cut::AfterResult), CallOutcome::Success);
    check(&[success()], cut(Cut::Hard), CallOutcome::Success);
    check(&[success(), allowed()], exited(0), CallOutcome::Success);
    for ending in [exited(1), exited(137), exited(-1), Ending::default(), out_of_memory] {
        check(&[success()], ending, CallOutcome::Failed);
    }
    let slow_and_fat = Ending {
        oom: true,
        ..cut(Cut::AfterResult)
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
}

#[test]
fn a_limit_that_a_client_calls_a_success_is_none() {
    let claim = |text: &str| json!({"type": "result", "subtype": "success", "is_error": false, "result": text});
    let limit = claim("Claude AI usage limit reached|1900000000");
    let made_up = json!({"type": "assistant", "message": {"model": "<synthetic>", "content": []}});
    let spoken = json!({"type": "assistant", "message": {"id": "m", "content": []}});
    check(std::slice::from_ref(&limit), exited(0), CallOutcome::Limited);
    check(&[made_up.clone(), limit.clone()], exited(0), CallOutcome::Limited);
    let until = report(std::slice::from_ref(&limit), &exited(0)).resets_at.unwrap();
    assert_eq!(until.as_second(), 1_900_000_000);
    let event = Transcript::new().push_line(limit.to_string().as_bytes());
    assert!(matches!(event, Some(AgentEvent::Finished { success: false, .. })));
    // An agent may end with such words, if it was there at all.
    check(&[spoken.clone(), limit], exited(0), CallOutcome::Success);
    check(
        &[claim("Claude AI usage limit reached|19")],
        exited(0),
        CallOutcome::Success,
    );
    let fields = &[New, Late];
    check_for(fields, &[rejected(), success()], exited(0), CallOutcome::Limited);
    check_for(
        fields,
        &[rejected(), made_up, success()],
        exited(0),
        CallOutcome::Limited,
    );
    check_for(
        fields,
        &[rejected(), allowed(), success()],
        exited(0),
        CallOutcome::Success,
    );
    check_for(
        fields,
        &[rejected(), spoken, success()],
        exited(0),
        CallOutcome::Success,
    );
}

#[test]
fn words_count_only_where_no_field_contradicts_them() {
    let texts = [
        LIMIT,
        "5-hour limit reached ∙ resets 3pm",
        "Claude AI usage limit reached|1795257035",
    ];
    for text in texts {
        check(&[failure(text)], exited(1), CallOutcome::Limited);
        check(&[refused_with(429, text)], exited(1), CallOutcome::Limited);
        let told = &[New, Late, Old];
        check_for(told, &[refusal("rate_limit", text)], exited(137), CallOutcome::Limited);
        let fields = &[New, Late];
        check_for(fields, &[refused_with(500, text)], exited(1), CallOutcome::Transient);
        check_for(fields, &[refused_with(401, text)], exited(1), CallOutcome::Permanent);
        check_for(fields, &[allowed(), failure(text)], exited(1), CallOutcome::Failed);
        check_for(
            fields,
            &[allowed(), refused_with(429, text)],
            exited(1),
            CallOutcome::Limited,
        );
        let word = refusal("server_error", text);
        check_for(
            &[New, Late, Old],
            &[word, failure(text)],
            exited(1),
            CallOutcome::Transient,
        );
    }
}

#[test]
fn the_last_word_on_a_limit_counts() {
    let broke = failure("It broke");
    let fields = &[New, Late];
    check_for(
        fields,
        &[allowed(), rejected(), broke.clone()],
        exited(1),
        CallOutcome::Limited,
    );
    check_for(
        fields,
        &[rejected(), allowed(), broke.clone()],
        exited(1),
        CallOutcome::Failed,
    );
    check_for(fields, &[rejected()], exited(137), CallOutcome::Limited);
    check_for(fields, &[rejected(), allowed()], exited(137), CallOutcome::Crashed);
    let odd = event(&json!({"status": "a_new_one"}));
    check_for(fields, &[rejected(), odd, broke], exited(1), CallOutcome::Limited);
    // A limit stops the account, whatever else stopped the call.
    let spent = json!({"type": "result", "subtype": "error_max_turns", "is_error": true});
    check_for(fields, &[rejected(), spent.clone()], exited(1), CallOutcome::Limited);
    check_for(
        fields,
        &[rejected(), allowed(), spent],
        exited(1),
        CallOutcome::MaxTurns,
    );
    // A limit that is over takes its reset along.
    let lines = [rejected(), allowed(), refused_with(429, "You've hit your Opus limit")];
    let report = report(&lines, &exited(1));
    assert_eq!((report.outcome, report.resets_at), (CallOutcome::Limited, None));
}

#[test]
fn a_refusal_for_a_rate_is_passing_unless_a_usage_limit_is_named() {
    let line = |name: &str| {
        let mut line = refused_with(429, "API Error: 429");
        line["api_error"] = name.into();
        line
    };
    check(&[line("rate_limit_error")], exited(1), CallOutcome::Transient);
    check_for(
        &[New, Late],
        &[line("usage_limit_reached")],
        exited(1),
        CallOutcome::Limited,
    );
    check_for(
        &[New],
        &[allowed(), line("usage_limit_reached")],
        exited(1),
        CallOutcome::Limited,
    );
    let mut overloaded = line("usage_limit_reached");
    overloaded["api_error_status"] = 529.into();
    check_for(&[New, Late], &[overloaded], exited(1), CallOutcome::Transient);
    let lines = [refusal("rate_limit", "Too many"), failure("Too many")];
    check_for(&[New, Late, Old], &lines, exited(1), CallOutcome::Transient);
    check_for(&[Oldest], &lines, exited(1), CallOutcome::Failed);
}

#[test]
fn overage_counts_when_it_is_in_use_and_not_allowed() {
    let fields = &[New, Late];
    for info in [
        json!({"status": "allowed", "isUsingOverage": true}),
        json!({"status": "allowed", "rateLimitType": "overage"}),
        json!({"status": "rejected", "overageStatus": "allowed"}),
        json!({"status": "rejected", "overageStatus": "allowed_warning"}),
    ] {
        for lines in [
            vec![event(&info), success()],
            vec![event(&info), allowed(), success()],
            vec![event(&info)],
        ] {
            check_for(fields, &lines, exited(0), CallOutcome::Overage);
        }
        let paid_for = Ending {
            allow_overage: true,
            ..exited(0)
        };
        check_for(fields, &[event(&info), success()], paid_for, CallOutcome::Success);
    }
    for info in [
        json!({"status": "allowed", "overageStatus": "allowed", "isUsingOverage": false}),
        json!({"status": "allowed_warning", "overageStatus": "allowed_warning"}),
        json!({"overageStatus": "allowed"}),
    ] {
        check(&[event(&info), success()], exited(0), CallOutcome::Success);
    }
    check_for(
        fields,
        &[event(&json!({"status": "rejected", "overageStatus": "rejected"}))],
        exited(1),
        CallOutcome::Limited,
    );
    check(&[success()], cut(Cut::Overage), CallOutcome::Overage);
}

#[test]
fn allowed_overage_is_no_limit() {
    let paid = |ending: Ending<'static>| Ending {
        allow_overage: true,
        ..ending
    };
    let ended = |subtype: &str| json!({"type": "result", "subtype": subtype, "is_error": true});
    let rows = [
        (Some(success()), exited(0), CallOutcome::Success),
        (Some(ended("error_max_turns")), exited(1), CallOutcome::MaxTurns),
        (Some(ended("error_max_budget_usd")), exited(1), CallOutcome::Budget),
        (Some(ended("error_during_execution")), exited(1), CallOutcome::Failed),
        (
            Some(refused_with(401, "Please run /login")),
            exited(1),
            CallOutcome::Permanent,
        ),
        (Some(refused_with(529, "Overloaded")), exited(1), CallOutcome::Transient),
        (Some(refused_with(429, LIMIT)), exited(1), CallOutcome::Limited),
        (None, exited(137), CallOutcome::Crashed),
        (None, cut(Cut::Hard), CallOutcome::Crashed),
        (None, cut(Cut::FirstEvent), CallOutcome::Transient),
    ];
    let events = recording("overage").into_iter();
    let recorded = events.filter(|line| line["type"] == "rate_limit_event").next_back();
    let recorded = recorded.expect("the recording tells of overage");
    assert_eq!(recorded["rate_limit_info"]["status"], "rejected");
    let untold = event(&json!({"status": "rejected", "isUsingOverage": true, "resetsAt": 1_900_000_000}));
    for using in [recorded, untold] {
        for (last, ending, outcome) in &rows {
            let lines: Vec<Value> = [using.clone()].into_iter().chain(last.clone()).collect();
            check_for(&[New, Late], &lines, paid(*ending), *outcome);
            let report = report(&lines, &paid(*ending));
            assert!(report.using_overage && report.resets_at.is_some() == (*outcome == CallOutcome::Limited));
        }
        // The overage is used up, too.
        let both = event(&json!({"status": "rejected", "overageStatus": "rejected", "resetsAt": 1_900_000_000}));
        let lines = [using, both, failure("It broke")];
        check_for(&[New, Late], &lines, paid(exited(1)), CallOutcome::Limited);
    }
    let kind = event(&json!({"status": "rejected", "rateLimitType": "overage", "resetsAt": 1_900_000_000}));
    check_for(&[New, Late], &[kind], paid(exited(1)), CallOutcome::Limited);
}

#[test]
fn what_cut_a_call_decides_unless_its_result_says_more() {
    let died = CallOutcome::Crashed;
    for (why, outcome) in [
        (Cut::FirstEvent, CallOutcome::Transient),
        (Cut::Idle, died),
        (Cut::Tool, died),
        (Cut::Hard, died),
        (Cut::Flood, died),
        (Cut::Cancelled, died),
        (Cut::AfterResult, died),
        (Cut::Budget, CallOutcome::Budget),
        (Cut::Model, CallOutcome::Permanent),
        (Cut::Credentials, CallOutcome::Permanent),
        (Cut::Overage, CallOutcome::Overage),
    ] {
        check(&[], cut(why), outcome);
        check_for(&[New, Late], &[aborted()], cut(why), outcome);
        let mut cheerful = aborted();
        cheerful["subtype"] = "success".into();
        cheerful["is_error"] = false.into();
        check_for(&[New, Late], &[cheerful], cut(why), outcome);
    }
    for why in [
        Cut::FirstEvent,
        Cut::Idle,
        Cut::Tool,
        Cut::Hard,
        Cut::Flood,
        Cut::AfterResult,
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
    check(&[failure("It broke")], cut(Cut::Idle), died);
    check(&[failure("It broke")], cut(Cut::AfterResult), CallOutcome::Failed);
    check(&[failure("API Error: 529 Overloaded")], cut(Cut::Cancelled), died);
    check(&[success()], cut(Cut::Model), CallOutcome::Permanent);
    check(&[success()], cut(Cut::Credentials), CallOutcome::Permanent);
    let fat = Ending {
        oom: true,
        ..cut(Cut::FirstEvent)
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
        for ending in [exited(1), exited(137), cut(Cut::Idle), cut(Cut::Hard)] {
            check_for(fields, std::slice::from_ref(&line), ending, outcome);
            check_for(&[New], &[line.clone(), aborted()], ending, outcome);
        }
        let fat = Ending {
            oom: true,
            ..exited(137)
        };
        check_for(fields, &[line], fat, CallOutcome::Crashed);
    }
    check(&[unreachable], cut(Cut::Cancelled), CallOutcome::Crashed);
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
            cut: Some(Cut::Idle),
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
    let mend = |lines: &[Value], ending: &Ending<'_>| report(lines, ending).mend.unwrap_or_default();
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
        (vec![], cut(Cut::Model), "`strict_model: false`"),
        (vec![], cut(Cut::Credentials), "`agent.credentials: api_key`"),
    ];
    for (lines, ending, expect) in rows {
        let mend = mend(&lines, &ending);
        assert!(mend.contains(expect), "{lines:?}: {mend}");
    }
    assert!(report(&recording("resume_unknown"), &exited(1)).session_lost);
    assert!(!report(&recording("auth_failed"), &exited(1)).session_lost);
}
