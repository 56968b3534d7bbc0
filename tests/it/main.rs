//! The tests of the library and the command line on real parts, as one program.

mod engine;
mod git;
mod issues;
mod scripted_agent;
mod support;
mod transcripts;
