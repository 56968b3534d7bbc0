//! `tidy`: the rules of the house and its figures, which are tests of `tests/it/tidy`.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cargo::cargo;

/// The tests that read the sources alone; those of the documents build a program first.
const RULES: [&str; 6] = [
    "tidy::figures",
    "tidy::folders",
    "tidy::lines",
    "tidy::modules",
    "tidy::security",
    "tidy::words",
];

/// Checks the rules, and prints the figures with where each stands.
///
/// # Errors
///
/// Where cargo cannot be run.
pub(crate) fn run() -> Result<ExitCode> {
    let status = cargo()
        .args(["test", "--quiet", "--package", "cordwainer", "--test", "it", "--"])
        .args(RULES)
        .arg("--nocapture")
        .status()
        .context("cannot run cargo")?;
    Ok(ExitCode::from(u8::from(!status.success())))
}
