//! The sections of the file.

use super::{Files, Key, Shape};
use crate::sandbox::engine::Runtime;
use crate::sandbox::guarantee::Item;

pub(super) const CONTAINER: &[Key] = &[
    Key::new(
        "engine",
        Shape::Choice(&["auto", "podman", "docker"]),
        "auto",
        "`auto` selects the engine that responds first.",
    ),
    Key::new("socket", Shape::Text, "", "Where the engine listens. Unset: the usual places.")
    .files(Files::Protected)
        .sample("/run/podman/podman.sock"),
    Key::new(
        "runtime",
        Shape::Choice(&Runtime::NAMES),
        "",
        "The runtime of containers. Unset: the engine's own choice. `runsc` (gVisor) needs\nguarantees in `relax`, see docs/engines.md; kata and krun are untried.",
    )
    .sample("runsc"),
    Key::new("memory", Shape::SizeOrOff, "4g", "Bytes, or with a unit: `512m`, `4g`."),
    Key::new(
        "disk",
        Shape::SizeOrOff,
        "20g",
        "What the containers of one attempt may write to the host's disk: worktree, dependencies,\ncaches, session. It is watched; who writes more is ended within seconds.",
    ),
    Key::new("cpus", Shape::NumberOrOff, "off", "Cores, such as 1.5."),
    Key::new("pids", Shape::CountOrOff, "2048", "Processes and threads."),
    Key::new(
        "network",
        Shape::Text,
        "none",
        "Network, or mode such as `host`. Any but `none` needs `network` in `relax`: agents then\nreach whatever that network reaches.",
    ),
    Key::new(
        "relax",
        Shape::Choices(&Item::NAMES),
        "[]",
        "Guarantees that a container may lack. Unless one is named here, no agent starts in a\ncontainer without it.",
    )
    .sample("[seccomp]"),
    Key::new(
        "mounts",
        Shape::Mounts,
        "[]",
        "What the container sees beside its worktree: `SOURCE:TARGET[:ro|rw]`, or a mapping\nof source, target and writable. Read-only by default.",
    )
    .sample("[\"/srv/reference:/reference\"]"),
    Key::new("tmpfs", Shape::Map, "{}", "File systems in memory: path in the container and its options.")
        .sample("{/scratch: size=1g}"),
    Key::new(
        "env",
        Shape::Assignments,
        "{}",
        "Environment of the container: a mapping, or a list of `NAME=VALUE`. Every agent can read\nit, so put no credential here: the gateway adds it on the host.",
    )
    .sample("{RUST_BACKTRACE: \"1\"}"),
    Key::new("hosts", Shape::List, "[]", "Host names of your own: `NAME:ADDRESS`.").sample("[\"registry.local:10.0.0.2\"]"),
    Key::new("labels", Shape::Assignments, "{}", "Labels of your own; `cordwainer.…` is taken.").sample("{team: tools}"),
    Key::new("user", Shape::User, "", "`UID[:GID]` or a name, never root. Unset: one that can write the worktree.")
        .sample("\"1000:1000\""),
    Key::new(
        "toolchain",
        Shape::List,
        "[]",
        "Commands that the image must be able to run, beside those that `image.build.tools` implies;\n`cordwainer image check` tries them.",
    )
    .sample("[make --version]"),
];

pub(super) const AGENT: &[Key] = &[
    Key::new("command", Shape::Text, "claude", "The program in the image."),
    Key::new(
        "base_url",
        Shape::Text,
        "",
        "Where the model's API is. Unset: the client's default.",
    )
    .sample("http://127.0.0.1:8080"),
    Key::new(
        "credentials",
        Shape::Choice(&["subscription", "api_key", "none"]),
        "subscription",
        "Who pays for calls. With `subscription`, nothing that would bill anybody else gets into\nthe container, and a call is stopped if its client reports an API key. With `api_key`,\nonly cloud providers are kept out. With `none`, nothing checks who pays.",
    ),
    Key::new("home", Shape::Text, "/home/agent", "The home folder in the container."),
];

pub(super) const COMMANDS: &[Key] = &[
    Key::new(
    "prepare",
    Shape::Prepare,
    "",
    "Fetches and builds the dependencies, once for each state of their lock files: what it leaves\nthat git ignores, and its caches, are laid under the worktree of every task and gate. A\ncommand, or a mapping of command, inputs (globs) and timeout (30m).",
)
.sample("{command: npm ci, inputs: [package-lock.json]}"),
    Key::new("build", Shape::Text, "", "Builds the project. `gates` can name it, as the next three.").sample("make"),
    Key::new("test", Shape::Text, "", "Runs its tests.").sample("make test"),
    Key::new("lint", Shape::Text, "", "Looks for what should not be written so.").sample("make lint"),
    Key::new("format", Shape::Text, "", "Checks how it is formatted.").sample("make format-check"),
];

pub(super) const NETWORK: &[Key] = &[
    Key::new(
    "allow",
    Shape::NetworkEntries,
    "[]",
    "Hosts: `host`, `host:port`, `*.suffix` (what is below it), `*.suffix:port`, or an address\nwith its port. Without a port: 443, and 80 for plain HTTP. Or the name of a package\nmanager, for its public hosts: cargo, npm, pip, go, debian, maven, gradle, yarn, deno,\ngem, composer, nuget, hex, swift. Or a mapping {host, methods, paths, roles}: only these\nmethods and paths, only for these roles (measure, stitch, review, gates) and stages.",
)
.sample("[cargo, docs.example.org, {host: \"*.example.net\", methods: [GET], paths: [/files/**]}]"),
    Key::new(
        "credentials",
        Shape::Credentials,
        "[]",
        "What the gateway shows to other hosts, each with `host`, `from: {env: NAME}` or\n`from: {file: PATH}`, and one of `header: NAME`, `basic: USER`, `bearer: true`,\n`cargo: REGISTRY`, `npm: true`, `pip: USER`; `roles`, `methods` and `paths` restrict it.\nThe secret stays on the host, and agents can reach the host for what it is for.",
    )
    .sample("[{host: registry.example.org, cargo: own, from: {env: REGISTRY_TOKEN}, methods: [GET]}]"),
];

