//! What happened: events, the records of a run, and reading them back. Nothing in here decides what happens next.

pub mod attempts;
pub mod course;
pub mod event;
pub mod event_lines;
pub mod findings;
pub mod history;
pub mod network;
pub(crate) mod observer;
pub mod overview;
pub(crate) mod recorder;
pub mod so_far;

pub use recorder::EventSender;
