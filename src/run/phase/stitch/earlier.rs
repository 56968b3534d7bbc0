//! What an earlier attempt left, where a person wants the next one to go on from that.

use tokio::task::block_in_place;

use super::Stitch;
use super::stages::{Attempting, Ended};
use crate::base::error::{Error, ErrorKind, Result};
use crate::model::{AttemptId, PromptName};
use crate::prompt;
use crate::record::event::EventKind;
use crate::run::land::{Contribution, OnTip, merge_onto};
use crate::run::session::Session;

/// The attempt with whose work another one begins, and what its agent is told of that beside the task.
type EarlierWork = (AttemptId, String);

impl Stitch {
    /// Brings the work of the attempt from which a person wants this one to go on into its slot; `None` where it begins from
    /// nothing. A session that goes on has its own work there.
    pub(super) fn begin_from_earlier(
        &self,
        session: &mut Session,
        attempting: &Attempting,
    ) -> Result<Option<EarlierWork>, Box<Ended>> {
        let wanted = attempting.issue.begins_from;
        let Some(from) = wanted.filter(|_| session.resumes().is_none()) else {
            return Ok(None);
        };
        let brought = self.bring_earlier(session, attempting, from);
        brought.map_err(|error| Box::new(Ended::before_call(Err(error))))
    }

    fn bring_earlier(
        &self,
        session: &mut Session,
        attempting: &Attempting,
        from: AttemptId,
    ) -> Result<Option<EarlierWork>> {
        let context = self.context();
        let git = &context.project.git;
        let issue = &attempting.issue;
        let snapshot = match issue.left_by(Some(from)) {
            Ok((_, snapshot)) => git.resolve(snapshot.as_str()),
            Err(error) => Err(error),
        };
        let snapshot = match snapshot {
            Ok(snapshot) => git.commit_info(snapshot)?,
            // It may have been done in another repository.
            Err(error) if matches!(error.kind(), ErrorKind::Usage | ErrorKind::Precondition) => {
                let error = error.in_a_line();
                context.warn(format!(
                    "{}: it begins from nothing instead of attempt {from}: {error}",
                    issue.id
                ));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let base = snapshot.first_parent("snapshot")?;
        let made = Contribution {
            generation: &context.generation,
            task: &issue.id,
            base,
            tree: snapshot.tree,
        };
        let onto = session.base();
        let (tree, conflict) = block_in_place(|| {
            Ok::<_, Error>(match merge_onto(&context.project, made, git.tree_of(onto)?)? {
                OnTip::Tree(tree) => (tree, None),
                OnTip::Conflict(conflict) => {
                    let how = format!("conflicts with newer work in {}", conflict.places());
                    let sides = self.both_sides(
                        &conflict,
                        (base, onto),
                        (made.tree, "What that attempt changed in them:"),
                    )?;
                    (conflict.tree, Some((how, sides)))
                }
            })
        })?;
        session.bring(onto, tree)?;
        let what = format!("{}: it begins with what attempt {from} left", issue.id);
        context.recorder.emit(EventKind::Recovered { what });
        let templates = self.templates(&[PromptName::EarlierWork])?;
        let conflict = conflict.as_ref().map(|(how, sides)| (how.as_str(), sides.as_str()));
        let told = prompt::earlier_work(&templates, &from.to_string(), conflict)?;
        Ok(Some((from, told)))
    }
}
