//! Merges of random trees, beside those of the git program. Where the two differ, the reason is in [`Difference`].

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use cordwainer::git::{Git, Merge, Oid};
use cordwainer::testing::size;
use fastrand::Rng;
use git2::{Index, IndexEntry, IndexTime, Repository};

use crate::support::repository::TestRepository;

/// Of which numbers the random trees are made.
const SEED: u64 = 8;

/// Files of attributes that all trees of a merge have, and the paths that git has merged by a program for them.
const ATTRIBUTES: [(&str, &str); 8] = [
    ("", ""),
    ("", ""),
    ("*.txt merge=union\n", ""),
    ("a -merge\n*.txt merge=text\n", ""),
    ("* merge=binary\n*.txt merge\n", ""),
    ("d/** merge=union\nb !merge\n", ""),
    ("[attr]both merge=union\n*.txt both\nb merge=nobody\n", ""),
    ("b merge=own\n", "b"),
];

/// Why a merge is not as git has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// The configuration names a program for the file, which is not run: a conflict here, whatever it does there.
    Driver,
    /// A side moved several files of one content: git takes any of them for any other. Here those are one whose paths end
    /// alike; of others it cannot be said, and what the other side did to them is a conflict.
    Alike,
    /// A side renamed a file that the other side changed to where that side has a new file: git drops the change, or the new
    /// file, or joins them; here it is a conflict.
    AddedTwice,
    /// The sides renamed folders into each other: git leaves new files where they are, and here they are a conflict.
    FoldersCrossed,
    /// Git itself compares lines in two ways, which differ here (ours is the one that it calls `myers`).
    Lines,
    /// The git program dies of the merge (an assertion of its own about files and links of one name): a conflict here.
    Death,
}

/// A file as a tree has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    mode: u32,
    content: Vec<u8>,
}

type Files = BTreeMap<String, File>;

const FILE: u32 = 0o100_644;
const EXECUTABLE: u32 = 0o100_755;
const LINK: u32 = 0o120_000;
const SUBMODULE: u32 = 0o160_000;

/// Makes a random path.
fn a_path(rng: &mut Rng) -> String {
    let folder = rng
        .choice(["", "", "d/", "d/", "d/e/", "D/", "g/", "a/", "b/"])
        .unwrap();
    let name = rng.choice(["a", "b", "A", "c.txt", "d", "e.txt", "x"]).unwrap();
    format!("{folder}{name}")
}

/// A text of lines that no other text has, and of some that stand in every text again and again.
fn a_text(rng: &mut Rng) -> Vec<u8> {
    let text = rng.u8(0..6);
    let lines = [0, 1, 3, 12, 24][rng.usize(0..5)];
    let mut content = String::new();
    for line in 0..lines {
        let _ = match line % 4 {
            3 => writeln!(content, "}}"),
            _ => writeln!(content, "text {text} has {} as line {line}", text * 7),
        };
    }
    content.into_bytes()
}

/// Changes a line, adds one or takes one away.
fn edit(content: &mut Vec<u8>, rng: &mut Rng) {
    let mut lines: Vec<_> = content
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let at = rng.usize(0..=lines.len());
    let new = format!("new {}\n", rng.u8(0..4)).into_bytes();
    match rng.u8(0..4) {
        0 | 1 if at < lines.len() => lines[at] = new,
        2 if at < lines.len() => drop(lines.remove(at)),
        _ => lines.insert(at, new),
    }
    *content = lines.concat();
}

/// Puts a file at a path, and removes what then cannot be there.
fn put(files: &mut Files, path: &str, file: File) {
    let below = format!("{path}/");
    files.retain(|other, _| !other.starts_with(&below) && !path.starts_with(&format!("{other}/")));
    files.insert(path.to_owned(), file);
}

