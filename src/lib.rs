//! Lets Claude Code write software unattended.

pub mod agent;
pub mod attempt;
mod call;
pub mod cli;
pub mod config;
mod config_file;
mod crash;
mod driver;
pub mod engine;
pub mod error;
pub mod event;
mod fs;
mod gate;
pub mod generation;
pub mod generator;
pub mod git;
pub mod graph;
pub mod history;
pub mod image;
pub mod issue;
mod materials;
mod measure;
mod plan;
pub mod prompt;
pub mod proposal;
pub mod record;
mod recover;
mod report;
pub mod scaffold;
mod signal;
mod stitch;
pub mod store;
mod task_commit;
pub mod text;
pub mod world;

pub use generator::Generator;
