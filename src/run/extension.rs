//! What a program adds to its runs: gates that are written in Rust, and observers of events.
//!
//! A repository's own `xtask` is the person's program, and what it adds is trusted like the rest of it: it runs on the
//! host, with the rights of the process. So a gate only looks. It gets the work as trees of git, never as a folder, and
//! what it wants to have run runs in a sealed container, as any gate does.
//!
//! ```
//! use std::sync::Arc;
//!
//! use cordwainer::extension::{Extensions, Gate, GateError, Judgement, Work};
//!
//! /// Each source file begins with a comment that says what it is for.
//! struct Headers;
//!
//! impl Gate for Headers {
//!     fn name(&self) -> &str {
//!         "headers"
//!     }
//!
//!     fn judge(&self, work: &Work) -> Result<Judgement, GateError> {
//!         for file in work.result().files()? {
//!             let is_source = file.path.extension().is_some_and(|extension| extension == "rs");
//!             let content = work.result().read(&file.path)?.unwrap_or_default();
//!             if is_source && !content.starts_with(b"//!") {
//!                 return Ok(Judgement::failed(format!("finds no header in {}", file.path.display())));
//!             }
//!         }
//!         let tests = work.run("make test")?;
//!         Ok(if tests.passed() { Judgement::passed() } else { Judgement::failed(tests.how) })
//!     }
//! }
//!
//! let extensions = Extensions { gates: vec![Arc::new(Headers)], ..Extensions::default() };
//! ```
//!
//! `Generator::with` takes them, and so do `cli::main_with` and `cli::Command::execute_with` for a program that has
//! cordwainer's command line.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::config::{Config, PROOF};
use crate::model::Severity;
use crate::model::finding::Finding;
pub use crate::record::observer::Observer;

mod view;
mod work;

pub use view::{TreeFile, TreeView};
pub(crate) use work::{Asking, Request};
pub use work::{CommandOutput, Work};

/// What a program adds to its runs.
#[derive(Clone, Default)]
pub struct Extensions {
    /// Gates that judge each result, after those of the configuration, in this order.
    pub gates: Vec<Arc<dyn Gate>>,
    /// What gets every event.
    pub observers: Vec<Arc<dyn Observer>>,
}

impl fmt::Debug for Extensions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gates, observers) = (self.gates.len(), self.observers.len());
        write!(formatter, "{gates} gates and {observers} observers")
    }
}

/// Why a gate came to no judgement: any error.
pub type GateError = Box<dyn std::error::Error + Send + Sync>;

/// A gate that is written in Rust. It judges each result of a task that passed the gates before it, and the merge of `stop`.
pub trait Gate: Send + Sync + 'static {
    /// Returns its name, which no other gate has. It is read once, when the gate is added.
    fn name(&self) -> &str;

    /// Returns how long it may take, with the commands that it has run; 30 minutes unless it says otherwise. It is read once,
    /// when the gate is added.
    fn timeout(&self) -> Duration {
        Duration::from_secs(30 * 60)
    }

    /// Judges work. It is called on a thread of its own and may block. One that does not return in time is given up: its
    /// verdict is `not_run`, nothing waits for it, and what it asks of the work from then on fails.
    ///
    /// # Errors
    ///
    /// Where it cannot judge. That, and a panic, is the verdict `not_run` with its name and the message, and the task is
    /// held: it says nothing about the work, so no agent is asked to do anything about it.
    fn judge(&self, work: &Work) -> Result<Judgement, GateError>;
}

