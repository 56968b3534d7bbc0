//! Compares the tests before a change with those after it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::assertion::{Assertion, Strength};
use super::change::FileChange;
use super::excuse::Excuses;
use super::file::{ReadCase, ReadFile};
use super::finding::{Finding, FindingKind};
use super::mark::{self, Mark};
use super::pairs::{self, Matches, Pair, Place};
use super::pattern::pattern;
use super::shared;
use super::words::{self, Word};

/// How many places are looked at for a test that may be commented out.
const MENTIONS: usize = 100;

/// Finds what a change does to tests.
pub(super) fn find(changes: &[FileChange], asked_away: &[String]) -> Vec<Finding> {
    let pairs = read_all(changes);
    let matches = pairs::of_cases(&pairs);
    let mut excuses = Excuses::of(&pairs, &matches);
    let mut found = Vec::new();
    for (old, new) in &matches.matched {
        found.extend(of_matched(&pairs, *old, *new, &mut excuses));
    }
    found.extend(of_gone(&pairs, &matches, &mut excuses, asked_away));
    for new in &matches.new {
        found.extend(of_new(&pairs, *new));
    }
    found.extend(of_groups(&pairs));
    found.extend(pairs.iter().flat_map(|pair| of_modules(pair, changes)));
    found
}

/// Reads both sides of each file.
pub(super) fn read_all(changes: &[FileChange]) -> Vec<Pair> {
    changes.iter().map(read).collect()
}

fn read(change: &FileChange) -> Pair {
    let side = |path: &Option<String>, text: &Option<String>| ReadFile::new(path.as_ref()?, text.as_ref()?);
    Pair {
        before: side(&change.old_path, &change.before),
        after: side(&change.new_path, &change.after),
    }
}

fn finding(file: &ReadFile, line: usize, kind: FindingKind, what: String) -> Finding {
    Finding {
        path: file.path.clone(),
        line,
        what,
        kind,
    }
}

/// Returns a case as people read it.
pub(super) fn said(case: &ReadCase) -> String {
    if case.is_file {
        return "the script".to_owned();
    }
    format!("`{}`", crate::base::text::one_line(&case.case.name, 80))
}

fn of_matched(pairs: &[Pair], old: Place, new: Place, excuses: &mut Excuses) -> Option<Finding> {
    let ((_, before), (file, after)) = (pairs::before(pairs, old), pairs::after(pairs, new));
    let name = said(after);
    if let Some(mark) = after.marks.iter().find(|_| before.marks.is_empty()) {
        return Some(skipped(file, mark, &name));
    }
    if before.marks.iter().any(|mark| !mark.text.contains("should_panic")) {
        // It did not count before.
        return None;
    }
    let says = |kind, what: String| Some(finding(file, after.line, kind, what));
    if after.is_empty && !before.is_empty {
        return says(FindingKind::Emptied, format!("{name} does nothing any more"));
    }
    if let Some(what) = lost((pairs::before(pairs, old).0, before), (file, after), excuses) {
        return says(FindingKind::Weakened, format!("{name} {what}"));
    }
    let body = |read: &ReadCase, file: &ReadFile| mark::swallows(file.language, &read.case.body_of(&file.source.code));
    let old_file = pairs::before(pairs, old).0;
    if body(after, file) && !body(before, old_file) {
        return says(FindingKind::Weakened, format!("{name} catches its own failure"));
    }
    let last = |read: &ReadCase| read.asserts.last().map_or(0, |one| one.at);
    let returns =
        |file: &ReadFile, read: &ReadCase| mark::early_return(&file.source, file.language, &read.case, last(read));
    if let Some(at) = returns(file, after).filter(|_| returns(old_file, before).is_none()) {
        let line = file.source.line(at);
        let what = format!("{name} returns before it asserts everything");
        return Some(finding(file, line, FindingKind::EarlyReturn, what));
    }
    None
}

fn skipped(file: &ReadFile, mark: &Mark, name: &str) -> Finding {
    let text = crate::base::text::one_line(&mark.text, 60);
    if mark.text.contains("should_panic") {
        let what = format!("{name} passes by failing: `{text}`");
        return finding(file, file.source.line(mark.at), FindingKind::Weakened, what);
    }
    let is_focus = pattern!(r"\bonly\b|^f(?:it|describe|context)\b|focus").is_match(&mark.text);
    let how = if is_focus {
        "keeps the others from running"
    } else {
        "is skipped, or may fail"
    };
    let what = format!("{name} {how}: `{text}`");
    finding(file, file.source.line(mark.at), FindingKind::Skipped, what)
}

