//! `gc`: frees what is over. What it may free is listed first; `--dry-run` ends there, so that both show the same. Each
//! thing is removed by a step that a later `gc` can take again, in any state in which a kill leaves it.
//!
//! It never frees work that is not merged: slots with a session, records of tasks that are not closed, archives of
//! generations that were reset with any. A kind of thing to free is one function `look`, which is called in [`found`].

use self::open::Open;
use self::report::Looked;
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::fs::size_on_disk;
use crate::base::machine::Machine;
use crate::lifecycle::Generator;
use crate::project::Project;
use crate::run::schedule::{self, Places};
use crate::sandbox::engine::Engine;
use crate::setup::image::{self, Cleaning, CleaningOptions};

mod archives;
mod engine;
mod layers;
mod open;
mod records;
mod report;

pub use self::report::{Freed, GcReport, Kept};

/// What `gc` is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcOptions {
    /// Only list what would be freed.
    pub dry_run: bool,
    /// Generations whose archives go although their work was never merged: `NAME`, or `NAME/NUMBER`.
    pub archives: Vec<String>,
}

/// How something is freed.
enum How {
    Slot(u32),
    Record(records::Record),
    Archive(archives::Archive),
    Prepared(layers::Prepared),
    /// The history of a branch that agents could read.
    History(String),
    /// Checkouts that slots shared.
    Checkouts,
    /// Objects that dead processes wrote.
    Objects,
    Left(engine::Left),
}

impl Generator {
    /// Frees what is beyond the bounds of `keep` in the configuration, and what dead runs left of containers; or only lists
    /// it. Can be run again after dying anywhere.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Locked`](crate::error::ErrorKind::Locked) while a run works on the repository, of kind
    /// [`ErrorKind::Usage`](crate::error::ErrorKind::Usage) where an archive is named that there is not, and where
    /// something cannot be read, in which case nothing is freed.
    pub async fn gc(&self, options: &GcOptions) -> Result<GcReport> {
        let lock = self.project.lock("gc")?;
        let (looked, engine) = found(&self.project, &lock.id, options).await?;
        let mut report = GcReport {
            dry_run: options.dry_run,
            kept: looked.kept,
            ..GcReport::default()
        };
        for (freed, how) in looked.found {
            if !options.dry_run && !free(&self.project, engine.as_ref(), how).await? {
                report.kept.push(Kept::new(freed.what, "somebody has begun to use it"));
                continue;
            }
            report.bytes += freed.bytes.unwrap_or_default();
            report.freed.push(freed);
        }
        Ok(report)
    }

    /// Removes the images of ours that the configuration does not use; or only lists them.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Locked`](crate::error::ErrorKind::Locked) while a run works on the repository, and of kind
    /// [`ErrorKind::Engine`](crate::error::ErrorKind::Engine) where the engine cannot be asked.
    pub async fn clean_images(&self, engine: &Engine, is_dry: bool) -> Result<Cleaning> {
        let lock = self.project.lock("image clean")?;
        let asked = CleaningOptions {
            config: &self.project.config,
            repository: &lock.id,
            now: self.project.clock().now(),
            is_dry,
        };
        image::clean(engine, &asked).await
    }

    /// Returns the repository's id, and gives it one where it has none; `None` where that cannot be written.
    ///
    /// # Errors
    ///
    /// Where the note in the git folder cannot be read.
    pub fn identity(&self) -> Result<Option<String>> {
        let known = self.project.git.repository_id()?;
        Ok(known.or_else(|| self.project.lock("image build").ok().map(|lock| lock.id)))
    }
}

/// Lists what can be freed, and what was looked for and stays; and the engine, if there is one. `id` is the repository's.
async fn found(project: &Project, id: &str, options: &GcOptions) -> Result<(Looked<How>, Option<Engine>)> {
    let open = Open::of(project)?;
    let (left, engine) = engine::look(project, id).await?;
    let mut all = Looked::default();
    for looked in [
        slots(project)?.map(How::Slot),
        records::look(project, &open)?.map(How::Record),
        layers::look(project, &open)?.map(How::Prepared),
        histories(project)?.map(How::History),
        checkouts(project)?,
        objects(project)?.map(|()| How::Objects),
        archives::look(project, &options.archives)?.map(How::Archive),
        left.map(How::Left),
    ] {
        all.found.extend(looked.found);
        all.kept.extend(looked.kept);
    }
    Ok((all, engine))
}

