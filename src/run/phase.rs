//! The phases of a run: measure proposes tasks, audit reports findings about files, stitch does a task, and group sees to what tasks
//! are parts of.

pub(crate) mod audit;
pub(crate) mod group;
pub(crate) mod measure;
pub(crate) mod stitch;
