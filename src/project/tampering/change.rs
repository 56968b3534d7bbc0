//! What is compared.

/// A file that a change touches, with its text before and after; `None` where it is not there, or has no text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileChange {
    /// Its path before; `None` for a new file.
    pub(crate) old_path: Option<String>,
    /// Its path after; `None` for one that was deleted.
    pub(crate) new_path: Option<String>,
    /// Its text before.
    pub(crate) before: Option<String>,
    /// Its text after.
    pub(crate) after: Option<String>,
}
