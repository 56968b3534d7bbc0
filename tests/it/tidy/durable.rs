//! Durable steps: each is followed by a crash point, at which tests let the process die, and ARCHITECTURE.md says what comes of
//! a death right after it.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::Modules;
use super::{Text, below, report};

/// What makes something outlive the process.
const STEPS: [&str; 7] = [
    "store.update(",
    "Store::create_with(",
    ".move_reference(",
    "write_atomically(",
    "fs::rename(",
    "slot.mark(",
    "marker::write(",
];

/// Beginnings of the paths of what a run and a generation's life leave.
const PLACES: [&str; 7] = [
    "src/run",
    "src/lifecycle",
    "src/project",
    "src/issues",
    "src/git/slots",
    "src/git/history",
    "src/git/checkout",
];

/// What follows a durable step that has no crash point right after it.
enum After {
    /// These crash points, in the functions that call this one.
    Points(&'static [&'static str]),
    /// No crash point, for this reason.
    None(&'static str),
}
use After::{None as Nothing, Points};

/// The functions with such steps: file, name, what follows.
const LISTED: [(&str, &str, After); 39] = [
    ("src/git/history.rs", "note_tip", Points(&["history.extended"])),
    ("src/git/history.rs", "add_shallow", Points(&["history.shallow"])),
    (
        "src/git/slots/checkout.rs",
        "remove_unused",
        Nothing("one rename, after which nobody finds the checkout; whoever makes the next one removes the rest"),
    ),
    (
        "src/git/slots/index.rs",
        "of",
        Nothing("an index that others are made from; one that is not whole has no such name, and is made again"),
    ),
    (
        "src/git/slots/marker.rs",
        "write",
        Nothing("it makes a marker whole, whoever asks for one"),
    ),
    (
        "src/git/slots/registration.rs",
        "discard",
        Nothing("one rename, after which git sees no registration; the rest goes with the next one of that slot"),
    ),
    (
        "src/git/slots/registration.rs",
        "move_in",
        Nothing("the slot is marked meanwhile, and whoever takes it writes the registration again"),
    ),
    (
        "src/git/slots/registration.rs",
        "put",
        Nothing("the slot is marked meanwhile, and what is registered of it is written again by whoever takes it"),
    ),
    ("src/git/slots/registration.rs", "put_index", Points(&["slot.restored"])),
    (
        "src/git/slots/slot.rs",
        "mark",
        Points(&["slot.resumed", "slot.suspended", "stitch.checkout"]),
    ),
    (
        "src/issues/store.rs",
        "commit",
        Nothing("it is how each step of the store ends, and its callers have the points"),
    ),
    ("src/lifecycle/end.rs", "keep", Points(&["end.archived"])),
    ("src/lifecycle/end.rs", "retire", Points(&["end.ref"])),
    (
        "src/lifecycle/start.rs",
        "create",
        Points(&["start.begun", "start.branch", "start.marked"]),
    ),
    (
        "src/lifecycle/recorded/cache.rs",
        "write",
        Nothing("rows that are made of events again wherever they are not there, or not of these events"),
    ),
    ("src/lifecycle/start.rs", "delete", Points(&["end.branch"])),
    ("src/lifecycle/stop/land.rs", "move_base", Points(&["stop.landed"])),
    (
        "src/lifecycle/audit.rs",
        "ask_again",
        Nothing("what becomes of findings: the same command says it again"),
    ),
    (
        "src/lifecycle/stop/land.rs",
        "set",
        Points(&["stop.finished", "stop.prepared"]),
    ),
    (
        "src/project/layers.rs",
        "adopt",
        Nothing("one rename: the layer is the task's or everybody's, and either is found"),
    ),
    (
        "src/project/layers.rs",
        "discard",
        Nothing("one rename, after which nobody finds the layer; the rest is cleared with what a dead process left"),
    ),
    ("src/project/layers.rs", "finish", Points(&["layer.kept"])),
    ("src/project/select.rs", "remember", Points(&["start.remembered"])),
    (
        "src/run/call/seal.rs",
        "write_files",
        Nothing("files for one call, written anew for the next"),
    ),
    (
        "src/run/call/warnings.rs",
        "write",
        Nothing("a file for one call, removed before the next"),
    ),
    ("src/run/gate/verdicts.rs", "note", Points(&["gates.noted"])),
    ("src/run/gate/verdicts.rs", "write", Points(&["gates.noted"])),
    (
        "src/run/land.rs",
        "keep_snapshot",
        Points(&["stitch.kept", "stage.kept", "recover.kept", "take.kept", "shell.kept"]),
    ),
    ("src/run/land.rs", "keep_orphan", Points(&["recover.kept"])),
    ("src/run/land.rs", "land", Points(&["stitch.merged", "accept.merged"])),
    ("src/run/land.rs", "land_own", Points(&["revert.landed", "take.landed"])),
    (
        "src/run/phase/measure/filing.rs",
        "file",
        Points(&["measure.filed", "measure.filed_in_part"]),
    ),
    (
        "src/run/phase/measure/unfiled.rs",
        "note",
        Points(&["measure.failed", "measure.paid"]),
    ),
    (
        "src/run/preflight.rs",
        "toolchain",
        Nothing("a cache: without it, the image is looked at again"),
    ),
    (
        "src/run/session.rs",
        "leave",
        Nothing("the marker says what it said, without a session: the next recovery keeps what is there either way"),
    ),
    (
        "src/run/slots.rs",
        "lay_out",
        Points(&["stitch.checkout", "gates.laid_out"]),
    ),
    ("src/run/waiting/list.rs", "write", Points(&["pause.noted"])),
    (
        "src/run/waiting/suspend.rs",
        "note",
        Points(&["slot.suspended", "round.begun", "stitch.done"]),
    ),
    (
        "src/run/requests.rs",
        "say",
        Nothing(
            "it is a comment, as `issues comment` makes one; that it was said to a session is not kept, and has no part in what comes",
        ),
    ),
];

