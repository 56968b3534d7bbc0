//! Attacks on the host's git, through what an agent writes: into its own repository, in the place of `.git`, or into
//! the tree. The control is git itself, as earlier systems ran it, on a clone in which the agent had its way.

mod control;
mod folder;
mod history;
mod hooks;
mod masks;
mod settings;
mod tree;

use std::fs;
use std::path::PathBuf;

pub(super) use self::control::agent;
use self::control::{Scene, trigger};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    both: masks_cannot_be_moved_away, only_the_history_of_the_generation_can_be_read;
    podman first: forged_folders_of_git_mean_nothing;
    docker first: hooks_and_settings_run_nothing, forged_trees_lead_nowhere;
}

/// One attack. In its texts `{git}` is the folder of git, `{marker}` the file whose being there proves that the host
/// did what the agent wanted, and the other words in braces are those of [`Scene`].
#[derive(Clone, Debug)]
pub(super) struct Attack {
    pub(super) name: String,
    /// What the agent does.
    pub(super) script: String,
    /// What a person, or an earlier system, then does in the checkout, by `sh`; it makes the marker if the attack
    /// itself does not.
    pub(super) trigger: Trigger,
    /// What must become of a task that does this, where it is done in a task of its own.
    pub(super) becomes: Becomes,
}

/// What an attack waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trigger {
    /// Commands of `sh`.
    Shell(&'static str),
    /// A forced checkout by libgit2.
    ForcedCheckout,
}

/// What becomes of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Becomes {
    /// It is merged: the attack left nothing in the tree, or nothing that means anything.
    Merged,
    /// It is merged, and this file of it says this: what the agent wanted to hide.
    Shown(&'static str, &'static str),
    /// It is held for a person.
    Held,
}

impl Attack {
    fn new(name: &str, script: &str, trigger: &'static str, becomes: Becomes) -> Self {
        Self {
            name: name.to_owned(),
            script: script.to_owned(),
            trigger: Trigger::Shell(trigger),
            becomes,
        }
    }

    /// An attack that waits for something else.
    fn waiting_for(self, trigger: Trigger) -> Self {
        Self { trigger, ..self }
    }

    /// The script with git's folder in this place.
    fn at(&self, git: &str, scene: &Scene) -> String {
        scene.fill(&self.script, &self.name).replace("{git}", git)
    }

    /// The script for a container: git's folder is what it sees as `.git`, and what that file points to.
    fn in_container(&self, scene: &Scene) -> String {
        if !self.script.contains("{git}") {
            return self.at("", scene);
        }
        [".git", "/run/cordwainer/git"].map(|git| self.at(git, scene)).concat()
    }
}

fn hooks_and_settings_run_nothing(engine: TestEngine) {
    let scene = Scene::new();
    let all = [hooks::attacks(), settings::attacks()].concat();
    // They do not come in each other's way: a task of its own for each would show nothing more. Attributes that ask for a
    // filter hold theirs.
    let is_filtered = |attack: &&Attack| attack.script.contains("write .gitattributes");
    let (filtered, others): (Vec<_>, Vec<_>) = all.iter().partition(is_filtered);
    let task = |title: &str, attacks: &[&Attack], becomes| {
        let scripts = attacks.iter().map(|attack| attack.in_container(&scene));
        (title.to_owned(), scripts.collect(), becomes)
    };
    let tasks = [
        task("hooks and settings", &others, Becomes::Merged),
        task("settings with attributes", &filtered, Becomes::Held),
    ];
    defended(engine, &scene, &all, &tasks);
}

fn forged_folders_of_git_mean_nothing(engine: TestEngine) {
    one_task_each(engine, &folder::attacks());
}

fn forged_trees_lead_nowhere(engine: TestEngine) {
    one_task_each(engine, &tree::attacks());
}

fn one_task_each(engine: TestEngine, attacks: &[Attack]) {
    let scene = Scene::new();
    let task = |attack: &Attack| (attack.name.clone(), attack.in_container(&scene), attack.becomes);
    let tasks: Vec<_> = attacks.iter().map(task).collect();
    defended(engine, &scene, attacks, &tasks);
}

