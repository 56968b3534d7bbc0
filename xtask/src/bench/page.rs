//! `bench page`: what the live page costs a run of many tasks that others look at, and how soon a page begins to come.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use cordwainer::event::{Event, EventKind};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::block_in_place;

use self::looking::{Address, Lookers, Looking, Serving};
use crate::agent_image;
use crate::bench::engines::{Setting, load, on_each};
use crate::bench::parallel::scene::{FILES, Scene, expect_merged};
use crate::bench::runs::{print_head, print_ratio, print_times};
use crate::bench::scripted_api::{self, Reply};
use crate::bench::times::Times;
use crate::provision::EngineChoice;

mod looking;

/// How much longer tasks may take that are looked at.
const RUN: f64 = 1.01;
/// The share of a core that the server may use meanwhile.
const SHARE: f64 = 0.10;
/// The most memory of the server, in MB.
const MEMORY: f64 = 128.0;
/// Requests for each of the answers whose first byte is timed.
const REQUESTS: u32 = 21;

/// How much to measure.
#[derive(Args)]
pub(crate) struct PageBenchArgs {
    /// Tasks of the run
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(40..))]
    tasks: u32,
    /// Tasks that are timed together, by turns with the server and without
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(4..))]
    part: u32,
    /// Seconds that each agent thinks
    #[arg(long, default_value_t = 2)]
    seconds: u32,
    /// Connections that follow what changes
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// More that follow each line of the events
    #[arg(long, default_value_t = 8)]
    streams: u32,
    /// More that fetch a page at each change they hear of
    #[arg(long, default_value_t = 2)]
    tabs: u32,
    /// The engine of the run
    #[arg(long, default_value = "podman")]
    engine: EngineChoice,
}

/// What parts of the run took.
#[derive(Default)]
struct Taken {
    alone: Times,
    looked_at: Times,
    /// What the servers used of a core.
    shares: Times,
    /// The most memory of a server, in KiB.
    memory: u64,
    /// Pages that were fetched meanwhile.
    pages: u32,
}

/// Measures, and prints a table. Fails where a target is missed.
pub(crate) fn run(args: &PageBenchArgs, no_install: bool) -> Result<ExitCode> {
    on_each(Some(args.engine), no_install, |setting| {
        println!("load of the machine {}", load()?);
        let image = agent_image::import(setting.agent, setting.engine)?;
        setting.runtime.block_on(measure(setting, &image, args))
    })
}

async fn measure(setting: &Setting<'_>, image: &str, args: &PageBenchArgs) -> Result<bool> {
    let scene = Scene::make(setting, image, "stitch: {parallel: 4}\n").await?;
    for number in 0..args.tasks {
        let (folder, file) = (number % 10, number / 10 % (u32::try_from(FILES)? / 10));
        let thought = format!("sleep {}", args.seconds * 1000);
        scene.add(&format!(
            "{thought}\nwrite src/d{folder:03}/f{file:03}.txt task {number}"
        ))?;
    }
    let repository = scene.repository();
    let (part, lookers) = (args.part, args.lookers());
    let (summary, taken) = scene
        .run_watched(move |events| async move { watch(events, &repository, part, lookers).await })
        .await?;
    expect_merged(&summary, args.tasks)?;
    let taken = taken?;
    println!(
        "{} tasks of {} s, four at once; {} connections, {} streams of events, {} tabs, which fetched {} pages",
        args.tasks, args.seconds, args.connections, args.streams, args.tabs, taken.pages
    );
    print_head();
    print_times(&format!("{part} tasks alone"), &taken.alone);
    print_times(&format!("{part} tasks that are looked at"), &taken.looked_at);
    let is_unhurt = print_ratio("  of those alone", &taken.looked_at, &taken.alone, Some(RUN));
    let (least, share) = (taken.shares.minimum(), taken.shares.median());
    println!(
        "{:<32} {least:>9.4} {share:>9.4}  {SHARE:>7.2}",
        "the server, of a core"
    );
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let memory = taken.memory as f64 / 1024.0;
    println!("{:<32} {memory:>9.1} MB {:>7}  {MEMORY:>7.1}", "its most memory", "");
    block_in_place(|| first_bytes(&scene.repository()))?;
    Ok(is_unhurt && share <= SHARE && memory <= MEMORY)
}

