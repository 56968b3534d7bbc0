//! The library as a package: what `cargo package` takes along is enough to build it.

use std::fs::File;
use std::process::Command;

use crate::support::cargo::{Done, cargo, checkout};

/// `cargo package` would verify by building the program, too, into the folder from which these very tests call theirs:
/// so the package is unpacked and its library built by itself.
#[test]
fn the_package_builds_by_itself() {
    let folder = tempfile::TempDir::new().unwrap();
    let package = [
        "package",
        "--quiet",
        "--allow-dirty",
        "--no-verify",
        "--package",
        "cordwainer",
    ];
    succeeds(cargo(checkout(), folder.path()).args(package));
    let name = format!("cordwainer-{}", env!("CARGO_PKG_VERSION"));
    let archive = folder.path().join(format!("package/{name}.crate"));
    assert!(File::open(&archive).unwrap().metadata().unwrap().len() > 0);
    succeeds(
        Command::new("tar")
            .arg("-xzf")
            .arg(&archive)
            .arg("-C")
            .arg(folder.path()),
    );
    let unpacked = folder.path().join(&name);
    let target = folder.path().join("target");
    // The library alone, as a program has it that does without the command line; with it, every other test has it.
    succeeds(cargo(&unpacked, &target).args(["build", "--quiet", "--lib", "--no-default-features"]));
}

fn succeeds(command: &mut Command) {
    let done = Done::of(&command.output().unwrap());
    assert_eq!(done.code, Some(0), "{command:?}: {}", done.stderr);
}