/// Returns what a test asserted and does not assert any more, in words.
fn lost(
    (old, before): (&ReadFile, &ReadCase),
    (file, after): (&ReadFile, &ReadCase),
    excuses: &mut Excuses,
) -> Option<String> {
    if before.asserts.is_empty() {
        return None;
    }
    let (lost, gained) = differences(&before.asserts, &after.asserts);
    if lost.is_empty() {
        return None;
    }
    let user = shared::words_of(file, after);
    if after.asserts.is_empty() {
        // Its own words stand for nothing: what it did it may do still, and look at no result.
        let is_excused = lost.iter().all(|one| excuses.covers_elsewhere(one, &user));
        return (!is_excused).then(|| match after.constants.first() {
            Some(constant) => format!(
                "asserts only a constant: `{}`",
                crate::base::text::one_line(&constant.text, 60)
            ),
            None => "asserts nothing any more".to_owned(),
        });
    }
    if let Some((was, is)) = weaker(&lost, &gained, after) {
        let show = |one: &Assertion| crate::base::text::one_line(&one.text, 60);
        return Some(format!("asserts `{}` instead of `{}`", show(is), show(was)));
    }
    if lost.len() <= gained.len() {
        return None;
    }
    let there: BTreeSet<&str> = after.asserts.iter().map(|one| one.text.as_str()).collect();
    let twice = lost.iter().filter(|one| there.contains(one.text.as_str())).count();
    if lost.len() - twice <= gained.len() {
        // What it asserted twice it asserts once.
        return None;
    }
    let constants = after.constants.len() > before.constants.len();
    // The last ones are more likely to be gone than those that were rewritten.
    let left: Vec<&Assertion> = unlike(&lost, &gained);
    let missing = left
        .into_iter()
        .filter(|one| !there.contains(one.text.as_str()))
        .filter(|one| !is_said_by(one, &gained) && !excuses.covers(one, Some(&user)))
        .filter(|one| !is_of_version(old, before, one, &user))
        .count();
    if missing * 3 <= before.asserts.len() && !constants && does_more(before, after) {
        // It was rewritten, and asserts most of it still.
        return None;
    }
    (missing > 0).then(|| {
        let (had, has) = (before.asserts.len(), after.asserts.len());
        let more = if constants { ", and constants beside" } else { "" };
        format!("makes {has} of {had} assertions{more}")
    })
}

/// Returns whether an assertion was made for some version or platform alone, which the test does not ask for any more.
fn is_of_version(file: &ReadFile, case: &ReadCase, one: &Assertion, there: &BTreeSet<Word>) -> bool {
    let Some(condition) = mark::condition_of(&file.source, file.language, &case.case, one.at) else {
        return false;
    };
    let asked = pattern!(r"(?i)\w*(?:version|platform)\w*|\bPY_?\d\w*|\b(?:os|goos)\b").find(&condition);
    asked.is_some_and(|word| !there.contains(&Word::Name(word.as_str().to_owned())))
}

/// Returns whether a test has words now that it had not: nobody needs them to leave something out.
fn does_more(before: &ReadCase, after: &ReadCase) -> bool {
    let there: BTreeSet<&Word> = before.words.iter().collect();
    let new = after.words.iter().filter(|word| !there.contains(word)).count();
    new >= 3
}

/// Returns the assertions that only one side has.
fn differences<'side>(
    before: &'side [Assertion],
    after: &'side [Assertion],
) -> (Vec<&'side Assertion>, Vec<&'side Assertion>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in after {
        *counts.entry(&one.text).or_default() += 1;
    }
    let mut lost = Vec::new();
    for one in before {
        match counts.get_mut(one.text.as_str()) {
            Some(count @ 1..) => *count -= 1,
            _ => lost.push(one),
        }
    }
    let gained = after
        .iter()
        .rev()
        .filter(|one| match counts.get_mut(one.text.as_str()) {
            Some(count @ 1..) => {
                *count -= 1;
                true
            }
            _ => false,
        });
    (lost, gained.collect())
}

/// Returns the lost assertions without those for which a gained one stands: each for the one that it is most like.
fn unlike<'side>(lost: &[&'side Assertion], gained: &[&Assertion]) -> Vec<&'side Assertion> {
    let mut left = lost.to_vec();
    for one in gained.iter().take(100) {
        let like = |other: &Assertion| super::words::likeness(&one.words, &other.words);
        let best = (0..left.len().min(100)).max_by(|a, b| like(left[*a]).total_cmp(&like(left[*b])));
        if let Some(best) = best {
            left.remove(best);
        }
    }
    left
}

