//! Assembles remediation: the core and the AWS calls behind its ports.

mod calls;
mod exceptions;
mod notifying;
mod own_code;
mod rule_source;

use std::sync::Arc;

use crate::config::Loaded;
use crate::host::server_store::ServerStore;
use crate::host::timer::Timer;
use crate::setup::opening::aws_settings;
use async_trait::async_trait;
use hallpass_access::{RemediationPresses, RemediationSource};
use hallpass_alerts::AlertStore;
use hallpass_aws::{AwsClientSettings, FindingClient};
use hallpass_base::{AccountId, Clock, IdSource};
use hallpass_findings::remediation::{
    AccountStanding, AccountStandings, MemberCalls, RemediationHandler, RemediationPorts,
    RemediationStepExecutor, RemediationStore, RemediationWorker, StandingReader, Standings,
};
use hallpass_findings::{EnrichSettings, Enricher, FindingCalls};
use hallpass_plans::{PlanStore, Runner, RunnerIdentity, RunnerPorts, StepExecutor};
use hallpass_terminal::exit::Failure;

pub use calls::MemberSessions;
pub use exceptions::ExceptionTeller;
pub use notifying::BacklogTeller;
pub use own_code::CallableCode;
pub use rule_source::{RuleSource, read_rules};

pub struct KnownAccounts {
    enricher: Arc<Enricher>,
    management: Option<AccountId>,
}

impl KnownAccounts {
    pub fn new(enricher: Arc<Enricher>, management: Option<AccountId>) -> Self {
        Self {
            enricher,
            management,
        }
    }
}

#[async_trait]
impl AccountStandings for KnownAccounts {
    async fn standing(&self, account: &AccountId) -> Result<AccountStanding, String> {
        match self.enricher.unit(account).await {
            Ok(Some(unit)) => Ok(AccountStanding::Member {
                unit,
                management: self.management.as_ref().is_none_or(|it| it == account),
            }),
            Ok(None) => Ok(AccountStanding::Outside),
            Err(refusal) => Err(refusal.to_string()),
        }
    }
}

pub fn member_calls(
    loaded: &Loaded,
    client: AwsClientSettings,
    clock: &Arc<dyn Clock>,
    findings: &Arc<dyn FindingCalls>,
) -> (Arc<dyn MemberCalls>, Arc<dyn Standings>) {
    let (role, external_id) = loaded.remediation_role();
    let calls = MemberSessions::new(client, role, external_id, Arc::clone(clock));
    let calls: Arc<dyn MemberCalls> = Arc::new(calls);
    let reader = StandingReader::new(Arc::clone(findings), Arc::clone(&calls));
    (calls, Arc::new(reader))
}

pub async fn step_executor(
    loaded: &Loaded,
    store: &Arc<ServerStore>,
    clock: &Arc<dyn Clock>,
) -> Result<RemediationStepExecutor, Failure> {
    let (calls, standings) = standings(loaded, clock).await?;
    let code = CallableCode::of(loaded, aws_settings(loaded), clock)?;
    let clock = Arc::clone(clock);
    Ok(RemediationStepExecutor {
        calls,
        standings,
        code,
        store: Arc::clone(store) as Arc<dyn RemediationStore>,
        clock,
    })
}

pub async fn standings(
    loaded: &Loaded,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<dyn MemberCalls>, Arc<dyn Standings>), Failure> {
    let client = aws_settings(loaded);
    let findings = FindingClient::new(client.clone(), fastrand::u64(..), Arc::clone(clock)).await;
    let findings = findings.map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    let findings: Arc<dyn FindingCalls> = Arc::new(findings);
    Ok(member_calls(loaded, client, clock, &findings))
}

#[derive(Clone)]
pub struct Remediating {
    pub rules: Arc<RuleSource>,
    pub worker: Arc<RemediationWorker>,
    pub store: Arc<dyn RemediationStore>,
    pub teller: Arc<BacklogTeller>,
    pub exceptions: Arc<ExceptionTeller>,
    pub clock: Arc<dyn Clock>,
    pub source: RemediationSource,
}

