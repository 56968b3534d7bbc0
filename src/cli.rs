//! The command line: an `xtask` of another repository calls [`main`], or flattens [`TopLevelCommand`] or [`Command`]
//! beside its own tasks.
//! What a command does is decided in the library, never in here.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use jiff::tz::TimeZone;
use secrecy::SecretString;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::base::clock::Clock;
use crate::base::error::{Context as _, Error, ErrorKind, Result, exit};
use crate::base::interruption::Leftovers;
use crate::base::redact::Redactor;
use crate::base::text::harmless;
use crate::config::{ConfigSource, Setting};
use crate::git::EnvironmentIdentities;
use crate::lifecycle::{Environment, Generator, SecretVariables};
use crate::report::invocation::Invocation;
use crate::report::output::{Detail, Marked, Output, Zone};
use crate::report::screen::Screen;
use crate::report::tone::Tone;
use crate::run::extension::Extensions;
use crate::sandbox::gateway::Proxy;

mod audit;
mod build;
mod command;
mod common;
mod completions;
mod config;
mod context;
mod detect;
mod doctor;
mod documents;
mod editor;
mod ending;
mod gc;
mod generator;
mod image;
mod init;
mod issues;
mod man;
mod mode;
mod network;
mod pager;
mod pager_variables;
mod ps;
mod raw_terminal;
mod report;
mod request;
mod runs;
#[cfg(feature = "serve")]
mod serve;
mod serve_arguments;
#[cfg(not(feature = "serve"))]
mod serve_missing;
mod settings;
mod showing;
mod signal;
mod spec;
mod start;
mod stats;
mod suggestions;
mod suspension;
mod template;
pub(crate) mod transcript;
mod watch;

use command::{Namespaced, TopLevel, Verb};
use common::ColorWhen;
pub(crate) use common::Common;
pub(crate) use context::Context;
use pager_variables::PagerVariables;
#[cfg(not(feature = "serve"))]
use serve_missing as serve;

/// The variables of the host that hold a credential of the model's API.
const CREDENTIALS: [&str; 3] = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"];

/// All commands of cordwainer, for a program that has tasks of its own beside them: the commands of a generation's life
/// are below `generator`, so that `start`, `run` or `status` stay free.
#[derive(Clone, Debug)]
pub struct Command {
    options: Common,
    verb: Verb,
}

/// All commands of cordwainer at the top level, for a program that has hardly any tasks of the same names: those that come before
/// it keep their names.
#[derive(Clone, Debug)]
pub struct TopLevelCommand {
    options: Common,
    verb: Verb,
}

/// Implements the traits by which clap flattens a tree of commands.
macro_rules! flattens {
    ($command:ident, $tree:ty, $invocation:expr) => {
        impl FromArgMatches for $command {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                let (options, verb) = command::read::<$tree>(matches)?;
                Ok(Self { options, verb })
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }

        impl Subcommand for $command {
            fn augment_subcommands(command: clap::Command) -> clap::Command {
                command::add_tree::<$tree>(command, &$invocation)
            }

            fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
                Self::augment_subcommands(command)
            }

            fn has_subcommand(name: &str) -> bool {
                <$tree>::has_subcommand(name) && !command::is_taken(name)
            }
        }

        impl $command {
            /// Runs the command and reports what went wrong, if anything did. The exit codes are [`exit`]'s.
            pub fn execute(self) -> ExitCode {
                self.execute_with(Extensions::default())
            }

            /// Runs the command as [`Self::execute`] does, with gates and observers of the program's own.
            pub fn execute_with(self, extensions: Extensions) -> ExitCode {
                execute(self.verb, (&self.options, extensions), &$invocation)
            }
        }
    };
}

flattens!(Command, Namespaced, invocation().namespaced());
flattens!(TopLevelCommand, TopLevel, invocation());

#[derive(Debug, Parser)]
#[command(
    name = "cordwainer",
    version,
    about = "Lets Claude Code write software unattended",
    after_long_help = "Examples:\n  cordwainer init\n  cordwainer start --name search\n  cordwainer run --cycles 3\n  cordwainer stop"
)]
struct Program {
    #[command(subcommand)]
    command: TopLevelCommand,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    main_with(Extensions::default())
}

/// Runs the command line of this process, with gates and observers of the program's own.
pub fn main_with(extensions: Extensions) -> ExitCode {
    parse::<Program>().command.execute_with(extensions)
}

