//! What tests assert together: in a helper that they call, in a fixture, or in a hook that runs before each of them.

use std::collections::BTreeSet;

use super::assertion::{self, Assertion};
use super::file::{ReadCase, ReadFile};
use super::pattern::pattern;
use super::words::{self, Word};

/// How alike an assertion of a test and one of a helper are of which one may stand for the other.
const LIKE: f64 = 0.5;

/// How many helpers and hooks of a file are compared, and how many assertions of each: every assertion that is gone is
/// compared with those of the hooks.
const MOST: usize = 100;
const MOST_ASSERTIONS: usize = 30;

/// A function, or a hook, of a file of tests that asserts something.
pub(super) struct SharedCode {
    /// Its name; empty for a hook without one.
    name: String,
    asserts: Vec<Assertion>,
    words: BTreeSet<Word>,
}

/// Returns what stands outside of the cases of a file and asserts something, if the file is there for tests.
pub(super) fn of(file: &ReadFile) -> Vec<SharedCode> {
    let is_for_tests = !file.cases.is_empty()
        || pattern!(r"(?i)test|spec|(?:^|/)(?:helpers?|support|fixtures?)(?:[./]|$)").is_match(&file.path);
    if !is_for_tests || !assertion::pattern_of(file.language).is_match(&file.source.code) {
        return Vec::new();
    }
    let heads = file.definitions();
    // What stands before the first definition, or in a hook that has no name, is run for all tests.
    let first = heads.first().map_or(file.source.code.len(), |(_, at)| at.start);
    let mut parts = vec![(String::new(), 0..first)];
    for (index, (name, at)) in heads.iter().enumerate() {
        let end = heads
            .get(index + 1)
            .map_or(file.source.code.len(), |(_, next)| next.start);
        parts.push((name.clone(), at.end..end));
    }
    let shared = parts.into_iter().filter_map(|(name, part)| {
        let outside = file.outside_of_cases(&part);
        let asserts = assertion::find(&file.source, file.language, &outside, &(0..0), &BTreeSet::new());
        let words = outside
            .iter()
            .filter_map(|part| file.source.text.get(part.clone()))
            .flat_map(words::of);
        (!asserts.is_empty()).then(|| SharedCode {
            name,
            words: words.collect(),
            asserts: asserts.into_iter().take(MOST_ASSERTIONS).collect(),
        })
    });
    shared.take(MOST).collect()
}

impl SharedCode {
    /// Returns whether it asserts for a test, whose words are these, what that asserted itself before.
    pub(super) fn asserts_for(&self, user: &BTreeSet<Word>, lost: &Assertion) -> bool {
        let is_hook = pattern!(r"(?i)^$|^(?:set_?up|tear_?down|before|after|init|prepare)").is_match(&self.name);
        if !is_hook && !user.contains(&Word::Name(self.name.clone())) {
            return false;
        }
        if self.asserts.iter().any(|one| one.text == lost.text) {
            return true;
        }
        let is_like = |one: &Assertion| words::likeness(&one.words, &lost.words) >= LIKE;
        // Values that differ from test to test are arguments.
        let has = |word: &Word| self.words.contains(word) || user.contains(word);
        self.asserts.iter().any(is_like) && words::are_among(&lost.words, has)
    }
}

/// Returns the words of a test with its attributes and its parameters, which name fixtures.
pub(super) fn words_of(file: &ReadFile, case: &ReadCase) -> BTreeSet<Word> {
    let text = file.source.text.get(case.case.region.clone());
    words::of(text.unwrap_or_default()).into_iter().collect()
}
