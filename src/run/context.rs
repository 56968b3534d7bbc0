//! What the steps of a run work with, and how they get and give back their slots.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;

use jiff::Timestamp;

use crate::accounting::budget::{Allowance, Budgets, Request, Reservation, Spent};
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::git::{Oid, PrivateRepository, Slot};
use crate::issues::issue::Issues;
use crate::issues::store::Store;
use crate::model::IssueId;
use crate::model::Role;
use crate::model::generation::GenerationName;
use crate::project::Project;
use crate::project::labels::repository_labels;
use crate::project::protected::ProtectedPaths;
use crate::record::event::Happening;
use crate::record::recorder::Recorder;
use crate::run::call::Resume;
use crate::run::land::AttemptName;
use crate::run::preflight;
use crate::run::waiting::suspend::{SlotOwner, Suspended};
use crate::sandbox::credential::CredentialSource;
use crate::sandbox::engine::{Engine, UserChoice};

/// What a call finds beside its slot.
pub(crate) struct Workplace {
    /// The repository that git uses in the container.
    pub(crate) private: PrivateRepository,
    /// The folder of the host that keeps the client's session.
    pub(crate) session: PathBuf,
    /// The folder of the host that gateways make their sockets in.
    pub(crate) gateway: PathBuf,
}

/// What the steps of a run work with.
pub(crate) struct Work<'a> {
    pub(crate) project: &'a Project,
    /// The repository's id.
    pub(crate) repository: String,
    pub(crate) generation: &'a GenerationName,
    pub(crate) store: Store,
    pub(crate) engine: &'a Engine,
    pub(crate) image: &'a str,
    pub(crate) recorder: &'a Recorder,
    pub(crate) protected: ProtectedPaths,
    /// Where gateways have the credential from; `None` where nobody asks for one.
    pub(crate) credential: Option<CredentialSource>,
    /// What is left of the budgets.
    pub(crate) budgets: Budgets,
    /// Usage limits met in a row.
    pub(crate) limits_in_a_row: AtomicU32,
}

