//! `hallpass serve`: the server.

use std::path::Path;
use std::sync::Arc;

use hallpass_access::{Channel, Settings};
use hallpass_app::chores::comparisons::{
    ACCESS_RULE, AccessComparison, Comparison, DELEGATION_RULE, DelegationComparison,
};
use hallpass_app::chores::event_intake::{self, Intake, IntakeMeans};
use hallpass_app::chores::people_news::PeopleHandler;
use hallpass_app::chores::plans;
use hallpass_app::chores::plans::{PlanContext, PlanMeans, UnaskedPlans};
use hallpass_app::chores::standards_follow;
use hallpass_app::chores::vending_drop::DroppedLists;
use hallpass_app::config::{EndsPlace, ExportSettings, HeadKey, Loaded, Secrets};
use hallpass_app::guard_files::journals::Journals;
use hallpass_app::host::descriptors;
use hallpass_app::host::file_lock::{OnlyServer, only_server};
use hallpass_app::host::keys;
use hallpass_app::host::keys::Absent;
use hallpass_app::host::named_calls::NamedCalls;
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::{ServerStore, StoreAddress};
use hallpass_app::reports::alerts::{AlertRunner, alert_channels};
use hallpass_app::setup::clock;
use hallpass_app::setup::earlier_log;
use hallpass_app::setup::heads::{self, Means};
use hallpass_app::setup::opening::hangup_is_heard;
use hallpass_app::setup::opening::out_of_reach;
use hallpass_app::setup::opening::{
    ConfigArgs, aws_settings, connect_patiently, management_account, open_store,
};
use hallpass_app::setup::rule_files;
use hallpass_app::setup::service_manager;
use hallpass_app::telemetry::SendingService;
use hallpass_audit::AuditStore as _;
use hallpass_aws::{Aws, ConnectedOrganization, OwnAccountRole, RoleToAssume};
use hallpass_base::clock::ProcessClock;
use hallpass_base::{Clock, IdSource};
use hallpass_findings::events::EventHandler;
use hallpass_rules::Rules;
use hallpass_server::{Connections, Rates, ServerMode};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::logging;
use hallpass_terminal::machine_name;
use hallpass_terminal::output;

mod first_sign_in;
mod tls;

use crate::compose;
use crate::compose::Lead;
use crate::compose::Parts;
use hallpass_app::loops::alerts::Alerting;
use hallpass_app::loops::comparisons::Watches;
use hallpass_app::loops::comparisons::{self, Comparing};
use hallpass_app::loops::ends::EndsFile;
use hallpass_app::loops::exporting::Exporting;
use hallpass_app::loops::log_watch::LogWatch;
use hallpass_app::loops::pci::PciWatching;

/// Run the server
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Run the server: API, web page, and the loops that grant and end access.\n\nReads \
                  hallpass.toml; without one, defaults apply and AWS is found as the AWS CLI finds \
                  it. Stops on SIGINT or SIGTERM after finishing its current work; killing it is \
                  safe too.",
    after_help = "Examples:
  hallpass serve
  hallpass serve --config /etc/hallpass/hallpass.toml"
)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address to listen on, instead of `server.listen`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

impl Args {
    /// Loads the configuration with its address overridden.
    fn load(&self) -> Result<Loaded, Failure> {
        self.config
            .load_listening(self.listen.as_deref(), Secrets::Read)
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    let loaded = args.load()?;
    let (level, style) = (&loaded.config.log.level, logging::Style::Json);
    let node = machine_name::node(&loaded.config.server.listen);
    let service = SendingService {
        name: "hallpass",
        version: env!("CARGO_PKG_VERSION"),
        instance: &node,
    };
    let Some(opened) = hallpass_app::telemetry::open(&loaded.telemetry(), service)? else {
        logging::start(level, style)?;
        return runtime()?.block_on(serve(&loaded));
    };
    let (sends_on, start) = opened.split();
    logging::start_sending(level, style, sends_on)?;
    runtime()?.block_on(async {
        // before any counter
        compose::recorder::record_metrics()?;
        let sending = start();
        let outcome = Box::pin(serve(&loaded)).await;
        // also logs of a failed start
        sending.flush().await;
        outcome
    })
}

fn place(place: OwnAccountRole) -> &'static str {
    match place {
        OwnAccountRole::Management => "the management account",
        OwnAccountRole::DelegatedAdministrator => "the delegated administrator",
        OwnAccountRole::Other => "neither management account nor delegated administrator",
    }
}

