//! Removing access is never harder than granting it: neither request hours nor later rules stop the
//! approver.

use hallpass_access::AccessError;
use hallpass_base::{GrantId, RequestId, TimeSpan};
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Bo, Cai, Dee},
    World,
};

use crate::acting::{approve, asked_for, grant, run, take};

const WHY: &str = "customers cannot pay and no one answers";
const APPROVERS: &str = "approvers = ['cai@corp.example', 'dee@corp.example']";
const HOURS: &str = "hours = { from = '00:00', to = '01:00', time_zone = 'UTC' }";

async fn rules(world: &World, terms: &str) {
    let text = format!(
        "[[rule]]\nid = 'admin'\naccounts = '*'\npermission_sets = ['Admin', 'Glass']\n\
         break_glass = ['ana@corp.example']\n{terms}\n[[rule]]\nid = 'reading'\n\
         accounts = '*'\npermission_sets = 'ReadOnly'\napproval_is_not_required = true\n"
    );
    let loaded = load(&RuleFile::new("rules.toml", &text)).unwrap();
    world.access.set_rules(loaded.rules, "test").await.unwrap();
}

struct Scene {
    world: World,
    pending: RequestId,
    given: GrantId,
    review: RequestId,
}

async fn scene() -> Scene {
    let world = World::new(491, Habits::default(), None);
    rules(&world, &format!("{APPROVERS}\n{HOURS}")).await;
    let pending = asked_for(&world, Bo, "Admin", TimeSpan::hours(1)).await;
    let asked = asked_for(&world, Ana, "Admin", TimeSpan::hours(8)).await;
    let given = approve(&world, Cai, asked).await.unwrap().grant.unwrap();
    let review = asked_for(&world, Ana, "Glass", TimeSpan::hours(1)).await;
    let ana = world.actor(Ana);
    let broken = world.access.break_glass(&ana, review, WHY, None).await;
    broken.unwrap();
    world.live(TimeSpan::seconds(30)).await;
    world
        .live_coarsely(TimeSpan::minutes(90), TimeSpan::minutes(1))
        .await;
    Scene {
        world,
        pending,
        given,
        review,
    }
}

async fn revoke(world: &World, who: Human, id: GrantId) -> Result<(), AccessError> {
    let actor = world.actor(who);
    let revoked = world.access.revoke(&actor, id, "late", None);
    revoked.await.map(drop)
}

#[test]
fn outside_the_hours_of_asking_approvers_take_away_and_give_nothing() {
    run(async {
        let Scene {
            world,
            pending,
            given,
            review,
        } = scene().await;
        assert_eq!(grant(&world, given).await.state.name(), "active");
        approve(&world, Dee, pending).await.unwrap_err();
        let (cai, dee) = (world.actor(Cai), world.actor(Dee));
        let access = &world.access;
        access.close_review(&dee, review, None, None).await.unwrap();
        access.deny(&cai, pending, None, None).await.unwrap();
        revoke(&world, Bo, given).await.unwrap_err();
        revoke(&world, Dee, given).await.unwrap();
        world.live(TimeSpan::seconds(30)).await;
        assert_eq!(grant(&world, given).await.state.name(), "ended");
    });
}

#[test]
fn whoever_gave_access_takes_it_away_whatever_the_rules_are_by_then() {
    run(async {
        let Scene { world, given, .. } = scene().await;
        let own = take(&world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        rules(&world, "approvers = ['bo@corp.example']").await;
        revoke(&world, Dee, given).await.unwrap_err();
        revoke(&world, Cai, given).await.unwrap();
        world.live(TimeSpan::seconds(30)).await;
        assert_eq!(grant(&world, given).await.state.name(), "ended");
        // access without approval is ended early by its holder, not revoked
        revoke(&world, Ana, own).await.unwrap_err();
    });
}
