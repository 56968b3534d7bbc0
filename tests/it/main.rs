//! All integration tests, in one binary.

mod engine;
mod engine_connect;
mod image;
mod support;