/// One random change of a tree.
fn change(files: &mut Files, rng: &mut Rng) {
    let paths: Vec<_> = files.keys().filter(|path| *path != ".gitattributes").cloned().collect();
    let new = a_path(rng);
    let Some(path) = rng.choice(&paths).cloned() else {
        let content = a_text(rng);
        return put(files, &new, File { mode: FILE, content });
    };
    let mut file = files[&path].clone();
    match rng.u8(0..16) {
        0..=3 => {
            if matches!(file.mode, FILE | EXECUTABLE) {
                edit(&mut file.content, rng);
                files.insert(path, file);
            }
        }
        4 => {
            let content = a_text(rng);
            put(files, &new, File { mode: FILE, content });
        }
        5 => drop(files.remove(&path)),
        6 | 7 => {
            files.remove(&path);
            if rng.bool() && matches!(file.mode, FILE | EXECUTABLE) {
                edit(&mut file.content, rng);
            }
            put(files, &new, file);
        }
        8 | 9 => rename_folder(files, &path, rng),
        10 => put(files, &format!("{path}/x"), file),
        11 => {
            let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
            put(files, &folder.unwrap_or(new), file);
        }
        12 => {
            file.mode = match file.mode {
                FILE => EXECUTABLE,
                EXECUTABLE => FILE,
                other => other,
            };
            files.insert(path, file);
        }
        13 => {
            let content = rng.choice(["a", "d/a", "nowhere"]).unwrap().into();
            put(files, &new, File { mode: LINK, content });
        }
        14 => {
            let content = rng.choice(["1", "2", "3"]).unwrap().repeat(40).into();
            let mode = SUBMODULE;
            put(files, &new, File { mode, content });
        }
        _ => {
            if matches!(file.mode, FILE | EXECUTABLE) {
                file.content.insert(0, 0);
                files.insert(path, file);
            }
        }
    }
}

/// Renames the folder that a path is in.
fn rename_folder(files: &mut Files, path: &str, rng: &mut Rng) {
    let Some((folder, _)) = path.split_once('/') else {
        return;
    };
    let (from, to) = (
        format!("{folder}/"),
        rng.choice(["d/", "g/", "D/", "n/m/", ""]).unwrap(),
    );
    let moved: Vec<_> = files.keys().filter(|path| path.starts_with(&from)).cloned().collect();
    for old in moved {
        let Some(file) = files.remove(&old) else { continue };
        put(files, &format!("{to}{}", &old[from.len()..]), file);
    }
}

/// The files of ancestor, ours and theirs.
struct Scene([Files; 3]);

impl Scene {
    /// Whether both sides have a new file there.
    fn is_added_twice(&self, path: &str) -> bool {
        self.0.each_ref().map(|files| files.contains_key(path)) == [false, true, true]
    }

    /// Whether one side has a new file there, and the other side no file any more in that folder.
    fn is_in_vanished_folder(&self, path: &str) -> bool {
        let [ancestor, ours, theirs] = &self.0;
        let Some((folder, _)) = path.split_once('/') else {
            return false;
        };
        let folder = format!("{folder}/");
        let has = |files: &Files| files.keys().any(|path| path.starts_with(&folder));
        let is_new = ours.contains_key(path) != theirs.contains_key(path) && !ancestor.contains_key(path);
        is_new && has(ancestor) && has(ours) != has(theirs)
    }

    /// Whether a side put files of one content to other places, from several or to several.
    fn has_moved_alike(&self) -> bool {
        let [ancestor, ours, theirs] = &self.0;
        [ours, theirs].into_iter().any(|side| {
            let only_in = |these: &Files, others: &Files| {
                let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
                let alone = these.iter().filter(|(path, _)| !others.contains_key(*path));
                for (_, file) in alone.filter(|(_, file)| !file.content.is_empty()) {
                    *counts.entry(file.content.clone()).or_default() += 1;
                }
                counts
            };
            let (deleted, added) = (only_in(ancestor, side), only_in(side, ancestor));
            deleted
                .iter()
                .any(|(content, count)| added.get(content).is_some_and(|others| count + others > 2))
        })
    }
}

/// Makes them.
fn a_scene(rng: &mut Rng, attributes: &str) -> Scene {
    let mut ancestor = Files::new();
    for _ in 0..rng.usize(1..8) {
        let path = a_path(rng);
        let mode = if rng.u8(0..8) == 0 { EXECUTABLE } else { FILE };
        let content = a_text(rng);
        put(&mut ancestor, &path, File { mode, content });
    }
    for _ in 0..rng.usize(0..3) {
        change(&mut ancestor, rng);
    }
    if !attributes.is_empty() {
        let content = attributes.as_bytes().to_vec();
        put(&mut ancestor, ".gitattributes", File { mode: FILE, content });
    }
    let (mut ours, mut theirs) = (ancestor.clone(), ancestor.clone());
    if rng.u8(0..4) == 0 {
        let mut alike = rng.clone();
        change(&mut ours, rng);
        change(&mut theirs, &mut alike);
    }
    for side in [&mut ours, &mut theirs] {
        for _ in 0..rng.usize(1..4) {
            change(side, rng);
        }
    }
    Scene([ancestor, ours, theirs])
}

