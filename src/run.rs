//! One run: what is next, its phases, their calls and gates, landing, waiting, and recovery of what dead runs left. How
//! a generation begins and ends does not enter here.

pub(crate) mod active_work;
pub(crate) mod attempt_verdict;
mod caches;
pub(crate) mod call;
mod choice;
pub(crate) mod commit_message;
pub(crate) mod context;
pub(crate) mod control;
pub(crate) mod conversations;
mod disk;
pub(crate) mod driver;
pub mod extension;
pub(crate) mod gate;
pub(crate) mod guidance;
pub(crate) mod land;
mod landing_queue;
mod overrides;
pub(crate) mod phase;
pub(crate) mod plan;
pub(crate) mod preflight;
pub(crate) mod prompt_inputs;
mod purpose;
mod race;
pub(crate) mod recover;
pub(crate) mod requests;
pub(crate) mod reverted;
mod room;
pub(crate) mod schedule;
pub(crate) mod seats;
pub(crate) mod selection;
pub(crate) mod session;
pub(crate) mod slots;
mod stuck;
mod tops;
pub(crate) mod waiting;
