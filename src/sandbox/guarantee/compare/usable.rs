//! Whether work is possible in the container: the results of what its entrypoint tried before anything of an agent ran.

use super::verdict::ItemVerdict;
use crate::sandbox::guarantee::{Facts, Item, RequestedContainer};

/// The report of an entrypoint for a success.
const YES: &str = "yes";
/// Its report where there is no such program.
const NONE: &str = "none";

/// Compares the results of the entrypoint's tries. Where none is required, as in a worktree that an agent may have
/// locked for itself, any result is accepted.
pub(super) fn usable(item: Item, asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    let wanted = match item {
        Item::Worktree => "can be written, and belongs to its user",
        Item::Git => "works on the repository",
        _ => "can be written",
    };
    let said = facts.value("usable", item.name());
    if !asked.usable.contains(&item) {
        return ItemVerdict::new(true, "nothing", said.unwrap_or("not seen"));
    }
    match said {
        None => ItemVerdict::unseen(wanted),
        Some(YES) => ItemVerdict::new(true, wanted, wanted),
        // The client works without git, and `cordwainer image check` reports that it is missing.
        Some(NONE) if item == Item::Git => ItemVerdict::new(true, wanted, "no git in the image"),
        Some(problem) => ItemVerdict::new(false, wanted, problem),
    }
}
