//! SIGINT: the client then writes what it used, and ends. SIGTERM ends it without a word, as it ends any program.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::stream::Stream;

/// Ends the call when SIGINT comes; its session is kept at `path`.
pub(crate) fn end_on_sigint(stream: &Stream, path: Option<PathBuf>) -> io::Result<()> {
    let (mut told, forwarder) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(SIGINT, forwarder)?;
    let stream = stream.clone();
    std::thread::Builder::new().spawn(move || {
        if told.read_exact(&mut [0]).is_ok() {
            stream.abort(path.as_deref(), 0);
        }
    })?;
    Ok(())
}

/// Lets the signals change nothing.
pub(crate) fn ignore_signals() -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, std::sync::Arc::default())?;
    }
    Ok(())
}
