use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hallpass_app::config::{EndsPlace, Loaded};
use hallpass_app::guard_files::center::RemoveOnly;
use hallpass_app::guard_files::ends::{FileEnds, ObjectEnds, StoreEnds};
use hallpass_app::guard_files::file_of;
use hallpass_app::guard_files::files::{GuardFiles, JournalFile};
use hallpass_app::guard_files::router::GuardFace;
use hallpass_app::guard_files::time::AnchoredTime;
use hallpass_app::host::file_lock::only_process;
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::StoreAddress;
use hallpass_app::host::status_http::{self, Face};
use hallpass_app::setup::heads::{Means, open_bucket};
use hallpass_app::setup::opening::starter_is_gone;
use hallpass_app::setup::opening::{ConfigArgs, asked_to_stop, aws_settings};
use hallpass_app::setup::service_manager;
use hallpass_app::setup::waiting::{rest, spawn};
use hallpass_app::telemetry::{SendingService, TelemetrySettings};
use hallpass_aws::{Aws, AwsClientSettings as AwsSettings, ConnectError, Survey};
use hallpass_aws_model::facts;
use hallpass_base::clock::SystemClock;
use hallpass_base::{Clock, IdSource, TimeSpan, Timestamp};
use hallpass_guard::{AwsTime as _, Ends, Guard, GuardLimits, Ports, Work};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::logging;
use hallpass_terminal::output;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Parallel ends: one that waits for AWS does not block others.
const WORKERS: usize = 8;
/// Outstanding removals: AWS's limit of operations per instance.
const OUTSTANDING: usize = facts::OPERATIONS_OUTSTANDING.count();
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const CONNECT_AGAIN: Duration = Duration::from_secs(2);
const STATUS_EVERY: Duration = Duration::from_secs(30);
const WRITE_EVERY: Duration = Duration::from_secs(3);
/// Minimum frequency of AWS calls while ends are pending.
const PROBE_EVERY: TimeSpan = TimeSpan::minutes(1);
const ONCE_MAX: Duration = Duration::from_mins(10);

/// Run the guard: it ends overdue access if the server does not
#[derive(Debug, clap::Args)]
#[command(
    long_about = "End what is overdue when the server does not.\n\nA separate process, \
                  on the server's machine or another, under a role that may only list and delete. It \
                  reads the access of Hallpass and its ends (the server's store, read-only, or the file of ends that the server writes), reads Identity Center, and removes access past its end by more than the bound. It grants nothing, removes nothing else, and records its actions. `guard.journal` in the \
                  configuration names the folder for that.",
    after_help = "Examples:
  hallpass server guard
  hallpass server guard --config /etc/hallpass/guard.toml --ends /mnt/audit/ends.jsonl
  hallpass server guard --once --bound 5m"
)]
pub struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// File of ends to read instead of the server's store, or `s3://bucket/prefix/ends.jsonl`
    #[arg(long, value_name = "FILE")]
    ends: Option<String>,
    /// Maximum delay of an end before the guard acts, instead of `guard.bound`
    #[arg(long, value_name = "TIME")]
    bound: Option<TimeSpan>,
    /// End what is overdue now, then stop
    #[arg(long)]
    once: bool,
    /// The store was restored from a backup: accept the next copy although it is older
    #[arg(long)]
    accept_restored: bool,
    /// Stop when standard input ends, for a parent that may be killed
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

pub fn run(args: &Args) -> Outcome {
    // next to a server it shares the configuration, but systemd shows secrets only to the server
    let loaded = args.config.load_without_secrets()?;
    let (level, style) = (&loaded.config.log.level, logging::Style::Json);
    let service = SendingService {
        name: "hallpass-guard",
        version: env!("CARGO_PKG_VERSION"),
        instance: loaded.guard_name()?,
    };
    // a guard handles ends, not requests: it has no traces
    let settings = loaded.telemetry_now().map(|settings| TelemetrySettings {
        traces: false,
        ..settings
    });
    // the guard starts even without a log destination
    let opened = settings.and_then(|settings| hallpass_app::telemetry::open(&settings, service));
    let (opened, refused) = match opened {
        Ok(opened) => (opened, None),
        Err(why) => (None, Some(why)),
    };
    let Some(opened) = opened else {
        logging::start(level, style)?;
        if let Some(why) = refused {
            tracing::error!(error = %why.words(), "the log is not sent to a collector");
        }
        return runtime()?.block_on(guard(args, &loaded));
    };
    let (sends_on, start) = opened.split();
    logging::start_sending(level, style, sends_on)?;
    runtime()?.block_on(async {
        let sending = start();
        let outcome = Box::pin(guard(args, &loaded)).await;
        sending.flush().await;
        outcome
    })
}

struct GuardParts {
    guard: Arc<Guard>,
    center: Arc<RemoveOnly>,
    time: Arc<AnchoredTime<SystemClock>>,
    desk: Arc<GuardFiles>,
    bound: TimeSpan,
}

