//! What a session is asked.

use crate::accounting::budget::Reservation;
use crate::issues::issue::Issues;
use crate::record::event::CallName;
use crate::record::recorder::CallFolder;
use crate::run::call::{FlowPlace, OnEnd};

/// What one call of a session is asked with.
pub(crate) struct Ask<'a> {
    pub(crate) name: &'a CallName,
    pub(crate) folder: &'a CallFolder,
    pub(crate) prompt: &'a str,
    pub(crate) json_schema: Option<serde_json::Value>,
    /// What was set aside for it.
    pub(crate) reservation: &'a Reservation,
    /// The issues as they stood when that was done.
    pub(crate) issues: &'a Issues,
    /// What takes over its report; `None` where another run cannot.
    pub(crate) flow: Option<&'a FlowPlace>,
    /// Who is told how its agent has ended, before its container is removed.
    pub(crate) on_end: Option<OnEnd<'a>>,
}
