//! Reads `keep`: how much of what is over stays for a person to look at.

use super::Config;
use super::field::Field;
use super::section::{Section, subsection};

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
