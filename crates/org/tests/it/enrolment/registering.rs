//! Registration of a whole unit (`organization.md` N-5): with all accounts, or not at all.

use hallpass_org::enrolment::{
    EnrolmentBackend, EnrolmentRequest, EnrolmentStatus, RoleCreation, enrolment_results,
};
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_plans::{Exit, PlanStore as _};
use serde_json::json;

use super::world::{World, wish};

const LEGACY: &str = "ou-ab12-legacy01";
const TWO: [&str; 2] = ["666666666666", "777777777777"];

fn whole() -> EnrolmentRequest {
    EnrolmentRequest {
        to: "Legacy".to_owned(),
        ..wish(&[], &["Legacy"])
    }
}

#[tokio::test]
async fn a_unit_that_is_its_own_source_is_registered_by_one_call() {
    let world = World::unrecorded();
    let found = world.find(&whole()).await.unwrap();
    assert_eq!(found.enrolment.backend, EnrolmentBackend::Register);
    assert!(found.reason.contains("Legacy"), "{}", found.reason);
    let report = world.enrol(&whole()).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    let sent = world.writes();
    assert!(
        matches!(&sent[..], [only] if only.starts_with("EnableBaseline")),
        "{sent:?}"
    );
    assert!(world.with(|it| TWO.iter().all(|id| it.enrolled.contains_key(*id))));
    let saved = world.plans.plans(1).await.unwrap();
    let gate = Gate::new(None);
    let (plan, folded) = world
        .runner("look", &gate)
        .load(&saved[0].plan.id)
        .await
        .unwrap();
    let results = enrolment_results(&found.enrolment, Some((&plan, &folded)));
    let of = |id: &str| {
        results
            .iter()
            .find(|(it, _)| it.as_str() == id)
            .unwrap()
            .1
            .0
    };
    assert_eq!(TWO.map(of), [EnrolmentStatus::Enrolled; 2]);
    assert_eq!(of("555555555555"), EnrolmentStatus::Skipped);
    let refused = world.find(&whole()).await.unwrap();
    assert_ne!(refused.enrolment.backend, EnrolmentBackend::Register);
    assert_eq!(world.undo(&plan.id).await.draft.steps().len(), 0);
}

#[tokio::test]
async fn an_account_that_a_check_stops_stops_the_unit() {
    let world = World::unrecorded();
    world.with(|it| {
        let place = (TWO[0].to_owned(), "eu-west-1".to_owned());
        it.recorders.insert(place, true);
    });
    let found = world.find(&whole()).await.unwrap();
    let left_out = |id: &str| {
        let mut all = found.enrolment.accounts.iter();
        all.find(|(it, _)| it.as_str() == id)
            .unwrap()
            .1
            .left_out
            .clone()
    };
    assert_eq!(left_out(TWO[0]).unwrap(), "config-recorder");
    assert!(left_out(TWO[1]).unwrap().contains("registered with all"));
    assert!(world.draft(&whole()).await.is_empty());
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_registered_is_refused_before_anything_is_changed() {
    type Row = (EnrolmentRequest, fn(&World), &'static str);
    let other = |to: &str, change: fn(&mut EnrolmentRequest)| {
        let mut wish = EnrolmentRequest {
            to: to.to_owned(),
            ..whole()
        };
        change(&mut wish);
        wish
    };
    let table: [Row; 5] = [
        (
            whole(),
            |world| {
                world.with(|it| {
                    for n in 0..1_001_u32 {
                        let id = format!("4{n:011}");
                        let row = json!({ "Id": id, "Name": "x", "Email": "x@example.com", "State": "ACTIVE", "ParentId": LEGACY });
                        it.accounts.insert(id.clone(), row);
                        it.roles.insert(id, std::collections::BTreeSet::from(["OrganizationAccountAccessRole".to_owned()]));
                    }
                });
            },
            "unit ou-ab12-legacy01 has 1004 accounts, and Control Tower governs 1000 in one",
        ),
        (
            whole(),
            |world| {
                world.with(|it| {
                    it.units.push(json!({ "Id": "ou-ab12-above001", "Name": "Above", "ParentId": "r-ab12", "ControlTowerRegistered": false }));
                    let legacy = it.units.iter_mut().find(|it| it["Id"] == LEGACY);
                    legacy.unwrap()["ParentId"] = "ou-ab12-above001".into();
                });
            },
            "the unit above it, ou-ab12-above001, is not registered",
        ),
        (
            other("Legacy", |it| it.recursive = true),
            |_| {},
            "does not govern the unit",
        ),
        (
            other("Legacy", |it| {
                it.via = Some(EnrolmentBackend::AccountFactory);
            }),
            |_| {},
            "does not govern the unit",
        ),
        (
            other("Legacy", |it| it.units = vec!["Test-OU-1".to_owned()]),
            |_| {},
            "does not govern the unit",
        ),
    ];
    for (wish, change, said) in table {
        let world = World::unrecorded();
        change(&world);
        let refused = world.find(&wish).await.map(|_| ()).unwrap_err();
        assert!(refused.contains(said), "{refused}");
        assert_eq!(world.writes(), [""; 0]);
    }
}

#[tokio::test]
async fn stopped_anywhere_a_unit_is_registered_once() {
    let roles = || EnrolmentRequest {
        create_role: RoleCreation::Account,
        ..whole()
    };
    let unbroken = World::unrecorded();
    let gate = Gate::new(None);
    let draft = unbroken.draft(&roles()).await;
    let report = unbroken.apply(draft, "first", &gate).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok);
    let sent = unbroken.writes();
    assert_eq!(sent.len(), 3, "{sent:?}");
    for call in 1..=gate.calls() {
        for mode in PortMode::ALL {
            let case = format!("call {call}, {mode:?}");
            let world = World::unrecorded();
            let draft = world.draft(&roles()).await;
            let gate = Gate::new(Some((call, mode)));
            let done = tokio::select! {
                report = world.apply(draft.clone(), "first", &gate) => report.is_some_and(|it| it.exit() == Exit::Ok),
                () = gate.stop() => false,
            };
            if !done {
                world.clock.advance(std::time::Duration::from_secs(61));
                let again = world.apply(draft, "second", &Gate::new(None)).await;
                assert_eq!(again.unwrap().exit(), Exit::Ok, "{case}");
            }
            assert_eq!(world.writes(), sent, "{case}");
            assert!(
                world.with(|it| TWO.iter().all(|id| it.enrolled.contains_key(*id))),
                "{case}"
            );
        }
    }
}
