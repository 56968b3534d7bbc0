//! Opens the page in the person's browser. The address has the token, and every user of the machine can read the arguments of
//! programs: so the browser is given a file, which only its user can read, and which leads to the address.

use std::io::Write as _;
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::{own_folder, program};
use crate::cli::Context;

/// The programs that open a file in whatever the person has for it.
const OPENERS: [&str; 2] = ["xdg-open", "open"];

/// The file that a browser was given; it is removed when this is dropped.
pub(super) struct Browser {
    _file: NamedTempFile,
}

impl Browser {
    /// Opens an address of ours in a browser.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where there is no program that opens one, or no folder for the file.
    pub(super) fn open(url: &str, context: &Context) -> Result<Self> {
        let environment = &context.environment;
        let path = environment.search_path.as_deref();
        let opener = OPENERS.iter().find_map(|name| program(name, path)).ok_or_else(|| {
            let message = "no program of this machine opens a page";
            Error::new(ErrorKind::Precondition, message).hint("open the address that is printed")
        })?;
        let folder = match (&environment.runtime_dir, &environment.state_home) {
            (Some(folder), _) => folder.clone(),
            (None, Some(state)) => {
                let folder = state.join("cordwainer");
                own_folder(&folder)?;
                folder
            }
            (None, None) => {
                let message = "neither `XDG_RUNTIME_DIR` nor `HOME` says where a private file can be";
                return Err(Error::new(ErrorKind::Precondition, message));
            }
        };
        let failed = || format!("cannot write a file in `{}`", folder.display());
        let file = tempfile::Builder::new()
            .prefix("cordwainer-page-")
            .suffix(".html")
            .tempfile_in(&folder);
        let mut file = file.with_context(ErrorKind::Unexpected, failed)?;
        let leads = format!(
            "<!doctype html><meta charset=\"utf-8\"><title>cordwainer</title><meta name=\"referrer\" content=\"no-referrer\">\
             <meta http-equiv=\"refresh\" content=\"0;url={url}\"><p><a href=\"{url}\">Open the page</a></p>\n"
        );
        file.write_all(leads.as_bytes())
            .with_context(ErrorKind::Unexpected, failed)?;
        let mut command = Command::new(&opener);
        command
            .arg(file.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn();
        let mut child = child.with_context(ErrorKind::Unexpected, || format!("cannot start `{}`", opener.display()))?;
        // It ends when the browser has the file; nobody waits for that.
        let _ = std::thread::Builder::new()
            .name("browser".to_owned())
            .spawn(move || child.wait());
        Ok(Self { _file: file })
    }
}
