//! Whether an image has what an attempt needs, found out by one container of it.

use std::time::Duration;

use serde::Serialize;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::text;
use crate::project::labels::ROLE_LABEL;
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
}

/// Runs one container of `image` as `user`, with a slot mounted, and looks at what it has; `toolchain` are the
/// project's own commands, each of which must succeed.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`] when the image is not there, or the container does not run at all.
pub async fn check(engine: &Engine, image: &str, toolchain: &[String], user: UserChoice) -> Result<ImageReport> {
    engine.ensure_image(image).await?;
    let slot = slot(engine, &user)?;
    let names = NEEDED
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .chain(toolchain.iter().cloned());
    let names: Vec<String> = names.collect();
    let commands = NEEDED.iter().map(|(_, command)| (*command).to_owned());
    let mut command: Vec<String> = ["sh", "-c", SCRIPT, "check"].map(String::from).into();
    command.extend(commands.chain(toolchain.iter().cloned()));
    let spec = ContainerSpec {
        command,
        network: Some("none".into()),
        labels: [(ROLE_LABEL.to_owned(), "image-check".to_owned())].into(),
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
    let items = items.map(|(index, name)| item(name, answers.get(index))).collect();
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
