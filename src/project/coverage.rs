//! Coverage results of test programs: lcov, Cobertura's XML, `JaCoCo`'s XML and Go's cover profiles, read into one form.
//! Compared with an earlier result, and told in a prompt. Nothing in here reads a file.

mod bad;
mod compare;
mod go;
mod lcov;
mod measured;
mod read;
#[cfg(test)]
mod tests;
mod told;
mod xml;

pub use compare::{CoverageChange, FileChange};
pub use measured::{Coverage, FileCoverage, LineRange, Totals};
pub use read::{MOST_BYTES, read, read_all};
