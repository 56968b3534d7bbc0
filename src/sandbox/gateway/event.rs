//! What a gateway reports to its owner, in bounded memory, whatever a container does.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::Notify;

use crate::accounting::metering::{Answered, WindowUse};
use crate::base::text::one_line;
use crate::sandbox::credential::CredentialProblem;

/// How many events may be pending. Further ones are dropped: what they count is in the sums.
const PENDING: usize = 256;
/// How many different refusals are reported. Further ones are only counted.
const REFUSALS: usize = 32;
/// The longest text of a refusal, in characters.
const TEXT_LIMIT: usize = 200;

/// An event for the owner of a gateway.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum GatewayEvent {
    /// The container has its guarantees.
    Sealed,
    /// The container lacks a guarantee; with the reason, which the container gets to read, too.
    SealRefused(String),
    /// The API has answered a request, to the end or up to where it broke off.
    Answered(Answered),
    /// The API reports a change of the account's limits, in the form of the client's `rate_limit_info`.
    LimitSeen(Value),
    /// The API reports how much of the account's windows is used, where that has changed.
    WindowsSeen(Vec<WindowUse>),
    /// The API refused the account, or its credential, for any request. Reported once.
    AccountRefused,
    /// A request was refused because the call's budget is spent; the sentence has the figures. Reported once.
    BudgetSpent {
        /// `this call's budget is spent (0.99 of 1.00 USD; the next answer may take 0.0300 USD)`.
        reason: String,
    },
    /// A request was refused because there is no usable credential. Reported once for each state of it.
    LoginExpired(CredentialProblem),
    /// Anything else was refused, or failed. Each text is reported once.
    Refused {
        /// What and why, in one harmless line.
        what: String,
    },
    /// An answer could not be recorded, with the reason. Reported once.
    RecordFailed(String),
}

/// What was reported and not yet received.
#[derive(Default)]
pub(super) struct GatewayEvents {
    queue: Mutex<Queue>,
    arrived: Notify,
}

#[derive(Default)]
struct Queue {
    pending: VecDeque<GatewayEvent>,
    told: HashSet<String>,
    limit: Option<Value>,
    windows: Vec<WindowUse>,
    login: Option<CredentialProblem>,
    spent: bool,
    record_failed: bool,
    account_refused: bool,
    refused: u64,
}

impl GatewayEvents {
    /// Reports an event to the owner, unless it is known already.
    pub(super) fn report(&self, event: GatewayEvent) {
        let mut queue = self.lock();
        if let Some(event) = queue.news(event) {
            queue.push(event);
            drop(queue);
            self.arrived.notify_one();
        }
    }

    /// Notes that the credential can be used: if it fails again, that is reported.
    pub(super) fn login_works(&self) {
        self.lock().login = None;
    }

    /// Waits for the next event.
    pub(super) async fn next(&self) -> GatewayEvent {
        loop {
            if let Some(event) = self.lock().pending.pop_front() {
                return event;
            }
            self.arrived.notified().await;
        }
    }

