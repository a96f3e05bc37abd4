//! The configured intake of organization events from a queue: enriches and remediates findings,
//! reports root sign-ins, checks departed users, wakes plans that wait for Control Tower.

use std::sync::Arc;

use crate::config::Loaded;
use crate::host::server_store::ServerStore;
use crate::reports::alerts::{AccountNames, InsightHandler, RootSignInHandler};
use crate::setup::opening::management_account;
use crate::setup::sources::cached_snapshot;
use async_trait::async_trait;
use hallpass_aws::{AwsClientSettings, ConnectedOrganization, FindingClient, SqsQueue};
use hallpass_base::{Clock, IdSource};
use hallpass_findings::events::{EventHandler, EventIntake, IntakeLimits};
use hallpass_findings::{Enricher, FindingCalls, FindingHandler};
use hallpass_terminal::exit::Failure;

use crate::chores::lifecycle_news::LifecycleHandler;
use crate::chores::people_news::PeopleHandler;
use crate::chores::remediations::{self, Remediating, RemediationMeans};
use crate::chores::standards_follow;

/// Intake and remediation; `None` where not configured.
pub type Intake = (Option<Arc<EventIntake>>, Option<Remediating>);

pub struct IntakeMeans<'a> {
    pub loaded: &'a Loaded,
    pub client: &'a AwsClientSettings,
    pub store: &'a ServerStore,
    pub clock: &'a Arc<dyn Clock>,
    pub ids: &'a Arc<dyn IdSource>,
    pub about: &'a ConnectedOrganization,
    pub people: &'a Arc<PeopleHandler>,
    pub lists: Option<Arc<dyn EventHandler>>,
}

struct CachedNames(ServerStore);

#[async_trait]
impl AccountNames for CachedNames {
    async fn name_of(&self, account: &str) -> Option<String> {
        let snapshot = cached_snapshot(&self.0).await?;
        let mut accounts = snapshot.accounts.into_iter();
        let found = accounts.find(|it| it.id.as_str() == account)?;
        Some(found.name)
    }
}

/// Opens intake and remediation; `None` without a configured queue.
///
/// # Errors
/// Exit 2 for unusable configuration or files.
pub async fn open(means: &IntakeMeans<'_>) -> Result<Intake, Failure> {
    let lists = means.lists.clone();
    let IntakeMeans {
        loaded,
        client,
        store,
        clock,
        ids,
        about,
        ..
    } = means;
    let (loaded, client, store) = (*loaded, *client, *store);
    let (clock, ids, about) = (*clock, *ids, *about);
    let (settings, payer) = (loaded.enrich_settings()?, loaded.payer()?);
    loaded.check_remediation()?;
    let Some(url) = loaded.event_queue()? else {
        return Ok((None, None));
    };
    let cannot = |error: String| Failure::failed(format!("cannot start: {error}"));
    let queue = SqsQueue::new(client.clone(), url, Arc::clone(clock))
        .await
        .map_err(cannot)?;
    let calls = FindingClient::new(client.clone(), fastrand::u64(..), Arc::clone(clock))
        .await
        .map_err(cannot)?;
    let calls: Arc<dyn FindingCalls> = Arc::new(calls);
    let enricher = Enricher::new(Arc::clone(&calls), Arc::clone(clock), settings.clone());
    let enricher = Arc::new(enricher);
    let warn = |warning: &str| tracing::warn!("{warning}");
    let findings = FindingHandler::new(Arc::clone(&enricher), warn);
    let mut handlers = first_of(means.people, findings);
    let opened = remediations::open(&RemediationMeans {
        loaded,
        client,
        store,
        clock,
        ids,
        enricher: &enricher,
        findings: &calls,
        settings: &settings,
        organization: about.organization_id.clone().unwrap_or_default(),
        management: management_account(about),
        actor: about.arn.clone(),
    })?;
    let (handler, remediating) = opened.unzip();
    if let Some(handler) = handler {
        handlers.push(Arc::new(handler));
    }
    let plans = Arc::new(store.clone());
    let lifecycle = LifecycleHandler::new(plans.clone(), plans, Arc::clone(clock));
    handlers.push(Arc::new(lifecycle));
    handlers.extend(standards_follow::handler(loaded, store, clock)?);
    handlers.extend(lists);
    handlers.push(Arc::new(insights(loaded, store, clock)?));
    if let Some(payer) = payer {
        let states = Arc::new(store.clone());
        let sign_ins = RootSignInHandler::new(payer, states, Arc::clone(clock));
        handlers.push(Arc::new(sign_ins.map_err(Failure::bug)?));
    }
    let intake = EventIntake::new(
        Arc::new(queue),
        Arc::new(store.clone()),
        handlers,
        Arc::clone(clock),
        IntakeLimits::default(),
    );
    Ok((Some(Arc::new(intake)), remediating))
}

fn insights(
    loaded: &Loaded,
    store: &ServerStore,
    clock: &Arc<dyn Clock>,
) -> Result<InsightHandler, Failure> {
    let names = Arc::new(CachedNames(store.clone()));
    let (least, states) = (loaded.least_insight()?, Arc::new(store.clone()));
    InsightHandler::new(least, names, states, Arc::clone(clock)).map_err(Failure::bug)
}

/// Users first, because a round of findings may be long.
fn first_of(people: &Arc<PeopleHandler>, findings: FindingHandler) -> Vec<Arc<dyn EventHandler>> {
    vec![Arc::<PeopleHandler>::clone(people), Arc::new(findings)]
}
