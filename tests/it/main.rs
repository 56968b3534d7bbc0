//! The tests of the library and the command line on real parts, as one program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod engine;
mod engine_connect;
mod git;
mod issues;
mod lifecycle;
mod support;
mod transcripts;