async fn guard(args: &Args, loaded: &Loaded) -> Outcome {
    let folder = loaded.guard_journal().ok_or_else(|| {
        Failure::bad_input("`guard.journal` is not set")
            .help("name a folder for the guard's journal; the server reads it there")
    })?;
    let name = loaded.guard_name()?.to_owned();
    hallpass_store::make_private_folder(&folder)
        .map_err(|error| Failure::unwritable(folder.display(), &error))?;
    let lock = file_of(&folder, &name, "lock");
    let taken = format!("another guard writes as `{name}` in `{}`", folder.display());
    let _only = only_process(&lock, &taken, "give this one another `guard.name`")?;
    let made = make(args, loaded, &folder, &name).await?;
    if args.accept_restored {
        made.guard.accept_restored();
    }
    let (stop, _) = watch::channel(false);
    let mut tasks = JoinSet::new();
    spawn_connecting(&mut tasks, &stop, &made, aws(loaded));
    if args.once {
        let outcome = once(&made).await;
        stop.send_replace(true);
        return outcome;
    }
    if let Some(address) = &loaded.config.guard.listen {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| Failure::failed(format!("cannot listen on `{address}`: {error}")))?;
        let guard = Arc::new(GuardFace(Arc::clone(&made.guard))) as Arc<dyn Face>;
        tasks.spawn(status_http::serve(listener, guard, stop.subscribe()));
    }
    let asked = asked_to_stop();
    spawn_loops(&mut tasks, &stop, &made);
    output::say(&format!(
        "hallpass {} guards as `{name}`: access {} past its end is removed",
        env!("CARGO_PKG_VERSION"),
        made.bound
    ));
    service_manager::ready()?;
    if args.stop_with_stdin {
        tokio::select! {
            () = asked => {}
            () = starter_is_gone() => {}
        }
    } else {
        asked.await;
    }
    stop.send_replace(true);
    made.guard.write_waiting().await;
    made.guard.keep().await;
    publish_status(&made).await;
    Ok(Exit::Ok)
}

async fn make(
    args: &Args,
    loaded: &Loaded,
    folder: &Path,
    name: &str,
) -> Result<GuardParts, Failure> {
    let bound = args.bound.unwrap_or(loaded.config.guard.bound.0);
    if bound.is_zero() {
        return Err(Failure::bad_input("the bound is zero")
            .help("an end that AWS is working on is not late: allow at least a few seconds"));
    }
    let center = Arc::new(RemoveOnly::default());
    let time = Arc::new(AnchoredTime::new(SystemClock));
    let desk = Arc::new(GuardFiles::new(folder, name));
    let ports = Ports {
        ends: ends(args, loaded).await?,
        center: center.clone(),
        journal: Arc::new(JournalFile::new(folder, name)),
        memory: desk.clone(),
        time: time.clone(),
        ids: Arc::new(RandomIds),
    };
    let limits = GuardLimits {
        name: name.to_owned(),
        bound,
        outstanding: OUTSTANDING,
    };
    Ok(GuardParts {
        guard: Arc::new(Guard::start(ports, limits).await),
        center,
        time,
        desk,
        bound,
    })
}

/// Sources of ends: the named file alone, or the store and then the file next to the export.
async fn ends(args: &Args, loaded: &Loaded) -> Result<Vec<Arc<dyn Ends>>, Failure> {
    if let Some(text) = &args.ends {
        // relative to the working folder, not the configuration's
        let place = match loaded.ends_at(text)? {
            EndsPlace::File(_) => EndsPlace::File(text.into()),
            object @ EndsPlace::Object { .. } => object,
        };
        return Ok(vec![ends_at(place, loaded).await?]);
    }
    let mut places: Vec<Arc<dyn Ends>> = Vec::new();
    let file = loaded.ends_place()?;
    match loaded.store() {
        // a file is readable while its server hangs or is down
        Ok(StoreAddress::File(path)) => places.push(Arc::new(StoreEnds::new(path))),
        // the database server may be down
        Ok(StoreAddress::Postgres(_)) => {}
        // a secret address has a password, as PostgreSQL ones do
        Err(failure) if file.is_some() => {
            let error = failure.words();
            tracing::warn!(
                error,
                "the store is not read: ends come from the file of ends alone"
            );
        }
        Err(failure) => return Err(failure),
    }
    if let Some(place) = file {
        places.push(ends_at(place, loaded).await?);
    }
    if places.is_empty() {
        let words = "a guard does not read PostgreSQL, and no file of ends is configured";
        return Err(Failure::bad_input(words).help(
            "set `audit.export.target` or `guard.ends`: the node that leads writes the file of ends there",
        ));
    }
    Ok(places)
}

async fn ends_at(place: EndsPlace, loaded: &Loaded) -> Result<Arc<dyn Ends>, Failure> {
    let (trust, shown) = (loaded.guard_trust()?, place.to_string());
    Ok(match place {
        EndsPlace::File(path) => Arc::new(FileEnds::new(path, trust)),
        EndsPlace::Object { bucket, name } => {
            let means = Means {
                aws: aws(loaded),
                clock: Arc::new(SystemClock),
                ids: Arc::new(RandomIds),
            };
            let source = open_bucket(bucket, &means).await?;
            Arc::new(ObjectEnds::new(source, name, shown, trust))
        }
    })
}

