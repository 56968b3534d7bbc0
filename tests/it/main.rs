//! The tests that see the crate from outside, as one program.

mod config;
mod init;
