//! The library as a package: what `cargo package` takes along is enough to build it.
//!
//! By default its dependencies have the features that they have for the tests, so that they need not be compiled once more; with
//! `--long` those that it asks for itself.

use std::fs::{self, File};
use std::process::Command;

use cordwainer::testing::size;

use crate::support::cargo::{Done, cargo, checkout, features_of_the_tests};

/// `cargo package` would verify by building the program, too, into the folder from which these very tests call theirs:
/// so the package is unpacked and its library built for a program that uses it.
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
    // Without the command line, as a program of the library alone has it; with it, every other test has it.
    let user = folder.path().join("user");
    fs::create_dir_all(user.join("src")).unwrap();
    fs::write(user.join("src/lib.rs"), "pub use cordwainer::Generator;\n").unwrap();
    let manifest = format!(
        "[package]\nname = \"user\"\nedition = \"2024\"\n\n[dependencies]\n\
         cordwainer = {{ path = \"../{name}\", default-features = false }}\n{}",
        size(features_of_the_tests(), String::new())
    );
    fs::write(user.join("Cargo.toml"), manifest).unwrap();
    fs::copy(checkout().join("Cargo.lock"), user.join("Cargo.lock")).unwrap();
    succeeds(cargo(&user, &folder.path().join("target")).args(["build", "--quiet"]));
}

fn succeeds(command: &mut Command) {
    let done = Done::of(&command.output().unwrap());
    assert_eq!(done.code, Some(0), "{command:?}: {}", done.stderr);
}
