//! The parts of a run, which everything that is at work shares.

use std::sync::Arc;

use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::run::call::FlowPlace;
use crate::run::context::RunContext;
use crate::run::gate::Gates;
use crate::run::phase::audit::{Audit, TakenOverPart};
use crate::run::phase::group::{Groups, TakenOverStep, is_about_groups};
use crate::run::phase::measure::{FiledAs, Measure, MeasureOutcome, TakenOverMeasure};
use crate::run::phase::stitch::{Landings, Stitch};
use crate::run::recover::{ADOPTED_CYCLE, AdoptedMeasure};
use crate::run::seats::Seats;
use crate::run::session::Sessions;
use crate::sandbox::engine::Engine;

/// A call about no task of a run that died, taken over by this one.
pub(crate) enum TakenOverCall {
    Measure(Box<TakenOverMeasure>),
    Group(Box<TakenOverStep>),
    Part(Box<TakenOverPart>),
}

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

    /// Takes over a call about no task; what is set aside for it is from then on.
    pub(crate) fn take_over(&self, adopted: AdoptedMeasure) -> Result<TakenOverCall> {
        Ok(match &adopted.slot.call.adoption.flow {
            FlowPlace::Part(_) => TakenOverCall::Part(Box::new(self.audit.take_over(adopted, ADOPTED_CYCLE)?)),
            place if is_about_groups(place) => {
                TakenOverCall::Group(Box::new(self.groups.take_over(adopted, ADOPTED_CYCLE)?))
            }
            _ => TakenOverCall::Measure(Box::new(self.measure.take_over(adopted, ADOPTED_CYCLE)?)),
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