impl Work<'_> {
    pub(crate) fn now(&self) -> Timestamp {
        self.project.world().now()
    }

    /// The generation's last commit.
    pub(crate) fn tip(&self) -> Result<Oid> {
        self.project.tip(self.generation)
    }

    /// Whose a container is.
    pub(crate) fn labels(&self, task: Option<&IssueId>) -> BTreeMap<String, String> {
        let mut labels = repository_labels(&self.project.git, Some(&self.repository));
        labels.extend([
            ("cordwainer.generation".to_owned(), self.generation.to_string()),
            ("cordwainer.run".to_owned(), self.recorder.run().to_owned()),
        ]);
        labels.extend(task.map(|task| ("cordwainer.task".to_owned(), task.to_string())));
        labels
    }

    /// The name of an attempt of this run.
    pub(crate) fn attempt<'name>(&'name self, task: &'name IssueId, number: u32) -> AttemptName<'name> {
        AttemptName {
            generation: self.generation,
            task,
            number,
            run: self.recorder.run(),
            repository: Some(&self.repository),
        }
    }

    /// Whom a slot of this run is for: an attempt at a task, or a round of the `cycle`th measure.
    pub(crate) fn owner(&self, task: Option<IssueId>, attempt: u32, cycle: u32) -> SlotOwner {
        SlotOwner {
            repository: Some(self.repository.clone()),
            generation: self.generation.to_string(),
            run: self.recorder.run().to_owned(),
            task,
            attempt,
            cycle,
            base: None,
            session: None,
            ids: self.owner_ids(),
        }
    }

    /// Takes a slot; its marker says from now on whom it is for.
    pub(crate) fn acquire(&self, owner: &SlotOwner) -> Result<Slot> {
        tokio::task::block_in_place(|| self.project.slots().acquire(&owner.to_text()?))
    }

    /// Brings a slot to `commit`, and makes the repository that the container sees and the folder of its session.
    pub(crate) fn checkout(&self, slot: &mut Slot, owner: SlotOwner, commit: Oid) -> Result<Workplace> {
        preflight::settings(self.project, commit)?;
        let base = Some(commit.to_string());
        let mark = SlotOwner { base, ..owner }.to_text()?;
        lay_out(
            self.project,
            slot,
            commit,
            self.generation.as_str(),
            self.owner_ids(),
            &mark,
        )
    }

    /// The slot in which a session about a task, or of a measure, can go on.
    pub(crate) fn suspended(&self, task: Option<&IssueId>) -> Result<Option<Suspended>> {
        let mut found = self.all_suspended(&self.store.read()?)?.into_iter();
        Ok(found.find(|suspended| suspended.owner.task.as_ref() == task))
    }

    /// Every slot of the generation in which a session can go on.
    pub(crate) fn all_suspended(&self, issues: &Issues) -> Result<Vec<Suspended>> {
        let leftovers = self.project.slots().leftovers()?;
        let suspended = |leftover| Suspended::of(leftover, Some(&self.repository), self.generation, issues);
        Ok(leftovers.iter().filter_map(suspended).collect())
    }

    /// Takes a suspended slot up again, everything in it as it was left.
    pub(crate) fn go_on(&self, slot: &Slot, suspended: &Suspended, owner: SlotOwner) -> Result<(Resume, Workplace)> {
        let resume = Resume {
            session: suspended.session.clone(),
            before: self.store.read()?.session(&suspended.session),
        };
        let slots = self.project.slots();
        let base = Some(suspended.base.clone());
        slot.mark(&SlotOwner { base, ..owner }.to_text()?)?;
        let folder = slots.private_folder(suspended.slot);
        let private = if let Some(private) = slot.private_repository_again(&folder) {
            private
        } else {
            let commit = self.project.git.resolve(&suspended.base)?;
            slot.private_repository(&folder, self.generation.as_str(), commit, Some(self.owner_ids()))?
        };
        let session = slots.session_folder(suspended.slot);
        if !session.is_dir() {
            // The client will not find its session, and say so.
            slot.make_session_folder(&session, Some(self.owner_ids()))?;
        }
        crash_point!("slot.resumed");
        let gateway = slots.gateway_folder(suspended.slot);
        Ok((
            resume,
            Workplace {
                private,
                session,
                gateway,
            },
        ))
    }

    /// The user and group that slots are given to.
    fn owner_ids(&self) -> (u32, u32) {
        let user = UserChoice::of(self.project.config.container.user.as_deref());
        self.engine.slot_owner_for(&user)
    }

    /// Says that something is odd, and that the run goes on.
    pub(crate) fn warn(&self, what: impl Into<String>) {
        self.recorder.emit(Happening::Warned { what: what.into() });
    }

    /// Gives a slot back. What prevents that is said, and left for the next recovery: it must not undo what was done.
    pub(crate) fn release(&self, slot: Slot) {
        let number = slot.number();
        if let Err(error) = slot.release() {
            self.warn(format!("slot {number} could not be given back: {}", error.in_a_line()));
        }
    }

    /// Ends whatever still runs of a task, or of a measure, after something failed under it. While nobody knows that,
    /// its slot may still be written, and stays as it is for the next recovery.
    pub(crate) async fn is_over(&self, task: Option<&IssueId>) -> bool {
        match self.engine.sweep(&self.labels(task)).await {
            Ok(_) => true,
            Err(error) => {
                let error = error.in_a_line();
                self.warn(format!(
                    "what was running may still run, so its worktree is left alone: {error}"
                ));
                false
            }
        }
    }

    /// What a call of a role is to the budgets; `issues` tell which cycle it belongs to.
    fn request(&self, role: Role, task: Option<&IssueId>, issues: &Issues) -> Request {
        let settings = self.project.config.role(role);
        Request {
            role,
            task: task.cloned(),
            cycle: cycle_of(role, issues),
            call: Allowance {
                usd: settings.budget_usd,
                tokens: settings.budget_tokens,
            },
            parallel: settings.parallel,
        }
    }

    /// Says which budget has no room for a call.
    pub(crate) fn spent(&self, role: Role, task: Option<&IssueId>, issues: &Issues) -> Option<Spent> {
        self.budgets.spent(&self.request(role, task, issues), issues.ledger())
    }

    /// Sets aside what a call may use, or says which budget has no room for it.
    pub(crate) fn reserve(&self, role: Role, task: Option<&IssueId>, issues: &Issues) -> Result<Reservation, Spent> {
        self.budgets.reserve(&self.request(role, task, issues), issues.ledger())
    }
}

/// Brings a slot to `commit`, and makes the repository that the container sees, with `branch` checked out, and the folder
/// of its session. `mark` is what the slot's marker says once there may be work in it that is worth keeping.
pub(crate) fn lay_out(
    project: &Project,
    slot: &mut Slot,
    commit: Oid,
    branch: &str,
    owner_ids: (u32, u32),
    mark: &str,
) -> Result<Workplace> {
    let owner_ids = Some(owner_ids);
    let slots = project.slots();
    tokio::task::block_in_place(|| {
        slot.restore(commit, owner_ids)?;
        let folder = slots.private_folder(slot.number());
        let private = slot.private_repository(&folder, branch, commit, owner_ids)?;
        let session = slots.session_folder(slot.number());
        slot.make_session_folder(&session, owner_ids)?;
        slot.mark(mark)?;
        Ok(Workplace {
            private,
            session,
            gateway: slots.gateway_folder(slot.number()),
        })
    })
}

/// The cycle that a call of a role begins in, or goes on with.
pub(crate) fn cycle_of(role: Role, issues: &Issues) -> u32 {
    match role {
        Role::Measure => issues.cycle().saturating_add(1),
        _ => issues.cycle(),
    }
}
