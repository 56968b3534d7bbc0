//! Limits: control groups of version 2 or 1 as the container sees them, and the kernel's limits of a process.

use super::verdict::ItemVerdict;
use crate::sandbox::guarantee::{Facts, RequestedContainer};

pub(super) fn memory(asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    let Some(most) = asked.memory else {
        return off();
    };
    let wanted = format!("at most {most} bytes, swap included");
    let unified = facts.line("memory.max");
    let (limit, swap) = if unified.is_some() {
        let swap = facts.line("memory.swap.max").map(number);
        (unified.and_then(number), swap.map(|swap| swap == Some(0)))
    } else {
        let limit = facts.line("memory.limit_in_bytes").and_then(number);
        let both = facts.line("memory.memsw.limit_in_bytes").map(number);
        (limit, both.map(|both| both.is_some_and(|both| both <= most)))
    };
    let Some(limit) = limit else {
        return not_limited(wanted, facts, &["memory.max", "memory.limit_in_bytes"]);
    };
    // A kernel that does not account for swap has no such file: then there is nothing to check.
    let (swap_held, swap) = match swap {
        Some(true) => (true, "swap included"),
        Some(false) => (false, "swap not included"),
        None => (true, "the kernel does not count swap"),
    };
    ItemVerdict::new(limit <= most && swap_held, wanted, format!("{limit} bytes, {swap}"))
}

pub(super) fn cpus(asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    let Some(most) = asked.cpus else {
        return off();
    };
    let wanted = format!("at most {most} cores");
    let pair = match facts.line("cpu.max") {
        Some(line) => line.split_once(' '),
        None => facts.line("cpu.cfs_quota_us").zip(facts.line("cpu.cfs_period_us")),
    };
    let cores = pair.and_then(|(quota, period)| cores(quota, period));
    let Some(cores) = cores else {
        return not_limited(wanted, facts, &["cpu.max", "cpu.cfs_quota_us"]);
    };
    // The quota is in whole microseconds, so the result may differ from the request by a hundredth of a core.
    ItemVerdict::new(cores <= most + 0.01, wanted, format!("{cores} cores"))
}

fn cores(quota: &str, period: &str) -> Option<f64> {
    let quota: u32 = quota.parse().ok()?;
    let period: u32 = period.trim().parse().ok().filter(|period| *period > 0)?;
    Some(f64::from(quota) / f64::from(period))
}

pub(super) fn pids(asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    let Some(most) = asked.pids else {
        return off();
    };
    let wanted = format!("at most {most}");
    match facts.line("pids.max").and_then(number) {
        Some(limit) => ItemVerdict::new(limit <= most, wanted, limit.to_string()),
        None => not_limited(wanted, facts, &["pids.max"]),
    }
}

pub(super) fn open_files(asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    let wanted = format!("at most {}", asked.open_files);
    let Some(limits) = facts.value("limits", "Max open files") else {
        return ItemVerdict::unseen(wanted);
    };
    // Soft limit, hard limit, unit: a process can raise the soft one up to the hard one.
    match limits.split_whitespace().nth(1) {
        None => ItemVerdict::unseen(wanted),
        Some(hard) => {
            let held = number(hard).is_some_and(|hard| hard <= asked.open_files);
            ItemVerdict::new(held, wanted, hard)
        }
    }
}

fn off() -> ItemVerdict {
    ItemVerdict::new(true, "off", "off")
}

/// Returns the verdict "no limit" where one of the files was seen, and otherwise that nothing was seen.
fn not_limited(wanted: String, facts: &Facts, files: &[&str]) -> ItemVerdict {
    if files.iter().any(|file| facts.line(file).is_some()) {
        ItemVerdict::new(false, wanted, "no limit")
    } else {
        ItemVerdict::unseen(wanted)
    }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}
