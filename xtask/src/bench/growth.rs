//! `bench growth`: how the time of each step that reads agents' bytes grows with their number, on inputs that are made to
//! take long.
//!
//! Each step gets an input of its smallest size, and then of double that, six times. What counts is the processor's time,
//! so that other work on the machine matters little, and of some rounds the fastest. A step with a budget of work is given
//! inputs that exceed it: from there on it must not take longer, whatever it is given.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use rustix::time::{ClockId, clock_gettime};

use super::engines::load;

mod gateway;
mod repository;
mod shown;
mod texts;

/// How often a size is doubled.
const DOUBLINGS: u32 = 6;
/// Over how many of the last doublings growth is judged: what is fixed shows in the first ones.
const JUDGED: u32 = 3;
/// The exponent of growth over the last doublings that is no more than n log n, with room for what a cache forgets.
const MOST: f64 = 1.35;
/// How long the rounds of one size take together at least, in processor time.
const LEAST: Duration = Duration::from_millis(40);
/// A round that is so long counts although it is the first.
const LONG: Duration = Duration::from_secs(2);
/// The most rounds of one size.
const ROUNDS: u32 = 5;

/// What to measure.
#[derive(Args)]
pub(crate) struct GrowthBenchArgs {
    /// Only steps whose names contain this
    filter: Option<String>,
}

/// One round of a step at one size; answers how much processor time it took.
type Round = Box<dyn FnMut() -> Result<Duration>>;

/// What reads agents' bytes.
struct Step {
    name: &'static str,
    /// What the sizes count.
    unit: &'static str,
    smallest: usize,
    /// Prepares an input of a size.
    prepare: Box<dyn Fn(usize) -> Result<Round>>,
}

impl Step {
    /// A step that is a function of an input.
    fn of<I: 'static>(
        (name, unit, smallest): (&'static str, &'static str, usize),
        input: impl Fn(usize) -> I + 'static,
        step: fn(&I),
    ) -> Self {
        let prepare = move |size| -> Result<Round> {
            let input = input(size);
            Ok(Box::new(move || {
                timed(|| {
                    step(&input);
                    Ok(())
                })
            }))
        };
        Self {
            name,
            unit,
            smallest,
            prepare: Box::new(prepare),
        }
    }
}

/// Measures each step, and prints a table; fails where one grows faster than it may.
pub(crate) fn run(args: &GrowthBenchArgs) -> Result<ExitCode> {
    println!(
        "Processor time at each size, as a ratio to that at the smallest; each size is double the one before.\n\
         The exponent is that of the last {JUDGED} doublings; n log n has up to 1.2 there, and above {MOST} is too much.\n\
         Load of the machine {}\n",
        load()?
    );
    print!("{:<46} {:>9} {:<9} {:>9}", "step", "smallest", "of", "time");
    (1..=DOUBLINGS).for_each(|doubling| print!(" {:>8}", format!("x{}", 1 << doubling)));
    println!("  exponent");
    let steps = [texts::steps(), shown::steps()?, repository::steps(), gateway::steps()?];
    let is_wanted = |step: &Step| args.filter.as_ref().is_none_or(|part| step.name.contains(part));
    let mut too_much = Vec::new();
    for step in steps.into_iter().flatten().filter(is_wanted) {
        let exponent = measure(&step).with_context(|| step.name)?;
        if exponent > MOST {
            too_much.push(step.name);
        }
    }
    println!("\nLoad of the machine at the end: {}", load()?);
    if too_much.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("Grows faster than n log n: {}", too_much.join(", "));
    Ok(ExitCode::FAILURE)
}

/// Measures one step at all sizes, and prints its line; answers its exponent.
fn measure(step: &Step) -> Result<f64> {
    print!("{:<46} {:>9} {:<9}", step.name, step.smallest, step.unit);
    let mut times = Vec::new();
    for doubling in 0..=DOUBLINGS {
        let mut round = (step.prepare)(step.smallest << doubling)?;
        let time = fastest(&mut round)?.as_secs_f64();
        times.push(time);
        match times.as_slice() {
            [first] => print!(" {:>6.2} ms", first * 1000.0),
            [first, ..] => print!(" {:>8.1}", time / first),
            [] => {}
        }
        std::io::Write::flush(&mut std::io::stdout())?;
    }
    let last = times.len() - 1;
    let exponent = (times[last] / times[last - JUDGED as usize]).log2() / f64::from(JUDGED);
    let mark = if exponent > MOST { "  too much" } else { "" };
    println!("  {exponent:>8.2}{mark}");
    Ok(exponent)
}

/// The time of the fastest of some rounds: the first one also writes what the others find, and is the only one where it
/// takes very long.
fn fastest(round: &mut Round) -> Result<Duration> {
    let mut fastest = round()?;
    let mut total = fastest;
    for number in 1..ROUNDS {
        if total > LEAST && (number > 1 || total > LONG) {
            break;
        }
        let time = round()?;
        fastest = fastest.min(time);
        total += time;
    }
    Ok(fastest)
}

/// How much processor time of this process something takes.
fn timed(step: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let now = || -> Result<Duration> {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        Ok(Duration::new(now.tv_sec.try_into()?, now.tv_nsec.try_into()?))
    };
    let began = now()?;
    step()?;
    Ok(now()?.saturating_sub(began))
}
