//! Applies a standards file to new accounts (`organization.md` S-8): assembles the core and its
//! ports.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::config::{Loaded, StandardsSchedule};
use crate::host::server_store::ServerStore;
use crate::host::suggestions::check_region;
use crate::host::timer::Timer;
use crate::reports::pci::{EventLookup, each_page};
use async_trait::async_trait;
use hallpass_activity::{EventNames, read_recorded_changes};
use hallpass_alerts::{
    AlertCommitError, AlertRuleIdError, AlertSeverity, AlertStore, HappeningRule, happened_together,
};
use hallpass_base::{AccountId, Clock, IdSource, TimeSpan, Timestamp};
use hallpass_enforcement::standards_visits::{StandardsVisit, VisitStore};
use hallpass_findings::events::{EventHandler, HandledEvent, OrganizationEvent};
use hallpass_org::ServiceCalls;
use hallpass_org::standards::{
    HUB_EVENTS, HubChange, HubLog, StandardsFile, StandardsFollower, StandardsNews,
    StandardsStepExecutor, VisitTeller, asks_for_visit, visit_asked_by,
};
use hallpass_plans::{PlanStore, Runner, RunnerIdentity, RunnerPorts, StoreFault};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::read_text;
use serde_json::{Map, Value};

use crate::chores::plans::member_calls;
use crate::chores::standards_words;

const HUB_SOURCE: &str = "securityhub.amazonaws.com";
const FILE_BYTES_MAX: u64 = 4 << 20;
const RULE: &str = "standards/new-accounts";
const KEY: [&str; 1] = ["what"];
const MESSAGE: &str = "{subject}: {reason}";
const TRIES: usize = 8;

/// The file in force: an unusable new version keeps the earlier one.
struct StandardsSource {
    path: PathBuf,
    held: RwLock<(String, Arc<StandardsFile>)>,
    refused: Mutex<Option<String>>,
}

impl StandardsSource {
    fn open(path: PathBuf) -> Result<Self, Failure> {
        let read = Self::read(&path)?;
        Ok(Self {
            path,
            held: RwLock::new(read),
            refused: Mutex::default(),
        })
    }

    fn read(path: &std::path::Path) -> Result<(String, Arc<StandardsFile>), Failure> {
        let text = read_text(path, FILE_BYTES_MAX)?;
        let file = StandardsFile::read(&text);
        let file = file.map_err(|error| Failure::bad_input(error).within(path))?;
        for (line, region) in file.regions() {
            check_region(Some(line), region).map_err(|failure| failure.within(path))?;
        }
        Ok((text, Arc::new(file)))
    }

    fn file(&self) -> Arc<StandardsFile> {
        let read = Self::read(&self.path);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(read) => {
                *refused = None;
                let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
                if held.0 != read.0 {
                    tracing::info!("another file of standards is in force");
                    *held = read;
                }
                Arc::clone(&held.1)
            }
            Err(failure) => {
                let error = failure.words();
                if refused.as_ref() != Some(&error) {
                    tracing::error!(
                        error,
                        "the file of standards cannot be used; that of before stays in force"
                    );
                    *refused = Some(error);
                }
                let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(&held.1)
            }
        }
    }
}

struct AlertingTeller {
    store: Arc<dyn AlertStore>,
    clock: Arc<dyn Clock>,
    rule: HappeningRule,
}

impl AlertingTeller {
    fn new(store: Arc<dyn AlertStore>, clock: Arc<dyn Clock>) -> Result<Self, AlertRuleIdError> {
        Ok(Self {
            store,
            clock,
            rule: HappeningRule {
                id: RULE.parse()?,
                severity: AlertSeverity::Medium,
                key: KEY.map(str::to_owned).to_vec(),
                message: MESSAGE.to_owned(),
                mail_to: Vec::new(),
            },
        })
    }

    async fn tell_rows(&self, rows: &[Value]) -> Result<(), StoreFault> {
        let rows = rows.iter().filter_map(|it| it.as_object().cloned());
        let rows: Vec<Map<String, Value>> = rows.collect();
        for _ in 0..TRIES {
            let state = self.store.alert_state(&self.rule.id).await;
            let state = state.map_err(|error| StoreFault(error.to_string()))?;
            let now = self.clock.now();
            let Some(write) = happened_together(&self.rule, state, &rows, now) else {
                return Ok(());
            };
            match self.store.commit_alert(write).await {
                Ok(()) => return Ok(()),
                Err(AlertCommitError::Raced(_)) => {}
                Err(error @ AlertCommitError::Unavailable(_)) => {
                    return Err(StoreFault(error.to_string()));
                }
            }
        }
        Err(StoreFault("others write of standards, too".to_owned()))
    }
}

