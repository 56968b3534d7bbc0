//! The store's history, the records, and the objects.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;

use serde_json::Value;

use crate::Outcome;
use crate::facts::{Facts, store};
use crate::person::list;

/// One change of one task in the store.
pub(super) struct Version {
    /// The commit of the store.
    pub(super) commit: String,
    /// The task before it; null where it is new.
    before: Value,
    /// The task after it; null where it is gone.
    pub(super) after: Value,
    title: String,
}

/// The ids of nothing, before a file is there and after it is gone.
const NOTHING: &str = "0000000000000000000000000000000000000000";

/// Returns every change of every task, oldest first.
pub(super) fn versions(facts: &Facts) -> Outcome<Vec<Version>> {
    let arguments = [
        "log",
        "--reverse",
        "--first-parent",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--root",
        "--format=%x00%H %s",
    ];
    let log = facts
        .repository
        .git(&[&arguments[..], &[&store(&facts.branch)]].concat())?;
    let mut heads = Vec::new();
    let mut objects = Vec::new();
    for text in log.split('\0').skip(1) {
        let (head, changes) = text.split_once('\n').unwrap_or((text, ""));
        let (commit, title) = head.split_once(' ').unwrap_or((head, ""));
        for change in changes.lines().filter(|line| line.contains("\tissues/")) {
            let words: Vec<&str> = change.split_whitespace().collect();
            let &[_, _, before, after, ..] = words.as_slice() else {
                return Err(format!("`git log` printed `{change}`").into());
            };
            heads.push((commit.to_owned(), title.to_owned()));
            objects.extend([before, after].map(str::to_owned));
        }
    }
    let real: Vec<String> = objects.iter().filter(|object| *object != NOTHING).cloned().collect();
    let mut contents = facts.repository.contents(&real)?.into_iter();
    let mut parsed = objects.iter().map(|object| match object.as_str() {
        NOTHING => Ok(Value::Null),
        _ => serde_json::from_slice(&contents.next().unwrap_or_default()),
    });
    let mut found = Vec::new();
    for (commit, title) in heads {
        let mut next = || parsed.next().ok_or("a change has two objects");
        let (before, after) = (next()??, next()??);
        found.push(Version {
            commit,
            before,
            after,
            title,
        });
    }
    Ok(found)
}

pub(super) fn only_grows(facts: &Facts) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let reference = store(&facts.branch);
    let merges = facts.repository.git(&["rev-list", "--min-parents=2", &reference])?;
    found.extend(
        merges
            .lines()
            .map(|commit| format!("the store's version {commit} is a merge")),
    );
    for version in versions(facts)? {
        let Version {
            commit,
            before,
            after,
            title,
        } = version;
        let id = before["id"].as_str().or(after["id"].as_str()).unwrap_or_default();
        let (was, is) = (list(&before["attempts"]), list(&after["attempts"]));
        if after.is_null() {
            found.push(format!("{id} is gone since {commit} (`{title}`)"));
        } else if is.get(..was.len()) != Some(was) {
            found.push(format!("recorded attempts at {id} changed in {commit} (`{title}`)"));
        } else if before["status"] == "closed" && after["status"] != "closed" {
            found.push(format!(
                "{id} was closed, and is {} since {commit} (`{title}`)",
                after["status"]
            ));
        }
    }
    Ok(found)
}

pub(super) fn events(facts: &Facts) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for run in &facts.runs {
        found.extend(
            run.unreadable
                .iter()
                .map(|line| format!("line {line} of the events of {} cannot be read", run.name)),
        );
    }
    if let Some(last) = facts.runs.iter().rfind(|run| !run.events.is_empty()) {
        let ended = last.events.iter().any(|event| event["type"] == "run_ended");
        if !ended {
            found.push(format!("{} is the newest run, and no event tells its end", last.name));
        }
    }
    Ok(found)
}

pub(super) fn objects(facts: &Facts) -> Outcome<Vec<String>> {
    let output = facts
        .repository
        .try_git(&["fsck", "--full", "--strict", "--no-dangling", "--no-progress"])?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Ok(said.lines().map(str::to_owned).collect())
}

pub(super) fn history(facts: &Facts) -> Outcome<Vec<String>> {
    let folder = facts.repository.state.join("history");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let branch = format!("refs/heads/{}", name.replace("%2F", "/").replace("%25", "%"));
        if facts.repository.tip(&branch)?.is_none() {
            continue;
        }
        let listed = facts.repository.git(&["rev-list", "--objects", &branch])?;
        let reached: BTreeSet<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
        let place = format!("--git-dir={}", folder.join(&name).display());
        let format = "--batch-check=%(objectname)";
        let there = facts
            .repository
            .git(&[&place, "cat-file", "--batch-all-objects", format])?;
        let foreign = there.lines().filter(|object| !reached.contains(object));
        found.extend(foreign.map(|object| format!("`history/{name}` has {object}, which `{branch}` does not reach")));
    }
    Ok(found)
}
