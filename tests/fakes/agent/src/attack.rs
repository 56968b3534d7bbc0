//! What no agent should be able to do: tried, and told.

mod bombs;
mod hunt;
mod kernel;
mod network;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::script::Attack;

/// What an attack came to: what it got, or why not.
type Outcome = io::Result<String>;

/// Tries it; the first line says what was tried, the second what came of it.
pub(crate) fn told(attack: &Attack) -> String {
    let Attack { name, arguments, text } = attack;
    let came = match attempt(name, &Arguments(arguments), text) {
        Ok(got) => format!("done: {got}"),
        Err(error) => format!("refused: {error}"),
    };
    let tried: Vec<&str> = std::iter::once(name).chain(arguments).map(String::as_str).collect();
    format!("{}\n{came}", tried.join(" "))
}

fn attempt(name: &str, given: &Arguments<'_>, text: &str) -> Outcome {
    match name {
        "read" => read(given.word(0)?),
        "create" => create(given.word(0)?),
        "rewrite" => rewrite(given.word(0)?),
        "open" => OpenOptions::new()
            .write(true)
            .open(given.word(0)?)
            .map(|_| String::new()),
        "hunt" => hunt::hunt(given.0),
        "shell" => shell(text),
        _ => kernel::attempt(name, given)
            .or_else(|| bombs::attempt(name, given))
            .or_else(|| network::attempt(name, given, text))
            .unwrap_or_else(|| Err(io::Error::other(format!("there is no attack `{name}`")))),
    }
}

/// The words that follow an attack's name.
struct Arguments<'a>(&'a [String]);

impl Arguments<'_> {
    fn word(&self, index: usize) -> io::Result<&str> {
        let word = self.0.get(index).map(String::as_str);
        word.ok_or_else(|| io::Error::other("an argument is missing"))
    }

    fn number<T: std::str::FromStr>(&self, index: usize) -> io::Result<T> {
        let word = self.word(index)?;
        word.parse()
            .map_err(|_| io::Error::other(format!("`{word}` is no number")))
    }
}

/// Runs a script of a shell, which the image may not have.
fn shell(script: &str) -> Outcome {
    let ran = Command::new("sh").args(["-c", script]).stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(if ran.status.success() { &ran.stdout } else { &ran.stderr }).into_owned();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if ran.status.success() {
        Ok(said)
    } else {
        Err(io::Error::other(said))
    }
}

fn read(path: &str) -> Outcome {
    let mut bytes = Vec::new();
    File::open(path)?.take(1 << 16).read_to_end(&mut bytes)?;
    Ok(format!("{} bytes", bytes.len()))
}

fn create(path: &str) -> Outcome {
    File::create_new(path)?;
    fs::remove_file(path)?;
    Ok(String::new())
}

/// Writes what is there already: where it works it changes nothing.
fn rewrite(path: &str) -> Outcome {
    let held = fs::read(path)?;
    OpenOptions::new().write(true).open(path)?.write_all(&held)?;
    Ok(String::from_utf8_lossy(&held).trim_end().to_owned())
}
