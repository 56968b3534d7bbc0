//! Checks of who runs the command, and what the kernel permits: `/proc/self/status`, see proc(5).

use super::runtime::is_gvisor;
use super::verdict::ItemVerdict;
use crate::sandbox::guarantee::{Facts, RequestedContainer};

/// The sets of capabilities; all five must be empty, because a capability can get from one into another.
const CAPABILITIES: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

/// The first processes of engines: tini, catatonit, and the names under which Docker and podman mount them.
const INITS: [&str; 5] = ["docker-init", "podman-init", "catatonit", "tini", "init"];

pub(super) fn user(asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    let wanted = match asked.user {
        Some((user, group)) => format!("{user}:{group}, not root"),
        None => "not root".to_owned(),
    };
    let (Some(user), Some(group), Some(groups)) =
        (numbers(facts, "Uid"), numbers(facts, "Gid"), numbers(facts, "Groups"))
    else {
        return ItemVerdict::unseen(wanted);
    };
    let offences: Vec<String> = [
        four("user", &user, asked.user.map(|asked| asked.0)),
        four("group", &group, asked.user.map(|asked| asked.1)),
        groups.contains(&0).then(|| "in group 0, too".to_owned()),
        outside(asked, facts, &user),
    ]
    .into_iter()
    .flatten()
    .collect();
    let shown = |ids: &[u32]| ids.first().map_or_else(String::new, u32::to_string);
    ItemVerdict::without(&offences, wanted, format!("{}:{}", shown(&user), shown(&group)))
}

fn numbers(facts: &Facts, key: &str) -> Option<Vec<u32>> {
    let words = facts.value("status", key)?.split_whitespace();
    words.map(|word| word.parse().ok()).collect()
}

/// Returns what is wrong with the real, effective, saved and file system id.
fn four(what: &str, ids: &[u32], asked: Option<u32>) -> Option<String> {
    let good = ids.len() == 4 && ids.iter().all(|id| *id != 0 && *id == asked.unwrap_or(ids[0]));
    let shown: Vec<String> = ids.iter().map(u32::to_string).collect();
    (!good).then(|| format!("{what} {}", shown.join(" ")))
}

/// Returns an offence if the user is root one namespace further out, which only a rootless engine's own user may be.
fn outside(asked: &RequestedContainer, facts: &Facts, user: &[u32]) -> Option<String> {
    let Some(map) = facts.section("uid_map") else {
        return Some("with an unknown user outside of its namespace".to_owned());
    };
    let user = u64::from(*user.first()?);
    for line in map.lines().filter(|line| !line.trim().is_empty()) {
        let numbers: Option<Vec<u64>> = line.split_whitespace().map(|word| word.parse().ok()).collect();
        let Some(&[inside, outside, length]) = numbers.as_deref() else {
            return Some("the container reported an invalid map of users".to_owned());
        };
        let is_it = user >= inside && user - inside < length;
        if is_it && user - inside + outside == 0 && !asked.rootless {
            return Some("root outside of its namespace".to_owned());
        }
        if is_it {
            return None;
        }
    }
    Some("nobody outside of its namespace".to_owned())
}

pub(super) fn capabilities(facts: &Facts) -> ItemVerdict {
    let permitted = facts.value("status", "CapPrm");
    let offence = |set: &&str| match facts.value("status", set) {
        // gVisor has no such set; where there is one, it is part of the permitted one, see capabilities(7).
        None if *set == "CapAmb" && is_gvisor(facts) && permitted.is_some() => None,
        None => Some(format!("{set} not seen")),
        Some(bits) if !bits.is_empty() && bits.bytes().all(|bit| bit == b'0') => None,
        Some(bits) => Some(format!("{set} {bits}")),
    };
    let offences: Vec<String> = CAPABILITIES.iter().filter_map(offence).collect();
    ItemVerdict::without(&offences, "none", "none")
}

pub(super) fn no_new_privileges(facts: &Facts) -> ItemVerdict {
    match facts.value("status", "NoNewPrivs") {
        None => ItemVerdict::unseen("on"),
        Some(flag) => ItemVerdict::new(flag == "1", "on", if flag == "1" { "on" } else { "off" }),
    }
}

pub(super) fn seccomp(facts: &Facts) -> ItemVerdict {
    let asked = "a filter";
    match facts.value("status", "Seccomp") {
        None => ItemVerdict::unseen(asked),
        Some("2") => ItemVerdict::new(true, asked, "a filter"),
        Some("0") => ItemVerdict::new(false, asked, "none"),
        Some(mode) => ItemVerdict::new(false, asked, format!("mode {mode}")),
    }
}

/// Checks that the entrypoint is the child of the first process, and that this is an init. In the host's namespace of
/// processes it would have another parent; without an init it would be the first process itself.
pub(super) fn init(facts: &Facts) -> ItemVerdict {
    let asked = "as the first process";
    let value = |key| facts.value("process", key);
    let (Some(pid), Some(parent), Some(init)) = (value("pid"), value("parent"), value("init")) else {
        return ItemVerdict::unseen(asked);
    };
    let child = parent == "1" && pid != "1" && pid.parse::<u32>().is_ok();
    match (child, INITS.contains(&init)) {
        (true, true) => ItemVerdict::new(true, asked, init),
        (true, false) => ItemVerdict::new(false, asked, format!("`{init}`")),
        (false, _) => ItemVerdict::new(false, asked, format!("process {pid}, child of {parent}")),
    }
}