fn only_the_history_of_the_generation_can_be_read(engine: TestEngine) {
    history::hunted(engine);
}

fn masks_cannot_be_moved_away(engine: TestEngine) {
    let scene = Scene::new();
    let attack = masks::attack();
    let task = (attack.name.clone(), attack.in_container(&scene), attack.becomes);
    defended(engine, &scene, std::slice::from_ref(&attack), &[task]);
    masks::control(engine, &scene, &attack);
}

/// Has agents carry the attacks out in a generation of the real program, in tasks with these titles and scripts, ends
/// it, and does in the person's checkout what each attack waits for: nothing comes of any.
fn defended(engine: TestEngine, scene: &Scene, attacks: &[Attack], tasks: &[(String, String, Becomes)]) {
    let project = Project::on(engine, scene.repository(), "stitch: {max_attempts: 1}\n");
    let refs = foreign_refs(&project);
    for (number, (title, script, _)) in tasks.iter().enumerate() {
        project.add(title, &format!("{script}\nwrite src/{number}.txt done"));
    }
    project.run(&["generator", "run"]);
    assert_eq!(scene.markers(), [""; 0], "these ran on the host");
    for (number, (title, _, becomes)) in tasks.iter().enumerate() {
        expect(&project, number, title, *becomes);
    }
    project.expect_tidy();
    assert_eq!(foreign_refs(&project), refs, "refs that are not ours changed");
    assert_eq!(
        project
            .repository
            .git(&["fsck", "--connectivity-only", "--no-dangling"]),
        ""
    );
    let person = settings_of_the_person(&project);
    project.run(&["generator", "stop"]).expect(0);
    assert_eq!(
        scene.markers(),
        [""; 0],
        "these ran on the host when the generation was merged"
    );
    assert_eq!(settings_of_the_person(&project), person);
    let fired = |attack: &&Attack| trigger(scene, &project.repository.path(), attack);
    let fired: Vec<&str> = attacks
        .iter()
        .filter(fired)
        .map(|attack| attack.name.as_str())
        .collect();
    assert_eq!(fired, [""; 0], "these ran on the host");
}

/// The controls: the same payloads where git's own folder lies open to the agent, and git is run on what it left.
#[test]
fn all_of_them_work_on_plain_git() {
    let scene = Scene::new();
    let attacks = [
        hooks::attacks(),
        settings::attacks(),
        folder::attacks(),
        tree::attacks(),
    ]
    .concat();
    let silent = |attack: &&Attack| !scene.control(attack);
    let silent: Vec<_> = attacks
        .iter()
        .filter(silent)
        .map(|attack| attack.name.as_str())
        .collect();
    assert_eq!(silent, [""; 0], "the controls of these do not fire");
}

#[track_caller]
fn expect(project: &Project, number: usize, title: &str, becomes: Becomes) {
    let issue = project.issue(&format!("cw-{}", number + 1));
    let status = if becomes == Becomes::Held { "blocked" } else { "closed" };
    assert_eq!(issue["status"], status, "{title}: {issue:#}");
    if let Becomes::Shown(path, text) = becomes {
        assert!(project.content(path).contains(text), "{title}: `{path}` is hidden");
    }
}

/// Refs that are neither the generation's nor ours, and what they point to.
fn foreign_refs(project: &Project) -> Vec<String> {
    let all = project
        .repository
        .git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
    let ours = |name: &&str| name.starts_with("refs/cordwainer/") || name.starts_with("refs/heads/generation-one ");
    all.lines().filter(|name| !ours(name)).map(str::to_owned).collect()
}

/// What of the person's git folder no command of ours may ever change.
fn settings_of_the_person(project: &Project) -> Vec<(PathBuf, String)> {
    let own = [".git/config", ".git/hooks", ".git/info", ".git/HEAD"];
    let everything = project.repository.snapshot_of_everything();
    let is_own = |path: &PathBuf| own.iter().any(|start| path.starts_with(start));
    let kept: Vec<_> = everything.into_iter().filter(|(path, _)| is_own(path)).collect();
    assert!(fs::exists(project.repository.path().join(".git/config")).unwrap() && kept.len() > 2);
    kept
}
