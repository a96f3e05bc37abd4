//! Rows 10b and 11 of `organization.md` §4, and other central configuration.

use std::collections::BTreeMap;

use hallpass_org::standards::{
    CentralHome, NoCentralHome, StandardsFile, StandardsStepExecutor, central_home,
    draft_configuration, needs_local_mode,
};
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_plans::{Exit, PlanStore as _, StepExecutor as _, undo};
use serde_json::{Value, json};

use super::hubs::{FIRST, MANAGEMENT, OTHER, UNIT, fixture};
use super::world::{CentralRan, World};

const ALIKE: &str = r"
defaults:
  standards: {enable: [pci-dss/v/3.2.1]}
  controls:
    - {id: IAM.6, status: DISABLED, reason: central}
";

fn but(account: &str) -> String {
    format!(
        "{ALIKE}exceptions:\n  - {{account: '{account}', control: S3.7, status: DISABLED, reason: test}}\n"
    )
}

fn placed(ran: &CentralRan) -> BTreeMap<String, Vec<String>> {
    let rows = ran
        .rows
        .iter()
        .filter_map(|it| Some((it, it.policy.as_ref().ok()?)));
    let rows = rows.map(|(it, policy)| (it.target.clone(), policy.off.iter().cloned().collect()));
    rows.collect()
}

#[tokio::test]
async fn accounts_that_are_alike_have_one_policy_at_the_root() {
    let world = World::managed();
    let ran = world.apply_central(ALIKE).await;
    assert_eq!(
        placed(&ran),
        [("r-ab12".to_owned(), vec!["IAM.6".to_owned()])].into()
    );
    assert_eq!(ran.report.exit(), Exit::Ok, "{:?}", ran.report);
    let writes = world.writes();
    assert_eq!(writes.len(), 2, "{writes:?}");
    let policy = world.with(|it| it.known[0].2.clone());
    let arn = "arn:aws:securityhub:eu-west-1::standards/pci-dss/v/3.2.1";
    assert_eq!(
        policy,
        json!({ "SecurityHub": {
        "ServiceEnabled": true, "EnabledStandardIdentifiers": [arn],
        "SecurityControlsConfiguration": { "DisabledSecurityControlIdentifiers": ["IAM.6"] } } })
    );
    let again = world.apply_central(ALIKE).await;
    assert_eq!(again.report.exit(), Exit::Ok);
    assert_eq!(world.writes(), writes);
}

#[tokio::test]
async fn policies_stand_on_the_highest_units_that_fit() {
    let mut world = World::managed();
    let mut ran = world.apply_central(&but(OTHER)).await;
    let usual = vec!["IAM.6".to_owned()];
    let other = vec!["IAM.6".to_owned(), "S3.7".to_owned()];
    assert_eq!(
        placed(&ran),
        [
            ("r-ab12".to_owned(), usual.clone()),
            (OTHER.to_owned(), other.clone())
        ]
        .into()
    );
    // an account's own policy would stay effective: it is replaced
    ran = world.apply_central(ALIKE).await;
    assert_eq!(
        placed(&ran),
        [
            ("r-ab12".to_owned(), usual.clone()),
            (OTHER.to_owned(), usual.clone())
        ]
        .into()
    );
    world.scope.exclude = [hallpass_base::AccountId::new(MANAGEMENT.to_owned()).unwrap()].into();
    let fresh = World {
        scope: world.scope.clone(),
        ..World::managed()
    };
    ran = fresh.apply_central(ALIKE).await;
    assert_eq!(placed(&ran), [(UNIT.to_owned(), usual)].into());
}

#[tokio::test]
async fn what_others_put_somewhere_stays() {
    let world = World::managed();
    world.with(|it| {
        it.known
            .push(("theirs".to_owned(), "Security team".to_owned(), Value::Null));
        it.policies
            .as_mut()
            .unwrap()
            .insert(FIRST.to_owned(), "theirs".to_owned());
        it.policies
            .as_mut()
            .unwrap()
            .insert("r-ab12".to_owned(), "SELF_MANAGED_SECURITY_HUB".to_owned());
    });
    let ran = world.apply_central(ALIKE).await;
    let row = ran.rows.iter().find(|it| it.target == FIRST).unwrap();
    assert_eq!(
        row.policy,
        Err("it has the foreign policy `Security team`".to_owned())
    );
    let targets: Vec<String> = placed(&ran).into_keys().collect();
    assert_eq!(targets, [MANAGEMENT, OTHER, "999999999999"]);
    assert_eq!(
        world.with(|it| it.policies.as_ref().unwrap()[FIRST].clone()),
        "theirs"
    );
    let runner = world.runner("first", &Gate::new(None));
    let (plan, folded) = runner.load(&ran.report.plan).await.unwrap();
    let hands = StandardsStepExecutor::new(std::sync::Arc::new(world.calls()));
    let back = runner
        .look(undo(&plan, &folded, &hands).draft)
        .await
        .unwrap()
        .plan;
    runner
        .apply(&back.id, &crate::bench::patient())
        .await
        .unwrap();
    let held = world.with(|it| it.policies.as_ref().unwrap().len());
    assert_eq!(held, 2);
}

#[test]
fn what_a_policy_cannot_say_needs_local_mode() {
    let file = StandardsFile::read(&fixture("org-standards.yaml")).unwrap();
    assert_eq!(
        needs_local_mode(&file),
        [
            "line 8: needs local mode: a central policy holds in every Region, not in eu-west-1 alone",
        ]
    );
    let text = "defaults:\n  controls:\n    - {id: S3.7, status: DISABLED, reason: x, standards: [pci-dss/v/3.2.1]}\n";
    assert_eq!(
        needs_local_mode(&StandardsFile::read(text).unwrap()),
        ["line 3: needs local mode: a central policy has `S3.7` on or off in all standards",]
    );
    assert!(needs_local_mode(&StandardsFile::read(&but(FIRST)).unwrap()).is_empty());
}

