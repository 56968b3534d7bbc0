//! `codegen`: the files that are generated from the code, so that they can be read without running it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

/// Which files, and whether to write them.
#[derive(Args)]
pub struct CodegenArgs {
    /// Write nothing; fail when a file is not fresh
    #[arg(long)]
    check: bool,
}

/// Writes each generated file that is not fresh.
pub fn run(args: &CodegenArgs) -> Result<ExitCode> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configuration.schema.json");
    let fresh = cordwainer::config::schema();
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    if present == fresh {
        return Ok(ExitCode::SUCCESS);
    }
    if args.check {
        eprintln!("configuration.schema.json is not fresh: run `cargo xtask codegen`");
        return Ok(ExitCode::FAILURE);
    }
    std::fs::write(&path, fresh).with_context(|| format!("cannot write `{}`", path.display()))?;
    println!("Wrote configuration.schema.json.");
    Ok(ExitCode::SUCCESS)
}
