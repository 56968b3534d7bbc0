//! Ignore rules, attributes and conversions are git's own: random ones, and what git itself makes of them.

use std::fs;
use std::path::Path;

use cordwainer::git::{Advance, Oid, SnapshotLimits};
use cordwainer::testing;
use fastrand::Rng;

use super::sameness::git_says;
use super::slots::{pool_of, restore};
use crate::support::repository::TestRepository;

/// The seed of all random rules, and how many sets of them are tried: each has up to 24 rules and up to 30 files.
const SEED: u64 = 8_004;
const SMALL: u32 = 60;
const LONG: u32 = 3_000;

/// What patterns are put together from.
const PIECES: &[&str] = &[
    "a",
    "b",
    "ab",
    ".",
    "x",
    "*",
    "**",
    "?",
    "/",
    "/",
    "**/",
    "/**",
    "[ab]",
    "[!a]",
    "[^x]",
    "[[:alpha:]]",
    "[[:digit:]]",
    "[a-c]",
    "[]-]",
    "[\\]]",
    "{a,b}",
    "{}",
    "\\",
    "\\*",
    "\\ ",
    " ",
    "1",
    "A",
    "[A-C]",
    "[[:upper:]]",
    "[a",
    "[[:none:]]",
    "é",
    "***",
    "-",
    "!",
    "#",
];
const NAMES: &[&str] = &[
    "a", "b", "ab", "a.x", "x", "1", "A", "{a,b}", "a{}", "b.a", "]", "-", "é", "a b", "a ", "*", "#a", "!a",
];
const STATES: &[&str] = &[
    "text",
    "-text",
    "!text",
    "text=auto",
    "crlf",
    "-crlf",
    "crlf=input",
    "eol=lf",
    "eol=crlf",
    "ident",
    "-ident",
    "binary",
    "own",
    "text=odd",
];
const CONTENTS: &[&[u8]] = &[
    b"one\r\ntwo\r\n",
    b"one\ntwo\n",
    b"one\r\ntwo\n",
    b"one\rtwo\r\n",
    b"\0\r\n",
    b"$Id$\n$Id: abc $\r\n$Id: a b $ $Id:\n$",
    b"\x01\x02\x03\r\n",
    b"long enough to be called text, whatever else is in it, and then some more of it, so that one odd byte \x02 is none\r\n\x1a",
    b"",
];

fn pattern(rng: &mut Rng) -> String {
    (0..rng.usize(1..5))
        .map(|_| rng.choice(PIECES).unwrap().to_string())
        .collect()
}

fn rules(rng: &mut Rng, line: impl Fn(&mut Rng) -> String) -> String {
    let mark = if rng.u8(..8) == 0 { "\u{feff}" } else { "" };
    let end = if rng.u8(..6) == 0 { "\r\n" } else { "\n" };
    let lines = (0..rng.usize(0..6)).map(|_| line(rng) + end).collect::<String>();
    let cut = if rng.bool() {
        lines.trim_end_matches('\n')
    } else {
        &lines
    };
    format!("{mark}{cut}")
}

fn ignore_rules(rng: &mut Rng) -> String {
    rules(rng, |rng| {
        let negated = if rng.u8(..4) == 0 { "!" } else { "" };
        let blanks = *rng.choice(&["", "", "", " ", "  ", "\\ ", "\t"]).unwrap();
        let folder = *rng.choice(&["", "", "", "/"]).unwrap();
        format!("{negated}{}{folder}{blanks}", pattern(rng))
    })
}

fn attribute_rules(rng: &mut Rng) -> String {
    rules(rng, |rng| {
        let head = match rng.u8(..8) {
            0 => "[attr]own".to_owned(),
            1 => "*".to_owned(),
            2 => format!("\"{}\"", pattern(rng)),
            _ => pattern(rng),
        };
        let states = (0..rng.usize(1..3)).map(|_| format!(" {}", rng.choice(STATES).unwrap()));
        head + &states.collect::<String>()
    })
}

/// Writes random files of these names, and rules, below `root`, at most three folders deep.
fn fill(root: &Path, names: &[&str], rng: &mut Rng) {
    for _ in 0..rng.usize(5..30) {
        let path: Vec<_> = (0..rng.usize(1..4)).map(|_| *rng.choice(names).unwrap()).collect();
        let path = root.join(path.join("/"));
        // A file may stand where this one needs a folder, or the other way round.
        if fs::create_dir_all(path.parent().unwrap()).is_ok() && !path.is_dir() {
            fs::write(&path, rng.choice(CONTENTS).unwrap()).unwrap();
        }
    }
    for folder in ["", "a", "b", "a/b"] {
        let folder = root.join(folder);
        if folder.is_dir() && rng.bool() {
            fs::write(folder.join(".gitignore"), ignore_rules(rng)).unwrap();
        }
        if folder.is_dir() && rng.bool() {
            fs::write(folder.join(".gitattributes"), attribute_rules(rng)).unwrap();
        }
    }
}

