//! Composes store, AWS client, journey, executor, server and loops. The only module that knows them
//! all.

mod absences;
mod activity;
mod alarms;
mod conflicts;
mod entitlements;
mod events;
mod follower_tasks;
mod guards;
mod interactive;
mod lead;
mod leader_metrics;
mod leader_tasks;
mod loops;
mod on_call;
mod organization;
mod people;
mod probes;
pub(crate) mod recorder;
mod region;
mod remediations;
mod shared_directory;
mod snapshots;
mod standards;
mod stuck_leader;
mod sweeping;
mod timekeeper;

use std::sync::Arc;

use hallpass_access::identity::Identity;
use hallpass_access::{
    AbsenceDirectory, Access, AccessStore, AlarmKind, Channel, DirectorySource, GuardSource,
    OnCallDirectory, PolicySource, Ports, RemediationPresses, RemediationSource, Settings,
    TicketReader,
};
use hallpass_app::loops::alerts::Alerting;
use hallpass_app::loops::comparisons::Watches;
use hallpass_app::loops::ends::EndsFile;
use hallpass_app::loops::exporting::Exporting;
use hallpass_app::loops::log_watch::LogWatch;
use hallpass_app::loops::{clocks, group_sync, log_watch, notices};
use hallpass_audit::AuditStore;
use hallpass_aws::{Aws, AwsClientSettings, Inventory, ManagedTexts, Policies};
use hallpass_base::{Clock, IdSource, TimeSpan};
use hallpass_enforcement::armed_ends::ForeignStatements;
use hallpass_findings::events::EventIntake;
use hallpass_rules::Rules;
use hallpass_server::{
    App, Connections, Rates, ReadinessProbe, ServerMode, ServerStatus, SessionSettings, SetupPart,
    SignIn,
};
use hallpass_store::{StoredSessions, StoredTokens};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

pub(crate) use lead::Lead;

use hallpass_app::chores::people_news::PeopleHandler;
use hallpass_app::chores::remediations::Remediating;
use hallpass_app::config::{InteractiveSettings, OnCallSources, TicketSources};
use hallpass_app::guard_files::journals::Journals;
use hallpass_app::guard_files::report::Guards;
use hallpass_app::host::descriptors;
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::host::snapshots_at::SnapshotsAt;
use hallpass_app::setup::journey::journey;
use hallpass_app::setup::opening;
use hallpass_base::clock::ProcessClock;
use hallpass_terminal::exit::Failure;

use interactive::InteractiveChannel;
use leader_tasks::Workshop;
use organization::{RulesNow, inventory};
use shared_directory::SharedDirectory;

pub(crate) struct Parts {
    /// Store for serving; loops use that of `lead`.
    pub(crate) store: ServerStore,
    pub(crate) lead: Arc<Lead>,
    /// This process's view of the log.
    pub(crate) log: Arc<LogWatch>,
    pub(crate) client: AwsClientSettings,
    pub(crate) aws: Arc<Aws>,
    pub(crate) identity: Identity,
    pub(crate) settings: Settings,
    pub(crate) rules: Rules,
    pub(crate) rules_text: Option<(String, String)>,
    pub(crate) rules_file: Option<std::path::PathBuf>,
    pub(crate) clock: Arc<ProcessClock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) export: Option<Exporting>,
    pub(crate) interactive: InteractiveSettings,
    pub(crate) on_call: OnCallSources,
    pub(crate) tickets: TicketSources,
    /// Other notification channels; the log if empty.
    pub(crate) channels: Vec<Arc<dyn Channel>>,
    /// Beside them: targets of alerts at AWS, comments on tickets.
    pub(crate) channels_without_people: Vec<Arc<dyn Channel>>,
    pub(crate) inventory_max_age: TimeSpan,
    pub(crate) snapshots: Option<SnapshotsAt>,
    pub(crate) activity: Option<Arc<dyn hallpass_access::ActivityLogs>>,
    pub(crate) sessions: SessionSettings,
    pub(crate) sign_in: Arc<SignIn>,
    pub(crate) rates: Rates,
    /// Connections and descriptor limit.
    pub(crate) connections: Connections,
    pub(crate) descriptors: u64,
    pub(crate) setup: Vec<SetupPart>,
    pub(crate) mode: ServerMode,
    pub(crate) ends: Option<EndsFile>,
    pub(crate) guards: Option<Arc<Journals>>,
    pub(crate) alerts: Option<Alerting>,
    pub(crate) events: Option<Arc<EventIntake>>,
    pub(crate) people: Arc<PeopleHandler>,
    pub(crate) remediating: Option<Remediating>,
    pub(crate) watches: Watches,
}

