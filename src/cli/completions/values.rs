//! The values that the store and the records know. It takes no lock, writes nothing and starts nothing.

use std::collections::BTreeSet;

use super::engine::{Asked, Candidate, Kind};
use crate::base::error::Result;
use crate::cli::Context;
use crate::lifecycle::Generator;

/// Returns all values of the kinds that are asked for. What cannot be read is left out.
pub(super) fn find(asked: &Asked, context: &Context) -> Vec<Candidate> {
    let mut directory = context.directory.clone();
    if let Some(named) = &asked.directory {
        directory.push(named);
    }
    let generator = Generator::open_to_complete(&directory, context.environment.clone());
    let Ok(generator) = generator.map(|generator| generator.choose(asked.generation.clone())) else {
        return Vec::new();
    };
    let found = asked.wanted.iter().map(|kind| values(*kind, &generator));
    found.flat_map(Result::unwrap_or_default).collect()
}

fn values(kind: Kind, generator: &Generator) -> Result<Vec<Candidate>> {
    Ok(match kind {
        Kind::Issues => {
            let issues = generator.store()?.read()?;
            issues
                .iter()
                .map(|issue| Candidate::new(issue.id.to_string(), &issue.title))
                .collect()
        }
        Kind::Labels => {
            let issues = generator.store()?.read()?;
            let labels: BTreeSet<&String> = issues.iter().flat_map(|issue| &issue.labels).collect();
            labels.into_iter().map(|label| Candidate::new(label, "label")).collect()
        }
        Kind::Generations => {
            let names = generator.generation_names()?;
            names
                .iter()
                .map(|name| Candidate::new(name.as_str(), "generation"))
                .collect()
        }
        Kind::Runs => {
            let runs = generator.run_names()?;
            runs.iter().map(|run| Candidate::new(run.as_str(), "run")).collect()
        }
        Kind::Modes => {
            let names = generator.config().mode_names();
            names.iter().map(|name| Candidate::new(name, "mode")).collect()
        }
    })
}
