//! Commits: made, read, and compared by ancestry.

use git2::{Commit, ErrorCode, ObjectType, Oid, Signature, Time};
use jiff::Timestamp;

use super::{Git, Identity};
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::model::CommitId;

/// A commit to be created. The committer is the person who runs the command.
#[derive(Clone, Debug)]
pub struct NewCommit {
    /// The tree.
    pub tree: Oid,
    /// The parents, first parent first.
    pub parents: Vec<Oid>,
    /// The message; NULs are dropped, and what must not be recorded is redacted.
    pub message: String,
    /// The author; unset means the person who runs the command.
    pub author: Option<Identity>,
    /// The committer; unset means the person who runs the command.
    pub committer: Option<Identity>,
    /// Its time; written in UTC.
    pub time: Timestamp,
}

/// The content of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub id: Oid,
    /// Its tree.
    pub tree: Oid,
    /// Its parents, first parent first.
    pub parents: Vec<Oid>,
    /// Its message; bytes that are not UTF-8 are replaced.
    pub message: String,
    /// Its author.
    pub author: Identity,
    /// Its committer.
    pub committer: Identity,
    /// When it was committed.
    pub time: Timestamp,
}

impl From<Oid> for CommitId {
    fn from(id: Oid) -> Self {
        Self::parse(&id.to_string()).expect("git writes its ids in this form")
    }
}

impl CommitInfo {
    /// Returns the first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// Returns the commit that it is on; `what` names it in the error about one that is on none.
    pub(crate) fn first_parent(&self, what: &str) -> Result<Oid> {
        let without = || Error::new(ErrorKind::Unexpected, format!("the {what} {} has no parent", self.id));
        self.parents.first().copied().ok_or_else(without)
    }

    /// Returns the last value of a trailer (`Key: value` in the last paragraph); keys are compared without case.
    pub fn trailer(&self, key: &str) -> Option<String> {
        let trailers = git2::message_trailers_strs(&self.message).ok()?;
        let mut values = trailers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
        values.next_back().map(|(_, value)| value.to_owned())
    }
}

impl Git {
    /// Creates a commit that no ref points to yet.
    ///
    /// Fails with [`ErrorKind::Precondition`] where no committer is named.
    pub fn commit(&self, new: &NewCommit) -> Result<Oid> {
        let repository = self.borrow_to_write()?;
        let failed = "cannot create a commit";
        let when = Time::new(new.time.as_second(), 0);
        let committer = match &new.committer {
            Some(committer) => signature(committer, when)?,
            None => signature(&self.committer(&repository)?, when)?,
        };
        let author = match &new.author {
            Some(author) => signature(author, when)?,
            None => signature(&self.author(&repository)?, when)?,
        };
        let tree = repository.find_tree(new.tree).context(failed)?;
        let parents = new
            .parents
            .iter()
            .map(|parent| repository.find_commit(*parent))
            .collect::<Result<Vec<_>, _>>()
            .context(failed)?;
        let message = self.redactor.text(&new.message).replace('\0', "");
        let parents: Vec<_> = parents.iter().collect();
        let commit = repository.commit_create_buffer(&author, &committer, &message, &tree, &parents);
        self.write_object(ObjectType::Commit, &commit.context(failed)?)
    }

    /// Reads a commit.
    pub fn commit_info(&self, id: Oid) -> Result<CommitInfo> {
        let repository = self.borrow()?;
        let commit = repository
            .find_commit(id)
            .context(format!("cannot read the commit {id}"))?;
        Ok(info(&commit))
    }

    /// Returns the commits from `from` along first parents, newest first, up to and without `until`, or to the root.
    pub fn first_parents(&self, from: Oid, until: Option<Oid>) -> Result<Vec<CommitInfo>> {
        let repository = self.borrow()?;
        let mut found = Vec::new();
        let mut next = Some(from);
        while let Some(id) = next
            && next != until
        {
            let commit = repository
                .find_commit(id)
                .context(format!("cannot read the commit {id}"))?;
            next = commit.parent_ids().next();
            found.push(info(&commit));
        }
        Ok(found)
    }

    /// Returns whether `ancestor` is reachable from `descendant`; a commit is reachable from itself.
    pub fn is_ancestor(&self, ancestor: Oid, descendant: Oid) -> Result<bool> {
        if ancestor == descendant {
            return Ok(true);
        }
        self.borrow()?
            .graph_descendant_of(descendant, ancestor)
            .context(format!("cannot compare the commits {ancestor} and {descendant}"))
    }

    /// Returns the best common ancestor of two commits; `None` where their histories are unrelated.
    pub fn merge_base(&self, one: Oid, other: Oid) -> Result<Option<Oid>> {
        match self.borrow()?.merge_base(one, other) {
            Ok(base) => Ok(Some(base)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error).context(format!("cannot compare the commits {one} and {other}")),
        }
    }
}

fn identity(signature: &Signature<'_>) -> Identity {
    Identity {
        name: String::from_utf8_lossy(signature.name_bytes()).into_owned(),
        email: String::from_utf8_lossy(signature.email_bytes()).into_owned(),
    }
}

/// Builds git's form of an identity; characters that git does not allow are left out.
pub(super) fn signature(identity: &Identity, when: Time) -> Result<Signature<'static>> {
    let clean = |text: &str| {
        let allowed: String = text.chars().filter(|c| !c.is_control() && !"<>".contains(*c)).collect();
        let trimmed = allowed.trim().to_owned();
        if trimmed.is_empty() {
            "unknown".to_owned()
        } else {
            trimmed
        }
    };
    Signature::new(&clean(&identity.name), &clean(&identity.email), &when).context(format!(
        "`{} <{}>` is not an author that git accepts",
        identity.name, identity.email
    ))
}

fn info(commit: &Commit<'_>) -> CommitInfo {
    CommitInfo {
        id: commit.id(),
        tree: commit.tree_id(),
        parents: commit.parent_ids().collect(),
        message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
        author: identity(&commit.author()),
        committer: identity(&commit.committer()),
        time: Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
    }
}
