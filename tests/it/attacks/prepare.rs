//! What a task leaves in prepared dependencies and caches for others. The controls are containers of the same image whose
//! cache and build folder are mounted, as a script would do it: there the next one finds all of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::attacks::told::{Told, plain_container, script};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;

engine_tests! {
    both: nothing_is_left_for_the_next_task_or_for_a_gate;
}

/// What the first one does, with the text that is prepared at first in each file.
const PLANTS: &str = "write target/planted x\nwrite /cache/planted x\nwrite target/deps/a poisoned\nwrite /cache/fetched poisoned\n\
    symlink target/elsewhere /etc\nsymlink /cache/elsewhere /etc\n";
/// What the next one tries.
const FINDS: [&str; 4] = [
    "read target/planted",
    "read /cache/planted",
    "read target/elsewhere/hostname",
    "read /cache/elsewhere/hostname",
];
/// What it reads where nothing is poisoned, and where it is.
const POISONED: [&str; 2] = ["rewrite target/deps/a", "rewrite /cache/fetched"];
const PREPARED: &str = "written by the probe";

fn nothing_is_left_for_the_next_task_or_for_a_gate(engine: TestEngine) {
    let repository = TestRepository::empty();
    for (path, text) in [
        ("docs/specification.md", "There shall be files.\n"),
        ("deps.lock", "one\n"),
        (".gitignore", "target/\n"),
    ] {
        repository.write(path, text);
    }
    let command = "make-folder=target/deps write-file=target/deps/a write-file=/cache/fetched";
    let gate = "absent=target/planted absent=/cache/planted cat=target/deps/a cat=/cache/fetched";
    let text = format!("commands: {{prepare: {{command: {command}, inputs: [deps.lock]}}}}\ngates: [{gate}]\n");
    let project = Project::on(engine, repository, &text);
    project.add("plants", &format!("{PLANTS}{}write src/a.txt x", script(POISONED)));
    let finds = script(FINDS.into_iter().chain(POISONED));
    project.add("looks", &format!("{finds}write src/b.txt x"));
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    let first = Told::by_task(&project, "cw-1");
    for attack in POISONED {
        assert_eq!(
            first.came(attack),
            "done: poisoned",
            "it writes what it likes for itself"
        );
    }
    let next = Told::by_task(&project, "cw-2");
    for attack in FINDS {
        assert!(!next.done(attack), "{attack}: {}", next.came(attack));
    }
    for attack in POISONED {
        assert_eq!(next.came(attack), format!("done: {PREPARED}"), "{attack}");
    }
    for call in ["cw-1-1", "cw-2-1"] {
        let folder = project.records(call).pop().unwrap();
        let said = fs::read_to_string(folder.join("gate-1.txt")).unwrap();
        assert_eq!(said, format!("{PREPARED}\n{PREPARED}\n"), "{call}");
    }
    project.expect_tidy();
    control(engine, &finds);
}

/// Does the same in containers that share a cache and a build folder.
fn control(engine: TestEngine, finds: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = vec!["--network=none".to_owned()];
    for (name, inside) in [("target", "/workspace/target"), ("cache", "/cache")] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.join("deps")).unwrap();
        for folder in [path.clone(), path.join("deps")] {
            fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
        }
        options.push(format!("--volume={}:{inside}", path.display()));
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let _ = plain_container(engine, &options, PLANTS);
    let next = plain_container(engine, &options, finds);
    for attack in FINDS {
        assert!(
            next.done(attack),
            "the control of `{attack}` does not fire: {}",
            next.came(attack)
        );
    }
    for attack in POISONED {
        assert_eq!(
            next.came(attack),
            "done: poisoned",
            "the control of `{attack}` does not fire"
        );
    }
}
