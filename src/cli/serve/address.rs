//! Where the server listens: an address of this machine, or a socket's file.

use std::fs;
use std::io::ErrorKind as Io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::socket::{self, Socket};

/// What stands before the path of a socket.
const UNIX: &str = "unix:";
/// The mode of a socket's file: only its user connects.
const MODE: u32 = 0o600;

/// Where to listen, as a person writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// An address of the network.
    Tcp(SocketAddr),
    /// A socket's file.
    Unix(PathBuf),
}

/// What connections come from.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        path: PathBuf,
        /// Removes the file at the end.
        _file: Socket,
    },
}

impl Address {
    /// Reads an address; the path of a socket is relative to `directory`.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where it is none.
    pub(super) fn parse(text: &str, directory: &Path) -> Result<Self> {
        if let Some(path) = text.strip_prefix(UNIX) {
            if path.is_empty() || path.ends_with('/') {
                return Err(refused(text));
            }
            return Ok(Self::Unix(directory.join(path)));
        }
        // A name may have addresses of both families; the first one is listened on, as other servers do.
        let mut found = text.to_socket_addrs().map_err(|error| refused(text).because(error))?;
        found.next().map(Self::Tcp).ok_or_else(|| refused(text))
    }

    /// Returns whether others than this machine may connect.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Tcp(address) if !is_loopback(address.ip()))
    }

    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where the address is taken, or there is something that is not a socket.
    pub(super) async fn listen(&self) -> Result<Listener> {
        match self {
            Self::Tcp(address) => {
                let failed = || format!("cannot listen on `{address}`");
                let listener = TcpListener::bind(address).await;
                let listener = listener.with_context(ErrorKind::Precondition, failed);
                let hint = "`--listen 127.0.0.1:0` takes any port that is free";
                Ok(Listener::Tcp(listener.map_err(|error| error.hint(hint))?))
            }
            Self::Unix(path) => {
                refuse_live(path)?;
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")));
                let folder = folder.with_context(ErrorKind::Precondition, || {
                    format!("there is no folder for the socket `{}`", path.display())
                })?;
                let name = path.file_name().and_then(|name| name.to_str());
                let name = name.ok_or_else(|| refused(&path.display().to_string()))?;
                let (file, listener) = Socket::bind(&folder, name, MODE)?;
                Ok(Listener::Unix {
                    listener,
                    path: folder.join(name),
                    _file: file,
                })
            }
        }
    }
}

impl Listener {
    /// Returns what stands before the paths of the site; for a socket, what programs name.
    pub(super) fn base(&self) -> Result<String> {
        match self {
            Self::Tcp(listener) => {
                let address = listener
                    .local_addr()
                    .context("the address that is listened on is not known")?;
                Ok(format!("http://{}", reachable(address)))
            }
            Self::Unix { path, .. } => Ok(format!("{UNIX}{}", path.display())),
        }
    }
}

/// Returns an address by which a browser of this machine reaches what listens on another one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Returns whether an address is reached from this machine alone.
pub(super) fn is_loopback(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(ip.is_loopback(), |ip| ip.is_loopback()),
        IpAddr::V4(ip) => ip.is_loopback(),
    }
}

/// Refuses a socket that somebody listens on: only one that was left is replaced.
fn refuse_live(path: &Path) -> Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(());
    };
    if !is_socket {
        return Ok(());
    }
    match socket::connect(folder, name) {
        Err(error) if matches!(error.kind(), Io::ConnectionRefused | Io::NotFound) => Ok(()),
        _ => {
            let message = format!("another program listens on `{}`", path.display());
            Err(Error::new(ErrorKind::Precondition, message).hint("name another path, or end that program"))
        }
    }
}

fn refused(text: &str) -> Error {
    let message = format!("`--listen {}` is not an address", text.escape_debug());
    Error::new(ErrorKind::Usage, message).hint("write `127.0.0.1:8080`, `127.0.0.1:0`, `[::1]:8080` or `unix:PATH`")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them_and_open_ones_are_known() {
        let folder = Path::new("/folder");
        for (text, is_open) in [
            ("127.0.0.1:0", false),
            ("127.1.2.3:80", false),
            ("[::1]:80", false),
            ("[::ffff:127.0.0.1]:80", false),
            ("0.0.0.0:80", true),
            ("[::]:80", true),
            ("192.0.2.1:80", true),
            ("unix:x.sock", false),
        ] {
            let address = Address::parse(text, folder).unwrap();
            assert_eq!(address.is_open(), is_open, "{text}");
        }
        assert_eq!(
            Address::parse("unix:x/y.sock", folder).unwrap(),
            Address::Unix("/folder/x/y.sock".into())
        );
        for wrong in [
            "",
            "127.0.0.1",
            "80",
            "unix:",
            "unix:x/",
            "127.0.0.1:99999",
            "http://127.0.0.1:80",
        ] {
            let error = Address::parse(wrong, folder).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_socket_is_its_users_alone_and_only_one_that_was_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.sock");
        let address = Address::Unix(path.clone());
        let listener = address.listen().await.unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = address.listen().await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Precondition);
        drop(listener);
        assert!(!path.exists(), "it is removed at the end");
        // One whose process was killed.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(address.listen().await.unwrap());
        fs::write(&path, "mine").unwrap();
        assert_eq!(address.listen().await.err().unwrap().kind(), ErrorKind::Precondition);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