/// Lists the free slots beyond as many as work at once.
fn slots(project: &Project) -> Result<Looked<u32>> {
    let config = &project.config;
    let most = schedule::most(config.stitch.parallel, &config.container, Machine::here());
    let most_tasks = Places::new(most).most_tasks(most);
    let needed = usize::try_from(most_tasks).unwrap_or(usize::MAX);
    let pool = project.slots();
    let mut looked = Looked::default();
    for number in pool.free()?.into_iter().skip(needed) {
        let bytes = pool.folders(number).iter().map(|folder| size_on_disk(folder)).sum();
        let enough = match needed {
            1 => "1 free slot is enough".to_owned(),
            _ => format!("{needed} free slots are enough"),
        };
        let why = format!("it is free, and {enough}");
        looked.free(format!("slot {number}"), why, Some(bytes), number);
    }
    for left in pool.leftovers()? {
        let why = "there is work in it: a session that can go on, or what a dead run left";
        looked.kept.push(Kept::new(format!("slot {}", left.number), why));
    }
    Ok(looked)
}

/// Lists the histories that agents could read of branches that nothing works on.
fn histories(project: &Project) -> Result<Looked<String>> {
    let open = project.generations()?;
    let is_needed = |branch: &str| {
        branch == project.config.base_branch || open.iter().any(|generation| generation.as_str() == branch)
    };
    let mut looked = Looked::default();
    for (branch, folder) in project.slots().histories().list()? {
        if !is_needed(&branch) {
            let what = format!("what agents could read of the history of `{branch}`");
            looked.free(
                what,
                "no generation that is open needs it",
                Some(size_on_disk(&folder)),
                branch,
            );
        }
    }
    Ok(looked)
}

/// Lists the checkouts that slots shared and none with work in it is above; the newest one stays.
fn checkouts(project: &Project) -> Result<Looked<How>> {
    let mut looked = Looked::default();
    for folder in project.slots().unused_checkouts()? {
        let why = "no slot with work in it is above it, and there is a newer one";
        let bytes = Some(size_on_disk(&folder));
        looked.free("a checkout that slots shared", why, bytes, How::Checkouts);
    }
    Ok(looked)
}

/// Lists what processes wrote into the repository that are gone, and no ref came to hold.
fn objects(project: &Project) -> Result<Looked<()>> {
    let folders = project.git.objects_of_dead()?;
    let mut looked = Looked::default();
    if !folders.is_empty() {
        let bytes = folders.iter().map(|folder| size_on_disk(folder)).sum();
        let why = "the processes that wrote them are gone";
        looked.free("objects that no ref holds", why, Some(bytes), ());
    }
    Ok(looked)
}

/// Frees one thing; returns whether it is gone.
async fn free(project: &Project, engine: Option<&Engine>, how: How) -> Result<bool> {
    let is_gone = match (how, engine) {
        (How::Slot(number), _) => project.slots().remove_free(number)?,
        (How::Record(record), _) => record.remove().map(|()| true)?,
        (How::Archive(archive), _) => archive.remove(project)?,
        (How::Prepared(prepared), _) => prepared.remove(&project.layers())?,
        (How::History(branch), _) => project.slots().histories().remove(&branch).map(|()| true)?,
        (How::Checkouts, _) => project.slots().clear_checkouts(1).map(|()| true)?,
        (How::Objects, _) => project.git.clear_objects().map(|()| true)?,
        (How::Left(left), Some(engine)) => left.remove(engine).await?,
        (How::Left(_), None) => false,
    };
    crash_point!("gc.freed");
    Ok(is_gone)
}
