//! Checks what a generation left behind: git, the engine, the events and the state folder are read, and each invariant is
//! found true, or what breaks it is printed.
//!
//! It shares no code with cordwainer. What it knows of the formats is in ARCHITECTURE.md and docs/state.md, so that an error
//! in the code that reads the state does not hide itself here.
//!
//! | Command | What it does |
//! |---|---|
//! | `remember REPOSITORY FILE` | notes everything that is the person's, before anything runs |
//! | `witness REPOSITORY FILE` | adds to a file what agents have left in the slots by now, such as after a kill |
//! | `check REPOSITORY BRANCH OPTION…` | checks the generation of a branch, once no run is alive |
//! | `list` | prints the invariants |
//!
//! | Option of `check` | What it is |
//! |---|---|
//! | `--remembered FILE` · `--witnessed FILE` | what `remember` and `witness` wrote |
//! | `--engine SOCKET` | an engine that containers ran on; can be given more than once |
//! | `--gate NAME` | a gate that every landed tree must have passed; without it, all that were tried on a tip |
//! | `--usd N` · `--task-usd N` | the budgets of the generation and of each task |
//! | `--absent TEXT` | a text that must be nowhere in the records, the state and git's objects |
//! | `--status FILE` | what `cordwainer status --json` printed |
//!
//! The exit code is 0 where every invariant holds, 1 where one does not, and 2 where that cannot be determined.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it reports to the person or program that called it"
)]

#[expect(
    clippy::unnecessary_wraps,
    reason = "checks are of one type, whether or not they read anything"
)]
mod checks;
mod engine;
mod facts;
mod files;
mod git;
mod options;
mod person;
mod records;
mod witness;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use crate::checks::INVARIANTS;
use crate::facts::Facts;
use crate::options::Options;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["remember", repository, file] => person::remember(Path::new(repository), Path::new(file)).map(|()| true),
        ["witness", repository, file] => witness::witness(Path::new(repository), Path::new(file)).map(|()| true),
        ["check", repository, branch, options @ ..] => check(repository, branch, options),
        ["list"] => {
            list();
            Ok(true)
        }
        _ => Err("expected `remember`, `witness`, `check` or `list`, as the head of src/main.rs describes".into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Prints each invariant that does not hold, with what breaks it; returns whether all hold.
fn check(repository: &str, branch: &str, options: &[&str]) -> Outcome<bool> {
    let facts = Facts::read(Path::new(repository), branch, Options::parse(options)?)?;
    let mut broken = 0;
    for invariant in INVARIANTS {
        let found = (invariant.violations)(&facts).map_err(|error| format!("{}: {error}", invariant.name))?;
        broken += usize::from(!found.is_empty());
        for violation in found {
            println!("{}: {violation}", invariant.name);
        }
    }
    if broken == 0 {
        println!("{} invariants hold: {}.", INVARIANTS.len(), facts.extent());
    } else {
        println!(
            "{broken} of {} invariants do not hold: {}.",
            INVARIANTS.len(),
            facts.extent()
        );
    }
    Ok(broken == 0)
}

fn list() {
    for invariant in INVARIANTS {
        println!("{}: {}", invariant.name, invariant.claim);
    }
}
