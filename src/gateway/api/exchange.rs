//! One request to the API from its beginning to its end: counted once, whatever way it ends.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::super::notice::Notice;
use super::super::record::Record;
use super::super::refusal::Refusal;
use super::super::shared::Shared;
use crate::agent::Usage;
use crate::budget::Hold;
use crate::metering::{Answered, Form, Meter, Reading};

/// The status of an answer that nobody waited for.
const NOBODY_WAITED: u16 = 0;
/// How many tokens a model writes in a second at most, about.
const TOKENS_A_SECOND: u64 = 200;

/// A request under way. It is settled when this is dropped: at the end of the answer, or when the container's
/// connection, or the gateway, goes before.
pub(super) struct Exchange {
    shared: Arc<Shared>,
    path: String,
    hold: Option<Hold>,
    /// By which the record knows it, once it was sent with something set aside.
    number: Option<String>,
    /// In which form the answer was asked for.
    expected: Form,
    /// When it was sent.
    sent_at: Instant,
    stage: Stage,
}

/// How far it has come.
enum Stage {
    /// Not sent yet, or in vain.
    Idle,
    /// Sent, and not answered.
    Sent,
    Answered(Reply),
}

/// The answer so far.
struct Reply {
    status: u16,
    limit: Option<Value>,
    meter: Option<(Form, Meter)>,
    /// Whether the API has ended it, or broken it off.
    is_over: bool,
}

impl Exchange {
    pub(super) fn new(shared: Arc<Shared>, path: &str) -> Self {
        Self {
            shared,
            path: path.to_owned(),
            hold: None,
            number: None,
            expected: Form::Document,
            sent_at: Instant::now(),
            stage: Stage::Idle,
        }
    }

    /// Keeps what was set aside for the request until it is settled.
    pub(super) fn hold(&mut self, hold: Hold, expected: Form) {
        self.hold = Some(hold);
        self.expected = expected;
    }

    /// Notes that the request is about to be sent: from here on it may cost. What cannot be written down is not sent.
    pub(super) fn sent(&mut self) -> Result<(), Refusal> {
        if let Some(hold) = &self.hold {
            let noted = self.shared.record.asked(hold.worst());
            self.number = Some(noted.map_err(|error| {
                self.shared.notices.tell(Notice::RecordFailed(error.to_string()));
                Refusal::upstream("what it may cost cannot be written down")
            })?);
        }
        self.sent_at = Instant::now();
        self.stage = Stage::Sent;
        Ok(())
    }

    /// Notes that the API did not answer.
    pub(super) fn unanswered(&mut self) {
        self.stage = Stage::Idle;
    }

    /// Notes the head of the answer, and whether its body is metered.
    pub(super) fn answered(&mut self, status: u16, limit: Option<Value>, form: Option<Form>) {
        if let Some(info) = &limit {
            self.shared.notices.tell(Notice::LimitSeen(info.clone()));
        }
        self.stage = Stage::Answered(Reply {
            status,
            limit,
            meter: form.map(|form| (form, Meter::new(form))),
            is_over: false,
        });
    }

    /// Takes in a part of the answer's body.
    pub(super) fn passes(&mut self, bytes: &[u8]) {
        if let Stage::Answered(Reply {
            meter: Some((_, meter)),
            ..
        }) = &mut self.stage
        {
            meter.push(bytes);
        }
    }

    /// Notes that no more of the answer comes.
    pub(super) fn over(&mut self) {
        if let Stage::Answered(reply) = &mut self.stage {
            reply.is_over = true;
        }
    }

    /// What the answer used by what is known of it, and whether all of it was told.
    fn settle(&mut self, reading: Option<&Reading>) -> Usage {
        let (Some(api), Some(hold)) = (&self.shared.api, self.hold.take()) else {
            return Usage::default();
        };
        let usage = if let Some(reading) = reading {
            api.purse().settle(hold, reading)
        } else {
            api.purse().release(hold);
            Usage::default()
        };
        api.settled.notify_waiters();
        usage
    }

    /// What was used, where nobody waited for the end: of an answer in one piece all that it was allowed to have, of a
    /// stream what can have been written by now. What was seen of it may be less: thinking need not be shown.
    fn unheard(&self, form: Form, mut reading: Reading) -> Reading {
        let most = self.hold.as_ref().map_or(0, |hold| hold.max_tokens);
        if !reading.complete {
            let written = match form {
                Form::Document => most,
                Form::Events => written_in(self.sent_at.elapsed()).min(most),
            };
            reading.counts.usage.output = reading.counts.usage.output.max(written);
        }
        reading
    }

    /// Writes something into the record; the owner is told when that fails.
    fn note(&self, write: impl FnOnce(&Record, Option<String>) -> std::io::Result<()>) {
        if let Err(error) = write(&self.shared.record, self.number.clone()) {
            self.shared.notices.tell(Notice::RecordFailed(error.to_string()));
        }
    }

    fn record(&self, reply: (u16, Option<Value>), reading: Option<Reading>, usage: Usage) {
        let answered = Answered {
            at: self.shared.world.now(),
            path: self.path.clone(),
            status: reply.0,
            estimated: reading.as_ref().is_some_and(|reading| !reading.complete),
            model: reading.and_then(|reading| reading.model),
            usage,
            limit: reply.1,
        };
        self.note(|record, number| record.add(number, answered.clone()));
        self.shared.notices.tell(Notice::Answered(answered));
    }
}

/// How many tokens of an answer a model can have written in so much time.
fn written_in(time: Duration) -> u64 {
    // Less than a second is spent before the first of them.
    time.as_secs().saturating_mul(TOKENS_A_SECOND)
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
            Stage::Sent => {
                let reading = self.unheard(self.expected, Reading::default());
                ((NOBODY_WAITED, None), Some(reading))
            }
            Stage::Answered(reply) => {
                let read = reply.meter.map(|(form, meter)| (form, meter.finish()));
                let heard = |(form, reading)| {
                    if reply.is_over {
                        reading
                    } else {
                        self.unheard(form, reading)
                    }
                };
                ((reply.status, reply.limit), read.map(heard))
            }
        };
        let usage = self.settle(reading.as_ref());
        self.record(reply, reading, usage);
    }
}