/// Writes trees, each content once.
struct Writer {
    repository: Repository,
    blobs: HashMap<Vec<u8>, Oid>,
}

impl Writer {
    #[expect(clippy::disallowed_methods, reason = "these trees are a person's")]
    fn tree(&mut self, files: &Files) -> Oid {
        let mut index = Index::new().unwrap();
        for (path, file) in files {
            let id = if file.mode == SUBMODULE {
                Oid::from_str(std::str::from_utf8(&file.content).unwrap()).unwrap()
            } else {
                let write = || self.repository.blob(&file.content).unwrap();
                *self.blobs.entry(file.content.clone()).or_insert_with(write)
            };
            index.add(&entry(path, file.mode, id)).unwrap();
        }
        index.write_tree_to(&self.repository).unwrap()
    }
}

fn entry(path: &str, mode: u32, id: Oid) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}

/// How many merges one git program makes: it may die of one.
const BATCH: usize = 250;

/// What the git program makes of merges, with the attributes of a tree and this way to compare lines; `None` where it dies.
fn git_merges(
    repository: &TestRepository,
    attributes: Oid,
    algorithm: &str,
    merges: &[[Oid; 3]],
) -> Vec<Option<Merge>> {
    let asked = |merges: &[[Oid; 3]]| git_merge_trees(repository, attributes, algorithm, merges);
    let batch = |batch: &[[Oid; 3]]| match asked(batch) {
        Some(found) => found.into_iter().map(Some).collect(),
        None => batch
            .iter()
            .map(|merge| asked(&[*merge]).and_then(|mut found| found.pop()))
            .collect::<Vec<_>>(),
    };
    merges.chunks(BATCH).flat_map(batch).collect()
}

/// What one git program makes of merges, unless it dies of one.
fn git_merge_trees(
    repository: &TestRepository,
    attributes: Oid,
    algorithm: &str,
    merges: &[[Oid; 3]],
) -> Option<Vec<Merge>> {
    let source = format!("--attr-source={attributes}");
    let mut lines = String::new();
    for [ancestor, ours, theirs] in merges {
        let _ = writeln!(lines, "{ancestor} -- {ours} {theirs}");
    }
    let input = repository.outside().join("merges");
    fs::write(&input, lines).unwrap();
    let output = Command::new("git")
        .args([&source, "merge-tree", "--stdin", "--name-only", "--no-messages"])
        .args(["-X", algorithm])
        .current_dir(repository.path())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", repository.outside())
        .stdin(fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    output.status.code()?;
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut words = text.split('\0');
    let mut found = Vec::new();
    while let Some(status @ ("0" | "1")) = words.next() {
        let tree = Oid::from_str(words.next().unwrap()).unwrap();
        let conflicts = words.by_ref().take_while(|word| !word.is_empty()).map(PathBuf::from);
        let conflicts: Vec<_> = conflicts.collect();
        let merge = if status == "1" {
            Merge::Clean(tree)
        } else {
            Merge::Conflict(conflicts)
        };
        found.push(merge);
    }
    assert_eq!(found.len(), merges.len(), "{text:?}");
    Some(found)
}

/// Says why our merge is not git's, if there is a reason.
fn difference(scene: &Scene, ours: &Merge, git: Option<&Merge>, driven: &str) -> Result<Option<Difference>, ()> {
    let conflicts = match (ours, git) {
        (Merge::Clean(one), Some(Merge::Clean(other))) if one == other => return Ok(None),
        (Merge::Conflict(_), Some(Merge::Conflict(_))) => return Ok(None),
        _ if scene.has_moved_alike() => return Ok(Some(Difference::Alike)),
        (Merge::Clean(_), _) => return Err(()),
        (Merge::Conflict(_), None) => return Ok(Some(Difference::Death)),
        (Merge::Conflict(paths), Some(Merge::Clean(_))) => paths,
    };
    let paths: Vec<_> = conflicts.iter().map(|path| path.to_str().unwrap()).collect();
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    if paths.iter().all(|path| name(path) == driven) {
        Ok(Some(Difference::Driver))
    } else if paths.iter().any(|path| scene.is_added_twice(path)) {
        Ok(Some(Difference::AddedTwice))
    } else if paths.iter().all(|path| scene.is_in_vanished_folder(path)) {
        Ok(Some(Difference::FoldersCrossed))
    } else {
        Err(())
    }
}

fn shown(repository: &TestRepository, [ancestor, ours, theirs]: [Oid; 3], results: (&Merge, &Option<Merge>)) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "ancestor:\n{}",
        repository.git(&["ls-tree", "-r", &ancestor.to_string()])
    );
    for (name, tree) in [("ours", ours), ("theirs", theirs)] {
        let diff = repository.git(&["diff-tree", "-r", "-M", &ancestor.to_string(), &tree.to_string()]);
        let _ = writeln!(text, "{name}:\n{diff}");
    }
    let base = format!("--merge-base={ancestor}");
    let arguments = ["merge-tree", &base, &ours.to_string(), &theirs.to_string()];
    let output = repository.try_git_in(&repository.path(), &arguments);
    let _ = writeln!(text, "git says:\n{}", String::from_utf8_lossy(&output.stdout));
    let (ours, git) = results;
    for result in [Some(ours), git.as_ref()] {
        let _ = writeln!(text, "{result:?}");
        if let Some(Merge::Clean(tree)) = result {
            let _ = writeln!(text, "{}", repository.git(&["ls-tree", "-r", &tree.to_string()]));
        }
    }
    text
}

