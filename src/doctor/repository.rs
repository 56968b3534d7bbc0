//! The repository and the machine: what would stop work, or put it in danger.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::Check;
use crate::agent::Role;
use crate::error::{Context as _, ErrorKind, Result};
use crate::generator::Generator;
use crate::git::{Hazard, in_words};
use crate::image::{DEFAULT_CLIENT_VERSION, OLDEST_CLIENT_VERSION};
use crate::network::Entry;

/// Below this many bytes a run is likely to fill the disk: a slot, its build and the records of a few attempts.
const LEAST_SPACE: u64 = 2 << 30;
/// A lock of git that is older was left, or belongs to something long.
const LONGEST_LOCK: Duration = Duration::from_secs(10);
/// Below this many open files, many connections of a container stand still.
const LEAST_FILES: u64 = 1024;

/// Examines everything that is not an engine's.
pub(super) fn examine(generator: &Generator) -> Result<Vec<Check>> {
    Ok(vec![
        hazards(generator)?,
        locks(generator),
        secrets(generator)?,
        credential(generator),
        space(&generator.state_dir)?,
        open_files(),
        client(),
        proxy(generator),
    ])
}

/// Whether the gateway goes the way out that the machine's settings name.
fn proxy(generator: &Generator) -> Check {
    const NAME: &str = "proxy";
    let Some(proxy) = &generator.surroundings.proxy else {
        return Check::good(NAME, "none is asked for");
    };
    let (variable, config) = (proxy.variable(), generator.config());
    let apis: BTreeSet<_> = Role::ALL.iter().filter_map(|role| config.api(*role)).collect();
    let mut through = Vec::new();
    for api in apis {
        // What is no URL is told by the configuration's own check and by the gateway.
        let Ok(uri) = api.parse() else { continue };
        match proxy.way_to(&uri) {
            Ok(None) => {}
            Ok(Some(_)) => through.extend(uri.host().map(str::to_owned)),
            Err(error) => {
                let mend = error.hint_text().unwrap_or_default().to_owned();
                return Check::bad(NAME, error.to_string(), mend);
            }
        }
    }
    let mut allowed = config.network.allow.entries().iter().map(Entry::as_str);
    if let Some(host) = allowed.find(|host| !proxy.excepts(host.trim_start_matches("*."))) {
        let found = format!(
            "`{variable}` is for the model's API alone: the gateway connects to `{host}` of `network.allow` directly, since \
             it must see where a name leads"
        );
        let mend = "let this machine connect to it directly, and name it in `NO_PROXY`; or take it off `network.allow`";
        return Check::bad(NAME, found, mend);
    }
    let found = match through.as_slice() {
        [] => format!("the model's API is reached without the one that `{variable}` names"),
        hosts => format!(
            "`{variable}` names the one through which the gateway reaches {}",
            hosts.join(" and ")
        ),
    };
    Check::good(NAME, found)
}

/// Which clients are known to work.
fn client() -> Check {
    let found = format!("tried with Claude Code {OLDEST_CLIENT_VERSION} to {DEFAULT_CLIENT_VERSION}");
    Check::good("client", found)
}

/// What in the base branch does not go well with work done here.
fn hazards(generator: &Generator) -> Result<Check> {
    let branch = &generator.config().base_branch;
    let Some(tip) = generator.git().branch_tip(branch)? else {
        let found = format!("there is no branch `{branch}`");
        return Ok(Check::bad(
            "repository",
            found,
            "set `base_branch`, or make its first commit",
        ));
    };
    let hazards = generator.git().hazards(tip, &[branch])?;
    let refused: Vec<_> = hazards.iter().filter(|hazard| hazard.refuses_work()).collect();
    if !refused.is_empty() {
        let joined =
            |part: fn(&Hazard) -> &str| refused.iter().map(|hazard| part(hazard)).collect::<Vec<_>>().join("; ");
        return Ok(Check::bad(
            "repository",
            joined(|hazard| &hazard.text),
            joined(|hazard| &hazard.mend),
        ));
    }
    let warned: Vec<_> = hazards.iter().map(Hazard::sentence).collect();
    Ok(match warned.as_slice() {
        [] => Check::good("repository", format!("nothing in `{branch}` is in the way")),
        warned => Check::good("repository", warned.join("; ")),
    })
}

