//! The one error type of the library: what failed, of which kind, and what to do about it.

use std::fmt;

use crate::base::text::one_line;

/// What the caller can do about an error; each kind has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something unexpected: a full disk, a broken repository, a defect of this library.
    Unexpected,
    /// A usage error: an unknown command or task, a malformed argument.
    Usage,
    /// The configuration, or a file it names, is wrong.
    Configuration,
    /// There is nothing to do.
    NothingToDo,
    /// No container engine, or no usable image.
    Engine,
    /// Nothing runs in the image: a person must fix it, and another try changes nothing.
    Image,
    /// Another orchestrator works on this repository.
    Locked,
    /// Tasks failed or are held for a person.
    Tasks,
    /// A usage limit or a budget stopped the work.
    Limit,
    /// The repository is not in the state that the command needs.
    Precondition,
    /// A person interrupted the work.
    Interrupted,
}

pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What failed and where, as a lowercase fragment; the cause below it; and a hint.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Cause>,
}

/// The result of every fallible function of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns the error with its causes, in one harmless line of at most 500 characters.
    pub(crate) fn in_a_line(&self) -> String {
        one_line(&with_causes(self), 500)
    }

    /// Builds an error of a kind; `message` is a lowercase fragment without a period.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            source: None,
        }))
    }

    /// Adds what the reader can do about it. Never spells out a destructive command: agents read hints, too.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn because(mut self, source: impl IntoCause) -> Self {
        self.0.source = Some(source.into_cause());
        self
    }

    /// Returns the kind, from which the exit code follows.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns what to do about it, if anything: about a full disk, wherever that was met; else this error's own hint,
    /// else that of the nearest cause.
    pub fn hint_text(&self) -> Option<&str> {
        if self.met_full_disk() {
            return Some(DISK_IS_FULL);
        }
        if let Some(hint) = &self.0.hint {
            return Some(hint);
        }
        self.0.source.as_deref()?.downcast_ref::<Self>()?.hint_text()
    }

    /// Returns whether one of its causes is a disk, or the share of one, that is full.
    fn met_full_disk(&self) -> bool {
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            // libgit2 only has the words of it. What a command printed may have them, too, in several lines.
            let text = inner.to_string();
            if FULL.iter().any(|words| text.contains(words)) && !text.contains('\n') {
                return true;
            }
            cause = inner.source();
        }
        false
    }
}

/// Returns an error of any type with its causes, each after a colon.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// The words of the system for a disk, or a user's share of one, that is full.
const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];
/// What to do about it.
const DISK_IS_FULL: &str = "the disk is full: free some space on it (`cordwainer gc` removes what past runs no longer need, \
                            `cordwainer image clean` unused images), then repeat the command";

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// An error that can stand below one of ours, in words that a person reads. A library whose own texts are not such words
/// has them put into plain ones where this is implemented for its error: there is one place for each library, and the
/// compiler finds who goes around it.
pub trait IntoCause {
    /// Returns the error as a cause.
    fn into_cause(self) -> Box<dyn std::error::Error + Send + Sync + 'static>;
}

/// Implements [`IntoCause`] for errors that read well as they are.
macro_rules! plain_enough {
    ($($error:ty),* $(,)?) => {
        $(impl $crate::base::error::IntoCause for $error {
            fn into_cause(self) -> $crate::base::error::Cause {
                self.into()
            }
        })*
    };
}
pub(crate) use plain_enough;

plain_enough!(
    Error,
    String,
    &str,
    std::io::Error,
    rustix::io::Errno,
    serde_json::Error,
    globset::Error,
    rcgen::Error,
    rustls::Error,
    hyper::http::uri::InvalidUri,
);
#[cfg(feature = "cli")]
plain_enough!(serde_yaml::Error);

impl IntoCause for tempfile::PersistError {
    fn into_cause(self) -> Cause {
        self.error.into()
    }
}

/// Turns a foreign error into ours, with what was attempted.
pub trait Context<T> {
    /// Wraps the error as [`ErrorKind::Unexpected`], with what was attempted.
    fn context(self, message: impl Into<String>) -> Result<T>;

    /// Wraps the error as an error of `kind`, with what was attempted (built only on failure).
    fn with_context(self, kind: ErrorKind, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: IntoCause> Context<T> for std::result::Result<T, E> {
    fn context(self, message: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::new(ErrorKind::Unexpected, message).because(source))
    }

    fn with_context(self, kind: ErrorKind, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::new(kind, message()).because(source))
    }
}

/// The exit codes of the command line: a public contract.
pub mod exit {
    use super::ErrorKind;

    /// Done.
    pub const DONE: u8 = 0;
    /// Something unexpected.
    pub const UNEXPECTED: u8 = 1;
    /// Usage error: an unknown command, argument or task.
    pub const USAGE: u8 = 2;
    /// The configuration is wrong.
    pub const CONFIGURATION: u8 = 3;
    /// There was nothing to do.
    pub const NOTHING_TO_DO: u8 = 4;
    /// The engine or the image is unavailable.
    pub const ENGINE: u8 = 5;
    /// Another run holds the lock.
    pub const LOCKED: u8 = 6;
    /// Tasks failed or are held.
    pub const TASKS: u8 = 7;
    /// A limit or a budget stopped it.
    pub const LIMIT: u8 = 8;
    /// A precondition is not met: a dirty base, an unknown generation, leftovers.
    pub const PRECONDITION: u8 = 9;
    /// A person interrupted it.
    pub const INTERRUPTED: u8 = 130;

    /// Returns the exit code for this kind of error.
    pub fn code(kind: ErrorKind) -> u8 {
        match kind {
            ErrorKind::Unexpected => UNEXPECTED,
            ErrorKind::Usage => USAGE,
            ErrorKind::Configuration => CONFIGURATION,
            ErrorKind::NothingToDo => NOTHING_TO_DO,
            ErrorKind::Engine | ErrorKind::Image => ENGINE,
            ErrorKind::Locked => LOCKED,
            ErrorKind::Tasks => TASKS,
            ErrorKind::Limit => LIMIT,
            ErrorKind::Precondition => PRECONDITION,
            ErrorKind::Interrupted => INTERRUPTED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_the_file_and_the_fix_whatever_else_would_be_advised() {
        let full =
            std::fs::write("/dev/full", "x").with_context(ErrorKind::Unexpected, || "cannot write `f`".to_owned());
        let error = Error::new(ErrorKind::Engine, "the gate failed")
            .because(full.unwrap_err())
            .hint("look elsewhere");
        assert!(
            error
                .in_a_line()
                .starts_with("the gate failed: cannot write `f`: No space left")
        );
        assert!(
            error
                .hint_text()
                .unwrap()
                .starts_with("the disk is full: free some space")
        );
        // A command in a container has disks of its own.
        let printed = Error::new(ErrorKind::Precondition, "it failed")
            .because("its last output:\n| No space left on device")
            .hint("fix the command");
        assert_eq!(printed.hint_text(), Some("fix the command"));
    }
}
