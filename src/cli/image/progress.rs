//! What a person sees of a build: its steps. The rest of the output is in a file, which stays where the build fails.

use std::io::Write as _;

use crate::base::error::{Context as _, Result};
use crate::base::interruption::LeftoverGuard;
use crate::base::text::{harmless, one_line};
use crate::cli::Context;
use crate::sandbox::engine::EngineKind;

/// How much of a step is shown.
const SHOWN: usize = 100;

/// A build that goes on.
pub(super) struct Progress<'a> {
    context: &'a Context,
    log: tempfile::NamedTempFile,
    /// Told where the process is ended meanwhile: the file stays then, too.
    _told: LeftoverGuard,
    /// Whether a line was written.
    has_output: bool,
    /// Why the rest of the output is in no file, once that is so.
    broken: Option<std::io::Error>,
}

impl<'a> Progress<'a> {
    /// Begins with an empty file, for builds by this kind of engine.
    pub(super) fn begin(context: &'a Context, engine: EngineKind) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        let log = builder.prefix("cordwainer-image-build-").suffix(".log").tempfile();
        let log = log.context("cannot create a file for the output of the build")?;
        // The end of the process closes the connection. Nothing of the API ends a build but that.
        let what = match engine {
            EngineKind::Docker => "Docker Engine ends the build now, and removes its container.",
            EngineKind::Podman => {
                "Podman cannot be made to end a step of a build: it finishes the one that it is at, and then ends the build."
            }
        };
        let told = format!(
            "{what} Steps that are done stay in the engine's cache. The output up to here is in `{}`.",
            log.path().display()
        );
        Ok(Self {
            _told: context.environment.leftovers.note_lasting(told),
            context,
            log,
            has_output: false,
            broken: None,
        })
    }

    /// Takes a line of a build's output.
    pub(super) fn line(&mut self, line: &str) {
        let line = harmless(&self.context.environment.redactor.text(line));
        if let Some(step) = step(&line) {
            self.context.output.say(&step);
        }
        if self.broken.is_none() {
            self.has_output = true;
            self.broken = writeln!(self.log, "{line}").err();
        }
    }

    /// Keeps the file after a failure, if anything is in it, and says where it is.
    pub(super) fn keep(self) -> Result<()> {
        // Nothing was built where a base could not be pulled: the error says it all.
        if self.broken.is_none() && !self.has_output {
            return Ok(());
        }
        if let Some(error) = &self.broken {
            self.context
                .output
                .say(&format!("Warning: the output of the build could not be kept: {error}."));
            return Ok(());
        }
        let (_, path) = self.log.keep().context("cannot keep the output of the build")?;
        self.context
            .output
            .say(&format!("The whole output of the build is in `{}`.", path.display()));
        Ok(())
    }
}

/// Returns what is shown of a line: steps, as podman (`[1/2] STEP 3/7: RUN a`) and Docker Engine (`Step 3/7 : RUN a`) print
/// them, and what is said of the base. `None` for everything else.
fn step(line: &str) -> Option<String> {
    if line.starts_with(crate::setup::image::MAKING_BASE) {
        return Some(line.to_owned());
    }
    let (stage, rest) = match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((stage, rest)) => (format!("Stage {stage}, step"), rest),
        None => ("Step".to_owned(), line),
    };
    let (numbers, what) = rest
        .strip_prefix("STEP ")
        .or_else(|| rest.strip_prefix("Step "))?
        .split_once(':')?;
    let numbers = numbers.trim();
    let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let (at, of) = numbers.split_once('/')?;
    if !is_number(at) || !is_number(of) {
        return None;
    }
    let words: Vec<&str> = what.split_whitespace().filter(|word| *word != "\\").collect();
    Some(format!("{stage} {numbers}: {}", one_line(&words.join(" "), SHOWN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_shown_and_nothing_else() {
        for (line, expect) in [
            (
                "Step 3/7 : RUN apt-get update     && true",
                Some("Step 3/7: RUN apt-get update && true"),
            ),
            ("STEP 1/2: FROM a", Some("Step 1/2: FROM a")),
            (
                "[2/2] STEP 1/13: FROM a AS b",
                Some("Stage 2/2, step 1/13: FROM a AS b"),
            ),
            ("Setting up tree (1.0) ...", None),
            ("Step by step: it goes", None),
            ("[1/2] nothing", None),
            ("", None),
        ] {
            assert_eq!(step(line).as_deref(), expect, "{line}");
        }
        let long = step(&format!("STEP 1/2: RUN {}", "a ".repeat(500))).unwrap();
        assert!(long.chars().count() < 130, "{long}");
    }
}
