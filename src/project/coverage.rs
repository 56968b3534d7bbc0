//! Coverage results of test programs: lcov, Cobertura's XML, `JaCoCo`'s XML and Go's cover profiles, read into one form.
//! Compared with an earlier result, and told in a prompt. Nothing in here reads a file.

mod bad;
mod compare;
mod go;
mod lcov;
mod measured;
mod names;
mod read;
#[cfg(test)]
mod tests;
mod told;
mod xml;

pub use compare::{CoverageChange, FileChange};
pub use measured::{Coverage, FileCoverage, LineRange, Totals};
pub use names::Names;
pub use read::{MOST_BYTES, read_all};

/// Reads a result in the form of lcov of files with these names.
#[cfg(test)]
pub(crate) fn of_files(text: &str, files: &[&str]) -> Coverage {
    let names = Names::new("/workspace", files.iter().copied());
    read_all([("x.info", text.as_bytes())], &names).unwrap()
}
