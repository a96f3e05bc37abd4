//! `hallpass demo`: a server, with a simulated organization and a guard as separate processes.
//! Nothing reaches AWS.

mod activity;
mod history;
mod judging;
mod people;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hallpass_access::identity::Identity;
use hallpass_access::{ArmedEndSettings, ArmedEndsMode, Channel};
use hallpass_app::chores::event_intake::{self, Intake, IntakeMeans};
use hallpass_app::chores::people_news::PeopleHandler;
use hallpass_app::config::{InteractiveSettings, Loaded, OnCallSources, SlackApp, TicketSources};
use hallpass_app::host::descriptors;
use hallpass_app::host::facts;
use hallpass_app::host::file_lock::only_server;
use hallpass_app::host::keys::{self, Absent};
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::{ServerStore, StoreAddress};
use hallpass_app::host::snapshots_at::SnapshotsAt;
use hallpass_app::on_call::{self, OnCallKind, OnCallSettings};
use hallpass_app::setup::clock;
use hallpass_app::setup::opening::{asked_to_stop, open_store};
use hallpass_app::tickets::{self, TicketComments, TicketKind, TicketSettings};
use hallpass_aws::{AwsClientSettings as AwsSettings, Credentials};
use hallpass_base::clock::ProcessClock;
use hallpass_base::{Clock, IdSource, TimeSpan};
use hallpass_channels::slack::{Marks, Setup};
use hallpass_cli_server::demo::aws::{self, Aws};
use hallpass_cli_server::demo::trail::DemoTrail;
use hallpass_cli_server::demo::uses::DemoPortal;
use hallpass_cli_server::demo::{Folder, STORE, Scale, bind};
use hallpass_cli_server::demo::{chores, guard, lives, scenery, standing};
use hallpass_cli_server::sim;
use hallpass_rules::{Directory, RuleFile, Rules};
use hallpass_server::{Connections, Proxies, Rates, ServerMode, SignIn};
use hallpass_store::FolderTarget;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::logging;
use hallpass_terminal::output;
use secrecy::SecretString;

use crate::compose;
use crate::compose::Lead;
use crate::compose::Parts;
use hallpass_app::loops::exporting::Exporting;
use hallpass_app::loops::log_watch::LogWatch;

const RULES: &str = include_str!("../../../demo/rules.toml");
const RULES_NAME: &str = "demo/rules.toml";
const CONNECT_TRIES: u32 = 50;

/// Run a server and its guard over a simulated AWS organization
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    long_about = "Try it out: a server and its guard over a simulated AWS organization.\n\nNeeds \
                  no AWS account and reaches none. Prints addresses, users, and commands to try. AWS and the guard are separate processes: stop the server, and access still ends. Without --data everything is deleted when it stops.",
    after_help = "Examples:
  hallpass demo
  hallpass demo --data ./hallpass-demo --activity
  hallpass demo --listen 127.0.0.1:9000 --tokens tokens.json"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    part: Option<DemoPart>,
    /// Address of the server; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address of the simulated AWS; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4570")]
    aws_listen: SocketAddr,
    /// Folder to keep all data between runs
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// File to write the personas' tokens to, as {"e-mail": "token"}
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// Size of the organization
    #[arg(long, value_enum, default_value_t = Scale::Small)]
    scale: Scale,
    /// Let simulated colleagues occasionally request, approve and end access
    #[arg(long)]
    activity: bool,
}

/// A single part of a demo.
#[derive(Debug, clap::Subcommand)]
enum DemoPart {
    #[command(hide = true)]
    Aws(aws::Args),
    Sim(Box<sim::Args>),
}

pub(crate) fn run(args: &Args) -> Outcome {
    match &args.part {
        Some(DemoPart::Aws(args)) => return aws::run(args),
        Some(DemoPart::Sim(args)) => return sim::run(args),
        None => {}
    }
    for address in [args.listen, args.aws_listen] {
        if !address.ip().is_loopback() {
            return Err(Failure::refused(format!(
                "the demo listens on this machine only, not on `{address}`"
            ))
            .help("anyone who reaches it can be any of its people"));
        }
    }
    logging::start("warn", logging::Style::Plain)?;
    runtime()?.block_on(demo(args))
}

