//! The results of all checks, engine by engine, and whether everything holds.

use serde::Serialize;

use super::check::Check;
use crate::sandbox::guarantee::GuaranteeReport;

/// The results of all checks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// One for each engine that responds.
    pub engines: Vec<EngineDiagnosis>,
    /// Where an engine was looked for without success, and why there is none.
    pub unreachable: Vec<String>,
    /// The repository and this machine.
    pub checks: Vec<Check>,
}

/// What was found on one engine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EngineDiagnosis {
    /// The engine's name for people.
    pub engine: String,
    /// The image, its entrypoint and the way to the gateway.
    pub checks: Vec<Check>,
    /// What a container of the configured image reported from inside; `None` where none could be asked.
    pub report: Option<GuaranteeReport>,
}

impl Diagnosis {
    /// Returns whether everything holds; what the configuration relaxes by name counts as holding.
    pub fn holds(&self) -> bool {
        let engines = &self.engines;
        let mut checks = engines.iter().flat_map(|engine| &engine.checks).chain(&self.checks);
        !engines.is_empty() && checks.all(|check| check.held) && engines.iter().all(EngineDiagnosis::is_sealed)
    }
}

impl EngineDiagnosis {
    fn is_sealed(&self) -> bool {
        self.report
            .as_ref()
            .is_some_and(|report| report.refused().next().is_none())
    }
}
