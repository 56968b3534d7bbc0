//! The sections of the roles.

use super::{Files, Key, Shape};

pub(in crate::config) const MEASURE: [Key; 23] = {
    let shared = paced(
        &call("30m", "true"),
        "2",
        "Proposals of one cycle; `max_issues` limits them, too.",
        "Answers of one measure: the second gets the problems of the first.",
        Key::new(
            "parallel",
            Shape::Count,
            "1",
            "Measures at once: they are made one at a time.",
        ),
    );
    let review = Key::new(
        "review",
        Shape::Flag,
        "false",
        "Have another session, of the role `review`, judge proposals before they are filed: it can change,\nsplit, drop and add some.",
    );
    let mut keys = with(&shared, [review; 23]);
    keys[22] = context(
        "Bytes of `context_files` in its prompt. What has no room is named there, with its size, and a run says so.",
    );
    keys
};

pub(super) const STITCH: [Key; 24] = {
    let shared = paced(
        &call("1h", "false"),
        "3",
        "Tasks of one cycle.",
        "Attempts at one task before it is held for you.",
        Key::new(
            "parallel",
            Shape::CountOr("auto"),
            "1",
            "Agents at work at once, each on a task; `auto`: as many as cores and memory carry.",
        ),
    );
    let rounds = Key::new(
        "fix_rounds",
        Shape::CountOrOff,
        "2",
        "Times that an attempt's session is told which gate is red, with its output, and goes on, before\nthe attempt has failed.",
    );
    let stuck = Key::new(
        "stuck_after",
        Shape::CountOrOff,
        "2",
        "A task is stuck when so many of its attempts in a row failed at the same gate with the same first failure, when one\nchanged nothing, or when a review found all that the one before had. It is tried once more if `rules` give a later\nattempt another model, effort, tools or candidates, else it is held at once. `off`: none is stuck.",
    );
    let mut keys = with(&shared, [rounds; 24]);
    keys[23] = stuck;
    keys[22] = context(
        "Bytes of the files that a task says to read first in its prompt. What has no room is named there, with\nits size, and a run says so.",
    );
    keys
};

/// The keys of `review`: it has no pace of its own.
pub(super) const REVIEW: [Key; 22] = {
    let [min_score, block, closing_rounds] = [
        Key::new(
            "min_score",
            Shape::Count,
            "7",
            "The least score, from 1 to 10, with which a review passes.",
        ),
        Key::new(
            "block",
            Shape::Choice(&["critical", "high", "medium", "low"]),
            "high",
            "The least severity of a finding with which no review passes.",
        ),
        Key::new(
            "closing_rounds",
            Shape::CountOrOff,
            "2",
            "Closing reviews of a group of `build` at most: what one finds at `block` or worse becomes tasks, and\nwhen these are done the next one reads all changes again.",
        ),
    ];
    let mut keys = with(&call("30m", "true"), [min_score; 22]);
    keys[19] = block;
    keys[20] = closing_rounds;
    keys[21] = context("Bytes of `context_files` in the prompt of a review of proposals, as in `measure`.");
    let mut index = 0;
    while index < keys.len() {
        if matches!(keys[index].name.as_bytes(), b"tools") {
            keys[index] = Key::new(
                "tools",
                Shape::List,
                "",
                "Tools that the agent has; `[]`: none. Its worktree is read-only in any case.",
            )
            .items(&["Read", "Grep", "Glob"]);
        }
        index += 1;
    }
    keys
};

/// The keys of a stage of one's own: `name`, `prompt` and `may_change` are required, the others are those of a role.
pub(in crate::config) const STAGE: &[Key] = &{
    let own = [
        Key::new("name", Shape::Text, "", "Its name in reports, a word in small letters."),
        Key::new(
            "prompt",
            Shape::Text,
            "",
            "Template of what it is asked; the task and its changes are added.",
        )
        .files(Files::Protected),
        Key::new(
            "may_change",
            Shape::List,
            "",
            "Globs of the files that it may change; where it changes another one, it has failed.",
        )
        .files(Files::Free),
        Key::new(
            "needs",
            Shape::List,
            "",
            "Globs, one of which must match a file that the attempt has changed, or the stage is left out. Unset: always.",
        )
        .files(Files::Free),
        Key::new(
            "required",
            Shape::Flag,
            "true",
            "Whether a task is held where it fails; else the work goes on without its changes.",
        ),
    ];
    let call = call("30m", "false");
    let mut keys = [own[0]; 23];
    let mut index = 0;
    while index < keys.len() {
        keys[index] = if index < own.len() {
            own[index]
        } else {
            call[index - own.len()]
        };
        index += 1;
    }
    keys
};

/// The keys of a rule; `when` is required.
pub(in crate::config) const RULE: &[Key] = &[
    Key::new(
        "when",
        Shape::Section(RULE_WHEN),
        "",
        "For which attempts it is: all that is set must be so.",
    ),
    Key::new("model", Shape::Text, "", "Model of the task's agent."),
    Key::new(
        "effort",
        Shape::Choice(&["low", "medium", "high", "xhigh", "max"]),
        "",
        "How hard the model thinks.",
    ),
    Key::new("tools", Shape::List, "", "Tools that the agent has; `[]`: none."),
    Key::new("max_turns", Shape::Count, "", "Turns of one call."),
    Key::new("budget_usd", Shape::NumberOrOff, "", "US dollars of one call."),
    Key::new(
        "budget_tokens",
        Shape::CountOrOff,
        "",
        "Tokens of one call, read and written.",
    ),
    Key::new(
        "candidates",
        Shape::Count,
        "",
        "So many sessions attempt it side by side, and the best result is merged.",
    ),
];