pub(crate) struct Composed {
    pub(crate) access: Arc<Access>,
    work: Arc<Access>,
    pub(crate) directory: Arc<Inventory>,
    shared_directory: Arc<SharedDirectory>,
    polled: PolledDirectories,
    pub(crate) app: App,
    lead: Arc<Lead>,
    log: Arc<LogWatch>,
    workshop: Workshop,
    clock: Arc<dyn Clock>,
    watch: clocks::ClockWatch,
    export: Option<Exporting>,
    channels: Vec<Arc<dyn Channel>>,
    interactive: Vec<InteractiveChannel>,
    rules_file: Option<std::path::PathBuf>,
    max_age: TimeSpan,
    pulse: Arc<probes::Pulse>,
    alarming: Vec<(AlarmKind, Arc<dyn ReadinessProbe>)>,
    ends: Option<EndsFile>,
    guards: Option<Guards>,
    alerts: Option<Alerting>,
    events: Option<Arc<EventIntake>>,
    remediating: Option<Remediating>,
    watches: Watches,
    stop: watch::Sender<bool>,
}

fn with_admins(settings: Settings, identity: &Identity) -> Settings {
    Settings {
        admins: identity.admins.clone(),
        ..settings
    }
}

struct Journeys {
    access: Arc<Access>,
    work: Arc<Access>,
    directory: Arc<Inventory>,
    shared_directory: Arc<SharedDirectory>,
    polled: PolledDirectories,
    workshop: Workshop,
    guards: Option<Guards>,
}

/// Parts of the directory that every node reads by itself.
struct PolledDirectories {
    on_call: Option<Arc<OnCallDirectory>>,
    absences: Arc<AbsenceDirectory>,
}

async fn journeys(
    parts: &Parts,
    clock: &Arc<dyn Clock>,
    shared: &Arc<ServerStore>,
) -> Result<Journeys, Failure> {
    let (lead, aws) = (&parts.lead, &parts.aws);
    let rules_now = RulesNow::beginning_with(&parts.rules);
    let directory = inventory(parts, &rules_now).await;
    let shared_directory = SharedDirectory::new(&directory, &parts.store, clock, lead);
    let of_aws = Arc::clone(&shared_directory) as Arc<dyn DirectorySource>;
    let on_call = (!parts.on_call.is_empty()).then(|| {
        let (inner, sources) = (Arc::clone(&of_aws), parts.on_call.clone());
        Arc::new(OnCallDirectory::new(inner, sources, Arc::clone(clock)))
    });
    let with_on_call = match &on_call {
        Some(on_call) => Arc::clone(on_call) as Arc<dyn DirectorySource>,
        None => of_aws,
    };
    let store = Arc::clone(shared) as Arc<dyn AccessStore>;
    let absences = AbsenceDirectory::new(with_on_call, store, Arc::clone(clock));
    absences.read().await;
    let absences = Arc::new(absences);
    let journey_ports = Ports {
        directory: Arc::clone(&absences) as Arc<dyn DirectorySource>,
        ..journey(shared, aws, &directory, clock, &parts.ids)
    };
    let workshop = Workshop::new(lead, &parts.store, aws, clock, Arc::clone(&parts.ids));
    let settings = with_admins(parts.settings.clone(), &parts.identity);
    let access =
        Access::new(journey_ports, settings, parts.rules.clone()).with_alerts(shared.clone());
    let access = access.with_tickets(TicketReader::new(parts.tickets.clone()));
    let logs = activity::known(parts.activity.clone(), parts.snapshots.as_ref());
    let access = access.with_activity(logs);
    let access = access.with_people(directory.clone());
    let access = access.with_home_region(aws.center_silence());
    let access = entitlements::looked_at(access, parts.client.clone(), aws, clock).await?;
    let remediating = (parts.remediating.as_ref(), shared);
    let (access, guards) = heeding(access, remediating, parts.guards.clone(), clock);
    let work = workshop.journey(&access);
    rules_now.are_of(&access);
    parts.people.serve(&work);
    Ok(Journeys {
        access,
        work,
        directory,
        shared_directory,
        polled: PolledDirectories { on_call, absences },
        workshop,
        guards,
    })
}

