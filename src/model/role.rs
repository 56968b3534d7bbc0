//! The roles of agents.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The role of an agent: one that has a section of the configuration, or a stage of its own that `stages` has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// Proposes tasks.
    Measure,
    /// Works on one.
    Stitch,
    /// Reviews the result.
    Review,
    /// Improves existing code.
    Optimize,
    /// Does what a project's own stage is for.
    Stage(StageName),
}

impl Role {
    /// The roles that have a section of the configuration.
    pub const ALL: [Self; 4] = [Self::Measure, Self::Stitch, Self::Review, Self::Optimize];

    /// Returns the role's name in the configuration and the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measure => "measure",
            Self::Stitch => "stitch",
            Self::Review => "review",
            Self::Optimize => "optimize",
            Self::Stage(name) => name.as_str(),
        }
    }

    /// Returns the role of a name; `None` where no role and no stage can have it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|role| role.name() == name);
        known.or_else(|| StageName::new(name).map(Self::Stage))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| serde::de::Error::custom("expected the name of a role or of a stage"))
    }
}

/// The name of a stage of a project's own: a plain word in small letters, by which no role is known and nothing else that
/// has containers or records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StageName(&'static str);

/// Each name that this process has met, once: a role is passed on by value.
static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

impl StageName {
    /// The longest name, in bytes.
    pub(crate) const LONGEST: usize = 32;
    /// What calls, containers and records beside those of stages are named by.
    pub(crate) const TAKEN: [&str; 8] = [
        "fix", "gate", "gates", "measure", "optimize", "prepare", "review", "stitch",
    ];

    /// Returns a name; `None` where no stage can have it.
    pub fn new(name: &str) -> Option<Self> {
        let begins = name.starts_with(|character: char| character.is_ascii_lowercase());
        let is_word = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'));
        if !begins || !is_word || name.len() > Self::LONGEST || Self::is_taken(name) {
            return None;
        }
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name) {
            return Some(Self(known));
        }
        let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
        names.insert(kept);
        Some(Self(kept))
    }

    /// Returns whether something else has this name.
    pub(crate) fn is_taken(name: &str) -> bool {
        Self::TAKEN.contains(&name)
    }

    /// Returns the name as a text.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl Serialize for StageName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_has_a_plain_word_for_a_name_that_nothing_else_has() {
        for name in ["docs", "a", "docs-2", "release_notes", &"x".repeat(StageName::LONGEST)] {
            let stage = StageName::new(name).expect(name);
            assert_eq!(stage.as_str(), name);
            assert_eq!(Some(stage), StageName::new(name));
        }
        for name in [
            "",
            "Docs",
            "2",
            "-a",
            "a b",
            "a/b",
            "é",
            "..",
            "stitch",
            "review",
            "gate",
            "fix",
            &"x".repeat(33),
        ] {
            assert_eq!(StageName::new(name), None, "{name}");
        }
    }

    #[test]
    fn a_role_is_written_by_its_name_and_read_back() {
        let docs = Role::Stage(StageName::new("docs").unwrap());
        for (role, text) in [
            (Role::Stitch, "\"stitch\""),
            (Role::Measure, "\"measure\""),
            (docs, "\"docs\""),
        ] {
            assert_eq!(serde_json::to_string(&role).unwrap(), text);
            assert_eq!(serde_json::from_str::<Role>(text).unwrap(), role);
        }
        for text in ["\"gate\"", "\"A b\"", "3"] {
            assert!(serde_json::from_str::<Role>(text).is_err(), "{text}");
        }
        let sums = std::collections::BTreeMap::from([(docs, 1)]);
        assert_eq!(serde_json::to_string(&sums).unwrap(), "{\"docs\":1}");
    }
}
