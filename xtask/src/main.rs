//! The tasks of the cordwainer repository, beside the whole of cordwainer's own command line.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task talks to the person who called it"
)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod agent_image;
mod bench;
mod browser;
mod canary;
mod cargo;
mod claude_image;
mod codegen;
mod debian_image;
mod demo;
mod fuzz;
mod man;
mod npm;
mod provision;
mod services_image;
mod storm;
mod test;
mod tidy;
mod toolchains_image;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The tasks of the cordwainer repository")]
struct Program {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run a whole generation in real containers, with the scripted agent
    Demo(demo::DemoArgs),
    /// Run every test, with both engines
    Test(test::TestArgs),
    /// Kill runs with many tasks at work again and again, and check what is left
    Storm(storm::StormArgs),
    /// Feed the parsers inputs that are made to break them
    Fuzz(fuzz::FuzzArgs),
    /// Measure speed, as ratios against a baseline of the same run
    Bench(bench::BenchArgs),
    /// Try the newest client from npm with the table of outcomes
    Canary(canary::CanaryArgs),
    /// Check the rules of the sources, and print their figures
    Tidy,
    /// Write the files that are generated from the code
    Codegen(codegen::CodegenArgs),
    /// Write the man pages of cordwainer
    Man(man::ManArgs),
    #[command(flatten)]
    Cordwainer(Box<cordwainer::cli::TopLevelCommand>),
}

fn main() -> ExitCode {
    let done = match cordwainer::cli::parse::<Program>().task {
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Storm(args) => storm::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Canary(args) => canary::run(&args),
        Task::Tidy => tidy::run(),
        Task::Codegen(args) => codegen::run(&args),
        Task::Man(args) => man::run(&args),
        Task::Cordwainer(command) => return command.execute(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
