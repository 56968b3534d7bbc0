//! Reads `modes`: the kinds of work. A mode is data, which the one flow of a run reads; nothing in here acts on it.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::field::Field;
use super::gates::read_gates;
use super::keys::MODE;
use super::section::Section;
use super::{Config, Gate, Stage};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::{nearest, one_line};
use crate::issues::issue::TYPES;
use crate::model::ModeKind;

/// A kind of work, with what the configuration changes of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
pub struct Mode {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// What it is built on.
    #[serde(rename = "extends")]
    pub kind: ModeKind,
    /// Path of the template of its measure; unset is `measure_prompt`, or what is built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Path of the template of the plan of its groups; unset is what is built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_prompt: Option<String>,
    /// The type of its tasks.
    #[serde(rename = "type")]
    pub issue_type: String,
    /// Whether each of its tasks has a command that fails before the work, and passes on its result.
    pub proof: bool,
    /// Whether the tests that there are must stay as they are.
    pub keep_tests: bool,
    /// Whether it begins only where there is a gate.
    pub needs_gates: bool,
    /// Whether it changes files. Where it reads them, its findings become tasks that are done; else they are reported alone, unless
    /// that is asked for.
    pub writes: bool,
    /// Whether `source_dirs` stay; unset is `preserve_sources` of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preserve_sources: Option<bool>,
    /// The stages of its attempts; unset are those of the configuration.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "names")]
    pub stages: Option<Vec<Stage>>,
    /// Its gates; unset are those of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gates: Option<Vec<Gate>>,
}

/// Returns a mode as it is built in.
fn built_in(kind: ModeKind) -> Mode {
    let issue_type = match kind {
        ModeKind::Generate | ModeKind::Build | ModeKind::Test | ModeKind::Exec | ModeKind::Audit | ModeKind::Review => {
            "task"
        }
        ModeKind::Feature => "feature",
        ModeKind::Fix => "bug",
        ModeKind::Refactor => "chore",
    };
    Mode {
        name: kind.name().to_owned(),
        kind,
        prompt: None,
        plan_prompt: None,
        issue_type: issue_type.to_owned(),
        proof: kind == ModeKind::Fix,
        keep_tests: kind == ModeKind::Refactor,
        needs_gates: matches!(kind, ModeKind::Fix | ModeKind::Test | ModeKind::Refactor),
        writes: !kind.reports(),
        preserve_sources: (!matches!(kind, ModeKind::Generate | ModeKind::Build)).then_some(true),
        stages: None,
        gates: None,
    }
}

/// Writes the stages of a mode as a file has them: by their names.
#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
fn names<S: Serializer>(stages: &Option<Vec<Stage>>, serializer: S) -> Result<S::Ok, S::Error> {
    let stages = stages.iter().flatten();
    stages.map(Stage::name).collect::<Vec<_>>().serialize(serializer)
}

impl Default for Mode {
    fn default() -> Self {
        built_in(ModeKind::Generate)
    }
}

impl Config {
    /// Returns the mode of a name: as the configuration has it, or as it is built in.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where no mode has this name.
    pub fn mode_named(&self, name: &str) -> Result<Mode> {
        let found = || ModeKind::ALL.into_iter().find(|kind| kind.name() == name).map(built_in);
        self.modes.get(name).cloned().or_else(found).ok_or_else(|| {
            let known = self.mode_names();
            let message = format!("there is no mode `{}`", one_line(name, 60));
            let near = nearest(name, known.iter().map(String::as_str));
            let hint = near.map_or_else(
                || {
                    format!(
                        "the modes are {}; `modes` in the configuration makes more",
                        known.join(", ")
                    )
                },
                |near| format!("did you mean `{near}`?"),
            );
            Error::new(ErrorKind::Usage, message).hint(hint)
        })
    }

    /// Returns the names of all modes.
    pub fn mode_names(&self) -> Vec<String> {
        let own = self
            .modes
            .keys()
            .filter(|name| ModeKind::ALL.iter().all(|kind| kind.name() != **name));
        let built_in = ModeKind::ALL.iter().map(|kind| kind.name().to_owned());
        built_in.chain(own.cloned()).collect()
    }