/// Parses the command line of this process, as [`Parser::parse`] does, and ends the process where that does. The help
/// names the program as it was called, the options that all commands of cordwainer take may stand in front of the command,
/// too, and a wrong word gets the command that was meant.
pub fn parse<P: Parser>() -> P {
    let mut program = program::<P>(&invocation());
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.iter().any(|argument| argument == completions::ASK) {
        completions::keep_tree(&program);
    }
    let matches = program.try_get_matches_from_mut(&arguments);
    let matches = matches.and_then(|matches| {
        if settings::are_lost(&matches, &arguments) {
            Err(program.error(clap::error::ErrorKind::ArgumentConflict, settings::IN_SEVERAL_PLACES))
        } else {
            Ok(matches)
        }
    });
    let parsed = matches.and_then(|matches| P::from_arg_matches(&matches).map_err(|error| error.format(&mut program)));
    parsed.unwrap_or_else(|error| suggestions::suggest(error, &program, &arguments).exit())
}

fn program<P: CommandFactory>(invocation: &Invocation) -> clap::Command {
    let program = command::add_options(P::command()).bin_name(invocation.program());
    command::rewritten(program, invocation)
}

/// Returns the tree of our own program, as a person meets it.
fn own_program() -> clap::Command {
    program::<Program>(&Invocation::default())
}

/// Writes the man pages of our own program, one for each command, into a folder, which is made where it is missing. Returns how
/// many there are.
///
/// # Errors
///
/// Where they cannot be written.
pub fn write_man_pages(folder: &Path) -> Result<usize> {
    man::write(own_program(), folder)
}

/// Runs a command and reports what went wrong, if anything did; returns the exit code of the process.
fn execute(verb: Verb, (options, extensions): (&Common, Extensions), invocation: &Invocation) -> ExitCode {
    let redactor = Redactor::default();
    let color = options.color.unwrap_or_default();
    color.apply();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.context("cannot start the async runtime").and_then(|runtime| {
        verb.check(options)?;
        let context = Context {
            extensions,
            ..Context::new(options, &redactor, invocation)?
        };
        start_tracing(options.verbose, &redactor);
        let outcome = runtime.block_on(verb.run(&context));
        // A reader of stdin that never returns must not keep the process.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            tell(&error, color, &redactor, invocation);
            ExitCode::from(exit::code(error.kind()))
        }
    }
}

impl Context {
    /// Reads the environment of the process: the one place that does.
    fn new(common: &Common, redactor: &Redactor, invocation: &Invocation) -> Result<Self> {
        let here = std::env::current_dir()
            .with_context(ErrorKind::Precondition, || "the current folder is gone".to_owned())?;
        let directory = common
            .directory
            .as_ref()
            .map_or_else(|| here.clone(), |folder| here.join(folder));
        if !directory.is_dir() {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("there is no folder `{}`", directory.display()),
            ));
        }
        let config = settings::config_source(common, &directory, variable)?;
        Ok(Self {
            output: Output {
                json: common.json,
                redactor: redactor.clone(),
                invocation: invocation.clone(),
                zone: Zone(TimeZone::system()),
                marked: marked(common.color.unwrap_or_default()),
                detail: common.detail(),
                screen: Screen::of_process(is_dumb()),
                ..Output::default()
            },
            program: own_program,
            traces: common.verbose > 1,
            directory,
            generation: common.generation.clone(),
            extensions: Extensions::default(),
            editor: variable("VISUAL").or_else(|| variable("EDITOR")),
            pager: pager_variables(),
            terminal: terminal_kind(),
            environment: Environment {
                config,
                ..environment(redactor)
            },
        })
    }

    /// Returns the context with keys of the configuration that this command sets.
    pub(crate) fn with_settings(&self, settings: Vec<Setting>) -> Self {
        let mut context = self.clone();
        context.environment.config.settings.extend(settings);
        context
    }

    /// Opens the repository and its configuration.
    pub(crate) fn open(&self) -> Result<Generator> {
        let generator = Generator::open(&self.directory, self.environment.clone())?;
        let generator = generator.with(self.extensions.clone())?;
        Ok(generator.choose(self.generation.clone()))
    }

    /// Opens the generator for a command that changes nothing, and needs no configuration file.
    pub(crate) fn look(&self) -> Result<Generator> {
        let generator = Generator::open_to_look(&self.directory, self.environment.clone())?;
        Ok(generator.choose(self.generation.clone()))
    }

    /// Returns whether a person sees the live lines: stdout and stderr are a terminal, and nothing else writes to it.
    pub(crate) fn is_live(&self) -> bool {
        let is_wanted = !self.output.json && !self.traces && self.output.detail != Detail::Less;
        is_wanted && std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
    }
}

/// The variables that name a proxy for HTTPS.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// The variables that name the hosts which are reached without a proxy.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Returns how the person called this process: `cargo run` names the package whose program it runs.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn invocation() -> Invocation {
    let package = std::env::var("CARGO_PKG_NAME").ok();
    Invocation::new(std::env::args_os().next().as_deref(), package.as_deref())
}

