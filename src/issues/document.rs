//! Documents of people: what one is, which items it has, and which mode fits it. Found by code, without a model, from the
//! structure of Markdown or plain text and from words that such documents have.

mod batch;
mod blocks;
mod decode;
mod item;
mod items;
mod kind;
mod mode;
mod reading;
mod section;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use crate::model::ModeKind;
pub use batch::origin;
pub use decode::{MOST_BYTES, decode};
pub use item::DocumentItem;
pub use items::MOST_ITEMS;
pub use kind::DocumentKind;
pub use reading::{Reading, read};