fn policies(
    aws: &Arc<Aws>,
    client: AwsClientSettings,
    clock: &Arc<dyn Clock>,
) -> Arc<dyn PolicySource> {
    let texts = ManagedTexts::new(client, Arc::clone(clock), fastrand::u64(..));
    Arc::new(Policies::new(Arc::clone(aws), texts))
}

/// Builds everything without starting it.
pub(crate) async fn compose(parts: Parts) -> Result<Composed, Failure> {
    let (metrics, clock) = (recorder::recorder()?, parts.clock.clone() as Arc<dyn Clock>);
    let shared = Arc::new(parts.store.clone());
    let of = journeys(&parts, &clock, &shared).await?;
    let (access, directory, guards, aws) = (of.access, of.directory, of.guards, &parts.aws);
    let (store, time, lead) = (parts.store, parts.clock, parts.lead);
    lead.share(&parts.sign_in, &store);
    let (identity, wanted) = (Arc::new(parts.identity), parts.interactive);
    let interactive = interactive::open(wanted, (&access, &identity, &store, &clock))?;
    let channels = channels(&interactive, parts.channels, parts.channels_without_people);
    // before any notification, so that a new channel misses none
    notices::open_first(shared.as_ref(), &channels, clock.now()).await?;
    let (pulse, (stop, stopping)) = (Arc::new(probes::Pulse::new()), watch::channel(false));
    let node = (&directory, &lead, &parts.log);
    let seen = (&access, aws, &of.workshop.foreign);
    let alarming = alarming(seen, node, (&time, &pulse, &store), guards.as_ref());
    let own = (parts.ends.as_ref(), of.polled.on_call.as_ref());
    let probes = probes((&access, &store), node, &alarming, own);
    let app = App {
        access: Arc::clone(&access),
        audit: shared.clone() as Arc<dyn AuditStore>,
        tokens: Arc::new(StoredTokens::new(store.clone(), Arc::new(RandomIds))),
        sessions: Arc::new(StoredSessions::new(store.clone(), Arc::new(RandomIds))),
        session_settings: parts.sessions,
        sign_in: parts.sign_in,
        identity,
        clock: Arc::clone(&clock),
        rates: Arc::new(parts.rates),
        connections: parts.connections,
        probes: Arc::new(probes),
        metrics: rendering(metrics, (&pulse, &time, aws, &lead), parts.descriptors),
        webhooks: Arc::new(interactive.iter().map(|it| it.webhook.clone()).collect()),
        policies: policies(&parts.aws, parts.client, &clock),
        activity: access.activity(),
        snapshots: parts.snapshots.map(snapshots::kept),
        plans: Arc::new(store.clone()),
        pci: parts.watches.pci.as_ref().map(|it| Arc::clone(&it.store)),
        status: server_status(parts.rules_text, clock.as_ref()),
        setup: Arc::new(parts.setup),
        mode: Arc::new(parts.mode),
        version: env!("CARGO_PKG_VERSION"),
        stopping,
    };
    Ok(Composed {
        work: of.work,
        directory,
        shared_directory: of.shared_directory,
        polled: of.polled,
        app,
        watch: clocks::ClockWatch::new(time, parts.aws, (&access, &store), lead.shared_name()),
        lead,
        log: parts.log,
        workshop: of.workshop,
        access,
        clock,
        export: parts.export,
        channels,
        interactive,
        rules_file: parts.rules_file,
        max_age: parts.inventory_max_age,
        pulse,
        alarming,
        ends: parts.ends,
        guards,
        alerts: parts.alerts,
        events: parts.events,
        remediating: parts.remediating,
        watches: parts.watches,
        stop,
    })
}

fn heeding(
    access: Access,
    remediating: (Option<&Remediating>, &Arc<ServerStore>),
    journals: Option<Arc<Journals>>,
    clock: &Arc<dyn Clock>,
) -> (Arc<Access>, Option<Guards>) {
    let access = deciding(access, remediating);
    let Some(journals) = journals else {
        return (Arc::new(access), None);
    };
    let access = access.with_guards(Arc::clone(&journals) as Arc<dyn GuardSource>);
    let clock = Arc::clone(clock);
    (Arc::new(access), Some(Guards { journals, clock }))
}

/// Activates and records the initial rules.
pub(crate) async fn put_in_force(
    composed: &Composed,
    rules: Rules,
    name: &str,
) -> Result<(), Failure> {
    let put = composed.access.set_rules(rules, name).await;
    put.map_err(|error| Failure::failed(format!("cannot record the rules in force: {error}")))
}

