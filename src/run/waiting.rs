//! Waiting: pauses and what they are for, retries, and sessions that wait in their slots.

pub(crate) mod file;
mod list;
pub mod pause;
pub(crate) mod pausing;
pub(crate) mod retry;
pub(crate) mod standing;
pub(crate) mod suspend;
pub(crate) mod windows;