/// Locks of git that are not ours: while one is there, nobody can write what it locks. Any git program holds one for a
/// moment.
fn locks(generator: &Generator) -> Check {
    const NAME: &str = "git_locks";
    let held = generator.git().locks_held().into_iter();
    let left: Vec<_> = held
        .filter(|(_, age)| *age >= LONGEST_LOCK)
        .map(|(path, age)| format!("`{}`, made {} ago", path.display(), in_words(age)))
        .collect();
    if left.is_empty() {
        return Check::good(NAME, "none is left");
    }
    Check::bad(
        NAME,
        left.join("; "),
        "let the git program that is at work end; where none is, one was killed, and its lock file has to go",
    )
}

/// `secrets_dir` must never get into a commit, nor be read by other people of this machine.
fn secrets(generator: &Generator) -> Result<Check> {
    const NAME: &str = "secrets_dir";
    let secrets = &generator.config().secrets_dir;
    let folder = generator.git().workdir().join(secrets);
    let shown = secrets.display();
    let tip = generator.git().branch_tip(&generator.config().base_branch)?;
    if let Some(found) = tip.map_or(Ok(None), |tip| generator.committed_secret(tip))? {
        return Ok(Check::bad(
            NAME,
            found,
            "take it out of the base branch, and let nobody use it any more",
        ));
    }
    if folder.starts_with(generator.git().workdir()) && !generator.git().ignores(&secrets.join("any"))? {
        let mend = format!("add `/{shown}/` to `.gitignore`");
        return Ok(Check::bad(NAME, format!("git does not ignore `{shown}`"), mend));
    }
    match open_to_others(&folder)? {
        None => Ok(Check::good(
            NAME,
            format!("`{shown}` is ignored by git, and its owner's alone"),
        )),
        Some(path) => {
            let found = format!("everybody on this machine can read `{path}`");
            Ok(Check::bad(
                NAME,
                found,
                "take the rights of group and others away (mode 700, files 600)",
            ))
        }
    }
}

/// The first file of the folder that everybody can read. One below a folder that nobody else can enter is safe.
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

/// What the model's API is to know the account by.
fn credential(generator: &Generator) -> Check {
    const NAME: &str = "credential";
    let Some(source) = generator.credential() else {
        return Check::good(NAME, "none is needed");
    };
    match (source.current(generator.world().now()), source.warning()) {
        (Err(problem), _) => Check::bad(NAME, problem.to_string(), problem.hint()),
        (Ok(_), Some(warning)) => Check::bad(NAME, warning, "let its owner alone read it"),
        (Ok(_), None) => Check::good(NAME, "there is one"),
    }
}

/// Slots, builds and records need room.
fn space(state_dir: &Path) -> Result<Check> {
    const NAME: &str = "disk";
    let there = state_dir
        .ancestors()
        .find(|folder| folder.is_dir())
        .unwrap_or(state_dir);
    let shown = there.display();
    let found = rustix::fs::statvfs(there)
        .map_err(std::io::Error::from)
        .with_context(ErrorKind::Precondition, || format!("cannot ask how full `{shown}` is"))?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let text = format!("{:.1} GiB free at `{shown}`", gibibytes(free));
    if free >= LEAST_SPACE {
        return Ok(Check::good(NAME, text));
    }
    Ok(Check::bad(
        NAME,
        text,
        "make room, or set `state_dir` to a folder on another disk",
    ))
}

#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// How many files this process may have open: each connection of a container takes a few.
fn open_files() -> Check {
    const NAME: &str = "open_files";
    match rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        Some(limit) if limit < LEAST_FILES => Check::bad(
            NAME,
            format!("at most {limit}"),
            format!("raise the limit to {LEAST_FILES} or more (`ulimit -n`)"),
        ),
        Some(limit) => Check::good(NAME, format!("at most {limit}")),
        None => Check::good(NAME, "no limit"),
    }
}
