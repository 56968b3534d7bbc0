//! The same tasks with the same agent by `@ai-hero/sandcastle`, where that runs. Its tasks have no gates and no conflicts.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use super::ParallelBenchArgs;
use super::scene::FILES;
use crate::bench::engines::Setting;
use crate::bench::scene::make_repository;
use crate::debian_image::DebianBase;
use crate::provision;

/// The package and the oldest version that is measured.
const PACKAGE: &str = "@ai-hero/sandcastle@>=0.12.0";
/// The tasks, for the package.
const PROGRAM: &str = include_str!("sandcastle.mjs");
/// Debian with what sandcastle calls in a container.
const BASE: DebianBase = DebianBase {
    reference: "localhost/cordwainer-bench-git-base:1",
    folder: "git-image",
    holds: "git",
    packages: "git",
};
const IMAGE: &str = "localhost/cordwainer-bench-sandcastle:latest";
/// As the package's own template has it, but that a container's end is not waited for: its first process ignores SIGTERM, and
/// each would take ten seconds.
const CONTAINERFILE: &str = "\
COPY scripted-agent claude /usr/local/bin/
ENV PATH=/usr/local/bin:/usr/bin:/bin
STOPSIGNAL SIGKILL
ENTRYPOINT [\"sleep\", \"infinity\"]
";
/// The scripted agent commits nothing, and sandcastle has agents commit.
const CLAUDE: &str = "\
#!/bin/sh
set -eu
scripted-agent --print --verbose --output-format stream-json
git add --all
git commit --quiet --message 'a task'
";

/// Measures, and prints the times; where it cannot run here, says why.
pub(super) fn measure(setting: &Setting<'_>, args: &ParallelBenchArgs) {
    match timed(setting, args) {
        Ok((version, mut times, again)) => {
            times.sort_by(f64::total_cmp);
            let median = times[times.len() / 2];
            println!(
                "sandcastle {version}, no conflicts, without gates   {:>7.3} s {median:>7.3} s  {:>8.2}",
                times[0],
                median / args.ideal().as_secs_f64()
            );
            println!("  worktrees that it could not make beside another, and that were asked for again: {again}");
        }
        Err(why) => println!("sandcastle: not measured here: {why:#}"),
    }
}

/// Returns the package's version, the seconds of each round, and how often a worktree was asked for again.
fn timed(setting: &Setting<'_>, args: &ParallelBenchArgs) -> Result<(String, Vec<f64>, u32)> {
    for program in ["node", "npm"] {
        ensure!(provision::find(program).is_some(), "there is no `{program}`");
    }
    let folder = tempfile::Builder::new()
        .prefix("cordwainer-bench-")
        .tempdir()
        .context("cannot make a folder")?;
    let folder = folder.path();
    let version = installed(folder)?;
    BASE.give(&[setting.engine], setting.install)?;
    let files = [("scripted-agent", setting.agent.agent()), ("claude", CLAUDE.as_bytes())];
    BASE.build(setting.engine, CONTAINERFILE, &files, IMAGE)?;
    let client = client(setting, folder)?;
    let (mut times, mut again) = (Vec::new(), 0);
    for round in 0..args.rounds {
        let repository = folder.join(format!("repository-{round}"));
        make_repository(&repository, FILES)?;
        let printed = round_of(folder, &repository, client, args)?;
        all_merged(&repository, args.tasks)?;
        times.push(
            figure(&printed, "seconds: ")?
                .parse()
                .context("its time is no number")?,
        );
        again += figure(&printed, "again: ")?
            .parse::<u32>()
            .context("its count is no number")?;
    }
    Ok((version, times, again))
}

/// Installs the package into a folder; returns its version.
fn installed(folder: &Path) -> Result<String> {
    std::fs::write(folder.join("package.json"), "{\"private\": true}").context("cannot write `package.json`")?;
    std::fs::write(folder.join("tasks.mjs"), PROGRAM).context("cannot write the tasks")?;
    let output = Command::new("npm")
        .current_dir(folder)
        .args(["install", "--no-audit", "--no-fund", "--loglevel", "error", PACKAGE])
        .output()
        .context("cannot run npm")?;
    ensure!(
        output.status.success(),
        "npm does not install it: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let path = folder.join("node_modules/@ai-hero/sandcastle/package.json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let package: serde_json::Value = serde_json::from_slice(&text).context("its package.json is no JSON")?;
    Ok(package["version"].as_str().context("it has no version")?.to_owned())
}

/// Puts the engine's own client into a folder, under the name that sandcastle calls; returns that name.
fn client(setting: &Setting<'_>, folder: &Path) -> Result<&'static str> {
    let client = setting.engine.client();
    let name = if client.iter().any(|word| word.ends_with("docker")) {
        "docker"
    } else {
        "podman"
    };
    // The client itself is looked for where it was before.
    let script = format!(
        "#!/bin/sh\nPATH='{}'\nexec {} \"$@\"\n",
        search_path(),
        client.join(" ")
    );
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).context("cannot make a folder")?;
    let path = bin.join(name);
    std::fs::write(&path, script).context("cannot write the client")?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).context("cannot write the client")?;
    Ok(name)
}

#[expect(clippy::disallowed_methods, reason = "where the programs of this machine are")]
fn search_path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// Has the tasks done once; returns what that printed.
fn round_of(folder: &Path, repository: &Path, client: &str, args: &ParallelBenchArgs) -> Result<String> {
    let output = Command::new("node")
        .current_dir(folder)
        .arg("tasks.mjs")
        .args([client, IMAGE])
        .arg(repository)
        .args([args.tasks, args.at_once].map(|number| number.to_string()))
        .arg(args.milliseconds.to_string())
        .env("PATH", format!("{}:{}", folder.join("bin").display(), search_path()))
        .stdin(Stdio::null())
        .output()
        .context("cannot run node")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let why: Vec<&str> = errors
            .lines()
            .skip_while(|line| !line.contains("Error"))
            .take(3)
            .collect();
        bail!("it failed ({}): {}", output.status, why.join(" "));
    }
    String::from_utf8(output.stdout).context("it printed no text")
}

/// Finds a figure in what was printed.
fn figure<'a>(printed: &'a str, name: &str) -> Result<&'a str> {
    let found = printed.lines().find_map(|line| line.strip_prefix(name));
    found.with_context(|| format!("it printed no `{name}`"))
}

/// Fails unless the branch has the files of all tasks.
fn all_merged(repository: &Path, tasks: u32) -> Result<()> {
    let output = Command::new("git")
        .current_dir(repository)
        .args(["ls-tree", "-r", "--name-only", "main", "src/"])
        .output()
        .context("cannot run git")?;
    let listed = String::from_utf8_lossy(&output.stdout);
    let merged = listed.lines().filter(|path| path.starts_with("src/task-")).count();
    ensure!(merged == tasks as usize, "it merged {merged} of {tasks} tasks");
    Ok(())
}
