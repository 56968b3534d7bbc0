//! Cargo, as a person would call it from a shell.

use std::process::Command;

/// What cargo tells the program that it runs of this program's own package. The build script of `ring` asks to be run
/// again where they change: handed on, they have cargo compile it and all that uses it a second time.
const OF_THIS_PACKAGE: [&str; 8] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// Returns the cargo that built this program.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    for variable in OF_THIS_PACKAGE {
        command.env_remove(variable);
    }
    command
}
