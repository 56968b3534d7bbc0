//! Programs of this machine.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// `PATH`, with the folders of system programs, which ordinary users often lack.
#[expect(clippy::disallowed_methods, reason = "a task of this repository, not the library")]
fn in_path() -> OsString {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let all = std::env::split_paths(&own).chain(system);
    // Only a folder with a colon in its name cannot be joined, and none came out of the split.
    std::env::join_paths(all).unwrap_or(own)
}

/// Finds an installed program.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&in_path())
        .map(|folder| folder.join(name))
        .find(|program| {
            std::fs::metadata(program).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
}
