//! Reads the gates.

use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::field::Field;
use super::keys::{GATE, Key, SERVE, WHEN};
use super::node::Kind;
use super::section::Section;
use super::show;
use super::values::parse_duration;
use super::{CommandsConfig, Config};
use crate::base::text;

/// One of `gates`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// Its name for people.
    pub name: String,
    /// Run by `sh -c` in the container, in the slot; empty where `files` are looked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// Globs, each of which must match a file of the tree that is not empty; nothing is run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The server that `command` checks, in the same container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serve: Option<Serve>,
    /// Its time limit.
    #[serde(serialize_with = "show::duration")]
    pub timeout: Duration,
    /// Where it reports its tests by name, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<ResultsFormat>,
    /// A glob of the coverage results that it writes, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<String>,
    /// What it must pass.
    #[serde(skip_serializing_if = "is_default")]
    pub compare: Compare,
    /// Whether it is told and never red.
    #[serde(skip_serializing_if = "is_default")]
    pub advisory: bool,
    /// On so many trees its verdict may depend on chance until it is only told; `None` is however many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<u32>,
    /// For which tasks it is.
    #[serde(skip_serializing_if = "is_default")]
    pub when: When,
    /// Globs of the files that are copied to the run's folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
}

/// For which tasks a gate is: those of which all that is set is so, by one entry of each list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct When {
    /// Globs, one of which matches a path that the task changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Labels, one of which the task has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Types, one of which is the task's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
}

/// A server that a gate needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Serve {
    /// Run by `sh -c` in the gate's container.
    pub command: String,
    /// Where it listens, on loopback.
    pub port: u16,
    /// The path that it answers with success once it can be used; unset, it is enough that it accepts connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// How long it may take until then.
    #[serde(serialize_with = "show::duration")]
    pub within: Duration,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a gate must pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// What passed before the work: tests that failed then may still fail.
    #[default]
    Base,
    /// Everything, whatever failed before the work.
    Strict,
}

impl Gate {
    /// Builds a gate of a command, which has nothing but that.
    pub(crate) fn of(name: String, command: String, timeout: Duration) -> Self {
        Self {
            name,
            command,
            files: Vec::new(),
            serve: None,
            timeout,
            results: None,
            coverage: None,
            compare: Compare::Base,
            advisory: false,
            quarantine: None,
            when: When::default(),
            artifacts: Vec::new(),
        }
    }

    /// Builds a gate of a command that takes as long as a gate may that says nothing of it.
    pub(crate) fn with_default_timeout(name: String, command: String) -> Self {
        Self::of(name, command, *TIMEOUT)
    }

    /// Returns whether its tests are compared by name with what it begins from; those of `files` are its globs.
    pub(crate) fn is_compared(&self) -> bool {
        (self.results.is_some() || !self.files.is_empty()) && self.compare == Compare::Base
    }

    /// Returns what makes its result on a tree another one, beside how that is read.
    pub(crate) fn identity(&self) -> String {
        match &self.serve {
            _ if !self.files.is_empty() => format!("files: {}", self.files.join(", ")),
            None => self.command.clone(),
            Some(serve) => format!(
                "{} with the server {} at {}{}",
                self.command,
                serve.command,
                serve.port,
                serve.ready.as_deref().unwrap_or_default()
            ),
        }
    }
}

/// How a gate reports which tests ran and failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResultsFormat {
    /// The text of `cargo test`.
    Cargo,
    /// The text of `cargo nextest run`.
    Nextest,
    /// The output of `go test -json`.
    Go,
    /// Output in the format TAP.
    Tap,
    /// JUnit files that it writes: a glob over paths in the worktree.
    Junit(String),
}

/// The words for what is read from the output.
const FORMATS: [(&str, ResultsFormat); 4] = [
    ("cargo", ResultsFormat::Cargo),
    ("nextest", ResultsFormat::Nextest),
    ("go", ResultsFormat::Go),
    ("tap", ResultsFormat::Tap),
];

