//! The person's editor: `VISUAL` or `EDITOR`, as git understands them.

use std::ffi::OsStr;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::Command;

use tokio::signal::unix::{SignalKind, signal};

use crate::base::error::{Context as _, Error, ErrorKind, Result};

/// The editor where none is named.
const USUAL: &str = "vi";

/// Opens a file in the person's editor, and waits until it is closed. The editor may be a command with arguments.
///
/// # Errors
///
/// Of kind [`ErrorKind::Precondition`] where the editor cannot be started, or fails.
pub(super) fn edit(editor: Option<&OsStr>, file: &Path) -> Result<()> {
    if editor.is_none() && !std::io::stdin().is_terminal() {
        let message = "there is no terminal for an editor, and none is named";
        return Err(Error::new(ErrorKind::Precondition, message).hint("name one in the variable `EDITOR`"));
    }
    let editor = editor.unwrap_or(OsStr::new(USUAL));
    let name = editor.to_string_lossy();
    let mut line = editor.to_owned();
    line.push(" \"$@\"");
    // Ctrl-C is the editor's, which may take it for a key; it ends this process no longer.
    drop(signal(SignalKind::interrupt()).context("cannot listen for signals")?);
    let fix = "name another one in the variable `EDITOR`";
    let status = Command::new("sh").arg("-c").arg(&line).arg(editor).arg(file).status();
    let status = status.with_context(ErrorKind::Precondition, || format!("cannot start the editor `{name}`"))?;
    if status.success() {
        return Ok(());
    }
    let how = status
        .code()
        .map_or_else(|| "by a signal".to_owned(), |code| format!("with exit code {code}"));
    Err(Error::new(ErrorKind::Precondition, format!("the editor `{name}` ended {how}")).hint(fix))
}
