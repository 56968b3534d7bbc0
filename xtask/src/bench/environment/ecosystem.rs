//! The projects that the tasks of the benchmark work on, with what fetches and builds their dependencies.

use std::net::ToSocketAddrs as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use cordwainer::network::Preset;

/// A project of an ecosystem.
pub(super) struct Ecosystem {
    pub(super) name: &'static str,
    /// The files, and what is in them.
    files: &'static [(&'static str, &'static str)],
    /// Fetches and builds the dependencies.
    pub(super) prepare: &'static str,
    /// On what that depends.
    pub(super) inputs: &'static str,
    /// The tests.
    pub(super) test: &'static str,
    /// The folders that the dependencies are in: of the worktree, and what the cache has for them.
    pub(super) folders: &'static [(&'static str, &'static str)],
    /// The preset of `network.allow`.
    allow: &'static str,
    /// The source that each task changes, and what stands before and behind the number of the round in it.
    source: (&'static str, &'static str, &'static str),
}

/// A file of a project below this folder.
macro_rules! file {
    ($folder:literal, $path:literal) => {
        ($path, include_str!(concat!($folder, "/", $path)))
    };
}

pub(super) const RUST: Ecosystem = Ecosystem {
    name: "Rust",
    files: &[
        (".gitignore", "/target/\n"),
        file!("rust", "Cargo.toml"),
        file!("rust", "Cargo.lock"),
        file!("rust", "src/lib.rs"),
        file!("rust", "src/round.rs"),
        file!("rust", "tests/register.rs"),
    ],
    prepare: "cargo test --no-run --locked",
    inputs: "[Cargo.toml, Cargo.lock]",
    test: "cargo test --locked --offline",
    folders: &[("target", "target")],
    allow: "cargo",
    source: ("src/round.rs", "pub const ROUND: u32 = ", ";"),
};

pub(super) const NODE: Ecosystem = Ecosystem {
    name: "Node",
    files: &[
        (".gitignore", "/node_modules/\n"),
        file!("node", "package.json"),
        file!("node", "package-lock.json"),
        file!("node", "lib/app.js"),
        file!("node", "lib/round.js"),
        file!("node", "test/app.test.js"),
    ],
    prepare: "npm ci --no-audit --no-fund",
    inputs: "[package.json, package-lock.json]",
    test: "npm test",
    folders: &[("node_modules", "node_modules")],
    allow: "npm",
    source: ("lib/round.js", "module.exports = ", ";"),
};

impl Ecosystem {
    /// Writes the project into a folder.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        for (path, text) in self.files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().context("no folder")?).context("cannot make a folder")?;
            std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        Ok(())
    }

    /// The configuration that has the dependencies prepared.
    pub(super) fn configuration(&self) -> String {
        format!(
            "commands: {{prepare: {{command: {}, inputs: {}}}}}\nnetwork: {{allow: [{}{}]}}\npreserve_sources: true\n",
            self.prepare,
            self.inputs,
            self.allow,
            self.addresses()
        )
    }

    /// The addresses of the registry's hosts as further entries: a mirror may have some that no name is allowed to lead to
    /// unless they are listed.
    fn addresses(&self) -> String {
        let found = Preset::named(self.allow)
            .into_iter()
            .flat_map(|preset| preset.hosts)
            .filter_map(|host| (*host, 443).to_socket_addrs().ok());
        let mut entries: Vec<String> = found.flatten().map(|address| format!(", \"{address}\"")).collect();
        entries.sort();
        entries.dedup();
        entries.concat()
    }

    /// The prompt of a task: a change, then the tests. When they pass, the time is printed.
    pub(super) fn prompt(&self, round: usize) -> String {
        let (path, before, behind) = self.source;
        format!(
            "~~~script\nwrite {path} {before}{round}{behind}\nattack shell test <<END\n{} >/tmp/test.txt 2>&1 && echo \
             {GREEN}$(date +%s%N) || {{ tail -n 5 /tmp/test.txt >&2; exit 1; }}\nEND\n~~~\n",
            self.test
        )
    }
}

/// What stands before the time at which the tests passed.
pub(super) const GREEN: &str = "green-at-";
