//! The steps that read trees and worktrees.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use anyhow::{Context as _, Result, ensure};
use cordwainer::git::{Git, NewCommit, Oid, SlotPool, SnapshotLimits, TreeEdit};
use jiff::Timestamp;
use tempfile::TempDir;

use super::{Round, Step, timed};

/// A file by its path.
type Content = (PathBuf, Vec<u8>);
/// What stands in three trees: ancestor, ours, theirs.
type Sides = [Vec<Content>; 3];

/// All of them.
pub(super) fn steps() -> Vec<Step> {
    let mut steps = snapshots();
    steps.extend(merges());
    steps.extend(checkouts());
    steps
}

/// Where files are in memory, on machines that have such a folder.
const IN_MEMORY: &str = "/dev/shm";

/// Makes a repository with a commit of these files, and a checkout of it. It is in memory if that can be had: ext4, which
/// avoids inodes that were freed within the last seconds, takes longer for each file the more of them there are.
pub(super) fn make(files: &[(&str, &str)]) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("cordwainer-bench-");
    let folder = builder.tempdir_in(IN_MEMORY).or_else(|_| builder.tempdir())?;
    for (path, content) in files {
        fs::write(folder.path().join(path), content)?;
    }
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["config", "user.name", "bench"],
        &["config", "user.email", "bench@example.org"],
        &["config", "gc.auto", "0"],
        &["add", "--all"],
        &["commit", "--quiet", "--allow-empty", "--message=begin"],
    ] {
        git_program(folder.path(), arguments)?;
    }
    Ok(folder)
}

fn git_program(folder: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new("git").args(arguments).current_dir(folder).status();
    ensure!(status.context("cannot run git")?.success(), "git {arguments:?} failed");
    Ok(())
}

fn file(path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Content {
    (path.into(), content.into())
}

/// So many lines, each by its number.
fn lines(size: usize, line: impl Fn(usize) -> String) -> String {
    (0..size).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{}", line(number));
        text
    })
}

/// So many files with long names.
fn files(size: usize) -> impl Iterator<Item = Content> {
    (0..size).map(|number| file(format!("{}{number}", "a".repeat(100)), "x"))
}

/// One file with these texts.
fn one(texts: [String; 3]) -> Sides {
    texts.map(|text| vec![file("f", text)])
}

/// What an agent leaves in a slot, and what of it is recorded.
fn snapshots() -> Vec<Step> {
    let step = |name, unit, smallest, files: fn(usize) -> Vec<Content>| Step {
        name,
        unit,
        smallest,
        prepare: Box::new(move |size| snapshot(&files(size))),
    };
    vec![
        step("snapshot: files", "files", 128, |size| files(size).collect()),
        step("snapshot: folders in folders", "folders", 4, |size| {
            vec![file("d/".repeat(size) + "f", "x")]
        }),
        step("ignore rules: stars, for as many files", "rules", 64, |size| {
            let rules = lines(size, |number| format!("*{}b{number}", "a*".repeat(40)));
            files(size).chain([file(".gitignore", rules)]).collect()
        }),
        step("ignore rules: folders that may be any", "rules", 64, |size| {
            let rules = lines(size, |number| format!("{}b{number}", "**/a*/".repeat(20)));
            files(size).chain([file(".gitignore", rules)]).collect()
        }),
        step("attributes: stars, for as many files", "rules", 64, |size| {
            let rules = lines(size, |number| format!("*{}b{number} text", "a*".repeat(40)));
            files(size).chain([file(".gitattributes", rules)]).collect()
        }),
        step("attributes: names, for as many files", "rules", 64, |size| {
            let names = (0..300).fold(String::new(), |names, number| names + &format!(" n{number}"));
            files(size)
                .chain([file(".gitattributes", lines(size, |_| format!("*{names}")))])
                .collect()
        }),
        step("attributes: macros of macros", "macros", 64, |size| {
            let rules = lines(size, |number| {
                format!("[attr]m{number} m{} m{}", number + 1, number + 2)
            });
            files(size).chain([file(".gitattributes", rules + "* m0\n")]).collect()
        }),
        step("conversion: ends of lines", "bytes", 64 << 10, |size| {
            vec![
                file(".gitattributes", "* text eol=crlf\n"),
                file("f", "\r\n".repeat(size / 2)),
            ]
        }),
        step("conversion: beginnings of `$Id:`", "bytes", 64 << 10, |size| {
            vec![
                file(".gitattributes", "* ident\n"),
                file("f", "$Id:$Id".repeat(size / 7)),
            ]
        }),
    ]
}

