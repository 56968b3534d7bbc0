//! The trees of commands: all of them at the top level, or those of a generation's life below `generator`.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::builder::{Resettable, StyledStr};
use clap::{Arg, ArgMatches, Args as _, FromArgMatches, Subcommand};

use super::generator::{self, GeneratorArgs, GeneratorCommand};
use super::{
    Common, Context, completions, config, doctor, image, issues, man, network, ps, report, serve, serve_arguments,
    spec, stats, transcript,
};
use crate::base::error::{Error, ErrorKind, Result};
use crate::report::invocation::{Invocation, NAMESPACE, PROGRAM};

/// The commands for which `--generation` has no meaning. Their help does not offer it, and they refuse it.
const WITHOUT_GENERATION: [&str; 28] = [
    "init",
    "start",
    "generate",
    "build",
    "plan",
    "feature",
    "fix",
    "test",
    "refactor",
    "exec",
    "audit",
    "review",
    "list",
    "switch",
    "gc",
    "runs",
    "watch",
    "transcript",
    "image",
    "doctor",
    "config",
    "network",
    "spec",
    "report",
    "ps",
    "serve",
    "completions",
    "man",
];

/// What a command hints at that takes a generation's name as its argument.
const NAMED_WITHOUT: &str = "name the generation without the option";
/// clap's id of `--generation`.
const GENERATION_ID: &str = "generation";

/// One command of any tree.
#[derive(Clone, Debug)]
pub(super) enum Verb {
    Generation(GeneratorCommand),
    Other(OtherCommand),
}

/// The commands beside those of a generation's life.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum OtherCommand {
    /// List and change the tasks of a generation
    #[command(
        after_long_help = "Examples:\n  cordwainer issues list --status open\n  cordwainer issues add \"Parse the header\" --priority 1"
    )]
    Issues(issues::IssuesArgs),
    /// Summarize recorded stream-json transcripts
    ///
    /// Prints outcome, usage, cost and limits of each call. Calls of the same session are counted once, and several files
    /// are summed up.
    #[command(
        after_long_help = "Examples:\n  cordwainer transcript transcript.jsonl\n  cordwainer transcript --json first.jsonl second.jsonl"
    )]
    Transcript(transcript::TranscriptArgs),
    /// Build and check the image that agents run in
    #[command(after_long_help = "Examples:\n  cordwainer image build\n  cordwainer image check")]
    Image(image::ImageArgs),
    /// Check engines, containers and everything that `cordwainer run` requires
    ///
    /// Starts one sealed container on each engine of the machine and prints what the container really got. For each
    /// item that does not hold, it prints the fix. It needs no repository. Exits with 0 if everything holds, with 5 if
    /// there is no engine, and otherwise with 9.
    #[command(after_long_help = "Examples:\n  cordwainer doctor\n  cordwainer doctor --gates")]
    Doctor(doctor::DoctorArgs),
    /// Check and show the configuration, and print what the repository is made of
    #[command(after_long_help = "Examples:\n  cordwainer config check\n  cordwainer config show")]
    Config(config::ConfigArgs),
    /// Count documents and lines, and sum up what tasks, models and generations took
    ///
    /// Without a command it prints files, lines and words for each label of `spec_globs`, as of the checked out commit.
    #[command(after_long_help = "Examples:\n  cordwainer stats\n  cordwainer stats tasks")]
    Stats(stats::StatsArgs),
    /// Print rules of the network for what a run was refused
    #[command(after_long_help = "Example:\n  cordwainer network suggest")]
    Network(network::NetworkArgs),
    /// Look at the documents that work comes from
    #[command(after_long_help = "Example:\n  cordwainer spec inspect docs/backlog.md")]
    Spec(spec::SpecArgs),
    /// Write what a run or a generation came to as a page or as Markdown, and print reports of audits and reviews
    ///
    /// The page is one file: it needs no other, contains no script and makes no request. It can be kept, sent and printed, and
    /// is less than 1 MB. A report can be made while a run is at work, too.
    #[command(
        after_long_help = "Examples:\n  cordwainer report --html report.html\n  cordwainer report search --markdown\n  cordwainer report show --format sarif"
    )]
    Report(report::ReportArgs),
    /// List the runs that are at work in all repositories of yours
    ///
    /// It needs no repository. Runs list themselves in `$XDG_STATE_HOME/cordwainer`; each is checked by the lock of its
    /// repository, by its process and when that started, and by what it answers.
    #[command(after_long_help = "Example:\n  cordwainer ps --all")]
    Ps(ps::PsArgs),
    /// Serve a live page of runs and tasks, and an HTTP API
    ///
    /// Prints an address to open in a browser: its end is a token, made at each start, without which nothing is shown. Within a
    /// repository it serves that one, elsewhere all of yours that have runs. It has no state of its own, and can be ended at any
    /// time by Ctrl-C. Only this machine reaches it, unless `--listen` names another address.
    #[command(
        after_long_help = "Examples:\n  cordwainer serve --open\n  cordwainer serve --listen 127.0.0.1:8080 --read-only\n  cordwainer serve --all --listen unix:page.sock"
    )]
    Serve(serve_arguments::ServeArgs),
    /// Print the completions of a shell
    ///
    /// The shell then asks this program what can stand at the cursor: commands, options, and ids, generations, runs, modes and
    /// labels as the repository has them. Called as `cordwainer completions bash`, it prints a script to read.
    #[command(
        after_long_help = "Examples:\n  cordwainer completions bash > ~/.local/share/bash-completion/completions/cordwainer\n  cordwainer completions zsh > ~/.zfunc/_cordwainer\n  cordwainer completions fish > ~/.config/fish/completions/cordwainer.fish"
    )]
    Completions(completions::CompletionsArgs),
    /// Write the man pages into a folder
    ///
    /// One page for the program, and one for each command. Pages of these names that are there are replaced.
    #[command(after_long_help = "Example:\n  cordwainer man ~/.cargo/share/man/man1")]
    Man(man::ManArgs),
    /// Asked by completions
    #[command(name = completions::ASK, hide = true)]
    Complete(completions::AskArgs),
}