/// Reads a variable of the environment; an empty one counts as unset.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Reads what is known of the person's pager; an empty variable means none.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn pager_variables() -> PagerVariables {
    PagerVariables {
        git_pager: std::env::var_os("GIT_PAGER"),
        pager: std::env::var_os("PAGER"),
        has_less: std::env::var_os("LESS").is_some(),
        has_lv: std::env::var_os("LV").is_some(),
    }
}

/// Reads what kind of terminal the person is at, in a word that a program can be told.
fn terminal_kind() -> String {
    let kind = variable("TERM").and_then(|kind| kind.into_string().ok());
    let is_word = |kind: &String| {
        kind.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-+._".contains(&byte))
    };
    kind.filter(is_word).unwrap_or_else(|| "xterm".to_owned())
}

fn environment(redactor: &Redactor) -> Environment {
    let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
    let raw = variable;
    for credential in CREDENTIALS.iter().filter_map(|name| text(name)) {
        redactor.learn(&SecretString::from(credential));
    }
    Environment {
        clock: Clock::machine(),
        config: ConfigSource::default(),
        docker_host: text("DOCKER_HOST"),
        container_host: text("CONTAINER_HOST"),
        config_home: raw("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| raw("HOME").map(|home| Path::new(&home).join(".config"))),
        identities: EnvironmentIdentities {
            author_name: text("GIT_AUTHOR_NAME"),
            author_email: text("GIT_AUTHOR_EMAIL"),
            committer_name: text("GIT_COMMITTER_NAME"),
            committer_email: text("GIT_COMMITTER_EMAIL"),
            email: text("EMAIL"),
        },
        proxy: PROXIES.into_iter().find_map(|name| {
            let exceptions = EXCEPTIONS.into_iter().find_map(text).unwrap_or_default();
            Some(Proxy::new(name, text(name)?.into(), exceptions, redactor))
        }),
        runtime_dir: raw("XDG_RUNTIME_DIR").map(PathBuf::from),
        state_home: raw("XDG_STATE_HOME")
            .map(PathBuf::from)
            // A relative one is invalid by the specification of these variables.
            .filter(|folder| folder.is_absolute())
            .or_else(|| raw("HOME").map(|home| Path::new(&home).join(".local/state"))),
        search_path: raw("PATH"),
        api_key: text("ANTHROPIC_API_KEY").map(SecretString::from),
        oauth_token: text("CLAUDE_CODE_OAUTH_TOKEN").map(SecretString::from),
        secrets: SecretVariables::new(move |name| text(name).map(SecretString::from)),
        redactor: redactor.clone(),
        leftovers: Leftovers::default(),
    }
}

/// Finds where lines have symbols and colours: on a terminal that can do more than print, and wherever `--color` or
/// `CLICOLOR_FORCE` asks for it.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn marked(color: ColorWhen) -> Marked {
    let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    Marked::of_process(forced || color == ColorWhen::Always, is_dumb())
}

/// Returns whether the terminal, if there is one, can do nothing but print.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|name| name == "dumb")
}

/// Shows what the library traces, redacted, on stderr; nothing without `-vv`.
fn start_tracing(verbose: u8, redactor: &Redactor) {
    let shown = match verbose {
        0 | 1 => return,
        2 => Targets::new().with_target("cordwainer", LevelFilter::DEBUG),
        _ => Targets::new().with_default(LevelFilter::DEBUG),
    };
    let redactor = redactor.clone();
    let lines = tracing_subscriber::fmt::layer().with_writer(move || Redacting(redactor.clone()));
    // A consuming xtask may have set up tracing of its own: then that one is used.
    let _ = tracing_subscriber::registry().with(lines).with(shown).try_init();
}

/// Writes its input to stderr, redacted; tracing hands it one event at a time.
struct Redacting(Redactor);

impl std::io::Write for Redacting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::stderr().write_all(&self.0.bytes(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// Prints what failed, why, and what to do: `error: …`, the causes below, then `hint: …`.
fn tell(error: &Error, color: ColorWhen, redactor: &Redactor, invocation: &Invocation) {
    use std::io::Write as _;
    let marked = marked(color).stderr;
    let toned = |tone: Tone, text: &str| if marked { tone.paint(text) } else { text.to_owned() };
    let shown = |text: &str| harmless(&redactor.text(&invocation.rewrite(text)));
    let first = format!("error: {}", shown(&error.to_string()));
    let mut text = toned(Tone::Error, &first) + "\n";
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        for line in shown(&inner.to_string()).lines() {
            text.push_str(&format!("  {line}\n"));
        }
        cause = inner.source();
    }
    if let Some(hint) = error.hint_text() {
        let hint = format!("hint: {}", shown(hint));
        text.push_str(&format!("\n{}\n", toned(Tone::Hint, &hint)));
    }
    // Nobody is left to report to when stderr is gone.
    let _ = write!(anstream::stderr(), "{text}");
}

#[cfg(test)]
mod tests;
