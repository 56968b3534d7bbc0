//! Attacks that take more than is there.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Arguments, Outcome};

/// Written to a file at once.
const PIECE: usize = 1 << 20;

/// Tries it; `None` where it is none of these.
pub(super) fn attempt(name: &str, given: &Arguments<'_>) -> Option<Outcome> {
    Some(match name {
        "processes" => given.number(0).and_then(processes),
        "allocate" => given.number(0).map(allocate),
        "fill" => given.word(0).and_then(|path| fill(path, given.number(1)?)),
        "hoard" => given
            .word(0)
            .and_then(|path| hoard(path, given.number(1)?, Named::Still)),
        "hoard-nameless" => given
            .word(0)
            .and_then(|path| hoard(path, given.number(1)?, Named::NoMore)),
        "many" => given.word(0).and_then(|path| many(path, given.number(1)?)),
        "descriptors" => given.number(0).and_then(descriptors),
        _ => return None,
    })
}

/// Processes of this program, each of which waits for a prompt that does not come.
fn processes(count: usize) -> Outcome {
    let mut children: Vec<Child> = Vec::new();
    let mut failed = None;
    while children.len() < count && failed.is_none() {
        let child = Command::new("/proc/self/exe")
            .args(["-p", "--verbose", "--output-format", "stream-json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match child {
            Ok(child) => children.push(child),
            Err(error) => failed = Some(error),
        }
    }
    let had = children.len();
    for mut child in children {
        child.kill()?;
        child.wait()?;
    }
    stopped(had, failed)
}

/// Says how many there were, or what stopped it and after how many.
fn stopped(had: usize, failed: Option<io::Error>) -> Outcome {
    match failed {
        Some(error) => Err(io::Error::other(format!("after {had}: {error}"))),
        None => Ok(had.to_string()),
    }
}

/// Takes memory and touches each page of it.
fn allocate(bytes: usize) -> String {
    let mut taken = vec![0u8; bytes];
    for byte in taken.iter_mut().step_by(4096) {
        *byte = 1;
    }
    let pages = taken.iter().step_by(4096).filter(|byte| **byte == 1).count();
    format!("{pages} pages")
}

/// Whether a file has a name while it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Still,
    NoMore,
}

/// Writes a file and keeps it, then waits for its end.
fn hoard(path: &str, bytes: usize, named: Named) -> Outcome {
    let mut file = File::create(path)?;
    if named == Named::NoMore {
        fs::remove_file(path)?;
    }
    let piece = vec![b'x'; PIECE];
    for _ in (0..bytes).step_by(PIECE) {
        file.write_all(&piece)?;
    }
    loop {
        std::thread::park();
    }
}

fn fill(path: &str, bytes: usize) -> Outcome {
    let mut file = File::create(path)?;
    let piece = vec![b'x'; PIECE];
    let (mut had, mut failed) = (0, None);
    while had < bytes && failed.is_none() {
        match file.write_all(&piece) {
            Ok(()) => had += PIECE,
            Err(error) => failed = Some(error),
        }
    }
    drop(file);
    fs::remove_file(path)?;
    stopped(had, failed)
}

fn many(path: &str, count: usize) -> Outcome {
    fs::create_dir(path)?;
    let make = |number: usize| File::create(Path::new(path).join(number.to_string())).err();
    let failed = (0..count).find_map(|number| Some((number, make(number)?)));
    fs::remove_dir_all(path)?;
    match failed {
        Some((had, error)) => stopped(had, Some(error)),
        None => stopped(count, None),
    }
}

fn descriptors(count: usize) -> Outcome {
    let mut open = Vec::new();
    for _ in 0..count {
        match File::open("/proc/self/status") {
            Ok(file) => open.push(file),
            Err(error) => return stopped(open.len(), Some(error)),
        }
    }
    stopped(open.len(), None)
}
