//! Why a test, or an assertion, that is gone may be no loss: what it asserted is asserted elsewhere now, or what it
//! tested is gone, too.

use std::collections::{BTreeMap, BTreeSet};

use super::assertion::Assertion;
use super::file::{ReadCase, ReadFile};
use super::pairs::{self, Matches, Pair};
use super::shared::{self, SharedCode};
use super::words::{self, Word};

/// What a change gives in place of what it takes.
pub(super) struct Excuses {
    /// The assertions that are new to their tests, with how often.
    gained: BTreeMap<String, usize>,
    /// The words of the lines that are new in tests.
    words: BTreeSet<Word>,
    /// The functions and types that are gone.
    undefined: BTreeSet<String>,
    /// What is asserted after the change, if new words make one assertion serve for many inputs.
    for_many: BTreeSet<String>,
    /// What tests assert together after the change.
    shared: Vec<SharedCode>,
    /// The fields, parameters and options that are gone.
    removed: BTreeSet<String>,
    /// Those of them that are texts of several words, and that are nowhere any more.
    messages: Vec<String>,
    /// What each test does that is there after the change, with its file.
    kept: BTreeSet<(String, Vec<Word>)>,
    /// Whether inputs are generated now.
    is_generated: bool,
}

/// How long a part of a message is that stands for it, in bytes.
const PART_OF_MESSAGE: usize = 8;
/// How many messages that are gone are looked at.
const MOST_MESSAGES: usize = 200;

/// Words that run a test with several types or inputs.
const FOR_MANY: [&str; 16] = [
    "TYPED_TEST",
    "TYPED_TEST_P",
    "TEST_P",
    "TypeParam",
    "TEMPLATE_TEST_CASE",
    "GENERATE",
    "parametrize",
    "each",
    "rstest",
    "Theory",
    "ParameterizedTest",
    "TestCase",
    "DataProvider",
    "dataset",
    "subTest",
    "shared_examples",
];

/// Words that have the inputs of a test generated.
const GENERATED: [&str; 10] = [
    "proptest",
    "quickcheck",
    "given",
    "hypothesis",
    "fc",
    "forAll",
    "Property",
    "property",
    "rapid",
    "StreamData",
];

impl Excuses {
    pub(super) fn of(pairs: &[Pair], matches: &Matches) -> Self {
        let mut gained = counts(pairs.iter().filter_map(|pair| pair.after.as_ref()));
        for (old, new) in &matches.matched {
            // What a test asserted and asserts still cannot stand for what another one did.
            let (before, after) = (pairs::before(pairs, *old).1, pairs::after(pairs, *new).1);
            let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
            for one in &before.asserts {
                *kept.entry(&one.text).or_default() += 1;
            }
            for one in &after.asserts {
                if let (Some(kept @ 1..), Some(there)) = (kept.get_mut(one.text.as_str()), gained.get_mut(&one.text)) {
                    *kept -= 1;
                    *there = there.saturating_sub(1);
                }
            }
        }
        let names = |side: fn(&Pair) -> Option<&ReadFile>| {
            let files = pairs.iter().filter_map(side);
            files
                .flat_map(|file| file.defined.iter().cloned())
                .collect::<BTreeSet<_>>()
        };
        let (before, after) = (names(|pair| pair.before.as_ref()), names(|pair| pair.after.as_ref()));
        let words: BTreeSet<Word> = pairs.iter().flat_map(new_words).collect();
        let has = |names: &[&str]| names.iter().any(|name| words.contains(&Word::Name((*name).to_owned())));
        let removed = removed(pairs);
        Self {
            messages: removed
                .iter()
                .filter(|text| text.contains(' '))
                .take(MOST_MESSAGES)
                .cloned()
                .collect(),
            removed,
            for_many: if has(&FOR_MANY) {
                gained.keys().cloned().collect()
            } else {
                BTreeSet::new()
            },
            is_generated: has(&GENERATED),
            shared: pairs
                .iter()
                .filter_map(|pair| pair.after.as_ref())
                .flat_map(shared::of)
                .collect(),
            kept: kept(pairs, matches),
            gained,
            words,
            undefined: before.difference(&after).cloned().collect(),
        }
    }

    /// Returns whether a test of a file that is gone loses nothing.
    pub(super) fn covers_case(&mut self, file: &ReadFile, case: &ReadCase) -> bool {
        if self.is_of_something_gone(&case.words) {
            return true;
        }
        // Another one does the very same.
        if !case.asserts.is_empty() && self.kept.contains(&(file.path.clone(), case.words.clone())) {
            return true;
        }
        if case.asserts.is_empty() {
            // It only had to run; nothing tells where it went.
            return case.is_empty || words::are_in(&case.words, &self.words);
        }
        case.asserts.iter().all(|one| self.covers(one, None))
    }

