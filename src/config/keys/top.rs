//! The top level of the file.

use super::prompts::PROMPTS;
use super::roles::{MEASURE, REVIEW, STITCH};
use super::sections::{AGENT, BUDGET, COMMANDS, COMMITS, CONTAINER, GIT, KEEP, LIMITS, NETWORK, RETRY};
use super::{Files, Key, Shape};
use crate::config::tools::OBEYED;

/// `claude_args`: the flags that every call needs, and the permission to work unattended.
pub(crate) const CLAUDE_ARGS: &[&str] = &[
    "--dangerously-skip-permissions",
    "-p",
    "--verbose",
    "--output-format",
    "stream-json",
];

/// The keys of the top level, in the order of the example file.
pub(crate) const TOP: &[Key] = &[
    Key::new("module_path", Shape::Text, "", "Import path or name of the project, for templates.")
        .sample("example.com/you/tool"),
    Key::new("binary_name", Shape::Text, "", "Name of the program, for templates.").sample("tool"),
    Key::new("binary_dir", Shape::Text, "bin", "Folder that the program is built into, for templates.")
    .files(Files::Free),
    Key::new("main_package", Shape::Text, "", "Package that holds `main`, for templates.").sample("./cmd/tool"),
    Key::new("version_file", Shape::Text, "", "File that holds the version, for templates, and which gets that of `tag`.")
    .files(Files::Free).sample("src/version.txt"),
    Key::new(
        "tag",
        Shape::Text,
        "",
        "Tag of the merge that `stop` makes. `{date}` is its day in UTC, `20261130`, and `{n}`\ncounts from 1 among the tags that are like it otherwise. The version in\n`version_file` becomes that of the tag, in the merge itself: docs/state.md.",
    )
    .sample("v1.{date}.{n}"),
    Key::new(
        "changelog",
        Shape::Text,
        "",
        "File in which the merge that `stop` makes has an entry: its tag, or the name of the\ngeneration, the day, and a line for each task.",
    )
    .files(Files::Free)
    .sample("CHANGELOG.md"),
    Key::new(
        "source_dirs",
        Shape::List,
        "[]",
        "Folders of source code. `start` clears them on the generation branch,\nnever in your checkout.",
    )
    .files(Files::Free)
    .sample("[src]")
    .alias("go_source_dirs"),
    Key::new(
        "preserve_sources",
        Shape::Flag,
        "false",
        "Keep what is in `source_dirs` when a generation starts.",
    ),
    Key::new("gen_prefix", Shape::Text, "generation-", "Prefix of the names of generation branches."),
    Key::new("base_branch", Shape::Text, "main", "Branch that generations begin on and are merged into."),
    Key::new(
        "generation_branch",
        Shape::Text,
        "",
        "The generation that commands use when several are open.",
    )
    .sample("generation-first"),
    Key::new("xtask_dir", Shape::Text, "xtask", "Your own tasks: this folder is never cleared.")
    .files(Files::Protected).alias("magefiles_dir"),
    Key::new(
        "state_dir",
        Shape::Text,
        "",
        "Locks, worktrees and records. Unset: inside git's own folder.",
    )
    .files(Files::Protected)
    .sample(".cordwainer")
    .alias("cobbler_dir"),
    Key::new(
        "secrets_dir",
        Shape::Text,
        ".secrets",
        "Folder for token files. It is never mounted into a container, and never cleared; a task\nthat touches it is held, and no generation begins on a commit with files in it.",
    )
    .files(Files::Protected),
    Key::new("default_token_file", Shape::Text, "claude.json", "Token file in `secrets_dir`.")
    .files(Files::Free),
    Key::new("token_file", Shape::Text, "", "Another token file in `secrets_dir`, instead of the default one.")
    .files(Files::Free)
        .sample("other.json"),
    Key::new("spec_globs", Shape::Map, "{}", "Documents that `stats` counts: a label and a glob each.")
    .files(Files::Free)
        .sample("{requirements: \"docs/requirements/**/*.md\"}"),
    Key::new(
        "seed_files",
        Shape::Map,
        "{}",
        "Files that `start` writes on the generation branch: destination and template.",
    )
    .files(Files::Protected)
    .sample("{src/version.txt: templates/version.txt}"),
    Key::new("context_files", Shape::List, "[]", "Globs of documents that the prompts of measures and of reviews of proposals include, as `context_bytes` has room.")
    .files(Files::Free)
        .sample("[\"docs/**/*.md\"]"),
    Key::new("measure_prompt", Shape::Text, "", "Template of the measure prompt, instead of the built-in one.")
    .files(Files::Protected)
        .sample("prompts/measure.md"),
    Key::new("stitch_prompt", Shape::Text, "", "Template of the stitch prompt, instead of the built-in one.")
    .files(Files::Protected)
        .sample("prompts/stitch.md"),
    Key::new(
        "prompts",
        Shape::Section(PROMPTS),
        "",
        "Templates instead of the built-in ones, for every text that a model is given: docs/prompts.md.",
    ),
    Key::new("user_prompt", Shape::Text, "", "Your own text in the measure prompt: what matters next.")
        .sample("Begin with the parser."),
    Key::new(
        "claude_args",
        Shape::Words,
        "",
        "Arguments of every call of the client. Anything with a key of its own (model, turns, …)\nis set there and not here.",
    )
    .items(CLAUDE_ARGS),
    Key::new("silence_agent", Shape::Flag, "true", "Do not print what the agent writes."),
    Key::new(
        "stop_grace",
        Shape::Duration,
        "20s",
        "How long a call may continue after you interrupt a run (Ctrl-C), before its session\nis suspended; a second interrupt suspends it at once.",
    ),
    Key::new("max_issues", Shape::Count, "10", "Tasks that one measure may propose."),
    Key::new(
        "max_questions",
        Shape::Count,
        "3",
        "Agents that keep their worktree and session while they wait for an answer of yours.\nOlder questions wait without: a fresh session then gets question and answer.",
    ),
    Key::new(
        "cycles",
        Shape::CountOrOff,
        "1",
        "Cycles that one `run` makes; `off`: until nothing is left to do.",
    ),
    Key::new("estimated_lines_min", Shape::Count, "250", "Smallest task that measure is asked for, in changed lines."),
    Key::new("estimated_lines_max", Shape::Count, "350", "Largest task that measure is asked for, in changed lines."),
    Key::new(
        "max_estimated_lines",
        Shape::CountOrOff,
        "1000",
        "Largest estimate with which a task is filed. Default: 1000, or `estimated_lines_max` if\nthat is larger.",
    ),
    Key::new(
        "max_changed_lines",
        Shape::CountOrOff,
        "1000",
        "A task is held whose change has more lines than this, and than ten times its estimate;\nlock files, generated files and renames do not count. `off`: never.",
    ),
    Key::new(
        "tampering",
        Shape::Choice(&["hold", "tell", "off"]),
        "hold",
        "A change that deletes, empties, skips or weakens tests, or loosens CI or required coverage:\n`hold` the task, `tell` you and go on, or do not look (`off`).",
    ),
    Key::new(
        "cleanup_dirs",
        Shape::List,
        "[]",
        "Folders that are removed from the base branch when a generation is merged.",
    )
    .files(Files::Free)
    .sample("[scratch]"),
    Key::new(
        "image",
        Shape::Image,
        "localhost/cordwainer-claude:latest",
        "The image that containers are made of: a name, or how `cordwainer image build` makes it.\n`build` has base, packages, tools (rust, node, python, go, java and others: `distribution`,\nor a version where npm, PyPI or crates.io has it) and run; or containerfile, a file of your own. `{devcontainer: PATH}` reads a devcontainer.json.",
    )
    .sample("{build: {packages: [jq], tools: {rust: distribution}, run: [\"mkdir /data\"]}}")
    .alias("podman_image"),
    Key::new(
        "podman_args",
        Shape::Words,
        "[]",
        "Flags of `podman run`, for files of the older system: -e, -v, --mount, --memory,\n--cpus, --network, --user, --tmpfs, --add-host and --label become keys of `container`.",
    )
    .sample("[--memory=4g]"),
    Key::new("beads_dir", Shape::Text, "", "Where `cordwainer issues import` finds the issues of the older system.")
    .files(Files::Protected)
        .sample(".beads"),
    Key::new("container", Shape::Section(CONTAINER), "", "The containers that agents and gates run in."),
    Key::new("agent", Shape::Section(AGENT), "", "The client."),
    Key::new(
        "network",
        Shape::Section(NETWORK),
        "",
        "The hosts that containers can reach, through the gateway and in no other way.",
    ),
    Key::new(
        "services",
        Shape::Services,
        "{}",
        "What runs beside agents of tasks and gates, such as databases: a name, by which it is\nreached, and image, command, env, ports, ready, within (60s), data, user, memory (1g),\ncpus, pids (512) and for. Each of those containers has services of its own, which reach nothing.",
    )
    .sample("{queue: {image: {build: {packages: [redis-server]}}, command: redis-server, ports: [6379], ready: redis-cli ping}}"),
    Key::new(
        "mcp",
        Shape::Servers,
        "{}",
        "Model context servers (MCP), by name: `command` starts one in the agent's container, `url`\nis one that `network.allow` lets it reach. `tools` lists what each role may use of it; a role\nthat is not named there does not have it. Only these servers are used, none of a `.mcp.json`.",
    )
    .sample("{docs: {command: [docs-server, --stdio], tools: {stitch: [search, read]}}}"),
    Key::new(
        "commands",
        Shape::Section(COMMANDS),
        "",
        "Commands of the project beside its gates.",
    ),
    Key::new("measure", Shape::Section(&MEASURE), "", "The phase that proposes tasks."),
    Key::new("stitch", Shape::Section(&STITCH), "", "The phase that works on the tasks."),
    Key::new(
        "review",
        Shape::Section(&REVIEW),
        "",
        "The review of what a task's attempt left, where `stages` has it.",
    ),
    Key::new(
        "stages",
        Shape::Stages,
        "",
        "The calls of an attempt, in their order. `[stitch, review]`: another session reviews the work\nonce its gates have passed, and only what it passes is merged. Between the two, a mapping of\nname, prompt, may_change, needs, required and the keys of a role is a stage of your own:\ndocs/quality.md.",
    )
    .sample("[stitch, {name: docs, prompt: prompts/docs.md, model: haiku, may_change: [\"docs/**\"]}, review]")
    .items(&["stitch"]),
    Key::new(
        "modes",
        Shape::Modes,
        "{}",
        "Kinds of work: what is set here changes a built-in mode (generate, build, feature, fix,\ntest, refactor, exec, audit, review), and a new name makes a mode that `extends` one. Keys:\nextends, prompt, plan_prompt, type, proof, keep_tests, needs_gates, writes, preserve_sources,\nstages, gates: docs/modes.md.",
    )
    .sample("{fix: {stages: [stitch, review]}, hotfix: {extends: fix, gates: [make test]}}"),
    Key::new(
        "rules",
        Shape::Rules,
        "[]",
        "How the agents of some tasks are called otherwise than `stitch` says: `when` (labels, types,\npriority, lines, attempt) and model, effort, tools, max_turns, budget_usd or budget_tokens.\nOf several rules that set a key, the first one holds: docs/quality.md.",
    )
    .sample("[{when: {attempt: 2}, model: opus, effort: high}]"),
    Key::new(
        "budget",
        Shape::Section(BUDGET),
        "",
        "What may be spent: checked before a call, while it runs, and after it.",
    ),
    Key::new(
        "retry",
        Shape::Section(RETRY),
        "",
        "Retries after transient API failures.",
    ),
    Key::new(
        "commits",
        Shape::Section(COMMITS),
        "",
        "In whose name, and how, the work of agents is committed. Merges of `stop` are yours.",
    ),
    Key::new(
        "keep",
        Shape::Section(KEEP),
        "",
        "What `cordwainer gc` leaves. Work that is not merged always stays.",
    ),
    Key::new("git", Shape::Section(GIT), "", "What agents can read of the repository."),
    Key::new("limits", Shape::Section(LIMITS), "", "What happens at a usage limit of your account."),
    Key::new(
        "protected_paths",
        Shape::List,
        "",
        "A task that touches one of these globs is held for you and not merged: your\nnext command, your editor or your CI would run them. A list of your own replaces\nthis one; this file, and the files that its other keys name, stay protected.",
    )
    .files(Files::Free)
    .items(OBEYED),
    Key::new(
        "gates",
        Shape::Gates,
        "[]",
        "What must hold before a task is merged. Commands run in a container, never on your\nmachine. A command, a name in `commands`, or a mapping of name, command (or files),\nserve, timeout (30m), results, compare, advisory, quarantine, when, artifacts: docs/gates.md.",
    )
    .sample("[make test]"),
    Key::new(
        "gates_parallel",
        Shape::Count,
        "1",
        "How many gates run side by side: those that do have a worktree each. Each container has\nthe memory and cores of `container`.",
    ),
];
