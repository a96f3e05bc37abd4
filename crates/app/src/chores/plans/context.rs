//! Assembles the dependencies of plans, for a command or the server.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Loaded;
use crate::host::live_grants::{StoredEnds, StoredGrants};
use crate::host::named_calls::NamedCalls;
use crate::host::random_ids::RandomIds;
use crate::host::server_store::ServerStore;
use crate::host::timer::Timer;
use crate::setup::clock;
use crate::setup::opening::{aws_settings, connect, open_store_to_act};
use crate::setup::providers::providers;
use hallpass_access_files::{
    AccessStepExecutor, GrantedAccess, LiveGrants, MembershipStepExecutor, PermissionSetAdmin,
};
use hallpass_assignments::IdentityCenter;
use hallpass_aws::{Aws, PermissionSets, RoleToAssume};
use hallpass_base::clock::ProcessClock;
use hallpass_base::{Clock, IdSource, Timestamp};
use hallpass_enforcement::standards_visits::VisitStore;
use hallpass_enforcement::{OrgStore, Organization};
use hallpass_org::delegation::DelegationStepExecutor;
use hallpass_org::enrolment::{EnrolmentCalls, EnrolmentStepExecutor, TRUSTED_ROLES};
use hallpass_org::insights::ChannelStepExecutor;
use hallpass_org::pci::{PeopleStepExecutor, ProviderStepExecutor};
use hallpass_org::standards::StandardsStepExecutor;
use hallpass_org::vending::{
    AccountAdmin, ListingAge, SeenAccounts, UserStepExecutor, VendingStepExecutor,
};
use hallpass_org::{ChoreError, OrgStepExecutor, ServiceCalls};
use hallpass_plans::{PlanStore, Runner, RunnerIdentity, RunnerPorts, StepExecutor, StepNews};
use hallpass_terminal::exit::Failure;
use tokio::sync::OnceCell;

use super::access_needs::DirectoryNeeds;
use super::account_listing::NamingCalls;
use super::chore_failed;
use super::every_step::{EveryStep, StepRequests};
use crate::chores::remediations;
use crate::chores::vending_mail::VendingMailer;

/// Plan time: drills and denials end by AWS's time, not this machine's.
struct Elsewhere(Arc<ProcessClock>);

impl Clock for Elsewhere {
    fn now(&self) -> Timestamp {
        self.0.elsewhere()
    }
}

pub struct PlanContext {
    pub aws: Arc<Aws>,
    pub center: Arc<dyn PermissionSetAdmin>,
    pub grants: Arc<dyn LiveGrants>,
    pub organization: Arc<dyn Organization>,
    pub accounts: Arc<dyn AccountAdmin>,
    pub calls: Arc<dyn ServiceCalls>,
    pub enrolment: EnrolmentCalls,
    pub kept: Arc<dyn OrgStore>,
    pub visits: Arc<dyn VisitStore>,
    pub clock: Arc<dyn Clock>,
    pub runner: Runner,
    pub plans: Arc<dyn PlanStore>,
    pub hands: Arc<dyn StepExecutor>,
    pub mailer: Option<VendingMailer>,
    pub seen: Arc<SeenAccounts>,
    ids: Arc<dyn IdSource>,
    listings: Arc<NamingCalls>,
    names: OnceCell<BTreeMap<String, String>>,
}

impl PlanContext {
    /// Account names by id; empty if unreadable, because no plan needs them.
    pub async fn account_names(&self) -> BTreeMap<String, String> {
        let listed = async {
            if let Some(names) = self.listings.names() {
                return names;
            }
            match self.seen.all(ListingAge::Run).await {
                Ok(accounts) => {
                    let all = accounts.values();
                    all.map(|it| (it.id.clone(), it.name.clone())).collect()
                }
                Err(fault) => {
                    tracing::debug!(%fault, "accounts cannot be listed, and are shown without their names");
                    BTreeMap::new()
                }
            }
        };
        self.names.get_or_init(|| listed).await.clone()
    }

    /// A separate runner, without shared lanes; the audit log names `actor` for its changes.
    pub(super) fn another_runner(&self, actor: &str) -> Runner {
        runner((&self.plans, &self.hands), &self.clock, &self.ids, actor)
    }