/// The keys of `when` of a rule.
pub(in crate::config) const RULE_WHEN: &[Key] = &[
    Key::new("labels", Shape::List, "", "Labels, one of which the task has."),
    Key::new(
        "types",
        Shape::List,
        "",
        "Types, one of which is the task's, such as `bug`.",
    ),
    Key::new(
        "priority",
        Shape::Priorities,
        "",
        "Priorities, one of which is the task's: 0 (first) to 4 (last).",
    ),
    Key::new(
        "lines",
        Shape::Count,
        "",
        "The least estimate of the task, in changed lines.",
    ),
    Key::new(
        "attempt",
        Shape::Count,
        "",
        "The first attempt that it is for: 2 is every attempt but the first.",
    ),
];

/// Returns the key for how much of documents a role's prompt has room for.
const fn context(about: &'static str) -> Key {
    Key::new("context_bytes", Shape::Count, "400000", about)
}

/// Returns the longer of two lists of keys, beginning with the shorter one.
const fn with<const SHORT: usize, const LONG: usize>(first: &[Key; SHORT], mut keys: [Key; LONG]) -> [Key; LONG] {
    let mut index = 0;
    while index < SHORT {
        keys[index] = first[index];
        index += 1;
    }
    keys
}

/// How the client is called.
const fn call(timeout: &'static str, restricted: &'static str) -> [Key; 18] {
    let [model, fallback_model, strict_model, base_url, effort] = MODEL;
    let [first_event, idle, tool, result_grace] = TIMERS;
    let [max_turns, budget_usd, budget_tokens] = BUDGETS;
    let [tools, allowed_tools, denied_tools, args] = TOOLS;
    let whole = Key::new(
        "timeout",
        Shape::DurationOrOff,
        timeout,
        "Time of one call: `90s`, `30m`, `1h30m`. No other timer may be longer.",
    );
    let restricted = Key::new(
        "restricted",
        Shape::Flag,
        restricted,
        "Use the client's restricted mode: no tools that run commands, files of the worktree alone,\nno settings files, and nothing that needs permission. What `tools` and `allowed_tools` name\nis allowed. Clients before 2.1.248 have no such mode.",
    );
    [
        model,
        fallback_model,
        strict_model,
        base_url,
        effort,
        max_turns,
        budget_usd,
        budget_tokens,
        first_event,
        idle,
        tool,
        whole,
        result_grace,
        restricted,
        tools,
        allowed_tools,
        denied_tools,
        args,
    ]
}

const MODEL: [Key; 5] = [
    Key::new("model", Shape::Text, "", "Model. Unset: the client's default.").sample("opus"),
    Key::new("fallback_model", Shape::Text, "", "Fallback models, comma-separated.").sample("sonnet"),
    Key::new(
        "strict_model",
        Shape::Flag,
        "false",
        "Stop a call that uses another model than `model`, instead of printing a warning.",
    ),
    Key::new(
        "base_url",
        Shape::Text,
        "",
        "Where the model's API is. Unset: `agent.base_url`.",
    )
    .sample("http://127.0.0.1:8080"),
    Key::new(
        "effort",
        Shape::Choice(&["low", "medium", "high", "xhigh", "max"]),
        "",
        "How hard the model thinks. Unset: the client's default.",
    )
    .sample("high"),
];

const BUDGETS: [Key; 3] = [
    Key::new("max_turns", Shape::CountOrOff, "off", "Turns of one call."),
    Key::new("budget_usd", Shape::NumberOrOff, "off", "US dollars of one call."),
    Key::new(
        "budget_tokens",
        Shape::CountOrOff,
        "off",
        "Tokens of one call, read and written.",
    ),
];

const TIMERS: [Key; 4] = [
    Key::new(
        "first_event_timeout",
        Shape::DurationOrOff,
        "2m",
        "Time until the client's first event.",
    ),
    Key::new(
        "idle_timeout",
        Shape::DurationOrOff,
        "15m",
        "Time without a byte of output.",
    ),
    Key::new(
        "tool_timeout",
        Shape::DurationOrOff,
        "30m",
        "Time without a byte of output while a tool of the agent runs.",
    ),
    Key::new(
        "result_grace",
        Shape::Duration,
        "20s",
        "Time that the client may take to exit after its result.",
    ),
];

const TOOLS: [Key; 4] = [
    Key::new(
        "tools",
        Shape::List,
        "",
        "Tools that the agent has. Unset: the client's own choice; `[]`: none.",
    )
    .sample("[Read, Grep]"),
    Key::new("allowed_tools", Shape::List, "[]", "Tools that need no permission.").sample("[Edit, \"Bash(git *)\"]"),
    Key::new("denied_tools", Shape::List, "[]", "Tools that are refused.").sample("[WebFetch]"),
    Key::new(
        "args",
        Shape::Words,
        "[]",
        "More arguments of the client, after `claude_args`.",
    )
    .sample("[--append-system-prompt, \"Be brief.\"]"),
];

/// Returns the keys for how the client is called, and how often.
const fn paced(
    call: &[Key; 18],
    attempts: &'static str,
    cycle: &'static str,
    attempts_about: &'static str,
    parallel: Key,
) -> [Key; 21] {
    let max_per_cycle = Key::new("max_per_cycle", Shape::CountOrOff, "off", cycle);
    let max_attempts = Key::new("max_attempts", Shape::Count, attempts, attempts_about);
    let mut keys = with(call, [parallel; 21]);
    keys[call.len()] = max_per_cycle;
    keys[call.len() + 1] = max_attempts;
    keys
}
