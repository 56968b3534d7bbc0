//! The live lines of a run, on terminals of all sizes: what is on the screen, and that nothing else is.

use std::collections::BTreeSet;

use crate::run::parallel::{add_waiting, expect_merged, let_all_go_on, wait_for_agents};
use crate::support::emulators::Screens;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::pseudo_terminal::PseudoTerminal;
use crate::support::scripts::WAIT;

engine_tests! {
    podman: tasks_at_work_have_a_line_each_on_terminals_of_all_widths, more_tasks_than_rows_are_counted,
        hundreds_of_lines_pass_above_the_live_ones,
        what_an_agent_writes_steers_no_terminal, a_shell_gets_its_terminal_back_whole;
    docker: who_wants_less_or_more_gets_it, no_colour_is_used_where_none_is_wanted;
}

const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// The live lines among these rows: that of the run, and what is below it. Figures that differ from run to run are replaced.
fn live(rows: &[String]) -> Vec<String> {
    let begins = rows.iter().position(|row| row.starts_with(SPINNER));
    begins.map_or_else(Vec::new, |begins| rows[begins..].iter().map(|row| plain(row)).collect())
}

fn plain(row: &str) -> String {
    let row = row
        .strip_prefix(SPINNER)
        .map_or_else(|| row.to_owned(), |rest| format!("*{rest}"));
    let mut kept: Vec<String> = Vec::new();
    for word in row.split_whitespace() {
        let (bare, comma) = word.strip_suffix(',').map_or((word, ""), |bare| (bare, ","));
        let is_number = |word: &String| word.chars().all(|c| c.is_ascii_digit());
        if ["s", "min"].contains(&bare) && kept.last().is_some_and(is_number) {
            kept.pop();
            kept.pop_if(|last| last == "TIME");
            kept.push(format!("TIME{comma}"));
        } else if bare.starts_with('$') {
            kept.push(format!("MONEY{comma}"));
        } else if bare.starts_with("cw-") {
            kept.push("cw".to_owned());
        } else {
            kept.push(word.to_owned());
        }
    }
    kept.join(" ")
}

/// Waits until both terminals show these live lines, and every other row is one that lasts.
#[track_caller]
fn expect(terminal: &mut PseudoTerminal, what: &str, lines: &[&str]) -> Screens {
    let is_shown = |screens: &Screens| live(&screens.wrapping) == lines && live(&screens.cutting) == lines;
    let screens = terminal.until(is_shown);
    for rows in [&screens.wrapping, &screens.cutting] {
        let lasting = rows.len() - lines.len();
        let litter = |row: &&String| {
            row.contains("tokens") || row.contains(SPINNER) || row.starts_with("  cw-") && !row.contains(':')
        };
        let left: Vec<&String> = rows[..lasting].iter().filter(litter).collect();
        assert!(left.is_empty(), "{what}: {left:?} in\n{screens:?}");
    }
    screens
}

fn with_agents(project: &Project, count: usize, (rows, columns): (u16, u16)) -> (PseudoTerminal, BTreeSet<u32>) {
    let command = project.command(&["run", "--tasks-only"]);
    let terminal = PseudoTerminal::start_sized(&command, rows, columns);
    let slots = wait_for_agents(project, count);
    (terminal, slots)
}

fn tasks_at_work_have_a_line_each_on_terminals_of_all_widths(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {parallel: 3}\nbudget: {run_usd: 5}\n");
    add_waiting(&project, 3);
    let (mut terminal, slots) = with_agents(&project, 3, (24, 100));
    let works = "cw work TIME 1.1k tokens MONEY Bash mkfifo go";
    let wide = ["* task 3 of 3, MONEY, TIME, MONEY left", works, works, works];
    let at_work = "cw work TIME MONEY";
    let narrow = ["* task 3 of 3, MONEY, MONEY left", at_work, at_work, at_work];
    let narrowest = ["* task 3 of 3", "cw work", "cw work", "cw work"];
    expect(&mut terminal, "wide", &wide);
    for (columns, lines) in [(36, narrow), (100, wide), (16, narrowest), (36, narrow), (100, wide)] {
        terminal.resize(24, columns);
        expect(&mut terminal, &format!("{columns} columns"), &lines);
    }
    // The height changes, too: what does not fit is counted, and comes back.
    terminal.resize(4, 100);
    expect(&mut terminal, "4 rows", &[wide[0], "… and 3 more"]);
    terminal.resize(24, 100);
    expect(&mut terminal, "24 rows again", &wide);
    let_all_go_on(&project, &slots);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    expect_merged(&project, 1..=3);
}

