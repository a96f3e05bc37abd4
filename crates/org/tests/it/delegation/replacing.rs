//! `--replace` of regional administrators: removed in all Regions, deregistered, then replaced.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_org::delegation::{DelegationState, Replacing};
use hallpass_plans::Exit;
use hallpass_plans::testing::Gate;

use super::world::{ADMIN, OTHER, Ran, World};
use crate::bench::{after_stop, ended_well, patient, stops_in_turn};

const FILE: &str = "services: [{service: securityhub, account: '333333333333', regions: enabled}]";
const DISABLE: &str = "DisableOrganizationAdminAccount";
const DEREGISTER: &str = "DeregisterDelegatedAdministrator";
const REGISTER: &str = "RegisterDelegatedAdministrator";
const ENABLE: &str = "EnableOrganizationAdminAccount";

/// Another account administers these Regions, and is registered.
fn held(regions: &[&str]) -> World {
    let world = World::new();
    world.with(|it| {
        let principal = "securityhub.amazonaws.com".to_owned();
        it.trusted.insert(principal.clone());
        it.delegated.insert(principal, [OTHER.to_owned()].into());
        for region in regions {
            let place = ("securityhub".to_owned(), (*region).to_owned());
            it.regional.insert(place, OTHER.to_owned());
        }
    });
    world
}

async fn replace(world: &World, file: &str, holder: &str, gate: &Arc<Gate>) -> Option<Ran> {
    let wanted = Replacing::Whoever;
    world.delegate_with(file, wanted, true, holder, gate).await
}

fn sent_since(world: &World, from: usize) -> Vec<(String, String)> {
    let sent = world.sent();
    let parts = sent.iter().skip(from).map(|it| {
        let mut words = it.split(' ');
        let name = words.next().unwrap_or_default();
        (
            name.to_owned(),
            words.next_back().unwrap_or_default().to_owned(),
        )
    });
    parts.collect()
}

fn calls(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = all.iter().map(|it| (it.0.to_owned(), it.1.to_owned()));
    owned.collect()
}

fn standing(world: &World) -> (Vec<String>, Vec<String>) {
    let state = world.aws.state.lock().unwrap();
    let regional = state.regional.values().cloned().collect();
    let known = state.delegated.values().flatten().cloned().collect();
    (regional, known)
}

fn all_of(account: &str, regions: usize) -> (Vec<String>, Vec<String>) {
    (vec![account.to_owned(); regions], vec![account.to_owned()])
}

#[tokio::test]
async fn several_regions_change_hands_after_organizations_forgot_the_one_of_before() {
    let world = held(&["eu-west-1", "us-east-1"]);
    let gate = Gate::new(None);
    let ran = replace(&world, FILE, "first", &gate).await.unwrap();
    let report = ran.report.unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    let wanted = [
        (DISABLE, OTHER),
        (DISABLE, OTHER),
        (DEREGISTER, OTHER),
        (ENABLE, ADMIN),
        (ENABLE, ADMIN),
    ];
    assert_eq!(sent_since(&world, 0), calls(&wanted));
    assert_eq!(standing(&world), all_of(ADMIN, 2));
    let again = replace(&world, FILE, "second", &gate).await.unwrap();
    assert_eq!(again.report.unwrap().totals.changed, 0);
    assert_eq!(world.sent().len(), wanted.len());
}

/// Regions without an administrator wait too: the service accepts none while another is registered.
#[tokio::test]
async fn where_only_some_regions_had_another_the_others_wait_for_them() {
    for regions in [&["us-east-1"][..], &[]] {
        let world = held(regions);
        let ran = replace(&world, FILE, "first", &Gate::new(None)).await;
        let report = ran.unwrap().report.unwrap();
        assert_eq!(report.exit(), Exit::Ok, "{report:?}");
        let gone = regions.iter().map(|_| (DISABLE, OTHER));
        let rest = [(DEREGISTER, OTHER), (ENABLE, ADMIN), (ENABLE, ADMIN)];
        let wanted: Vec<_> = gone.chain(rest).collect();
        assert_eq!(sent_since(&world, 0), calls(&wanted));
        assert_eq!(standing(&world), all_of(ADMIN, 2));
    }
}

