//! The tasks of this repository, with cordwainer's beside them.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use cordwainer::extension::Extensions;

mod attempts;
mod kept;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The tasks of shelf")]
enum Task {
    /// List the requirements that the documents make
    Requirements,
    #[command(flatten)]
    Cordwainer(cordwainer::cli::Command),
}

fn main() -> ExitCode {
    match cordwainer::cli::parse() {
        Task::Requirements => requirements(),
        Task::Cordwainer(command) => command.execute_with(extensions()),
    }
}

/// What this repository adds to cordwainer's runs.
fn extensions() -> Extensions {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/attempts.log");
    Extensions {
        gates: vec![Arc::new(kept::RequirementsKept)],
        observers: vec![Arc::new(attempts::Attempts { file })],
    }
}

fn requirements() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/requirements");
    match listed(&folder) {
        Ok(lines) => {
            println!("{}", lines.join("\n"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: cannot read {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

/// The lines that begin with a bold number, such as `- **A1** …`, in the order of the files' names.
fn listed(folder: &Path) -> std::io::Result<Vec<String>> {
    let files: Result<Vec<_>, _> = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut files = files?;
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let text = fs::read_to_string(file)?;
        let found = text.lines().filter_map(|line| line.strip_prefix("- **"));
        lines.extend(found.map(|line| line.replacen("**", "", 1)));
    }
    Ok(lines)
}
