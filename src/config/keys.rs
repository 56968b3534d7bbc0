//! The table of all keys: the one source of the schema, the example file and "did you mean".

mod hosts;
mod modes;
mod prompts;
mod roles;
mod sections;
mod top;

pub(crate) use hosts::{CREDENTIAL, SECRET};
pub(crate) use modes::MODE;
pub(super) use roles::{MEASURE, RULE, RULE_WHEN, STAGE};
pub(crate) use top::TOP;

/// One key of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// Its name.
    pub(crate) name: &'static str,
    /// The older system's name for it.
    pub(crate) alias: Option<&'static str>,
    /// The values that it accepts.
    pub(crate) shape: Shape,
    /// What its value tells about files.
    pub(crate) files: Files,
    /// Its default as YAML in one line; empty when it is unset, or when `items` has it.
    pub(crate) default: &'static str,
    /// Its default, for a list that is not empty.
    pub(crate) items: &'static [&'static str],
    /// An example value, for keys that are unset or empty by default.
    pub(crate) sample: &'static str,
    /// Its description, in the lines of the example file.
    pub(crate) about: &'static str,
}

impl Key {
    const fn new(name: &'static str, shape: Shape, default: &'static str, about: &'static str) -> Self {
        Self {
            name,
            alias: None,
            shape,
            files: Files::None,
            default,
            items: &[],
            sample: "",
            about,
        }
    }

    const fn items(mut self, items: &'static [&'static str]) -> Self {
        self.items = items;
        self
    }

    const fn sample(mut self, sample: &'static str) -> Self {
        self.sample = sample;
        self
    }

    const fn files(mut self, files: Files) -> Self {
        self.files = files;
        self
    }

    const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Returns whether `name` is this key's name or alias.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == name || self.alias == Some(name)
    }
}

/// What a key's value tells about files in the repository. At a key of `Files::None`, no path can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Files {
    /// Nothing.
    None,
    /// Names files or folders that our own commands obey: no task changes them without review, whatever
    /// `protected_paths` lists.
    Protected,
    /// Names files or folders that tasks may change, or that another key protects.
    Free,
}

/// What a key accepts, in terms of a JSON Schema; `values.rs` checks the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Any text.
    Text,
    /// A name, or a number that identifies something.
    User,
    /// `true` or `false`.
    Flag,
    /// A whole number from 1.
    Count,
    /// A whole number from 1, or `off`.
    CountOrOff,
    /// A whole number from 1, or this word.
    CountOr(&'static str),
    /// A number from 1.
    Number,
    /// A number from [`LEAST_NUMBER`](super::values::LEAST_NUMBER), or `off`.
    NumberOrOff,
    /// A size such as `512m`, or `off`.
    SizeOrOff,
    /// A duration such as `1h30m`, or `off`.
    DurationOrOff,
    /// A duration such as `1h30m`.
    Duration,
    /// A duration, `never` or `always`.
    Wait,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts.
    List,
    /// Rules: mappings of [`RULE`].
    Rules,
    /// Stages: words, or mappings of [`STAGE`].
    Stages,
    /// Names of stages.
    StageNames,
    /// Names of modes to mappings of [`MODE`].
    Modes,
    /// A list of whole numbers from 0 to 4.
    Priorities,
    /// A list of these words, and of names of stages of the project's own.
    Callers(&'static [&'static str]),
    /// The tools of each of [`MCP_TOOLS`], and of stages of the project's own.
    ServerTools,
    /// A list of these words.
    Choices(&'static [&'static str]),
    /// A list of texts, or one text that is split at spaces.
    Words,
    /// Names to texts.
    Map,
    /// Names to texts or numbers, or a list of `NAME=VALUE`.
    Assignments,
    /// Mounts: `SOURCE:TARGET[:ro|rw]`, or mappings.
    Mounts,
    /// Gates: commands, or mappings.
    Gates,
    /// Credentials of other hosts: mappings of [`CREDENTIAL`].
    Credentials,
    /// A command that prepares, or a mapping of [`PREPARE`].
    Prepare,
    /// An image: its name, or a mapping of [`IMAGE`].
    Image,
    /// Names of tools to `distribution` or a version.
    Tools,
    /// Entries of `network.allow`: texts, or mappings of [`NETWORK_ENTRY`].
    NetworkEntries,
    /// A port from 1024.
    Port,
    /// A list of ports.
    Ports,
    /// Names of services to mappings of [`SERVICE`].
    Services,
    /// Names of model context servers to mappings of [`MCP_SERVER`].
    Servers,
    /// Keys below this one.
    Section(&'static [Key]),
}

