//! What `check` is called with.

use std::path::PathBuf;

use crate::Outcome;

/// What is known beside the repository.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) remembered: Option<PathBuf>,
    pub(crate) witnessed: Option<PathBuf>,
    pub(crate) status: Option<PathBuf>,
    pub(crate) engines: Vec<PathBuf>,
    pub(crate) gates: Vec<String>,
    /// US dollars of the generation.
    pub(crate) usd: Option<f64>,
    /// US dollars of each task.
    pub(crate) task_usd: Option<f64>,
    pub(crate) absent: Vec<String>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Outcome<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(name) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            let path = || Some(PathBuf::from(value));
            match *name {
                "--remembered" => options.remembered = path(),
                "--witnessed" => options.witnessed = path(),
                "--status" => options.status = path(),
                "--engine" => options.engines.extend(path()),
                "--gate" => options.gates.push((*value).to_owned()),
                "--usd" => options.usd = Some(value.parse()?),
                "--task-usd" => options.task_usd = Some(value.parse()?),
                "--absent" => options.absent.push((*value).to_owned()),
                _ => return Err(format!("unknown option `{name}`").into()),
            }
        }
        Ok(options)
    }
}