fn snapshot(files: &[Content]) -> Result<Round> {
    let folder = make(&[])?;
    let git = Git::discover(folder.path())?;
    let base = git.resolve("HEAD")?;
    let pool = SlotPool::new(git, &folder.path().join(".git/pool"));
    let mut slot = pool.acquire("bench")?;
    slot.restore(base, None)?;
    for (path, content) in files {
        let path = slot.path().join(path);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        fs::write(path, content)?;
    }
    Ok(Box::new(move || {
        let _ = &folder;
        timed(|| {
            let _ = std::hint::black_box(slot.snapshot(base, &SnapshotLimits::default())?);
            Ok(())
        })
    }))
}

fn merges() -> Vec<Step> {
    let step = |name, unit, smallest, sides: fn(usize) -> Sides| Step {
        name,
        unit,
        smallest,
        prepare: Box::new(move |size| merge(sides(size))),
    };
    vec![
        step("merge: files that both sides changed", "files", 64, |size| {
            ["", "x\n", "y\n"].map(|head| {
                let content = |side: &str| {
                    format!(
                        "{}a\nb\nc\nd\n{}",
                        if side == "x\n" { side } else { "" },
                        if side == "y\n" { side } else { "" }
                    )
                };
                (0..size)
                    .map(|number| file(format!("d/{number}"), content(head)))
                    .collect()
            })
        }),
        step("merge: files that are renamed and alike", "files", 128, |size| {
            ["a", "b", "c"].map(|folder| {
                let content =
                    |number: usize| lines(20, |line| format!("{} {}", line % 7, (number + line) % 5)) + folder;
                (0..size)
                    .map(|number| file(format!("{folder}/{folder}{number}"), content(number)))
                    .collect()
            })
        }),
        step("merge: folders in folders", "folders", 64, |size| {
            ["a", "b", "c"].map(|name| vec![file("d/".repeat(size) + name, name)])
        }),
        step("merge of texts: lines in another order", "lines", 2048, |size| {
            one([1, 7, 13].map(|step| lines(size, |line| (line * step % (size + 1)).to_string())))
        }),
        step("merge of texts: two lines again and again", "lines", 2048, |size| {
            one([3, 5, 7].map(|step| lines(size, |line| (line * line / step % 2).to_string())))
        }),
        step("merge of texts: one line again and again", "lines", 512, |size| {
            one([0, 1, 2].map(|more| lines(size + more * size / 4, |_| "x".to_owned())))
        }),
        step("merge of texts: groups that slide", "lines", 512, |size| {
            one([0, 3, 5].map(|every: usize| {
                lines(size, |line| {
                    if every > 0 && line % every == 0 { "y" } else { "x" }.to_owned()
                })
            }))
        }),
        step(
            "merge of texts: lines whose hashes git has collide",
            "lines",
            512,
            |size| {
                let pairs = colliding_pairs();
                let text = |from: usize| lines(size, |line| colliding(&pairs, from + line));
                one([text(0), text(size / 4), text(size / 2)])
            },
        ),
    ]
}

