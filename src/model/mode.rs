//! The kinds of work that are built in.

use serde::{Deserialize, Serialize};

/// Whether a kind of work begins with a request of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestNeed {
    /// It works from documents alone.
    Never,
    /// It knows what to look for without one.
    Optional,
    /// Without one there is nothing to do.
    Always,
}

/// A kind of work that is built in; every other mode extends one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeKind {
    /// Measures from documents, again and again.
    Generate,
    /// Builds what documents describe, group by group.
    Build,
    /// Adds what a request asks for.
    Feature,
    /// Fixes what a report describes, with a proof.
    Fix,
    /// Adds the tests that are missing.
    Test,
    /// Changes the form of the code, and nothing that its tests see.
    Refactor,
    /// Does what a request says.
    Exec,
    /// Looks for what is wrong with files, and changes none.
    Audit,
    /// Says what is wrong with files, and changes none.
    Review,
}

/// The names of the built-in modes.
pub(crate) const MODE_KIND_NAMES: [&str; ModeKind::ALL.len()] = {
    let mut names = [""; ModeKind::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = ModeKind::ALL[index].name();
        index += 1;
    }
    names
};

impl ModeKind {
    /// All kinds.
    pub(crate) const ALL: [Self; 9] = [
        Self::Generate,
        Self::Build,
        Self::Feature,
        Self::Fix,
        Self::Test,
        Self::Refactor,
        Self::Exec,
        Self::Audit,
        Self::Review,
    ];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Build => "build",
            Self::Feature => "feature",
            Self::Fix => "fix",
            Self::Test => "test",
            Self::Refactor => "refactor",
            Self::Exec => "exec",
            Self::Audit => "audit",
            Self::Review => "review",
        }
    }

    /// Returns whether it begins with a request.
    pub(crate) fn request(self) -> RequestNeed {
        match self {
            Self::Generate | Self::Build => RequestNeed::Never,
            Self::Test | Self::Audit | Self::Review => RequestNeed::Optional,
            Self::Feature | Self::Fix | Self::Refactor | Self::Exec => RequestNeed::Always,
        }
    }

    /// Returns whether its tasks have causes, of which its end tells.
    pub(crate) fn is_about_faults(self) -> bool {
        self == Self::Fix
    }

    /// Returns whether its measure looks for what no test reaches.
    pub(crate) fn looks_for_tests(self) -> bool {
        self == Self::Test
    }

    /// Returns whether one measure says all that is to be done, so that the work ends with its tasks.
    pub(crate) fn measures_once(self) -> bool {
        !matches!(self, Self::Generate | Self::Build)
    }

    /// Returns whether it works through groups.
    pub(crate) fn has_groups(self) -> bool {
        self == Self::Build
    }

    /// Returns whether it reads files and reports findings, so that no measure proposes its tasks.
    pub(crate) fn reports(self) -> bool {
        matches!(self, Self::Audit | Self::Review)
    }
}
