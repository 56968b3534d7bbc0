//! The tests of the library and the command line on real parts, as one program.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

mod engine;
mod git;
mod issues;
mod scripted_agent;
mod support;
mod transcripts;
