//! The guarantees that were requested for a sealed container, and what it reports from inside that it really has.
//!
//! The entrypoint of every image sends raw [`Facts`] before anything of an agent runs. [`compare()`] checks them against
//! the [`RequestedContainer`], item by item: a missing fact is a guarantee that does not hold.

mod asked;
mod compare;
mod facts;
mod item;
mod mountinfo;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use asked::RequestedContainer;
pub use compare::compare;
pub use facts::{FACTS_LIMIT, Facts};
pub use item::Item;

/// The fix for what a stronger wall hides: that it cannot be checked is for a person to accept.
const RELAX_IT: &str = "name it in `container.relax`, if docs/engines.md on runsc is enough for you";

/// One guarantee of a container, as requested and as found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarantee {
    /// The item.
    pub item: Item,
    /// Whether the container has at least what was requested.
    pub held: bool,
    /// What was requested, in a few words.
    pub asked: String,
    /// What the container reports, in a few words.
    pub found: String,
    /// Whether it does not hold, and `container.relax` allows that.
    #[serde(default, skip_serializing_if = "is_false")]
    pub relaxed: bool,
}

impl Guarantee {
    /// Returns what a person can do if it does not hold.
    pub fn fix(&self) -> &'static str {
        if self.found == item::NOT_SHOWN {
            RELAX_IT
        } else {
            self.item.fix()
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Every item of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuaranteeReport {
    /// One for each of [`Item::ALL`], in that order.
    pub items: Vec<Guarantee>,
}

impl GuaranteeReport {
    /// Returns whether every item was checked and holds.
    pub fn holds(&self) -> bool {
        self.items.len() == Item::ALL.len() && self.items.iter().all(|guarantee| guarantee.held)
    }

    /// Lists the items that do not hold although `container.relax` does not allow that.
    pub fn refused(&self) -> impl Iterator<Item = &Guarantee> {
        let refused = |guarantee: &&Guarantee| !guarantee.held && !guarantee.relaxed;
        self.items.iter().filter(refused)
    }

    /// Lists the items that do not hold, and that `container.relax` allows to be missing.
    pub fn relaxed(&self) -> impl Iterator<Item = &Guarantee> {
        self.items.iter().filter(|guarantee| guarantee.relaxed)
    }

    /// Returns why nothing may run in this container of `engine`: each item that does not hold, what was found, and the
    /// fix; `None` when the container has all that was requested.
    pub fn refusal(&self, engine: &str) -> Option<String> {
        let mut refused = self.refused().peekable();
        refused.peek()?;
        let weaker = refused.map(|guarantee| {
            let Guarantee { item, asked, found, .. } = guarantee;
            let fix = guarantee.fix();
            format!("`{item}` (requested: {asked}; found: {found}; fix: {fix})")
        });
        let weaker: Vec<String> = weaker.collect();
        Some(format!(
            "{engine} gave a container less than requested: {}",
            weaker.join(", ")
        ))
    }
}