/// An unregistered administrator is not deregistered, and a correct Region waits for nothing.
#[tokio::test]
async fn where_organizations_knows_ours_already_only_the_region_changes_hands() {
    let world = held(&["eu-west-1"]);
    world.with(|it| {
        let principal = "securityhub.amazonaws.com".to_owned();
        it.delegated.insert(principal, [ADMIN.to_owned()].into());
        let place = ("securityhub".to_owned(), "us-east-1".to_owned());
        it.regional.insert(place, ADMIN.to_owned());
        let refused = format!("securityhub:{DISABLE} eu-west-1");
        let code = "InvalidInputException".to_owned();
        it.refused.insert(refused, code);
    });
    let ran = replace(&world, FILE, "first", &Gate::new(None)).await;
    let ran = ran.unwrap();
    assert_eq!(ran.target("securityhub", "us-east-1").0, "unchanged");
    assert_eq!(ran.target("securityhub", "eu-west-1").0, "failed");
    world.with(|it| it.refused.clear());
    let ran = replace(&world, FILE, "second", &Gate::new(None)).await;
    assert_eq!(ran.unwrap().report.unwrap().exit(), Exit::Ok);
    let wanted = [(DISABLE, OTHER), (ENABLE, ADMIN)];
    assert_eq!(sent_since(&world, 0), calls(&wanted));
}

/// A failed removal blocks later steps; the same command continues afterwards.
#[tokio::test]
async fn nobody_is_set_while_one_region_keeps_the_one_of_before() {
    let world = held(&["eu-west-1", "us-east-1"]);
    let refused = format!("securityhub:{DISABLE} us-east-1");
    world.with(|it| {
        let code = "InvalidInputException".to_owned();
        it.refused.insert(refused, code);
    });
    let ran = replace(&world, FILE, "first", &Gate::new(None)).await;
    assert_eq!(ran.unwrap().report.unwrap().exit(), Exit::Failed);
    assert_eq!(sent_since(&world, 0), calls(&[(DISABLE, OTHER)]));
    world.with(|it| it.refused.clear());
    let ran = replace(&world, FILE, "second", &Gate::new(None)).await;
    assert_eq!(ran.unwrap().report.unwrap().exit(), Exit::Ok);
    let rest = [
        (DISABLE, OTHER),
        (DEREGISTER, OTHER),
        (ENABLE, ADMIN),
        (ENABLE, ADMIN),
    ];
    assert_eq!(sent_since(&world, 1), calls(&rest));
    assert_eq!(standing(&world), all_of(ADMIN, 2));
}

/// Deregistration is global: an unnamed Region would lose its administrator.
#[tokio::test]
async fn an_administrator_of_a_region_that_is_not_meant_is_not_forgotten() {
    let world = held(&["eu-west-1", "us-east-1"]);
    let file = FILE.replace("enabled", "[eu-west-1]");
    let plan = world.planned(&file, Replacing::Whoever).await;
    let runner = world.runner("first", &Gate::new(None));
    let (plan, _) = runner.load(&plan).await.unwrap();
    let blocked = plan.blocked();
    assert_eq!(blocked.len(), 1, "{blocked:?}");
    assert!(
        blocked[0].contains("222222222222 administers `securityhub` in us-east-1, too"),
        "{blocked:?}"
    );
    world.with(|it| {
        let read = "securityhub:ListOrganizationAdminAccounts us-east-1".to_owned();
        let code = "AccessDeniedException".to_owned();
        it.refused.insert(read, code);
    });
    let rows = world.rows(FILE, Replacing::Whoever).await.unwrap();
    let is_unread = |it: &DelegationState| matches!(it, DelegationState::Unread { .. });
    assert_eq!(rows.iter().filter(|it| is_unread(&it.state)).count(), 1);
    let plan = world.planned(FILE, Replacing::Whoever).await;
    let (plan, _) = runner.load(&plan).await.unwrap();
    assert!(plan.blocked()[0].contains("is not known"), "{plan:?}");
    assert!(world.sent().is_empty());
}

