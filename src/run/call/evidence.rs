//! What the model's API itself reported of the account and its limits. The stream of a call is its container's to
//! write: if it alone counted, an agent could pause the whole account.

use jiff::Timestamp;
use serde_json::Value;

use crate::accounting::budget::Allowance;
use crate::agent::{CallOutcome, CallReport, StopCause};
use crate::model::Usage;
use crate::sandbox::gateway::GatewayEvent;

/// Where the API answers with a model's words.
const MESSAGES: &str = "/v1/messages";
/// The status of an answer that refuses a request for a limit's sake.
const TOO_MANY: u16 = 429;

/// What the API reported in the course of a call.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is something else that was said")]
pub(super) struct Evidence {
    /// It answered something.
    asked: bool,
    /// It refused a request, or reported that paid overage was being used.
    limited: bool,
    /// It answered a request as asked: account and model work.
    works: bool,
    /// It refused the account.
    account_refused: bool,
    /// It was overloaded, or out of reach, or something else was refused.
    troubled: bool,
    /// When the limit is lifted.
    resets_at: Option<Timestamp>,
    /// The gateway refused a request since the call's budget is spent.
    spent: bool,
}

impl Evidence {
    /// Takes in that the gateway was away for a while, as when its run died.
    pub(super) fn note_away(&mut self) {
        self.troubled = true;
    }

    /// Takes in what the gateway noticed.
    pub(super) fn note(&mut self, event: &GatewayEvent) {
        match event {
            GatewayEvent::Answered(answered) => {
                self.asked = true;
                self.limited |= answered.status == TOO_MANY;
                let is_message = answered.path == MESSAGES;
                self.works |= is_message && (200..300).contains(&answered.status);
                self.troubled |= matches!(answered.status, 408 | 409 | 425 | TOO_MANY | 500..);
            }
            GatewayEvent::AccountRefused => self.account_refused = true,
            // Such as that the API is out of reach.
            GatewayEvent::Refused { .. } => self.troubled = true,
            GatewayEvent::BudgetSpent { .. } => self.spent = true,
            GatewayEvent::LimitSeen(info) if limits(info) => {
                self.limited = true;
                self.resets_at = reset(info).or(self.resets_at);
            }
            _ => {}
        }
    }

    /// Makes of a report what can be believed of it: no limit that the API did not speak of, and none for longer. An
    /// agent that was never answered has not begun to act.
    pub(super) fn corrects(&self, report: &mut CallReport) {
        let claims = matches!(report.outcome, CallOutcome::Limited | CallOutcome::Overage);
        if !claims || !self.asked || report.cut == Some(StopCause::LoginExpired) {
            return;
        }
        report.resets_at = self.resets_at;
        if !self.limited {
            report.outcome = CallOutcome::Failed;
            report.reason = format!("it reports a limit that the API did not report: {}", report.reason);
        }
    }

    /// Makes of a refusal for good what can be believed of it: where the API has answered as asked, and refused no
    /// account, the client alone claims that nothing works any more, and an agent may have written that.
    pub(super) fn corrects_refusal(&self, report: &mut CallReport) {
        let claims = report.outcome == CallOutcome::Permanent && !report.request_refused && !report.session_lost;
        let troubles = report.outcome == CallOutcome::Transient;
        if self.works && (claims && !self.account_refused || troubles && !self.troubled) {
            report.outcome = CallOutcome::Failed;
            report.fix = None;
            report.reason = format!("it reports a refusal that the API did not report: {}", report.reason);
        }
    }

    /// Makes of a spent budget what can be believed of it: where the gateway refused nothing, and what the API answered
    /// comes to less than a quarter of what was `allowed`, the client alone claims it. The client is given half of that
    /// at least.
    pub(super) fn corrects_budget(&self, report: &mut CallReport, metered: &Usage, allowed: &Allowance) {
        let is_near = allowed.usd.is_some_and(|usd| metered.cost_usd >= usd / 4.0);
        if report.outcome == CallOutcome::Budget && !self.spent && !is_near {
            report.outcome = CallOutcome::Failed;
            report.reason = format!(
                "it reports a spent budget that the API did not report: {}",
                report.reason
            );
        }
    }
}

/// Returns whether the account gets no further, or pays for that.
fn limits(info: &Value) -> bool {
    info["status"] == "rejected" || info["isUsingOverage"] == true || info["rateLimitType"] == "overage"
}