/// Loads rules and text. Refuses groups with attribute-based members as far as names show: the
/// directory is unread. Each later comparison reports others and leaves them unchanged.
fn owned_once(loaded: &Loaded, file: &Path) -> Result<(Rules, String), Failure> {
    let (rules, text) = rule_files::read_rules_and_text(file)?;
    let sync = loaded.settings().group_sync;
    let refs = sync.map(|sync| sync.group_refs()).unwrap_or_default();
    let found = rules.owned_twice(&refs, None);
    if found.is_empty() {
        return Ok((rules, text));
    }
    Err(rule_files::owned_twice(&file.display().to_string(), found))
}

fn channels(loaded: &Loaded, clock: &Arc<dyn Clock>) -> Result<Vec<Arc<dyn Channel>>, Failure> {
    let channels = loaded.channels(clock)?;
    let has_mail = channels.iter().any(|channel| channel.name() == "mail");
    if has_mail && loaded.config.mail.alerts.is_empty() {
        tracing::warn!(
            "`mail.alerts` is empty: no one gets mail when AWS refuses to remove access"
        );
    }
    Ok(channels)
}

fn means(loaded: &Loaded, clock: &Arc<dyn Clock>, ids: &Arc<dyn IdSource>) -> Means {
    Means {
        aws: aws_settings(loaded),
        clock: Arc::clone(clock),
        ids: Arc::clone(ids),
    }
}

/// Sets up the export and head signing, without calls: a broken export or key must not block ends.
async fn exporting(
    loaded: &Loaded,
    export: Option<ExportSettings>,
    absent: Absent,
    means: &Means,
) -> Result<Option<Exporting>, Failure> {
    let Some(export) = export else {
        return Ok(None);
    };
    let opened = heads::open_key(&loaded.head_key()?, absent, means).await;
    Ok(Some(Exporting {
        target: heads::open_export(&export, means).await?.target(),
        prefix: export.prefix,
        signer: opened.map_or_else(|why| heads::no_signer(&why), |key| key.signer()),
    }))
}

/// Handling of a missing server key: if the log was exported, guards and witnesses know the old
/// one.
async fn absent_key(loaded: &Loaded, store: &ServerStore) -> Result<Absent, Failure> {
    // a failed query may hide an export
    let was_exported = !matches!(store.exported().await, Ok(0));
    let (path, signs_heads) = (
        loaded.own_key()?,
        matches!(loaded.head_key()?, HeadKey::Own(_)),
    );
    if !was_exported || path.exists() {
        return Ok(Absent::Made);
    }
    // PostgreSQL nodes share one key: each would create a different one
    let is_shared = matches!(loaded.store()?, StoreAddress::Postgres(_));
    if signs_heads || is_shared {
        return Ok(Absent::Lost);
    }
    // heads use another key, so this one may never have existed
    if loaded.ends_place()?.is_some() {
        let key = path.display();
        tracing::error!(%key, "the file of ends is signed with a new key: guards believe it that name no `guard.public_key`, or this one");
    }
    Ok(Absent::Made)
}

async fn ends_file(
    loaded: &Loaded,
    absent: Absent,
    means: &Means,
) -> Result<Option<EndsFile>, Failure> {
    let Some(place) = loaded.ends_place()? else {
        return Ok(None);
    };
    let opened = keys::key_at(&loaded.own_key()?, absent);
    let signer = opened.map(Arc::new).map_err(|failure| {
        let why = heads::with_remedy(&failure);
        tracing::error!(error = why, "the file of ends is not signed");
        why
    });
    Ok(Some(match place {
        EndsPlace::File(path) => EndsFile::new(&path, signer),
        EndsPlace::Object { bucket, name } => {
            let target = heads::open_bucket(bucket, means).await?;
            EndsFile::at(target, name, signer)
        }
    }))
}

async fn leaving(
    loaded: &Loaded,
    export: Option<ExportSettings>,
    store: &ServerStore,
    means: &Means,
) -> Result<(Option<Exporting>, Option<EndsFile>), Failure> {
    let absent = absent_key(loaded, store).await?;
    let key = loaded.own_key()?;
    let was_there = key.exists();
    let export = exporting(loaded, export, absent, means).await?;
    let ends = ends_file(loaded, absent, means).await?;
    if !was_there && key.exists() && matches!(loaded.store()?, StoreAddress::Postgres(_)) {
        let key = key.display();
        tracing::warn!(%key, "this node made the signing key: copy it to each other node before that starts, as a node that finds none over a new database makes its own, which guards and witnesses do not know");
    }
    Ok((export, ends))
}