pub struct RemediationMeans<'a> {
    pub loaded: &'a Loaded,
    pub client: &'a AwsClientSettings,
    pub store: &'a ServerStore,
    pub clock: &'a Arc<dyn Clock>,
    pub ids: &'a Arc<dyn IdSource>,
    pub enricher: &'a Arc<Enricher>,
    pub findings: &'a Arc<dyn FindingCalls>,
    pub settings: &'a EnrichSettings,
    pub organization: String,
    pub management: Option<AccountId>,
    pub actor: String,
}

fn known_accounts(means: &RemediationMeans<'_>) -> KnownAccounts {
    KnownAccounts::new(Arc::clone(means.enricher), means.management.clone())
}

fn ports(means: &RemediationMeans<'_>, standings: &Arc<dyn Standings>) -> RemediationPorts {
    RemediationPorts {
        store: Arc::new(means.store.clone()),
        findings: Arc::clone(means.findings),
        standings: Arc::clone(standings),
        accounts: Arc::new(known_accounts(means)),
        clock: Arc::clone(means.clock),
    }
}

pub fn handler(
    means: &RemediationMeans<'_>,
    rules: &Arc<RuleSource>,
    standings: Arc<dyn Standings>,
) -> RemediationHandler {
    let source = Arc::clone(rules);
    RemediationHandler {
        file: Arc::new(move || source.rules()),
        accounts: Arc::new(known_accounts(means)),
        standings,
        store: Arc::new(means.store.clone()),
        clock: Arc::clone(means.clock),
    }
}

/// Opens the parts, if the configuration names rules.
///
/// # Errors
/// Exit 2 for an unusable rule file.
pub fn open(
    means: &RemediationMeans<'_>,
) -> Result<Option<(RemediationHandler, Remediating)>, Failure> {
    let Some(path) = means.loaded.remediation_rules() else {
        return Ok(None);
    };
    let rules = Arc::new(RuleSource::open(path)?);
    let store = Arc::new(means.store.clone());
    let client = means.client.clone();
    let (calls, standings) = member_calls(means.loaded, client, means.clock, means.findings);
    let code = CallableCode::of(means.loaded, means.client.clone(), means.clock)?;
    let hands: Arc<dyn StepExecutor> = Arc::new(RemediationStepExecutor {
        calls,
        standings: Arc::clone(&standings),
        code,
        store: Arc::clone(&store) as Arc<dyn RemediationStore>,
        clock: Arc::clone(means.clock),
    });
    let runner = Runner::new(
        RunnerPorts {
            store: Arc::clone(&store) as Arc<dyn PlanStore>,
            hands,
            clock: Arc::clone(means.clock),
            ids: Arc::clone(means.ids),
            nap: Arc::new(Timer),
        },
        RunnerIdentity {
            holder: format!(
                "server {} ({})",
                std::process::id(),
                means.ids.next(means.clock.now()).simple()
            ),
            actor: means.actor.clone(),
        },
    );
    let source = Arc::clone(&rules);
    let worker = RemediationWorker::new(
        ports(means, &standings),
        runner,
        Arc::new(move || source.rules()),
        means.settings.clone(),
        means.organization.clone(),
    );
    let teller = BacklogTeller::new(
        Arc::clone(&store) as Arc<dyn RemediationStore>,
        Arc::clone(&store) as Arc<dyn AlertStore>,
        Arc::clone(means.clock),
        &means.loaded.config.server.public_url,
    );
    let alerts = Arc::clone(&store) as Arc<dyn AlertStore>;
    let exceptions = ExceptionTeller::new(alerts, Arc::clone(means.clock));
    let deciding = Arc::clone(&rules);
    let parts = Remediating {
        source: RemediationSource {
            kept: Arc::clone(&store) as Arc<dyn RemediationPresses>,
            rules: Arc::new(move || deciding.rules()),
            accounts: Arc::new(known_accounts(means)),
            standings: Arc::clone(&standings),
        },
        worker: Arc::new(worker),
        store,
        teller: Arc::new(teller.map_err(Failure::bug)?),
        exceptions: Arc::new(exceptions.map_err(Failure::bug)?),
        rules: Arc::clone(&rules),
        clock: Arc::clone(means.clock),
    };
    Ok(Some((handler(means, &rules, standings), parts)))
}
