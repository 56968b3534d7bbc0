//! Containers of `cordwainer doctor` and `cordwainer image check` whose process was killed. Outside of a repository no run would ever find them.

use crate::base::error::Result;
use crate::project::labels::{all_trials, is_abandoned};
use crate::sandbox::engine::{Engine, FoundContainer};

/// Lists the containers in which a process that is gone tried something, of whichever repository, or of none.
pub(crate) async fn list(engine: &Engine) -> Result<Vec<FoundContainer>> {
    let mut found = engine.list(&all_trials()).await?;
    found.retain(is_abandoned);
    Ok(found)
}

/// Removes them.
pub(crate) async fn remove(engine: &Engine) -> Result<()> {
    for container in list(engine).await? {
        engine.remove(&container).await?;
    }
    Ok(())
}
