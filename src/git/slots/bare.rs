//! Bare repositories among an agent's files: no name gives them away, but git takes such a folder for a repository
//! as soon as somebody works in it, and runs what its configuration says.

use super::expected::Expected;
use crate::git::bytes;

/// Why a folder that is one is refused.
pub(super) const WHY: &str = "git takes this folder for a repository, and would obey its configuration";

/// Returns whether git would take a folder with entries of these names for a repository, and the base had none there.
/// What git looks for is in gitrepository-layout(5); a file system may not distinguish capital letters.
pub(super) fn is_new(path: &[u8], names: &[Vec<u8>], base: &Expected) -> bool {
    let here = |wanted: &[u8]| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    let before = |wanted: &[u8]| {
        let path = bytes::join(path, wanted);
        base.files.contains_key(&path) || base.folders.contains(&path)
    };
    is_repository(here) && !is_repository(before)
}

fn is_repository(has: impl Fn(&[u8]) -> bool) -> bool {
    has(b"HEAD") && (has(b"commondir") || has(b"objects") && has(b"refs"))
}
