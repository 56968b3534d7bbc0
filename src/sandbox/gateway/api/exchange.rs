//! One request to the API from its beginning to its end: counted once, however it ends.

use std::sync::Arc;

use serde_json::Value;

use super::super::event::GatewayEvent;
use super::super::record::Record;
use super::super::refusal::Refusal;
use super::super::state::GatewayState;
use crate::accounting::budget::Hold;
use crate::accounting::metering::{AnswerReading, Answered, Form, Meter, WindowUse};
use crate::model::Usage;

/// The status of an answer that nobody waited for.
const NOBODY_WAITED: u16 = 0;

/// A request in progress. It is settled when this is dropped: at the end of the answer, or before it when the
/// container's connection or the gateway ends.
pub(super) struct Exchange {
    shared: Arc<GatewayState>,
    path: String,
    hold: Option<Hold>,
    /// Its number in the record, once it was sent with a reservation.
    number: Option<String>,
    stage: Stage,
}

/// The progress of the request.
enum Stage {
    /// Not sent yet, or sent without reaching the API.
    Idle,
    /// Sent, and not answered: the API may process it, whatever happens to the connection.
    Sent,
    Answered(Reply),
}

/// The answer so far.
struct Reply {
    status: u16,
    limit: Option<Value>,
    meter: Option<Meter>,
    /// Whether the API itself reports that it did not take the request.
    is_refusal: bool,
}

impl Exchange {
    pub(super) fn new(shared: Arc<GatewayState>, path: &str) -> Self {
        Self {
            shared,
            path: path.to_owned(),
            hold: None,
            number: None,
            stage: Stage::Idle,
        }
    }

    /// Keeps the reservation of the request until it is settled.
    pub(super) fn hold(&mut self, hold: Hold) {
        self.hold = Some(hold);
    }

    /// Notes that the request is about to be sent: from here on it may cost something. If that cannot be recorded, it
    /// is not sent.
    pub(super) fn sent(&mut self) -> Result<(), Refusal> {
        if let Some(hold) = &self.hold {
            let noted = self.shared.record.asked(hold.worst());
            self.number = Some(noted.map_err(|error| {
                self.shared.events.report(GatewayEvent::RecordFailed(error.to_string()));
                Refusal::upstream("its possible cost cannot be recorded")
            })?);
        }
        self.stage = Stage::Sent;
        Ok(())
    }

    /// Notes that no byte of the request reached the API.
    pub(super) fn unsent(&mut self) {
        self.stage = Stage::Idle;
    }

    /// Notes the head of the answer, and whether its body is metered.
    pub(super) fn answered(&mut self, status: u16, limit: Option<Value>, form: Option<Form>) {
        if let Some(info) = &limit {
            self.shared.events.report(GatewayEvent::LimitSeen(info.clone()));
        }
        self.stage = Stage::Answered(Reply {
            status,
            limit,
            meter: form.map(Meter::new),
            is_refusal: false,
        });
    }

    /// Reports how much of the account's windows is used, where the head tells.
    pub(super) fn windows_seen(&self, windows: Vec<WindowUse>) {
        if !windows.is_empty() {
            self.shared.events.report(GatewayEvent::WindowsSeen(windows));
        }
    }

    /// Processes a part of the answer's body.
    pub(super) fn passes(&mut self, bytes: &[u8]) {
        if let Stage::Answered(Reply { meter: Some(meter), .. }) = &mut self.stage {
            meter.push(bytes);
        }
    }

    /// Notes that the answer is the API's own refusal, which costs nothing.
    pub(super) fn refused(&mut self) {
        if let Stage::Answered(reply) = &mut self.stage {
            reply.is_refusal = true;
        }
    }

    /// Notes that the API refuses the account, for any request.
    pub(super) fn account_refused(&self) {
        self.shared.events.report(GatewayEvent::AccountRefused);
    }

    /// Returns the usage of the answer that is known so far, and whether all of it was reported.
    fn settle(&mut self, reading: Option<&AnswerReading>) -> Usage {
        let (Some(api), Some(hold)) = (&self.shared.api, self.hold.take()) else {
            return Usage::default();
        };
        let usage = if let Some(reading) = reading {
            api.call_budget().settle(hold, reading)
        } else {
            api.call_budget().release(hold);
            Usage::default()
        };
        api.settled.notify_waiters();
        usage
    }

    /// Writes a line into the record; reports a failure to the owner.
    fn note(&self, write: impl FnOnce(&Record, Option<String>) -> std::io::Result<()>) {
        if let Err(error) = write(&self.shared.record, self.number.clone()) {
            self.shared.events.report(GatewayEvent::RecordFailed(error.to_string()));
        }
    }

    fn record(&self, reply: (u16, Option<Value>), reading: Option<AnswerReading>, usage: Usage) {
        let answered = Answered {
            at: self.shared.clock.now(),
            path: self.path.clone(),
            status: reply.0,
            estimated: reading.as_ref().is_some_and(|reading| !reading.complete),
            model: reading.and_then(|reading| reading.model),
            usage,
            limit: reply.1,
        };
        self.note(|record, number| record.add(number, answered.clone()));
        self.shared.events.report(GatewayEvent::Answered(answered));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let (reply, reading) = match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => {
                self.settle(None);
                self.note(|record, number| number.map_or(Ok(()), |number| record.unanswered(number)));
                return;
            }
            Stage::Sent if self.hold.is_none() => return,
            Stage::Sent => ((NOBODY_WAITED, None), Some(AnswerReading::default())),
            Stage::Answered(reply) => {
                let is_free = reply.is_refusal || self.hold.is_none();
                let read = || reply.meter.map(Meter::finish).unwrap_or_default();
                ((reply.status, reply.limit), (!is_free).then(read))
            }
        };
        let usage = self.settle(reading.as_ref());
        self.record(reply, reading, usage);
    }
}
