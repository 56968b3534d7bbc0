//! Where agents run: the container engines, the guarantees of a container, its one way out, and the services beside it. What runs in a
//! container, and why, is decided elsewhere.

pub mod credential;
pub mod engine;
pub mod gateway;
pub mod guarantee;
pub mod network;
pub(crate) mod services;
pub(crate) mod spec;