impl fmt::Display for ResultsFormat {
    /// Writes it as the configuration has it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = FORMATS.iter().find(|(_, format)| format == self);
        match (self, word) {
            (Self::Junit(glob), _) => formatter.write_str(glob),
            (_, word) => formatter.write_str(word.map_or("", |(word, _)| word)),
        }
    }
}

impl Serialize for ResultsFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How long a gate may take that says nothing of it.
static TIMEOUT: LazyLock<Duration> = LazyLock::new(|| time_in(GATE, "timeout"));
/// How long its server may take until it can be used.
static WITHIN: LazyLock<Duration> = LazyLock::new(|| time_in(SERVE, "within"));
/// The least port that a server may listen at, and the one that is the gateway's.
const LEAST_PORT: u64 = 1024;
const GATEWAY_PORT: u16 = 8080;

fn time_in(keys: &[Key], name: &str) -> Duration {
    let key = keys.iter().find(|key| key.name == name);
    key.and_then(|key| parse_duration(key.default))
        .expect("the table of keys has a time there, which a test reads")
}

/// The name under which a task's own proof is reported.
pub(crate) const PROOF: &str = "proof";

/// How many gates may run side by side.
const MOST_PARALLEL: u32 = 64;
/// The trees of a gate that are looked at for `quarantine`.
const MOST_QUARANTINE: u32 = 50;

/// Reads `gates` and `gates_parallel`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    let commands = &config.commands;
    top.set("gates", &mut config.gates, |field| read_gates(field, commands, &[]));
    top.set("gates_parallel", &mut config.gates_parallel, |field| {
        field.small_count(MOST_PARALLEL)
    });
}

/// Reads gates; those that are `known` can be named.
pub(super) fn read_gates(field: &Field<'_>, commands: &CommandsConfig, known: &[Gate]) -> Option<Vec<Gate>> {
    let mut gates: Vec<Gate> = Vec::new();
    for item in field.items("a list of commands")? {
        let named = known.iter().find(|gate| item.scalar() == Some(&gate.name));
        let Some(gate) = named.cloned().or_else(|| read_gate(&item, commands)) else {
            continue;
        };
        if gate.name == PROOF {
            item.refuse_with::<()>(
                format!("a gate cannot be named `{PROOF}`: a task's own proof is reported under that name"),
                "give the gate another `name`",
            );
        } else if gates.iter().any(|earlier| earlier.name == gate.name) {
            item.refuse::<()>(format!("a second gate is named `{}`", text::one_line(&gate.name, 60)));
        } else {
            gates.push(gate);
        }
    }
    Some(gates)
}

fn read_gate(field: &Field<'_>, commands: &CommandsConfig) -> Option<Gate> {
    if !matches!(field.node.kind, Kind::Map(_)) {
        return read_line(field, commands);
    }
    let section = Section::open(field, GATE)?;
    let mut gate = Gate::of(String::new(), String::new(), *TIMEOUT);
    section.set("name", &mut gate.name, Field::text);
    section.set("command", &mut gate.command, Field::text);
    section.set("files", &mut gate.files, read_globs);
    section.set_some("serve", &mut gate.serve, read_serve);
    section.set("timeout", &mut gate.timeout, |field| field.duration(""));
    section.set_some("results", &mut gate.results, read_results);
    section.set_some("coverage", &mut gate.coverage, Field::glob);
    let choices = [("base", Compare::Base), ("strict", Compare::Strict)];
    section.set("compare", &mut gate.compare, |field| field.choice(&choices));
    section.set("advisory", &mut gate.advisory, Field::flag);
    section.set_some("quarantine", &mut gate.quarantine, |field| {
        field.small_count(MOST_QUARANTINE)
    });
    section.set("when", &mut gate.when, read_when);
    section.set("artifacts", &mut gate.artifacts, read_globs);
    let has = |name: &str| section.field(name).is_some();
    if has("files") {
        let other = ["command", "serve", "results", "coverage", "artifacts"]
            .into_iter()
            .find(|name| has(name));
        if let Some(other) = other {
            return field.refuse(format!(
                "`files` are looked for without running anything, so `{other}` has no use"
            ));
        }
    } else if !has("command") {
        match commands.named(&gate.name) {
            Some(command) => command.clone_into(&mut gate.command),
            None => return field.refuse("expected a `command`, `files`, or a `name` that `commands` has"),
        }
    }
    if gate.name.is_empty() {
        gate.name = text::one_line(&gate.identity(), 60);
    }
    Some(gate)
}

