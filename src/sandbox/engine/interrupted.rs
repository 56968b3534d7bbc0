//! Work with containers that a person interrupts: they are ended, so that nothing is left.

use std::time::Duration;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::sandbox::engine::Engine;

/// The pause between two looks at the containers that are left.
const PAUSE: Duration = Duration::from_millis(50);

impl Engine {
    /// Does work with containers, unless it is interrupted: then the containers that were started through this engine are
    /// killed, and the work may go on until it has removed them. Only for work whose results count for nothing by then.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Interrupted`], also where the work ended by itself after the interruption.
    pub(crate) async fn unless_asked<T>(
        &self,
        interruption: &Interruption,
        work: impl Future<Output = T>,
    ) -> Result<T> {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            () = interruption.asked() => {}
            done = &mut work => return Ok(done),
        }
        let killing = async {
            loop {
                let names = self.0.containers.all();
                if names.is_empty() {
                    break;
                }
                for name in names {
                    // One that is only being created is not there yet, and one that is being removed not any more.
                    if let Err(error) = self.kill_by_id(&name).await {
                        tracing::debug!(container = %name, %error, "a container could not be killed");
                    }
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            _ = &mut work => {}
            () = killing => {}
        }
        Err(interrupted())
    }
}

/// Does work that starts no container, such as looking for engines, unless it is interrupted.
///
/// # Errors
///
/// Of kind [`ErrorKind::Interrupted`], else those of the work.
pub(crate) async fn unless_asked<T>(interruption: &Interruption, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        () = interruption.asked() => Err(interrupted()),
        done = work => done,
    }
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "the command was interrupted").hint("run it again")
}