/// Returns whether half of the words of an assertion are in those that are new, or any where a whole structure is
/// compared now.
fn is_said_by(one: &Assertion, gained: &[&Assertion]) -> bool {
    let there: BTreeSet<&Word> = gained.iter().flat_map(|one| &one.words).collect();
    let is_structure = gained.iter().any(|one| {
        one.strength == Strength::Equality
            && pattern!(r"[{\[]|[sS]napshot|assert_(?:all|array|frame|series)|ElementsAre|[cC]ontainsExactly|contain_exactly|match_array|ConsistOf").is_match(&one.text)
    });
    // What a list is, says how long it is.
    let is_count = pattern!(r"(?i)size|length|len\b|count|calledtimes|times\(").is_match(&one.text);
    if is_structure && (is_count || words::share_parts(&one.words, &there)) {
        return true;
    }
    let is_own = |word: &&Word| !matches!(word, Word::Name(name) if super::words::is_assertion_word(name));
    let own: BTreeSet<&Word> = one.words.iter().filter(is_own).collect();
    let known = own.iter().filter(|word| there.contains(**word)).count();
    known * 2 >= own.len()
}

/// Returns an assertion of what a value is that became one of its existence.
fn weaker<'side>(
    lost: &[&'side Assertion],
    gained: &[&'side Assertion],
    after: &ReadCase,
) -> Option<(&'side Assertion, &'side Assertion)> {
    let count = |all: &[&Assertion]| all.iter().filter(|one| one.strength == Strength::Equality).count();
    if count(lost) <= count(gained) {
        return None;
    }
    let there: BTreeSet<&Word> = after.asserts.iter().flat_map(|one| &one.words).collect();
    for was in lost.iter().filter(|one| one.strength == Strength::Equality) {
        let literals: Vec<_> = was
            .words
            .iter()
            .filter(|word| matches!(word, Word::Literal(_)))
            .collect();
        // A predicate may have the name of the value.
        let is_there = |word: &&Word| there.contains(*word) || words::share_parts(std::slice::from_ref(*word), &there);
        let is_kept = !literals.is_empty() && literals.iter().all(is_there);
        let mut weak = gained.iter().filter(|one| one.strength == Strength::Existence);
        let of_the_same = weak.find(|one| {
            let subject = |word: &&Word| matches!(word, Word::Name(name) if !super::words::is_assertion_word(name));
            one.words.iter().filter(subject).any(|word| was.words.contains(word))
        });
        if let Some(is) = of_the_same.filter(|is| !is_kept || is.words.len() < was.words.len()) {
            return Some((was, is));
        }
    }
    None
}

fn of_gone(pairs: &[Pair], matches: &Matches, excuses: &mut Excuses, asked_away: &[String]) -> Vec<Finding> {
    let mut by_file: BTreeMap<usize, Vec<Place>> = BTreeMap::new();
    let mut accounted: BTreeMap<usize, usize> = BTreeMap::new();
    for place in &matches.gone {
        let (file, case) = pairs::before(pairs, *place);
        let is_asked = pairs[place.0].after.is_none() && asked_away.contains(&file.path);
        if is_asked || !case.marks.is_empty() || case.is_empty {
            continue;
        }
        if excuses.covers_case(file, case) {
            *accounted.entry(place.0).or_default() += 1;
        } else {
            by_file.entry(place.0).or_default().push(*place);
        }
    }
    // A file whose tests are nearly all of something that is gone is of that as a whole.
    by_file.retain(|pair, places| {
        let is_gone = pairs[*pair].after.is_none();
        !(is_gone && places.len() * 2 <= accounted.get(pair).copied().unwrap_or_default())
    });
    by_file
        .into_values()
        .flat_map(|places| of_file(pairs, &places))
        .collect()
}

/// Returns what to say about the tests of a file that are gone: one thing, where the file is.
fn of_file(pairs: &[Pair], places: &[Place]) -> Vec<Finding> {
    let gone = |place: &Place| {
        let (file, case) = pairs::before(pairs, *place);
        let pair = &pairs[place.0];
        let name = said(case);
        let Some(after) = &pair.after else {
            return finding(
                file,
                case.line,
                FindingKind::Deleted,
                format!("{name} is deleted with its file"),
            );
        };
        let head = file.source.raw[case.case.name_at.clone()].trim();
        let is_comment = after
            .source
            .raw
            .match_indices(head)
            .take(MENTIONS)
            .find(|(at, _)| !head.is_empty() && after.source.text[*at..*at + head.len()].trim().is_empty());
        match is_comment {
            Some((at, _)) => {
                let line = after.source.line(at);
                finding(
                    after,
                    line,
                    FindingKind::CommentedOut,
                    format!("{name} is commented out"),
                )
            }
            None => finding(
                file,
                case.line,
                FindingKind::Deleted,
                format!("{name} is deleted, or not collected any more"),
            ),
        }
    };
    let mut found: Vec<Finding> = places.iter().map(gone).collect();
    if let (Some(first), true) = (
        found.first().cloned(),
        places.len() > 1 && pairs[places[0].0].after.is_none(),
    ) {
        let what = format!("{} tests are deleted with their file", places.len());
        found = vec![Finding { what, ..first }];
    }
    found
}

/// Returns what there is to say about a new test: it may say nothing from the beginning.
fn of_new(pairs: &[Pair], new: Place) -> Option<Finding> {
    let (file, case) = pairs::after(pairs, new);
    let name = said(case);
    if let Some(mark) = case.marks.iter().find(|mark| !mark.text.contains("should_panic")) {
        return Some(skipped(file, mark, &name));
    }
    // What frameworks generate to see whether the application starts.
    if case.case.plain_name() == "contextloads" || case.is_file {
        return None;
    }
    if case.is_empty {
        return Some(finding(
            file,
            case.line,
            FindingKind::Emptied,
            format!("{name} is new and does nothing"),
        ));
    }
    let constant = case
        .constants
        .first()
        .filter(|_| case.asserts.is_empty() && case.case.nested.is_empty())?;
    let text = crate::base::text::one_line(&constant.text, 60);
    let what = format!("{name} is new and asserts only a constant: `{text}`");
    Some(finding(file, case.line, FindingKind::Weakened, what))
}

/// Finds marks of groups and of files that were not there before, in this file or another.
fn of_groups(pairs: &[Pair]) -> Vec<Finding> {
    let marks = |file: &Option<ReadFile>| file.as_ref().map_or(0, |file| file.marks.len());
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for mark in pairs
        .iter()
        .filter_map(|pair| pair.before.as_ref())
        .flat_map(|file| &file.marks)
    {
        *known.entry(&mark.line).or_default() += 1;
    }
    let mut found = Vec::new();
    for pair in pairs {
        let Some(file) = &pair.after else {
            continue;
        };
        let mut more = marks(&pair.after).saturating_sub(marks(&pair.before));
        for mark in &file.marks {
            match known.get_mut(mark.line.as_str()) {
                Some(count @ 1..) => *count -= 1,
                _ if more > 0 => {
                    more -= 1;
                    found.push(skipped(file, mark, "a group or a file of tests"));
                }
                _ => {}
            }
        }
    }
    found
}

/// Finds modules with tests that Rust does not compile any more, while their files are still there.
fn of_modules(pair: &Pair, changes: &[FileChange]) -> Vec<Finding> {
    let (Some(before), Some(after)) = (&pair.before, &pair.after) else {
        return Vec::new();
    };
    let modules = |file: &ReadFile| {
        let found = pattern!(r"(?m)(#\[cfg\(test\)\]\s*)?^[ \t]*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;")
            .captures_iter(&file.source.code);
        let is_of_tests = file.path.starts_with("tests/") || file.path.contains("/tests/");
        let found = found.filter(|found| is_of_tests || found.get(1).is_some());
        let named = found.filter_map(|found| {
            let name = found.get(2)?;
            Some((name.as_str().to_owned(), file.source.line(name.start())))
        });
        named.collect::<BTreeMap<String, usize>>()
    };
    if before.language != super::language::Language::Rust {
        return Vec::new();
    }
    let there = modules(after);
    let is_moved = |name: &str| {
        changes.iter().any(|change| {
            let path = change
                .old_path
                .as_deref()
                .filter(|_| change.old_path != change.new_path);
            let path = Path::new(path.unwrap_or_default());
            let is_folder = path.ends_with(format!("{name}/mod.rs"));
            is_folder || path.file_stem().is_some_and(|stem| stem == name)
        })
    };
    let gone = modules(before)
        .into_iter()
        .filter(|(name, _)| !there.contains_key(name) && !is_moved(name));
    let gone = gone.map(|(name, line)| {
        let what = format!("the tests of `mod {name}` are not compiled any more");
        finding(before, line, FindingKind::Deleted, what)
    });
    gone.collect()
}
