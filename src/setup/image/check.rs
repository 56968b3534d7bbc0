//! Whether an image has what an attempt needs, found out by one container of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::text;
use crate::config::{Config, toolchain};
use crate::project::detect::shell_word;
use crate::run::gate;
use crate::sandbox::engine::{ContainerSpec, Engine, Stream, UserChoice};

/// What every image needs, whatever the project: a name, and a command that succeeds.
const NEEDED: [(&str, &str); 8] = [
    ("client", "claude --version"),
    ("git", "git --version"),
    ("ripgrep", "rg --version"),
    ("socat", "command -v socat && socat -V"),
    (
        "entrypoint",
        r#"at=/usr/local/bin/cordwainer-entrypoint; test -x "$at" && test "$(stat -c '%u %a' "$at")" = '0 755' && echo "$at""#,
    ),
    ("user", r#"id -u && test "$(id -u)" -ne 0"#),
    (
        "home",
        r#"echo "$HOME" && touch "$HOME/.cordwainer-check" && rm "$HOME/.cordwainer-check""#,
    ),
    ("workspace", "pwd && touch .cordwainer-check && rm .cordwainer-check"),
];

/// Runs each argument as a command of its own, and reports its code and the first line of what it printed.
const SCRIPT: &str = r#"for command in "$@"; do
    said=$(sh -c "$command" 2>&1 </dev/null)
    code=$?
    printf '%s\t%s\n' "$code" "$(printf '%s\n' "$said" | sed -n 1p)"
done"#;

/// The time limit of all commands together.
const LIMIT: Duration = Duration::from_secs(180);

/// What was found in an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageReport {
    /// The image that was looked at.
    pub image: String,
    /// One item for each check, in the order in which they were made.
    pub items: Vec<CheckedItem>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckedItem {
    /// What was looked for: a name of ours, or the configured command.
    pub name: String,
    /// Whether it is there and works.
    pub ok: bool,
    /// The first line of what the command printed, made harmless.
    pub detail: String,
}

impl ImageReport {
    /// Returns whether every check passed.
    pub fn ok(&self) -> bool {
        self.items.iter().all(|item| item.ok)
    }

    /// Returns the checks of what this project needs beside what every one does.
    pub(crate) fn of_project(&self) -> &[CheckedItem] {
        self.items.get(NEEDED.len()..).unwrap_or_default()
    }
}

/// What a project needs of its image beside what every one does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectNeeds {
    /// Commands that must succeed.
    pub toolchain: Vec<String>,
    /// Programs that must be there, each with what runs it, such as `gate test`.
    pub programs: Vec<(String, String)>,
}

impl ProjectNeeds {
    /// Returns what a configuration asks for: its toolchain, the programs of its gates and its other commands, each once,
    /// and those of its model context servers.
    pub fn of(config: &Config) -> Self {
        let mut programs: Vec<(String, String)> = Vec::new();
        let mut add = |user: &str, command: &str| {
            for program in gate::programs(command) {
                if programs.iter().all(|(known, _)| *known != program) {
                    programs.push((program, user.to_owned()));
                }
            }
        };
        for gate in &config.gates {
            let user = format!("gate {}", text::one_line(&gate.name, 60));
            add(&user, &gate.command);
            if let Some(serve) = &gate.serve {
                add(&user, &serve.command);
            }
        }
        for (name, command) in config.commands.all() {
            add(&format!("command {name}"), command);
        }
        for (name, server) in &config.mcp {
            // A path below the worktree is not in the image.
            let program = server.command.iter().flatten().next();
            let program = program.filter(|program| program.starts_with('/') || !program.contains('/'));
            programs.extend(program.map(|program| (program.clone(), format!("mcp {name}"))));
        }
        Self {
            toolchain: config.container.toolchain.clone(),
            programs,
        }
    }

    /// Returns whether it needs nothing of its own.
    pub(crate) fn is_empty(&self) -> bool {
        self.toolchain.is_empty() && self.programs.is_empty()
    }

    /// Returns the name and the command of each check.
    fn checks(&self) -> Vec<(String, String)> {
        let of_one = |(program, user): &(String, String)| {
            let command = format!("command -v {}", shell_word(program));
            (format!("{user}: {program}"), command)
        };
        let toolchain = self.toolchain.iter().map(|command| (command.clone(), command.clone()));
        toolchain.chain(self.programs.iter().map(of_one)).collect()
    }
}

/// Runs one container of `image` as `user` and with `labels`, by which it is found if this process dies, with a slot mounted, and looks at what it has for every project and for this
/// one.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`] when the image is not there, or the container does not run at all.
pub async fn check(
    engine: &Engine,
    image: &str,
    needs: &ProjectNeeds,
    user: UserChoice,
    labels: &BTreeMap<String, String>,
) -> Result<ImageReport> {
    engine.ensure_image(image).await?;
    let slot = slot(engine, &user)?;
    let needed = NEEDED.map(|(name, command)| (name.to_owned(), command.to_owned()));
    let (names, commands): (Vec<String>, Vec<String>) = needed.into_iter().chain(needs.checks()).unzip();
    let mut command: Vec<String> = ["sh", "-c", SCRIPT, "check"].map(String::from).into();
    command.extend(commands);
    let spec = ContainerSpec {
        command,
        network: Some("none".into()),
        labels: labels.clone(),
        ..ContainerSpec::on(slot.path(), false, image, user)
    };
    let (mut answers, mut stderr) = (Vec::new(), String::new());
    let ended = engine
        .run(&spec, LIMIT, |output| {
            let line = String::from_utf8_lossy(&output.line.bytes).into_owned();
            match output.stream {
                Stream::Stdout => answers.push(line),
                Stream::Stderr => stderr.push_str(&(line + "\n")),
            }
        })
        .await?;
    ended.ok_or_else(|| too_slow(image))?;
    if answers.is_empty() {
        let message = format!("image `{image}` cannot run `sh`: {}", text::one_line(&stderr, 200));
        return Err(Error::new(ErrorKind::Engine, message).hint("use an image with a shell, git and the client"));
    }
    let items = names.into_iter().enumerate();
    let mut items: Vec<CheckedItem> = items.map(|(index, name)| item(name, answers.get(index))).collect();
    let of_gates = items.len() - needs.programs.len();
    for (item, (program, _)) in items[of_gates..].iter_mut().zip(&needs.programs) {
        if !item.ok {
            item.detail = format!("not there: {}", toolchain::bringing(program));
        }
    }
    Ok(ImageReport {
        image: image.to_owned(),
        items,
    })
}

/// Makes a folder like a slot, with the owner of a slot.
fn slot(engine: &Engine, user: &UserChoice) -> Result<tempfile::TempDir> {
    let slot = tempfile::tempdir().context("cannot make a folder to mount")?;
    let (user, group) = engine.slot_owner_for(user);
    std::os::unix::fs::chown(slot.path(), Some(user), Some(group)).with_context(ErrorKind::Unexpected, || {
        format!("cannot give `{}` to user {user}", slot.path().display())
    })?;
    Ok(slot)
}

fn item(name: String, answer: Option<&String>) -> CheckedItem {
    let (code, said) = answer.and_then(|line| line.split_once('\t')).unwrap_or(("", "not run"));
    CheckedItem {
        name,
        ok: code == "0",
        detail: text::one_line(said, 120),
    }
}

fn too_slow(image: &str) -> Error {
    let message = format!("the checks of image `{image}` took longer than {} s", LIMIT.as_secs());
    Error::new(ErrorKind::Engine, message).hint("make sure that no command of `container.toolchain` waits for input")
}