/// What a gate judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether the work passes.
    pub passed: bool,
    /// Why, as the end of a sentence about the gate: `finds no header in src/a.rs`. It may be empty where the work passes.
    pub why: String,
    /// What is wrong at which places. Those whose file or line the result does not have are left out, and the 50 weightiest
    /// are kept. The agent that is to fix the work is told them.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// Builds the judgement on work that passes.
    pub fn passed() -> Self {
        Self {
            passed: true,
            why: String::new(),
            findings: Vec::new(),
        }
    }

    /// Builds the judgement on work that does not pass, and why, as the end of a sentence about the gate.
    pub fn failed(why: impl Into<String>) -> Self {
        Self {
            passed: false,
            why: why.into(),
            findings: Vec::new(),
        }
    }

    /// Adds what is wrong at a place: a file from the repository's root, and a line, counted from 1.
    #[must_use]
    pub fn finding(mut self, severity: Severity, (path, line): (&str, Option<u32>), title: impl Into<String>) -> Self {
        let title = title.into();
        self.findings.push(Finding {
            severity,
            category: String::new(),
            path: path.to_owned(),
            line,
            fingerprint: Finding::fingerprint_of(path, "", &title),
            title,
            problem: String::new(),
            suggestion: String::new(),
        });
        self
    }
}

/// The longest name of a gate, in characters.
const NAME_MAX: usize = 60;
/// The longest time that a gate can have.
const TIMEOUT_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// A gate that was added, with what was read of it then.
#[derive(Clone)]
pub(crate) struct AddedGate {
    pub(crate) name: String,
    pub(crate) timeout: Duration,
    pub(crate) gate: Arc<dyn Gate>,
}

impl fmt::Debug for AddedGate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// Reads name and time limit of each gate.
///
/// # Errors
///
/// Of kind [`ErrorKind::Configuration`], with everything that is wrong with the names: those that are none, and those that
/// another gate has.
pub(crate) fn added(gates: &[Arc<dyn Gate>], config: &Config) -> Result<Vec<AddedGate>> {
    let mut taken: BTreeSet<String> = config.gates.iter().map(|gate| gate.name.clone()).collect();
    taken.insert(PROOF.to_owned());
    let mut added = Vec::new();
    let mut problems = Vec::new();
    for gate in gates {
        let name = gate.name().to_owned();
        let shown = one_line(&name, NAME_MAX);
        if name.trim().is_empty() || shown != name {
            problems.push(format!("`{shown}` is not a line of at most {NAME_MAX} characters"));
        } else if !taken.insert(name.clone()) {
            problems.push(format!("there is another gate `{name}`"));
        }
        added.push(AddedGate {
            name,
            timeout: gate.timeout().min(TIMEOUT_MAX),
            gate: Arc::clone(gate),
        });
    }
    if problems.is_empty() {
        return Ok(added);
    }
    let message = format!(
        "the gates of this program have names that cannot be used: {}",
        problems.join("; ")
    );
    Err(Error::new(ErrorKind::Configuration, message).hint(format!(
        "`Gate::name` of each must be its own, other than those of `gates` in the configuration and `{PROOF}`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Gate as ConfiguredGate;

    struct Named(&'static str);

    impl Gate for Named {
        fn name(&self) -> &str {
            self.0
        }

        fn timeout(&self) -> Duration {
            Duration::MAX
        }

        fn judge(&self, _: &Work) -> Result<Judgement, GateError> {
            Ok(Judgement::passed())
        }
    }

    fn names(names: &[&'static str]) -> Result<Vec<AddedGate>> {
        let config = Config {
            gates: vec![ConfiguredGate::of("test".to_owned(), "make".to_owned(), Duration::MAX)],
            ..Config::default()
        };
        let gates: Vec<Arc<dyn Gate>> = names.iter().map(|name| Arc::new(Named(name)) as _).collect();
        added(&gates, &config)
    }

    #[test]
    fn every_name_that_cannot_be_used_is_in_the_one_error() {
        let fine = names(&["headers", "lines"]).unwrap();
        assert_eq!(fine.len(), 2);
        assert_eq!(fine[0].timeout, TIMEOUT_MAX);
        let refused = names(&["test", "a", "a", "proof", "", "two\nlines"]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Configuration);
        assert_eq!(
            refused.to_string(),
            "the gates of this program have names that cannot be used: there is another gate `test`; there is another \
             gate `a`; there is another gate `proof`; `` is not a line of at most 60 characters; `two lines` is not a line \
             of at most 60 characters"
        );
    }
}
