//! The steps that keep issues, and show them on a terminal.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cordwainer::clock::Clock;
use cordwainer::generation::GenerationName;
use cordwainer::git::Git;
use cordwainer::issue::{Issues, NewIds, NewIssue, StoreMeta, read_batch};
use cordwainer::store::Store;
use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;
use wait4::Wait4 as _;

use super::repository::make;
use super::{Round, Step, timed};

/// The name of the generation.
const NAME: &str = "generation-growth";

/// All of them.
pub(super) fn steps() -> Result<Vec<Step>> {
    let rows = |name, dependencies: fn(usize) -> Vec<String>| {
        let input = move |size| batch(size, dependencies);
        Step::of((name, "issues", 128), input, |text: &String| import(text))
    };
    Ok(vec![
        rows("import: a chain of issues", |number| {
            (number > 0).then(|| format!("k{}", number - 1)).into_iter().collect()
        }),
        rows("import: issues that wait for the same few", |number| {
            (0..8).filter(|on| *on < number).map(|on| format!("k{on}")).collect()
        }),
        rows("import: a ring of issues", |number| {
            vec![format!("k{}", number + 1), "k0".to_owned()]
        }),
        Step::of(
            ("import: brackets in brackets", "bytes", 32 << 10),
            |size| "[".repeat(size),
            |text| assert!(read_batch(text).is_err(), "it is no batch"),
        ),
        Step::of(
            ("import: a key again and again", "bytes", 32 << 10),
            key_again,
            |text| {
                std::hint::black_box(read_batch(text).is_ok());
            },
        ),
        store("store: rows written and read", add_many),
        store("store: comments on one issue", add_comments),
        command("terminal: `issues list`", &["issues", "list"], |issues, size| {
            add_many(issues, size)
        })?,
        command("terminal: `issues show`", &["issues", "show", "cw-aaaa"], add_comments)?,
        command(
            "terminal: `issues graph` of a long title",
            &["issues", "list"],
            add_wide,
        )?,
    ])
}

fn batch(size: usize, dependencies: fn(usize) -> Vec<String>) -> String {
    let issue = |number| {
        let title = format!("{number} \u{301}\u{1b}[2J {}", "x".repeat(100));
        json!({"key": format!("k{number}"), "title": title, "dependencies": dependencies(number)})
    };
    json!((0..size).map(issue).collect::<Vec<_>>()).to_string()
}

fn key_again(size: usize) -> String {
    let fields = r#""title":"x","a":[],"#.repeat(size / 19);
    format!("[{{{fields}\"title\":\"x\"}}]")
}

fn meta() -> StoreMeta {
    StoreMeta::new(
        GenerationName::new(NAME).expect("a name"),
        "main".to_owned(),
        Timestamp::UNIX_EPOCH,
    )
}

/// The ids of a fixed clock: the first one is `cw-aaaa`.
fn ids() -> NewIds {
    NewIds::drawn(&Clock::fixed(Timestamp::UNIX_EPOCH), BTreeSet::new())
}

fn import(text: &str) {
    let mut issues = Issues::new(meta());
    // A ring is refused, which takes its time, too.
    if let Ok(reading) = read_batch(text) {
        std::hint::black_box(issues.import(reading.batch, &ids(), Timestamp::UNIX_EPOCH).is_ok());
    }
    std::hint::black_box(issues.ready().len());
}

fn add_many(issues: &mut Issues, size: usize) -> cordwainer::error::Result<()> {
    let ids = ids();
    for number in 0..size {
        let mut issue = NewIssue::titled(format!("{number} {}", "\u{301}\u{fdfa}x".repeat(40)));
        issue.description = "```\n\u{1b}]0;x".repeat(20);
        issues.add(issue, &ids, Timestamp::UNIX_EPOCH)?;
    }
    Ok(())
}

fn add_comments(issues: &mut Issues, size: usize) -> cordwainer::error::Result<()> {
    let id = issues.add(NewIssue::titled("one"), &ids(), Timestamp::UNIX_EPOCH)?;
    for number in 0..size {
        issues.comment(
            &id,
            "agent",
            &format!("{number} {}", "\u{1b}[31m ```\n".repeat(20)),
            Timestamp::UNIX_EPOCH,
        )?;
    }
    Ok(())
}

/// Issues each of which has a description without a break.
fn add_wide(issues: &mut Issues, size: usize) -> cordwainer::error::Result<()> {
    let ids = ids();
    for _ in 0..size / 32 {
        let mut issue = NewIssue::titled("\u{fdfa}".repeat(190));
        issue.labels = (0..20).map(|number| format!("label{number}")).collect();
        issues.add(issue, &ids, Timestamp::UNIX_EPOCH)?;
    }
    Ok(())
}

type Fill = fn(&mut Issues, usize) -> cordwainer::error::Result<()>;

/// A repository whose store has issues.
struct Filled {
    folder: TempDir,
    store: Store,
}

impl Filled {
    fn make(size: usize, fill: Fill) -> Result<Self> {
        let folder = make(&[("configuration.yaml", "image: localhost/none\n")])?;
        let git = Git::discover(folder.path())?;
        let generation = GenerationName::new(NAME.to_owned())?;
        let store = Store::create(&git, &generation, &meta(), Timestamp::UNIX_EPOCH)?;
        store.update("fill", Timestamp::UNIX_EPOCH, |issues| fill(issues, size))?;
        let head = git.resolve("HEAD")?;
        for name in [format!("refs/heads/{NAME}"), generation.base_mark()] {
            let _ = git.move_reference(&name, None, Some(head), "bench")?;
        }
        Ok(Self { folder, store })
    }
}

/// Writes a store and reads it.
fn store(name: &'static str, fill: Fill) -> Step {
    let prepare = move |size| -> Result<Round> {
        let filled = Filled::make(size, fill)?;
        Ok(Box::new(move || {
            // The whole of it is kept: a closure that names the store alone would let the repository go.
            let filled = &filled;
            timed(|| {
                let ids = filled.store.new_ids(&Clock::machine())?;
                filled.store.update("again", Timestamp::UNIX_EPOCH, |issues| {
                    issues.add(NewIssue::titled("one more"), &ids, Timestamp::UNIX_EPOCH)
                })?;
                std::hint::black_box(filled.store.read()?.len());
                Ok(())
            })
        }))
    };
    Step {
        name,
        unit: "rows",
        smallest: 64,
        prepare: Box::new(prepare),
    }
}

/// Runs a command of the command line in a process of its own, whose time counts.
fn command(name: &'static str, arguments: &'static [&'static str], fill: Fill) -> Result<Step> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let prepare = move |size| -> Result<Round> {
        let filled = Rc::new(Filled::make(size, fill)?);
        let program = program.clone();
        Ok(Box::new(move || run(&program, arguments, filled.folder.path())))
    };
    Ok(Step {
        name,
        unit: "rows",
        smallest: 256,
        prepare: Box::new(prepare),
    })
}

fn run(program: &Path, arguments: &[&str], folder: &Path) -> Result<Duration> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdout(Stdio::null());
    let used = command.spawn().context("cannot run this program")?.wait4()?;
    ensure!(
        used.status.success(),
        "`{}` failed: {}",
        arguments.join(" "),
        used.status
    );
    Ok(used.rusage.utime + used.rusage.stime)
}
