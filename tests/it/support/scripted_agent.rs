//! Where the scripted agent's program is.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::cargo::built;

/// The agent's program: what the test command built and named in `CORDWAINER_TEST_AGENT`, else built now, once.
#[expect(
    clippy::disallowed_methods,
    reason = "how the test command tells the tests where the agent is"
)]
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let named = std::env::var_os("CORDWAINER_TEST_AGENT").filter(|path| !path.is_empty());
        named.map_or_else(|| built("scripted-agent", "claude"), PathBuf::from)
    })
}
