//! Nothing unmerged is ever unreachable, whatever happens in which order.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

use super::{commit_to, generator, project};
use crate::support::repository::TestRepository;

/// One thing that happens to a repository.
#[derive(Clone, Debug)]
enum Happening {
    Start(u8),
    Work(u8),
    Attempt(u8, u8),
    MoveBase,
    LoseBranch(u8),
    Stop(u8, Death),
    Leave(u8),
    Reset(u8, Death),
}

/// Where an ending dies, if it does; what follows may be anything.
type Death = Option<&'static str>;

fn happening() -> impl Strategy<Value = Happening> {
    let name = 0..2_u8;
    let points = [
        "stop.finished",
        "stop.prepared",
        "stop.checkout",
        "stop.landed",
        "end.archived",
        "end.branch",
        "end.slots",
        "end.ref:1",
        "end.ref:2",
        "end.ref:3",
        "checkout.files",
    ];
    let death = || prop_oneof![2 => Just(None), 3 => prop::sample::select(points.to_vec()).prop_map(Some)];
    prop_oneof![
        3 => name.clone().prop_map(Happening::Start),
        4 => name.clone().prop_map(Happening::Work),
        3 => (name.clone(), 1..3_u8).prop_map(|(name, task)| Happening::Attempt(name, task)),
        1 => Just(Happening::MoveBase),
        1 => name.clone().prop_map(Happening::LoseBranch),
        3 => (name.clone(), death()).prop_map(|(name, death)| Happening::Stop(name, death)),
        1 => name.clone().prop_map(Happening::Leave),
        3 => (name, death()).prop_map(|(name, death)| Happening::Reset(name, death)),
    ]
}

/// A repository, and every commit that was ever on a generation branch or a task's ref, while it was the last there.
struct World {
    repository: TestRepository,
    commits: BTreeSet<String>,
    count: u32,
}

impl World {
    fn apply(&mut self, happening: &Happening) {
        self.count += 1;
        match happening {
            Happening::Start(name) => self.call(&["start", "--name", &letter(*name)], None),
            Happening::Work(name) => self.commit(&branch(*name), *name),
            Happening::Attempt(name, task) => self.commit(&task_ref(*name, *task), *name),
            Happening::MoveBase => self.move_base(),
            Happening::LoseBranch(name) => {
                let branch = branch(*name);
                // What was on it is lost with it: that is git's, and the person's, to keep.
                if let Some(tip) = self.repository.handle().reference(&branch).unwrap() {
                    let base = self.repository.oid("main");
                    let only_there = self
                        .repository
                        .git(&["rev-list", &tip.to_string(), &format!("^{base}")]);
                    only_there.lines().for_each(|commit| {
                        self.commits.remove(commit);
                    });
                    self.repository.git(&["update-ref", "-d", &branch]);
                }
            }
            Happening::Stop(name, death) => self.call(&["stop", "--generation", &letter(*name)], *death),
            Happening::Leave(name) => self.call(&["stop", "--no-merge", "--generation", &letter(*name)], None),
            Happening::Reset(name, death) => self.call(&["reset", "--generation", &letter(*name)], *death),
        }
    }

    fn call(&self, arguments: &[&str], death: Death) {
        let called = generator(&self.repository, arguments);
        let called = called.env("CORDWAINER_CRASH_AT", death.unwrap_or_default()).run();
        assert!([0, 9, 137].contains(&called.code), "{arguments:?}: {called:#?}");
    }

    /// Commits to a ref of an open generation.
    fn commit(&mut self, reference: &str, name: u8) {
        let open = self.repository.handle().reference(&branch(name)).unwrap().is_some();
        if open {
            let file = format!("{}.txt", self.count);
            let commit = commit_to(&self.repository, reference, &[(file.as_str(), "x\n")]);
            self.commits.insert(commit.to_string());
        }
    }

    /// The person commits, unless a dead `stop` left the files in between.
    fn move_base(&self) {
        if self.repository.git(&["status", "--porcelain"]).is_empty() {
            self.repository.write(format!("base-{}.txt", self.count), "x\n");
            self.repository.commit("meanwhile");
        }
    }

    fn unreachable(&self) -> Vec<&String> {
        let all = self.repository.git(&["rev-list", "--all"]);
        let reachable: BTreeSet<_> = all.lines().collect();
        self.commits
            .iter()
            .filter(|commit| !reachable.contains(commit.as_str()))
            .collect()
    }
}

fn letter(name: u8) -> String {
    ["a", "a-b"][usize::from(name)].to_owned()
}

fn branch(name: u8) -> String {
    format!("refs/heads/generation-{}", letter(name))
}

fn task_ref(name: u8, task: u8) -> String {
    format!("refs/cordwainer/generation-{}/tasks/cw-{task}", letter(name))
}

proptest! {
    #![proptest_config(Config { cases: 12, failure_persistence: None, ..Config::default() })]

    #[test]
    fn nothing_unmerged_is_ever_unreachable(happenings in prop::collection::vec(happening(), 6..20)) {
        let mut world = World { repository: project(""), commits: BTreeSet::new(), count: 0 };
        for (at, happening) in happenings.iter().enumerate() {
            world.apply(happening);
            let lost = world.unreachable();
            if !lost.is_empty() {
                return Err(TestCaseError::fail(format!("{lost:?} after {:?}", &happenings[..=at])));
            }
        }
    }
}