fn reset(info: &Value) -> Option<Timestamp> {
    let seconds = info["resetsAt"].as_i64().or_else(|| info["overageResetsAt"].as_i64())?;
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::accounting::metering::Answered;
    use crate::agent::{Ending, Transcript};

    fn answered() -> Answered {
        Answered {
            at: Timestamp::UNIX_EPOCH,
            path: "/v1/messages".to_owned(),
            status: 200,
            model: None,
            usage: Usage::default(),
            estimated: false,
            limit: None,
        }
    }

    /// Checks what becomes of a call whose stream reports a weekly limit, given what the API reported.
    fn check(said: &[Value], expect: CallOutcome, resets_at: Option<i64>) {
        let mut transcript = Transcript::new();
        for line in [
            json!({"type": "rate_limit_event", "rate_limit_info":
                {"status": "rejected", "resetsAt": 1_797_000_000, "rateLimitType": "seven_day"}}),
            json!({"type": "result", "subtype": "success", "is_error": true, "result": "You've hit your weekly limit"}),
        ] {
            transcript.push_line(line.to_string().as_bytes());
        }
        let mut report = transcript.finish(&Ending::default());
        assert_eq!(report.outcome, CallOutcome::Limited);
        let mut evidence = Evidence::default();
        let believed = |report: &CallReport| (report.outcome, report.resets_at.is_some());
        evidence.corrects(&mut report);
        assert_eq!(believed(&report), (CallOutcome::Limited, true), "nobody was asked");
        evidence.note(&GatewayEvent::Answered(answered()));
        for info in said {
            evidence.note(&GatewayEvent::LimitSeen(info.clone()));
        }
        evidence.corrects(&mut report);
        let resets_at = resets_at.map(|seconds| Timestamp::from_second(seconds).unwrap());
        assert_eq!((report.outcome, report.resets_at), (expect, resets_at), "{said:?}");
    }

    #[test]
    fn a_limit_is_believed_as_far_as_the_api_spoke_of_it() {
        let allowed = json!({"status": "allowed_warning", "resetsAt": 1_795_000_000, "isUsingOverage": false});
        let rejected = json!({"status": "rejected", "resetsAt": 1_795_257_035, "isUsingOverage": false});
        check(&[], CallOutcome::Failed, None);
        check(std::slice::from_ref(&allowed), CallOutcome::Failed, None);
        check(&[json!({"status": "rejected"})], CallOutcome::Limited, None);
        check(&[rejected, allowed], CallOutcome::Limited, Some(1_795_257_035));
    }

    #[test]
    fn a_refusal_is_believed_unless_the_api_worked_and_refused_no_account() {
        for (statuses, status, expect) in [
            (&[][..], 401, CallOutcome::Permanent),
            (&[401], 401, CallOutcome::Permanent),
            (&[200, 401], 401, CallOutcome::Permanent),
            (&[404], 404, CallOutcome::Permanent),
            (&[200], 401, CallOutcome::Failed),
            // A container can ask for a model that there is not.
            (&[200, 404], 404, CallOutcome::Failed),
            (&[200, 400], 402, CallOutcome::Failed),
            // Of the request alone: the task's own.
            (&[200, 400], 400, CallOutcome::Permanent),
            (&[], 529, CallOutcome::Transient),
            (&[200, 529], 529, CallOutcome::Transient),
            (&[200], 529, CallOutcome::Failed),
        ] {
            let mut transcript = Transcript::new();
            let line = json!({"type": "result", "subtype": "success", "is_error": true, "api_error_status": status,
                "result": "API Error"});
            transcript.push_line(line.to_string().as_bytes());
            let mut report = transcript.finish(&Ending::default());
            let mut evidence = Evidence::default();
            for status in statuses {
                let answered = Answered {
                    status: *status,
                    ..answered()
                };
                evidence.note(&GatewayEvent::Answered(answered));
                if matches!(status, 401 | 402) {
                    evidence.note(&GatewayEvent::AccountRefused);
                }
            }
            evidence.corrects_refusal(&mut report);
            assert_eq!(report.outcome, expect, "{statuses:?}, then {status}");
        }
    }

    #[test]
    fn a_spent_budget_is_believed_as_far_as_the_api_knows_of_it() {
        for (paid, usd, refused, expect) in [
            (0.0, Some(1.0), false, CallOutcome::Failed),
            (0.24, Some(1.0), false, CallOutcome::Failed),
            (0.25, Some(1.0), false, CallOutcome::Budget),
            (0.0, Some(1.0), true, CallOutcome::Budget),
            (9.0, None, false, CallOutcome::Failed),
        ] {
            let mut transcript = Transcript::new();
            let line =
                json!({"type": "result", "subtype": "error_max_budget_usd", "is_error": true, "total_cost_usd": 999});
            transcript.push_line(line.to_string().as_bytes());
            let mut report = transcript.finish(&Ending::default());
            assert_eq!(report.outcome, CallOutcome::Budget);
            let mut evidence = Evidence::default();
            if refused {
                evidence.note(&GatewayEvent::BudgetSpent { reason: "spent".into() });
            }
            let metered = Usage {
                cost_usd: paid,
                ..Usage::default()
            };
            evidence.corrects_budget(&mut report, &metered, &Allowance { usd, tokens: None });
            assert_eq!(report.outcome, expect, "{paid} of {usd:?}, refused: {refused}");
        }
    }
}
