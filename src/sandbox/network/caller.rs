//! On whose behalf a container runs: rules of the network can differ by it.

use crate::model::{Role, StageName};

/// On whose behalf a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// An agent in this role.
    Agent(Role),
    /// A gate, which runs commands of the configuration on what an agent has left.
    Gates,
}

impl Caller {
    /// Those that every configuration can name, with their names there; beside them are the stages that it has.
    pub const NAMED: [(&'static str, Self); 4] = [
        ("measure", Self::Agent(Role::Measure)),
        ("stitch", Self::Agent(Role::Stitch)),
        ("review", Self::Agent(Role::Review)),
        ("gates", Self::Gates),
    ];

    /// Returns the caller that a configuration names so; `None` where it can name none.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let known = Self::NAMED.into_iter().find(|(known, _)| *known == name);
        let stage = || StageName::new(name).map(|name| Self::Agent(Role::Stage(name)));
        known.map(|(_, caller)| caller).or_else(stage)
    }

    /// Returns its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent(role) => role.name(),
            Self::Gates => "gates",
        }
    }
}