/// Without `--replace` the previous administrator stays, in Organizations too.
#[tokio::test]
async fn nobody_is_forgotten_unasked() {
    let world = held(&["eu-west-1"]);
    let rows = world.rows(FILE, Replacing::Never).await.unwrap();
    assert!(rows.iter().all(|it| it.forgets.is_empty()), "{rows:?}");
    let other = OTHER.to_owned();
    assert_eq!(rows[0].state, DelegationState::Conflict { other });
}

/// Undo uses the same order: the previous one is set after the new one is deregistered. The undo
/// itself can be undone.
#[tokio::test]
async fn all_regions_come_back_by_undoing() {
    let world = held(&["eu-west-1", "us-east-1"]);
    let gate = Gate::new(None);
    let mut plan = world.planned(FILE, Replacing::Whoever).await;
    let runner = world.runner("first", &gate);
    let report = runner.apply(&plan, &patient()).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    for (goes, comes) in [(ADMIN, OTHER), (OTHER, ADMIN)] {
        let from = world.sent().len();
        let (made, folded) = runner.load(&plan).await.unwrap();
        let back = hallpass_plans::undo(&made, &folded, &world.hands(&gate));
        assert!(back.not_undoable.is_empty(), "{:?}", back.not_undoable);
        let looked = runner.look(back.draft).await.unwrap().plan;
        assert_eq!(looked.blocked(), [""; 0]);
        let report = runner.apply(&looked.id, &patient()).await.unwrap();
        assert_eq!(report.exit(), Exit::Ok, "{report:?}");
        let wanted = [
            (DISABLE, goes),
            (DISABLE, goes),
            (DEREGISTER, goes),
            (REGISTER, comes),
            (ENABLE, comes),
            (ENABLE, comes),
        ];
        assert_eq!(sent_since(&world, from), calls(&wanted));
        assert_eq!(standing(&world), all_of(comes, 2));
        plan = looked.id;
    }
}

/// A later plan added a Region: undoing the earlier plan would remove that Region's administrator
/// too.
#[tokio::test]
async fn undoing_leaves_regions_of_later_plans_alone() {
    let world = held(&["eu-west-1"]);
    let gate = Gate::new(None);
    let file = FILE.replace("enabled", "[eu-west-1]");
    let plan = world.planned(&file, Replacing::Whoever).await;
    let runner = world.runner("first", &gate);
    runner.apply(&plan, &patient()).await.unwrap();
    let later = world.delegate(FILE, true, "second", &gate).await.unwrap();
    assert_eq!(later.report.unwrap().exit(), Exit::Ok);
    let (made, folded) = runner.load(&plan).await.unwrap();
    let back = hallpass_plans::undo(&made, &folded, &world.hands(&gate));
    let looked = runner.look(back.draft).await.unwrap().plan;
    assert!(looked.blocked()[0].contains("in us-east-1, too"));
}

/// After a stop anywhere, the same command or plan leads to the wanted administrator in every
/// Region.
#[tokio::test]
async fn stopped_anywhere_every_region_ends_with_the_one_that_is_wanted() {
    let unbroken = held(&["eu-west-1", "us-east-1"]);
    let gate = Gate::new(None);
    let ran = async { replace(&unbroken, FILE, "first", &gate).await?.report };
    assert!(ended_well(ran, &gate).await);
    for (call, mode, by_command) in stops_in_turn(gate.calls()) {
        let case = format!("call {call}, {mode:?}, {by_command}");
        let world = held(&["eu-west-1", "us-east-1"]);
        let gate = Gate::new(Some((call, mode)));
        let ran = async { replace(&world, FILE, "first", &gate).await?.report };
        if !ended_well(ran, &gate).await {
            let second = || world.runner("second", &Gate::new(None));
            after_stop(&world.clock, &world.plans, (!by_command).then(second)).await;
        }
        let last = replace(&world, FILE, "third", &Gate::new(None)).await;
        let report = last.unwrap().report.unwrap();
        assert_eq!(report.exit(), Exit::Ok, "{case}: {report:?}");
        assert_eq!(standing(&world), all_of(ADMIN, 2), "{case}");
        let sent = world.sent();
        let once: BTreeSet<&String> = sent.iter().collect();
        assert_eq!(once.len(), sent.len(), "{case}: {sent:?}");
    }
}
