//! Where the checker's program is.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::cargo::built;

/// The checker of `tests/checker`: what `CORDWAINER_TEST_CHECKER` names, else what cargo builds now, once.
#[expect(clippy::disallowed_methods, reason = "whoever runs tests without cargo names it")]
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let named = std::env::var_os("CORDWAINER_TEST_CHECKER").filter(|path| !path.is_empty());
        named.map_or_else(|| built("checker", "cordwainer-checker"), PathBuf::from)
    })
}
