//! Cargo, run on repositories that are not this one, or on this one's own tasks.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

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
        .env("CARGO_BUILD_BUILD_DIR", build_folder())
        .env("CARGO_TARGET_DIR", target);
    for setting in PROFILE {
        command.args(["--config", setting]);
    }
    command
}

/// Returns the line by which a package in another workspace depends on the crates that it shares with this one with the features that
/// they have here: those that are compiled already are found then.
pub(crate) fn features_of_the_tests() -> String {
    format!(
        "test-features = {{ path = \"{}/tests/features\" }}\n",
        checkout().display()
    )
}

/// Where this program was built.
fn build_folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// Builds a program of this workspace, and takes its path from what cargo reports.
pub(crate) fn built(package: &str, program: &str) -> PathBuf {
    let output = plain_cargo()
        .args(["build", "--quiet", "--package", package, "--bin", program])
        .args(["--message-format", "json"])
        .current_dir(checkout())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cannot build `{program}`: {said}");
    let executable = |line: &[u8]| {
        let message: Value = serde_json::from_slice(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    };
    output.stdout.split(|byte| *byte == b'\n').find_map(executable).unwrap()
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
