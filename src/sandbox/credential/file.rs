//! The token file: opened without following a link or waiting for a writer, and read up to a limit.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use secrecy::SecretString;
use serde::Deserialize;

use super::problem::{CredentialProblem, fits_header, malformed, missing};

/// The longest token file, in bytes: those of the client have about a thousand.
const LIMIT: u64 = 1 << 20;

/// What a token file holds.
#[derive(Clone, Debug)]
pub(super) struct TokenFile {
    pub(super) token: SecretString,
    /// The token that gets a new one: it is not used here, and nobody may see it, either.
    pub(super) refresh_token: Option<SecretString>,
    pub(super) expires_at: Option<Timestamp>,
}

/// Distinguishes one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: (i64, i64),
    size: u64,
    inode: u64,
    mode: u32,
}

impl Stamp {
    /// Returns whether every user of the machine may read the file.
    pub(super) fn others_may_read(&self) -> bool {
        self.mode & 0o004 != 0
    }
}

/// Opens a token file, and returns its stamp.
pub(super) fn open(path: &Path) -> Result<(File, Stamp), CredentialProblem> {
    // Opening a FIFO would wait for a writer, and a link could lead to another file than the person's token.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    let file = File::from(opened.map_err(|error| match error {
        Errno::NOENT | Errno::NOTDIR => missing(path),
        Errno::LOOP => malformed(path, "is a symbolic link, which is not followed"),
        error => malformed(path, format!("cannot be opened: {error}")),
    })?);
    let metadata = file
        .metadata()
        .map_err(|error| malformed(path, format!("cannot be inspected: {error}")))?;
    if !metadata.is_file() {
        return Err(malformed(path, "is not a regular file"));
    }
    if metadata.len() > LIMIT {
        return Err(malformed(path, "is longer than 1 MiB"));
    }
    let stamp = Stamp {
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        size: metadata.len(),
        inode: metadata.ino(),
        mode: metadata.mode(),
    };
    Ok((file, stamp))
}

/// The parts of the client's credentials file that are needed here.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "claudeAiOauth")]
    login: Login,
}

#[derive(Deserialize)]
struct Login {
    #[serde(rename = "accessToken")]
    token: SecretString,
    #[serde(rename = "refreshToken")]
    refresh_token: Option<SecretString>,
    #[serde(rename = "expiresAt")]
    expires_at: Option<f64>,
}

/// Reads a token file. A problem is reported without any part of the content.
pub(super) fn read(path: &Path, file: File) -> Result<TokenFile, CredentialProblem> {
    let mut bytes = Vec::new();
    file.take(LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| malformed(path, format!("cannot be read: {error}")))?;
    let written: Written = serde_json::from_slice(&bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        malformed(
            path,
            format!("does not have the form {{\"claudeAiOauth\": {{\"accessToken\": …}}}} ({place})"),
        )
    })?;
    let Login {
        token,
        refresh_token,
        expires_at,
    } = written.login;
    if !fits_header(secrecy::ExposeSecret::expose_secret(&token)) {
        return Err(malformed(path, "has an invalid `accessToken`"));
    }
    Ok(TokenFile {
        token,
        refresh_token,
        expires_at: expires_at.map(|at| moment(path, at)).transpose()?,
    })
}

/// Reads a moment in milliseconds since 1970.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, and no moment is that far away"
)]
fn moment(path: &Path, milliseconds: f64) -> Result<Timestamp, CredentialProblem> {
    let wrong = |_| malformed(path, "has an `expiresAt` that is not a time");
    Timestamp::from_millisecond(milliseconds as i64).map_err(wrong)
}
