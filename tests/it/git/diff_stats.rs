//! How much two trees differ, as git itself counts it.

use std::collections::BTreeMap;
use std::path::Path;

use cordwainer::git::DiffStat;
use fastrand::Rng;

use crate::support::repository::TestRepository;

/// What `git diff --numstat` says: insertions and deletions by path, of which a rename has the new one.
fn by_git(repository: &TestRepository, old: &str, new: &str) -> BTreeMap<String, (u64, u64)> {
    let arguments = [
        "diff",
        "--numstat",
        "-z",
        "--find-renames=100%",
        "-l0",
        "--minimal",
        old,
        new,
    ];
    let text = repository.git(&arguments);
    let mut parts = text.split('\0').filter(|part| !part.is_empty());
    let mut found = BTreeMap::new();
    while let Some(part) = parts.next() {
        let columns: Vec<&str> = part.trim_start().splitn(3, '\t').collect();
        let path = match columns[2] {
            // A rename: the old path and the new one follow.
            "" => parts.by_ref().nth(1).unwrap(),
            path => path,
        };
        let count = |text: &str| text.parse().unwrap_or_default();
        found.insert(path.to_owned(), (count(columns[0]), count(columns[1])));
    }
    found
}

fn by_us(repository: &TestRepository, old: &str, new: &str) -> BTreeMap<String, (u64, u64)> {
    let git = repository.handle();
    let files = git.file_diffs(repository.oid(old), repository.oid(new)).unwrap();
    let stat: DiffStat = files.iter().collect();
    assert_eq!(git.diff_stat(repository.oid(old), repository.oid(new)).unwrap(), stat);
    let files = files.into_iter();
    files
        .map(|file| (file.path.display().to_string(), (file.insertions, file.deletions)))
        .collect()
}

#[test]
fn renames_links_binaries_and_ends_of_lines_count_as_git_counts_them() {
    let repository = TestRepository::empty();
    repository.write("stays.txt", "a\nb\nc\n");
    repository.write("moves.txt", "some\ntext\n");
    repository.write("goes.txt", "1\n2\n3\n");
    repository.write("binary", [0, 1, 2]);
    repository.write("ended.txt", "no end");
    repository.commit("begin");
    repository.git(&["mv", "moves.txt", "moved.txt"]);
    repository.git(&["rm", "--quiet", "goes.txt"]);
    repository.write("stays.txt", "a\nB\nc\nd\n");
    repository.write("binary", [0, 2]);
    repository.write("ended.txt", "no end\n");
    repository.write("new/deep.txt", "x\ny\n");
    std::os::unix::fs::symlink("stays.txt", repository.path().join("link")).unwrap();
    repository.commit("end");
    let found = by_us(&repository, "HEAD~1", "HEAD");
    assert_eq!(found, by_git(&repository, "HEAD~1", "HEAD"));
    assert_eq!(found["moved.txt"], (0, 0));
    assert_eq!(found["stays.txt"], (2, 1));
}

/// 60 pairs of trees of a dozen files, seed 10.
#[test]
fn random_changes_count_as_git_counts_them() {
    let mut rng = Rng::with_seed(10);
    let repository = TestRepository::empty();
    repository.write("first", "");
    repository.commit("begin");
    for step in 0..60 {
        for _ in 0..6 {
            let path = format!("{}/{}.txt", rng.u8(0..3), rng.u8(0..4));
            if rng.u8(0..4) == 0 && Path::new(&repository.path().join(&path)).exists() {
                let to = format!("{}/{}-{step}.txt", rng.u8(0..3), rng.u8(0..4));
                repository.write(&to, std::fs::read(repository.path().join(&path)).unwrap());
                std::fs::remove_file(repository.path().join(&path)).unwrap();
            } else {
                let lines = (0..rng.u8(0..12)).map(|_| format!("{}\n", rng.u8(0..5)));
                repository.write(&path, lines.collect::<String>());
            }
        }
        repository.commit("step");
        let found = by_us(&repository, "HEAD~1", "HEAD");
        let expect = by_git(&repository, "HEAD~1", "HEAD");
        // Where equal files were moved, which of them went where is a matter of taste.
        let sum =
            |all: &BTreeMap<String, (u64, u64)>| all.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert_eq!(
            (found.len(), sum(&found)),
            (expect.len(), sum(&expect)),
            "{step}: {found:?} {expect:?}"
        );
    }
}
