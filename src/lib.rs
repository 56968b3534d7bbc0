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
//! use cordwainer::generator::{Environment, RunOptions, StartOptions, StopOptions};
//! use tokio::sync::mpsc::unbounded_channel;
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example() -> cordwainer::error::Result<()> {
//! let generator = Generator::open(Path::new("."), Environment::default())?;
//! let started = generator.start(&StartOptions::default()).await?;
//!
//! let (events, mut heard) = unbounded_channel::<Event>();
//! tokio::spawn(async move {
//!     while let Some(event) = heard.recv().await {
//!         println!("{}: {:?}", event.at, event.kind);
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
//! [`generator::Environment`] holds what it needs to know of the machine, [`event::Event`] reports what happens, and
//! [`error::Error`] what went wrong. The command line is in `cli`, behind the feature of that name, which is on by
//! default: a repository's `xtask` calls `cli::main`, or flattens `cli::Command` beside tasks of its own.
//!
//! A program can add gates that are written in Rust, and observers of events: [`extension`].
//!
//! Where to go on reading: [`store`] keeps the [issues](issue), [`git`] the worktrees, [`engine`] the containers,
//! [`agent`] reads what the client writes, [`proposal`] checks what it proposes.

mod base;
#[cfg(any(test, feature = "crash-points"))]
#[doc(hidden)]
pub use base::testing;
pub use base::{clock, error, graph, interruption, lines, redact, text};

mod model;
pub use model::{finding, generation};

pub mod git;

pub mod agent;

mod accounting;
pub use accounting::{budget, estimate, ledger, metering};

mod issues;
pub use issues::{
    attempt, document, fixed, group, issue, planned, proposal, request, review, round, scope, stage, store,
};

mod sandbox;
pub use sandbox::{credential, engine, gateway, guarantee, network};

pub mod config;

pub mod record;
pub use record::{event, findings, history};

pub mod prompt;

mod project;
pub use project::{coverage, detect, read_tree};

mod run;
pub use run::extension;
#[doc(hidden)]
pub use run::gate::measured;
pub use run::waiting::pause;

mod setup;
pub use setup::{doctor, image, init as scaffold};

pub mod lifecycle;
pub use lifecycle as generator;
pub use lifecycle::Generator;

#[cfg(feature = "cli")]
mod report;

#[cfg(feature = "cli")]
pub mod cli;