fn more_tasks_than_rows_are_counted(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {parallel: 6}\n");
    add_waiting(&project, 6);
    let (mut terminal, slots) = with_agents(&project, 6, (8, 80));
    let screens = expect(
        &mut terminal,
        "8 rows",
        &[
            "* task 6 of 6, MONEY, TIME",
            "cw work TIME 1.1k tokens MONEY Bash mkfifo go",
            "cw work TIME 1.1k tokens MONEY Bash mkfifo go",
            "cw work TIME 1.1k tokens MONEY Bash mkfifo go",
            "… and 3 more",
        ],
    );
    assert_eq!(screens.wrapping.len(), 8, "what lasts is above: {screens:?}");
    let_all_go_on(&project, &slots);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    expect_merged(&project, 1..=6);
}

fn hundreds_of_lines_pass_above_the_live_ones(engine: TestEngine) {
    let project = Project::new(engine, "");
    let writes: Vec<String> = (1..=300).map(|number| format!("write src/{number}.txt x\n")).collect();
    project.add("writes much", &format!("{}{WAIT}write src/last.txt x", writes.concat()));
    let command = project.command(&["run", "--tasks-only", "-v"]);
    let mut terminal = PseudoTerminal::start_sized(&command, 10, 80);
    let slots = wait_for_agents(&project, 1);
    // The last eight of what lasts, and below them the lines of the run and of its task.
    let mut expected: Vec<String> = (294..=300)
        .map(|number| format!("  cw-1: Write src/{number}.txt"))
        .collect();
    expected.push("  cw-1: Bash mkfifo go".to_owned());
    let shown =
        |rows: &[String]| -> Vec<String> { rows.iter().map(|row| row.trim_end_matches('.').to_owned()).collect() };
    let is_shown = |rows: &[String]| rows.len() == 10 && live(rows).len() == 2 && shown(&rows[..8]) == expected;
    terminal.until(|screens| is_shown(&screens.wrapping) && is_shown(&screens.cutting));
    let_all_go_on(&project, &slots);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    expect_merged(&project, 1..=1);
}

/// A tool's summary that would clear the screen, turn the line around, and fill it.
fn what_an_agent_writes_steers_no_terminal(engine: TestEngine) {
    let project = Project::new(engine, "");
    let command = format!("\\u001b[2J\\u001b[31m\\u202eevil \\u009b2J{}", "x".repeat(20_000));
    let message = format!(
        r#"{{"type":"assistant","message":{{"id":"m","role":"assistant","model":"claude-sonnet-5-5","content":[{{"type":"tool_use","id":"t","name":"Bash","input":{{"command":"{command}"}}}}]}},"parent_tool_use_id":null,"session_id":"s"}}"#
    );
    // It waits with that as its last tool: `append` is told when it is done.
    project.add(
        "waits",
        &format!("on 1 fifo go\non 1 raw {message}\non 1 append go x\nwrite src/a.txt x"),
    );
    let (mut terminal, slots) = with_agents(&project, 1, (24, 100));
    let is_told = |row: &String| row.contains("  Bash \\u{1b}[2J\\u{1b}[31m\\u{202e}evil");
    let screens = terminal.until(|screens| screens.wrapping.iter().any(is_told) && screens.cutting.iter().any(is_told));
    for rows in [&screens.wrapping, &screens.cutting] {
        assert_eq!(live(rows).len(), 2, "it takes one row: {screens:?}");
        assert!(
            rows.iter().any(|row| row.starts_with("Run ")),
            "it clears nothing: {screens:?}"
        );
    }
    let_all_go_on(&project, &slots);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    for mark in ["\u{1b}[2J", "\u{202e}", "\u{9b}", "\u{1b}[31m\\"] {
        assert!(!shown.contains(mark), "{mark:?} in {shown:?}");
    }
    expect_merged(&project, 1..=1);
}

