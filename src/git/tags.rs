//! Tags: read, and written as objects that no ref points to yet.

use git2::{ErrorCode, ObjectType, Oid, Time};
use jiff::Timestamp;

use super::Git;
use super::commits::signature;
use crate::base::error::{Context as _, Result};

impl Git {
    /// Returns the names of all tags, in order.
    ///
    /// # Errors
    ///
    /// When refs cannot be listed.
    pub fn tags(&self) -> Result<Vec<String>> {
        const PREFIX: &str = "refs/tags/";
        let found = self.references(PREFIX)?.into_iter();
        Ok(found.map(|(name, _)| name[PREFIX.len()..].to_owned()).collect())
    }

    /// Returns the commit that a tag names, annotated or not; `None` where there is no such tag.
    ///
    /// # Errors
    ///
    /// When the tag cannot be read, or names no commit.
    pub fn tagged(&self, name: &str) -> Result<Option<Oid>> {
        let failed = || format!("cannot read the tag `{}`", name.escape_debug());
        let repository = self.borrow()?;
        let reference = match repository.find_reference(&format!("refs/tags/{name}")) {
            Ok(reference) => reference,
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => return Ok(None),
            Err(error) => return Err(error).context(failed()),
        };
        Ok(Some(reference.peel_to_commit().context(failed())?.id()))
    }

    /// Creates an annotated tag of a commit that no ref points to yet, in the name of the person who runs the command. What
    /// must not be recorded is redacted in its message.
    ///
    /// # Errors
    ///
    /// Of kind [`Precondition`](crate::base::error::ErrorKind::Precondition) where no committer is named.
    pub fn write_tag(&self, name: &str, commit: Oid, message: &str, time: Timestamp) -> Result<Oid> {
        let user = self.user()?;
        let tagger = signature(&user, Time::new(time.as_second(), 0))?;
        let (who, email) = (
            String::from_utf8_lossy(tagger.name_bytes()).into_owned(),
            String::from_utf8_lossy(tagger.email_bytes()).into_owned(),
        );
        let message = self.redactor.text(message).replace('\0', "");
        let text = format!(
            "object {commit}\ntype commit\ntag {name}\ntagger {who} <{email}> {} +0000\n\n{message}\n",
            time.as_second()
        );
        self.write_object(ObjectType::Tag, text.as_bytes())
    }
}
