//! Sample history, created by normal calls, with real grants in the simulated Identity Center.

use hallpass_access::{Access, Asking, GrantState, RequestFilter, RequestOutcome, Wanted};
use hallpass_app::host::server_store::ServerStore;
use hallpass_base::{GrantId, TimeSpan};
use hallpass_cli_server::demo::uses::DemoPortal;

use super::people::Scene;

const PATIENCE: u32 = 300;

struct Ask {
    who: &'static str,
    account: &'static str,
    set: &'static str,
    minutes: u64,
    why: &'static str,
    then: Then,
}

enum Then {
    Waits,
    Held,
    GivenBack,
    Denied(&'static str, &'static str),
    Approved(&'static str),
    /// Granted, used and ended early.
    Used,
}

const ASKS: [Ask; 8] = [
    Ask {
        who: "mara.lindqvist@example.com",
        account: "payments-prod",
        set: "ReadOnly",
        minutes: 480,
        why: "OPS-4179: follow the settlement replay",
        then: Then::Held,
    },
    Ask {
        who: "ines.moreau@example.com",
        account: "edge-prod",
        set: "ReadOnly",
        minutes: 60,
        why: "INC-212: who changed the load balancer",
        then: Then::GivenBack,
    },
    Ask {
        who: "priya.raman@example.com",
        account: "payments-dev",
        set: "PowerUser",
        minutes: 120,
        why: "PLAT-88: try the new runner image",
        then: Then::Held,
    },
    Ask {
        who: "priya.raman@example.com",
        account: "orders-dev",
        set: "PowerUser",
        minutes: 60,
        why: "PLAT-86: see why the runner does not answer",
        then: Then::Used,
    },
    Ask {
        who: "priya.raman@example.com",
        account: "payments-prod",
        set: "DatabaseOperator",
        minutes: 60,
        why: "PLAT-91: check the replica lag",
        then: Then::Approved("tomasz.wilk@example.com"),
    },
    Ask {
        who: "noor.haddad@example.com",
        account: "payments-prod",
        set: "DatabaseOperator",
        minutes: 240,
        why: "looking around",
        then: Then::Denied(
            "priya.raman@example.com",
            "ReadOnly is enough for this, and free to take",
        ),
    },
    Ask {
        who: "ines.moreau@example.com",
        account: "payments-prod",
        set: "DatabaseOperator",
        minutes: 60,
        why: "INC-214: stop the stuck settlement job",
        then: Then::Waits,
    },
    Ask {
        who: "mara.lindqvist@example.com",
        account: "payments-dev",
        set: "PowerUser",
        minutes: 240,
        why: "OPS-4181: load test the new queue",
        then: Then::Waits,
    },
];

/// Writes history into an empty store. Skips entries that changed rules refuse.
pub(super) async fn write(scene: &Scene, portal: &DemoPortal, store: &ServerStore) {
    use hallpass_access::AccessStore as _;
    let is_empty = store
        .requests(&RequestFilter::default(), 1)
        .await
        .is_ok_and(|found| found.rows.is_empty());
    if !is_empty {
        return;
    }
    for ask in &ASKS {
        if play(scene, portal, ask).await.is_none() {
            tracing::warn!(
                account = ask.account,
                set = ask.set,
                "a piece of the demo's history did not work out"
            );
        }
    }
}

async fn play(scene: &Scene, portal: &DemoPortal, ask: &Ask) -> Option<()> {
    let who = scene.actor(ask.who)?;
    let asking = Asking {
        wanted: Wanted::Account {
            account: ask.account.to_owned(),
            permission_set: ask.set.to_owned(),
        },
        duration: TimeSpan::minutes(ask.minutes),
        reason: ask.why.to_owned(),
        ticket: None,
        starts_at: None,
        confirmed: Vec::new(),
    };
    let asked = scene.access.ask(&who, &asking, None).await.ok()?;
    match (&ask.then, &asked) {
        (Then::Waits, RequestOutcome::Pending(_)) | (Then::Held, RequestOutcome::Approved(..)) => {
            Some(())
        }
        (Then::GivenBack, RequestOutcome::Approved(_, Some(grant))) => {
            active(&scene.access, &who, grant.id).await?;
            scene
                .access
                .release(&who, grant.id, None)
                .await
                .ok()
                .map(drop)
        }
        (Then::Used, RequestOutcome::Approved(_, Some(grant))) => {
            active(&scene.access, &who, grant.id).await?;
            if portal.work(ask.who, ask.account, ask.set).await.is_none() {
                tracing::warn!("no activity in the demo's grant");
            }
            let released = scene.access.release(&who, grant.id, None).await;
            released.ok().map(drop)
        }
        (Then::Denied(by, words), RequestOutcome::Pending(request)) => {
            let by = scene.actor(by)?;
            scene
                .access
                .deny(&by, request.id, Some(words), None)
                .await
                .ok()
                .map(drop)
        }
        (Then::Approved(by), RequestOutcome::Pending(request)) => {
            let by = scene.actor(by)?;
            scene
                .access
                .approve(&by, request.id, None)
                .await
                .ok()
                .map(drop)
        }
        _ => None,
    }
}

pub(super) async fn active(
    access: &Access,
    who: &hallpass_access::Actor,
    id: GrantId,
) -> Option<()> {
    for _ in 0..PATIENCE {
        let grant = access.grant(who, id).await.ok()?;
        if grant.state == GrantState::Active {
            return Some(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    None
}