/// All commands, for a program that may have others of the same names: those of a generation's life are below
/// `generator`.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Namespaced {
    /// Start, run and end generations
    ///
    /// A generation is a branch on which the agent works. `start` creates it, `run` works on it, and `stop` merges it into
    /// the base branch.
    #[command(
        after_long_help = "Examples:\n  cordwainer start --name search\n  cordwainer run --cycles 3\n  cordwainer stop"
    )]
    Generator(GeneratorArgs),
    #[command(flatten)]
    Other(OtherCommand),
}

/// All commands at the top level. `generator …` goes on working, for scripts that have it.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum TopLevel {
    #[command(flatten)]
    Generation(GeneratorCommand),
    /// Start, run and end generations
    ///
    /// Each of these commands exists without `generator`, too.
    #[command(hide = true, after_long_help = "Example:\n  cordwainer status")]
    Generator(GeneratorArgs),
    #[command(flatten)]
    Other(OtherCommand),
}

impl From<Namespaced> for Verb {
    fn from(tree: Namespaced) -> Self {
        match tree {
            Namespaced::Generator(args) => Self::Generation(args.command),
            Namespaced::Other(other) => Self::Other(other),
        }
    }
}

impl From<TopLevel> for Verb {
    fn from(tree: TopLevel) -> Self {
        match tree {
            TopLevel::Generation(command) | TopLevel::Generator(GeneratorArgs { command }) => Self::Generation(command),
            TopLevel::Other(other) => Self::Other(other),
        }
    }
}

impl Verb {
    /// Runs the command, and returns its exit code.
    pub(super) async fn run(self, context: &Context) -> Result<u8> {
        match self {
            Self::Generation(command) => Box::pin(generator::execute(&command, context)).await,
            Self::Other(OtherCommand::Issues(args)) => Box::pin(issues::execute(&args.command, context)).await,
            Self::Other(OtherCommand::Transcript(args)) => args.execute(context),
            Self::Other(OtherCommand::Image(args)) => Box::pin(image::execute(&args.command, context)).await,
            Self::Other(OtherCommand::Doctor(args)) => doctor::execute(&args, context).await,
            Self::Other(OtherCommand::Config(args)) => config::execute(&args.command, context),
            Self::Other(OtherCommand::Stats(args)) => stats::execute(&args, context),
            Self::Other(OtherCommand::Network(args)) => network::execute(&args.command, context),
            Self::Other(OtherCommand::Spec(args)) => spec::execute(&args.command, context),
            Self::Other(OtherCommand::Report(args)) => report::execute(&args, context),
            Self::Other(OtherCommand::Ps(args)) => ps::execute(&args, context),
            Self::Other(OtherCommand::Serve(args)) => Box::pin(serve::execute(&args, context)).await,
            Self::Other(OtherCommand::Completions(args)) => completions::execute(&args, context),
            Self::Other(OtherCommand::Man(args)) => man::execute(&args, context),
            Self::Other(OtherCommand::Complete(args)) => completions::ask(&args, context),
        }
    }

    /// Refuses an option that the command would ignore.
    ///
    /// # Errors
    ///
    /// With [`ErrorKind::Usage`] if a generation is named and the command does not work on one.
    pub(super) fn check(&self, options: &Common) -> Result<()> {
        if options.generation.is_none() || self.takes_generation() {
            return Ok(());
        }
        let hint = match self {
            Self::Generation(GeneratorCommand::Start { .. }) => "`--name` names the new generation",
            Self::Generation(GeneratorCommand::Switch { .. } | GeneratorCommand::Runs(_)) => NAMED_WITHOUT,
            Self::Other(OtherCommand::Report(args)) if args.is_of_work() => NAMED_WITHOUT,
            Self::Generation(_) | Self::Other(_) => "leave it out",
        };
        let message = "this command takes no `--generation`: it does not work on one that is named";
        Err(Error::new(ErrorKind::Usage, message).hint(hint))
    }

