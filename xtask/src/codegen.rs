//! `codegen`: the files that are generated from the code, so that they can be read without running it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

/// Which files, and whether to write them.
#[derive(Args)]
pub(crate) struct CodegenArgs {
    /// Write nothing; fail when a file is not fresh
    #[arg(long)]
    check: bool,
}

/// Writes each generated file that is not fresh.
pub(crate) fn run(args: &CodegenArgs) -> Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut stale = false;
    for (name, fresh) in [
        ("configuration.schema.json", cordwainer::config::schema()),
        ("configuration.example.yaml", cordwainer::config::example()),
    ] {
        let path = root.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|present| present == fresh) {
            continue;
        }
        stale = true;
        if args.check {
            eprintln!("{name} is not fresh: run `cargo xtask codegen`");
        } else {
            std::fs::write(&path, fresh).with_context(|| format!("cannot write `{}`", path.display()))?;
            println!("Wrote {name}.");
        }
    }
    Ok(if stale && args.check {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
