//! What a call needs, and what comes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::flow::FlowPlace;
use crate::accounting::budget::Reservation;
use crate::accounting::ledger::{CallPlace, Entry};
use crate::agent::{CallReport, Rates, user_message};
use crate::base::error::Error;
use crate::config::{Config, RoleConfig};
use crate::model::{Role, RunId};
use crate::project::HostCredentials;
use crate::record::event::CallName;
use crate::record::recorder::CallFolder;
use crate::run::conversations::{Conversation, Conversations};
use crate::run::disk::DiskWatch;
use crate::run::slots::{Resume, SlotMounts};
use crate::run::waiting::pausing::Pauses;
use crate::sandbox::credential::CredentialSource;
use crate::sandbox::gateway::Proxy;

/// What the containers of a call, and those of gates, are made of.
pub(crate) struct Sandbox<'a> {
    pub(crate) name: CallName,
    pub(crate) config: &'a Config,
    pub(crate) labels: BTreeMap<String, String>,
    /// The person's checkout: relative mounts are seen from here.
    pub(crate) root: &'a Path,
    /// What the gateway shows other hosts.
    pub(crate) host_credentials: &'a HostCredentials,
    pub(crate) slot: PathBuf,
    pub(crate) mounts: &'a SlotMounts,
    /// Whether the work may be written.
    pub(crate) writable: bool,
    pub(crate) folder: &'a CallFolder,
}

impl Sandbox<'_> {
    /// Returns what the names of its containers begin with. That of an attempt has one sandbox at a time; gates on a commit
    /// that has landed are told apart by their slot.
    pub(crate) fn container_name(&self, run: &RunId) -> String {
        let CallName { attempt, .. } = &self.name;
        let slot = self.slot.file_name().filter(|_| *attempt == 0);
        match slot {
            Some(slot) => format!("cordwainer-{run}-{}-slot-{}", self.name, slot.display()),
            None => format!("cordwainer-{run}-{}-{attempt}", self.name),
        }
    }

    /// Begins to watch what a container of the sandbox writes to the disk.
    pub(crate) fn watch_disk(&self) -> DiskWatch {
        let folders = std::iter::once(self.slot.clone())
            .chain(self.mounts.writable())
            .collect();
        DiskWatch::begin(folders, self.config.container.disk, &self.mounts.written)
    }
}

/// What a call needs.
pub(crate) struct Call<'a> {
    pub(crate) sandbox: Sandbox<'a>,
    /// The cycle of the generation that it belongs to.
    pub(crate) cycle: u32,
    /// What tokens cost by model, where calls before this one reported it.
    pub(crate) rates: BTreeMap<String, Rates>,
    pub(crate) role: &'a RoleConfig,
    /// Where the gateway has the credential from.
    pub(crate) credential: Option<CredentialSource>,
    /// Through which proxy the gateway asks the API.
    pub(crate) proxy: Option<Proxy>,
    /// Who notes what the API reports of the account.
    pub(crate) pauses: &'a Pauses,
    /// The session that goes on.
    pub(crate) resume: Option<Resume>,
    pub(crate) prompt: &'a str,
    pub(crate) json_schema: Option<serde_json::Value>,
    /// What was set aside for it.
    pub(crate) reservation: &'a Reservation,
    /// Where what a person says to it comes from.
    pub(crate) conversations: &'a Conversations,
    /// The number of its slot.
    pub(crate) slot: u32,
    /// What takes over its report; `None` where another run cannot.
    pub(crate) flow: Option<&'a FlowPlace>,
    /// Who is told how its agent has ended, before its container is removed.
    pub(crate) on_end: Option<OnEnd<'a>>,
}

/// Hears how an agent has ended.
pub(crate) type OnEnd<'a> = &'a (dyn Fn(&CallReport) + Sync);

impl Call<'_> {
    /// Returns whether the call's requests are held to its budget one by one, as they leave.
    pub(super) fn is_metered(&self) -> bool {
        self.sandbox.config.api(self.sandbox.name.role).is_some()
    }

    /// Returns whether a person can speak to the session while it works: to the one that does the work of a task.
    pub(super) fn is_spoken_to(&self) -> bool {
        let CallName { role, task, .. } = &self.sandbox.name;
        *role == Role::Stitch && task.is_some()
    }

    /// Opens the conversation with the session; `None` where nobody can speak to it.
    pub(super) fn converse(&self) -> Option<Conversation> {
        let CallName { task, candidate, .. } = &self.sandbox.name;
        let task = task.as_ref().filter(|_| self.is_spoken_to())?;
        Some(self.conversations.open(task, *candidate))
    }

    /// Returns what the client reads from its standard input first: the prompt.
    pub(super) fn input(&self, prompt: &str) -> Vec<u8> {
        if self.is_spoken_to() {
            user_message(prompt)
        } else {
            prompt.as_bytes().to_vec()
        }
    }

    /// Returns the place by which the ledger knows the call.
    pub(super) fn place(&self, run: &RunId) -> CallPlace {
        CallPlace {
            role: self.sandbox.name.role,
            task: self.sandbox.name.task.clone(),
            attempt: self.sandbox.name.attempt,
            round: self.sandbox.name.round,
            candidate: self.sandbox.name.candidate,
            cycle: self.cycle,
            run: run.clone(),
        }
    }
}

/// A call that was made.
pub(crate) struct CallResult {
    /// What the client reports; what it used was used, however it ended.
    pub(crate) report: CallReport,
    /// What the ledger keeps of it.
    pub(crate) entry: Entry,
    /// What failed under the agent, if something did. Then it is not known whether its container still runs.
    pub(crate) failure: Option<Error>,
}
