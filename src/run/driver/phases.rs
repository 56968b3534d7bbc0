//! The parts of a run, which everything that is at work shares.

use std::sync::Arc;

use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::run::context::RunContext;
use crate::run::gate::Gates;
use crate::run::phase::audit::Audit;
use crate::run::phase::group::Groups;
use crate::run::phase::measure::{FiledAs, Measure, MeasureOutcome};
use crate::run::phase::stitch::{Landings, Stitch};
use crate::run::seats::Seats;
use crate::run::session::Sessions;
use crate::sandbox::engine::Engine;

/// What a run is driven with.
pub(crate) struct Phases {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) stitch: Arc<Stitch>,
    pub(crate) measure: Measure,
    pub(crate) audit: Audit,
    pub(crate) groups: Groups,
    pub(crate) seats: Arc<Seats>,
}

impl Phases {
    /// Builds the driver of a run.
    ///
    /// # Errors
    ///
    /// Where git's settings, which name protected files, cannot be read.
    pub(crate) fn new(context: Arc<RunContext>, engine: Engine, filed_as: FiledAs) -> Result<Self> {
        let gates = Arc::new(Gates::new(Arc::clone(&context), engine.clone()));
        let protected = context.project.protected()?;
        let sessions = Arc::new(Sessions::new(context, engine));
        Ok(Self {
            stitch: Arc::new(Stitch {
                sessions: Arc::clone(&sessions),
                gates: Arc::clone(&gates),
                protected: protected.clone(),
                landings: Landings::default(),
            }),
            measure: Measure {
                sessions: Arc::clone(&sessions),
                filed_as,
            },
            audit: Audit {
                sessions: Arc::clone(&sessions),
                filed_as,
            },
            groups: Groups {
                sessions: Arc::clone(&sessions),
                gates: Arc::clone(&gates),
                protected,
                filed_as,
            },
            sessions,
            gates,
            seats: Seats::new(1),
        })
    }

    /// Makes the measure of a number, or what stands for it in the mode. `None` where the run is to end before that.
    pub(crate) async fn measure(&self, number: u32, interruption: &Interruption) -> Result<Option<MeasureOutcome>> {
        if self.sessions.context.project.config.mode.kind.reports() {
            // Gates are about what tasks change.
            return Box::pin(self.audit.read(interruption)).await.map(Some);
        }
        self.gates.see_that_they_run(interruption).await?;
        if interruption.is_asked() {
            return Ok(None);
        }
        Box::pin(self.measure.measure(number, interruption)).await.map(Some)
    }
}