/// Returns the file of the personas' tokens.
fn write_tokens(
    args: &Args,
    folder: &Folder,
    personas: &[people::Persona],
) -> Result<PathBuf, Failure> {
    let file = (args.tokens.clone()).unwrap_or_else(|| folder.path("tokens.json"));
    people::write_tokens(personas, &file)?;
    Ok(file)
}

async fn demo(args: &Args) -> Outcome {
    let shares = descriptors::share(descriptors::raise().now, None)?;
    let folder = Folder::new(args.data.as_deref())?;
    let listener = bind(args.listen).await?;
    let address = listener.local_addr().unwrap_or(args.listen);
    let state = args.data.as_ref().map(|_| folder.path("aws.state"));
    let sim = aws::start(args.aws_listen, args.scale, address, state).await?;
    let (_only, store) = (only_server(&folder.path(STORE))?, store_of(&folder).await?);
    let clock = clock::after_log(&store).await;
    let ids: Arc<dyn IdSource> = Arc::new(RandomIds);
    let (aws, rules) = (connect(&sim, &clock, &ids).await?, rules()?);
    // a large API read takes a minute; the loops do it later
    let snapshot = facts::snapshot(&sim.facts.organization, clock.now())?;
    hallpass_app::setup::sources::cache_snapshot(&store, &snapshot).await;
    let personas = people::with_tokens(&store, &Directory::new(snapshot), clock.now()).await?;
    let tokens_file = write_tokens(args, &folder, &personas)?;
    let guard = guard::start(&folder, &sim)?;
    let loaded = chores::write_files(&folder, &sim, address)?;
    let (people, trail) = (Arc::default(), DemoTrail::default());
    let at = address.to_string();
    let lead = Lead::open(&store, (clock.as_ref(), ids.as_ref()), &at).await?;
    let tickets = tickets(&sim)?;
    let working = lead.working(&store);
    let (events, remediating) =
        intake(&loaded, &sim, &working, (&clock, &ids, &people), &aws).await?;
    let composed = compose::compose(Parts {
        client: client_settings(&sim),
        activity: Some(Arc::new(trail.clone())),
        identity: identity(&sim),
        settings: settings(),
        rules: rules.clone(),
        rules_text: Some((RULES_NAME.to_owned(), RULES.to_owned())),
        rules_file: None,
        export: Some(export(&folder)?),
        interactive: interactive(&sim, address),
        on_call: on_call(&sim)?,
        channels: Vec::new(),
        channels_without_people: ticket_comments(&tickets, address),
        tickets,
        inventory_max_age: TimeSpan::minutes(15),
        snapshots: Some(SnapshotsAt::Folder(folder.path("snapshots"))),
        sessions: hallpass_server::SessionSettings::default(),
        sign_in: Arc::new(SignIn::new(&format!("http://{address}"))),
        rates: Rates::new(50, 100),
        connections: Connections::new(shares.settings(Proxies::default())),
        descriptors: shares.limit,
        setup: Vec::new(),
        mode: mode(&personas, &sim),
        ends: None,
        guards: Some(Arc::clone(&guard.journals)),
        alerts: None,
        events,
        people,
        remediating,
        watches: judging::watches(client_settings(&sim), &aws, &working).await?,
        store: store.clone(),
        lead,
        log: LogWatch::open(&store, &folder.path("seen.json"), None),
        aws,
        clock,
        ids,
    })
    .await?;
    compose::put_in_force(&composed, rules, RULES_NAME).await?;
    // unwrapped: its commands are for copying
    output::say_unbroken(&welcome(args, address, &sim, &tokens_file, &folder));
    live_on(args, people::Scene::new(&composed), &sim, (store, trail)).await?;
    composed.run(listener, asked_to_stop()).await?;
    Ok(Exit::Ok)
}

fn export(folder: &Folder) -> Result<Exporting, Failure> {
    let own = keys::place(&folder.path(STORE));
    Ok(Exporting {
        target: Arc::new(FolderTarget::new(folder.path("audit"))),
        prefix: "logs".to_owned(),
        signer: Arc::new(keys::key_at(&own, Absent::Made)?),
    })
}

