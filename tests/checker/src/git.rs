//! The repository, by the `git` program.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::Outcome;

/// A repository with a checkout.
pub(crate) struct Repository {
    pub(crate) checkout: PathBuf,
    /// Git's own folder, which all worktrees share.
    pub(crate) common: PathBuf,
    /// Where cordwainer's state is.
    pub(crate) state: PathBuf,
    /// The repository's id; empty where cordwainer never changed anything.
    pub(crate) id: String,
}

impl Repository {
    pub(crate) fn open(checkout: &Path) -> Outcome<Self> {
        let checkout = fs::canonicalize(checkout).map_err(|error| format!("`{}`: {error}", checkout.display()))?;
        let common = run(&checkout, &["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
        let common = fs::canonicalize(common.trim_end())?;
        let note = match fs::read(common.join("cordwainer-repository.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(_) => Value::Null,
        };
        let state = note["state_dir"].as_str().map(PathBuf::from);
        Ok(Self {
            state: state
                .filter(|_| note["git_folder"].as_str().map(Path::new) == Some(&common))
                .unwrap_or_else(|| common.join("cordwainer")),
            id: note["id"].as_str().unwrap_or_default().to_owned(),
            checkout,
            common,
        })
    }

    /// Runs git in the checkout, and returns what it printed.
    pub(crate) fn git(&self, arguments: &[&str]) -> Outcome<String> {
        run(&self.checkout, arguments)
    }

    /// Runs git in the checkout, whatever comes of it.
    pub(crate) fn try_git(&self, arguments: &[&str]) -> Outcome<Output> {
        Ok(command(&self.checkout, arguments).output()?)
    }

    /// The commit that a ref is at; `None` where there is none.
    pub(crate) fn tip(&self, reference: &str) -> Outcome<Option<String>> {
        let output = self.try_git(&["rev-parse", "--quiet", "--verify", reference])?;
        let id = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(output.status.success().then_some(id))
    }

    /// All commits that a revision reaches.
    pub(crate) fn reachable(&self, revision: &str) -> Outcome<Vec<String>> {
        let listed = self.git(&["rev-list", revision])?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// The contents of objects, in the order in which they are named.
    pub(crate) fn contents(&self, objects: &[String]) -> Outcome<Vec<Vec<u8>>> {
        let output = self.batch(&["cat-file", "--batch"], objects)?;
        let mut rest = output.as_slice();
        let mut contents = Vec::new();
        for object in objects {
            let end = rest
                .iter()
                .position(|byte| *byte == b'\n')
                .ok_or("`git cat-file` ended early")?;
            let head = std::str::from_utf8(&rest[..end])?;
            let size = head.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok());
            let size = size.ok_or_else(|| format!("`{object}` cannot be read: {head}"))?;
            let content = rest.get(end + 1..end + 1 + size).ok_or("`git cat-file` ended early")?;
            contents.push(content.to_vec());
            rest = rest.get(end + 2 + size..).ok_or("`git cat-file` ended early")?;
        }
        Ok(contents)
    }

    /// The ids that files would have as objects.
    pub(crate) fn ids_of_files(&self, paths: &[PathBuf]) -> Outcome<Vec<String>> {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let output = self.batch(&["hash-object", "--no-filters", "--stdin-paths"], &names)?;
        Ok(String::from_utf8(output)?.lines().map(str::to_owned).collect())
    }

    fn batch(&self, arguments: &[&str], lines: &[String]) -> Outcome<Vec<u8>> {
        let mut child = command(&self.checkout, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().ok_or("git has no stdin")?;
        let mut stdout = child.stdout.take().ok_or("git has no stdout")?;
        let text = lines.join("\n") + "\n";
        // Beside the reading: git stops when nobody reads what it prints.
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let mut output = Vec::new();
        stdout.read_to_end(&mut output)?;
        writer.join().map_err(|_| "the writer to git panicked")??;
        if child.wait()?.success() {
            Ok(output)
        } else {
            Err(format!("`git {}` failed", arguments.join(" ")).into())
        }
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Outcome<String> {
    let output = command(folder, arguments).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`git {}`: {}", arguments.join(" "), said.trim_end()).into())
}

/// Git, with no settings but the repository's own, and without taking a lock to refresh the index.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C");
    command
}