    pub fn access(&self) -> crate::chores::access_look::AccessLook<'_> {
        crate::chores::access_look::AccessLook {
            aws: &self.aws,
            center: self.center.as_ref(),
            grants: self.grants.as_ref(),
        }
    }
}

pub struct PlanMeans {
    pub store: Arc<ServerStore>,
    pub aws: Arc<Aws>,
    pub time: Arc<ProcessClock>,
    pub ids: Arc<dyn IdSource>,
}

pub async fn listed<T>(
    loaded: &Loaded,
    list: impl AsyncFnOnce(&dyn Organization, &dyn OrgStore, Timestamp) -> Result<Vec<T>, ChoreError>,
) -> Result<Vec<T>, Failure> {
    let at = open(loaded).await?;
    let rows = list(at.organization.as_ref(), at.kept.as_ref(), at.clock.now()).await;
    rows.map_err(chore_failed)
}

/// Opens the store and connects to AWS, as the server does.
pub async fn open(loaded: &Loaded) -> Result<PlanContext, Failure> {
    let store = Arc::new(open_store_to_act(loaded.store()?).await?);
    let time = clock::after_log(&store).await;
    let ids: Arc<dyn IdSource> = Arc::new(RandomIds);
    let aws = Arc::new(connect(loaded, &time, Arc::clone(&ids)).await?);
    let means = PlanMeans {
        store,
        aws,
        time,
        ids,
    };
    assemble(loaded, means).await
}

pub async fn assemble(loaded: &Loaded, means: PlanMeans) -> Result<PlanContext, Failure> {
    let PlanMeans {
        store,
        aws,
        time,
        ids,
    } = means;
    let clock: Arc<dyn Clock> = Arc::new(Elsewhere(time));
    let organization: Arc<dyn Organization> = Arc::clone(&aws) as Arc<dyn Organization>;
    let kept: Arc<dyn OrgStore> = Arc::clone(&store) as Arc<dyn OrgStore>;
    let center: Arc<dyn PermissionSetAdmin> = Arc::new(PermissionSets::new(Arc::clone(&aws)));
    let grants: Arc<dyn LiveGrants> = Arc::new(StoredGrants(Arc::clone(&store)));
    let accounts = Arc::clone(&aws) as Arc<dyn AccountAdmin>;
    let seen = Arc::new(SeenAccounts::new(Arc::clone(&accounts), Arc::clone(&clock)));
    let listings = Arc::new(NamingCalls::over(Arc::new(member_calls(loaded).await?)));
    let calls: Arc<dyn ServiceCalls> = Arc::clone(&listings) as Arc<dyn ServiceCalls>;
    let enrolment = enrolment_calls(loaded, &aws, &calls).await?;
    let access = Arc::new(AccessStepExecutor::new(
        Arc::clone(&center),
        Arc::clone(&grants),
        ends(&store, &clock),
    ));
    let hands: Arc<dyn StepExecutor> = Arc::new(EveryStep {
        requests: StepRequests::default(),
        vending: vending(
            &accounts,
            &seen,
            &access,
            DirectoryNeeds::of(&aws, &center),
            &clock,
        ),
        users: UserStepExecutor::new(Arc::clone(&calls)),
        delegation: DelegationStepExecutor::new(Arc::clone(&calls), Arc::clone(&clock)),
        standards: StandardsStepExecutor::new(Arc::clone(&calls)),
        people: PeopleStepExecutor::new(Arc::clone(&calls), Arc::clone(&clock)),
        providers: ProviderStepExecutor::new(providers(loaded), Arc::clone(&clock)),
        channels: ChannelStepExecutor::new(Arc::clone(&calls), Arc::clone(&clock)),
        enrolment: enrolment_steps(&enrolment, &store, &clock),
        remediation: remediations::step_executor(loaded, &store, &clock).await?,
        org: organization_steps(&organization, &kept, &clock),
        access,
        memberships: memberships(&aws, &grants),
    });
    let visits = Arc::clone(&store) as Arc<dyn VisitStore>;
    let plans: Arc<dyn PlanStore> = store;
    let runner = runner((&plans, &hands), &clock, &ids, &aws.about().arn);
    Ok(PlanContext {
        mailer: VendingMailer::of(loaded, &plans, &accounts, (&clock, ids.as_ref()))?,
        seen,
        ids,
        listings,
        names: OnceCell::new(),
        aws,
        center,
        grants,
        organization,
        accounts,
        calls,
        enrolment,
        kept,
        visits,
        clock,
        runner,
        plans,
        hands,
    })
}

