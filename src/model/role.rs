//! The roles of agents.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The role of an agent; each has a section of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Measure, Self::Stitch, Self::Review, Self::Optimize];

    /// Returns the role's name in the configuration and the ledger.
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
