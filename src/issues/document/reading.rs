//! What was read of a document, as programs get it.

use serde::Serialize;

use super::blocks::blocks;
use super::item::DocumentItem;
use super::items::{Known, MOST_ITEMS, items};
use super::kind::{DocumentKind, Signs};
use super::mode;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::model::ModeKind;

/// What a document is, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// Its title; empty where it has none.
    pub title: String,
    /// What it is.
    pub kind: DocumentKind,
    /// How certain that is, from 0 to 100.
    pub kind_confidence: u8,
    /// What that follows from.
    pub kind_why: Vec<String>,
    /// The mode that fits.
    pub mode: ModeKind,
    /// How certain that is, from 0 to 100.
    pub mode_confidence: u8,
    /// What that follows from.
    pub mode_why: String,
    /// Its items, in order.
    pub items: Vec<DocumentItem>,
}

/// Reads a document's text. One with more than [`MOST_ITEMS`] items is a usage error.
pub fn read(text: &str) -> Result<Reading> {
    let blocks = blocks(text);
    let signs = Signs::of(&blocks);
    let judged = signs.judge();
    let request = mode::request(&signs);
    let known = Known {
        signs: &signs,
        kind: judged.kind,
        request,
    };
    let items = items(&blocks, &known);
    if items.len() > MOST_ITEMS {
        let message = format!(
            "the document has {} items, and at most {MOST_ITEMS} are read",
            items.len()
        );
        return Err(Error::new(ErrorKind::Usage, message).hint("split it into several documents"));
    }
    let advice = mode::advice(&signs, (judged.kind, judged.confidence), request, &items);
    Ok(Reading {
        title: one_line(&signs.title, 200),
        kind: judged.kind,
        kind_confidence: judged.confidence,
        kind_why: judged.why,
        mode: advice.mode,
        mode_confidence: advice.confidence,
        mode_why: advice.why,
        items,
    })
}
