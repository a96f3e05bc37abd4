use std::collections::BTreeSet;

use hallpass_base::AccountId;
use hallpass_org::enrolment::{
    EnrolmentBackend, EnrolmentCheck, EnrolmentRequest, EnrolmentStatus, RoleCreation, enrollable,
    enrolment_results,
};
use hallpass_plans::{CheckOutcome, CheckSeverity, Exit, StepEnd};
use serde_json::{Value, json};

use super::tower::{State, fixture};
use super::world::{Found, World, wish};

fn of_fixture() -> EnrolmentRequest {
    EnrolmentRequest {
        via: Some(EnrolmentBackend::AccountFactory),
        ..wish(
            &["888888888888", "444444444444", "222222222222"],
            &["Legacy"],
        )
    }
}

fn not_passed(found: &[EnrolmentCheck]) -> Vec<Value> {
    let errors = found
        .iter()
        .filter(|it| it.result.severity == CheckSeverity::Error);
    let rows = errors.filter_map(|it| {
        let row = it.result.row();
        if !["fail", "unknown"].contains(&row.status) {
            return None;
        }
        let mut out = json!({ "account": it.account, "id": row.id, "severity": row.severity, "status": row.status });
        let members = out.as_object_mut().unwrap();
        if let Some(region) = &it.region {
            members.insert("region".to_owned(), region.as_str().into());
        }
        Some(out)
    });
    rows.collect()
}