    /// Returns the configuration as it is in force in a mode.
    #[must_use]
    pub fn in_mode(&self, mode: Mode) -> Self {
        let mut config = self.clone();
        if let Some(preserve_sources) = mode.preserve_sources {
            config.preserve_sources = preserve_sources;
        }
        if let Some(stages) = &mode.stages {
            config.stages.clone_from(stages);
        }
        if let Some(gates) = &mode.gates {
            config.gates.clone_from(gates);
        }
        config.mode = mode;
        config
    }
}

/// Reads `modes`, after `stages`, `commands` and `gates`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    let mut modes = BTreeMap::new();
    top.set("modes", &mut modes, |field| read_modes(field, config));
    config.modes = modes;
}

fn read_modes(field: &Field<'_>, config: &Config) -> Option<BTreeMap<String, Mode>> {
    let entries = field.entries("names of modes to mappings of their keys")?;
    let read = |entry: super::field::Entry<'_>| {
        if !is_name(entry.name) {
            entry.refuse(
                "expected a word in small letters: letters, digits and `-`, at most 32",
                Some("such as `hotfix`".to_owned()),
            );
            return None;
        }
        Some((entry.name.to_owned(), read_mode(&entry.field, entry.name, config)?))
    };
    Some(entries.into_iter().filter_map(read).collect())
}

