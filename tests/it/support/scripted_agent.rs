//! The scripted agent as a plain process.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

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
    let output = Command::new(env!("CARGO"))
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

/// Calls the agent as the library does, with more arguments, and the prompt on stdin.
pub(crate) fn call(folder: &Path, arguments: &[&str], prompt: &str) -> Output {
    start(folder, arguments, prompt).wait_with_output().unwrap()
}

/// Starts the agent and gives it its prompt; whoever calls this waits for it or kills it.
pub(crate) fn start(folder: &Path, arguments: &[&str], prompt: &str) -> Child {
    let mut child = Command::new(program())
        .args(["--dangerously-skip-permissions", "-p", "--verbose", "--output-format"])
        .arg("stream-json")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    match child.stdin.take().unwrap().write_all(prompt.as_bytes()) {
        // It refused its arguments and was gone before it read a word.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written.unwrap(),
    }
    child
}
