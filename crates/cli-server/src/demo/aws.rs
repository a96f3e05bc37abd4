//! Simulated AWS in a separate process: it survives a server stop.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hallpass_app::host::runtime::runtime;
use hallpass_aws_sim::organization::{self, OrganizationFile};
use hallpass_aws_sim::{Options, Simulator, SlackFacts, Speed};
use hallpass_base::Clock as _;
use hallpass_base::clock::SystemClock;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::child::{self, Child};
use super::{Scale, assets, governed, lives, standing};

/// A killed server's AWS may hold the address this long.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(3);

/// The simulated AWS of a demo, which starts it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Size of the organization
    #[arg(long, value_enum)]
    scale: Scale,
    /// Where the simulated Slack sends interactions
    #[arg(long, value_name = "URL")]
    slack_url: String,
    /// State file
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

/// Facts of AWS for the demo's server.
#[derive(Serialize, Deserialize)]
pub struct SimulatorFacts {
    pub organization: OrganizationFile,
    pub region: String,
    pub portal_url: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub slack: Option<Slack>,
}

/// The app in the simulated Slack.
#[derive(Serialize, Deserialize)]
pub struct Slack {
    pub signing_secret: String,
    pub bot_token: String,
    pub channel: String,
}

impl From<SlackFacts> for Slack {
    fn from(facts: SlackFacts) -> Self {
        Self {
            signing_secret: facts.signing_secret,
            bot_token: facts.bot_token,
            channel: facts.channel,
        }
    }
}

/// Dropping it ends the process.
pub struct Aws {
    pub address: SocketAddr,
    pub facts: SimulatorFacts,
    _process: Child,
}

pub async fn start(
    listen: SocketAddr,
    scale: Scale,
    server: SocketAddr,
    state: Option<PathBuf>,
) -> Result<Aws, Failure> {
    let address = free(listen).await?;
    let mut arguments = vec![
        "demo".into(),
        "aws".into(),
        "--listen".into(),
        address.to_string().into(),
        "--scale".into(),
        scale.name().into(),
        "--slack-url".into(),
        format!("http://{server}/slack/interactions").into(),
    ];
    if let Some(state) = state {
        arguments.extend(["--state".into(), state.into_os_string()]);
    }
    let mut process = Child::start(arguments, Vec::new(), child::ChildSaid::Heard)?;
    let said = process.said();
    let read = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        if let Some(said) = said {
            BufReader::new(said).read_line(&mut line)?;
        }
        Ok::<_, std::io::Error>(line)
    });
    let failed = |why: &dyn std::fmt::Display| {
        Failure::failed(format!("the simulated AWS did not start: {why}"))
    };
    let line = read.await.map_err(Failure::bug)?;
    let line = line.map_err(|error| failed(&error))?;
    let facts = serde_json::from_str(&line).map_err(|error| failed(&error))?;
    Ok(Aws {
        address,
        facts,
        _process: process,
    })
}

/// Returns the address with its port; waits briefly for a busy one.
async fn free(address: SocketAddr) -> Result<SocketAddr, Failure> {
    let began = Instant::now();
    loop {
        match super::bind(address).await {
            Ok(listener) => return Ok(listener.local_addr().unwrap_or(address)),
            Err(failure) if began.elapsed() > ADDRESS_PATIENCE => return Err(failure),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

pub fn run(args: &Args) -> Outcome {
    runtime()?.block_on(async {
        let listener = super::bind(args.listen).await?;
        let simulator = simulator(args)?;
        print_facts(&facts(&simulator)?)?;
        serve(listener, simulator).await
    })
}

fn simulator(args: &Args) -> Result<Simulator, Failure> {
    let mut organization = match args.scale {
        Scale::Small => organization::small(),
        Scale::Large => organization::large(),
    };
    standing::add(&mut organization);
    lives::add_trail(&mut organization);
    governed::add(&mut organization, args.scale, SystemClock.now());
    if matches!(args.scale, Scale::Small) {
        assets::add(&mut organization, SystemClock.now());
    }
    let options = Options {
        organization,
        throttle: true,
        // demo users wait for milliseconds instead of AWS's seconds
        speed: Some(Speed::Fast),
        portal_url: Some(format!("http://{}/start", args.listen)),
        state: args.state.clone(),
        ..Options::default()
    };
    let simulator = Simulator::new(options, Arc::new(SystemClock))
        .map_err(|error| Failure::failed(format!("the simulated AWS cannot start: {error}")))?;
    simulator.set_slack_request_url(&args.slack_url);
    if matches!(args.scale, Scale::Small) {
        lives::live(&simulator, hallpass_base::clock::now()).map_err(Failure::bug)?;
    }
    Ok(simulator)
}

fn facts(simulator: &Simulator) -> Result<SimulatorFacts, Failure> {
    let center = simulator.identity_center();
    let keys = simulator
        .credentials(&center.management_account)
        .ok_or_else(|| Failure::bug("the simulated management account has no key"))?;
    Ok(SimulatorFacts {
        organization: simulator.organization(),
        region: center.home_region,
        portal_url: center.portal_url,
        access_key_id: keys.access_key_id,
        secret_access_key: keys.secret_access_key,
        slack: simulator.slack().map(Into::into),
    })
}

/// One line for the parent.
fn print_facts(facts: &SimulatorFacts) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(facts).map_err(Failure::bug)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::unwritable("standard output", &error))
}

async fn serve(listener: TcpListener, simulator: Simulator) -> Outcome {
    hallpass_aws_sim::serve(
        listener,
        simulator,
        hallpass_app::setup::opening::starter_is_gone(),
    )
    .await
    .map_err(|error| Failure::failed(format!("the simulated AWS stopped: {error}")))?;
    Ok(Exit::Ok)
}
