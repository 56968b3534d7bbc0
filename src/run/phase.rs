//! The phases of a run: measure proposes tasks, audit reports findings about files, stitch does a task.

pub(crate) mod audit;
pub(crate) mod measure;
pub(crate) mod stitch;