async fn intake(
    loaded: &Loaded,
    sim: &Aws,
    store: &ServerStore,
    (clock, ids, people): (&Arc<ProcessClock>, &Arc<dyn IdSource>, &Arc<PeopleHandler>),
    aws: &hallpass_aws::Aws,
) -> Result<Intake, Failure> {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    event_intake::open(&IntakeMeans {
        loaded,
        client: &client_settings(sim),
        store,
        clock: &clock,
        ids,
        about: aws.about(),
        people,
        lists: None,
    })
    .await
}

fn mode(personas: &[people::Persona], sim: &Aws) -> ServerMode {
    ServerMode::Demo {
        personas: people::cards(personas),
        aws_endpoint: format!("http://{}", sim.address),
        program: program(),
    }
}

async fn live_on(
    args: &Args,
    scene: people::Scene,
    sim: &Aws,
    (store, trail): (ServerStore, DemoTrail),
) -> Result<(), Failure> {
    let scenery = scenery::Scenery::of(sim, client_settings(sim)).await;
    tokio::spawn(scenery.map_err(Failure::failed)?.set_up());
    tokio::spawn(trail.follow(client_settings(sim)));
    let portal = DemoPortal::of(sim);
    let has_colleagues = args.activity;
    tokio::spawn(async move {
        history::write(&scene, &portal, &store).await;
        // later: colleagues would preempt decisions of the history
        if has_colleagues {
            activity::go_on(scene).await;
        }
    });
    Ok(())
}

async fn store_of(folder: &Folder) -> Result<ServerStore, Failure> {
    let place = StoreAddress::File(folder.path(STORE));
    open_store(place).await
}

fn interactive(sim: &Aws, address: SocketAddr) -> InteractiveSettings {
    let slack = sim.facts.slack.as_ref();
    let slack = slack.map(|facts| SlackApp {
        signing_secret: Some(SecretString::from(facts.signing_secret.clone())),
        bot_token: SecretString::from(facts.bot_token.clone()),
        app_token: None,
        api_url: format!("http://{}/_slack/api", sim.address),
        setup: Setup {
            channel: facts.channel.clone(),
            dm_outside_channel: true,
            announce_end: true,
            marks: Marks::default(),
            account_notes: std::collections::BTreeMap::from([(
                "payments-prod".to_owned(),
                "Card data. Calls are recorded; do not copy rows out.".to_owned(),
            )]),
            contact: "an administrator".to_owned(),
            public_url: format!("http://{address}"),
            portal_url: String::new(),
            zone: hallpass_terminal::words::zone(),
        },
    });
    InteractiveSettings { slack }
}

/// The simulated `PagerDuty`.
fn on_call(sim: &Aws) -> Result<OnCallSources, Failure> {
    let settings = OnCallSettings {
        kind: OnCallKind::Pagerduty,
        url: Some(format!("http://{}/_on_call/pagerduty", sim.address)),
        token: Some(SecretString::from("simulated")),
        schedules: Vec::new(),
        escalation_policies: vec!["EPAYMENTS".to_owned()],
        levels: vec![1],
        services: Vec::new(),
        user_group: None,
    };
    let source = on_call::source(&settings, None);
    let source =
        source.map_err(|error| Failure::bug(format!("{} {}", error.key, error.message)))?;
    Ok(OnCallSources::from([(
        "on-call:payments".to_owned(),
        source,
    )]))
}

/// The simulated Jira.
fn tickets(sim: &Aws) -> Result<TicketSources, Failure> {
    let settings = TicketSettings {
        kind: TicketKind::Jira,
        url: Some(format!("http://{}/_tickets/jira", sim.address)),
        user: None,
        token: Some(SecretString::from("simulated")),
        project: None,
    };
    let source = tickets::source(&settings);
    let source =
        source.map_err(|error| Failure::bug(format!("{} {}", error.key, error.message)))?;
    Ok(TicketSources::from([("jira".to_owned(), source)]))
}

fn ticket_comments(sources: &TicketSources, address: SocketAddr) -> Vec<Arc<dyn Channel>> {
    let public_url = format!("http://{address}");
    let made = sources.iter().map(|(name, source)| {
        let comments = TicketComments::new(name, Arc::clone(source), &public_url);
        Arc::new(comments) as Arc<dyn Channel>
    });
    made.collect()
}