fn journals(loaded: &Loaded) -> Option<Arc<Journals>> {
    let folder = loaded.guard_journal();
    folder.map(|folder| Arc::new(Journals::new(folder)))
}

fn alerting(loaded: &Loaded, store: &ServerStore) -> Result<Option<Alerting>, Failure> {
    let Some(file) = loaded.alert_file() else {
        return Ok(None);
    };
    Ok(Some(Alerting {
        runner: AlertRunner {
            store: Arc::new(store.clone()),
            folder: loaded.alerted_snapshots()?,
        },
        file,
        channels: loaded.channel_names(),
    }))
}

async fn pci_watching(
    loaded: &Loaded,
    store: &ServerStore,
    aws: &Arc<Aws>,
) -> Result<Option<PciWatching>, Failure> {
    let about = aws.about();
    let Some(schedule) = loaded.pci_schedule(&about.region)? else {
        return Ok(None);
    };
    let client = aws_settings(loaded);
    let people = NamedCalls::of(client.clone(), RoleToAssume::default(), 1).await?;
    Ok(Some(PciWatching {
        schedule,
        rules: loaded.pci_rules(about.identity_store_id.clone()),
        home: about.region.clone(),
        client,
        people: Arc::new(people),
        aws: Arc::clone(aws),
        runner: Some(AlertRunner {
            store: Arc::new(store.clone()),
            folder: loaded.alerted_snapshots()?,
        }),
        store: Arc::new(store.clone()),
    }))
}

async fn comparing(
    loaded: &Loaded,
    (serving, store): (&ServerStore, &ServerStore),
    aws: &Arc<Aws>,
    (clock, plans): (&Arc<dyn Clock>, Option<&Arc<PlanContext>>),
) -> Result<Vec<Comparing>, Failure> {
    let runner = AlertRunner {
        store: Arc::new(store.clone()),
        folder: loaded.alerted_snapshots()?,
    };
    // every starting node retires removed settings, leader or not
    let retiring = AlertRunner {
        store: Arc::new(serving.clone()),
        ..runner.clone()
    };
    let mut found = Vec::new();
    let mut add = |comparison: Arc<dyn Comparison>, schedule| {
        found.push(Comparing {
            comparison,
            schedule,
            runner: runner.clone(),
        });
    };
    match loaded.drift_schedule()? {
        Some((files, schedule)) => {
            add(Arc::new(AccessComparison::new(files, aws, store)), schedule);
        }
        None => comparisons::retire(&ACCESS_RULE, &retiring, clock.now()).await?,
    }
    match (loaded.delegation_schedule()?, plans) {
        (Some((file, schedule)), Some(context)) => {
            let context = Arc::clone(context);
            add(Arc::new(DelegationComparison { file, context }), schedule);
        }
        (None, _) | (_, None) => {
            comparisons::retire(&DELEGATION_RULE, &retiring, clock.now()).await?;
        }
    }
    Ok(found)
}

async fn watches(
    loaded: &Loaded,
    (serving, store): (&ServerStore, &ServerStore),
    aws: &Arc<Aws>,
    (time, ids): (&Arc<ProcessClock>, &Arc<dyn IdSource>),
) -> Result<Watches, Failure> {
    let clock = &(Arc::clone(time) as Arc<dyn Clock>);
    let kinds = loaded.resumed_kinds()?;
    if kinds.is_empty() {
        // reports unfinished plans that need manual action
        plans::tell_unfinished(serving).await;
    }
    let has_use = !kinds.is_empty() || loaded.delegation_schedule()?.is_some();
    let context = if has_use {
        let means = PlanMeans {
            store: Arc::new(store.clone()),
            aws: Arc::clone(aws),
            time: Arc::clone(time),
            ids: Arc::clone(ids),
        };
        Some(Arc::new(plans::assemble(loaded, means).await?))
    } else {
        None
    };
    Ok(Watches {
        pci: pci_watching(loaded, store, aws).await?,
        compared: comparing(loaded, (serving, store), aws, (clock, context.as_ref())).await?,
        standards: standards_follow::open(loaded, store, (clock, ids), &aws.about().arn).await?,
        unasked: context.map(|context| UnaskedPlans {
            context,
            kinds: kinds.to_vec(),
        }),
    })
}

