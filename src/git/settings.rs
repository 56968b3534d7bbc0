//! Git's settings, as all of its files together have them.

use git2::{ConfigLevel, Repository};

use super::Git;
use crate::base::error::{Context as _, Result};

impl Git {
    /// Returns the pager that the person's settings of git name: `core.pager`.
    ///
    /// # Errors
    ///
    /// When one of git's files cannot be read.
    #[cfg(feature = "cli")]
    pub(crate) fn pager(&self) -> Result<Option<String>> {
        let repository = self.borrow()?;
        let found = settings(&repository, "^core\\.pager$")?;
        let last = found.last();
        Ok(last.map(|setting| String::from_utf8_lossy(&setting.value).into_owned()))
    }
}

/// A setting with a value.
pub(super) struct Setting {
    /// Its name; the parts in which git does not distinguish case are in lower case.
    pub(super) name: String,
    pub(super) value: Vec<u8>,
    /// The level of the file it comes from.
    pub(super) level: ConfigLevel,
}

/// Returns the settings whose names a regular expression finds. One without a value means "true", and is left out.
///
/// # Errors
///
/// When one of git's files cannot be read.
pub(super) fn settings(repository: &Repository, names: &str) -> Result<Vec<Setting>> {
    let failed = "cannot read git's settings";
    let config = repository.config().context(failed)?;
    let mut entries = config.entries(Some(names)).context(failed)?;
    let mut found = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry.context(failed)?;
        // Asking one without a value for it panics.
        if entry.has_value() {
            found.push(Setting {
                name: String::from_utf8_lossy(entry.name_bytes()).into_owned(),
                value: entry.value_bytes().to_vec(),
                level: entry.level(),
            });
        }
    }
    Ok(found)
}
