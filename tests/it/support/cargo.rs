//! Cargo, run on repositories that are not this one, or on this one's own tasks.

use std::path::Path;
use std::process::{Command, Output};

/// Where this checkout is.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo in a folder, writing what it makes to the folder `target`. What is compiled already for this checkout is not
/// compiled again, with cargo 1.91 or later; an older one does not know a build folder apart from the target folder,
/// and takes longer.
pub(crate) fn cargo(folder: &Path, target: &Path) -> Command {
    let mut command = plain_cargo();
    command
        .current_dir(folder)
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_BUILD_BUILD_DIR", built())
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    command
}

/// Cargo without what the runner's own tells a test of this package: the build script of `ring` asks to be run again where
/// it changes, and all that uses it would be compiled once more, here and in the next build.
pub(crate) fn plain_cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    let package = ["NAME", "VERSION_MAJOR", "VERSION_MINOR", "VERSION_PATCH", "VERSION_PRE"];
    for name in package {
        command.env_remove(format!("CARGO_PKG_{name}"));
    }
    for name in ["DIR", "LINKS", "PATH"] {
        command.env_remove(format!("CARGO_MANIFEST_{name}"));
    }
    command
}

/// Where this program was built.
fn built() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// What a command wrote and how it ended.
pub(crate) struct Done {
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it wrote.
    pub(crate) stdout: String,
    /// What it said.
    pub(crate) stderr: String,
}

impl Done {
    /// Reads what a command left.
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
