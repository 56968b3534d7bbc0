//! The author and the committer that the environment names.

/// A person's identities as the environment names them; an empty value counts as none.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentIdentities {
    /// `GIT_AUTHOR_NAME`.
    pub author_name: Option<String>,
    /// `GIT_AUTHOR_EMAIL`.
    pub author_email: Option<String>,
    /// `GIT_COMMITTER_NAME`.
    pub committer_name: Option<String>,
    /// `GIT_COMMITTER_EMAIL`.
    pub committer_email: Option<String>,
    /// `EMAIL`, where nothing else gives an address.
    pub email: Option<String>,
}
