//! Why a service is not there.

use crate::base::error::{Error, ErrorKind};
use crate::base::text::one_line;
use crate::sandbox::engine::{ENTRYPOINT, Exit};

/// Why a service cannot be used, or can no longer be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceFailure {
    /// Of the error that it becomes.
    pub(crate) kind: ErrorKind,
    /// What is wrong, as the end of a sentence about the service.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) fix: String,
    /// The last lines of its output, harmless.
    pub(crate) output: Vec<String>,
    /// Whether its output adds nothing to that.
    pub(super) says_it_all: bool,
}

/// What to do where a service does not do what it is to.
const LOOK: &str = "its output is in the records of the call; correct `command`, `ready` or `within` in `services.NAME` of the \
                    configuration";
/// What stands for the service in a fix.
const NAMED: &str = "services.NAME";

impl ServiceFailure {
    /// Builds the failure of a service that the work is not to blame for.
    pub(super) fn of_service(what: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Engine,
            what: what.into(),
            fix: LOOK.to_owned(),
            output: Vec::new(),
            says_it_all: false,
        }
    }

    /// Builds the failure of a service whose container ended.
    pub(super) fn ended(exit: Exit) -> Self {
        let how = match exit.code {
            _ if exit.oom => "ran out of memory".to_owned(),
            Some(code) => format!("ended with {code}"),
            None => "ended, and the engine does not report how".to_owned(),
        };
        let failure = Self::of_service(how);
        if exit.oom {
            let fix =
                format!("give it more memory: `{NAMED}.memory` of the configuration; what is in its `data` counts");
            return Self { fix, ..failure };
        }
        failure
    }

    /// Builds the failure of a service whose container never came to report what it is.
    pub(super) fn silent(image: &str, said: &str) -> Self {
        let architecture = if said.contains("xec format error") {
            ", perhaps because it is for another architecture"
        } else {
            ""
        };
        let said = one_line(said, 200);
        Self {
            kind: ErrorKind::Precondition,
            what: format!("cannot begin: its image `{image}` does not run `{ENTRYPOINT}`{architecture} ({said})"),
            fix: format!(
                "a service's image needs a shell, `socat` and that program: write `image: {{build: {{base: {image}}}}}` \
                 in `{NAMED}` of the configuration, and run `cordwainer image build`"
            ),
            output: Vec::new(),
            says_it_all: true,
        }
    }

    /// Builds the failure of a container that is weaker than requested; no retry helps.
    pub(super) fn weaker(name: &str, why: &str) -> Self {
        let mut what = why.to_owned();
        for key in ["user", "memory", "cpus", "pids"] {
            what = what.replace(&format!("`container.{key}"), &format!("`services.{name}.{key}"));
        }
        Self {
            kind: ErrorKind::Precondition,
            what: format!("is refused: {what}"),
            fix: "`cordwainer doctor` prints what the engines of this machine provide".to_owned(),
            output: Vec::new(),
            says_it_all: true,
        }
    }

    /// Builds the failure that another error is.
    pub(super) fn because(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            what: format!("cannot be started: {}", error.in_a_line()),
            fix: error.hint_text().unwrap_or(LOOK).to_owned(),
            output: Vec::new(),
            says_it_all: false,
        }
    }

    /// Returns the failure as an error about the service of this name.
    pub(crate) fn error(&self, name: &str) -> Error {
        let last = match self.output.last() {
            None => String::new(),
            Some(line) => format!("; its last output: {line}"),
        };
        Error::new(self.kind, format!("the service `{name}` {}{last}", self.what))
            .hint(self.fix.replace(NAMED, &format!("services.{name}")))
    }
}
