//! How many calls of a role are made at once.

use serde::{Serialize, Serializer};

use super::field::Field;

/// The word for as many as the machine can carry.
const AUTO: &str = "auto";
/// The most that a file may ask for.
const MOST: u32 = 1000;

/// `stitch.parallel`: how many tasks are worked on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parallel {
    /// So many; 0 where a role's calls belong to those of another.
    Count(u32),
    /// As many as this machine can carry.
    Auto,
}

impl Parallel {
    /// Returns whether a role's calls belong to those of another.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a field over by reference")]
    pub(super) fn is_none(&self) -> bool {
        *self == Self::Count(0)
    }
}

impl Serialize for Parallel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u32(*count),
            Self::Auto => serializer.serialize_str(AUTO),
        }
    }
}

/// Reads how many tasks are worked on at once.
pub(super) fn read(field: &Field<'_>) -> Option<Parallel> {
    if field.scalar() == Some(AUTO) {
        return Some(Parallel::Auto);
    }
    field.small_count_or(MOST, AUTO).map(Parallel::Count)
}

/// Reads the `parallel` of a role whose calls are made one by one.
pub(super) fn read_one(field: &Field<'_>) -> Option<Parallel> {
    match field.small_count(MOST)? {
        1 => Some(Parallel::Count(1)),
        _ => field.refuse("expected 1: measures are made one at a time"),
    }
}
