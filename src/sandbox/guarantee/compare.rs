//! What was asked, held against what was found.

mod limits;
mod mounts;
mod network;
mod process;
mod runtime;
mod usable;
mod verdict;

use super::item::NOT_SHOWN;
use super::{Facts, Guarantee, GuaranteeReport, Item, RequestedContainer};
use verdict::ItemVerdict;

/// Compares a container's facts with what was requested, for every item of [`Item::ALL`]. With a missing or invalid
/// fact, an item does not hold.
pub fn compare(asked: &RequestedContainer, facts: &Facts) -> GuaranteeReport {
    let items = Item::ALL.into_iter().map(|item| {
        let verdict = check(item, asked, facts);
        let hidden = !verdict.held && runtime::is_hidden(item, &verdict.found, asked, facts);
        let found = if hidden { NOT_SHOWN.to_owned() } else { verdict.found };
        Guarantee {
            item,
            held: verdict.held,
            asked: verdict.asked,
            found: crate::base::text::one_line(&found, 200),
            relaxed: !verdict.held && asked.relax.contains(&item),
        }
    });
    GuaranteeReport { items: items.collect() }
}

fn check(item: Item, asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    match item {
        Item::Runtime => runtime::runtime(asked, facts),
        Item::User => process::user(asked, facts),
        Item::Capabilities => process::capabilities(facts),
        Item::NoNewPrivileges => process::no_new_privileges(facts),
        Item::Seccomp => process::seccomp(facts),
        Item::Init => process::init(facts),
        Item::ReadOnlyRoot => mounts::read_only_root(asked, facts),
        Item::Tmpfs => mounts::tmpfs(asked, facts),
        Item::Mounts => mounts::mounts(asked, facts),
        Item::EngineSocket => mounts::engine_socket(asked, facts),
        Item::KernelFiles => mounts::kernel_files(facts),
        Item::Memory => limits::memory(asked, facts),
        Item::Cpus => limits::cpus(asked, facts),
        Item::Pids => limits::pids(asked, facts),
        Item::OpenFiles => limits::open_files(asked, facts),
        Item::Network => network::network(facts),
        Item::Worktree | Item::Git | Item::Home | Item::Temporary => usable::usable(item, asked, facts),
    }
}
