//! The commands that CI and its scripts run: which of them test, lint or check the format, and whether their failure
//! counts.

use std::collections::BTreeMap;

use super::change::FileChange;
use super::finding::{Finding, FindingKind};
use super::pattern::pattern;

mod commands;
mod scopes;

use self::commands::{Check, Class};

/// Returns whether a file has commands that check something, by its name.
pub(super) fn has_commands(path: &str) -> bool {
    pattern!(
        r"(?x)(?:^|/)(?:
            \.github/workflows/[^/]+\.ya?ml | \.github/actions/.*action\.ya?ml | \.gitlab-ci\.ya?ml | \.gitlab/.*\.ya?ml
            | \.travis\.ya?ml | \.circleci/config\.ya?ml | \.?azure-pipelines[^/]*\.ya?ml | \.azure-pipelines/.*\.ya?ml
            | bitbucket-pipelines\.ya?ml | \.drone\.ya?ml | \.woodpecker\.ya?ml | \.woodpecker/.*\.ya?ml | \.cirrus\.ya?ml
            | \.?appveyor\.ya?ml | \.buildkite/.*\.ya?ml | \.semaphore/.*\.ya?ml | Jenkinsfile[^/]* | cloudbuild\.ya?ml
            | GNUmakefile | [Mm]akefile | [^/]+\.mk | \.?[Jj]ustfile | Taskfile\.ya?ml | tox\.ini | package\.json
            | composer\.json | \.ci/[^/]+ | (?:ci|scripts?|bin)/[^/]+\.sh | script/(?:test|cibuild) | (?:run[-_])?tests?\.sh | check\.sh
            | \.pre-commit-config\.ya?ml | lefthook\.ya?ml
        )$"
    )
    .is_match(path)
}

/// Finds what the commands of a change check less.
pub(super) fn find(changes: &[FileChange]) -> Vec<Finding> {
    let changes: Vec<&FileChange> = changes.iter().filter(|change| is_watched(change)).collect();
    let sides = |side: fn(&FileChange) -> (&Option<String>, &Option<String>)| {
        let files = changes.iter().filter_map(move |change| {
            let (path, text) = side(change);
            Some((path.as_deref()?, text.as_deref()?))
        });
        files
            .filter(|(path, _)| has_commands(path))
            .flat_map(|(path, text)| commands::of(path, text))
            .collect::<Vec<_>>()
    };
    let before = sides(|change| (&change.old_path, &change.before));
    let after = sides(|change| (&change.new_path, &change.after));
    let is_wider =
        count(&changes, |change| &change.after, "matrix") > count(&changes, |change| &change.before, "matrix");
    let mut found = gone(&before, &after, is_wider);
    found.extend(narrower(&before, &after));
    found.extend(changes.iter().filter_map(|change| no_trigger(change)));
    found
}

fn is_watched(change: &FileChange) -> bool {
    let paths = [&change.old_path, &change.new_path];
    paths.into_iter().flatten().any(|path| has_commands(path))
}

fn count(changes: &[&FileChange], text: fn(&FileChange) -> &Option<String>, word: &str) -> usize {
    let texts = changes.iter().filter_map(|change| text(change).as_deref());
    texts.map(|text| text.matches(word).count()).sum()
}

/// Finds the checks that do not count any more: they are gone, or their failure is ignored.
fn gone(before: &[Check], after: &[Check], is_wider: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut names: BTreeMap<&str, Vec<&Check>> = BTreeMap::new();
    for check in before.iter().filter(|check| check.ignored.is_none()) {
        names.entry(&check.name).or_default().push(check);
    }
    let strict = |checks: &[Check], class: Class| {
        checks
            .iter()
            .filter(|one| one.class == class && one.ignored.is_none())
            .count()
    };
    let has_new_script = strict(after, Class::Script) > strict(before, Class::Script);
    for (name, were) in names {
        let class = were[0].class;
        let is = after.iter().filter(|one| one.name == name);
        let (counts, ignored): (Vec<_>, Vec<_>) = is.partition(|one| one.ignored.is_none());
        if counts.len() >= were.len() || class == Class::Script {
            continue;
        }
        let ignored_before = before
            .iter()
            .filter(|one| one.name == name && one.ignored.is_some())
            .count();
        if let Some(one) = ignored.last().filter(|_| ignored.len() > ignored_before) {
            let how = one.ignored.clone().unwrap_or_default();
            found.push(finding(one, format!("the failure of `{name}` is ignored: `{how}`")));
            continue;
        }
        let is_replaced = strict(after, class) >= strict(before, class);
        // One tool for both.
        let formats = |one: &&Check| pattern!(r"^(?:biome|ruff|standard|xo|deno|dprint)\b").is_match(&one.name);
        let is_replaced = is_replaced || class == Class::Format && after.iter().filter(formats).count() > 0;
        if !(is_replaced || has_new_script || is_wider && !counts.is_empty()) {
            found.push(finding(were[were.len() - 1], format!("`{name}` is no longer run")));
        }
    }
    found
}

fn finding(check: &Check, what: String) -> Finding {
    Finding {
        path: check.path.clone(),
        line: check.line,
        what,
        kind: FindingKind::Ci,
    }
}

/// Finds words of commands that leave tests out, or let warnings pass, and were not there before.
fn narrower(before: &[Check], after: &[Check]) -> Vec<Finding> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for word in before.iter().flat_map(|check| &check.leaves_out) {
        *known.entry(word).or_default() += 1;
    }
    let mut found = Vec::new();
    for check in after
        .iter()
        .filter(|check| before.iter().any(|old| old.name == check.name))
    {
        for word in &check.leaves_out {
            match known.get_mut(word.as_str()) {
                Some(count @ 1..) => *count -= 1,
                _ => found.push(finding(
                    check,
                    format!("`{}` leaves something out: `{word}`", check.name),
                )),
            }
        }
    }
    for check in before.iter().filter(|check| check.is_strict) {
        let same = || after.iter().filter(|one| one.name == check.name);
        if let Some(one) = same().next().filter(|_| !same().any(|one| one.is_strict)) {
            found.push(finding(one, format!("warnings of `{}` no longer fail it", check.name)));
            break;
        }
    }
    found
}

/// Finds a workflow that begins by itself no more.
fn no_trigger(change: &FileChange) -> Option<Finding> {
    let path = change
        .new_path
        .as_deref()
        .filter(|path| path.contains(".github/workflows/"))?;
    let begins = pattern!(
        r"(?m)^(?:on|'on'|\x22on\x22):.*\b(?:push|pull_request|merge_group)\b|^[ ]+(?:push|pull_request|merge_group):"
    );
    let (before, after) = (change.before.as_deref()?, change.after.as_deref()?);
    let checks = commands::of(path, before).iter().any(|check| check.ignored.is_none());
    let listed = pattern!(r"(?m)^[ ]*-[ ]*(?:push|pull_request|merge_group)\s*$");
    let has = |text: &str| begins.is_match(text) || listed.is_match(text);
    (checks && has(before) && !has(after)).then(|| Finding {
        path: path.to_owned(),
        line: after
            .lines()
            .position(|line| line.contains("on:"))
            .map_or(1, |line| line + 1),
        what: "begins with no push and no pull request any more".to_owned(),
        kind: FindingKind::Ci,
    })
}