fn vending(
    accounts: &Arc<dyn AccountAdmin>,
    seen: &Arc<SeenAccounts>,
    access: &Arc<AccessStepExecutor>,
    needs: Arc<DirectoryNeeds>,
    clock: &Arc<dyn Clock>,
) -> VendingStepExecutor {
    VendingStepExecutor::new(
        Arc::clone(accounts),
        Arc::clone(seen),
        Arc::clone(access) as Arc<dyn StepExecutor>,
        needs,
        Arc::clone(clock),
    )
}

fn enrolment_steps(
    enrolment: &EnrolmentCalls,
    store: &Arc<ServerStore>,
    clock: &Arc<dyn Clock>,
) -> EnrolmentStepExecutor {
    let news = Arc::clone(store) as Arc<dyn StepNews>;
    EnrolmentStepExecutor::new(enrolment.clone(), Arc::clone(clock), news)
}

fn organization_steps(
    organization: &Arc<dyn Organization>,
    kept: &Arc<dyn OrgStore>,
    clock: &Arc<dyn Clock>,
) -> OrgStepExecutor {
    OrgStepExecutor {
        organization: Arc::clone(organization),
        store: Arc::clone(kept),
        clock: Arc::clone(clock),
    }
}

fn ends(store: &Arc<ServerStore>, clock: &Arc<dyn Clock>) -> Arc<dyn GrantedAccess> {
    Arc::new(StoredEnds {
        store: Arc::clone(store),
        clock: Arc::clone(clock),
    })
}

fn memberships(aws: &Arc<Aws>, grants: &Arc<dyn LiveGrants>) -> MembershipStepExecutor {
    let center = Arc::clone(aws) as Arc<dyn IdentityCenter>;
    MembershipStepExecutor::new(center, Arc::clone(grants))
}

fn runner(
    (plans, hands): (&Arc<dyn PlanStore>, &Arc<dyn StepExecutor>),
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn IdSource>,
    actor: &str,
) -> Runner {
    Runner::new(
        RunnerPorts {
            store: Arc::clone(plans),
            hands: Arc::clone(hands),
            clock: Arc::clone(clock),
            ids: Arc::clone(ids),
            nap: Arc::new(Timer),
        },
        keeper(actor, ids.as_ref(), clock.now()),
    )
}

/// The runner's identity: this process with its credentials.
fn keeper(actor: &str, ids: &dyn IdSource, now: Timestamp) -> RunnerIdentity {
    RunnerIdentity {
        holder: format!(
            "process {} ({})",
            std::process::id(),
            ids.next(now).simple()
        ),
        actor: actor.to_owned(),
    }
}

/// Parallel calls of steps without a service port.
const CALLS_AT_ONCE: usize = 8;
/// The role that AWS Organizations creates in its new accounts.
pub const MEMBER_ROLE: &str = "OrganizationAccountAccessRole";

/// Calls by name, with the base credentials and with the member role.
pub async fn member_calls(loaded: &Loaded) -> Result<NamedCalls, Failure> {
    let aws = &loaded.config.aws;
    let role = RoleToAssume {
        name: aws
            .member_role
            .clone()
            .unwrap_or_else(|| MEMBER_ROLE.to_owned()),
        external_id: aws.member_external_id.clone(),
        session_name: "hallpass-plan".to_owned(),
        ..RoleToAssume::default()
    };
    NamedCalls::of(aws_settings(loaded), role, CALLS_AT_ONCE).await
}

async fn enrolment_calls(
    loaded: &Loaded,
    aws: &Aws,
    home: &Arc<dyn ServiceCalls>,
) -> Result<EnrolmentCalls, Failure> {
    let mut trusted: Vec<(&'static str, Arc<dyn ServiceCalls>)> = Vec::new();
    for name in TRUSTED_ROLES {
        let role = RoleToAssume {
            name: name.to_owned(),
            external_id: aws.about().organization_id.clone(),
            session_name: "hallpass-enrol".to_owned(),
            ..RoleToAssume::default()
        };
        let calls = NamedCalls::of(aws_settings(loaded), role, CALLS_AT_ONCE).await?;
        trusted.push((name, Arc::new(calls)));
    }
    Ok(EnrolmentCalls {
        home: Arc::clone(home),
        trusted,
    })
}
