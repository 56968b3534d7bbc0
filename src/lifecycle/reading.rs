//! A dry run of an audit or a review: what would be read, in which parts, and what that will take. No call is made.

use serde::Serialize;

use crate::accounting::estimate::Spread;
use crate::base::error::Result;
use crate::issues::scope::Then;
use crate::lifecycle::{Estimate, Generator, StartOptions};
use crate::model::CommitId;
use crate::prompt::{AuditContext, parts};
use crate::record::findings::NotRead;
use crate::run::phase::audit::{scope_of, told};
use crate::run::prompt_inputs;

/// What an audit or a review would read; the JSON of its `--dry-run`.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct ReadingPlan {
    /// The mode that it would work in.
    pub mode: String,
    /// The commit.
    pub revision: CommitId,
    /// What is asked for, in words.
    pub what: String,
    /// What would become of findings.
    pub then: Then,
    /// The parts that are still to be read, each by a call of its own.
    pub parts: Vec<ReadingPart>,
    /// What was asked for and would not be read.
    pub not_read: Vec<NotRead>,
    /// What reading all parts will take.
    pub estimate: Estimate,
}

/// A part of the files, as one call would be given it.
#[derive(Clone, Debug, Serialize)]
pub struct ReadingPart {
    /// Its files, in their order.
    pub files: Vec<FileSize>,
    /// The size of its prompt, all included.
    pub bytes: usize,
    /// The tokens of its prompt, about.
    pub tokens: usize,
    /// What its call will take, by the share of all prompts that its own is.
    pub takes: Spread,
}

/// A file that would be read.
#[derive(Clone, Debug, Serialize)]
pub struct FileSize {
    /// Its path from the repository's root.
    pub path: String,
    /// Its size in the prompt, with the numbers of its lines.
    pub bytes: usize,
}

impl Generator {
    /// Returns what an audit or a review would read for these options, and what that will take. No call is made, and nothing begins.
    ///
    /// # Errors
    ///
    /// Those of [`Generator::to_read`] and, where a generation is open for these options, of [`Generator::ask_again`], and of kind
    /// [`ErrorKind::Configuration`](crate::base::error::ErrorKind::Configuration) where a template is wrong.
    pub fn reading_plan(&self, options: &StartOptions) -> Result<ReadingPlan> {
        let asked = self.asked_for(options)?;
        let files = asked.files()?;
        let then = asked.then(options);
        let project = &asked.this.project;
        let scope = scope_of(&asked.issues, &project.config.mode);
        if let Some(open) = &asked.open {
            asked.this.refuse_then((open, &asked.issues), (scope.then, then))?;
        }
        let estimate = Estimate::of_parts(files.parts.len(), &asked.this.history()?).of_reading_alone(then);
        let mut planned = Vec::new();
        for (index, part) in files.parts.iter().enumerate() {
            let told = AuditContext {
                part: index + 1,
                parts: files.parts.len(),
                ..told(project, &asked.issues, (asked.commit, files.since), part)?
            };
            let prompt = prompt_inputs::audit_prompt(project, &told)?;
            planned.push(ReadingPart {
                files: told
                    .files
                    .iter()
                    .map(|file| FileSize {
                        path: file.path.clone(),
                        bytes: file.text.len(),
                    })
                    .collect(),
                bytes: prompt.len(),
                tokens: parts(&prompt).iter().map(|part| part.tokens).sum(),
                takes: Spread::default(),
            });
        }
        share_out(&mut planned, &estimate);
        Ok(ReadingPlan {
            mode: project.config.mode.name.clone(),
            revision: asked.commit.into(),
            what: scope.in_words(),
            then,
            parts: planned,
            not_read: files.not_read,
            estimate,
        })
    }
}

/// Says of each part which share of what all take is its own.
fn share_out(parts: &mut [ReadingPart], estimate: &Estimate) {
    let Some(each) = &estimate.measure else { return };
    let all: usize = parts.iter().map(|part| part.bytes).sum();
    let middle = as_number(all) / as_number(parts.len().max(1));
    for part in parts {
        part.takes = each.takes.times(as_number(part.bytes) / middle.max(1.0));
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes of prompts are far below the numbers that a float has no room for"
)]
fn as_number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::plan::History;

    #[test]
    fn parts_take_together_what_the_estimate_says() {
        let part = |bytes| ReadingPart {
            files: Vec::new(),
            bytes,
            tokens: bytes / 4,
            takes: Spread::default(),
        };
        let mut parts = [part(1000), part(3000), part(2000)];
        let estimate = Estimate::of_parts(3, &History::default());
        share_out(&mut parts, &estimate);
        let total = parts.iter().fold(Spread::default(), |sum, part| sum.plus(part.takes));
        assert!(
            (total.median.cost_usd - estimate.total.median.cost_usd).abs() < 1e-9,
            "{total:?}"
        );
        assert!((parts[1].takes.high.tokens - 3.0 * parts[0].takes.high.tokens).abs() < 1e-6);
        assert!((parts[1].takes.median.calls - parts[0].takes.median.calls).abs() < 1e-9);
    }
}
