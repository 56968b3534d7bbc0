//! `cargo xtask man`: the man pages of cordwainer, as `cordwainer man` writes them for whoever has installed it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

/// The options of `man`.
#[derive(Args)]
pub(crate) struct ManArgs {
    /// The folder, which is made where it is missing
    #[arg(default_value = "target/man")]
    folder: PathBuf,
}

pub(crate) fn run(args: &ManArgs) -> Result<ExitCode> {
    let count = cordwainer::cli::write_man_pages(&args.folder)?;
    println!("{count} pages are in {}.", args.folder.display());
    Ok(ExitCode::SUCCESS)
}
