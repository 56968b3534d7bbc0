//! The help of every command, and what every example in it is.

use super::*;

/// A command with its words, such as `issues add`.
struct Found {
    words: String,
    command: clap::Command,
}

/// Returns the program as a person meets it, with its commands built.
fn built() -> clap::Command {
    let mut program = program::<Program>(&Invocation::default());
    program.build();
    program
}

/// Returns all commands that help lists, groups and what they contain.
fn commands(above: &clap::Command, words: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let listed = |command: &&clap::Command| !command.is_hide_set() && command.get_name() != "help";
    for command in above.get_subcommands().filter(listed) {
        let words = format!("{words} {}", command.get_name()).trim_start().to_owned();
        found.extend(commands(command, &words));
        found.push(Found {
            words,
            command: command.clone(),
        });
    }
    found
}

/// Returns the command lines of a command's examples, without the name of the program.
fn examples(command: &clap::Command) -> Vec<String> {
    // The tree of commands has its texts as this process was called.
    let name = format!("{} ", invocation().program());
    let help = command.get_after_long_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    let calls = help.lines().filter_map(|line| {
        let call = line.split_once(&name)?.1;
        Some(call.split(" > ").next().unwrap_or(call).to_owned())
    });
    calls.collect()
}

/// Splits a command line as a shell does that knows spaces and double quotes.
fn split(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        1 => vec![part.to_owned()],
        _ => part.split_whitespace().map(str::to_owned).collect(),
    });
    words.collect()
}

fn parsed(words: impl IntoIterator<Item = String>) -> Result<TopLevelCommand, clap::Error> {
    let words = std::iter::once("cordwainer".to_owned()).chain(words);
    let matches = program::<Program>(&Invocation::default()).try_get_matches_from(words)?;
    Program::from_arg_matches(&matches).map(|program| program.command)
}

#[test]
fn long_help_is_longer_and_its_examples_can_be_called() {
    let program = built();
    let found = commands(&program, "");
    assert!(found.len() > 35, "{} commands found: are they still read?", found.len());
    for Found { words, mut command } in found {
        let (short, long) = (
            command.render_help().to_string(),
            command.render_long_help().to_string(),
        );
        assert!(long.lines().count() > short.lines().count(), "{words}: {long}");
        assert!(!short.contains("Example"), "{words}: {short}");
        let examples = examples(&command);
        assert!(!examples.is_empty(), "{words} has no example: {long}");
        for example in examples {
            let call = parsed(split(&example));
            assert!(call.is_ok(), "{words}: `{example}`: {}", call.unwrap_err());
            assert!(example.contains(&words), "{words}: `{example}` calls something else");
        }
    }
}

#[test]
fn own_options_come_before_the_global_ones() {
    for Found { words, mut command } in commands(&built(), "") {
        let help = command.render_help().to_string();
        let global = help.split_once("\nGlobal options:\n");
        let (own, global) = global.unwrap_or_else(|| panic!("{words} has no heading: {help}"));
        for option in [
            "--json",
            "--verbose",
            "--quiet",
            "--color",
            "--directory",
            "--config",
            "--set",
        ] {
            assert!(
                global.contains(option) && !own.contains(option),
                "{words}: {option}: {help}"
            );
        }
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            let is_global = [
                "json",
                "verbose",
                "quiet",
                "color",
                "directory",
                "config",
                "set",
                "generation",
            ]
            .contains(&option);
            let is_in_place = own.contains(&format!("--{option}")) != is_global;
            assert!(is_in_place || option == "generation", "{words}: --{option}: {help}");
        }
    }
}

#[test]
fn global_options_are_taken_in_front_and_behind() {
    for line in [
        "-C folder --json -v --generation search status",
        "status -C folder --json -v --generation search",
        "-C folder status --json -v --generation search",
        "generator -C folder --json status -v --generation search",
        "--json generator --generation search status -C folder -v",
        "issues --generation search list -C folder --json -v",
        // The one behind the command is meant.
        "-C elsewhere --generation other --json status -C folder --json -v --generation search",
    ] {
        let options = parsed(split(line)).unwrap().options;
        let taken = (options.json, options.verbose, options.directory, options.generation);
        let expect = (true, 1, Some(PathBuf::from("folder")), Some("search".to_owned()));
        assert_eq!(taken, expect, "{line}");
    }
}

#[test]
fn a_generation_is_refused_where_help_does_not_offer_it() {
    let program = built();
    for Found { words, mut command } in commands(&program, "") {
        let example = examples(&command).swap_remove(0);
        // A group's example is that of a command in it.
        if command.has_subcommands() && words != "stats" {
            continue;
        }
        let example = example.split(" --generation").next().unwrap_or(&example);
        let offered = command.render_help().to_string().contains("--generation");
        for line in [
            format!("--generation search {example}"),
            format!("{example} --generation search"),
        ] {
            let call = parsed(split(&line)).unwrap();
            let refused = call.verb.check(&call.options);
            // `stats` offers it for `stats usage`.
            assert_eq!(refused.is_ok(), offered && words != "stats", "{line}");
        }
    }
    for line in [
        "generator --generation search start",
        "generator start --generation search",
    ] {
        let call = parsed(split(line)).unwrap();
        let error = call.verb.check(&call.options).unwrap_err();
        assert_eq!(error.hint_text(), Some("`--name` names the new generation"), "{line}");
    }
}

#[test]
fn every_command_exists_below_generator_too() {
    let listed = commands(&built(), "");
    let top: Vec<&str> = listed.iter().map(|found| found.words.as_str()).collect();
    for name in crate::report::invocation::GENERATION {
        assert!(top.contains(&name), "{name}");
    }
    let groups = crate::report::invocation::OTHERS.into_iter();
    for name in groups.filter(|name| *name != "generator") {
        assert!(top.contains(&name), "{name}");
    }
    let first = |words: &&&str| !words.contains(' ');
    let count = crate::report::invocation::GENERATION.len() + crate::report::invocation::OTHERS.len() - 1;
    assert_eq!(top.iter().filter(first).count(), count, "report/invocation.rs: {top:?}");
    for line in [
        "generator run --cycles 3",
        "generator stop",
        "generator init --scaffold",
    ] {
        assert!(parsed(split(line)).is_ok(), "{line}");
    }
}

/// A program with a task that has the name of a command of cordwainer.
#[derive(Debug, Parser)]
enum Task {
    Run,
    #[command(flatten)]
    Cordwainer(Box<Command>),
}

#[test]
fn a_task_may_have_the_name_of_a_command_beside_the_flattened_ones() {
    Task::command().debug_assert();
    assert!(matches!(Task::try_parse_from(["x", "run"]), Ok(Task::Run)));
    for words in [
        &["x", "generator", "run", "--json"][..],
        &["x", "issues", "list", "--json"],
    ] {
        let task = Task::try_parse_from(words).unwrap();
        assert!(
            matches!(&task, Task::Cordwainer(command) if command.options.json),
            "{task:?}"
        );
    }
    assert!(Task::try_parse_from(["x", "status"]).is_err());
    let help = Task::command().render_long_help().to_string();
    assert!(help.contains("\n  generator "), "{help}");
    let mut task = Task::command();
    let generator = task.find_subcommand_mut("generator").unwrap();
    let help = generator
        .find_subcommand_mut("stop")
        .unwrap()
        .render_long_help()
        .to_string();
    assert!(
        help.contains(&format!("{} generator stop", invocation().program())),
        "{help}"
    );
}
