//! Limits of usage, and overage: what is one, what only sounds like one, and what was allowed.

use serde_json::{Value, json};

use super::lines::Client::{Late, New, Old, Oldest};
use super::lines::{allowed, event, failure, recording, refusal, refused_with, rejected, success};
use super::{LIMIT, check, check_for, cut, exited, report};
use crate::agent::{AgentEvent, CallOutcome, Ending, StopCause, Transcript};

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
    check(&[success()], cut(StopCause::Overage), CallOutcome::Overage);
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
        (None, cut(StopCause::Hard), CallOutcome::Crashed),
        (None, cut(StopCause::FirstEvent), CallOutcome::Transient),
    ];
    let mut lines = recording("overage").into_iter();
    let recorded = lines.rfind(|line| line["type"] == "rate_limit_event");
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
