//! The author and the committer: those that git would use, from the environment and the configuration.

use std::fmt;
use std::str::FromStr;

use git2::Repository;
use serde::{Serialize, Serializer};

use super::Git;
use super::rules::Glob;
use super::settings::{Setting, settings};
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::text;

/// An author or a committer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
}

impl fmt::Display for Identity {
    /// Writes `Name <address>`, as git does.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} <{}>", self.name, self.email)
    }
}

impl FromStr for Identity {
    type Err = ();

    /// Reads `Name <address>`. Neither part may be empty, or hold what git removes from them: angle brackets and
    /// control characters.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, rest) = text.split_once('<').ok_or(())?;
        let email = rest.trim_end().strip_suffix('>').ok_or(())?;
        let (name, email) = (name.trim(), email.trim());
        let bad = |letter: char| letter.is_control() || "<>".contains(letter);
        if name.is_empty() || email.is_empty() || email.contains(' ') || name.contains(bad) || email.contains(bad) {
            return Err(());
        }
        Ok(Self {
            name: name.to_owned(),
            email: email.to_owned(),
        })
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A condition that libgit2 does not support, and git does since 2.36.
const REMOTE_URL: &str = "hasconfig:remote.*.url:";

impl Git {
    /// Returns the committer: from the environment, else from the configuration.
    ///
    /// Fails with [`ErrorKind::Precondition`] when there is none.
    pub fn user(&self) -> Result<Identity> {
        self.committer(&self.open()?)
    }

    /// Returns the committer, in an open repository.
    pub(in crate::git) fn committer(&self, repository: &Repository) -> Result<Identity> {
        let environment = &self.identities;
        let own = [&environment.committer_name, &environment.committer_email];
        self.identity(repository, "committer", own)
    }

    /// Returns the author, found likewise, in an open repository.
    pub(super) fn author(&self, repository: &Repository) -> Result<Identity> {
        let environment = &self.identities;
        let own = [&environment.author_name, &environment.author_email];
        self.identity(repository, "author", own)
    }

    fn identity(&self, repository: &Repository, role: &str, [name, email]: [&Option<String>; 2]) -> Result<Identity> {
        let config = repository
            .config()
            .context("cannot read the repository's configuration")?;
        let configured = |key: &str| {
            let text = |section: &str| config.get_string(&format!("{section}.{key}")).ok();
            let given = [role, "user"].into_iter().find_map(text);
            given.filter(|text| !text.trim().is_empty())
        };
        let name = name.clone().or_else(|| configured("name"));
        let email = email.clone().or_else(|| configured("email"));
        match (name, email.or_else(|| self.identities.email.clone())) {
            (Some(name), Some(email)) => Ok(Identity { name, email }),
            _ => Err(Error::new(ErrorKind::Precondition, "no git identity is configured")
                .hint("set `user.name` and `user.email` with `git config`")),
        }
    }
}

/// Returns the files that git includes here on conditions which libgit2 silently ignores, as `condition: file`.
pub(super) fn unread_includes(repository: &Repository) -> Result<Vec<String>> {
    let includes = settings(repository, r"^includeif\..*\.path$")?;
    let urls = settings(repository, r"^remote\..*\.url$")?;
    let applies = |name: &str| {
        let pattern = name.split_once(REMOTE_URL)?.1.strip_suffix(".path")?;
        let glob = Glob::parse(pattern.as_bytes(), false)?;
        let matching = urls.iter().any(|setting| glob.matches(&setting.value));
        matching.then(|| format!("{REMOTE_URL}{pattern}"))
    };
    let words = |include: &Setting| {
        let (condition, file) = (applies(&include.name)?, String::from_utf8_lossy(&include.value));
        Some(text::one_line(&format!("`includeIf \"{condition}\"` of `{file}`"), 300))
    };
    Ok(includes.iter().filter_map(words).collect())
}