/// Real settings with short durations.
fn settings() -> hallpass_access::Settings {
    hallpass_access::Settings {
        duration_min: TimeSpan::seconds(30),
        sweep: standing::settings(),
        armed_ends: ArmedEndSettings {
            mode: ArmedEndsMode::Preferred,
            ..ArmedEndSettings::default()
        },
        ..hallpass_access::Settings::default()
    }
}

fn identity(sim: &Aws) -> Identity {
    Identity {
        admins: vec!["group:platform-admins".into()],
        auditors: vec!["group:auditors".into()],
        operators: vec!["group:platform-admins".into()],
        fallback_domains: Vec::new(),
        portal_url: sim.facts.portal_url.clone(),
        region: sim.facts.region.clone(),
    }
}

fn rules() -> Result<Rules, Failure> {
    match hallpass_rules::load(&RuleFile::new(RULES_NAME, RULES)) {
        Ok(loaded) => Ok(loaded.rules),
        Err(errors) => Err(Failure::bug(
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
        )),
    }
}

fn client_settings(sim: &Aws) -> AwsSettings {
    let facts = &sim.facts;
    AwsSettings {
        endpoint_url: Some(format!("http://{}", sim.address)),
        credentials: Credentials::Static {
            access_key_id: facts.access_key_id.clone(),
            secret_access_key: SecretString::from(facts.secret_access_key.clone()),
            session_token: None,
        },
        ..AwsSettings::new(facts.region.clone())
    }
}

async fn connect(
    sim: &Aws,
    clock: &Arc<ProcessClock>,
    ids: &Arc<dyn IdSource>,
) -> Result<Arc<hallpass_aws::Aws>, Failure> {
    let settings = client_settings(sim);
    let mut tries = 0;
    loop {
        let (time, ids, dates) = (Arc::clone(clock), Arc::clone(ids), clock::listener(clock));
        match hallpass_aws::connect(settings.clone(), time, ids, dates).await {
            Ok(aws) => {
                clock::settle(clock, &aws).await;
                return Ok(Arc::new(aws));
            }
            Err(_) if tries < CONNECT_TRIES => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => {
                return Err(Failure::failed(format!(
                    "cannot use the simulated AWS: {error}"
                )));
            }
        }
    }
}

/// Command name for examples, as the user typed it.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    if called.starts_with("./") {
        called
    } else {
        "hallpass".to_owned()
    }
}

fn welcome(args: &Args, address: SocketAddr, sim: &Aws, tokens: &Path, folder: &Folder) -> String {
    let (facts, aws) = (&sim.facts, sim.address);
    let program = program();
    let stays = match args.data {
        Some(_) => String::new(),
        None => " (deleted when this stops; `--data DIR` keeps it)".to_owned(),
    };
    format!(
        "Hallpass demo: a simulated AWS organization, on this machine only.

  Open          http://{address}/
  Slack         http://{aws}/_slack/ (simulated)
  On call       http://{aws}/_sim/on-call (a simulated PagerDuty)
  Tickets       http://{aws}/_sim/tickets (a simulated Jira)
  Sign in as    {people}
  Tokens        {tokens}
  Audit export  {audit}{stays}

Try it in another terminal:
  {variables}
  {program} login --as mara.lindqvist@example.com
  {program} request --account payments-prod --permission-set DatabaseOperator --for 1h --reason \"OPS-1: replay a batch\"
  {program} login --as tomasz.wilk@example.com
  {program} requests --role to-review

See what AWS sees:
  aws sso-admin list-instances

See what people did, from the trail in s3://{trail}:
  {program} activity pci report --source s3://{trail} --regions {region} --accounts {management}
  {program} policy shrink payments-Deploy --live --log s3://{trail} --grain action
  http://{address}/ as priya.raman: the page of the ended PowerUser request shows its activity

{chores}

{watch}

Stop with Ctrl-C.",
        variables = chores::how_to_read_variables(folder),
        chores = chores::how_to_try(&program, sim),
        watch = guard::how_to_watch(folder, aws),
        trail = lives::BUCKET,
        management = facts.organization.organization.management_account,
        people = people::names(),
        tokens = tokens.display(),
        audit = folder.path("audit").display(),
        region = facts.region,
    )
}