#[tokio::test]
async fn stopped_anywhere_policies_are_made_once() {
    let unbroken = World::managed();
    let gate = Gate::new(None);
    let file = but(OTHER);
    unbroken.central(&file, true, "first", &gate).await.unwrap();
    let sent = unbroken.writes();
    assert_eq!(sent.len(), 4, "{sent:?}");
    for call in 1..=gate.calls() {
        for mode in PortMode::ALL {
            let case = format!("call {call}, {mode:?}");
            let world = World::managed();
            let gate = Gate::new(Some((call, mode)));
            tokio::select! {
                _ = world.central(&file, true, "first", &gate) => {}
                () = gate.stop() => {}
            }
            world.clock.advance(std::time::Duration::from_secs(61));
            if let (true, Some(saved)) =
                (call % 2 == 0, world.plans.plans(1).await.unwrap().first())
            {
                let runner = world.runner("second", &Gate::new(None));
                runner
                    .resume(&saved.plan.id, &crate::bench::patient())
                    .await
                    .unwrap();
            }
            let last = world.apply_central(&file).await;
            assert_eq!(last.report.exit(), Exit::Ok, "{case}: {:?}", last.report);
            assert_eq!(world.writes(), sent, "{case}");
        }
    }
}

fn local() -> Value {
    json!({ "AutoEnable": true, "AutoEnableStandards": "DEFAULT",
        "OrganizationConfiguration": { "ConfigurationType": "LOCAL", "Status": "ENABLED" } })
}

fn by_itself() -> World {
    let world = World::managed();
    world.with(|it| it.configuration = local());
    world
}

async fn home(world: &World) -> CentralHome {
    central_home(&world.calls()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_configuration_that_failed_or_is_off_is_not_what_was_wished() {
    for status in ["FAILED", "DISABLED"] {
        let world = World::managed();
        let now = json!({ "ConfigurationType": "CENTRAL", "Status": status, "StatusMessage": "by somebody" });
        world.with(|it| {
            it.configuration = json!({ "AutoEnable": false, "AutoEnableStandards": "NONE", "OrganizationConfiguration": now });
        });
        let draft = draft_configuration("o-ab12cd34ef", &home(&world).await);
        let hands = StandardsStepExecutor::new(std::sync::Arc::new(world.calls()));
        let seen = hands.probe(&draft.steps()[0]).await.unwrap_err();
        let said = format!("{seen:?}");
        assert!(
            said.contains(status) && said.contains("by somebody"),
            "{said}"
        );
    }
}

/// `organization.md` S-4: switched once despite any stop, and restored by undo.
#[tokio::test]
async fn stopped_anywhere_an_organization_is_switched_once_and_goes_back() {
    let draft = async |world: &World| draft_configuration("o-ab12cd34ef", &home(world).await);
    let world = by_itself();
    let gate = Gate::new(None);
    let runner = world.runner("first", &gate);
    let plan = runner.look(draft(&world).await).await.unwrap().plan;
    assert!(world.writes().is_empty(), "a look changes nothing");
    let report = runner.apply(&plan.id, &crate::bench::patient()).await;
    assert_eq!(report.unwrap().exit(), Exit::Ok);
    assert_eq!(
        world.writes(),
        ["UpdateOrganizationConfiguration \"CENTRAL\" false"]
    );
    let (saved, folded) = runner.load(&plan.id).await.unwrap();
    let hands = StandardsStepExecutor::new(std::sync::Arc::new(world.calls()));
    let back = undo(&saved, &folded, &hands);
    let back = runner.look(back.draft).await.unwrap().plan;
    let report = runner.apply(&back.id, &crate::bench::patient()).await;
    assert_eq!(report.unwrap().exit(), Exit::Ok);
    let now = world.with(|it| it.configuration.clone());
    assert_eq!(
        now["OrganizationConfiguration"]["ConfigurationType"],
        "LOCAL"
    );
    assert_eq!(
        (&now["AutoEnable"], &now["AutoEnableStandards"]),
        (&json!(true), &json!("DEFAULT"))
    );
    for call in 1..=gate.calls() {
        for mode in PortMode::ALL {
            let case = format!("call {call}, {mode:?}");
            let world = by_itself();
            let gate = Gate::new(Some((call, mode)));
            let run = async {
                let runner = world.runner("first", &gate);
                let plan = runner.look(draft(&world).await).await.ok()?.plan.id;
                runner.apply(&plan, &crate::bench::patient()).await.ok()
            };
            tokio::select! {
                _ = run => {}
                () = gate.stop() => {}
            }
            world.clock.advance(std::time::Duration::from_secs(61));
            let runner = world.runner("second", &Gate::new(None));
            let plan = runner.look(draft(&world).await).await.unwrap().plan.id;
            let report = runner.apply(&plan, &crate::bench::patient()).await.unwrap();
            assert_eq!(report.exit(), Exit::Ok, "{case}: {report:?}");
            assert_eq!(world.writes().len(), 1, "{case}");
        }
    }
}

#[tokio::test]
async fn who_could_not_configure_it_is_said_and_nothing_is_sent() {
    let world = World::new();
    let none = central_home(&world.calls()).await.unwrap();
    assert_eq!(none, Err(NoCentralHome::Administrator));
    let world = by_itself();
    world.with(|it| it.scattered = true);
    let none = central_home(&world.calls()).await.unwrap();
    assert!(
        matches!(none, Err(NoCentralHome::Aggregator { .. })),
        "{none:?}"
    );
    assert!(world.writes().is_empty());
}
