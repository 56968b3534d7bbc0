//! The person's terminal while a shell in a container has it: every key goes through, and it is as before at every end.

use std::io::IsTerminal as _;
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::base::error::{Context as _, Error, ErrorKind, Result};

/// Its settings as they were, while they are others.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// What a program may have switched on in a terminal: another screen, a hidden cursor, colours, reports of the mouse and of
/// what is pasted.
const AS_USUAL: &[u8] = b"\x1b[?1047l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[0m\r";

/// A terminal that passes every key on; as it was when this is dropped.
pub(super) struct RawTerminal(());

impl RawTerminal {
    /// Refuses to go on where the person is at no terminal.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`].
    pub(super) fn expect() -> Result<()> {
        if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            return Ok(());
        }
        Err(
            Error::new(ErrorKind::Precondition, "a shell needs a terminal, and there is none")
                .hint("`docker exec` and `podman exec` run commands without one, in containers of your own"),
        )
    }

    /// Takes the terminal at which the person is.
    ///
    /// # Errors
    ///
    /// Those of [`Self::expect`]; where its settings cannot be changed.
    pub(super) fn take() -> Result<Self> {
        Self::expect()?;
        let failed = "cannot change the settings of the terminal";
        let settings = tcgetattr(std::io::stdin())
            .map_err(std::io::Error::from)
            .context(failed)?;
        let mut raw = settings.clone();
        raw.make_raw();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
        let taken = Self(());
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw)
            .map_err(std::io::Error::from)
            .context(failed)?;
        Ok(taken)
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes the terminal as it was, if it is another; whoever ends the program at once calls this.
pub(super) fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        // One that is gone has nothing to be restored.
        let _ = rustix::io::write(std::io::stdout(), AS_USUAL);
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &before);
    }
}

/// Returns an end of the terminal to read from, or to write to.
///
/// # Errors
///
/// Where the process can have no more open files.
pub(super) fn file(end: impl AsFd) -> Result<tokio::fs::File> {
    let end = end.as_fd().try_clone_to_owned().context("cannot open the terminal")?;
    Ok(tokio::fs::File::from_std(end.into()))
}

/// Follows the size of the terminal, in rows and columns.
///
/// # Errors
///
/// Where its signal cannot be listened for.
pub(super) fn size() -> Result<watch::Receiver<(u16, u16)>> {
    let mut changed = signal(SignalKind::window_change()).context("cannot listen for signals")?;
    let now = || {
        let size = tcgetwinsize(std::io::stdout()).ok();
        size.map_or((24, 80), |size| (size.ws_row.max(1), size.ws_col.max(1)))
    };
    let (sender, receiver) = watch::channel(now());
    tokio::spawn(async move { while changed.recv().await.is_some() && sender.send(now()).is_ok() {} });
    Ok(receiver)
}
