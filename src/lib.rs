//! Lets Claude Code write software unattended.

pub mod agent;
pub mod attempt;
pub mod cli;
pub mod config;
mod crash;
pub mod engine;
pub mod error;
pub mod generation;
pub mod git;
pub mod image;
pub mod issue;
pub mod store;
pub mod text;
pub mod world;
