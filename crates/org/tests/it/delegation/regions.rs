//! Regions enabled only in the administrator's account: services accept no calls of the management
//! account there.

use std::collections::BTreeSet;

use hallpass_org::delegation::{
    DelegationState, RemovalRequest, Replacing, draft_removal, look_at, service_named,
};
use hallpass_plans::Exit;
use hallpass_plans::testing::Gate;

use super::world::{ADMIN, MANAGEMENT, World};
use crate::bench::patient;
use crate::gated::GatedCalls;

const OPT_IN: &str = "ap-east-1";
const ENABLED: &str =
    "services: [{service: securityhub, account: '333333333333', regions: enabled}]";

fn world() -> World {
    let world = World::new();
    let region = (ADMIN.to_owned(), OPT_IN.to_owned());
    world.with(|it| {
        it.opted_in.insert(region);
    });
    world
}

fn was_asked_there(world: &World) -> bool {
    let state = world.aws.state.lock().unwrap();
    state.asked.iter().any(|it| it.ends_with(OPT_IN))
}

fn off() -> DelegationState {
    let reason = "region disabled in the management account".to_owned();
    DelegationState::Skipped { reason }
}

#[tokio::test]
async fn a_region_that_is_off_in_the_management_account_is_skipped_and_the_others_go_on() {
    let named = ENABLED.replace("enabled", "[ap-east-1, eu-west-1, us-east-1]");
    for file in [ENABLED, named.as_str()] {
        let world = world();
        let gate = Gate::new(None);
        let ran = world.delegate(file, true, "first", &gate).await.unwrap();
        let states: Vec<_> = ran.rows.iter().map(|it| it.state.clone()).collect();
        let planned = DelegationState::Planned;
        assert_eq!(states, [off(), planned.clone(), planned], "{file}");
        assert!(ran.rows.iter().all(|it| !it.is_bad()));
        assert_eq!(ran.report.unwrap().exit(), Exit::Ok);
        assert!(!was_asked_there(&world), "{file}");
        let sent = world.sent();
        assert_eq!(sent.len(), 2, "{sent:?}");
        let again = world.delegate(file, true, "second", &gate).await.unwrap();
        assert_eq!(again.report.unwrap().exit(), Exit::Ok);
        assert_eq!(world.sent(), sent);
    }
}

#[tokio::test]
async fn a_region_that_is_on_in_both_is_no_exception() {
    let world = world();
    let region = (MANAGEMENT.to_owned(), OPT_IN.to_owned());
    world.with(|it| {
        it.opted_in.insert(region);
    });
    let rows = world.rows(ENABLED, Replacing::Never).await.unwrap();
    let planned = |it: &DelegationState| *it == DelegationState::Planned;
    assert!(rows.len() == 3 && rows.iter().all(|it| planned(&it.state)));
}

/// Without given Regions all are affected, and Organizations deregisters the administrator.
#[tokio::test]
async fn an_administrator_goes_everywhere_although_a_region_is_off() {
    let world = world();
    let gate = Gate::new(None);
    world.delegate(ENABLED, true, "first", &gate).await.unwrap();
    let service = service_named("securityhub").unwrap();
    let calls = GatedCalls::calm(&world.aws);
    let (facts, regions) = look_at(&calls, service, None).await.unwrap();
    assert_eq!(regions, ["eu-west-1", "us-east-1"]);
    assert!(facts.skipped.iter().eq([OPT_IN]), "{:?}", facts.skipped);
    assert_eq!(facts.regional.len(), 2);
    assert!(facts.regional.values().all(Result::is_ok));
    assert!(!was_asked_there(&world));
    let wish = RemovalRequest {
        service,
        regions,
        everywhere: true,
    };
    let runner = world.runner("second", &gate);
    let looked = runner.look(draft_removal(&wish, &facts)).await.unwrap();
    let report = runner.apply(&looked.plan.id, &patient()).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    assert_eq!(report.totals.changed, 3);
    let state = world.aws.state.lock().unwrap();
    assert!(state.regional.is_empty());
    assert!(state.delegated.values().all(BTreeSet::is_empty));
}
