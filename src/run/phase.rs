//! The phases of a run: measure proposes tasks, stitch does one.

pub(crate) mod measure;
pub(crate) mod stitch;