/// The keys of a mount written as a mapping; the first two are required.
pub(crate) const MOUNT: &[Key] = &[
    Key::new("source", Shape::Text, "", "A folder or file of the host.").files(Files::Protected),
    Key::new("target", Shape::Text, "", "An absolute path in the container."),
    Key::new(
        "writable",
        Shape::Flag,
        "false",
        "Whether the container may write to it.",
    ),
];

/// The keys of an image written as a mapping.
pub(crate) const IMAGE: &[Key] = &[
    Key::new(
        "build",
        Shape::Section(IMAGE_BUILD),
        "",
        "How `cordwainer image build` makes the image.",
    ),
    Key::new(
        "devcontainer",
        Shape::Text,
        "",
        "A devcontainer.json that says how. `cordwainer config check` prints what of it is not used.",
    )
    .files(Files::Protected),
];

/// The keys of an image that is built.
pub(crate) const IMAGE_BUILD: &[Key] = &[
    Key::new(
        "base",
        Shape::Text,
        "",
        "An image with apt. Unset: debian:bookworm-slim.",
    ),
    Key::new("packages", Shape::List, "", "Packages of the distribution."),
    Key::new(
        "tools",
        Shape::Tools,
        "",
        "Tools: `distribution` for the distribution's packages, or a version from the registry of the tool's language.",
    ),
    Key::new(
        "run",
        Shape::List,
        "",
        "Commands of a shell, each in one line, run as root after all else.",
    ),
    Key::new(
        "containerfile",
        Shape::Text,
        "",
        "A Containerfile of your own, instead of all other keys. It is built without any other file.",
    )
    .files(Files::Protected),
];

/// The keys of an entry of `network.allow` written as a mapping; `host` is required.
pub(crate) const NETWORK_ENTRY: &[Key] = &[
    Key::new("host", Shape::Text, "", "A host, as in an entry that is a text."),
    Key::new(
        "methods",
        Shape::List,
        "",
        "The methods that are allowed, such as GET, which includes HEAD. Unset: all.",
    ),
    Key::new(
        "paths",
        Shape::List,
        "",
        "The paths that are allowed: `*` is any text within a segment, `**` any number of segments. Unset: all.",
    ),
    Key::new(
        "roles",
        Shape::Callers(&["measure", "stitch", "review", "gates"]),
        "",
        "Whose containers the entry is for: measure, stitch, review, gates, or a stage of your own by its name. Unset: all.",
    ),
];

/// The keys of a model context server; `tools` is required, and one of `command` and `url`.
pub(crate) const MCP_SERVER: &[Key] = &[
    Key::new(
        "command",
        Shape::List,
        "",
        "The program in the image, and its arguments: the client starts it in the agent's container.",
    ),
    Key::new(
        "url",
        Shape::Text,
        "",
        "The address of a remote server. `network.allow` must have its host.",
    ),
    Key::new("env", Shape::Assignments, "{}", "Environment of the program."),
    Key::new("timeout", Shape::Duration, "5m", "Time of one use of a tool."),
    Key::new(
        "tools",
        Shape::ServerTools,
        "",
        "The tools that each role may use, and each stage of your own by its name; `\"*\"` for all. One without an entry does not have the server.",
    ),
];

/// The roles that may use a model context server.
pub(crate) const MCP_TOOLS: &[Key] = &[
    Key::new("measure", Shape::List, "", "Tools of the phase that proposes tasks."),
    Key::new("stitch", Shape::List, "", "Tools of the phase that works on the tasks."),
    Key::new("review", Shape::List, "", "Tools of reviews."),
];

/// The keys of `commands.prepare` written as a mapping; `command` is required.
pub(crate) const PREPARE: &[Key] = &[
    Key::new(
        "command",
        Shape::Text,
        "",
        "Run by `sh -c` in a container, in a worktree, with what `network.allow` lists.",
    ),
    Key::new(
        "inputs",
        Shape::List,
        "",
        "Globs of the files on which its result depends. Unset: lock files and manifests.",
    )
    .files(Files::Free),
    Key::new("timeout", Shape::Duration, "30m", "Its time limit."),
];

