//! Tools without any knowledge of cordwainer: errors, files, locks, lines, text, the clock, redaction. Nothing in here
//! names a task, a generation or a container.

pub(crate) mod changes;
pub mod clock;
pub(crate) mod crash;
pub(crate) mod disk;
pub mod error;
pub(crate) mod fs;
pub mod graph;
pub(crate) mod growing_lines;
pub mod interruption;
pub mod lines;
pub(crate) mod machine;
pub(crate) mod panic;
pub(crate) mod process;
pub mod redact;
pub(crate) mod registry;
pub(crate) mod regular;
pub(crate) mod serialization;
pub(crate) mod socket;
pub(crate) mod tail;
#[cfg(any(test, feature = "crash-points"))]
pub mod testing;
pub mod text;
pub(crate) mod whole_output;