/// Pairs of letters, two for each place in a line, by which a line's hash in git comes out the same.
fn colliding_pairs() -> Vec<[String; 2]> {
    // djb2: 33 times what came before, and the next byte by exclusive or.
    let next = |hash: u64, byte: u8| hash.wrapping_mul(33) ^ u64::from(byte);
    let mut hash = 5381;
    let mut found = Vec::new();
    while found.len() < 20 {
        let mut seen = HashMap::new();
        let pairs = (b'!'..=b'~').flat_map(|first| (b'!'..=b'~').map(move |second| [first, second]));
        for pair in pairs {
            let made = next(next(hash, pair[0]), pair[1]);
            if let Some(other) = seen.insert(made, pair) {
                found.push([other, pair].map(|pair| String::from_utf8_lossy(&pair).into_owned()));
                hash = made;
                break;
            }
        }
    }
    found
}

/// Another line for each number, all of one hash.
fn colliding(pairs: &[[String; 2]], number: usize) -> String {
    let letters = pairs
        .iter()
        .enumerate()
        .map(|(bit, pair)| pair[number >> bit & 1].as_str());
    letters.collect()
}

fn tree(git: &Git, files: Vec<Content>) -> Result<Oid> {
    let write = TreeEdit {
        write: files,
        ..TreeEdit::default()
    };
    Ok(git.edit_tree(git.empty_tree()?, &write)?)
}

fn merge(sides: Sides) -> Result<Round> {
    let folder = make(&[])?;
    let git = Git::discover(folder.path())?;
    let [ancestor, ours, theirs] = sides;
    let [ancestor, ours, theirs] = [tree(&git, ancestor)?, tree(&git, ours)?, tree(&git, theirs)?];
    Ok(Box::new(move || {
        let _ = &folder;
        timed(|| {
            let _ = std::hint::black_box(git.merge_trees(ancestor, ours, theirs)?);
            Ok(())
        })
    }))
}

/// The person's checkout, brought to what agents committed and back again.
fn checkouts() -> Vec<Step> {
    let step = |name, unit, smallest, files: fn(usize) -> Vec<Content>| Step {
        name,
        unit,
        smallest,
        prepare: Box::new(move |size| checkout(files(size))),
    };
    let differences = |size| {
        (0..size)
            .map(|number| file(format!("{}/{number}", number % 100), "x"))
            .collect()
    };
    vec![
        step("checkout: files", "files", 64, |size| files(size).collect()),
        step("checkout: attributes of stars", "rules", 64, |size| {
            let rules = lines(size, |number| format!("*{}b{number} text", "a*".repeat(40)));
            files(size).chain([file(".gitattributes", rules)]).collect()
        }),
        step("checkout: ends of lines", "bytes", 64 << 10, |size| {
            vec![
                file(".gitattributes", "* text eol=crlf\n"),
                file("f", "\n".repeat(size)),
            ]
        }),
        Step {
            name: "differences of two trees",
            unit: "files",
            smallest: 256,
            prepare: Box::new(move |size| changes(differences(size))),
        },
    ]
}

fn checkout(files: Vec<Content>) -> Result<Round> {
    let folder = make(&[("README", "x\n")])?;
    let git = Git::discover(folder.path())?;
    let base = git.resolve("HEAD")?;
    let commit = NewCommit {
        committer: None,
        tree: tree(&git, files)?,
        parents: vec![base],
        message: "next".to_owned(),
        author: None,
        time: Timestamp::UNIX_EPOCH,
    };
    let next = git.commit(&commit)?;
    let git = Rc::new(git);
    Ok(Box::new(move || {
        let _ = &folder;
        timed(|| {
            std::hint::black_box(git.dirty()?);
            let _ = std::hint::black_box(git.advance_checkout(base, next)?);
            let _ = std::hint::black_box(git.retreat_checkout(base, next)?);
            Ok(())
        })
    }))
}

fn changes(files: Vec<Content>) -> Result<Round> {
    let folder = make(&[])?;
    let git = Git::discover(folder.path())?;
    let (empty, full) = (git.empty_tree()?, tree(&git, files)?);
    Ok(Box::new(move || {
        let _ = &folder;
        timed(|| {
            std::hint::black_box(git.changes(empty, full)?.len());
            Ok(())
        })
    }))
}