async fn without_people(
    loaded: &Loaded,
    store: &ServerStore,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Arc<dyn Channel>>, Failure> {
    let (targets, states) = (loaded.named_alert_targets()?, Arc::new(store.clone()));
    let targets = alert_channels(&targets, aws_settings(loaded), states, clock).await?;
    Ok([targets, loaded.ticket_comments()?].concat())
}

async fn lists(
    loaded: &Loaded,
    store: &ServerStore,
    aws: &Arc<Aws>,
    (time, ids): (&Arc<ProcessClock>, &Arc<dyn IdSource>),
) -> Result<Option<Arc<dyn EventHandler>>, Failure> {
    if loaded.vending_bucket()?.is_none() {
        return Ok(None);
    }
    let means = PlanMeans {
        store: Arc::new(store.clone()),
        aws: Arc::clone(aws),
        time: Arc::clone(time),
        ids: Arc::clone(ids),
    };
    let context = Arc::new(plans::assemble(loaded, means).await?);
    let (alerts, client) = (Arc::new(store.clone()), aws_settings(loaded));
    let clock = Arc::clone(time) as Arc<dyn Clock>;
    let lists = DroppedLists::open(loaded, &client, context, alerts, clock).await?;
    Ok(lists.map(|it| Arc::new(it) as Arc<dyn EventHandler>))
}

async fn intake(
    loaded: &Loaded,
    store: &ServerStore,
    (clock, ids): (&Arc<dyn Clock>, &Arc<dyn IdSource>),
    (aws, time): (&Arc<Aws>, &Arc<ProcessClock>),
    people: &Arc<PeopleHandler>,
) -> Result<Intake, Failure> {
    event_intake::open(&IntakeMeans {
        people,
        lists: lists(loaded, store, aws, (time, ids)).await?,
        loaded,
        client: &aws_settings(loaded),
        store,
        clock,
        ids,
        about: aws.about(),
    })
    .await
}

fn say_listening(at: &str, about: &ConnectedOrganization) -> Result<(), Failure> {
    output::say(&format!(
        "hallpass {} listens on {at}, for account {} ({}), Identity Center {}",
        env!("CARGO_PKG_VERSION"),
        about.account,
        place(about.place),
        about.instance_arn
    ));
    // the service manager may signal immediately
    hangup_is_heard();
    service_manager::ready()
}

fn shares(loaded: &Loaded) -> Result<descriptors::Shares, Failure> {
    let limit = descriptors::raise();
    let shares = descriptors::share(limit.now, loaded.config.server.max_connections)?;
    shares.log(limit.found);
    Ok(shares)
}

/// Opens the store, and locks a file against other servers; database nodes use the lease.
async fn store_of_one(address: StoreAddress) -> Result<(Option<OnlyServer>, ServerStore), Failure> {
    let only = match &address {
        StoreAddress::File(path) => Some(only_server(path)?),
        StoreAddress::Postgres(_) => None,
    };
    let store = open_store(address).await?;
    let reserved = tokio::task::spawn_blocking(move || store.with_reserve()).await;
    let store = reserved.map_err(|error| Failure::failed(error.to_string()))?;
    Ok((only, store))
}

/// Also refuses a database without a log next to an earlier log.
async fn store_of_one_log(
    loaded: &Loaded,
    ids: &Arc<dyn IdSource>,
) -> Result<(Option<OnlyServer>, ServerStore), Failure> {
    let address = loaded.store()?;
    let is_made = earlier_log::would_be_made(&address)?;
    if is_made {
        earlier_log::ensure_none(loaded, None, ids).await?;
    }
    let (only, store) = store_of_one(address).await?;
    if !is_made {
        earlier_log::ensure_none(loaded, Some(&store), ids).await?;
    }
    Ok((only, store))
}

fn settings(loaded: &Loaded, about: &ConnectedOrganization) -> Settings {
    Settings {
        out_of_reach: out_of_reach(about),
        management_account: management_account(about),
        ..loaded.settings()
    }
}

async fn serve(loaded: &Loaded) -> Outcome {
    let rules_file = loaded.rules()?;
    let (rules, rules_text) = owned_once(loaded, &rules_file)?;
    let (export, interactive) = (loaded.export()?, loaded.interactive_settings()?);
    let (sessions, sign_in) = (loaded.sessions()?, loaded.sign_in()?);
    let certificate = tls::certificate(loaded)?;
    let shares = shares(loaded)?;
    let ids: Arc<dyn IdSource> = Arc::new(RandomIds);
    let (_only, store) = store_of_one_log(loaded, &ids).await?;
    let clock = clock::after_log(&store).await;
    let its_clock: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
    let address = &loaded.config.server.listen;
    let lead = Lead::open(&store, (its_clock.as_ref(), ids.as_ref()), address).await?;
    let log = LogWatch::open(&store, &loaded.seen_log(), lead.shared_name().as_deref());
    let store = log.heeding(&store);
    let working = lead.working(&store);
    let channels = channels(loaded, &its_clock)?;
    let means = means(loaded, &its_clock, &ids);
    let (export, ends) = leaving(loaded, export, &store, &means).await?;
    let aws = Arc::new(connect_patiently(loaded, &store, &clock, &ids).await?);
    let about = aws.about().clone();
    let listener = tls::Listening::at(address, certificate).await?;
    let file = rules_file.display().to_string();
    let (people, clocks) = (Arc::default(), (&its_clock, &ids));
    let (events, remediating) = intake(loaded, &working, clocks, (&aws, &clock), &people).await?;
    let links = store.clone();
    let composed = compose::compose(Parts {
        client: aws_settings(loaded),
        channels_without_people: without_people(loaded, &working, &its_clock).await?,
        alerts: alerting(loaded, &working)?,
        watches: watches(loaded, (&store, &working), &aws, (&clock, &ids)).await?,
        events,
        people,
        remediating,
        lead,
        log,
        store,
        aws,
        identity: loaded.identity(&about.identity_store_id, &about.region),
        settings: settings(loaded, &about),
        rules: rules.clone(),
        rules_text: Some((rules_file.display().to_string(), rules_text)),
        rules_file: Some(rules_file),
        clock,
        ids,
        export,
        interactive,
        on_call: loaded.on_call()?,
        tickets: loaded.tickets()?,
        channels,
        inventory_max_age: loaded.config.inventory.max_age.0,
        snapshots: loaded.snapshots()?,
        activity: None,
        sessions,
        sign_in,
        rates: Rates::new(loaded.config.server.rate, loaded.config.server.burst),
        connections: Connections::new(shares.settings(loaded.proxies()?)),
        descriptors: shares.limit,
        setup: hallpass_app::setup::parts::parts(loaded)?,
        mode: ServerMode::Serve,
        ends,
        guards: journals(loaded),
    })
    .await?;
    compose::put_in_force(&composed, rules, &file).await?;
    say_listening(&listener.address(), &about)?;
    first_sign_in::say(loaded, &links, &composed.access.directory()).await;
    Box::pin(listener.run(composed)).await?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn two_nodes_of_one_configuration_keep_what_they_have_seen_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hallpass.toml");
        std::fs::write(&file, "[store]\nseen_folder = \"seen\"\n").unwrap();
        let file = file.display().to_string();
        let kept = |more: &[&str]| {
            let line = ["serve", "--config", &file];
            let args = Line::parse_from(line.iter().chain(more)).args;
            let loaded = args.load().unwrap();
            (loaded.config.server.listen.clone(), loaded.seen_log())
        };
        let (listen, first) = kept(&["--listen", "127.0.0.1:9001"]);
        assert_eq!(listen, "127.0.0.1:9001");
        assert_ne!(first, kept(&["--listen", "127.0.0.1:9002"]).1);
        assert_ne!(first, kept(&[]).1);
    }

    #[tokio::test]
    async fn nodes_of_one_database_make_no_key_each_over_a_log_that_was_exported() {
        let folder = tempfile::tempdir().unwrap();
        let store = ServerStore::open(folder.path().join("hallpass.db")).unwrap();
        let loaded = |url: &str| {
            let text = format!("[store]\nurl = \"{url}\"\n[audit.sign]\nkms_key = \"alias/a\"\n");
            Loaded {
                config: hallpass_app::config::parse(&text, "x").unwrap(),
                folder: folder.path().to_owned(),
            }
        };
        let (alone, node) = (loaded("sqlite:hp.db"), loaded("postgres://u@localhost/x"));
        for (exported, of_node) in [(0, Absent::Made), (1, Absent::Lost)] {
            store.set_exported(exported).await.unwrap();
            assert_eq!(absent_key(&alone, &store).await.unwrap(), Absent::Made);
            assert_eq!(absent_key(&node, &store).await.unwrap(), of_node);
        }
    }
}