    /// Takes all pending events, and the number of refusals so far.
    pub(super) fn take(&self) -> (Vec<GatewayEvent>, u64) {
        let mut queue = self.lock();
        (std::mem::take(&mut queue.pending).into(), queue.refused)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Returns an event, if it contains anything new.
    fn news(&mut self, event: GatewayEvent) -> Option<GatewayEvent> {
        let is_new = match &event {
            GatewayEvent::Sealed | GatewayEvent::Answered(_) => true,
            GatewayEvent::SealRefused(_) => {
                self.refused = self.refused.saturating_add(1);
                true
            }
            GatewayEvent::LimitSeen(info) => self.limit.replace(info.clone()).as_ref() != Some(info),
            GatewayEvent::WindowsSeen(windows) => std::mem::replace(&mut self.windows, windows.clone()) != *windows,
            GatewayEvent::BudgetSpent { .. } => {
                self.refused = self.refused.saturating_add(1);
                !std::mem::replace(&mut self.spent, true)
            }
            GatewayEvent::LoginExpired(problem) => {
                self.refused = self.refused.saturating_add(1);
                self.login.replace(problem.clone()).as_ref() != Some(problem)
            }
            GatewayEvent::AccountRefused => !std::mem::replace(&mut self.account_refused, true),
            GatewayEvent::RecordFailed(_) => !std::mem::replace(&mut self.record_failed, true),
            GatewayEvent::Refused { what } => {
                self.refused = self.refused.saturating_add(1);
                let what = one_line(what, TEXT_LIMIT);
                let is_new = self.told.len() < REFUSALS && self.told.insert(what.clone());
                return is_new.then_some(GatewayEvent::Refused { what });
            }
        };
        is_new.then_some(event)
    }

    /// Appends an event. Where there is no room an answer is dropped, and only the latest limits and windows are kept; other
    /// events are few.
    fn push(&mut self, event: GatewayEvent) {
        let is_full = self.pending.len() >= PENDING;
        match &event {
            GatewayEvent::Answered(_) if is_full => return,
            GatewayEvent::LimitSeen(_) if is_full => self
                .pending
                .retain(|other| !matches!(other, GatewayEvent::LimitSeen(_))),
            GatewayEvent::WindowsSeen(_) if is_full => self
                .pending
                .retain(|other| !matches!(other, GatewayEvent::WindowsSeen(_))),
            _ => {}
        }
        self.pending.push_back(event);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::Usage;

    fn refused(number: usize) -> GatewayEvent {
        let what = format!("number {number}\n\u{1b}[2J");
        GatewayEvent::Refused { what }
    }

    fn answered() -> GatewayEvent {
        GatewayEvent::Answered(Answered {
            at: Timestamp::UNIX_EPOCH,
            path: "/v1/messages".into(),
            status: 200,
            model: None,
            usage: Usage::default(),
            estimated: false,
            limit: None,
        })
    }

    #[test]
    fn what_is_known_is_not_told_again() {
        let events = GatewayEvents::default();
        let spent = || GatewayEvent::BudgetSpent { reason: "spent".into() };
        let limit = |utilization: f64| GatewayEvent::LimitSeen(serde_json::json!({"utilization": utilization}));
        let login = || GatewayEvent::LoginExpired(CredentialProblem::NotGiven { variable: "V" });
        for event in [
            spent(),
            spent(),
            limit(0.1),
            limit(0.1),
            limit(0.2),
            login(),
            login(),
            refused(1),
            refused(1),
        ] {
            events.report(event);
        }
        events.login_works();
        events.report(login());
        let (pending, refused) = events.take();
        assert_eq!(pending[..4], [spent(), limit(0.1), limit(0.2), login()]);
        let GatewayEvent::Refused { what } = &pending[4] else {
            panic!("{pending:?}");
        };
        assert!(
            what.starts_with("number 1") && !what.contains(char::is_control),
            "{what}"
        );
        assert_eq!((&pending[5..], refused), (&[login()][..], 7));
    }

    #[test]
    fn a_flood_takes_bounded_memory() {
        let events = GatewayEvents::default();
        for number in 0..10_000 {
            events.report(refused(number));
            events.report(answered());
            events.report(GatewayEvent::LimitSeen(number.into()));
        }
        events.report(GatewayEvent::BudgetSpent { reason: "spent".into() });
        let (pending, refused) = events.take();
        assert!(pending.len() <= PENDING + 2, "{}", pending.len());
        assert_eq!(refused, 10_001);
        let last = pending
            .iter()
            .rev()
            .find(|event| matches!(event, GatewayEvent::LimitSeen(_)));
        assert_eq!(last, Some(&GatewayEvent::LimitSeen(9999.into())));
        assert!(matches!(pending.last(), Some(GatewayEvent::BudgetSpent { .. })));
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_loses_nothing() {
        let events = GatewayEvents::default();
        let mut given_up = Box::pin(events.next());
        assert!(futures_util::poll!(given_up.as_mut()).is_pending());
        for _ in 0..3 {
            events.report(GatewayEvent::Sealed);
        }
        drop(given_up);
        for _ in 0..3 {
            assert_eq!(events.next().await, GatewayEvent::Sealed);
        }
        let mut waiting = Box::pin(events.next());
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        events.report(GatewayEvent::Sealed);
        assert_eq!(waiting.await, GatewayEvent::Sealed);
    }
}
