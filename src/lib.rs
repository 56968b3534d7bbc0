//! Lets Claude Code write software unattended.

pub mod agent;
pub mod attempt;
pub mod cli;
pub mod config;
mod config_file;
mod crash;
pub mod engine;
pub mod error;
pub mod generation;
pub mod git;
pub mod graph;
pub mod issue;
pub mod prompt;
pub mod proposal;
pub mod scaffold;
pub mod store;
pub mod text;
pub mod world;