/// Settings of the repository and of the person, at random.
fn settle(repository: &TestRepository, rng: &mut Rng) {
    let personal = repository.config_home().join("git");
    fs::create_dir_all(&personal).unwrap();
    fs::write(personal.join("ignore"), ignore_rules(rng)).unwrap();
    fs::write(personal.join("attributes"), attribute_rules(rng)).unwrap();
    repository.write(".git/info/exclude", ignore_rules(rng));
    repository.write(
        ".git/info/attributes",
        if rng.bool() {
            attribute_rules(rng)
        } else {
            String::new()
        },
    );
    for (key, values) in [
        ("core.ignoreCase", ["false", "false", "true"]),
        ("core.autocrlf", ["false", "true", "input"]),
        ("core.eol", ["native", "lf", "crlf"]),
    ] {
        repository.git(&["config", key, rng.choice(&values).unwrap()]);
    }
}

/// What differs between our tree and git's, with the rules that were in force.
fn difference(repository: &TestRepository, ours: Oid, theirs: Oid, slot: &Path) -> String {
    let names = repository.git(&["diff", "--patch", "--text", &ours.to_string(), &theirs.to_string()]);
    let grep = [
        "grep",
        "--no-index",
        "--line-number",
        "",
        "--",
        "*ignore",
        "*attributes",
        "*exclude",
    ];
    let places = [
        slot.to_owned(),
        repository.path().join(".git/info"),
        repository.config_home().join("git"),
    ];
    let rules = places.map(|place| String::from_utf8_lossy(&repository.try_git_in(&place, &grep).stdout).into_owned());
    let config = repository.git(&["config", "--list", "--local"]);
    format!("from ours to git's:\n{names}\n{rules:#?}\n{config}")
}

#[test]
fn random_rules_say_what_git_says() {
    let cases = testing::size(SMALL, LONG);
    println!("seed {SEED}, {cases} sets of rules");
    let mut rng = Rng::with_seed(SEED);
    let repository = TestRepository::new();
    let base = repository.oid("HEAD");
    for case in 0..cases {
        settle(&repository, &mut rng);
        let git = repository.handle().with_config_home(Some(repository.config_home()));
        let mut slot = pool_of(git.clone()).acquire("x").unwrap();
        restore(&mut slot, &git, base);
        // On a system that does not tell case, no two names differ by it.
        let ignores_case = repository.git(&["config", "core.ignoreCase"]) == "true";
        let names: Vec<_> = NAMES
            .iter()
            .copied()
            .filter(|name| !ignores_case || *name != "A")
            .collect();
        fill(slot.path(), &names, &mut rng);
        let snapshot = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
        assert_eq!(snapshot.refused, [], "case {case}");
        repository.git(&["read-tree", &base.to_string()]);
        let theirs = git_says(&repository, slot.path());
        assert!(
            snapshot.tree == theirs,
            "case {case}: {}",
            difference(&repository, snapshot.tree, theirs, slot.path())
        );
        slot.release().unwrap();
    }
}

/// A line that libgit2 needs years to match with a path of many `a`s.
const ENDLESS: &str = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab text\n";

#[test]
fn no_pattern_keeps_a_snapshot_a_merge_or_a_checkout_from_ending() {
    let repository = TestRepository::new().seeing_unheld();
    let long = format!("{}/{}", "a".repeat(200), "a".repeat(200));
    repository.write(&long, "1\r\n");
    let base = repository.commit("base");
    let git = repository.handle();
    let mut slot = pool_of(git.clone()).acquire("x").unwrap();
    restore(&mut slot, &git, base);
    fs::write(slot.path().join(".gitattributes"), ENDLESS).unwrap();
    fs::write(slot.path().join(".gitignore"), ENDLESS.replace(" text", "")).unwrap();
    fs::write(slot.path().join(&long), "2\r\n").unwrap();
    let snapshot = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
    assert_eq!(snapshot.changed.len(), 3, "{:?}", snapshot.changed);
    assert_eq!(git.changes(base, snapshot.tree).unwrap().len(), 3);
    let tip = repository.git(&["commit-tree", &snapshot.tree.to_string(), "-p", "HEAD", "-m", "x"]);
    let tip = Oid::from_str(&tip).unwrap();
    assert_eq!(git.advance_checkout(base, tip).unwrap(), Advance::Done);
    repository.git(&["update-ref", "refs/heads/main", &tip.to_string()]);
    assert_eq!(git.dirty().unwrap(), [] as [std::path::PathBuf; 0]);
    assert!(!git.ignores(Path::new(&long)).unwrap());
    repository.write("other", "3\n");
    let third = repository.commit("third");
    assert_eq!(git.advance_checkout(third, base).unwrap(), Advance::Done);
}

