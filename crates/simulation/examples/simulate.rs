//! Simulated lives with two nodes, one per seed. `simulate A..B [alone]` prints lives per second,
//! the states reached, and the seeds that broke a promise with the command to repeat each.
//! `simulate A` prints one life. `armed` adds enforced expiry. `without-fence`, `without-margin`
//! and `without-last-look` remove that safeguard.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a tool for tests, never shipped"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use hallpass_simulation::{Landmark, Life, Lived, Reached, Weakness};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let says = |word: &str| arguments.iter().any(|it| it == word);
    let (is_alone, is_armed) = (says("alone"), says("armed"));
    let weakness = arguments.iter().find_map(|it| match it.as_str() {
        "without-fence" => Some(Weakness::NoFence),
        "without-margin" => Some(Weakness::NoMargin),
        "without-last-look" => Some(Weakness::NoLastLook),
        _ => None,
    });
    let seeds = arguments.first().map_or("1..201", String::as_str);
    let life = |seed| {
        let life = Life::drawn(seed).with(weakness.unwrap_or_default());
        let life = if is_armed { life.armed() } else { life };
        if is_alone { life.alone() } else { life }
    };
    match seeds.split_once("..") {
        Some((from, to)) => all(
            from.parse().unwrap()..to.parse().unwrap(),
            [(" ALONE=1", is_alone), (" ARMED=1", is_armed)],
            |seed| live(life(seed)),
        ),
        None => one(&live(life(seeds.parse().unwrap()).in_full())),
    }
}

fn live(life: Life) -> Lived {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(life.live()).unwrap()
}

fn all(
    seeds: std::ops::Range<u64>,
    kinds: [(&str, bool); 2],
    life: impl Fn(u64) -> Lived,
) -> ExitCode {
    let how: String = kinds
        .iter()
        .filter_map(|(how, is_so)| is_so.then_some(*how))
        .collect();
    let (began, reached) = (Instant::now(), Reached::default());
    let (mut failed, mut simulated) = (0_u32, Duration::ZERO);
    let count = seeds.end.saturating_sub(seeds.start);
    for seed in seeds {
        let lived = life(seed);
        reached.add(&lived.ledger.reached);
        simulated += lived.simulated;
        let broken = lived.broken();
        if let Some(first) = broken.first() {
            failed += 1;
            println!("seed {seed} broke {}: {}", first.promise, first.seen);
            println!("  again: make simulate SEEDS={seed}{how}");
        }
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "{count} lives, {:.1} a second, {:.0} hours of simulated time, {failed} broke a promise",
        count as f64 / took,
        simulated.as_secs_f64() / 3_600.0
    );
    println!("{:>9}  state", "reached");
    let counts = reached.counts();
    for landmark in Landmark::ALL {
        let times = counts.get(landmark).copied().unwrap_or_default();
        println!("{times:>9}  {}", landmark.says());
    }
    if failed > 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn one(lived: &Lived) -> ExitCode {
    for write in lived.ledger.writes() {
        println!("{write:?}");
    }
    for line in lived.ledger.story() {
        println!("{line}");
    }
    for broken in lived.broken() {
        println!("{}: {}", broken.promise, broken.seen);
    }
    if lived.broken().is_empty() {
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}