/// Merges so many random scenes by both, and returns how often they differ, by the reason.
fn compare(count: usize) -> BTreeMap<Difference, usize> {
    let repository = TestRepository::new().seeing_unheld();
    repository.git(&["config", "merge.own.driver", "true"]);
    let git: Git = repository.handle();
    let mut writer = Writer {
        repository: Repository::open(repository.path()).unwrap(),
        blobs: HashMap::new(),
    };
    let mut rng = Rng::with_seed(SEED);
    let (mut differences, mut unexplained, mut clean) = (BTreeMap::new(), Vec::new(), 0);
    for (attributes, driven) in ATTRIBUTES {
        let mut only = Files::new();
        let content = attributes.as_bytes().to_vec();
        only.insert(".gitattributes".to_owned(), File { mode: FILE, content });
        let source = writer.tree(&only);
        let scenes = (0..count / ATTRIBUTES.len()).map(|_| a_scene(&mut rng, attributes));
        let scenes: Vec<_> = scenes.collect();
        let trees = |scene: &Scene| scene.0.each_ref().map(|files| writer.tree(files));
        let merges: Vec<_> = scenes.iter().map(trees).collect();
        let theirs = git_merges(&repository, source, "diff-algorithm=myers", &merges);
        let usual = git_merges(&repository, source, "diff-algorithm=histogram", &merges);
        let otherwise = theirs.iter().zip(&usual).filter(|(one, other)| one != other).count();
        *differences.entry(Difference::Lines).or_insert(0) += otherwise;
        for (scene, (merge, expected)) in scenes.iter().zip(merges.iter().zip(&theirs)) {
            let result = git.merge_trees(merge[0], merge[1], merge[2]).unwrap();
            clean += usize::from(matches!(result, Merge::Clean(_)));
            match difference(scene, &result, expected.as_ref(), driven) {
                Ok(None) => {}
                Ok(Some(reason)) => *differences.entry(reason).or_insert(0) += 1,
                Err(()) => unexplained.push((*merge, result, expected.clone())),
            }
        }
    }
    let first = unexplained.iter().take(12);
    let texts: Vec<_> = first
        .map(|(merge, ours, theirs)| shown(&repository, *merge, (ours, theirs)))
        .collect();
    assert!(
        texts.is_empty(),
        "{} of {count}:\n{}",
        unexplained.len(),
        texts.join("\n=====\n")
    );
    assert!(clean > count / 10 && clean < count - count / 10, "{clean} of {count}");
    differences
}

#[test]
fn random_merges_are_as_the_git_program_has_them() {
    let count = size(320, 24_000);
    let differences = compare(count);
    println!("{count} merges of seed {SEED}: differences {differences:?}");
    let all: usize = differences.values().sum();
    assert!(all < count / 50, "{differences:?}");
}
