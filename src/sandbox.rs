//! Where agents run: the container engines, what a container is held to, and its one way out. What runs in a container,
//! and why, does not enter here.

pub mod credential;
pub mod engine;
pub mod gateway;
pub mod guarantee;
pub mod network;
pub(crate) mod spec;
