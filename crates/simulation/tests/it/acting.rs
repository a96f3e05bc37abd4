use fastrand::Rng;
use hallpass_access::CampaignStore;
use hallpass_access::{
    AccessError, AccessStore, Asking, Extending, Grant, GrantFilter, GroupSyncStore, Idempotency,
    Request, RequestOutcome, SweepStore, Wanted,
};
use hallpass_assignments::{AssignmentStore, OperationKind};
use hallpass_audit::AuditStore;
use hallpass_base::{Clock as _, GrantId, HoldKey, RequestId, TimeSpan};
use hallpass_simulation::{Human, World};

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn asking(set: &str, duration: TimeSpan) -> Asking {
    let wanted = match set {
        "oncall" => Wanted::Group {
            group: "oncall".into(),
        },
        set => Wanted::Account {
            account: "payments-prod".into(),
            permission_set: set.into(),
        },
    };
    Asking {
        wanted,
        duration,
        reason: "OPS-1: a: b & <c>".into(),
        ticket: None,
        starts_at: None,
        confirmed: Vec::new(),
    }
}

pub(crate) fn key_of(text: &str) -> Idempotency {
    Idempotency {
        key: text.into(),
        fingerprint: text.into(),
    }
}

pub(crate) async fn ask(
    world: &World,
    who: Human,
    set: &str,
    duration: TimeSpan,
) -> RequestOutcome {
    world
        .access
        .ask(&world.actor(who), &asking(set, duration), None)
        .await
        .unwrap()
}

pub(crate) async fn asked_for(
    world: &World,
    who: Human,
    set: &str,
    duration: TimeSpan,
) -> RequestId {
    ask(world, who, set, duration).await.request().id
}

pub(crate) async fn approve(
    world: &World,
    who: Human,
    id: RequestId,
) -> Result<Request, AccessError> {
    world.access.approve(&world.actor(who), id, None).await
}

/// Records notices for [`told`](crate::told).
pub(crate) async fn listen(world: &World) {
    let opened = world.store.open_channel("test", world.clock.now()).await;
    opened.unwrap();
}

pub(crate) async fn take(world: &World, who: Human, set: &str, duration: TimeSpan) -> GrantId {
    match ask(world, who, set, duration).await {
        RequestOutcome::Approved(_, Some(grant)) => grant.id,
        other => panic!("expected a grant, got {other:?}"),
    }
}

pub(crate) async fn extend(
    world: &World,
    who: Human,
    id: GrantId,
    duration: TimeSpan,
) -> Result<RequestOutcome, AccessError> {
    let (by, actor) = (Extending::by(duration), world.actor(who));
    world.access.extend(&actor, id, by, None).await
}

pub(crate) async fn grant(world: &World, id: GrantId) -> Grant {
    world.store.grant(id).await.unwrap().unwrap()
}

pub(crate) trait Kept:
    AccessStore + CampaignStore + GroupSyncStore + SweepStore + AssignmentStore + AuditStore + 'static
{
}
impl<
    T: AccessStore
        + CampaignStore
        + GroupSyncStore
        + SweepStore
        + AssignmentStore
        + AuditStore
        + 'static,
> Kept for T
{
}

pub(crate) async fn grants<S: Kept>(world: &World<S>) -> Vec<Grant> {
    world
        .store
        .grants(&GrantFilter::default(), 1000)
        .await
        .unwrap()
        .rows
}

pub(crate) async fn release(world: &World, who: Human, id: GrantId) -> Result<Grant, AccessError> {
    world.access.release(&world.actor(who), id, None).await
}

pub(crate) fn writes_on(world: &World, key: &HoldKey) -> Vec<OperationKind> {
    world
        .center
        .writes()
        .into_iter()
        .filter(|(_, k)| k == key)
        .map(|(kind, _)| kind)
        .collect()
}

/// Checks that a second pass over settled state does nothing.
pub(crate) async fn check_second_pass<S: Kept>(world: &World<S>, case: &str) {
    let done = async || {
        let head = world.store.head().await.unwrap();
        (head, world.center.writes().len())
    };
    let before = done().await;
    world.tick().await;
    world.access.reconcile().await.unwrap();
    world.tick().await;
    let after = done().await;
    assert_eq!(before, after, "{case}: the second pass did something");
}

/// Runs until everything is created, ended and reported, restarting after each planned stop.
pub(crate) async fn come_to_rest<S: Kept>(world: &mut World<S>) {
    for _ in 0..20 {
        let calm = world.live_coarsely(TimeSpan::minutes(2), TimeSpan::seconds(2));
        if !world.until_stopped(calm).await {
            world.restart();
        }
        if grants(world).await.iter().all(Grant::is_over) {
            break;
        }
    }
}

/// Number of seeds; `HALLPASS_LIVES` raises it.
pub(crate) fn lives() -> u64 {
    let wanted = std::env::var("HALLPASS_LIVES").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(400)
}

pub(crate) fn drawn_set(rng: &mut Rng) -> &'static str {
    match rng.u8(0..4) {
        0 => "oncall",
        _ => "ReadOnly",
    }
}
