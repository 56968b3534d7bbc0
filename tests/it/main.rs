//! The tests of the library and the command line on real parts, as one program.

mod engine;
mod engine_connect;
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod git;
mod issues;
mod support;
mod transcripts;