/// The keys of a gate written as a mapping; `command`, `files` or the name of a command is required.
pub(crate) const GATE: &[Key] = &[
    Key::new(
        "name",
        Shape::Text,
        "",
        "Its name in reports. Unset: the command itself.",
    ),
    Key::new(
        "command",
        Shape::Text,
        "",
        "Run by `sh -c` in the container, in the task's worktree. Unset: the command in `commands` of that `name`.",
    ),
    Key::new(
        "files",
        Shape::List,
        "",
        "Instead of `command`: globs, each of which must match a file that is not empty. Nothing is run.",
    )
    .files(Files::Free),
    Key::new(
        "serve",
        Shape::Section(SERVE),
        "",
        "A server for the gate's command to check, in the same container.",
    ),
    Key::new("timeout", Shape::Duration, "30m", "Its time limit."),
    Key::new("when", Shape::Section(WHEN), "", "For which tasks it is: all that is set must be so. Unset: all."),
    Key::new(
        "artifacts",
        Shape::List,
        "",
        "Globs of files in the worktree that are copied to the run's folder after it, 200 files and 64 MiB at most.",
    )
    .files(Files::Free),
    Key::new(
        "results",
        Shape::Text,
        "",
        "How it reports its tests by name: `cargo`, `nextest`, `go` (`go test -json`) or `tap` in its output, or a glob \
         of the JUnit files that it writes, which end in `.xml`.",
    )
    .files(Files::Free),
    Key::new(
        "coverage",
        Shape::Text,
        "",
        "A glob of the coverage results that it writes (lcov, Cobertura, JaCoCo, Go): what they measure may not fall.",
    )
    .files(Files::Free),
    Key::new(
        "compare",
        Shape::Choice(&["base", "strict"]),
        "base",
        "`base`: with `results`, tests that failed before the work may still fail. `strict`: everything must pass.",
    ),
    Key::new(
        "advisory",
        Shape::Flag,
        "false",
        "Whether its verdict is reported only, and keeps no task from being merged.",
    ),
    Key::new(
        "quarantine",
        Shape::Count,
        "",
        "Makes it advisory while its verdict depended on chance on so many of the last 50 trees. Unset: never.",
    ),
];

/// The keys of a gate's server; `command` and `port` are required.
pub(crate) const SERVE: &[Key] = &[
    Key::new("command", Shape::Text, "", "Run by `sh -c` in the gate's container."),
    Key::new("port", Shape::Port, "", "Where it listens, on 127.0.0.1 or [::1]."),
    Key::new(
        "ready",
        Shape::Text,
        "",
        "A path, such as `/health`, that it answers with success once it can be used. Unset: it accepts connections.",
    ),
    Key::new("within", Shape::Duration, "60s", "How long it may take until then."),
];

/// The keys of `when` of a gate.
pub(crate) const WHEN: &[Key] = &[
    Key::new(
        "paths",
        Shape::List,
        "",
        "Globs, one of which matches a path that the task changed.",
    )
    .files(Files::Free),
    Key::new("labels", Shape::List, "", "Labels, one of which the task has."),
    Key::new(
        "types",
        Shape::List,
        "",
        "Types, one of which is the task's, such as `bug`.",
    ),
];

/// The keys of a service; `image` and `ports` are required.
pub(crate) const SERVICE: &[Key] = &[
    Key::new(
        "image",
        Shape::Image,
        "",
        "The image of its container, as at the top level; `cordwainer image build` builds it without the client.",
    ),
    Key::new(
        "command",
        Shape::Text,
        "",
        "Run by `sh -c`. Unset: the image's own command.",
    ),
    Key::new(
        "env",
        Shape::Assignments,
        "",
        "Environment of its container. Agents can read it: no credential of yours belongs here.",
    ),
    Key::new(
        "ports",
        Shape::Ports,
        "",
        "Where it listens, on its own 127.0.0.1; others reach these ports at its name.",
    ),
    Key::new(
        "ready",
        Shape::Text,
        "",
        "Run by `sh -c` in its container until it succeeds. Unset: it can be used once it listens.",
    ),
    Key::new(
        "within",
        Shape::Duration,
        "60s",
        "How long it may take until it can be used.",
    ),
    Key::new(
        "data",
        Shape::List,
        "",
        "Folders in memory that it can write, beside /tmp, /var/tmp and /run. Unset: /data.",
    ),
    Key::new(
        "user",
        Shape::User,
        "",
        "`UID[:GID]` or a name of its image, never root. Unset: the image's own user.",
    ),
    Key::new(
        "memory",
        Shape::SizeOrOff,
        "1g",
        "Bytes, what is in memory folders included.",
    ),
    Key::new("cpus", Shape::NumberOrOff, "", "Cores. Unset: no limit."),
    Key::new("pids", Shape::CountOrOff, "512", "Processes and threads."),
    Key::new(
        "for",
        Shape::Choices(&["tasks", "gates"]),
        "",
        "Which containers have it: the agents of tasks, gates. Unset: both.",
    ),
];
