//! Which files an audit or a review is to read and what becomes of its findings, and what one of its calls has read.

use serde::{Deserialize, Serialize};

use crate::base::text::one_line;
use crate::model::finding::{Finding, Severity};
use crate::model::{CommitId, ModeKind};

/// What an audit looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// What others could misuse.
    Security,
    /// What is slower, or takes more, than it needs to.
    Performance,
    /// What is wrong, hard to understand or not tested.
    Quality,
    /// What people cannot use who use other means than most.
    Accessibility,
    /// What the project builds on, and how.
    Dependencies,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Security,
        Self::Performance,
        Self::Quality,
        Self::Accessibility,
        Self::Dependencies,
    ];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Performance => "performance",
            Self::Quality => "quality",
            Self::Accessibility => "accessibility",
            Self::Dependencies => "dependencies",
        }
    }
}

/// What becomes of findings, beside that they are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Nothing.
    #[default]
    Report,
    /// Each becomes a task that is held until a person releases it.
    File,
    /// Each becomes a task, and these are done.
    Fix,
}

/// Which files are read, and what is looked for in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Files and folders from the repository's root; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// The revision since which a file has changed, if only such are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What is looked for; none means all that the mode looks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Subject>,
    /// The least severity that is reported.
    pub severity: Severity,
    /// What becomes of findings.
    #[serde(default)]
    pub then: Then,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            since: None,
            subjects: Vec::new(),
            severity: Severity::Low,
            then: Then::Report,
        }
    }
}

impl Scope {
    /// Returns what is looked for in a mode; empty where the mode itself says it.
    pub fn subjects_in(&self, mode: ModeKind) -> Vec<Subject> {
        match mode {
            ModeKind::Audit if self.subjects.is_empty() => Subject::ALL.into(),
            _ => self.subjects.clone(),
        }
    }

    /// Returns which files are read, as part of a sentence: `src and docs, changed since v1 (security)`.
    pub fn in_words(&self) -> String {
        let mut words = match self.paths.as_slice() {
            [] => "the whole tree".to_owned(),
            paths => one_line(&paths.join(", "), 200),
        };
        if let Some(since) = &self.since {
            words.push_str(&format!(", changed since {}", one_line(since, 100)));
        }
        if !self.subjects.is_empty() {
            let subjects: Vec<_> = self.subjects.iter().map(|subject| subject.name()).collect();
            words.push_str(&format!(" ({})", subjects.join(", ")));
        }
        words
    }
}

/// What one call of an audit or a review came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartRead {
    /// The commit that was read.
    pub commit: CommitId,
    /// The files that it was about.
    pub files: Vec<String>,
    /// What was found in them, as the agent stated it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Why they count as not read, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issues::request::Request;

    #[test]
    fn what_is_read_is_said_in_words() {
        let mut scope = Scope::default();
        assert_eq!(scope.in_words(), "the whole tree");
        scope.paths = vec!["src".into(), "docs".into()];
        scope.since = Some("v1".into());
        scope.subjects = vec![Subject::Security];
        assert_eq!(scope.in_words(), "src, docs, changed since v1 (security)");
        assert_eq!(scope.subjects_in(ModeKind::Audit), [Subject::Security]);
        assert_eq!(Scope::default().subjects_in(ModeKind::Audit).len(), 5);
        assert_eq!(Scope::default().subjects_in(ModeKind::Review), []);
    }

    #[test]
    fn a_request_is_the_same_whatever_becomes_of_the_findings() {
        let of = |then, paths: &[&str]| {
            let paths = paths.iter().map(ToString::to_string).collect();
            Request::about(
                None,
                Scope {
                    paths,
                    then,
                    ..Scope::default()
                },
            )
        };
        assert!(of(Then::Report, &["src"]).is_same(&of(Then::Fix, &["src"])));
        assert!(!of(Then::Report, &["src"]).is_same(&of(Then::Report, &[])));
        assert!(!of(Then::Report, &[]).is_same(&Request::default()));
    }
}
