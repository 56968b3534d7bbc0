//! The integration tests, one binary.
#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails the test")]

mod git;
mod issues;
mod support;