pub(super) const BUDGET: &[Key] = &[
    Key::new("usd", Shape::NumberOrOff, "off", "US dollars of the generation."),
    Key::new(
        "tokens",
        Shape::CountOrOff,
        "off",
        "Tokens of the generation, read and written, cached or not.",
    ),
    Key::new(
        "run_usd",
        Shape::NumberOrOff,
        "off",
        "US dollars of one run; `--budget-usd` sets it.",
    ),
    Key::new("run_tokens", Shape::CountOrOff, "off", "Tokens of one run."),
    Key::new(
        "cycle_usd",
        Shape::NumberOrOff,
        "off",
        "US dollars of one cycle: a measure and the tasks that follow it.",
    ),
    Key::new("cycle_tokens", Shape::CountOrOff, "off", "Tokens of one cycle."),
    Key::new(
        "task_usd",
        Shape::NumberOrOff,
        "off",
        "US dollars of one task, all attempts at it together.",
    ),
    Key::new(
        "task_tokens",
        Shape::CountOrOff,
        "off",
        "Tokens of one task, all attempts at it together.",
    ),
    Key::new(
        "warn",
        Shape::Choice(&["on", "off"]),
        "on",
        "Whether an agent is told, at 80 and 95 %, that the turns or the budget of its call end, so that it\nleaves something whole.",
    ),
];

pub(super) const RETRY: &[Key] = &[
    Key::new(
        "initial",
        Shape::Duration,
        "5s",
        "Delay before the first retry (jittered).",
    ),
    Key::new(
        "factor",
        Shape::Number,
        "2",
        "How many times longer each further pause is.",
    ),
    Key::new("ceiling", Shape::Duration, "5m", "The longest pause."),
    Key::new("count", Shape::Count, "5", "Retries in a row before a run gives up."),
    Key::new(
        "breaker",
        Shape::Count,
        "20",
        "Failures of one run, in a row or not, after which it ends.",
    ),
];

pub(super) const LIMITS: &[Key] = &[
    Key::new(
        "overage",
        Shape::Choice(&["forbid", "allow"]),
        "forbid",
        "Whether calls may use paid overage. With `forbid`, a call that does is stopped at once\nand not made again.",
    ),
    Key::new(
        "default_wait",
        Shape::Duration,
        "1h",
        "How long to wait at a limit when the time of its end is not known.",
    ),
    Key::new(
        "wait",
        Shape::Wait,
        "6h",
        "How far away a reset may be for a run to wait for it: a time, `never` or `always`.",
    ),
    Key::new(
        "reserve",
        Shape::CountOrOff,
        "off",
        "Percent of the account's 5-hour and 7-day windows that is left for you: no call begins while\nless than that is left, by what the API reports, until the reset.",
    ),
];

pub(super) const GIT: &[Key] = &[Key::new(
    "history",
    Shape::CountOr("full"),
    "full",
    "Commits of the generation that an agent can read, back from the one with which the\ngeneration began. Nothing else of the repository's objects is in its container.",
)];

pub(super) const KEEP: &[Key] = &[
    Key::new(
        "runs",
        Shape::CountOrOff,
        "50",
        "Records of runs, the newest. Those of tasks that are not closed stay beside them.",
    ),
    Key::new(
        "run_age",
        Shape::DurationOrOff,
        "90d",
        "How old the record of a run may become.",
    ),
    Key::new(
        "run_size",
        Shape::SizeOrOff,
        "10g",
        "How large the records of all runs may be together.",
    ),
    Key::new(
        "archives",
        Shape::CountOrOff,
        "20",
        "Archives of generations that were merged, the newest, and as many of those in which nothing was done,\nsuch as reports without tasks. `off` keeps all, here as above.\nWhat a generation used is no longer in `cordwainer stats usage` when its archive is gone.",
    ),
    Key::new(
        "layer_age",
        Shape::DurationOrOff,
        "30d",
        "How long ago what `commands.prepare` made may have been used. Runs remove it, too.",
    ),
    Key::new(
        "layer_size",
        Shape::SizeOrOff,
        "20g",
        "How large all of that may be together.",
    ),
];

pub(super) const COMMITS: &[Key] = &[
    Key::new(
        "author",
        Shape::Text,
        "",
        "Author of a task's commit, as `NAME <ADDRESS>`. Unset: the one that git would use.",
    )
    .sample("Cordwainer <cordwainer@example.org>"),
    Key::new(
        "committer",
        Shape::Text,
        "",
        "Committer of a task's commit. Unset: the one that git would use.",
    )
    .sample("Cordwainer <cordwainer@example.org>"),
    Key::new(
        "co_author",
        Shape::Text,
        "",
        "Named in a trailer `Co-Authored-By` of a task's commit.",
    )
    .sample("Claude <noreply@anthropic.com>"),
    Key::new(
        "style",
        Shape::Choice(&["plain", "conventional"]),
        "plain",
        "How a task's commit begins: with the task's title, or as `type(scope): subject` by\nwhat its agent says of the work. Lines on why come below.",
    ),
];
