//! Reads the stages of an attempt.

use serde::{Serialize, Serializer};

use super::Config;
use super::field::Field;
use super::section::Section;

/// One of `stages`: a call of an attempt, or several of one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The work itself, and its fix rounds.
    Stitch,
    /// A review of it.
    Review,
}

impl Stage {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stitch => "stitch",
            Self::Review => "review",
        }
    }
}

impl Serialize for Stage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Reads `stages`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    top.set("stages", &mut config.stages, read_stages);
}

fn read_stages(field: &Field<'_>) -> Option<Vec<Stage>> {
    let mut stages = Vec::new();
    for item in field.items("a list of stages")? {
        let Some(stage) = item.choice(&[Stage::Stitch, Stage::Review].map(|stage| (stage.name(), stage))) else {
            continue;
        };
        if stages.contains(&stage) {
            item.refuse::<()>(format!("a second stage is named `{}`", stage.name()));
        } else {
            stages.push(stage);
        }
    }
    if stages.first() == Some(&Stage::Stitch) {
        return Some(stages);
    }
    field.refuse_with(
        "expected `stitch` as the first stage: it does the work that the others are about",
        "write `[stitch, review]`, or leave the key out",
    )
}
