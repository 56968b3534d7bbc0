//! A client, real or scripted, as a plain process.

use std::io::{ErrorKind, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Output, Stdio};

use cordwainer::agent::{CallReport, Ending, Transcript};

/// Starts a client as the library calls it, with more arguments, and gives it its prompt; whoever calls this waits
/// for it or kills it.
pub(crate) fn start(client: &mut Command, arguments: &[&str], prompt: &str) -> Child {
    let mut child = client
        .args(["--dangerously-skip-permissions", "-p", "--verbose", "--output-format"])
        .arg("stream-json")
        .args(arguments)
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

/// What a call that has ended amounts to.
pub(crate) fn read(output: &Output) -> CallReport {
    let mut transcript = Transcript::new();
    for line in output.stdout.split(|byte| *byte == b'\n') {
        transcript.push_line(line);
    }
    let code = output.status.code().or_else(|| Some(128 + output.status.signal()?));
    transcript.finish(&Ending {
        exit_code: code.map(i64::from),
        stderr_tail: &String::from_utf8_lossy(&output.stderr),
        ..Ending::default()
    })
}
