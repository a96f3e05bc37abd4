mod generate;
mod sizes;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use hallpass_app::host::facts::{not_an_organization, read_organization};
use hallpass_aws_sim::organization::{self, OrganizationFile};
use hallpass_aws_sim::{
    Authorization, CALLS_KEPT, Consistency, LoadError, Options, Simulator, Speed, serve,
};
use hallpass_base::clock::SystemClock;
use hallpass_channels::wording::lists::count;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use tokio::net::TcpListener;

use sizes::SizeArgs;

/// Run a simulated AWS organization
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    long_about = "Run a simulated AWS organization\n\nSpeaks the protocols of sso-admin, \
                  identitystore, organizations, sts and the access portal, so that the aws CLI and SDKs \
                  work against it. Prints the environment that points them there. \
                  Control it under /_sim/.",
    after_help = "Examples:
  hallpass sim
  hallpass sim --accounts 500 --users 2000 --seed 7 --state sim.state
  hallpass sim --speed fast > sim.env & sleep 1; . ./sim.env; aws organizations list-accounts
  hallpass sim generate --accounts 200 > organization.json"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Generate(generate::Args),
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4570")]
    listen: SocketAddr,
    /// Organization file
    #[arg(long, value_name = "FILE")]
    organization: Option<PathBuf>,
    /// Keep the state in this file, over restarts and crashes; it overrides the organization
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    sizes: SizeArgs,
    /// Duration of asynchronous operations
    #[arg(long, value_enum, value_name = "SPEED")]
    speed: Option<SpeedArg>,
    /// Lag of lists behind writes
    #[arg(long, value_enum, value_name = "LEVEL")]
    consistency: Option<ConsistencyArg>,
    /// A switch for ambiguous AWS behaviour, such as `duplicate_create=conflict`
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    behaviour: Vec<(String, String)>,
    /// Never throttle
    #[arg(long)]
    no_throttle: bool,
    /// Authorization rules to enforce
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "rules")]
    authorization: AuthorizationArg,
    /// Secret of every account's default key, instead of derived ones
    #[arg(long, value_name = "TEXT")]
    secret: Option<String>,
    /// The clock moves only by `POST /_sim/advance`
    #[arg(long)]
    frozen_clock: bool,
    /// Token required by the control API under `/_sim/`
    #[arg(long, value_name = "TEXT")]
    #[arg(env = "HALLPASS_SIM_TOKEN", hide_env_values = true)]
    control_token: Option<String>,
    /// Host name allowed for /_sim/, in addition to `localhost`; repeatable
    #[arg(long, value_name = "NAME")]
    control_name: Vec<String>,
    /// Global services require their Region
    #[arg(long)]
    strict_scope: bool,
    /// Number of newest calls in GET /_sim/calls
    #[arg(long, value_name = "N", default_value_t = CALLS_KEPT)]
    calls: usize,
    /// Address of the access portal, if not this machine's, such as a proxy's
    #[arg(long, value_name = "URL")]
    portal_url: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SpeedArg {
    /// Realistic seconds
    Real,
    /// 20 to 80 ms
    Fast,
    /// Final at the first read
    Instant,
}