fn channels(
    interactive: &[InteractiveChannel],
    others: Vec<Arc<dyn Channel>>,
    without_people: Vec<Arc<dyn Channel>>,
) -> Vec<Arc<dyn Channel>> {
    let interactive = interactive.iter().filter_map(|it| it.channel.clone());
    let mut configured: Vec<_> = interactive.chain(others).collect();
    if configured.is_empty() {
        configured.push(Arc::new(notices::LogChannel));
    }
    configured.extend(without_people);
    configured
}

fn server_status(rules: Option<(String, String)>, clock: &dyn Clock) -> Arc<ServerStatus> {
    let status = ServerStatus::default();
    if let Some((file, text)) = rules {
        status.rules_loaded(&file, &text, clock.now());
    }
    Arc::new(status)
}

fn rendering(
    metrics: PrometheusHandle,
    (pulse, time, aws, lead): (
        &Arc<probes::Pulse>,
        &Arc<ProcessClock>,
        &Arc<Aws>,
        &Arc<Lead>,
    ),
    descriptors: u64,
) -> Arc<dyn Fn() -> String + Send + Sync> {
    let (pulse, time, aws) = (Arc::clone(pulse), Arc::clone(time), Arc::clone(aws));
    let lead = Arc::clone(lead);
    Arc::new(move || rendered(&metrics, (&pulse, &lead), &time, &aws, descriptors))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds and descriptors, far below 2^52"
)]
fn rendered(
    metrics: &PrometheusHandle,
    (pulse, lead): (&probes::Pulse, &Lead),
    time: &ProcessClock,
    aws: &Aws,
    descriptors: u64,
) -> String {
    lead.measure();
    metrics::gauge!("hallpass_aws_calls_per_second").set(aws.calls_per_second());
    clocks::measure(&time.read());
    // not late if another node does the work
    let age = if lead.holds() {
        pulse.age().as_seconds() as f64
    } else {
        0.0
    };
    metrics::gauge!("hallpass_reconciler_age_seconds").set(age);
    metrics::gauge!("process_max_fds").set(descriptors as f64);
    if let Some(open) = descriptors::open() {
        metrics::gauge!("process_open_fds").set(open as f64);
    }
    metrics.run_upkeep();
    leader_metrics::shown(metrics.render(), lead.holds())
}

/// Readiness probes: the store, alarm sources, and node-local ones.
fn probes(
    (access, store): (&Arc<Access>, &ServerStore),
    (_, lead, log): (&Arc<Inventory>, &Arc<Lead>, &Arc<LogWatch>),
    alarming: &[(AlarmKind, Arc<dyn ReadinessProbe>)],
    (ends, on_call): (Option<&EndsFile>, Option<&Arc<OnCallDirectory>>),
) -> Vec<Arc<dyn ReadinessProbe>> {
    let mut probes: Vec<Arc<dyn ReadinessProbe>> = vec![
        Arc::new(probes::StoreProbe::new(access, store, lead.is_shared())),
        Arc::new(probes::RowsProbe::new(store)),
        Arc::new(probes::LeadProbe(Arc::clone(lead))),
        Arc::new(log_watch::SchemaProbe(Arc::clone(log))),
        of_leader(lead, people::PeopleProbe(Arc::clone(access))),
        of_leader(lead, entitlements::EntitlementsProbe(Arc::clone(access))),
    ];
    let asked = alarming.iter();
    // the store's line reports late ends
    let asked = asked.filter(|(kind, _)| *kind != AlarmKind::EndsOverdue);
    probes.extend(asked.map(|(_, probe)| Arc::clone(probe)));
    let signed = ends.map(|file| Arc::new(guards::EndsFileProbe::of(file)));
    probes.extend(signed.map(|probe| probe as Arc<dyn ReadinessProbe>));
    let asked = on_call.map(|it| on_call::OnCallProbe(Arc::clone(it)));
    probes.extend(asked.map(|probe| Arc::new(probe) as Arc<dyn ReadinessProbe>));
    probes
}

/// Probes leader work; other nodes name the leader.
fn of_leader(lead: &Arc<Lead>, probe: impl ReadinessProbe + 'static) -> Arc<dyn ReadinessProbe> {
    Arc::new(probes::OfLeader {
        lead: Arc::clone(lead),
        probe,
    })
}

