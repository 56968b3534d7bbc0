//! The flags of `podman run` that are known here, and the replacements of the others.

use crate::base::text;

/// Long name, short name.
const KNOWN: &[(&str, &str)] = &[
    ("--env", "-e"),
    ("--volume", "-v"),
    ("--mount", ""),
    ("--memory", "-m"),
    ("--cpus", ""),
    ("--network", "--net"),
    ("--user", "-u"),
    ("--tmpfs", ""),
    ("--add-host", ""),
    ("--label", "-l"),
];

/// Flags that older files contain, and what to do with them.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &[
            "--privileged",
            "--cap-add",
            "--security-opt",
            "--device",
            "--gpus",
            "--pid",
            "--ipc",
            "--uts",
            "--userns",
            "--cgroupns",
            "--group-add",
        ],
        "no key replaces it, since it would open the container",
    ),
    (
        &[
            "--rm",
            "-i",
            "-t",
            "-it",
            "-ti",
            "--interactive",
            "--tty",
            "--init",
            "-d",
            "--detach",
            "--name",
            "--cap-drop",
            "--read-only",
            "--pull",
        ],
        "leave it out: cordwainer sets it",
    ),
    (&["-w", "--workdir"], "leave it out: the work is always in `/workspace`"),
    (&["--entrypoint"], "write `agent.command`"),
    (&["--env-file", "--env-host"], "write `container.env`"),
    (&["--pids-limit"], "write `container.pids`"),
    (
        &["--memory-swap", "--memory-reservation", "--shm-size"],
        "write `container.memory`",
    ),
    (
        &["--cpu-shares", "--cpu-quota", "--cpu-period", "--cpuset-cpus", "-c"],
        "write `container.cpus`",
    ),
    (
        &["--dns", "--dns-search", "-p", "--publish", "--hostname", "-h", "--ip"],
        "write `container.network`",
    ),
    (&["--volumes-from"], "write `container.mounts`"),
    (&["--label-file"], "write `container.labels`"),
];

/// Splits a word into the long name of its flag and the value attached to it; `None` when the flag is not known here.
pub(super) fn split(word: &str) -> Option<(&'static str, Option<&str>)> {
    if word.starts_with("--") {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (word, None),
        };
        let (long, _) = KNOWN.iter().find(|(long, short)| *long == flag || *short == flag)?;
        return Some((long, value));
    }
    let (short, value) = word.split_at_checked(2)?;
    let (long, _) = KNOWN.iter().find(|(_, known)| *known == short)?;
    Some((
        long,
        (!value.is_empty()).then(|| value.strip_prefix('=').unwrap_or(value)),
    ))
}

/// Returns the problem of a word that is not a flag known here; its value is left out, since it may be a secret.
pub(super) fn unknown(word: &str) -> String {
    const GENERAL: &str = "use the keys of `container` instead";
    if !word.starts_with('-') {
        return format!("a value without a flag is not translated: {GENERAL}");
    }
    let flag = word.split('=').next().unwrap_or(word);
    let instead = match ELSEWHERE.iter().find(|(flags, _)| flags.contains(&flag)) {
        Some((_, instead)) => (*instead).to_owned(),
        None => match text::nearest(flag, KNOWN.iter().map(|(long, _)| *long)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => GENERAL.to_owned(),
        },
    };
    format!("`{}` is not translated: {instead}", text::one_line(flag, 40))
}
