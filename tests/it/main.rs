//! The integration tests, one binary.

mod transcripts;
