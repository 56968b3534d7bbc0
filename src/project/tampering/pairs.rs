//! Which test after a change is which before it: by its file and name, by its name elsewhere, or by what it does.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{ReadCase, ReadFile};
use super::words::{self, Word};

/// The likeness of two tests that are taken for one with another name.
const LIKE: f64 = 0.7;
/// The likeness of two tests of one file that are taken for one that was rewritten.
const LIKE_IN_FILE: f64 = 0.6;
/// The likeness of two tests of one file, where names that are only before or only after are equal.
const LIKE_BUT_FOR_NAMES: f64 = 0.8;
/// The likeness of the names of two tests of one file that are taken for one, where they are so alike themselves.
const LIKE_NAMES: f64 = 0.7;
const LIKE_WITH_NAME: f64 = 0.35;
/// How many tests without a namesake are compared with each other.
const MOST: usize = 300;

/// A file before and after the change; one of both may be missing.
pub(super) struct Pair {
    pub(super) before: Option<ReadFile>,
    pub(super) after: Option<ReadFile>,
}

/// A case's place: the index of its pair of files, and its own.
pub(super) type Place = (usize, usize);

/// Which case before is which after.
#[derive(Default)]
pub(super) struct Matches {
    pub(super) matched: Vec<(Place, Place)>,
    pub(super) gone: Vec<Place>,
    pub(super) new: Vec<Place>,
}

/// Returns the case at a place before the change.
pub(super) fn before(pairs: &[Pair], place: Place) -> (&ReadFile, &ReadCase) {
    of(pairs[place.0].before.as_ref(), place)
}

/// Returns the case at a place after the change.
pub(super) fn after(pairs: &[Pair], place: Place) -> (&ReadFile, &ReadCase) {
    of(pairs[place.0].after.as_ref(), place)
}

fn of(file: Option<&ReadFile>, place: Place) -> (&ReadFile, &ReadCase) {
    let file = file.expect("a place names a case of a file that is there");
    (file, &file.cases[place.1])
}

/// Matches the cases of all files.
pub(super) fn of_cases(pairs: &[Pair]) -> Matches {
    let places = |side: fn(&Pair) -> Option<&ReadFile>| {
        let files = pairs.iter().enumerate();
        let all = files.flat_map(move |(pair, files)| {
            let count = side(files).map_or(0, |file| file.cases.len());
            (0..count).map(move |case| (pair, case))
        });
        all.collect::<Vec<Place>>()
    };
    let mut matches = Matches {
        gone: places(|pair| pair.before.as_ref()),
        new: places(|pair| pair.after.as_ref()),
        ..Matches::default()
    };
    matches.by_key(pairs, |place, case| (Some(place.0), case.case.name.clone()));
    matches.by_key(pairs, |place, case| (Some(place.0), case.case.plain_name()));
    matches.by_key(pairs, |_, case| (None, case.case.name.clone()));
    matches.by_key(pairs, |_, case| (None, case.case.plain_name()));
    let by_words = |gone: &ReadCase, new: &ReadCase| words::likeness(&gone.words, &new.words);
    matches.by_likeness(pairs, (LIKE, Where::Anywhere), by_words);
    matches.by_likeness(pairs, (LIKE_IN_FILE, Where::InOneFile), by_words);
    matches.by_likeness(pairs, (LIKE_NAMES, Where::InOneFile), |gone, new| {
        if by_words(gone, new) >= LIKE_WITH_NAME && new.asserts.len() >= gone.asserts.len() {
            words::likeness_of_names(&gone.case.name, &new.case.name)
        } else {
            0.0
        }
    });
    let names = Names::of(pairs);
    // What is renamed has its new name all over.
    matches.by_likeness(pairs, (LIKE_BUT_FOR_NAMES, Where::InOneFile), |gone, new| {
        words::likeness(&names.without_old(&gone.words), &names.without_new(&new.words))
    });
    matches
}

/// Where cases are that are compared with each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Anywhere,
    InOneFile,
}

impl Matches {
    /// Matches cases with equal keys, in order.
    fn by_key(&mut self, pairs: &[Pair], key: impl Fn(Place, &ReadCase) -> (Option<usize>, String)) {
        let mut known: BTreeMap<_, Vec<Place>> = BTreeMap::new();
        for place in self.new.iter().rev() {
            known
                .entry(key(*place, after(pairs, *place).1))
                .or_default()
                .push(*place);
        }
        let gone = std::mem::take(&mut self.gone);
        for place in gone {
            let found = known.get_mut(&key(place, before(pairs, place).1)).and_then(Vec::pop);
            match found {
                Some(new) => self.matched.push((place, new)),
                None => self.gone.push(place),
            }
        }
        self.new = known.into_values().flatten().collect();
        self.new.sort_unstable();
    }

    /// Matches cases that are at least so alike, the most alike first.
    fn by_likeness(
        &mut self,
        pairs: &[Pair],
        (least, place): (f64, Where),
        likeness: impl Fn(&ReadCase, &ReadCase) -> f64,
    ) {
        let mut alike = Vec::new();
        for gone in self.gone.iter().take(MOST) {
            for new in self.new.iter().take(MOST) {
                if place == Where::InOneFile && gone.0 != new.0 {
                    continue;
                }
                let (old_case, new_case) = (before(pairs, *gone).1, after(pairs, *new).1);
                let likeness = likeness(old_case, new_case);
                if likeness >= least {
                    alike.push((likeness, *gone, *new));
                }
            }
        }
        alike.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        for (_, gone, new) in alike {
            if self.gone.contains(&gone) && self.new.contains(&new) {
                self.gone.retain(|place| *place != gone);
                self.new.retain(|place| *place != new);
                self.matched.push((gone, new));
            }
        }
    }
}

/// The names that a change takes away everywhere, and those that it brings.
struct Names {
    old: BTreeSet<Word>,
    new: BTreeSet<Word>,
}

impl Names {
    fn of(pairs: &[Pair]) -> Self {
        let names = |side: fn(&Pair) -> Option<&ReadFile>| {
            let files = pairs.iter().filter_map(side);
            let words = files.flat_map(|file| words::of(&file.source.text));
            words
                .filter(|word| matches!(word, Word::Name(_)))
                .collect::<BTreeSet<Word>>()
        };
        let (before, after) = (names(|pair| pair.before.as_ref()), names(|pair| pair.after.as_ref()));
        Self {
            old: before.difference(&after).cloned().collect(),
            new: after.difference(&before).cloned().collect(),
        }
    }

    /// Returns the words of a test before the change, with one name for all that are gone.
    fn without_old(&self, words: &[Word]) -> Vec<Word> {
        without(&self.old, words)
    }

    /// Returns the words of a test after the change, with one name for all that are new.
    fn without_new(&self, words: &[Word]) -> Vec<Word> {
        without(&self.new, words)
    }
}

fn without(names: &BTreeSet<Word>, words: &[Word]) -> Vec<Word> {
    let one = |word: &Word| {
        if names.contains(word) {
            Word::Name(String::new())
        } else {
            word.clone()
        }
    };
    words.iter().map(one).collect()
}
