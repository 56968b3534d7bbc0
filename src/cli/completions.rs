//! `completions SHELL`: the script that a shell reads, which asks the hidden command [`ASK`] about each line: what can
//! stand there is found in the tree of commands, and in the store.

use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Context;
use crate::base::error::{Result, exit};
use crate::report::invocation::{ALIAS, Invocation};

mod engine;
mod values;

use self::engine::{Asked, Candidate};

/// The hidden command that scripts ask.
pub(super) const ASK: &str = "__complete";
/// How long a line may take: who presses Tab waits for it.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most that is offered.
const MOST: usize = 2000;

/// The arguments of `completions`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

/// The arguments of the hidden command.
#[derive(Clone, Debug, Args)]
pub(crate) struct AskArgs {
    /// The word at the cursor, up to it
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    current: String,
    /// The words before it, without the program
    #[arg(last = true)]
    before: Vec<String>,
}

/// The whole tree of this process' program, tasks of its own among it. A program has one, and a command of the tree does not
/// see what is beside it.
static TREE: Mutex<Option<clap::Command>> = Mutex::new(None);

/// Keeps the tree of the program for [`ask`].
pub(super) fn keep_tree(program: &clap::Command) {
    *TREE.lock().unwrap_or_else(PoisonError::into_inner) = Some(program.clone());
}

/// Prints the script for a shell.
pub(super) fn execute(args: &CompletionsArgs, context: &Context) -> Result<u8> {
    context
        .output
        .print_script(&script(args.shell, &context.output.invocation))?;
    Ok(exit::DONE)
}

/// Prints what can stand at the cursor, one candidate a line, with what it is about after a tab. Whatever goes wrong, it
/// offers less, and says nothing: a person is in the middle of a line.
pub(super) fn ask(args: &AskArgs, context: &Context) -> Result<u8> {
    let (tell, told) = mpsc::channel();
    let (args, asking) = (args.clone(), context.clone());
    let tree = TREE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let tree = tree.unwrap_or_else(context.program);
    // Where the disk does not answer in time, nobody waits for this thread.
    let thinking = std::thread::Builder::new().name("completion".to_owned());
    let _ = thinking.spawn(move || {
        let asked = engine::look(tree, &args.before, &args.current);
        let _ = tell.send(offered(&asked, &asking));
    });
    let found = told.recv_timeout(PATIENCE).unwrap_or_default();
    let lines: Vec<String> = found.iter().take(MOST).map(Candidate::line).collect();
    if !lines.is_empty() {
        context.output.print_document(&lines.join("\n"))?;
    }
    Ok(exit::DONE)
}

fn offered(asked: &Asked, context: &Context) -> Vec<Candidate> {
    let mut found = asked.known.clone();
    if !asked.wanted.is_empty() {
        found.extend(
            values::find(asked, context)
                .into_iter()
                .map(|candidate| candidate.behind(&asked.before)),
        );
    }
    let begins = format!("{}{}", asked.before, asked.begun);
    found.retain(|candidate| candidate.value.starts_with(&begins));
    found
}

/// Returns the script for a shell, by which it completes the program as it was called: by its name, or as `cargo xtask`.
fn script(shell: Shell, invocation: &Invocation) -> String {
    let is_alias = invocation.program() == ALIAS;
    let text = match (shell, is_alias) {
        (Shell::Bash, false) => include_str!("completions/scripts/program.bash"),
        (Shell::Bash, true) => include_str!("completions/scripts/xtask.bash"),
        (Shell::Zsh, false) => include_str!("completions/scripts/program.zsh"),
        (Shell::Zsh, true) => include_str!("completions/scripts/xtask.zsh"),
        (Shell::Fish, false) => include_str!("completions/scripts/program.fish"),
        (Shell::Fish, true) => include_str!("completions/scripts/xtask.fish"),
        (Shell::Elvish, _) => include_str!("completions/scripts/program.elv"),
        (Shell::Powershell, _) => include_str!("completions/scripts/program.ps1"),
    };
    let program = if is_alias {
        invocation.file_name()
    } else {
        invocation.program()
    };
    let word: String = program
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let offer = match shell {
        Shell::Bash => include_str!("completions/scripts/offer.bash"),
        Shell::Zsh => include_str!("completions/scripts/offer.zsh"),
        Shell::Fish => include_str!("completions/scripts/offer.fish"),
        // They complete one command in one way.
        Shell::Elvish | Shell::Powershell => "",
    };
    let text = text.replace("%OFFER%", offer);
    text.replace("%PROGRAM%", program).replace("%NAME%", &word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_for_the_program_as_it_was_called() {
        let xtask = Invocation::new(Some("target/debug/tasks".as_ref()), Some("tasks"));
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::Powershell] {
            for (invocation, program) in [(Invocation::default(), "cordwainer"), (xtask.clone(), "tasks")] {
                let script = script(shell, &invocation);
                assert!(script.contains(program) && script.contains(ASK), "{shell:?}: {script}");
                assert!(
                    !["%PROGRAM%", "%NAME%", "%OFFER%"]
                        .iter()
                        .any(|mark| script.contains(mark)),
                    "{shell:?}: {script}"
                );
            }
        }
    }
}