fn who_wants_less_or_more_gets_it(engine: TestEngine) {
    let project = Project::new(engine, "gates: [exit=0]\n");
    for title in ["quiet", "usual", "more"] {
        project.add(title, &format!("write src/{title}.txt x"));
    }
    let run = |options: &[&str]| {
        let command = project.command(&[&["run", "--tasks-only", "--max-tasks", "1"], options].concat());
        let (code, shown) = PseudoTerminal::start_sized(&command, 24, 100).ended();
        (code, shown)
    };
    let (_, quiet) = run(&["--quiet"]);
    assert!(quiet.contains("Run ended: "), "{quiet}");
    for text in ["Run 2", "cw-1: quiet", "task 1 of", "\u{1b}[J"] {
        assert!(!quiet.contains(text), "`{text}` in {quiet}");
    }
    let (_, usual) = run(&[]);
    assert!(usual.contains("cw-2: usual") && usual.contains("task 1 of"), "{usual}");
    assert!(!usual.contains("its agent has begun"), "{usual}");
    let (_, more) = run(&["-v"]);
    for text in [
        "  cw-3: container.",
        "  cw-3: its agent has begun: ",
        "  cw-3: Write src/more.txt",
        "  cw-3: gate `exit=0` has begun.",
        "  cw-3: its agent has ended: ",
    ] {
        assert!(more.contains(text), "`{text}` is not in {more}");
    }
    for noise in ["DEBUG", "hyper", "bollard", "tracing"] {
        assert!(!more.contains(noise), "`{noise}` in {more}");
    }
    let refused = project.run(&["run", "-q", "-v"]).expect(2);
    refused.says("cannot be used with");
}

fn no_colour_is_used_where_none_is_wanted(engine: TestEngine) {
    let project = Project::new(engine, "");
    for number in 1..=3 {
        project.add("is done", &format!("write src/{number}.txt x"));
    }
    let shown = |options: &[&str], variable: Option<&str>| {
        let mut command = project.command(&[&["run", "--tasks-only", "--max-tasks", "1"], options].concat());
        command.envs(variable.map(|name| (name, "1")));
        PseudoTerminal::start(&command).ended().1
    };
    for (options, variable, has_colours) in [
        (&[][..], None, true),
        (&["--color", "never"], None, false),
        (&[], Some("NO_COLOR"), false),
    ] {
        let shown = shown(options, variable);
        assert!(shown.contains("task 1 of"), "the live lines need no colour: {shown:?}");
        assert_eq!(
            shown.contains("\u{1b}[32m"),
            has_colours,
            "{options:?} {variable:?}: {shown:?}"
        );
    }
    let forced = project.run(&["status", "--color", "always"]).expect(0);
    assert!(forced.stdout.contains("\u{1b}[36m"), "{}", forced.stdout);
}

/// Ctrl-Z, as a shell with job control has it: its prompt is where the live lines were, and they come back with the run.
fn a_shell_gets_its_terminal_back_whole(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1s\n");
    add_waiting(&project, 1);
    let run = project.command(&["run", "--tasks-only"]);
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["--norc", "--noprofile", "-i"])
        .current_dir(run.get_current_dir().unwrap());
    shell
        .envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PS1", "shell: ");
    let mut terminal = PseudoTerminal::start_sized(&shell, 24, 100);
    terminal.shows("shell: ");
    terminal.types(&format!("{} run --tasks-only\n", run.get_program().display()));
    let slots = wait_for_agents(&project, 1);
    let lines = [
        "* task 1 of 1, MONEY, TIME",
        "cw work TIME 1.1k tokens MONEY Bash mkfifo go",
    ];
    expect(&mut terminal, "at work", &lines);
    terminal.types("\u{1a}");
    let stopped = terminal.until(|screens| screens.wrapping.last().is_some_and(|row| row == "shell:"));
    for rows in [&stopped.wrapping, &stopped.cutting] {
        assert!(rows.iter().any(|row| row.contains("Stopped")), "{stopped:?}");
        assert!(
            !rows
                .iter()
                .any(|row| row.contains("task 1 of 1") || row.contains("mkfifo go")),
            "{stopped:?}"
        );
    }
    terminal.types("fg\n");
    expect(&mut terminal, "goes on", &lines);
    let_all_go_on(&project, &slots);
    terminal.until(|screens| screens.wrapping.last().is_some_and(|row| row == "shell:"));
    terminal.types("exit\n");
    let (_, shown) = terminal.ended();
    assert!(shown.contains("Run ended: "), "{shown}");
    expect_merged(&project, 1..=1);
}
