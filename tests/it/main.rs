//! The tests of the library and the command line on real parts, as one program.

mod engine;
mod engine_connect;
mod examples;
mod git;
mod issues;
mod support;
mod tidy;
mod transcripts;
