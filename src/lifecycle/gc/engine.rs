//! What dead runs left on the engine: containers, and volumes whose containers are gone.

use std::collections::BTreeSet;

use super::report::{Kept, Looked};
use crate::base::error::Result;
use crate::project::Project;
use crate::project::labels::REPOSITORY_LABEL;
use crate::run::recover::{can_go_on, containers_of};
use crate::sandbox::engine::{Engine, FoundContainer};
use crate::setup::abandoned;

/// Something on the engine.
#[derive(Debug)]
pub(super) enum Left {
    Container(FoundContainer),
    /// The name of a volume.
    Volume(String),
}

impl Left {
    /// Removes it; returns whether it is gone.
    pub(super) async fn remove(&self, engine: &Engine) -> Result<bool> {
        match self {
            Self::Container(container) => engine.remove(container).await.map(|()| true),
            Self::Volume(name) => engine.remove_volume(name).await,
        }
    }
}

/// Lists what is left, and returns the engine that has it. The caller has the repository's lock, so that nothing of a
/// repository with this id is at work.
pub(super) async fn look(project: &Project, id: &str) -> Result<(Looked<Left>, Option<Engine>)> {
    let mut looked = Looked::default();
    let engine = match Engine::connect(&project.connect_options()).await {
        Ok(engine) => engine,
        Err(error) => {
            let why = format!("no engine could be asked: {}", error.in_a_line());
            looked.kept.push(Kept::new("containers and volumes", why));
            return Ok((looked, None));
        }
    };
    let (mut own, mut at_work) = (BTreeSet::new(), 0_usize);
    for container in containers_of(&project.git, Some(id), &engine).await? {
        own.insert(container.id.clone());
        if can_go_on(project, &container)? {
            at_work += 1;
            continue;
        }
        let what = format!("container `{}`", container.name);
        looked.free(what, "its run is over", None, Left::Container(container));
    }
    if at_work > 0 {
        let what = match at_work {
            1 => "1 container".to_owned(),
            several => format!("{several} containers"),
        };
        let why = "agents are at work there although their run has died, and `resume` goes on with them";
        looked.kept.push(Kept::new(what, why));
    }
    for container in abandoned::list(&engine).await? {
        if !own.contains(&container.id) {
            let what = format!("container `{}`", container.name);
            looked.free(
                what,
                "the command that began it is gone",
                None,
                Left::Container(container),
            );
        }
    }
    for name in engine.unused_volumes((REPOSITORY_LABEL, id)).await? {
        let what = format!("volume `{name}`");
        looked.free(what, "its container is gone", None, Left::Volume(name));
    }
    Ok((looked, Some(engine)))
}
