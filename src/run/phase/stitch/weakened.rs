//! Whether what an attempt left weakens tests, and what follows from it.

use super::Stitch;
use super::stages::Attempting;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::config::Tampering;
use crate::git::Oid;
use crate::issues::attempt::Outcome;
use crate::project::weakened;
use crate::run::attempt_verdict::{AttemptVerdict, weakened_in_words};

/// The file in an attempt's records that has everything that was found.
const FINDINGS_FILE: &str = "weakened-tests.json";

impl Stitch {
    /// Looks in a change for what weakens tests, CI or coverage, as `tampering` asks; in a mode that keeps its tests, for any
    /// change of one, too. Returns the verdict that holds the
    /// task for it; `None` where there is nothing, or where it is only to be told.
    pub(super) fn weakened(&self, attempting: &Attempting, base: Oid, tree: Oid) -> Result<Option<AttemptVerdict>> {
        let context = self.context();
        let config = &context.project.config;
        let keep_tests = config.mode.keep_tests;
        let follows = if keep_tests { Tampering::Hold } else { config.tampering };
        if follows == Tampering::Off {
            return Ok(None);
        }
        let issue = &attempting.issue;
        let planned = (!keep_tests).then_some(&*issue.plan.files);
        let findings = weakened::find(&context.project.git, base, tree, planned)?;
        let Some(said) = weakened_in_words(&findings) else {
            return Ok(None);
        };
        let all = serde_json::to_vec_pretty(&findings);
        let all = all.with_context(ErrorKind::Unexpected, || "cannot write what weakens tests".to_owned())?;
        attempting.folder.write(FINDINGS_FILE, &all)?;
        if follows == Tampering::Hold {
            return Ok(Some(AttemptVerdict::held(Outcome::WeakenedTests, said)));
        }
        context.warn(format!("{} weakens tests: {said}", issue.id));
        Ok(None)
    }
}
