//! Text that a person hands over: as an argument, from stdin, or in a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::base::error::{Error, ErrorKind, Result};

/// The longest text that is read, in bytes: far beyond any real store, and too little to fill the memory.
const MOST: u64 = 256 * 1024 * 1024;

/// Takes an argument as it is, or stdin in place of `-`.
pub(super) fn argument_or_stdin(argument: &str) -> Result<String> {
    if argument == "-" {
        stdin()
    } else {
        Ok(argument.to_owned())
    }
}

/// Reads all of stdin.
pub(super) fn stdin() -> Result<String> {
    read(std::io::stdin().lock(), "stdin")
}

/// Reads a file.
pub(super) fn file(path: &Path) -> Result<String> {
    let name = format!("`{}`", path.display());
    let file = File::open(path).map_err(|error| unreadable(&name, error))?;
    read(file, &name)
}

fn read(source: impl Read, name: &str) -> Result<String> {
    let mut text = String::new();
    let length = source
        .take(MOST + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(name, error))?;
    if u64::try_from(length).is_ok_and(|length| length <= MOST) {
        return Ok(text);
    }
    Err(Error::new(
        ErrorKind::Usage,
        format!("{name} is longer than {MOST} bytes"),
    ))
}

fn unreadable(name: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Usage, format!("cannot read {name}")).because(error)
}
