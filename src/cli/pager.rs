//! The person's pager, chosen and started as git does it: `GIT_PAGER`, `core.pager`, `PAGER`, or `less`.

use std::ffi::OsStr;
use std::io::{BufWriter, IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::process::{Child, Command, ExitStatus, Stdio};

use tokio::signal::unix::{SignalKind, signal};

use crate::base::error::{Context as _, Result};
use crate::cli::Context;
use crate::cli::pager_variables::PagerVariables;
use crate::git::Git;
use crate::report::output::is_reader_gone;

/// What a pager is told unless the person has told it something.
const LESS: (&str, &str) = ("LESS", "FRX");
const LV: (&str, &str) = ("LV", "-c");
/// How much is written at once.
const AT_ONCE: usize = 64 << 10;
/// The codes with which a shell says that it cannot start a command.
const NOT_STARTED: [i32; 2] = [126, 127];

/// Where a long text is written.
pub(super) struct Page<'a> {
    to: &'a mut dyn Write,
    /// Whether it may have colours.
    pub(super) has_colors: bool,
}

impl Page<'_> {
    /// Writes a text that is redacted and harmless; answers whether somebody still reads.
    pub(super) fn write(&mut self, text: &str) -> Result<ControlFlow<()>> {
        match self.to.write_all(text.as_bytes()) {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) if is_reader_gone(&error) => Ok(ControlFlow::Break(())),
            Err(error) => Err(error).context("cannot write to stdout"),
        }
    }
}

/// Shows a long text: on a terminal through the person's pager, elsewhere as it is. `write` writes all of it, and does that
/// a second time where the pager cannot be started.
///
/// # Errors
///
/// What `write` fails with, and where git's settings cannot be read. A pager that ends early is not an error.
pub(super) fn show(
    context: &Context,
    (git, is_wanted): (&Git, bool),
    write: impl Fn(&mut Page<'_>) -> Result<()>,
) -> Result<()> {
    let is_paged = is_wanted && std::io::stdout().is_terminal();
    let pager = if is_paged {
        context.pager.choose(git.pager()?)
    } else {
        None
    };
    if let Some(pager) = pager {
        match through(context, &pager, &write)? {
            None => return Ok(()),
            Some(why) => {
                let pager = pager.to_string_lossy();
                context
                    .output
                    .say(&format!("Warning: the pager `{pager}` cannot be started: {why}."));
            }
        }
    }
    let mut stdout = BufWriter::with_capacity(AT_ONCE, anstream::stdout());
    let mut page = Page {
        to: &mut stdout,
        has_colors: context.output.marked.stdout,
    };
    write(&mut page)?;
    match stdout.flush() {
        Err(error) if !is_reader_gone(&error) => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}

/// Shows a text through a pager; returns why that could not be started.
fn through(context: &Context, pager: &OsStr, write: impl Fn(&mut Page<'_>) -> Result<()>) -> Result<Option<String>> {
    // Ctrl-C is the pager's, which may take it for a key; it ends this process no longer.
    drop(signal(SignalKind::interrupt()).context("cannot listen for signals")?);
    let mut child = match start(pager, &context.pager) {
        Ok(child) => child,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let written = {
        let stdin = child.stdin.take().expect("it was asked for");
        let mut stdin = BufWriter::with_capacity(AT_ONCE, stdin);
        let mut page = Page {
            to: &mut stdin,
            has_colors: has_colors(context),
        };
        let written = write(&mut page);
        // What is left in it goes to a reader that may be gone, and the pager sees the end either way.
        let _ = stdin.flush();
        written
    };
    let status = child.wait().context("cannot wait for the pager")?;
    written?;
    Ok(not_started(status))
}

fn start(pager: &OsStr, variables: &PagerVariables) -> std::io::Result<Child> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(pager).stdin(Stdio::piped());
    for ((name, value), is_set) in [(LESS, variables.has_less), (LV, variables.has_lv)] {
        if !is_set {
            command.env(name, value);
        }
    }
    command.spawn()
}

fn not_started(status: ExitStatus) -> Option<String> {
    let code = status.code().filter(|code| NOT_STARTED.contains(code))?;
    Some(format!("its shell ended with exit code {code}"))
}

/// Returns whether what goes to a pager has colours, as it would on the terminal.
fn has_colors(context: &Context) -> bool {
    let choice = anstream::AutoStream::choice(&std::io::stdout());
    context.output.marked.stdout && choice != anstream::ColorChoice::Never
}