fn aws(loaded: &Loaded) -> AwsSettings {
    let table = &loaded.config.guard;
    let settings = aws_settings(loaded);
    let (role_arn, external_id) = match &table.role_arn {
        Some(role) => (Some(role.clone()), table.external_id.clone()),
        None => (settings.role_arn, settings.external_id),
    };
    AwsSettings {
        role_arn,
        external_id,
        survey: Survey::Instance,
        ..settings
    }
}

async fn connect(
    settings: &AwsSettings,
    time: &Arc<AnchoredTime<SystemClock>>,
) -> Result<Aws, ConnectError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn IdSource> = Arc::new(RandomIds);
    let time = Arc::clone(time);
    let dates = Arc::new(move |dated| time.hear(dated));
    hallpass_aws::connect(settings.clone(), clock, ids, dates).await
}

/// Connects once AWS responds, and continues until its times agree.
fn spawn_connecting(
    tasks: &mut JoinSet<()>,
    stop: &watch::Sender<bool>,
    made: &GuardParts,
    settings: AwsSettings,
) {
    let with = (Arc::clone(&made.center), Arc::clone(&made.time), settings);
    let mut stop = stop.subscribe();
    tasks.spawn(async move {
        let (center, time, settings) = with;
        let mut told = false;
        loop {
            match connect(&settings, &time).await {
                Ok(aws) => {
                    center.connected(Arc::new(aws));
                    told = false;
                    if time.now().is_some() {
                        return;
                    }
                }
                Err(error) => {
                    if !told {
                        tracing::error!(error = %error, help = error.help(), "the guard cannot use AWS; it tries again");
                    }
                    told = true;
                }
            }
            if !rest(&mut stop, CONNECT_AGAIN).await {
                return;
            }
        }
    });
}

fn spawn_loops(tasks: &mut JoinSet<()>, stop: &watch::Sender<bool>, made: &GuardParts) {
    let guard = Arc::clone(&made.guard);
    let seconds = (made.bound.as_seconds() / 4).clamp(1, 5);
    spawn(
        tasks,
        "ends",
        stop,
        &guard,
        move |guard, mut stop| async move {
            loop {
                guard.refresh().await;
                if !rest(&mut stop, Duration::from_secs(seconds)).await {
                    return;
                }
            }
        },
    );
    for _ in 0..WORKERS {
        spawn(tasks, "work", stop, &guard, work);
    }
    spawn(tasks, "probe", stop, &guard, |guard, mut stop| async move {
        loop {
            if let Err(fault) = guard.probe(PROBE_EVERY).await {
                tracing::warn!(error = %fault, "AWS did not list for the guard");
            }
            if !rest(&mut stop, STATUS_EVERY).await {
                return;
            }
        }
    });
    spawn(tasks, "write", stop, &guard, |guard, mut stop| async move {
        while rest(&mut stop, WRITE_EVERY).await {
            guard.write_waiting().await;
        }
    });
    let telling = (guard, Arc::clone(&made.desk));
    spawn(
        tasks,
        "status",
        stop,
        &telling,
        |(guard, desk), mut stop| async move {
            // often until the first success, so that a start does not look faulty for long
            let mut pause = LOOK_AGAIN;
            while rest(&mut stop, pause).await {
                let status = guard.status();
                if status.blindness.is_none() {
                    pause = STATUS_EVERY;
                }
                if let Err(fault) = desk.publish(&status).await {
                    tracing::warn!(error = %fault, "the guard's status cannot be written");
                }
                guard.keep().await;
            }
        },
    );
}

async fn work(guard: Arc<Guard>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        if guard.work().await == Work::Did {
            continue;
        }
        rest(&mut stop, LOOK_AGAIN).await;
    }
}

async fn publish_status(made: &GuardParts) {
    if let Err(fault) = made.desk.publish(&made.guard.status()).await {
        tracing::warn!(error = %fault, "the guard's status cannot be written");
    }
}

async fn once(made: &GuardParts) -> Outcome {
    let began = Instant::now();
    let guard = &made.guard;
    let is_known = |at: Option<Timestamp>| at.is_some();
    loop {
        guard.tick().await;
        let status = guard.status();
        let is_done = is_known(status.at) && status.copy_age.is_some() && status.overdue == 0;
        if is_done || began.elapsed() > ONCE_MAX {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    guard.write_waiting().await;
    guard.keep().await;
    publish_status(made).await;
    let status = guard.status();
    let alarms = status.alarms();
    if alarms.is_empty() {
        output::say(&format!("{} ends known, none overdue", status.ends));
        return Ok(Exit::Ok);
    }
    let mut failure = Failure::failed("not every end could be brought about");
    for alarm in alarms {
        failure = failure.detail(alarm);
    }
    Err(failure.help("docs/operations/runbooks/guard-silent.md"))
}
