//! Waiting: for a pause to be over, for failing infrastructure, and for what is at work.

use jiff::Timestamp;

use super::Driver;
use crate::base::clock::{later, signed};
use crate::base::error::Result;
use crate::record::event::EventKind;
use crate::run::waiting::pause::Pause;
use crate::run::waiting::retry::{BackOff, Rest};

impl Driver<'_> {
    /// Waits until a pause is over, or until somebody lifts it, or asks something else of the run. Nothing is at work then.
    pub(super) async fn wait(&mut self, pause: &Pause) -> Result<()> {
        let now = self.context().now();
        let until = later(now, pause.remaining(now));
        self.context().recorder.emit(EventKind::Paused {
            until,
            reason: pause.reason.clone(),
        });
        let mut asked = self.asked.clone();
        tokio::select! {
            () = self.context().project.clock().sleep_until(until) => self.pauses().end(pause),
            lifted = self.pauses().lifted(pause) => lifted,
            () = self.interruption().asked() => Ok(()),
            _ = asked.changed() => Ok(()),
        }
    }

    /// Waits until a person lets the run go on, ends it, or asks something else of it. Nothing is at work then.
    pub(super) async fn halt(&mut self) {
        let _rest = self.control.rest();
        tokio::select! {
            _ = self.asked.changed() => {}
            () = self.control.interruption.asked() => {}
        }
    }

    /// Gives failing infrastructure some time before the next call, unless something that is at work ends meanwhile, which
    /// may show that it works again.
    pub(super) async fn rest(&mut self) -> Result<()> {
        let until = match self.progress.rest {
            Rest::Until(until) => until,
            Rest::None | Rest::Owed => {
                let clock = self.context().project.clock();
                let back_off = BackOff::new(&self.context().project.config.retry);
                let delay = back_off.delay(self.progress.failures_in_a_row, clock.random());
                later(clock.now(), signed(delay))
            }
        };
        self.progress.rest = Rest::Until(until);
        self.note_standing()?;
        // While others are at work the run does not pause.
        if self.at_work.is_nothing() {
            let reason = format!("the infrastructure failed ({})", self.progress.last_failure);
            self.context().recorder.emit(EventKind::Paused { until, reason });
        }
        if self.wait_until(Some(until)).await? {
            self.progress.rest = Rest::None;
        }
        Ok(())
    }

    /// Waits until something that is at work has ended, or until this moment.
    pub(super) async fn wait_for_end(&mut self, until: Option<Timestamp>) -> Result<()> {
        self.wait_until(until).await.map(drop)
    }

    /// Waits until a moment, the end of something that is at work or of its agent's part in it, or something that a person
    /// asks of the run.
    /// Returns whether it was the moment that came.
    async fn wait_until(&mut self, until: Option<Timestamp>) -> Result<bool> {
        let clock = self.context().project.clock().clone();
        let moment = async {
            match until {
                Some(until) => clock.sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(ended) = self.at_work.ended() => self.take_in(ended).map(|()| false),
            () = moment => Ok(true),
            () = self.control.interruption.asked() => Ok(false),
            _ = self.asked.changed() => Ok(false),
            _ = self.seated.changed() => Ok(false),
        }
    }
}