fn alarming(
    (access, aws, foreign): (&Arc<Access>, &Arc<Aws>, &Arc<ForeignStatements>),
    (directory, lead, log): (&Arc<Inventory>, &Arc<Lead>, &Arc<LogWatch>),
    (time, pulse, store): (&Arc<ProcessClock>, &Arc<probes::Pulse>, &ServerStore),
    guards: Option<&Guards>,
) -> Vec<(AlarmKind, Arc<dyn ReadinessProbe>)> {
    let clock = Arc::clone(time) as Arc<dyn Clock>;
    let read = probes::AwsProbe::new(directory, access, &clock, store);
    let region = probes::HomeRegionProbe {
        aws: Arc::clone(aws),
        access: Arc::clone(access),
        clock: Arc::clone(time) as Arc<dyn Clock>,
    };
    let key = probes::InstanceKeyProbe(Arc::clone(aws));
    let clocks = clocks::ClockProbe(Arc::clone(time));
    let log = log_watch::LogProbe(Arc::clone(log));
    let tended = probes::ReconcilerProbe(Arc::clone(pulse));
    let overdue = probes::OverdueProbe::new(access);
    let mut alarming: Vec<(AlarmKind, Arc<dyn ReadinessProbe>)> = vec![
        (AlarmKind::OrganizationUnread, Arc::new(read)),
        (AlarmKind::HomeRegionLost, Arc::new(region)),
        (AlarmKind::KeyUnusable, Arc::new(key)),
        (AlarmKind::ClocksDisagree, Arc::new(clocks)),
        (AlarmKind::LogWentBack, Arc::new(log)),
        (AlarmKind::AssignmentsUntended, of_leader(lead, tended)),
        (AlarmKind::EndsOverdue, Arc::new(overdue)),
    ];
    if let Some(probe) = probes::of_armed_policies(access, foreign) {
        alarming.push((AlarmKind::ForeignStatement, of_leader(lead, probe)));
    }
    if let Some(probe) = group_sync::probe(access, time) {
        alarming.push((AlarmKind::GroupSync, of_leader(lead, probe)));
    }
    let guards = guards.map(|it| of_leader(lead, guards::GuardProbe(it.clone())));
    alarming.extend(guards.map(|probe| (AlarmKind::Guard, probe)));
    alarming
}

fn deciding(
    access: Access,
    (remediating, store): (Option<&Remediating>, &Arc<ServerStore>),
) -> Access {
    match remediating {
        Some(with) => access.with_remediations(RemediationSource {
            kept: Arc::clone(store) as Arc<dyn RemediationPresses>,
            ..with.source.clone()
        }),
        None => access,
    }
}

impl Composed {
    /// Serves HTTP on `listener`, and works while leading, until `shutdown`; then finishes calls.
    ///
    /// # Errors
    /// If AWS reports a different instance than assumed; shuts down in the same order.
    pub(crate) async fn run(
        self,
        listener: impl hallpass_server::Accept,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Failure> {
        let (belied, mut heard) = oneshot::channel();
        let aws = Arc::clone(&self.workshop.aws);
        let shutdown = async move {
            // boxed: large, and usually just waits
            let is_belied = Box::pin(opening::belied(&aws));
            tokio::select! {
                () = shutdown => {}
                // a closed receiver needs no reason
                failure = is_belied => drop(belied.send(failure)),
            }
        };
        let (mut serving, served) = (JoinSet::new(), watch::Sender::new(false));
        self.spawn_serving(&mut serving);
        let (stop, told) = (self.stop.clone(), served.subscribe());
        let serve = hallpass_server::serve(listener, self.app.clone(), async move {
            shutdown.await;
            // ends event streams and loops; calls in flight finish
            stop.send_replace(true);
        });
        let serve = async {
            serve.await;
            self.stop.send_replace(true);
            served.send_replace(true);
        };
        tokio::join!(serve, self.lead_and_work(self.stop.subscribe(), told));
        join(&mut serving, SHUTDOWN_MAX).await;
        // empty on a requested stop
        heard.try_recv().map_or(Ok(()), Err)
    }
}

async fn join(tasks: &mut JoinSet<()>, within: std::time::Duration) {
    let ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(within, ended).await.is_err() {
        // CRASH: stopping in the middle of a step is survivable by design
        tasks.shutdown().await;
    }
}

const SHUTDOWN_MAX: std::time::Duration = std::time::Duration::from_secs(20);
