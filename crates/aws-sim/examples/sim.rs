//! The simulator alone, for trying a client against it: `cargo run -p hallpass-aws-sim --example
//! sim -- --listen 127.0.0.1:4570 --speed fast`.

use std::{path::PathBuf, sync::Arc, time::Instant};

use clap::Parser;
use hallpass_aws_sim::{Consistency, Options, Simulator, Speed, organization, serve};
use hallpass_base::Clock;
use jiff::Timestamp;
use tokio::net::TcpListener;

struct System;

impl Clock for System {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the driver that holds the clock"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value = "127.0.0.1:4570")]
    listen: String,
    #[arg(long)]
    organization: Option<PathBuf>,
    #[arg(long)]
    state: Option<PathBuf>,
    #[arg(long)]
    seed: Option<u64>,
    #[arg(long)]
    secret: Option<String>,
    #[arg(long)]
    speed: Option<String>,
    #[arg(long)]
    consistency: Option<String>,
    #[arg(long)]
    large: bool,
    #[arg(long)]
    frozen_clock: bool,
    #[arg(long)]
    no_throttle: bool,
    #[arg(long, value_parser = pair)]
    behaviour: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("expected name=value")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

fn word<T: serde::de::DeserializeOwned>(
    text: Option<String>,
) -> Result<Option<T>, serde_json::Error> {
    text.map(|text| serde_json::from_value(text.into()))
        .transpose()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let started = Instant::now();
    let organization = match arguments.organization {
        Some(path) => organization::parse(&std::fs::read_to_string(path)?).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            lines.join("\n")
        })?,
        None if arguments.large => organization::large(),
        None => organization::small(),
    };
    let listener = TcpListener::bind(&arguments.listen).await?;
    let options = Options {
        organization,
        portal_url: Some(format!("http://{}/start", listener.local_addr()?)),
        seed: arguments.seed,
        secret: arguments.secret,
        state: arguments.state,
        throttle: !arguments.no_throttle,
        frozen_clock: arguments.frozen_clock,
        speed: word::<Speed>(arguments.speed)?,
        consistency: word::<Consistency>(arguments.consistency)?,
        behaviour: arguments.behaviour,
        ..Options::default()
    };
    let simulator = Simulator::new(options, Arc::new(System))?;
    let facts = simulator.identity_center();
    tracing::info!(
        listen = %listener.local_addr()?,
        management_account = facts.management_account,
        instance_arn = facts.instance_arn,
        started_ms = started.elapsed().as_millis(),
        "ready"
    );
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    serve(listener, simulator, stop).await?;
    Ok(())
}
