//! The repository and the machine: what would stop work, or put it in danger.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::{Looked, settings};
use crate::agent::{DEFAULT_CLIENT_VERSION, OLDEST_CLIENT_VERSION};
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::config::show::size_text;
use crate::config::{DISK_OFF, uncalled_roles, unused_review};
use crate::git::{Hazard, Oid, in_words};
use crate::model::generation::GenerationName;
use crate::project::{Project, templates};
use crate::run::prompt_inputs::try_stage_prompts;
use crate::sandbox::credential::CredentialProblem;
use crate::sandbox::network::Entry;

/// Below this many bytes a run is likely to fill the disk: a slot, its build and the records of a few attempts.
const LEAST_SPACE: u64 = 2 << 30;
/// A lock of git that is older was left, or belongs to something long.
const LONGEST_LOCK: Duration = Duration::from_secs(10);
/// What is said where there are no gates.
const NO_GATES: &str = "none are configured: whatever an agent finishes is merged unchecked";
/// Below this many open files, many connections of a container stand still.
const LEAST_FILES: u64 = 1024;

/// Looks at the repository and the machine, as every run and `doctor` do. Nothing is changed.
pub(crate) fn of_repository(project: &Project) -> Vec<Looked> {
    let ground = Ground::of(project);
    let mut looked = vec![
        Looked::must(
            "repository",
            ground
                .as_ref()
                .map_err(again)
                .and_then(|ground| hazards(project, ground)),
        ),
        Looked::must("identity", identity(project)),
        Looked::must("branch", checked_out(project, ground.as_ref().ok())),
        Looked::must(
            "settings",
            ground
                .as_ref()
                .map_err(again)
                .and_then(|ground| client_settings(project, ground)),
        ),
        Looked::must("state_dir", state_dir(project)),
        Looked::should("uncalled_roles", uncalled(project)),
        Looked::should("unmatched", unmatched(project, ground.as_ref().ok())),
        Looked::should("gates", Ok(gates(project))),
        Looked::should("git_locks", locks(project)),
        Looked::should("secrets_dir", secrets(project)),
        credential(project),
        Looked::must("network_credentials", project.host_credentials().check()),
    ];
    if project.config.templates().next().is_some() {
        looked.push(Looked::must("prompts", prompts(project)));
    }
    if project.config.own_stages().next().is_some() {
        looked.push(Looked::must("stages", stages(project)));
    }
    looked.extend(of_machine(project));
    looked
}

/// Tries the templates of the person's own.
fn prompts(project: &Project) -> Result<String> {
    Ok(match templates::try_all(&project.config, project.git.workdir())? {
        1 => "1 template of your own can be used".to_owned(),
        count => format!("{count} templates of your own can be used"),
    })
}

/// Tries the prompts of the stages of the project's own.
fn stages(project: &Project) -> Result<String> {
    Ok(match try_stage_prompts(project)? {
        1 => "the prompt of 1 stage of your own can be rendered".to_owned(),
        count => format!("the prompts of {count} stages of your own can be rendered"),
    })
}

/// Looks whether the configuration has sections for roles that nothing calls.
fn uncalled(project: &Project) -> Result<String> {
    let config = &project.config;
    match uncalled_roles(config).or_else(|| unused_review(config)) {
        None => Ok("every section of the configuration is read".to_owned()),
        Some(message) => {
            Err(Error::new(ErrorKind::Configuration, message).hint("remove it, or keep it for a later version"))
        }
    }
}

/// Looks whether the repository has what the configuration names.
fn unmatched(project: &Project, ground: Option<&Ground>) -> Result<String> {
    let found = match ground {
        Some(ground) => {
            let mark = ground.generation.as_ref().map(GenerationName::base_mark);
            let base = mark.map(|mark| project.git.reference(&mark)).transpose()?.flatten();
            project.unmatched(ground.commit, base)?
        }
        None => Vec::new(),
    };
    if found.is_empty() {
        return Ok("the repository has what the configuration names".to_owned());
    }
    Err(Error::new(ErrorKind::Configuration, found.join("; "))
        .hint("correct the name, or ignore this if a task is to write it"))
}

/// Says how many gates there are.
fn gates(project: &Project) -> String {
    match project.config.gates.len() {
        0 => NO_GATES.to_owned(),
        1 => "1 gate is configured".to_owned(),
        count => format!("{count} gates are configured"),
    }
}

/// Looks at what needs no repository.
pub(crate) fn of_machine(project: &Project) -> Vec<Looked> {
    vec![
        Looked::should("disk", space(project)),
        Looked::should("open_files", open_files()),
        Looked::should("client", Ok(client())),
        Looked::should("proxy", proxy(project)),
    ]
}

/// Builds the error of something that is not as it should be, and the fix.
fn bad(found: impl Into<String>, fix: impl Into<String>) -> Error {
    Error::new(ErrorKind::Precondition, found).hint(fix)
}

/// Builds a copy of an error for another reader.
fn again(error: &Error) -> Error {
    let same = Error::new(error.kind(), error.in_a_line());
    match error.hint_text() {
        Some(hint) => same.hint(hint),
        None => same,
    }
}

