//! What runs recorded and do, for people who look: `runs list`, `show`, `logs`, `compare`, `watch` and `status`.

mod live;
pub(crate) mod records;
mod report;
mod status;
