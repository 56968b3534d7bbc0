//! The integration tests, one binary.

mod git;
mod issues;
mod support;
