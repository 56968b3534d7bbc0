//! `keep`: how much of what is over stays for a person to look at.

use std::time::Duration;

use serde::Serialize;

use super::field::Field;
use super::section::{Section, subsection};
use super::{Config, show};
use crate::base::serialization::or_off;

/// The `keep` section: what `cordwainer gc` leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeepConfig {
    /// Records of runs, the newest (50); `None` means all.
    #[serde(serialize_with = "or_off")]
    pub runs: Option<u32>,
    /// How long ago the last event of a kept run may be (90 days); `None` means for ever.
    #[serde(serialize_with = "show::duration_or_off")]
    pub run_age: Option<Duration>,
    /// Bytes of all records together (10 GiB); `None` means no limit.
    #[serde(serialize_with = "show::size_or_off")]
    pub run_size: Option<u64>,
    /// Archives of merged generations, the newest (20); `None` means all.
    #[serde(serialize_with = "or_off")]
    pub archives: Option<u32>,
    /// How long ago a prepared layer may have been used (30 days); `None` means for ever.
    #[serde(serialize_with = "show::duration_or_off")]
    pub layer_age: Option<Duration>,
    /// Bytes of all prepared layers together (20 GiB); `None` means no limit.
    #[serde(serialize_with = "show::size_or_off")]
    pub layer_size: Option<u64>,
}

/// More of anything than a disk has room for.
const MOST: u32 = 1_000_000;

/// Reads the section.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    let Some(section) = subsection(top, "keep") else {
        return;
    };
    let keep = &mut config.keep;
    section.set_limit("runs", &mut keep.runs, |field| field.small_count_or_off(MOST));
    section.set_limit("run_age", &mut keep.run_age, Field::duration_or_off);
    section.set_limit("run_size", &mut keep.run_size, |field| field.size_or_off(1 << 20));
    section.set_limit("archives", &mut keep.archives, |field| field.small_count_or_off(MOST));
    section.set_limit("layer_age", &mut keep.layer_age, Field::duration_or_off);
    section.set_limit("layer_size", &mut keep.layer_size, |field| field.size_or_off(1 << 20));
}
