//! What a sealed container was to have, beside what it reports from inside that it really got.
//!
//! The entrypoint of every image sends raw [`Facts`] before anything of an agent runs. [`compare`] holds them against
//! what was [`RequestedContainer`], item by item: a fact that is not there is a guarantee that does not hold.

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

/// One item of a container, as asked and as found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarantee {
    /// Which.
    pub item: Item,
    /// Whether the container has at least what was asked for.
    pub held: bool,
    /// What was asked for, in a few words.
    pub asked: String,
    /// What the container reports to have, in a few words.
    pub found: String,
    /// Whether it does not hold, and by `container.relax` it need not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub relaxed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Every item of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuaranteeReport {
    /// One each of [`Item::ALL`], in that order.
    pub items: Vec<Guarantee>,
}

impl GuaranteeReport {
    /// Returns whether every item was looked at and holds.
    pub fn holds(&self) -> bool {
        self.items.len() == Item::ALL.len() && self.items.iter().all(|guarantee| guarantee.held)
    }

    /// Lists what does not hold although nothing relaxes it.
    pub fn refused(&self) -> impl Iterator<Item = &Guarantee> {
        let refused = |guarantee: &&Guarantee| !guarantee.held && !guarantee.relaxed;
        self.items.iter().filter(refused)
    }

    /// Lists what does not hold, and need not.
    pub fn relaxed(&self) -> impl Iterator<Item = &Guarantee> {
        self.items.iter().filter(|guarantee| guarantee.relaxed)
    }

    /// Returns why nothing may run in this container of `engine`: each item that does not hold, what was found, and the
    /// fix; `None` when it is as good as was asked.
    pub fn refusal(&self, engine: &str) -> Option<String> {
        let mut refused = self.refused().peekable();
        refused.peek()?;
        let weaker = refused.map(|guarantee| {
            let Guarantee { item, asked, found, .. } = guarantee;
            format!("`{item}` (requested: {asked}; found: {found}; fix: {})", item.fix())
        });
        let weaker: Vec<String> = weaker.collect();
        Some(format!(
            "{engine} gave a container less than requested: {}",
            weaker.join(", ")
        ))
    }
}