impl PageBenchArgs {
    fn lookers(&self) -> Lookers {
        Lookers {
            connections: self.connections,
            streams: self.streams,
            tabs: self.tabs,
        }
    }
}

/// Times parts of so many tasks, by turns alone and looked at. The first part of each kind does not count: slots are made in
/// them. What is merged while a server begins or ends belongs to no part.
async fn watch(mut events: UnboundedReceiver<Event>, repository: &Path, part: u32, lookers: Lookers) -> Result<Taken> {
    let mut taken = Taken::default();
    let mut looking: Option<Looking> = None;
    let mut parts = 0;
    loop {
        while events.try_recv().is_ok() {}
        if !merged(&mut events, 1).await {
            break;
        }
        let used = looking.as_ref().map(|looking| looking.serving.used()).transpose()?;
        let begun = Instant::now();
        if !merged(&mut events, part).await {
            break;
        }
        let time = begun.elapsed();
        parts += 1;
        if let (Some(ended), Some(before)) = (looking.take(), used) {
            let used = ended.serving.used()?.saturating_sub(before);
            let (memory, pages) = block_in_place(|| ended.end())?;
            if parts > 2 {
                taken.looked_at.push(time);
                taken.shares.push(used.div_f64(time.as_secs_f64()));
            }
            taken.memory = taken.memory.max(memory);
            taken.pages += pages;
        } else {
            if parts > 2 {
                taken.alone.push(time);
            }
            looking = Some(block_in_place(|| Looking::begin(repository, lookers))?);
        }
    }
    if let Some(looking) = looking {
        block_in_place(|| looking.end())?;
    }
    Ok(taken)
}

/// Waits until so many more tasks are merged; returns whether that came, before the run ended.
async fn merged(events: &mut UnboundedReceiver<Event>, count: u32) -> bool {
    let mut merged = 0;
    while merged < count {
        match events.recv().await {
            Some(event) if matches!(event.kind, EventKind::AttemptEnded { commit: Some(_), .. }) => merged += 1,
            Some(_) => {}
            None => return false,
        }
    }
    true
}

/// Times the first byte of the page of tasks, of a file that the same server has in memory, and of the page's bytes from a server
/// that does nothing but send them.
fn first_bytes(repository: &Path) -> Result<()> {
    let serving = Serving::start(repository)?;
    let address = &serving.address;
    let path = format!("{}/tasks", address.repository()?);
    let page = address.fetch(&path)?;
    let bare = Address::of_port(scripted_api::serve(move |_, _| Reply {
        content_type: "application/json",
        body: page.clone(),
    })?);
    let mut times: [(Times, u64); 3] = Default::default();
    for round in 0..=REQUESTS {
        for (number, (times, size)) in times.iter_mut().enumerate() {
            let begun = Instant::now();
            let mut stream = match number {
                0 => address.ask(&path)?,
                1 => address.ask("/script.js")?,
                _ => bare.ask("/")?,
            };
            let mut first = [0; 12];
            stream.read_exact(&mut first).context("no answer")?;
            let time = begun.elapsed();
            ensure!(first == *b"HTTP/1.1 200", "answered otherwise");
            *size = std::io::copy(&mut stream, &mut std::io::sink()).context("no answer")?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    let [(page, page_size), (file, file_size), (bytes, _)] = &times;
    print_times(&format!("first byte, {} KB of tasks", page_size / 1000), page);
    print_times(&format!("first byte, {} KB of a file", file_size / 1000), file);
    print_times("first byte, the page's bytes", bytes);
    print_ratio("  page / file", page, file, None);
    print_ratio("  page / its bytes", page, bytes, None);
    serving.end()?;
    Ok(())
}
