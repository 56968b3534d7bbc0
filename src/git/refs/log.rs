//! The logs of refs, written as git writes them: one line is appended, under the lock of the ref.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use git2::{Oid, Repository, Signature};

use super::folders::{is_absent, remove_empty_above, remove_empty_below};
use crate::git::Git;
use crate::git::locks::Failure;

/// A move of a ref, for its log.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) old: Option<Oid>,
    pub(super) new: Oid,
    pub(super) why: &'a str,
}

/// Appends a move to the log of the ref, and to that of HEAD if it is on the ref.
pub(super) fn append(git: &Git, repository: &Repository, entry: &Entry<'_>) -> Result<(), Failure> {
    let failed = |error| Failure::of(error, format!("cannot write the log of `{}`", entry.name));
    let line = line(git, repository, entry);
    let log = git.common_dir.join("logs").join(entry.name);
    append_line(&log, &line, is_logged(repository, entry.name)).map_err(failed)?;
    let head = repository.find_reference("HEAD");
    if head.is_ok_and(|head| head.symbolic_target_bytes() == Some(entry.name.as_bytes())) {
        append_line(&git.own_dir.join("logs/HEAD"), &line, is_logged(repository, "HEAD")).map_err(failed)?;
    }
    Ok(())
}

/// Removes the log of a ref that is gone.
pub(super) fn remove(git: &Git, name: &str) -> io::Result<()> {
    let logs = git.common_dir.join("logs");
    let log = logs.join(name);
    match fs::remove_file(&log) {
        Err(error) if !is_absent(&error) => {
            return Err(error);
        }
        _ => {}
    }
    remove_empty_above(&log, &logs);
    Ok(())
}

/// Returns whether a log is begun for a ref (`core.logAllRefUpdates`); an existing one is continued in any case.
fn is_logged(repository: &Repository, name: &str) -> bool {
    let usual = ["refs/heads/", "refs/remotes/", "refs/notes/"];
    let is_usual = name == "HEAD" || usual.iter().any(|prefix| name.starts_with(prefix));
    let Ok(config) = repository.config() else {
        return is_usual;
    };
    let says = |word: &str| {
        config
            .get_string("core.logAllRefUpdates")
            .is_ok_and(|value| value.eq_ignore_ascii_case(word))
    };
    says("always") || (is_usual && config.get_bool("core.logAllRefUpdates").unwrap_or(true))
}

fn line(git: &Git, repository: &Repository, entry: &Entry<'_>) -> Vec<u8> {
    let nobody = || Signature::now("unknown", "unknown");
    let somebody = git
        .committer(repository)
        .ok()
        .map(|who| Signature::now(&who.name, &who.email));
    let (name, email, when) = match somebody.and_then(Result::ok).map_or_else(nobody, Ok) {
        Ok(who) => (who.name_bytes().to_vec(), who.email_bytes().to_vec(), Some(who.when())),
        Err(_) => (b"unknown".to_vec(), b"unknown".to_vec(), None),
    };
    let (seconds, minutes) = when.map_or((0, 0), |when| (when.seconds(), when.offset_minutes()));
    let sign = if minutes < 0 { '-' } else { '+' };
    let zone = format!("{sign}{:02}{:02}", minutes.abs() / 60, minutes.abs() % 60);
    let ids = format!("{} {} ", entry.old.unwrap_or(Oid::ZERO_SHA1), entry.new);
    let rest = format!("> {seconds} {zone}\t{}\n", entry.why);
    [ids.as_bytes(), &name, b" <", &email, rest.as_bytes()].concat()
}

fn append_line(log: &Path, line: &[u8], begin: bool) -> io::Result<()> {
    let mut options = File::options();
    options.append(true).create(begin);
    if let (true, Some(folder)) = (begin, log.parent()) {
        fs::create_dir_all(folder)?;
        remove_empty_below(log);
    }
    match options.open(log) {
        Ok(mut file) => file.write_all(line),
        Err(error) if !begin && is_absent(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