    fn takes_generation(&self) -> bool {
        match self {
            Self::Generation(command) => !matches!(
                command,
                GeneratorCommand::Init(_)
                    | GeneratorCommand::Start { .. }
                    | GeneratorCommand::Generate(_)
                    | GeneratorCommand::Build(_)
                    | GeneratorCommand::Plan(_)
                    | GeneratorCommand::Feature(_)
                    | GeneratorCommand::Fix(_)
                    | GeneratorCommand::Test(_)
                    | GeneratorCommand::Refactor(_)
                    | GeneratorCommand::Exec(_)
                    | GeneratorCommand::Audit(_)
                    | GeneratorCommand::Review(_)
                    | GeneratorCommand::List
                    | GeneratorCommand::Gc(_)
                    | GeneratorCommand::Runs(_)
                    | GeneratorCommand::Watch
                    | GeneratorCommand::Switch { .. }
            ),
            Self::Other(OtherCommand::Issues(_)) => true,
            Self::Other(OtherCommand::Stats(args)) => args.command.is_some(),
            Self::Other(_) => false,
        }
    }
}

/// Adds the commands of a tree to a command, each with the options that all take, and with help that names commands as
/// they were called. A command of the program's own that has one of the names keeps it: ours is below `generator`, too, where
/// it takes part in a generation's life.
pub(super) fn add_tree<T: Subcommand>(command: clap::Command, invocation: &Invocation) -> clap::Command {
    let tree = T::augment_subcommands(clap::Command::new(PROGRAM));
    let own = tree.get_subcommands().cloned();
    own.fold(command, |command, own| {
        if command.find_subcommand(own.get_name()).is_some() {
            taken().insert(own.get_name().to_owned());
            return command;
        }
        // Help lists them in this order, after those that are there.
        let own = own.display_order(command.get_subcommands().count());
        command.subcommand(rewritten(with_options(own), invocation))
    })
}

/// The names of commands that the program has of its own. A program has one tree of commands, and clap asks a type, not a value,
/// which names are whose.
static TAKEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn taken() -> MutexGuard<'static, BTreeSet<String>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether a name is that of a command of the program's own.
pub(super) fn is_taken(name: &str) -> bool {
    taken().contains(name)
}

/// Adds the options that all commands take to a program, in front of its commands; they do not become options of those.
pub(super) fn add_options(program: clap::Command) -> clap::Command {
    let options = options().into_iter();
    options
        .map(|option| option.global(false))
        .fold(program, clap::Command::arg)
}

fn options() -> Vec<Arg> {
    let command = Common::augment_args(clap::Command::new(PROGRAM));
    command.get_arguments().cloned().collect()
}

fn with_options(command: clap::Command) -> clap::Command {
    let hides = WITHOUT_GENERATION.contains(&command.get_name());
    let add = |command: clap::Command, option: Arg| {
        let is_hidden = hides && option.get_id() == GENERATION_ID;
        command.arg(option.hide(is_hidden))
    };
    let command = options().into_iter().fold(command, add);
    if command.get_name() != NAMESPACE {
        return command;
    }
    // An option of their own takes the place of the one that they would get from above.
    command.mut_subcommands(|below| {
        let hidden = hidden_generation().filter(|_| WITHOUT_GENERATION.contains(&below.get_name()));
        hidden.into_iter().fold(below, clap::Command::arg)
    })
}

fn hidden_generation() -> Option<Arg> {
    let option = options().into_iter().find(|option| option.get_id() == GENERATION_ID);
    option.map(|option| option.hide(true))
}

/// Returns a command whose help names commands as they were called.
pub(super) fn rewritten(command: clap::Command, invocation: &Invocation) -> clap::Command {
    if *invocation == Invocation::default() {
        // The texts are as they are written, and every call would read all of them.
        return command;
    }
    let told = |text: Option<&StyledStr>| {
        let text = text.map(|text| StyledStr::from(invocation.rewrite(&text.to_string()).into_owned()));
        Resettable::from(text)
    };
    let texts = (
        told(command.get_about()),
        told(command.get_long_about()),
        told(command.get_after_help()),
        told(command.get_after_long_help()),
    );
    command
        .about(texts.0)
        .long_about(texts.1)
        .after_help(texts.2)
        .after_long_help(texts.3)
        .mut_args(|argument| {
            let (help, long) = (told(argument.get_help()), told(argument.get_long_help()));
            argument.help(help).long_help(long)
        })
        .mut_subcommands(|below| rewritten(below, invocation))
}

/// Reads a command of a tree and the options that all commands take. What stands in front of the command is among them:
/// clap hands it down by the options' ids.
pub(super) fn read<T: FromArgMatches + Into<Verb>>(matches: &ArgMatches) -> Result<(Common, Verb), clap::Error> {
    let verb = T::from_arg_matches(matches)?.into();
    let options = matches.subcommand().map(|(_, own)| Common::from_arg_matches(own));
    Ok((options.transpose()?.unwrap_or_default(), verb))
}
