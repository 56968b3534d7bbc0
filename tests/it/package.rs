//! The library as a package: what `cargo package` takes along is enough to build it.

use crate::support::cargo::{Done, cargo, checkout};

#[test]
fn the_package_builds_by_itself() {
    let folder = tempfile::TempDir::new().unwrap();
    let output = cargo(checkout(), folder.path())
        .args(["package", "--quiet", "--allow-dirty", "--package", "cordwainer"])
        .output()
        .unwrap();
    let done = Done::of(&output);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let package = format!("package/cordwainer-{}.crate", env!("CARGO_PKG_VERSION"));
    assert!(folder.path().join(package).is_file());
}
