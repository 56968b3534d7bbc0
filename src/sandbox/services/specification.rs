//! What a service is to be, and what it is known by.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::error::{Context as _, ErrorKind, Result};
use crate::sandbox::guarantee::Item;
use crate::sandbox::spec::ContainerSpec;

/// What a service is to be.
#[derive(Clone, Debug)]
pub(crate) struct ServiceSpec {
    /// Its name, by which the container that it is for finds it.
    pub(crate) name: String,
    /// The last number of its address in the container that it is for: `127.0.0.NUMBER`.
    pub(crate) number: u8,
    /// Its container, before it is sealed.
    pub(crate) container: ContainerSpec,
    /// The ports at which it listens.
    pub(crate) ports: Vec<u16>,
    /// A command of a shell that succeeds once it can be used; `None` where listening is enough.
    pub(crate) ready: Option<String>,
    /// How long it may take until it can be used.
    pub(crate) within: Duration,
    /// The folder of the host in which its container meets the host.
    pub(crate) folder: PathBuf,
    /// The guarantees that its container may lack.
    pub(crate) relax: BTreeSet<Item>,
}

impl ServiceSpec {
    /// Returns the entry of `/etc/hosts` by which it is found.
    pub(crate) fn host(&self) -> String {
        format!("{}:127.0.0.{}", self.name, self.number)
    }

    /// Returns the name of the socket of a port in the folder of the container that it is for.
    pub(super) fn socket_of_container(&self, port: u16) -> String {
        format!("{PREFIX}{}-{port}{SUFFIX}", self.number)
    }
}

const PREFIX: &str = "service-";
const SUFFIX: &str = ".sock";

/// Removes the sockets that services of a dead process left in the folder of a container's gateway: the entrypoint
/// offers whatever is there.
///
/// # Errors
///
/// Of kind [`ErrorKind::Unexpected`] where the folder cannot be read or changed.
pub(crate) fn clear(gateway: &Path) -> Result<()> {
    let failed = || format!("cannot clear `{}`", gateway.display());
    let entries = match std::fs::read_dir(gateway) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(ErrorKind::Unexpected, failed)?,
    };
    for entry in entries {
        let entry = entry.with_context(ErrorKind::Unexpected, failed)?;
        let name = entry.file_name();
        if name
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
        {
            std::fs::remove_file(entry.path()).with_context(ErrorKind::Unexpected, failed)?;
        }
    }
    Ok(())
}