/// The name of the crash point in a line, if there is one.
fn point(line: &str) -> Option<&str> {
    let (_, after) = line.split_once("crash_point!(\"")?;
    after.split_once('"').map(|(name, _)| name)
}

/// Every crash point of these files.
fn points(files: &[Text]) -> BTreeSet<String> {
    let lines = files.iter().filter(|file| file.is_rust()).flat_map(Text::code);
    lines.filter_map(|(_, line)| point(line).map(str::to_owned)).collect()
}

/// The lines of the durable steps of a function after which there is no crash point before the next step.
fn bare<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<usize> {
    let (mut bare, mut open) = (Vec::new(), None);
    for (number, line) in lines {
        if STEPS.iter().any(|step| line.contains(step)) {
            bare.extend(open.replace(number));
        } else if point(line).is_some() {
            open = None;
        }
    }
    bare.extend(open);
    bare
}

/// The functions of these files with durable steps that no crash point follows, each with the lines of those steps.
fn without_points(files: &[Text]) -> BTreeMap<(String, String), Vec<usize>> {
    let modules = Modules::of(files);
    let mut found: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for module in modules.by_place.values() {
        let file = files.iter().find(|file| file.path == module.file).expect("it was read");
        for function in &module.functions {
            let within = function.line..function.line + function.lines;
            let lines = file.code_without_tests().filter(|(number, _)| within.contains(number));
            let bare = bare(lines);
            if !bare.is_empty() {
                let name = (module.file.clone(), function.name.clone());
                found.entry(name).or_default().extend(bare);
            }
        }
    }
    found
}

fn places() -> Vec<Text> {
    let mut files = below("src/");
    files.retain(|file| PLACES.iter().any(|place| file.path.starts_with(place)));
    files
}

#[test]
fn a_crash_point_follows_every_durable_step() {
    let known = points(&below("src/"));
    let mut problems = Vec::new();
    let mut found = without_points(&places());
    for (file, name, after) in &LISTED {
        if found.remove(&((*file).to_owned(), (*name).to_owned())).is_none() {
            problems.push(format!(
                "{file}: `{name}` has no bare durable step any more: remove it from the list"
            ));
        }
        match after {
            Points(points) => {
                let gone = points.iter().filter(|point| !known.contains(**point));
                problems.extend(gone.map(|point| format!("{file}: `{name}` is followed by `{point}`, which is gone")));
            }
            Nothing(reason) => assert!(!reason.is_empty(), "{file}: {name}"),
        }
    }
    for ((file, name), lines) in found {
        problems.push(format!(
            "{file}:{lines:?}: no `crash_point!` follows the durable step of `{name}`: add one with a name of its own, its row in \
             ARCHITECTURE.md, and the case that comes to it; or list the function here"
        ));
    }
    report(&problems);
}

#[test]
fn a_step_without_a_point_is_found() {
    let file = |text: &str| Text {
        path: "src/run/land.rs".to_owned(),
        text: text.to_owned(),
    };
    let found = without_points(&[file(
        "fn good() {\n    store.update(x);\n    crash_point!(\"a.b\");\n}\n\
         fn late() {\n    git.move_reference(x);\n    write_atomically(y);\n    crash_point!(\"a.c\");\n}\n\
         fn bad() {\n    // store.update(\n    write_atomically(y);\n}\n",
    )]);
    let found: Vec<_> = found.into_iter().map(|((_, name), lines)| (name, lines)).collect();
    assert_eq!(found, [("bad".to_owned(), vec![12]), ("late".to_owned(), vec![6])]);
}

#[test]
fn architecture_describes_every_durable_step_and_its_undo() {
    let document = Text::read("ARCHITECTURE.md");
    let rows = document.text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.strip_suffix(" |")?.split(" | ").collect();
        let name = cells.first()?.strip_suffix('`')?;
        let is_point = name.contains('.') && !name.contains(['/', ' ']);
        is_point.then(|| {
            (
                name.to_owned(),
                cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty()),
            )
        })
    });
    let rows: BTreeMap<String, bool> = rows.collect();
    let mut files = below("src/");
    files.retain(|file| file.path != "src/base/crash.rs");
    let known = points(&files);
    let described: BTreeSet<String> = rows.keys().cloned().collect();
    let missing = known.difference(&described);
    let mut problems: Vec<String> = missing
        .map(|name| format!("ARCHITECTURE.md: the table of durable steps has no row for the crash point `{name}`"))
        .collect();
    let gone = described.difference(&known);
    problems.extend(gone.map(|name| format!("ARCHITECTURE.md: `{name}` is not a crash point: remove its row")));
    let unsaid = rows.iter().filter(|(_, is_whole)| !**is_whole);
    problems.extend(unsaid.map(|(name, _)| format!("ARCHITECTURE.md: the row of `{name}` says too little")));
    report(&problems);
}
