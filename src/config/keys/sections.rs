//! The sections of the file.

use super::{Key, Shape};

pub(super) const CONTAINER: &[Key] = &[
    Key::new(
        "engine",
        Shape::Choice(&["auto", "podman", "docker"]),
        "auto",
        "`auto` takes whichever engine answers first.",
    ),
    Key::new("socket", Shape::Text, "", "Where the engine listens. Unset: the usual places.")
        .sample("/run/podman/podman.sock"),
    Key::new("memory", Shape::SizeOrOff, "4g", "Bytes, or with a unit: `512m`, `4g`."),
    Key::new("cpus", Shape::NumberOrOff, "off", "Cores, such as 1.5."),
    Key::new("pids", Shape::CountOrOff, "2048", "Processes and threads."),
    Key::new("network", Shape::Text, "", "Network, or mode such as `none`. Unset: the engine's default.").sample("none"),
    Key::new(
        "mounts",
        Shape::Mounts,
        "[]",
        "What the container sees beside its worktree: `SOURCE:TARGET[:ro|rw]`, or a mapping\nof source, target and writable. Read-only unless said otherwise.",
    )
    .sample("[\"/srv/reference:/reference\"]"),
    Key::new("tmpfs", Shape::Map, "{}", "File systems in memory: path in the container and its options.")
        .sample("{/scratch: size=1g}"),
    Key::new(
        "env",
        Shape::Assignments,
        "{}",
        "Environment of the container: a mapping, or a list of `NAME=VALUE`. For now it is\nthe only way for the client to get a credential, and every agent can read it.",
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
        "Commands that the image must be able to run; `image check` tries them.",
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
        "Who is expected to pay. With `subscription`, a call whose client reports an API key\nis stopped.",
    ),
    Key::new("home", Shape::Text, "/home/agent", "The home folder in the container."),
];

pub(super) const MEASURE: [Key; 10] = role(
    "30m",
    "2",
    "Proposals of one cycle, where `max_issues` is not enough of a limit.",
    "Answers of one measure: the second gets the problems of the first.",
);

pub(super) const STITCH: [Key; 10] = role(
    "1h",
    "3",
    "Tasks of one cycle.",
    "Attempts at one task before it is held for you.",
);

const fn role(
    timeout: &'static str,
    attempts: &'static str,
    cycle: &'static str,
    attempts_about: &'static str,
) -> [Key; 10] {
    [
        Key::new("model", Shape::Text, "", "Model. Unset: the client's default.").sample("opus"),
        Key::new(
            "effort",
            Shape::Choice(&["low", "medium", "high", "xhigh", "max"]),
            "",
            "How hard the model thinks. Unset: the client's default.",
        )
        .sample("high"),
        Key::new("max_turns", Shape::CountOrOff, "off", "Turns of one call."),
        Key::new("budget_usd", Shape::NumberOrOff, "off", "US dollars of one call."),
        Key::new(
            "timeout",
            Shape::DurationOrOff,
            timeout,
            "Time of one call: `90s`, `30m`, `1h30m`.",
        ),
        Key::new(
            "idle_timeout",
            Shape::DurationOrOff,
            "15m",
            "Time of one call without a byte of output.",
        ),
        Key::new(
            "tools",
            Shape::List,
            "",
            "Tools that the agent has. Unset: the client's own choice.",
        )
        .sample("[Read, Grep]"),
        Key::new("max_per_cycle", Shape::CountOrOff, "off", cycle),
        Key::new("max_attempts", Shape::Count, attempts, attempts_about),
        Key::new(
            "parallel",
            Shape::Count,
            "1",
            "Calls at once; this version makes one at a time.",
        ),
    ]
}

pub(super) const BUDGET: &[Key] = &[
    Key::new("usd", Shape::NumberOrOff, "off", "US dollars."),
    Key::new(
        "tokens",
        Shape::CountOrOff,
        "off",
        "Tokens, read and written, cached or not.",
    ),
];

pub(super) const LIMITS: &[Key] = &[
    Key::new(
        "overage",
        Shape::Choice(&["forbid", "allow"]),
        "forbid",
        "Whether calls may use paid overage.",
    ),
    Key::new(
        "wait",
        Shape::Wait,
        "6h",
        "How far away a reset may be for a run to wait for it: a time, `never` or `always`.",
    ),
];