/// What the next task begins from.
pub(crate) struct Ground {
    /// The generation that is meant, if one is open.
    pub(crate) generation: Option<GenerationName>,
    /// Its tip, else the base branch's.
    pub(crate) commit: Oid,
}

impl Ground {
    /// Finds it.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where no generation is open and there is no base branch.
    pub(crate) fn of(project: &Project) -> Result<Self> {
        let branch = &project.config.base_branch;
        if let Ok(generation) = project.generation()
            && let Some(commit) = project.git.reference(&generation.branch())?
        {
            return Ok(Self {
                generation: Some(generation),
                commit,
            });
        }
        match project.git.branch_tip(branch)? {
            Some(commit) => Ok(Self {
                generation: None,
                commit,
            }),
            None => Err(bad(
                format!("there is no branch `{branch}`"),
                "set `base_branch`, or create its first commit",
            )),
        }
    }
}

/// Checks what in the commits that work begins from, and lands on, does not go well with it.
fn hazards(project: &Project, ground: &Ground) -> Result<String> {
    let git = &project.git;
    let branch = &project.config.base_branch;
    let mut hazards = match &ground.generation {
        Some(generation) => project.hazards_of(generation, ground.commit)?,
        None => git.hazards(ground.commit, &[branch])?,
    };
    if let Some(base) = git.branch_tip(branch)?.filter(|base| *base != ground.commit) {
        hazards.extend(git.hazards(base, &[branch])?);
        hazards.sort_by_key(|hazard| std::cmp::Reverse(hazard.severity));
        hazards.dedup();
    }
    let refused: Vec<_> = hazards.iter().filter(|hazard| hazard.refuses_work()).collect();
    if !refused.is_empty() {
        let joined =
            |part: fn(&Hazard) -> &str| refused.iter().map(|hazard| part(hazard)).collect::<Vec<_>>().join("; ");
        let found = format!(
            "this repository cannot be worked on safely: {}",
            joined(|hazard| &hazard.text)
        );
        return Err(bad(found, joined(|hazard| &hazard.fix)));
    }
    let warned: Vec<_> = hazards.iter().map(Hazard::sentence).collect();
    Ok(match warned.as_slice() {
        [] => format!("nothing in `{branch}` prevents work"),
        warned => warned.join("; "),
    })
}

/// Returns whose name is on what is merged.
fn identity(project: &Project) -> Result<String> {
    project.git.user().map(|user| format!("commits are {}'s", user.name))
}

/// Checks that nobody has the generation branch checked out while it moves.
fn checked_out(project: &Project, ground: Option<&Ground>) -> Result<String> {
    let Some(generation) = ground.and_then(|ground| ground.generation.as_ref()) else {
        return Ok("no generation is open".to_owned());
    };
    project.refuse_checked_out(generation)?;
    Ok(format!("`{generation}` is checked out nowhere"))
}

/// Checks that the client's settings do not determine who pays.
fn client_settings(project: &Project, ground: &Ground) -> Result<String> {
    let ignored = settings(project, ground.commit)?;
    Ok(match ignored.as_slice() {
        [] => "the client's settings do not change who pays".to_owned(),
        ignored => ignored.join("; "),
    })
}

/// Checks whether the gateway goes the way out that the machine's settings name.
fn proxy(project: &Project) -> Result<String> {
    let Some(proxy) = &project.environment.proxy else {
        return Ok("none is requested".to_owned());
    };
    let (variable, config) = (proxy.variable(), project.config());
    let apis: BTreeSet<_> = config.roles().filter_map(|role| config.api(role)).collect();
    let mut through = Vec::new();
    for api in apis {
        // What is not a URL is reported by the configuration's own check and by the gateway.
        let Ok(uri) = api.parse() else { continue };
        if proxy.way_to(&uri)?.is_some() {
            through.extend(uri.host().map(str::to_owned));
        }
    }
    let mut allowed = config.network.allow.entries().iter().map(Entry::as_str);
    if let Some(host) = allowed.find(|host| !proxy.excepts(host.trim_start_matches("*."))) {
        let found = format!(
            "`{variable}` is for the model's API alone: the gateway connects to `{host}` of `network.allow` directly, since \
             it must check the address of a name"
        );
        let fix = "allow direct connections to it, and add it to `NO_PROXY`; or remove it from `network.allow`";
        return Err(bad(found, fix));
    }
    Ok(match through.as_slice() {
        [] => format!("the model's API is reached without the proxy that `{variable}` names"),
        hosts => format!(
            "`{variable}` names the proxy through which the gateway reaches {}",
            hosts.join(" and ")
        ),
    })
}

/// Returns which clients are known to work.
fn client() -> String {
    format!("tried with Claude Code {OLDEST_CLIENT_VERSION} to {DEFAULT_CLIENT_VERSION}")
}

/// Checks that slots and records are where the configuration has them: whoever would change something is refused
/// otherwise.
fn state_dir(project: &Project) -> Result<String> {
    project.refuse_second_state_dir()?;
    Ok(format!("`{}`", project.state_dir().display()))
}