#[async_trait]
impl VisitTeller for AlertingTeller {
    async fn tell(&self, news: &StandardsNews) -> Result<(), StoreFault> {
        self.tell_rows(&standards_words::rows(news)).await
    }
}

struct LookedUpHubs {
    calls: Arc<dyn ServiceCalls>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl HubLog for LookedUpHubs {
    async fn changes(
        &self,
        account: &AccountId,
        region: &str,
        since: Timestamp,
    ) -> Result<Vec<HubChange>, String> {
        let mut found = Vec::new();
        for name in HUB_EVENTS {
            let names = EventNames::new([name]);
            let lookup = EventLookup {
                account: Some(account),
                region,
                name,
                from: since,
                until: self.clock.now(),
            };
            let mut read_page = |page: &str| {
                read_recorded_changes(page.as_bytes(), &names, |it| {
                    if it.source == HUB_SOURCE {
                        found.push(HubChange {
                            at: it.at,
                            who: it.who(),
                            event: it.event,
                            request: it.request,
                        });
                    }
                })
                .err()
            };
            if let Some(fault) = each_page(self.calls.as_ref(), &lookup, &mut read_page).await {
                return Err(fault.to_string());
            }
        }
        Ok(found)
    }
}

struct StandardsHandler {
    visits: Arc<dyn VisitStore>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl EventHandler for StandardsHandler {
    fn takes(&self, source: &str, detail_type: &str) -> bool {
        asks_for_visit(source, detail_type)
    }

    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent> {
        let mut handled = Vec::with_capacity(events.len());
        for event in events {
            let Some((account, cause)) = visit_asked_by(&event.source, &event.detail) else {
                handled.push(HandledEvent::Done("it is about no new account".to_owned()));
                continue;
            };
            let visit = StandardsVisit::now(account.clone(), cause, self.clock.now());
            // CRASH: repeated with the event's redelivery; the account is then checked once more
            handled.push(match self.visits.ask_visits(&[visit]).await {
                Ok(()) => HandledEvent::Done(format!("the standards of {account} are checked")),
                Err(fault) => HandledEvent::Again(fault.to_string()),
            });
        }
        handled
    }
}

#[derive(Clone)]
pub struct StandardsFollowing {
    pub follower: Arc<StandardsFollower>,
    pub visits: Arc<dyn VisitStore>,
    pub clock: Arc<dyn Clock>,
    /// Interval of checks of the whole organization.
    pub every: TimeSpan,
}

pub fn handler(
    loaded: &Loaded,
    store: &ServerStore,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<dyn EventHandler>>, Failure> {
    Ok(loaded.standards_schedule()?.map(|_| {
        Arc::new(StandardsHandler {
            visits: Arc::new(store.clone()),
            clock: Arc::clone(clock),
        }) as Arc<dyn EventHandler>
    }))
}

/// Opens the parts, if the configuration names a file.
///
/// # Errors
/// Exit 2 for an unusable file.
pub async fn open(
    loaded: &Loaded,
    store: &ServerStore,
    (clock, ids): (&Arc<dyn Clock>, &Arc<dyn IdSource>),
    actor: &str,
) -> Result<Option<StandardsFollowing>, Failure> {
    let Some(StandardsSchedule {
        file,
        settings,
        every,
    }) = loaded.standards_schedule()?
    else {
        return Ok(None);
    };
    let source = StandardsSource::open(file)?;
    let calls: Arc<dyn ServiceCalls> = Arc::new(member_calls(loaded).await?);
    let store = Arc::new(store.clone());
    let runner = Runner::new(
        RunnerPorts {
            store: Arc::clone(&store) as Arc<dyn PlanStore>,
            hands: Arc::new(StandardsStepExecutor::new(Arc::clone(&calls))),
            clock: Arc::clone(clock),
            ids: Arc::clone(ids),
            nap: Arc::new(Timer),
        },
        RunnerIdentity {
            holder: format!(
                "server {} ({})",
                std::process::id(),
                ids.next(clock.now()).simple()
            ),
            actor: actor.to_owned(),
        },
    );
    let teller = AlertingTeller::new(Arc::clone(&store) as Arc<dyn AlertStore>, Arc::clone(clock));
    let visits: Arc<dyn VisitStore> = store;
    let log = Arc::new(LookedUpHubs {
        calls: Arc::clone(&calls),
        clock: Arc::clone(clock),
    });
    Ok(Some(StandardsFollowing {
        follower: Arc::new(StandardsFollower {
            calls,
            runner,
            visits: Arc::clone(&visits),
            teller: Arc::new(teller.map_err(Failure::bug)?),
            log,
            file: Arc::new(move || source.file()),
            settings,
            clock: Arc::clone(clock),
        }),
        visits,
        clock: Arc::clone(clock),
        every,
    }))
}