#[test]
fn a_checkout_is_brought_to_what_git_writes_and_git_finds_it_clean() {
    let cases = testing::size(SMALL / 4, LONG / 4);
    println!("seed {SEED}, {cases} pairs of moves");
    let mut rng = Rng::with_seed(SEED + 1);
    let repository = TestRepository::new();
    let git = repository.handle().with_config_home(Some(repository.config_home()));
    let mut last = repository.oid("HEAD");
    for case in 0..cases {
        settle(&repository, &mut rng);
        repository.git(&["config", "core.ignoreCase", "false"]);
        // Written by git under the same rules, so that it is clean.
        repository.git(&["rm", "-r", "-q", "-f", "--cached", "."]);
        repository.git(&["clean", "-q", "-x", "-d", "-f"]);
        fill(&repository.path(), NAMES, &mut rng);
        repository.git(&["add", "--all", "--force"]);
        let next = repository.commit("next");
        repository.git(&["clean", "-q", "-x", "-d", "-f"]);
        for (from, to) in [(next, last), (last, next)] {
            repository.git(&["reset", "-q", "--hard", &from.to_string()]);
            repository.git(&["read-tree", "--empty"]);
            repository.git(&["reset", "-q", "--hard", &from.to_string()]);
            age_files_below(&repository.path());
            if !repository.git(&["status", "--porcelain", "-uno"]).is_empty() {
                // Contents that no checkout of git itself leaves clean.
                continue;
            }
            assert_eq!(git.dirty().unwrap(), [] as [std::path::PathBuf; 0], "case {case}");
            let before = files_below(&repository.path());
            assert_eq!(git.advance_checkout(from, to).unwrap(), Advance::Done, "case {case}");
            let ours = files_below(&repository.path());
            repository.git(&["update-ref", "HEAD", &to.to_string()]);
            let status = repository.git(&["status", "--porcelain"]);
            repository.git(&["read-tree", "--empty"]);
            repository.git(&["reset", "-q", "--hard", &to.to_string()]);
            let gits = files_below(&repository.path());
            // By the attributes in its index git checks out, by those in files it judges, and only in files does it pass over
            // a mark of the byte order, and over the CR of a line.
            let ends = repository.git(&["ls-files", "--eol", "--", "*.gitattributes"]);
            let is_marked = |(path, content): &(std::path::PathBuf, Vec<u8>)| {
                path.ends_with(".gitattributes") && content.starts_with("\u{feff}".as_bytes())
            };
            if ends.contains("i/crlf") || ends.contains("i/mixed") || gits.iter().any(is_marked) {
                continue;
            }
            // What is the same in both stays as it was, for git, too, also where a move changes its attributes.
            let names = [
                "diff",
                "--no-renames",
                "--name-only",
                "-z",
                &from.to_string(),
                &to.to_string(),
            ];
            let names = repository.git(&names);
            let moved = |(path, _): &&(std::path::PathBuf, Vec<u8>)| {
                let path = path.strip_prefix(repository.path()).unwrap().to_str().unwrap();
                names.split('\0').any(|name| name == path)
            };
            let [arrived, gits] = [&ours, &gits].map(|files| files.iter().filter(moved).collect::<Vec<_>>());
            assert!(
                arrived == gits,
                "case {case}, git's status {status}: {arrived:#?} {gits:#?}"
            );
            let [stayed, before] =
                [&ours, &before].map(|files| files.iter().filter(|file| !moved(file)).collect::<Vec<_>>());
            assert_eq!(stayed, before, "case {case}");
        }
        repository.git(&["reset", "-q", "--hard", &next.to_string()]);
        last = next;
    }
}

/// Gives all files another time, so that git looks at what is in them.
fn age_files_below(root: &Path) {
    for (path, _) in files_below(root) {
        if !path.is_symlink() {
            let file = fs::File::options().append(true).open(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        }
    }
}

/// All files of a checkout with their contents, without the git folder.
fn files_below(root: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let inside = walkdir::WalkDir::new(root).sort_by_file_name().into_iter();
    let inside = inside
        .filter_entry(|entry| entry.file_name() != ".git")
        .map(Result::unwrap);
    let files = inside.filter(|entry| !entry.file_type().is_dir());
    files
        .map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap()))
        .collect()
}