/// Reads a gate that is one text: the name of a command, or a command line.
fn read_line(field: &Field<'_>, commands: &CommandsConfig) -> Option<Gate> {
    let line = field.text()?;
    if let Some(command) = commands.named(&line) {
        return Some(Gate::of(line.clone(), command.to_owned(), *TIMEOUT));
    }
    let is_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    if !line.chars().all(is_word) {
        return Some(Gate::of(text::one_line(&line, 60), line, *TIMEOUT));
    }
    let names = CommandsConfig::NAMES
        .into_iter()
        .filter(|name| commands.named(name).is_some());
    let hint = match text::nearest(&line, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None if CommandsConfig::NAMES.contains(&line.as_str()) => format!("set `{line}` in `commands`"),
        None => format!("write `{{command: {line}}}` to run the program of that name"),
    };
    field.refuse_with(format!("`commands` has no `{}`", text::one_line(&line, 60)), hint)
}

pub(super) fn read_globs(field: &Field<'_>) -> Option<Vec<String>> {
    let globs = field.list("a list of globs", Field::glob)?;
    if globs.is_empty() && field.items("")?.is_empty() {
        return field.refuse_with("expected a glob", "leave the key out for none");
    }
    Some(globs)
}

fn read_when(field: &Field<'_>) -> Option<When> {
    let section = Section::open(field, WHEN)?;
    let mut when = When::default();
    let words = |field: &Field<'_>| field.list("a list of words", Field::text);
    section.set("paths", &mut when.paths, read_globs);
    section.set("labels", &mut when.labels, words);
    section.set("types", &mut when.types, words);
    Some(when)
}

fn read_serve(field: &Field<'_>) -> Option<Serve> {
    let section = Section::open(field, SERVE)?;
    let (mut command, mut port, mut ready, mut within) = (None, None, None, *WITHIN);
    section.set_some("command", &mut command, Field::text);
    section.set_some("port", &mut port, read_port);
    section.set_some("ready", &mut ready, |field| {
        let path = field.text()?;
        let is_path = path.starts_with('/') && path.chars().all(|character| character.is_ascii_graphic());
        if is_path {
            Some(path)
        } else {
            field.expected("a path such as `/health`")
        }
    });
    section.set("within", &mut within, |field| field.duration(""));
    for name in ["command", "port"] {
        if section.field(name).is_none() {
            return field.refuse(format!("expected a `{name}`"));
        }
    }
    Some(Serve {
        command: command?,
        port: port?,
        ready,
        within,
    })
}

fn read_port(field: &Field<'_>) -> Option<u16> {
    let port = field.count(u64::from(u16::MAX))?;
    match u16::try_from(port) {
        Ok(GATEWAY_PORT) => field.refuse(format!("{GATEWAY_PORT} is the gateway's own port in the container")),
        Ok(port) if u64::from(port) >= LEAST_PORT => Some(port),
        _ => field.expected(&format!(
            "a port from {LEAST_PORT}: the container's user may listen at no lower one"
        )),
    }
}

/// Reads how a gate reports its tests: a word, or a glob of files, which end in `.xml`.
fn read_results(field: &Field<'_>) -> Option<ResultsFormat> {
    let word = field.text()?;
    if let Some((_, format)) = FORMATS.iter().find(|(name, _)| *name == word) {
        return Some(format.clone());
    }
    if word.to_ascii_lowercase().ends_with(".xml") {
        return field.glob().map(ResultsFormat::Junit);
    }
    let message = format!(
        "expected `cargo`, `nextest`, `go`, `tap` or a glob of JUnit files that ends in `.xml`, found {}",
        field.node.describe()
    );
    match text::nearest(&word, FORMATS.iter().map(|(name, _)| *name)) {
        Some(near) => field.refuse_with(message, format!("did you mean `{near}`?")),
        None => field.refuse(message),
    }
}
