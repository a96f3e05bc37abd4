//! Simulated colleagues (`--activity`).

use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{
    Actor, Asking, CatalogEntry, GrantFilter, GrantStateKind, RequestFilter, RequestOutcome,
    RequestView, Search, Sought, Wanted,
};
use hallpass_app::host::random_ids::RandomIds;
use hallpass_base::{IdSource, TimeSpan};

use super::people::Scene;

const EVERY: Duration = Duration::from_secs(6);
const GROUP_EVERY: usize = 20;
const OFFERS_MAX: usize = 20;

const REASONS: [&str; 6] = [
    "follow up on last night's alert",
    "compare a setting with the other stage",
    "check the cost of the new cluster",
    "read the logs of a failed deployment",
    "help a colleague with an access problem",
    "prepare the quarterly review",
];

fn draw(n: usize) -> usize {
    let bytes = RandomIds.next(hallpass_base::clock::now()).into_bytes();
    let low: [u8; 8] =
        [8, 9, 10, 11, 12, 13, 14, 15].map(|i: usize| bytes.get(i).copied().unwrap_or(0));
    usize::try_from(u64::from_be_bytes(low) % (n.max(1) as u64)).unwrap_or(0)
}

pub(super) async fn go_on(scene: Scene) {
    loop {
        tokio::time::sleep(EVERY).await;
        match draw(4) {
            0 | 1 => ask(&scene).await,
            2 => review(&scene).await,
            _ => give_back(&scene).await,
        };
    }
}

async fn ask(scene: &Scene) -> Option<()> {
    let people = scene.everybody();
    let who = scene.actor(people.get(draw(people.len()))?)?;
    let offer = something(scene, &who).await?;
    let wanted = match (&offer.account, &offer.permission_set, &offer.group) {
        (Some(account), Some(set), _) => Wanted::Account {
            account: account.id.clone(),
            permission_set: set.clone(),
        },
        (_, _, Some(group)) => Wanted::Group {
            group: group.id.clone(),
        },
        _ => return None,
    };
    let reason = format!(
        "OPS-{}: {}",
        1000 + draw(9000),
        REASONS.get(draw(REASONS.len()))?
    );
    let longest = TimeSpan::seconds(offer.max_duration_seconds);
    let duration = TimeSpan::minutes(5 + 5 * draw(6) as u64).min(longest);
    let asking = Asking {
        wanted,
        duration,
        reason,
        ticket: Some("OPS-1".to_owned()),
        starts_at: None,
        confirmed: Vec::new(),
    };
    let asked = scene.access.ask(&who, &asking, None).await.ok()?;
    matches!(
        asked,
        RequestOutcome::Pending(_) | RequestOutcome::Approved(..)
    )
    .then_some(())
}

/// A requestable entry: a permission set of one account, sometimes a group. Searches only one
/// account, as there may be thousands.
async fn something(scene: &Scene, who: &Actor) -> Option<CatalogEntry> {
    let (kind, account) = if draw(GROUP_EVERY) == 0 {
        (Sought::Groups, None)
    } else {
        let directory = scene.access.directory();
        let account = directory.accounts().get(draw(directory.accounts().len()))?;
        (Sought::PermissionSets, Some(account.id.clone()))
    };
    let search = Search {
        account,
        ..Search::new("", kind)
    };
    let (access, who) = (Arc::clone(&scene.access), who.clone());
    // a first search takes a while in a large organization
    let looked = tokio::task::spawn_blocking(move || access.search(&who, &search, OFFERS_MAX));
    let found = looked.await.ok()?.entries;
    let mut offers: Vec<CatalogEntry> = found.into_iter().filter_map(|hit| hit.offer).collect();
    let at = draw(offers.len());
    (at < offers.len()).then(|| offers.swap_remove(at))
}

async fn review(scene: &Scene) -> Option<()> {
    let approver = scene.actor("tomasz.wilk@example.com")?;
    let filter = RequestFilter::default();
    let waiting = scene
        .access
        .requests(&approver, RequestView::ToReview, &filter, 20)
        .await
        .ok()?;
    let request = waiting.rows.get(draw(waiting.rows.len()))?;
    if draw(5) == 0 {
        scene
            .access
            .deny(&approver, request.id, Some("a smaller set will do"), None)
            .await
            .ok()?;
    } else {
        scene
            .access
            .approve(&approver, request.id, None)
            .await
            .ok()?;
    }
    Some(())
}

async fn give_back(scene: &Scene) -> Option<()> {
    let auditor = scene.actor("noor.haddad@example.com")?;
    let filter = GrantFilter {
        states: vec![GrantStateKind::Active],
        ..GrantFilter::default()
    };
    let live = scene.access.grants(&auditor, &filter, 50).await.ok()?;
    let grant = live.rows.get(draw(live.rows.len()))?;
    let holder = scene.actor(grant.holder.email.as_str())?;
    scene
        .access
        .release(&holder, grant.id, None)
        .await
        .ok()
        .map(drop)
}