impl From<SpeedArg> for Speed {
    fn from(speed: SpeedArg) -> Self {
        match speed {
            SpeedArg::Real => Self::Real,
            SpeedArg::Fast => Self::Fast,
            SpeedArg::Instant => Self::Instant,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ConsistencyArg {
    /// No lag
    Strong,
    /// As observed in practice
    Typical,
    /// Five times that, with reversals
    Hard,
}

impl From<ConsistencyArg> for Consistency {
    fn from(consistency: ConsistencyArg) -> Self {
        match consistency {
            ConsistencyArg::Strong => Self::Strong,
            ConsistencyArg::Typical => Self::Typical,
            ConsistencyArg::Hard => Self::Hard,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AuthorizationArg {
    /// Account-level rules, role trust, service control policies, policies of permission sets
    Rules,
    /// Every kind of policy
    Full,
    /// Any valid caller may do anything inside its account
    Off,
}

impl From<AuthorizationArg> for Authorization {
    fn from(authorization: AuthorizationArg) -> Self {
        match authorization {
            AuthorizationArg::Rules => Self::Rules,
            AuthorizationArg::Full => Self::Full,
            AuthorizationArg::Off => Self::Off,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "write it as `name=value`".to_owned())
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Some(Command::Generate(args)) => generate::run(args),
        None => simulate(&args.run),
    }
}

fn simulate(args: &RunArgs) -> Outcome {
    let organization = organization(args)?;
    let failed = |error: io::Error| Failure::failed(format!("the simulator stopped: {error}"));
    tokio::runtime::Runtime::new()
        .map_err(failed)?
        .block_on(async {
            let stop = stop().map_err(failed)?;
            // bind first: the access portal's address includes the port
            let listener = TcpListener::bind(args.listen)
                .await
                .map_err(|error| Failure::cannot_listen(args.listen, &error))?;
            let address = listener.local_addr().map_err(failed)?;
            let simulator =
                Simulator::new(options(args, organization, address), Arc::new(SystemClock))
                    .map_err(|error| refused(&error))?;
            announce(&simulator, address)?;
            serve(listener, simulator, stop).await.map_err(failed)
        })?;
    Ok(Exit::Ok)
}

fn options(args: &RunArgs, organization: OrganizationFile, address: SocketAddr) -> Options {
    Options {
        organization,
        seed: args.sizes.seed,
        secret: args.secret.clone(),
        state: args.state.clone(),
        throttle: !args.no_throttle,
        frozen_clock: args.frozen_clock,
        control_token: args.control_token.clone(),
        control_names: args.control_name.clone(),
        calls_kept: Some(args.calls),
        strict_scope: args.strict_scope,
        authorization: args.authorization.into(),
        speed: args.speed.map(Into::into),
        consistency: args.consistency.map(Into::into),
        behaviour: args.behaviour.clone(),
        portal_url: Some(
            args.portal_url
                .clone()
                .unwrap_or_else(|| portal_url(address)),
        ),
    }
}

fn portal_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}/start")
}

fn organization(args: &RunArgs) -> Result<OrganizationFile, Failure> {
    match &args.organization {
        Some(_) if args.sizes.is_given() => Err(Failure::bad_input(
            "give an organization file or sizes, not both",
        )),
        Some(path) => read_organization(path),
        None if args.sizes.is_given() => Ok(args.sizes.generate()),
        None => Ok(organization::small()),
    }
}

fn refused(error: &LoadError) -> Failure {
    match error {
        LoadError::Organization(problems) => {
            not_an_organization("the organization cannot be loaded", problems)
        }
        LoadError::State { path, source } => Failure::failed(format!(
            "the state in `{}` cannot be used: {source}",
            path.display()
        )),
    }
}

fn announce(simulator: &Simulator, address: SocketAddr) -> Result<(), Failure> {
    let organization = simulator.organization();
    let center = simulator.identity_center();
    let management = &center.management_account;
    let keys = simulator.credentials(management).ok_or_else(|| {
        Failure::bug(format!("no keys for the management account `{management}`"))
    })?;
    output::say(&format!(
        "Simulated organization {} at http://{address}: {}, {}, {}.\n\
         Access portal: {}\n\
         Start URL of `aws sso login`, which takes none without TLS: {}\n\
         For the aws CLI, as its management account {management}:",
        organization.organization.id,
        count(organization.accounts.len(), "account"),
        count(organization.identity_center.users.len(), "user"),
        count(
            organization.identity_center.permission_sets.len(),
            "permission set"
        ),
        center.portal_url,
        center.start_url,
    ));
    if !address.ip().is_loopback() {
        output::say("warning: anyone who reaches this address can control the simulator");
    }
    let lines = [
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
        ("AWS_REGION", center.home_region.clone()),
        ("AWS_DEFAULT_REGION", center.home_region),
        ("AWS_ACCESS_KEY_ID", keys.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key),
    ];
    let mut text = String::new();
    for (name, value) in lines {
        text.push_str("export ");
        text.push_str(name);
        text.push('=');
        text.push_str(&quoted(&value));
        text.push('\n');
    }
    text.push_str("unset AWS_PROFILE AWS_SESSION_TOKEN\n");
    output::print(&text)
}

fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

/// Resolves on a stop signal.
#[cfg(unix)]
fn stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_one_word_to_a_shell() {
        assert_eq!(quoted("http://127.0.0.1:4570"), "http://127.0.0.1:4570");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's$(x)"), "'it'\\''s$(x)'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn the_portal_is_on_this_machine() {
        for (address, expected) in [
            ("127.0.0.1:4570", "http://127.0.0.1:4570/start"),
            ("0.0.0.0:4570", "http://127.0.0.1:4570/start"),
            ("[::1]:4570", "http://[::1]:4570/start"),
        ] {
            assert_eq!(portal_url(address.parse().unwrap()), expected);
        }
    }

    #[test]
    fn switches_are_pairs() {
        assert_eq!(
            pair("delete_orphan=fail"),
            Ok(("delete_orphan".to_owned(), "fail".to_owned()))
        );
        assert!(pair("delete_orphan").is_err());
    }
}
