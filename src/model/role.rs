//! What agents are called for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an agent is called for; each role has a section of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Proposes tasks.
    Measure,
    /// Does one.
    Stitch,
    /// Judges what was done.
    Review,
    /// Improves existing code.
    Optimize,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Measure, Self::Stitch, Self::Review, Self::Optimize];

    /// Returns the role's name, as the configuration and the ledger have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measure => "measure",
            Self::Stitch => "stitch",
            Self::Review => "review",
            Self::Optimize => "optimize",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
