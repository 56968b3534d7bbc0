//! The mode of a generation: the configuration as it is in force there, and what a mode needs to begin.

use crate::base::error::{Error, ErrorKind, Result};
use crate::config::Mode;
use crate::issues::request::Request;
use crate::lifecycle::{Generator, StartOptions};
use crate::model::generation::{GenerationName, Phase};
use crate::model::{ModeKind, RequestNeed};

impl Generator {
    /// Returns this generator with the configuration of the mode that the options name.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where no mode has this name.
    pub(super) fn in_mode_of(&self, options: &StartOptions) -> Result<Self> {
        let name = options.mode.as_deref().unwrap_or(ModeKind::Generate.name());
        Ok(self.in_mode(self.project.config.mode_named(name)?))
    }

    /// Returns this generator with the configuration as it is in force in the selected generation.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where none is open, and of kind [`ErrorKind::Configuration`] where the
    /// configuration no longer has its mode.
    pub(super) fn in_its_mode(&self) -> Result<Self> {
        let generation = self.project.generation()?;
        let issues = self.ending_store(&generation)?.read()?;
        let name = issues.meta().mode_name();
        let mode = self.project.config.mode_named(name).map_err(|error| {
            let message = format!("`{generation}` cannot go on: {}", error.in_a_line());
            Error::new(ErrorKind::Configuration, message).hint(format!(
                "set `modes.{name}` in the configuration again; `cordwainer reset` ends the generation without it"
            ))
        })?;
        Ok(self.in_mode(mode))
    }

    fn in_mode(&self, mode: Mode) -> Self {
        let mut this = self.clone();
        this.project.config = self.project.config.in_mode(mode);
        this
    }

    /// Checks that a mode can begin with this request, with the gates that there are.
    pub(super) fn refuse_without_needs(&self, options: &StartOptions) -> Result<()> {
        let mode = &self.project.config.mode;
        let name = &mode.name;
        self.refuse_documents(options)?;
        match (mode.kind.request(), options.request.as_ref()) {
            (RequestNeed::Always, None) => {
                let message = format!("the mode `{name}` needs a request: what is to be done");
                return Err(Error::new(ErrorKind::Usage, message)
                    .hint("give it in quotes, or from a file with `--request-file FILE`"));
            }
            (RequestNeed::Never, Some(_)) => {
                let message =
                    format!("the mode `{name}` works from the documents of the repository, not from a request");
                return Err(Error::new(ErrorKind::Usage, message)
                    .hint("`cordwainer feature` adds what a request asks for; `cordwainer exec` does what one says"));
            }
            _ => {}
        }
        if mode.needs_gates && self.project.config.gates.is_empty() && self.gates.is_empty() {
            let message = format!("the mode `{name}` needs a gate: without one, nothing shows what its work breaks");
            return Err(Error::new(ErrorKind::Precondition, message).hint(format!(
                "set `gates` in the configuration, as `cordwainer init` does, or `modes.{name}.needs_gates: false`"
            )));
        }
        Ok(())
    }

    /// Checks that documents are named only where something is built from them, and are there then.
    fn refuse_documents(&self, options: &StartOptions) -> Result<()> {
        let mode = &self.project.config.mode;
        let name = &mode.name;
        if !mode.kind.has_groups() && !options.documents.is_empty() {
            let message = format!("the mode `{name}` is not built from documents that are named");
            return Err(Error::new(ErrorKind::Usage, message)
                .hint("`cordwainer build` is; `context_files` names those that all prompts have"));
        }
        if mode.kind.has_groups() && options.documents.is_empty() && self.project.config.context_files.is_empty() {
            let message = format!("the mode `{name}` needs a document: what is to be built");
            return Err(Error::new(ErrorKind::Usage, message)
                .hint("name it, as in `cordwainer build docs/specification.md`, or set `context_files`"));
        }
        Ok(())
    }

    /// Returns the open generation that works on this request in this mode already; without a request, the current one,
    /// if it is of this mode. One that has tasks works on no request for a report alone.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where the generation that the options name is open with another mode or
    /// request, or ended in part.
    pub fn open_for(&self, options: &StartOptions) -> Result<Option<GenerationName>> {
        let this = self.in_mode_of(options)?;
        let mode = this.project.config.mode.name.as_str();
        let is_of = |generation: &GenerationName, request: Option<&Request>| -> Result<bool> {
            let issues = this.ending_store(generation)?.read()?;
            let meta = issues.meta();
            let is_mode = meta.mode_name() == mode;
            let is_built_from = options.documents.is_empty() || meta.build.documents == options.documents;
            let is_same = |asked: &Request| meta.request.as_ref().is_some_and(|known| known.is_same(asked));
            Ok(is_mode && is_built_from && request.is_none_or(is_same))
        };
        let is_open = |generation: &GenerationName| -> Result<bool> {
            Ok(this.project.git.reference(&generation.base_mark())?.is_some()
                && this.project.phase(generation)? == Phase::Open)
        };
        // Whoever asks for a report alone has no task done.
        let only_reports = options.request.as_ref().is_some_and(Request::only_reports);
        let has_tasks = |generation: &GenerationName| -> Result<bool> {
            Ok(only_reports && !this.ending_store(generation)?.read()?.is_empty())
        };
        let has_slug = options.request.as_ref().and_then(Request::slug).is_some();
        let is_named = options.name.is_some() || has_slug || !options.documents.is_empty();
        if is_named {
            let named = this.new_name(options)?;
            if is_open(&named)? {
                let with = match is_of(&named, options.request.as_ref())? {
                    true if has_tasks(&named)? => "tasks, and a report alone has none of them done",
                    true => return Ok(Some(named)),
                    false if options.documents.is_empty() => "another mode or request",
                    false => "another mode or other documents",
                };
                return Err(is_taken(&named, with));
            }
        }
        if options.name.is_some() {
            return Ok(None);
        }
        let open = this.project.generations()?;
        if options.request.is_some() || !options.documents.is_empty() {
            for generation in open {
                let is_same = is_open(&generation)? && is_of(&generation, options.request.as_ref())?;
                if is_same && !has_tasks(&generation)? {
                    return Ok(Some(generation));
                }
            }
            return Ok(None);
        }
        if open.is_empty() {
            return Ok(None);
        }
        // Several may be open, and none of them the current one.
        let current = match this.project.generation() {
            Err(error) if error.kind() == ErrorKind::Precondition => return Ok(None),
            current => current?,
        };
        Ok((is_open(&current)? && is_of(&current, None)?).then_some(current))
    }
}

/// Returns what is told where a generation of this name is open with something else.
fn is_taken(named: &GenerationName, with: &str) -> Error {
    let message = format!("the generation `{named}` is open already, with {with}");
    Error::new(ErrorKind::Precondition, message).hint(format!(
        "continue it with `cordwainer resume --generation {named}`, or choose another name with `--name`"
    ))
}