/// Locks of git that are not ours: while one is there, nobody can write what it locks. Any git program holds one for a
/// moment.
fn locks(project: &Project) -> Result<String> {
    let held = project.git().locks_held().into_iter();
    let left: Vec<_> = held
        .filter(|(_, age)| *age >= LONGEST_LOCK)
        .map(|(path, age)| format!("`{}`, made {} ago", path.display(), in_words(age)))
        .collect();
    if left.is_empty() {
        return Ok("none is left".to_owned());
    }
    Err(bad(
        left.join("; "),
        "wait until the running git program ends; if none is running, one was killed and its lock file is left over",
    ))
}

/// Checks `secrets_dir`, which must never get into a commit, nor be read by other people of this machine.
fn secrets(project: &Project) -> Result<String> {
    let secrets = &project.config().secrets_dir;
    let folder = project.git().workdir().join(secrets);
    let shown = secrets.display();
    let tip = project.git().branch_tip(&project.config().base_branch)?;
    if let Some(found) = tip.map_or(Ok(None), |tip| project.committed_secret(tip))? {
        return Err(bad(found, "remove it from the base branch, and revoke it"));
    }
    if folder.starts_with(project.git().workdir()) && !project.git().ignores(&secrets.join("any"))? {
        let fix = format!("add `/{shown}/` to `.gitignore`");
        return Err(bad(format!("git does not ignore `{shown}`"), fix));
    }
    match open_to_others(&folder)? {
        None => Ok(format!("`{shown}` is ignored by git, and only its owner can read it")),
        Some(path) => {
            let found = format!("everybody on this machine can read `{path}`");
            Err(bad(
                found,
                "remove the rights of group and others (mode 700, files 600)",
            ))
        }
    }
}

/// Returns the first file of the folder that everybody can read. One below a folder that nobody else can enter is safe.
fn open_to_others(folder: &Path) -> Result<Option<String>> {
    let unreadable = || format!("cannot look into `{}`", folder.display());
    let metadata = match std::fs::metadata(folder) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(ErrorKind::Precondition, unreadable),
    };
    if metadata.mode() & 0o001 == 0 {
        return Ok(None);
    }
    for entry in std::fs::read_dir(folder).with_context(ErrorKind::Precondition, unreadable)? {
        let entry = entry.with_context(ErrorKind::Precondition, unreadable)?;
        let mode = entry
            .metadata()
            .with_context(ErrorKind::Precondition, unreadable)?
            .mode();
        if mode & 0o004 != 0 {
            return Ok(Some(entry.path().display().to_string()));
        }
    }
    Ok(None)
}

/// Checks what the model's API is to know the account by. Calls pause until a login that has expired is renewed.
fn credential(project: &Project) -> Looked {
    const NAME: &str = "credential";
    let Some(source) = project.credential() else {
        return Looked::must(NAME, Ok("none is needed".to_owned()));
    };
    match (source.current(project.clock().now()), source.warning()) {
        (Err(problem @ CredentialProblem::Expired { .. }), _) => Looked::should(NAME, Err(problem.into())),
        (Err(problem), _) => Looked::must(NAME, Err(problem.into())),
        (Ok(_), Some(warning)) => Looked::should(NAME, Err(bad(warning, "restrict it to its owner (`chmod 600`)"))),
        (Ok(_), None) => Looked::must(NAME, Ok("there is one".to_owned())),
    }
}

/// Checks the free space: slots, builds and records need room. Says what an attempt may write of it.
fn space(project: &Project) -> Result<String> {
    let state_dir = &project.state_dir;
    let there = state_dir
        .ancestors()
        .find(|folder| folder.is_dir())
        .unwrap_or(state_dir.as_path());
    let shown = there.display();
    let found = rustix::fs::statvfs(there)
        .map_err(std::io::Error::from)
        .with_context(ErrorKind::Precondition, || {
            format!("cannot determine how full `{shown}` is")
        })?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let limit = match project.config.container.disk {
        Some(most) if most > free => format!(
            "`container.disk` would allow an attempt {}, which is more",
            size_text(most)
        ),
        Some(most) => format!(
            "an attempt that writes more than {} is ended (`container.disk`, watched)",
            size_text(most)
        ),
        None => DISK_OFF.to_owned(),
    };
    let text = format!("{:.1} GiB free at `{shown}`; {limit}", gibibytes(free));
    if free >= LEAST_SPACE {
        return Ok(text);
    }
    Err(bad(text, "make room, or set `state_dir` to a folder on another disk"))
}

#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// Checks how many files this process may have open: each connection of a container takes a few.
fn open_files() -> Result<String> {
    match rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        Some(limit) if limit < LEAST_FILES => Err(bad(
            format!("at most {limit}"),
            format!("raise the limit to {LEAST_FILES} or more (`ulimit -n`)"),
        )),
        Some(limit) => Ok(format!("at most {limit}")),
        None => Ok("no limit".to_owned()),
    }
}
