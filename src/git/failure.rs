//! What libgit2 reports when it fails, in plain words: the one place that reads its messages.

use std::fmt;

use git2::{ErrorClass, ErrorCode};

use crate::base::error::{Cause, IntoCause};
use crate::base::text::one_line;

/// A failure of libgit2, as a person reads it.
#[derive(Debug)]
pub(super) struct Failure(String);

impl Failure {
    /// Puts an error into words, by its code and its class; where neither has any, its message remains, without the
    /// numbers that libgit2 adds to it.
    pub(super) fn of(error: &git2::Error) -> Self {
        let message = one_line(error.message(), 500);
        let plain = match (error.code(), error.class()) {
            (ErrorCode::NotFound, ErrorClass::Odb) => {
                return Self(missing_object(&message));
            }
            (ErrorCode::NotFound, ErrorClass::Reference) => "there is no such branch, tag or commit",
            (ErrorCode::NotFound, ErrorClass::Repository) => "there is no git repository",
            (ErrorCode::NotFound, ErrorClass::Config) => "git's configuration does not set it",
            (ErrorCode::NotFound, ErrorClass::Tree) => "the commit does not contain it",
            (ErrorCode::Ambiguous, _) => "several objects have an id that begins so",
            (ErrorCode::InvalidSpec, _) => "git does not allow such a name",
            (ErrorCode::Peel, _) => "it is not of the kind that is needed here",
            (ErrorCode::UnbornBranch, _) => "the branch has no commit yet",
            (ErrorCode::Locked, _) => "another process holds git's lock on it",
            (ErrorCode::Owner, _) => "it belongs to another user",
            (ErrorCode::HashsumMismatch, _) | (_, ErrorClass::Zlib) => {
                "an object of the repository is damaged: `git fsck` shows which"
            }
            (ErrorCode::Exists, ErrorClass::Reference) => "a ref of that name, or one below it, exists already",
            (_, ErrorClass::NoMemory) => "there is not enough memory",
            (code, class) if message.is_empty() => return Self(unknown(code, class)),
            _ => return Self(message),
        };
        Self(plain.to_owned())
    }
}

/// Returns the words for an object that is missing; libgit2 names it in parentheses.
fn missing_object(message: &str) -> String {
    let id = message.rsplit_once('(').map(|(_, rest)| rest.trim_end_matches(')'));
    match id.filter(|id| id.len() >= 7 && id.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        Some(id) => format!("the repository lacks the object {id}: `git fsck` shows what else is missing"),
        None => "the repository lacks an object: `git fsck` shows which".to_owned(),
    }
}

fn unknown(code: ErrorCode, class: ErrorClass) -> String {
    let text = format!("git reports a failure of the kind {code:?} in {class:?}");
    text.to_lowercase()
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl IntoCause for git2::Error {
    fn into_cause(self) -> Cause {
        Failure::of(&self).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(error: &git2::Error) -> String {
        Failure::of(error).to_string()
    }

    #[test]
    fn real_failures_are_put_into_plain_words() {
        let folder = tempfile::tempdir().unwrap();
        let none = git2::Repository::open(folder.path()).err().unwrap();
        assert_eq!(words(&none), "there is no git repository");
        let repository = git2::Repository::init(folder.path()).unwrap();
        let revision = repository.revparse_single("nope").err().unwrap();
        assert_eq!(words(&revision), "there is no such branch, tag or commit");
        let head = repository.head().err().unwrap();
        assert_eq!(words(&head), "the branch has no commit yet");
        let id = git2::Oid::from_str("5f1c0ffee05f1c0ffee05f1c0ffee05f1c0ffee0").unwrap();
        let missing = repository.find_commit(id).err().unwrap();
        assert_eq!(
            words(&missing),
            format!("the repository lacks the object {id}: `git fsck` shows what else is missing")
        );
        let name = repository.find_reference("a..b").err().unwrap();
        assert_eq!(words(&name), "git does not allow such a name");
        let setting = repository.config().unwrap().get_string("no.such").err().unwrap();
        assert_eq!(words(&setting), "git's configuration does not set it");
    }

    #[test]
    fn what_has_no_words_of_ours_keeps_its_message_without_numbers() {
        let error = git2::Error::new(ErrorCode::GenericError, ErrorClass::Index, "the index\nis odd");
        assert_eq!(words(&error), "the index is odd");
        assert!(error.to_string().contains("class="), "libgit2's own text has them");
        let silent = git2::Error::new(ErrorCode::Timeout, ErrorClass::Net, "");
        assert_eq!(words(&silent), "git reports a failure of the kind timeout in net");
    }
}
