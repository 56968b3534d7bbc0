//! `doctor`: what of the guarantees holds on this machine, engine by engine, and what of the repository is ready for work.

mod container;
mod repository;

use serde::Serialize;

use crate::engine::Engine;
use crate::error::Result;
use crate::generator::Generator;
use crate::guarantee::GuaranteeReport;

/// Everything that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// One for each engine that answers.
    pub engines: Vec<EngineDiagnosis>,
    /// Where an engine was looked for in vain, and why it is none.
    pub unreachable: Vec<String>,
    /// The repository and this machine.
    pub checks: Vec<Check>,
}

/// What was found on one engine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EngineDiagnosis {
    /// The engine, as people know it.
    pub engine: String,
    /// The image, its entrypoint and the way to the gateway.
    pub checks: Vec<Check>,
    /// What a container of the configured image said from inside; `None` where none could be asked.
    pub report: Option<GuaranteeReport>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it is as it should be.
    pub held: bool,
    /// What was found, in a line.
    pub found: String,
    /// What a person can do about it, where something should be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    fn good(name: &str, found: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            held: true,
            found: found.into(),
            mend: None,
        }
    }

    fn bad(name: &str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            held: false,
            mend: Some(mend.into()),
            ..Self::good(name, found)
        }
    }
}

impl Diagnosis {
    /// Says whether everything holds; what the configuration relaxes by name counts as if it did.
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

impl Generator {
    /// Looks at every engine that can be reached, with one sealed container each, and at the repository. It needs no
    /// generation, changes nothing, and takes no lock.
    ///
    /// # Errors
    ///
    /// Only where the repository itself cannot be read: what is wrong with an engine is part of the answer.
    pub async fn diagnose(&self) -> Result<Diagnosis> {
        let (reachable, unreachable) = Engine::reachable(&self.connect_options()).await?;
        let mut engines = Vec::new();
        for engine in reachable {
            engines.push(container::examine(self, &engine).await);
        }
        Ok(Diagnosis {
            engines,
            unreachable,
            checks: repository::examine(self)?,
        })
    }
}
