//! The comparisons: each alternates the ways, and prints a line for each way. The first way is what the others are
//! compared with.

use std::time::Duration;

use anyhow::Result;

use super::GatewayBenchArgs;
use super::api::Wanted;
use super::way::Way;
use crate::bench::times::Times;

/// How many connections are compared.
pub(in crate::bench) const CONNECTIONS: [u32; 2] = [1, 16];
/// A gateway may add less than this to the median time to the first byte, in milliseconds.
const LATENCY_TARGET: f64 = 1.0;
/// A stream through a gateway is to have at least this part of the direct throughput.
pub(in crate::bench) const THROUGHPUT_TARGET: f64 = 0.9;

/// What the rounds of one way amount to.
#[derive(Default)]
pub(in crate::bench) struct Measured {
    /// Of whole rounds.
    pub(in crate::bench) times: Times,
    pub(in crate::bench) firsts: Times,
    pub(in crate::bench) ages: Times,
    /// Of all processors, for whole rounds; without the relay's, which is another process.
    processor: Times,
}

/// The time to the first byte of small answers.
pub(super) async fn first_bytes(args: &GatewayBenchArgs, ways: &[Way]) -> Result<()> {
    println!("\n  First byte of short answers: less than {LATENCY_TARGET} ms added to the median");
    let wanted = Wanted {
        events: 1,
        per_second: 0,
    };
    for connections in CONNECTIONS {
        let all = alternate(args.rounds, ways, connections, args.requests, wanted).await?;
        for (way, measured) in ways.iter().zip(&all) {
            let (first, last) = (measured.firsts.median() * 1e3, measured.firsts.quantile(99) * 1e3);
            let added = first - all[0].firsts.median() * 1e3;
            println!(
                "  {connections:>2} connections  {:<10}  median {first:>6.3} ms, added {added:>6.3} ms, 99 % {last:>6.3} ms",
                way.name()
            );
        }
    }
    Ok(())
}

/// Streams whose events come when they come, as a model's do: whether all of them arrive in time.
pub(super) async fn paced(args: &GatewayBenchArgs, ways: &[Way], event: usize, paces: &[u32]) -> Result<()> {
    println!(
        "\n  Throughput at a model's pace, each event written by itself: at least {THROUGHPUT_TARGET} of the direct one"
    );
    for &per_second in paces {
        let events = (per_second * args.seconds) as usize;
        let wanted = Wanted { events, per_second };
        for connections in CONNECTIONS {
            let all = alternate(args.rounds, ways, connections, 1, wanted).await?;
            for (way, measured) in ways.iter().zip(&all) {
                let (age, last) = (measured.ages.median() * 1e3, measured.ages.quantile(99) * 1e3);
                println!(
                    "  {connections:>2} connections, {per_second:>4} events/s each  {:<10}  {}; an event takes {age:>6.3} ms, 99 % {last:>6.3} ms",
                    way.name(),
                    throughput(measured, &all[0], events * event, connections),
                );
            }
        }
    }
    Ok(())
}

/// Streams as fast as they go. Server, gateway and client share the processors, so this says what the gateway costs of
/// them beside what the server and the client cost.
pub(super) async fn saturated(args: &GatewayBenchArgs, ways: &[Way], event: usize) -> Result<()> {
    println!("\n  Throughput with no pace, when all processors are busy: no goal, but what the gateway takes of them");
    for connections in CONNECTIONS {
        let events = args.megabytes as usize * 1_000_000 / event / connections as usize;
        let wanted = Wanted { events, per_second: 0 };
        let events_in_all = u32::try_from(events)? * connections;
        let all = alternate(args.rounds, ways, connections, 1, wanted).await?;
        for (way, measured) in ways.iter().zip(&all) {
            println!(
                "  {connections:>2} connections  {:<10}  {}; {:>6.2} µs of processor time an event{}",
                way.name(),
                throughput(measured, &all[0], events * event, connections),
                measured.processor.median() * 1e6 / f64::from(events_in_all),
                if matches!(way, Way::Relay(_)) {
                    ", without the relay's"
                } else {
                    ""
                },
            );
        }
    }
    Ok(())
}

/// What this process, which is server, gateway and client at once, has had of all processors so far.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The throughput of one way, beside that of the direct one, in words.
pub(in crate::bench) fn throughput(measured: &Measured, direct: &Measured, bytes: usize, connections: u32) -> String {
    let megabytes = super::super::task::megabytes((bytes * connections as usize / 1024) as u64);
    let (time, ratio) = (measured.times.median(), direct.times.median() / measured.times.median());
    format!("{:>7.2} MB/s, ratio {ratio:.2}", megabytes / time)
}

/// Goes each way in each round. What the first, short round takes does not count.
pub(in crate::bench) async fn alternate(
    rounds: u32,
    ways: &[Way],
    connections: u32,
    requests: u32,
    wanted: Wanted,
) -> Result<Vec<Measured>> {
    let mut all: Vec<Measured> = ways.iter().map(|_| Measured::default()).collect();
    let short = Wanted {
        events: wanted.events.min(1000),
        per_second: 0,
    };
    for way in ways {
        way.go(connections, requests.min(10), short).await?;
    }
    for _ in 0..rounds {
        for (way, measured) in ways.iter().zip(&mut all) {
            let before = processor_time();
            let (time, seen) = way.go(connections, requests, wanted).await?;
            measured.processor.push(processor_time().saturating_sub(before));
            measured.times.push(time);
            measured.firsts.extend(seen.firsts);
            measured.ages.extend(seen.ages);
        }
    }
    Ok(all)
}
