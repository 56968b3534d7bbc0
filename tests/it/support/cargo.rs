//! Cargo, run on repositories that are not this one, or on this one's own tasks.

use std::path::Path;
use std::process::{Command, Output};

// Tests and tasks call cargo alike, and neither can import the other.
#[path = "../../../xtask/src/cargo.rs"]
mod of_xtask;

pub(crate) use of_xtask::cargo as plain_cargo;

/// Where this checkout is.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What this workspace's profile says of the packages that it depends on, so that cargo finds them compiled.
const PROFILE: [&str; 2] = [
    "profile.dev.debug=false",
    "profile.dev.package.aho-corasick.opt-level=2",
];

/// Cargo in a folder, writing what it makes to the folder `target`. Dependencies that are compiled already for this
/// checkout are not compiled again, with cargo 1.91 or later; an older one does not know a build folder apart from the
/// target folder, and takes longer.
pub(crate) fn cargo(folder: &Path, target: &Path) -> Command {
    let mut command = plain_cargo();
    command
        .current_dir(folder)
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_BUILD_BUILD_DIR", built())
        .env("CARGO_TARGET_DIR", target);
    for setting in PROFILE {
        command.args(["--config", setting]);
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
