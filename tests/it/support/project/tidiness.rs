//! What a command must not leave behind, and must not touch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::Project;

/// Removes what the runs of a state folder wrote down of how another one goes on with their calls.
pub(crate) fn forget_adoptions(state: &Path) {
    for run in fs::read_dir(state.join("runs")).unwrap() {
        for call in fs::read_dir(run.unwrap().path()).into_iter().flatten() {
            let _ = fs::remove_file(call.unwrap().path().join("adoption.json"));
        }
    }
}

impl Project {
    /// Removes the containers of this repository, as a machine that loses its power does.
    pub(crate) fn remove_containers(&self) {
        Self::wait_for(async {
            let engine = self.engine.connect().await;
            for labels in self.labels() {
                engine.sweep(&labels).await.unwrap();
            }
        });
    }

    /// Removes what runs wrote down of how another one goes on with their calls: they are ended then, and begun anew.
    pub(crate) fn forget_adoptions(&self) {
        forget_adoptions(&self.state());
    }

    /// The containers of this repository on the engine, running or not, by name.
    pub(crate) fn containers(&self) -> Vec<String> {
        let found = Self::wait_for(async {
            let engine = self.engine.connect().await;
            let mut found = Vec::new();
            for labels in self.labels() {
                found.extend(engine.list(&labels).await.unwrap());
            }
            found
        });
        found.into_iter().map(|container| container.name).collect()
    }

    /// The engine's ids of those that run.
    pub(crate) fn running(&self) -> BTreeSet<String> {
        Self::wait_for(async {
            let engine = self.engine.connect().await;
            let mut found = Vec::new();
            for labels in self.labels() {
                found.extend(engine.list(&labels).await.unwrap());
            }
            found.retain(|container| container.running);
            found.into_iter().map(|container| container.id).collect()
        })
    }

    /// The labels of its containers: those of now, and those of earlier versions.
    fn labels(&self) -> [BTreeMap<String, String>; 2] {
        let folder = fs::canonicalize(self.repository.path().join(".git")).unwrap();
        let folder = folder.to_str().unwrap();
        [format!("{folder}/"), folder.to_owned()].map(|label| BTreeMap::from([("cordwainer.repo".to_owned(), label)]))
    }

    fn wait_for<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(future)
    }

    /// Panics unless everything is tidy: no container, no slot in use, no claim, nothing mounted, the checkout as the
    /// person left it.
    #[track_caller]
    pub(crate) fn expect_tidy(&self) {
        assert_eq!(self.containers(), Vec::<String>::new(), "containers were left");
        let slots = fs::read_dir(self.state().join("slots"));
        let names: Vec<String> = slots
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains(".dirty") && !self.is_suspended(name))
            .collect();
        assert_eq!(names, Vec::<String>::new(), "slots were left");
        assert_eq!(self.status()["tasks"]["in_progress"], 0, "claims were left");
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let here = self.repository.outside().join("project");
        let here = here.to_str().unwrap();
        assert!(
            !mounts.lines().any(|line| line.contains(here)),
            "mounts were left:\n{mounts}"
        );
        self.expect_untouched();
    }

    /// Panics unless the checkout is byte for byte as it was.
    #[track_caller]
    pub(crate) fn expect_untouched(&self) {
        assert_eq!(
            self.repository.snapshot_of_everything(),
            self.before,
            "the checkout changed"
        );
    }
}
