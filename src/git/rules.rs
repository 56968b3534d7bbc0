//! Git's own rules about paths: which are ignored, which attributes they have, how attributes convert contents.
//!
//! An agent writes these rules and the paths, so nothing here may take more than its share of time: a pattern is
//! matched in time linear in pattern and path, and [`Work`](super::work::Work) limits the sum. libgit2's matcher, which
//! is exponential, and its conversions, which use it, are not applied to anything that an agent wrote.

mod attributes;
mod conversion;
mod ignore;
mod pattern;
mod settings;
mod wildmatch;

pub(super) use attributes::{Attributes, State};
pub(super) use conversion::Conversion;
pub(super) use ignore::IgnoreFile;
pub(super) use settings::Settings;
pub(super) use wildmatch::Glob;
