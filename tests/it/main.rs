//! The tests of the library and the command line on real parts, as one program.

mod engine;
mod engine_connect;
mod git;
mod image;
mod issues;
mod run;
mod support;
mod transcripts;
