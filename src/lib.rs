//! Lets Claude Code write software unattended: generations on branches, tasks in git worktrees, agents in containers.
//!
//! A [`Generator`] is one repository with its [configuration](config::Config). It starts a generation, which is a
//! branch; runs it, which calls Claude in containers, first to propose tasks and then to do them; and stops it, which
//! merges the branch back.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use cordwainer::Generator;
//! use cordwainer::event::Event;
//! use cordwainer::generator::{RunOptions, StartOptions, StopOptions, Surroundings};
//! use tokio::sync::mpsc::unbounded_channel;
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example() -> cordwainer::error::Result<()> {
//! let generator = Generator::open(Path::new("."), Surroundings::default())?;
//! let started = generator.start(&StartOptions::default()).await?;
//!
//! let (events, mut heard) = unbounded_channel::<Event>();
//! tokio::spawn(async move {
//!     while let Some(event) = heard.recv().await {
//!         println!("{}: {:?}", event.at, event.event);
//!     }
//! });
//! let done = generator.run(RunOptions::default(), events, CancellationToken::new()).await?;
//! println!("{}: {} tasks merged, {}", started.generation, done.merged, done.reason);
//!
//! let ended = generator
//!     .stop(StopOptions::default(), |generation, removal| println!("{generation}: {removal:?}"))
//!     .await?;
//! println!("{:?}", ended.merged);
//! # Ok(())
//! # }
//! ```
//!
//! A run needs tokio's multi-threaded runtime. The library never prints, never reads the environment and never exits:
//! [`generator::Surroundings`] says what it needs to know of the machine, [`event::Event`] tells what happens, and
//! [`error::Error`] what went wrong. The command line is in [`cli`]: a repository's `xtask` calls [`cli::main`], or
//! flattens [`cli::Command`] beside tasks of its own.
//!
//! Where to go on reading: [`store`] keeps the [issues](issue), [`git`] the worktrees, [`engine`] the containers,
//! [`agent`] reads what the client says, [`proposal`] checks what it proposes.

pub mod agent;
pub mod attempt;
pub mod budget;
mod call;
pub mod cli;
pub mod config;
mod config_file;
mod crash;
pub mod credential;
pub mod doctor;
mod driver;
pub mod engine;
pub mod error;
pub mod event;
mod fs;
mod gate;
pub mod gateway;
pub mod generation;
pub mod generator;
pub mod git;
pub mod graph;
pub mod guarantee;
pub mod history;
pub mod image;
pub mod interruption;
pub mod issue;
mod judgement;
pub mod ledger;
pub mod lines;
mod materials;
mod measure;
pub mod metering;
pub mod network;
mod obeyed;
pub mod pause;
mod pause_file;
mod pausing;
mod plan;
mod preflight;
pub mod prompt;
pub mod proposal;
mod protected;
pub mod record;
mod recover;
pub mod redact;
mod report;
mod retry;
pub mod scaffold;
mod stitch;
pub mod store;
mod suspend;
mod task_commit;
#[cfg(any(test, feature = "crash-points"))]
#[doc(hidden)]
pub mod testing;
pub mod text;
mod work;
pub mod world;

pub use generator::Generator;
