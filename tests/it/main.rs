//! The tests of the library and the command line on real parts, as one program.

mod issues;
mod transcripts;
//! The integration tests, one binary.

mod git;
//! All integration tests, in one binary.

mod engine;
//! The integration tests, one binary.
#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails the test")]

mod git;
mod issues;
mod engine_connect;
mod support;
