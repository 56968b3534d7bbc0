//! SIGTERM: the client then writes what it used, and ends.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use signal_hook::consts::SIGTERM;

use crate::stream::Stream;

/// The exit code of a program that SIGTERM ended.
const TERMINATED: i32 = 143;

/// Ends the call when SIGTERM comes; its session is kept at `path`.
pub(crate) fn end_on_sigterm(stream: &Stream, path: Option<PathBuf>) -> io::Result<()> {
    let (mut told, teller) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(SIGTERM, teller)?;
    let stream = stream.clone();
    std::thread::Builder::new().spawn(move || {
        if told.read_exact(&mut [0]).is_ok() {
            stream.abort(path.as_deref(), TERMINATED);
        }
    })?;
    Ok(())
}

/// Lets SIGTERM change nothing.
pub(crate) fn ignore_sigterm() -> io::Result<()> {
    signal_hook::flag::register(SIGTERM, std::sync::Arc::default()).map(drop)
}