/// Returns whether a word can name a mode: it is a part of the names of branches.
fn is_name(name: &str) -> bool {
    name.starts_with(|character: char| character.is_ascii_lowercase())
        && name.len() <= 32
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn read_mode(field: &Field<'_>, name: &str, config: &Config) -> Option<Mode> {
    let section = Section::open(field, MODE)?;
    let own = ModeKind::ALL.into_iter().find(|kind| kind.name() == name);
    let mut kind = own;
    section.set_some("extends", &mut kind, |field| {
        let kinds = ModeKind::ALL.map(|kind| (kind.name(), kind));
        let kind = field.choice(&kinds)?;
        match own {
            Some(own) if own != kind => field.refuse_with(
                format!("`{name}` is built in, and extends nothing else"),
                "give the mode another name",
            ),
            _ => Some(kind),
        }
    });
    let Some(kind) = kind else {
        return field.refuse_with(
            "expected `extends`: what it is built on",
            "write the name of a built-in mode: `extends: feature`",
        );
    };
    let mut mode = Mode {
        name: name.to_owned(),
        ..built_in(kind)
    };
    section.set_some("prompt", &mut mode.prompt, Field::repository_path);
    section.set_some("plan_prompt", &mut mode.plan_prompt, Field::repository_path);
    section.set("type", &mut mode.issue_type, |field| {
        field.choice(&TYPES.map(|name| (name, name))).map(str::to_owned)
    });
    section.set("proof", &mut mode.proof, Field::flag);
    section.set("keep_tests", &mut mode.keep_tests, Field::flag);
    section.set("needs_gates", &mut mode.needs_gates, Field::flag);
    section.set("writes", &mut mode.writes, |field| read_writes(field, name, kind));
    section.set_some("preserve_sources", &mut mode.preserve_sources, Field::flag);
    section.set_some("stages", &mut mode.stages, |field| read_stages(field, &config.stages));
    section.set_some("gates", &mut mode.gates, |field| {
        read_gates(field, &config.commands, &config.gates)
    });
    Some(mode)
}

/// Reads whether a mode changes files: one whose work is tasks always does.
fn read_writes(field: &Field<'_>, name: &str, kind: ModeKind) -> Option<bool> {
    let writes = field.flag()?;
    if writes || kind.reports() {
        return Some(writes);
    }
    field.refuse_with(
        format!(
            "`{name}` does tasks, which change files: no mode that is built on `{}` can do without",
            kind.name()
        ),
        "leave the key out, or let the mode extend `audit` or `review`",
    )
}

/// Reads names of stages; one of the project's own is described in `stages`.
fn read_stages(field: &Field<'_>, known: &[Stage]) -> Option<Vec<Stage>> {
    let mut stages: Vec<Stage> = Vec::new();
    for item in field.items("a list of names of stages")? {
        let name = item.scalar().unwrap_or_default();
        let found = match name {
            "stitch" => Some(Stage::Stitch),
            "review" => Some(Stage::Review),
            _ => known.iter().find(|stage| stage.name() == name).cloned(),
        };
        match found {
            Some(stage) if stages.iter().any(|earlier| earlier.name() == stage.name()) => {
                item.refuse::<()>(format!("a second stage is named `{}`", stage.name()));
            }
            Some(stage) => stages.push(stage),
            None => {
                item.refuse_with::<()>(
                    format!("expected the name of a stage, found {}", item.node.describe()),
                    "describe a stage of your own in `stages`, and name it here",
                );
            }
        }
    }
    let last = stages.iter().position(|stage| *stage == Stage::Review);
    if stages.first() == Some(&Stage::Stitch) && last.is_none_or(|last| last + 1 == stages.len()) {
        return Some(stages);
    }
    field.refuse_with(
        "expected `stitch` as the first stage, and `review`, if it is one, as the last",
        "write `[stitch, review]`, or leave the key out",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Config {
        Config::parse(text, "c.yaml").expect(text)
    }

    #[test]
    fn what_is_not_changed_of_a_mode_is_as_it_is_built_in() {
        let config = parse(
            "commands: {test: sh t}\ngates: [test]\nstages: [stitch, {name: docs, prompt: p.md, may_change: [d]}, review]\nmodes: {fix: {type: task}, hotfix: {extends: fix, stages: [stitch, docs], gates: []}}",
        );
        let fix = config.mode_named("fix").unwrap();
        assert_eq!(
            (fix.issue_type.as_str(), fix.proof, fix.kind),
            ("task", true, ModeKind::Fix)
        );
        let hotfix = config.in_mode(config.mode_named("hotfix").unwrap());
        assert_eq!(
            (hotfix.stages.len(), hotfix.gates.len(), hotfix.preserve_sources),
            (2, 0, true)
        );
        let generate = config.in_mode(config.mode_named("generate").unwrap());
        assert_eq!(
            (generate.stages.len(), generate.gates.len(), generate.preserve_sources),
            (3, 1, false)
        );
        let shown = serde_yaml::to_string(&config).unwrap();
        assert_eq!(Config::parse(&shown, "shown").as_ref(), Ok(&config), "{shown}");
        let error = config.mode_named("futures").unwrap_err();
        assert_eq!(error.hint_text(), Some("did you mean `feature`?"));
    }

    #[test]
    fn whether_a_mode_writes_is_data_too() {
        let config = parse(
            "modes: {audit: {writes: true}, look: {extends: review}, mend: {extends: review, writes: true}, exec: {writes: true}}",
        );
        let writes = |name: &str| config.mode_named(name).unwrap().writes;
        assert_eq!(
            ["audit", "look", "mend", "review", "exec", "fix"].map(writes),
            [true, false, true, false, true, true]
        );
        let shown = serde_json::to_value(config.mode_named("look").unwrap()).unwrap();
        assert_eq!(shown["writes"], false);
    }

    #[test]
    fn what_is_wrong_with_a_mode_is_told_at_its_place() {
        for (text, expected) in [
            ("modes: {mine: {type: bug}}", "expected `extends`"),
            ("modes: {fix: {extends: exec}}", "`fix` is built in"),
            ("modes: {Fix: {extends: exec}}", "expected a word in small letters"),
            (
                "modes: {a: {extends: exec, stages: [review]}}",
                "expected `stitch` as the first stage",
            ),
            (
                "modes: {a: {extends: exec, stages: [stitch, docs]}}",
                "expected the name of a stage",
            ),
            ("modes: {a: {extends: exec, gates: [nope]}}", "`commands` has no `nope`"),
            ("modes: {a: {extends: exec, pomt: x}}", "did you mean `prompt`?"),
            (
                "modes: {fix: {writes: false}}",
                "c.yaml:1:23: modes.fix.writes: `fix` does tasks, which change files: no mode that is built on `fix` can do without",
            ),
            (
                "modes: {a: {extends: build, writes: false}}",
                "no mode that is built on `build` can do without",
            ),
            ("modes: {audit: {writes: maybe}}", "modes.audit.writes: expected"),
        ] {
            let problems = Config::parse(text, "c.yaml").unwrap_err().to_string();
            assert!(problems.contains(expected), "{text}: {problems}");
        }
    }
}
