//! Whole screens for snapshots: what a terminal shows of a command, with what differs from run to run replaced.

use insta::Settings;

use super::command::Called;
use super::project::Ran;

/// Returns a command line, both of its outputs as a terminal shows them one after the other, and its exit code.
fn screen(command: &str, stdout: &str, stderr: &str, code: i32) -> String {
    format!("$ cordwainer {command}\n{stdout}{stderr}[exit {code}]")
}

impl Called {
    /// The screen of a call with these arguments.
    pub(crate) fn screen(self, command: &str) -> String {
        screen(command, &self.stdout, &self.stderr, self.code)
    }
}

impl Ran {
    /// The screen of a call with these arguments.
    pub(crate) fn screen(self, command: &str) -> String {
        screen(
            command,
            &self.stdout,
            &self.stderr,
            self.code.expect("no signal ended it"),
        )
    }
}

/// Returns the settings of such snapshots: ids, times, versions, and folders that a test does not know are replaced.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::clone_current();
    for (pattern, replacement) in [
        // Before commits: it may have ten digits.
        (r"\b\d+ bytes", "[number] bytes"),
        (r"\d{8}-\d{9}-\d+", "[run]"),
        (r"`/[^`]*\.sock`", "`[socket]`"),
        (r"`/[^`]*`", "`[folder]`"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[session]"),
        (r"\b[0-9a-f]{40}\b", "[commit]"),
        (r"\b[0-9a-f]{10}\b", "[commit]"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?", "[time]"),
        (r"\b\d+(\.\d)? s\b", "[seconds]"),
        (r"podman \d[\d.]*", "podman [version]"),
        (
            r"Claude Code \d[\d.]* to \d[\d.]*",
            "Claude Code [version] to [version]",
        ),
        (r"\b\d+(\.\d+)? GiB", "[size]"),
        // What machines and engines differ in.
        (r"(✓ user +)\d+:\d+", "${1}[user]"),
        (r"(✓ runtimes +the engine offers ).*", "${1}[runtimes]"),
        (r"(✓ runtime +)\d.*", "${1}[kernel]"),
        (r"(✓ open_files +(at most )?)\d+", "${1}[number]"),
        (r"(✓ init +)\S+", "${1}[program]"),
        (r"\((rootful|rootless)\)", "([mode])"),
        (r"\(rootful, ", "("),
        (r"\(rootless, ", "("),
    ] {
        settings.add_filter(pattern, replacement);
    }
    settings
}
