//! The integration tests, one binary.

mod git;
mod support;