    /// Returns whether an assertion that is gone loses nothing. One that is there elsewhere serves once, and what tests
    /// share serves each that has the words of it.
    pub(super) fn covers(&mut self, lost: &Assertion, user: Option<&BTreeSet<Word>>) -> bool {
        if user.is_some_and(|user| self.is_shared(lost, user)) {
            return true;
        }
        if let Some(count @ 1..) = self.gained.get_mut(&lost.text) {
            *count -= 1;
            return true;
        }
        // RSpec's short form of it.
        let short = super::pattern::pattern!(r"^expect\([^()]*\)").replace(&lost.text, "is_expected");
        if let Some(count @ 1..) = self.gained.get_mut(short.as_ref()) {
            *count -= 1;
            return true;
        }
        self.is_of_something_gone(&lost.words)
            || self.for_many.contains(&lost.text)
            || words::are_in(&lost.words, &self.words)
            || self.is_generated && words::names_are_in(&lost.words, &self.words)
    }

    /// Returns whether an assertion of a test that asserts nothing itself any more is made elsewhere, or needs not to be.
    pub(super) fn covers_elsewhere(&mut self, lost: &Assertion, user: &BTreeSet<Word>) -> bool {
        if let Some(count @ 1..) = self.gained.get_mut(&lost.text) {
            *count -= 1;
            return true;
        }
        self.is_shared(lost, user) || self.is_of_something_gone(&lost.words) || self.for_many.contains(&lost.text)
    }

    fn is_shared(&self, lost: &Assertion, user: &BTreeSet<Word>) -> bool {
        self.shared.iter().any(|shared| shared.asserts_for(user, lost))
    }

    fn is_of_something_gone(&self, words: &[Word]) -> bool {
        words.iter().any(|word| match word {
            Word::Name(name) => self.undefined.contains(name) || self.removed.contains(name),
            Word::Literal(text) => {
                // A test names a part of a message, mostly.
                self.removed.contains(text)
                    || text.len() >= PART_OF_MESSAGE
                        && self.messages.iter().any(|message| message.contains(text.as_str()))
            }
        })
    }
}

/// Returns whether a file is of what is tested: there is neither a test in it nor code that tests share.
fn is_source(file: &ReadFile) -> bool {
    file.cases.is_empty() && shared::of(file).is_empty()
}

/// Returns the fields, parameters and options of what is tested that nothing of the change has any more.
fn removed(pairs: &[Pair]) -> BTreeSet<String> {
    let before = pairs.iter().filter_map(|pair| pair.before.as_ref());
    let before = before.filter(|file| is_source(file));
    let mut gone: BTreeSet<String> = before.flat_map(|file| file.members.iter().cloned()).collect();
    gone.extend(taken_out(pairs));
    if gone.is_empty() {
        return gone;
    }
    for after in pairs.iter().filter_map(|pair| pair.after.as_ref()) {
        for found in super::pattern::pattern!(r"--[a-z][\w-]+|[A-Za-z_]\w*").find_iter(&after.source.text) {
            gone.remove(found.as_str());
        }
        for word in words::of(&after.source.text) {
            gone.remove(word.text());
        }
    }
    gone
}

/// Returns the names and the texts of what is tested that stood in lines which a change takes out, where it takes out
/// more than it brings.
fn taken_out(pairs: &[Pair]) -> BTreeSet<String> {
    let mut gone = BTreeSet::new();
    for pair in pairs {
        let Some(before) = pair.before.as_ref().filter(|file| is_source(file)) else {
            continue;
        };
        let after = pair.after.as_ref().map_or("", |file| file.source.text.as_str());
        let lines = |text: &str| {
            let lines = text.lines().map(|line| line.trim().to_owned());
            lines.filter(|line| line.len() > 3).collect::<Vec<_>>()
        };
        let (old, new) = (lines(&before.source.text), lines(after));
        if old.len() <= new.len() {
            continue;
        }
        let there: BTreeSet<&String> = new.iter().collect();
        for line in old.iter().filter(|line| !there.contains(line)) {
            for word in words::of(line) {
                let text = word.text();
                if text.len() > 3 && text.len() < 200 && text.contains(|letter: char| letter.is_alphabetic()) {
                    gone.insert(text.to_owned());
                }
            }
        }
    }
    gone
}

/// Returns what the tests do that are there before and after.
fn kept(pairs: &[Pair], matches: &Matches) -> BTreeSet<(String, Vec<Word>)> {
    let kept = matches.matched.iter().map(|(_, new)| {
        let (file, case) = pairs::after(pairs, *new);
        (file.path.clone(), case.words.clone())
    });
    kept.collect()
}

fn counts<'file>(files: impl Iterator<Item = &'file ReadFile>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for case in files.flat_map(|file| &file.cases) {
        for one in &case.asserts {
            *counts.entry(one.text.clone()).or_default() += 1;
        }
    }
    counts
}

/// Returns the words of the lines that only the file after the change has, where it has tests.
fn new_words(pair: &Pair) -> Vec<Word> {
    let Some(after) = pair.after.as_ref().filter(|file| !file.cases.is_empty()) else {
        return Vec::new();
    };
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    if let Some(before) = &pair.before {
        for line in before.source.text.lines() {
            *known.entry(line.trim()).or_default() += 1;
        }
    }
    let mut new = Vec::new();
    for line in after.source.text.lines() {
        match known.get_mut(line.trim()) {
            Some(count @ 1..) => *count -= 1,
            _ => new.extend(words::of_tables(line)),
        }
    }
    new
}
