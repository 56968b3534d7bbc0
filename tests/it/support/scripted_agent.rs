//! Where the scripted agent's program is.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::cargo::plain_cargo;

/// The agent's program: what the test command built and named in `CORDWAINER_TEST_AGENT`, else built now, once.
#[expect(
    clippy::disallowed_methods,
    reason = "how the test command tells the tests where the agent is"
)]
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let named = std::env::var_os("CORDWAINER_TEST_AGENT").filter(|path| !path.is_empty());
        named.map_or_else(build, PathBuf::from)
    })
}

/// Builds the agent and takes its path from what cargo reports.
fn build() -> PathBuf {
    let output = plain_cargo()
        .args(["build", "--quiet", "--package", "scripted-agent", "--bin", "claude"])
        .args(["--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cannot build the scripted agent: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let executable = |line: &[u8]| {
        let message: Value = serde_json::from_slice(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    };
    output.stdout.split(|byte| *byte == b'\n').find_map(executable).unwrap()
}
