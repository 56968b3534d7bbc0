//! The report on a call, once it is over.

use jiff::Timestamp;

use super::{CallOutcome, Usage};

/// Why we ended a call that had not ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopCause {
    /// Not one event within the first minutes: the client never started.
    FirstEvent,
    /// No output for longer than the idle limit.
    Idle,
    /// No output for longer than a tool may be silent.
    Tool,
    /// Past the hard limit.
    Hard,
    /// The result had arrived and the client did not exit.
    AfterResult,
    /// Paid overage was being used and is forbidden.
    Overage,
    /// The call had used up its allowance.
    Budget,
    /// The client used another model than the requested one, and the configuration is strict about it.
    Model,
    /// An API key would have paid for it, and the configuration requires a subscription.
    Credentials,
    /// The login has expired.
    LoginExpired,
    /// The container is weaker than requested, so the agent never began.
    Seal,
    /// It wrote more than is read.
    Flood,
    /// It wrote more to the disk than it may.
    Disk,
    /// A person or the end of the run stopped it.
    Cancelled,
}

impl StopCause {
    /// Returns the reason as part of a sentence.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::FirstEvent => "stopped: no event came within `first_event_timeout`",
            Self::Tool => "stopped: no output for longer than `tool_timeout`",
            Self::Model => "stopped: the client used another model than the requested one",
            Self::Idle => "stopped: no output for longer than `idle_timeout`",
            Self::Hard => "stopped: it ran past `timeout`",
            Self::AfterResult => "stopped: it did not end within `result_grace` after its result",
            Self::Overage => "stopped: paid overage was being used",
            Self::Budget => "stopped: the budget is spent",
            Self::Credentials => {
                "stopped: `agent.credentials` expects a subscription to pay, and the client reports an API key"
            }
            Self::LoginExpired => "the login has expired",
            Self::Seal => "stopped: the container is weaker than requested",
            Self::Disk => "stopped: it wrote more than `container.disk` to the disk",
            Self::Flood => "stopped: it wrote more output than is kept",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How the process behind a stream ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ending<'a> {
    /// The exit code; `None` is never taken for 0.
    pub exit_code: Option<i64>,
    /// Whether the kernel killed it because memory ran out.
    pub oom: bool,
    /// The end of what it wrote to stderr.
    pub stderr_tail: &'a str,
    /// Why we ended it; its exit code then proves nothing about the client.
    pub cut: Option<StopCause>,
    /// The user allows paid overage: its use does not decide the verdict.
    pub allow_overage: bool,
    /// The stream is a recording: it is not known how its process ended, and the stream alone decides.
    pub recorded: bool,
    /// When it ended. A reset that the client writes, such as `resets 3pm`, is read relative to this if its line has no
    /// time of its own; without either, such a reset is not known.
    pub now: Option<Timestamp>,
}

impl Ending<'_> {
    /// Returns the ending of a recording: unknown, and not a reason to doubt the stream.
    pub fn of_recording() -> Self {
        Self {
            recorded: true,
            ..Self::default()
        }
    }

    /// Returns whether nothing about the process contradicts a success that the stream claims.
    pub(crate) fn allows_success(&self) -> bool {
        let ended_by_us = self.cut.is_some();
        !self.oom && (self.recorded || ended_by_us || self.exit_code == Some(0))
    }
}

/// How large an answer is that is too large to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// Its size, in bytes.
    pub bytes: u64,
    /// The largest size that is read, in bytes.
    pub limit: u64,
}

/// The report on a call: the verdict, and everything worth keeping of its stream.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a different fact about the call")]
pub struct CallReport {
    /// The verdict.
    pub outcome: CallOutcome,
    /// Why, in one harmless line; empty on success.
    pub reason: String,
    /// What a person can do about a permanent failure.
    pub fix: Option<String>,
    /// The session, for `--resume`.
    pub session_id: Option<String>,
    /// The model that really answered, else the one that the client selected.
    pub model: Option<String>,
    /// Turns taken.
    pub turns: u32,
    /// Tokens and money of this call alone, sub-agents included; `calls` is 1.
    pub usage: Usage,
    /// Whether part of the usage is estimated, because the client died before it reported its usage, or reported less
    /// than its stream or the session's earlier calls show: input is right then, output and money are not exact.
    pub estimated: bool,
    /// Wall time in milliseconds, as the client measures it; 0 when it did not report it.
    pub duration_ms: u64,
    /// Time that the API took to answer, as the client measures it, in milliseconds.
    pub api_ms: u64,
    /// Time that the client waited before it repeated requests, in milliseconds.
    pub wait_ms: u64,
    /// Whether the session that was to be resumed no longer exists.
    pub session_lost: bool,
    /// Whether the request itself was refused for its content, and not because of the account, the model or the
    /// machine.
    pub request_refused: bool,
    /// When a limit is lifted, if the call is limited or on overage and that is known.
    pub resets_at: Option<Timestamp>,
    /// The agent's last text, as it wrote it: escape it before showing it.
    pub result: Option<String>,
    /// The answer to `--json-schema`; can be absent even on success.
    pub structured_output: Option<serde_json::Value>,
    /// Set where the answer, structured or as a text, is too large to be read.
    pub answer_too_large: Option<TooLarge>,
    /// The client's own version.
    pub client_version: Option<String>,
    /// Where the client found its credential: shows who pays.
    pub api_key_source: Option<String>,
    /// Whether paid overage was being used, allowed or not.
    pub using_overage: bool,
    /// Lines that were not a JSON object, or of a type that this library does not know.
    pub skipped_lines: u64,
    /// Why we ended the call, if we did.
    pub cut: Option<StopCause>,
}

impl CallReport {
    /// Builds the report of a call that succeeded in a session, of which nothing else is known.
    pub(crate) fn of_success(session: &str) -> Self {
        Self {
            outcome: CallOutcome::Success,
            reason: String::new(),
            fix: None,
            session_id: Some(session.to_owned()),
            model: None,
            turns: 0,
            usage: Usage::default(),
            estimated: false,
            duration_ms: 0,
            api_ms: 0,
            wait_ms: 0,
            session_lost: false,
            request_refused: false,
            resets_at: None,
            result: None,
            structured_output: None,
            answer_too_large: None,
            client_version: None,
            api_key_source: None,
            using_overage: false,
            skipped_lines: 0,
            cut: None,
        }
    }
}
