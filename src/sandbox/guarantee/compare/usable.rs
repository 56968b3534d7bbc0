//! Whether work is possible in the container: what its entrypoint tried before anything of an agent ran.

use super::verdict::ItemVerdict;
use crate::sandbox::guarantee::{Facts, Item, RequestedContainer};

/// What an entrypoint reports for what it could do.
const YES: &str = "yes";
/// What it reports where there is no such program.
const NONE: &str = "none";

/// Compares what the entrypoint tried. Where nobody asks, as in a worktree that an agent may have locked for itself,
/// whatever it found is as it should be.
pub(super) fn usable(item: Item, asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    let wanted = match item {
        Item::Worktree => "can be written, and is its user's",
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
        // A client does without, and `image check` reports it.
        Some(NONE) if item == Item::Git => ItemVerdict::new(true, wanted, "no git in the image"),
        Some(problem) => ItemVerdict::new(false, wanted, problem),
    }
}