fn free(wish: &EnrolmentRequest, found: &Found) -> Vec<String> {
    let all = enrollable(wish, &found.selected, &found.checks);
    all.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn checks_are_those_of_the_fixture_and_write_nothing() {
    let (world, expected) = (World::new(), fixture("org-enroll-checks.json"));
    let found = world.find(&of_fixture()).await.unwrap();
    assert_eq!(json!(not_passed(&found.checks)), expected["not_passed"]);
    let skipped = found.selected.skipped.iter();
    let skipped: Vec<Value> = skipped
        .map(|it| json!({ "account": it.account, "reason": it.reason }))
        .collect();
    assert_eq!(json!(skipped), expected["skipped"]);
    assert_eq!(json!(free(&of_fixture(), &found)), expected["enrollable"]);
    let with_role = EnrolmentRequest {
        create_role: RoleCreation::Account,
        ..of_fixture()
    };
    let found = world.find(&with_role).await.unwrap();
    let expected = &expected["with_create_role_account"];
    assert_eq!(json!(free(&with_role, &found)), expected["enrollable"]);
    let failing: BTreeSet<_> = found
        .checks
        .iter()
        .filter(|it| it.stops())
        .filter_map(|it| it.account.clone())
        .collect();
    assert_eq!(json!(failing), expected["still_failing"]);
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_recorder_in_one_of_three_regions_is_one_error_that_names_it() {
    let world = World::new();
    world.with(|it| it.channels.clear());
    let found = world.find(&wish(&["666666666666"], &[])).await.unwrap();
    let stops: Vec<_> = found.checks.iter().filter(|it| it.stops()).collect();
    assert_eq!(stops.len(), 1);
    assert_eq!(stops[0].region.as_deref(), Some("eu-west-1"));
    assert_eq!(stops[0].result.target, "666666666666 eu-west-1");
    let allowed = EnrolmentRequest {
        allow_config: found.selected.accounts.clone(),
        ..wish(&["666666666666"], &[])
    };
    let found = world.find(&allowed).await.unwrap();
    assert!(found.checks.iter().all(|it| !it.stops()));
}

#[tokio::test]
async fn an_account_in_the_root_goes_on_where_its_role_is_made_and_the_role_is_made_there_only() {
    let world = World::new();
    world.with(|it| {
        it.roles.insert(
            "888888888888".to_owned(),
            BTreeSet::from(["OrganizationAccountAccessRole".to_owned()]),
        );
    });
    let plain = EnrolmentRequest {
        via: Some(EnrolmentBackend::AccountFactory),
        ..wish(&["888888888888"], &[])
    };
    assert_eq!(
        free(&plain, &world.find(&plain).await.unwrap()),
        Vec::<String>::new()
    );
    let with_role = EnrolmentRequest {
        create_role: RoleCreation::Account,
        ..plain
    };
    let report = world.enrol(&with_role).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    assert_eq!(
        world.writes(),
        [
            "AssociatePrincipalWithPortfolio  arn:aws:iam::111111111111:user/admin",
            "AttachRolePolicy  888888888888",
            "CreateRole  888888888888",
            "ProvisionProduct  Enroll-Account-stray",
        ]
    );
    assert!(world.with(|it| it.parent("888888888888")) == "ou-ab12-sandbox02");
}

#[tokio::test]
async fn where_moving_enrols_nothing_else_is_sent() {
    let world = World::new();
    let wish = wish(&["777777777777"], &[]);
    let found = world.find(&wish).await.unwrap();
    assert_eq!(found.enrolment.backend, EnrolmentBackend::Move);
    world.with(|it| it.asked.clear());
    let report = world.enrol(&wish).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    assert_eq!(world.writes(), ["MoveAccount  777777777777"]);
    let launched = world.with(|it| it.asked.contains("servicecatalog:SearchProductsAsAdmin"));
    assert!(!launched);
}

#[tokio::test]
async fn an_older_landing_zone_sets_the_baseline_and_every_control_again_and_says_why() {
    let world = World::new();
    world.with(|it| {
        it.zone["version"] = "3.0".into();
        it.zone["remediationTypes"] = json!([]);
        it.controls = vec![
            ("ou-ab12-sandbox02".to_owned(), "c/NO_ROOT".to_owned()),
            ("ou-ab12-sandbox02".to_owned(), "c/EBS".to_owned()),
        ];
    });
    let wish = wish(&["777777777777"], &[]);
    let found = world.find(&wish).await.unwrap();
    assert_eq!(found.enrolment.backend, EnrolmentBackend::Baseline);
    assert!(
        found.reason.contains("landing zone 3.0"),
        "{}",
        found.reason
    );
    let planned = found.enrolment.accounts.values().next().unwrap();
    assert_eq!(planned.exchange.controls_gained, ["EBS", "NO_ROOT"]);
    let report = world.enrol(&wish).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    assert_eq!(
        world.writes(),
        [
            "MoveAccount  777777777777",
            "ResetEnabledBaseline  base/ou-ab12-sandbox02",
            "ResetEnabledControl  c/EBS",
            "ResetEnabledControl  c/NO_ROOT",
        ]
    );
    let held = world.with(|it| it.held.len());
    assert_eq!(held, 2);
    let by_move = EnrolmentRequest {
        via: Some(EnrolmentBackend::Move),
        ..wish
    };
    let refused = world.find(&by_move).await.err().unwrap();
    assert!(
        refused.starts_with("--via move: landing zone 3.0"),
        "{refused}"
    );
}

#[tokio::test]
async fn account_factory_waits_for_others_and_launches_one_at_a_time() {
    let world = World::new();
    world.with(|it| {
        let over = "2026-03-02T10:45:00Z".parse().unwrap();
        it.others.insert("AccountLaunch-other".to_owned(), over);
        it.recorders.clear();
        it.channels.clear();
    });
    let wish = EnrolmentRequest {
        create_role: RoleCreation::Account,
        ..EnrolmentRequest {
            via: Some(EnrolmentBackend::AccountFactory),
            ..wish(&[], &["Legacy"])
        }
    };
    let found = world.find(&wish).await.unwrap();
    let busy = found
        .checks
        .iter()
        .find(|it| it.result.id == "factory-busy")
        .unwrap();
    assert!(!busy.stops());
    assert!(matches!(busy.result.outcome, CheckOutcome::Fail(_)));
    let report = world.enrol(&wish).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    let products = world.with(|it| it.products.keys().cloned().collect::<Vec<_>>());
    assert_eq!(
        products,
        ["Enroll-Account-Vinj-k-Unmgd-2", "Enroll-Account-legacy-erp"]
    );
}

#[tokio::test]
async fn one_that_fails_says_how_to_move_it_back_and_the_others_are_enrolled() {
    for zone in ["3.3", "3.0"] {
        let world = World::new();
        world.with(|it| {
            it.recorders.clear();
            it.channels.clear();
            it.roles.insert(
                "888888888888".to_owned(),
                BTreeSet::from(["OrganizationAccountAccessRole".to_owned()]),
            );
            it.unlucky.insert("777777777777".to_owned());
            it.zone["version"] = zone.into();
        });
        let wish = wish(&["888888888888"], &["Legacy"]);
        let found = world.find(&wish).await.unwrap();
        let report = world.enrol(&wish).await;
        assert_eq!(report.exit(), Exit::Failed);
        let (plan, folded) = world
            .runner("reader", &hallpass_plans::testing::Gate::new(None))
            .load(&report.plan)
            .await
            .unwrap();
        let results = enrolment_results(&found.enrolment, Some((&plan, &folded)));
        let of = |id: &str| results[&AccountId::new(id).unwrap()].clone();
        assert_eq!(of("666666666666").0, EnrolmentStatus::Enrolled, "{zone}");
        assert_eq!(of("888888888888").0, EnrolmentStatus::Enrolled, "{zone}");
        assert_eq!(
            of("555555555555"),
            (EnrolmentStatus::Skipped, "suspended".to_owned())
        );
        let (status, why) = of("777777777777");
        assert_eq!(status, EnrolmentStatus::Failed);
        let command = "aws organizations move-account --account-id 777777777777 --source-parent-id ou-ab12-sandbox02 \
                       --destination-parent-id ou-ab12-legacy01";
        assert!(why.contains(command), "{why}");
        // never moved back automatically or by undo
        assert_eq!(
            world.with(|it| it.parent("777777777777")),
            "ou-ab12-sandbox02"
        );
        let undoing = world.undo(&report.plan).await;
        assert!(undoing.draft.is_empty());
        assert!(
            undoing
                .not_undoable
                .iter()
                .any(|(_, why)| why.contains("--destination-parent-id r-ab12"))
        );
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_else() {
    let world = World::new();
    let to = |to: &str| EnrolmentRequest {
        to: to.to_owned(),
        ..wish(&["777777777777"], &[])
    };
    let none = EnrolmentRequest {
        emails: vec!["noone@example.com".to_owned()],
        ..wish(&[], &[])
    };
    for (wish, said) in [
        (
            to("ou-ab12-nothere01"),
            "--to ou-ab12-nothere01: the unit does not exist",
        ),
        (
            to("Legacy"),
            "--to Legacy: Control Tower does not govern the unit; naming it as `--ou-from` too, and nothing else, registers \
             it with all accounts in it",
        ),
        (
            to("Team"),
            "--to Team: the unit is ambiguous: ou-ab12-team0001, ou-ab12-team0002",
        ),
        (
            wish(&[], &["Nowhere"]),
            "--ou-from Nowhere: the unit does not exist",
        ),
        (
            wish(&["123456789012"], &[]),
            "--account 123456789012: the organization has no such account",
        ),
        (
            none,
            "--email noone@example.com: no account of the organization has it",
        ),
    ] {
        assert_eq!(world.find(&wish).await.err().as_deref(), Some(said));
    }
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn those_who_are_no_candidates_are_left_out_with_a_reason() {
    let world = World::new();
    let wish = EnrolmentRequest {
        emails: vec!["PAYER@example.com".to_owned()],
        ..wish(&[], &["Security", "Legacy"])
    };
    let found = world.find(&wish).await.unwrap();
    let skipped = found
        .selected
        .skipped
        .iter()
        .map(|it| format!("{} {}", it.account, it.reason));
    let skipped: Vec<String> = skipped.collect();
    assert_eq!(
        skipped,
        [
            "111111111111 management account",
            "222222222222 shared account (log archive)",
            "333333333333 shared account (audit)",
            "555555555555 suspended",
        ]
    );
}

#[tokio::test]
async fn a_plan_shows_what_is_gained_and_lost() {
    let world = World::new();
    world.with(|it| {
        it.policies
            .insert("r-ab12".to_owned(), vec!["FullAWSAccess"]);
        it.policies.insert(
            "ou-ab12-legacy01".to_owned(),
            vec!["FullAWSAccess", "LegacyGuard"],
        );
        it.policies.insert(
            "ou-ab12-sandbox02".to_owned(),
            vec!["FullAWSAccess", "Sandbox"],
        );
        it.controls = vec![("ou-ab12-sandbox02".to_owned(), "c/EBS".to_owned())];
    });
    let found = world.find(&wish(&["777777777777"], &[])).await.unwrap();
    let planned = found.enrolment.accounts.values().next().unwrap();
    assert_eq!(
        planned.exchange.words(),
        "+SCP Sandbox; -SCP LegacyGuard; +control EBS"
    );
    let warned = found
        .checks
        .iter()
        .find(|it| it.result.id == "scp-blocks")
        .unwrap()
        .result
        .row();
    assert_eq!(
        (warned.status, warned.evidence.as_str()),
        ("fail", "LegacyGuard")
    );
}

#[tokio::test]
async fn config_is_taken_away_in_order_and_comes_back_as_it_was() {
    let world = World::new();
    let before = world.with(|it| (it.recorders.clone(), it.channels.clone()));
    let wish = wish(&[], &["Legacy"]);
    let draft = world.config_draft(&wish).await;
    assert_eq!(draft.steps().len(), 3);
    let gate = hallpass_plans::testing::Gate::new(None);
    let report = world.apply(draft, "calm", &gate).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    assert!(world.with(|it| it.recorders.is_empty() && it.channels.is_empty()));
    assert!(world.config_draft(&wish).await.is_empty());
    let undoing = world.undo(&report.plan).await;
    let report = world.apply(undoing.draft, "undoer", &gate).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    assert_eq!(
        world.with(|it| (it.recorders.clone(), it.channels.clone())),
        before
    );
}

#[tokio::test]
async fn one_stops_all_where_that_is_asked_for() {
    let world = World::new();
    let wish = EnrolmentRequest {
        all_or_nothing: true,
        ..wish(&[], &["Legacy"])
    };
    assert!(world.draft(&wish).await.is_empty());
    let found = world.find(&wish).await.unwrap();
    let results = enrolment_results(&found.enrolment, None);
    assert!(
        results
            .values()
            .all(|(status, _)| *status != EnrolmentStatus::Checked)
    );
}

#[tokio::test]
async fn an_account_that_somebody_moved_meanwhile_is_left_alone() {
    let world = World::new();
    let draft = world.draft(&wish(&["777777777777"], &[])).await;
    let gate = hallpass_plans::testing::Gate::new(None);
    let runner = world.runner("calm", &gate);
    let plan = runner.look(draft).await.unwrap().plan;
    world.with(|it| {
        it.accounts.get_mut("777777777777").unwrap()["ParentId"] = "ou-ab12-secure01".into();
    });
    let report = runner
        .apply(&plan.id, &crate::bench::patient())
        .await
        .unwrap();
    let outcomes: BTreeSet<StepEnd> = report.targets.iter().map(|it| it.outcome).collect();
    assert_eq!(outcomes, BTreeSet::from([StepEnd::Drifted]));
    assert_eq!(world.writes(), Vec::<String>::new());
}

/// `organization.md` N-10: single controls, only the Config baseline, or none.
#[tokio::test]
async fn an_account_with_any_baseline_or_control_is_enrolled() {
    type Change = fn(&mut State);
    let cases: [(&str, Change, Option<&str>); 4] = [
        ("nothing", |_| {}, None),
        (
            "controls of a unit without a baseline",
            |it| it.only_controls("777777777777", "ou-ab12-legacy01"),
            Some("it has controls, without a baseline"),
        ),
        (
            "a control in another account",
            |it| it.only_controls("666666666666", "ou-ab12-legacy01"),
            None,
        ),
        (
            "controls where the unit has a baseline that did not reach the account",
            |it| {
                it.put("777777777777", "ou-ab12-dev00001");
                it.only_controls("777777777777", "ou-ab12-dev00001");
            },
            None,
        ),
    ];
    for (case, change, wanted) in cases {
        let world = World::new();
        world.with(change);
        let found = world.find(&wish(&["777777777777"], &[])).await.unwrap();
        let row = found.checks.iter().map(|it| it.result.row());
        let mut rows = row.filter(|it| it.id == "already-managed" && it.status == "fail");
        let evidence = rows.next().map(|it| it.evidence);
        assert_eq!(evidence.as_deref(), wanted, "{case}");
    }
}

#[tokio::test]
async fn a_second_baseline_on_a_unit_does_not_stand_for_that_of_control_tower() {
    let world = World::new();
    world.with(|it| {
        it.has_second = true;
        it.recorders.clear();
        it.channels.clear();
    });
    let report = world.enrol(&wish(&["777777777777"], &[])).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
}

/// `organization.md` N-2: reported, not blocking.
#[tokio::test]
async fn a_unit_whose_baseline_has_drifted_is_told() {
    for (drift, wanted) in [
        (None, None),
        (Some("source"), Some("no longer matches the landing zone")),
        (Some("inheritance"), Some("an account in the unit")),
    ] {
        let world = World::unrecorded();
        world.with(|it| it.drift = drift);
        let found = world.find(&wish(&["777777777777"], &[])).await.unwrap();
        let rows = found.checks.iter();
        let rows: Vec<_> = rows
            .filter(|it| it.result.row().id == "unit-drift")
            .collect();
        assert_eq!(rows.len(), usize::from(wanted.is_some()), "{drift:?}");
        if let Some(wanted) = wanted {
            let row = rows[0].result.row();
            assert!(row.evidence.contains(wanted), "{row:?}");
            assert!(!rows[0].stops());
        }
    }
}

/// Manifests are optional since 4.0: Config is then checked in the home Region.
#[tokio::test]
async fn a_landing_zone_without_a_manifest_governs_its_home_region() {
    let world = World::new();
    world.with(|it| it.zone["governedRegions"] = Value::Null);
    let all = ["444444444444", "777777777777", "888888888888"];
    let found = world.find(&wish(&all, &[])).await.unwrap();
    let regions: BTreeSet<_> = found
        .checks
        .iter()
        .filter(|it| it.result.row().id == "config-recorder")
        .filter_map(|it| it.region.clone())
        .collect();
    assert_eq!(regions, ["eu-central-1".to_owned()].into());
}
