//! Merges of random texts, beside those of the git program.

use std::fs;
use std::path::PathBuf;

use cordwainer::git::{Git, Merge, Oid, TreeEdit};
use cordwainer::testing::size;
use fastrand::Rng;

use crate::support::repository::TestRepository;

/// Of which numbers the random texts are made.
const SEED: u64 = 21;

/// A text of a few different lines: the fewer there are, the more ways there are to compare.
fn a_text(rng: &mut Rng, kinds: usize) -> Vec<String> {
    let lines = rng.usize(0..14);
    (0..lines).map(|_| a_line(rng, kinds)).collect()
}

fn a_line(rng: &mut Rng, kinds: usize) -> String {
    format!("{}\n", rng.usize(0..kinds))
}

/// Some random changes of a text, which may at last have no line end.
fn changed(text: &[String], kinds: usize, rng: &mut Rng) -> String {
    let mut text = text.to_vec();
    for _ in 0..rng.usize(0..4) {
        let at = rng.usize(0..=text.len());
        match rng.u8(0..4) {
            0 if at < text.len() => text[at] = a_line(rng, kinds),
            1 if at < text.len() => drop(text.remove(at)),
            2 => {
                let moved: Vec<_> = text.drain(at..(at + 2).min(text.len())).collect();
                let to = rng.usize(0..=text.len());
                text.splice(to..to, moved);
            }
            _ => text.insert(at, a_line(rng, kinds)),
        }
    }
    let mut text = text.concat();
    if rng.u8(0..8) == 0 && text.ends_with('\n') {
        text.pop();
    }
    if rng.u8(0..16) == 0 {
        text = text.replace('\n', "\r\n");
    }
    text
}

/// The trees of ancestor, ours and theirs, each with the same files.
fn trees(git: &Git, texts: &[[String; 3]], attributes: &str) -> [Oid; 3] {
    [0, 1, 2].map(|side| {
        let file = |(number, texts): (usize, &[String; 3])| {
            (PathBuf::from(format!("f{number}")), texts[side].clone().into_bytes())
        };
        let mut write: Vec<_> = texts.iter().enumerate().map(file).collect();
        write.push((".gitattributes".into(), attributes.as_bytes().to_vec()));
        let edit = TreeEdit {
            write: write.into_iter().collect(),
            ..TreeEdit::default()
        };
        git.edit_tree(git.empty_tree().unwrap(), &edit).unwrap()
    })
}

/// What `git merge-file` makes of three texts, by this argument beside; `None` for a conflict.
///
/// Merges of trees compare lines in the way that git calls `histogram`, whatever they are asked for: the way that is asked
/// for counts here.
fn git_merges(repository: &TestRepository, texts: &[String; 3], argument: &str) -> Option<Vec<u8>> {
    let [was, ours, theirs] = ["was", "ours", "theirs"].map(|name| repository.outside().join(name));
    for (path, text) in [&was, &ours, &theirs].into_iter().zip(texts) {
        fs::write(path, text).unwrap();
    }
    let paths = [&ours, &was, &theirs].map(|path| path.to_str().unwrap());
    let arguments = ["merge-file", "-p", "--diff-algorithm=myers", argument];
    let output = repository.try_git_in(&repository.path(), &[&arguments[..], &paths].concat());
    assert!(output.status.code().is_some_and(|code| code < 128), "{output:?}");
    output.status.success().then_some(output.stdout)
}

/// What we make of them all at once.
fn own_merges(repository: &TestRepository, texts: &[[String; 3]], attributes: &str) -> Vec<Option<Vec<u8>>> {
    let git = repository.handle();
    let merge = |texts: &[[String; 3]]| {
        let [ancestor, ours, theirs] = trees(&git, texts, attributes);
        git.merge_trees(ancestor, ours, theirs).unwrap()
    };
    let conflicts = match merge(texts) {
        Merge::Clean(_) => Vec::new(),
        Merge::Conflict(paths) => paths,
    };
    let is_conflict = |number: usize| conflicts.contains(&PathBuf::from(format!("f{number}")));
    // What does not fit is left out, so that the rest is a tree.
    let fitting = texts.iter().enumerate().filter(|(number, _)| !is_conflict(*number));
    let fitting: Vec<_> = fitting.map(|(_, texts)| texts.clone()).collect();
    let Merge::Clean(tree) = merge(&fitting) else {
        panic!("what fits does not fit");
    };
    let mut next = 0;
    let mut merged = |number: usize| {
        let path = PathBuf::from(format!("f{next}"));
        let fits = !is_conflict(number);
        next += usize::from(fits);
        fits.then(|| git.read_file(tree, &path).unwrap().unwrap())
    };
    (0..texts.len()).map(&mut merged).collect()
}

#[test]
fn random_texts_are_merged_as_the_git_program_merges_them() {
    let count = size(240, 20_000);
    println!("seed {SEED}, {count} texts");
    let repository = TestRepository::new();
    let mut rng = Rng::with_seed(SEED);
    let a_case = |number: usize| {
        let kinds = [2, 3, 5, 40][number % 4];
        let text = a_text(&mut rng, kinds);
        [
            text.concat(),
            changed(&text, kinds, &mut rng),
            changed(&text, kinds, &mut rng),
        ]
    };
    let texts: Vec<_> = (0..count).map(a_case).collect();
    let mut clean = 0;
    for (attributes, argument) in [("", "--quiet"), ("* merge=union\n", "--union")] {
        let all = own_merges(&repository, &texts, attributes);
        for (texts, own) in texts.iter().zip(all) {
            let expected = git_merges(&repository, texts, argument);
            clean += usize::from(own.is_some());
            assert!(
                own == expected,
                "{argument}: {texts:?}\n{}\n{}",
                shown(own),
                shown(expected)
            );
        }
    }
    // Of the unions all are, and of the others some.
    assert!(
        (count + count / 10..2 * count - count / 10).contains(&clean),
        "{clean} of {count}"
    );
}

fn shown(merged: Option<Vec<u8>>) -> String {
    merged.map_or_else(
        || "a conflict".to_owned(),
        |text| format!("{:?}", String::from_utf8_lossy(&text)),
    )
}
