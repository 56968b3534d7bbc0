//! The tasks of this repository: its own, and the whole of cordwainer's command line.

mod agent_image;
mod base_image;
mod provision;
mod test;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

/// The tasks of the cordwainer repository.
#[derive(Debug, Parser)]
#[command(name = "xtask")]
enum Tasks {
    /// Run all tests, on podman and on Docker Engine
    Test(test::TestArgs),
    #[command(flatten)]
    Cordwainer(cordwainer::cli::Command),
}

fn main() -> ExitCode {
    match Tasks::parse() {
        Tasks::Cordwainer(command) => command.execute(),
        Tasks::Test(args) => finish(test::run(&args, root())),
    }
}

/// This repository.
fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

#[expect(clippy::print_stderr, reason = "a task says what went wrong")]
fn finish(task: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let done = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(task));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
