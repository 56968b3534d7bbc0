//! The sockets that containers use.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use tokio::net::UnixListener;

use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::socket::Socket;

/// Creates the folder and a socket of this name in it, which every user of the container may use. The folder above keeps
/// other users of the host away.
pub(in crate::sandbox) fn bind(folder: &Path, name: &str) -> Result<(Socket, UnixListener)> {
    make_folder(folder).with_context(ErrorKind::Unexpected, || {
        format!("cannot create the socket `{name}` in `{}`", folder.display())
    })?;
    Socket::bind(folder, name, 0o666)
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    // The mode above is reduced by the umask of the process.
    File::open(folder)?.set_permissions(fs::Permissions::from_mode(0o755))
}
