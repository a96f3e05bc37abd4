//! The acceptance table of `organization.md` §4 for local configuration.

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use hallpass_org::standards::{
    HubStanding, StandardsFacts, StandardsFile, StandardsScope, draft, unknown_names,
};
use hallpass_plans::testing::Gate;
use hallpass_plans::{Exit, StepEnd, undo};
use serde_json::{Map, Value, json};

use super::hubs::{FIRST, MANAGEMENT, OTHER, PCI, Subscribed, UNIT, fixture};
use super::world::World;

const TWO_OFF: &str = r"
defaults:
  standards: {enable: [pci-dss/v/3.2.1]}
  controls:
    - {id: IAM.6, status: DISABLED, reason: central}
    - {id: S3.7, status: DISABLED, reason: backup, standards: [pci-dss/v/3.2.1]}
";
const OFF: &str = "defaults: {standards: {disable: [pci-dss/v/3.2.1]}}";
const ORDER: [&str; 5] = [
    "enable-hub",
    "enable-standards",
    "wait-controls-updatable",
    "set-controls",
    "disable-standards",
];

#[tokio::test]
async fn the_fixture_is_planned_as_it_says() {
    let world = World::new();
    let ran = world.compare(&fixture("org-standards.yaml")).await;
    let mut targets: BTreeMap<(String, String), Vec<(usize, Value)>> = BTreeMap::new();
    for step in draft(&ran.rows, &ran.facts).steps() {
        let kind = step.kind.trim_start_matches("standards.");
        let place = ORDER.iter().position(|it| *it == kind).unwrap();
        let mut row = Map::from_iter([("kind".to_owned(), json!(kind))]);
        row.extend(step.desired.as_object().unwrap().clone());
        let key = (step.target.account.clone(), step.target.region.clone());
        targets
            .entry(key)
            .or_default()
            .push((place, Value::Object(row)));
    }
    let targets = targets.into_iter().map(|((account, region), mut steps)| {
        steps.sort_by_key(|(place, _)| *place);
        let steps: Vec<Value> = steps.into_iter().map(|(_, it)| it).collect();
        let notes = &ran.row(&account, &region).notes;
        json!({ "account": account, "region": region, "steps": steps, "notes": notes })
    });
    let found = json!({ "mode": "local", "targets": targets.collect::<Vec<_>>() });
    let expected: Value = serde_json::from_str(&fixture("org-standards-plan.json")).unwrap();
    assert_eq!(found, expected);
    assert!(world.writes().is_empty());
}

/// Rows 1, 2, 4 and 7. The write itself asserts that a standard is ready.
#[tokio::test]
async fn a_second_time_changes_nothing() {
    let world = World::new();
    let file = fixture("org-standards.yaml");
    let ran = world.apply(&file).await;
    assert_eq!(ran.ended(StepEnd::Changed), 6, "{:?}", ran.report);
    let writes = world.writes();
    let cis = "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0";
    let enabled = |it: &&String| it.ends_with(cis) && it.contains("eu-west-1");
    assert_eq!(writes.iter().filter(enabled).count(), 3, "{writes:?}");
    let again = world.apply(&file).await;
    assert!(
        again.report.is_none()
            && again
                .rows
                .iter()
                .all(hallpass_org::standards::ComparedHub::is_as_wanted)
    );
    assert_eq!(world.writes(), writes);
}

#[tokio::test]
async fn a_hub_that_is_off_blocks_nobody_else() {
    let world = World::new();
    world.hub(OTHER, "us-east-1", |it| it.off = true);
    let ran = world.apply(TWO_OFF).await;
    assert_eq!(ran.ended(StepEnd::Changed), 5);
    let row = ran.row(OTHER, "us-east-1");
    assert_eq!(
        row.standing,
        HubStanding::Blocked("Security Hub is not enabled".to_owned())
    );
    assert!(row.is_bad());
    world.hub(OTHER, "us-east-1", |it| it.off = false);
    let later = world.apply(TWO_OFF).await;
    assert_eq!(later.ended(StepEnd::Changed), 1);
    assert!(
        !later
            .rows
            .iter()
            .any(hallpass_org::standards::ComparedHub::is_bad)
    );
}

#[tokio::test]
async fn an_account_without_the_role_is_told_before_anything_is_changed_and_the_others_go_on() {
    let world = World::new();
    world.aws.0.lock().unwrap().closed = vec![OTHER];
    let looked = world.compare(TWO_OFF).await;
    let unread: Vec<_> = looked
        .rows
        .iter()
        .filter(|it| it.account == OTHER)
        .collect();
    assert!(!unread.is_empty());
    for row in unread {
        let HubStanding::Unread(why) = &row.standing else {
            panic!("{row:?}")
        };
        assert!(
            why.contains("AccessDenied: the role cannot be assumed"),
            "{why}"
        );
        assert!(row.is_bad());
    }
    assert!(world.writes().is_empty());
    let ran = world.apply(TWO_OFF).await;
    assert_eq!(
        ran.report.as_ref().unwrap().exit(),
        Exit::Ok,
        "{:?}",
        ran.report
    );
    assert_eq!(ran.ended(StepEnd::Changed), 4);
}

#[tokio::test]
async fn a_hub_is_turned_on_when_somebody_says_so() {
    let mut world = World::new();
    world.choices.enable_hub = true;
    world.hub(OTHER, "us-east-1", |it| it.off = true);
    let ran = world.apply(TWO_OFF).await;
    assert_eq!(ran.ended(StepEnd::Changed), 6, "{:?}", ran.report);
    let alone = World::small();
    alone.hub(FIRST, "us-east-1", |it| it.off = true);
    let alone = World {
        choices: world.choices,
        ..alone
    };
    // the only hub is off, so its offers are resolved after enabling, in the same plan
    let ran = alone.apply(TWO_OFF).await;
    let report = ran.report.as_ref().unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    let sent = alone.writes();
    assert_eq!(sent.len(), 4, "{sent:?}");
    let off = alone.hub(FIRST, "us-east-1", |it| it.disabled.clone());
    let off: Vec<&str> = off.keys().map(|(_, id)| id.as_str()).collect();
    assert_eq!(off, ["IAM.6", "S3.7"]);
    assert!(alone.apply(TWO_OFF).await.report.is_none());
    assert_eq!(alone.writes(), sent);
}

/// A standard offered in no Region, an unknown control; a control unavailable here is known.
#[tokio::test]
async fn names_that_nobody_knows_are_told_with_their_lines_and_those_of_other_regions_are_not() {
    let file = "defaults:
  standards: {enable: [pci-dss/v/3.2.1], disable: [pci-dss/v/9]}
  controls:
    - {id: NOPE.99, status: DISABLED, reason: x}
    - {id: IAM.6, status: DISABLED, reason: x, standards: [pci-ds/v/3.2.1]}
    - {id: Far.1, status: DISABLED, reason: x}
exceptions:
  - {account: '012345678901', control: S3.77, status: DISABLED, reason: x}
";
    let world = World::new();
    world.hub(FIRST, "us-east-1", |it| {
        let of = it.controls_of.get_mut("pci-dss/v/3.2.1").unwrap();
        of.insert("Far.1".to_owned());
    });
    let of = |file: &str, facts: &StandardsFacts| {
        let file = StandardsFile::read(file).unwrap();
        let all = unknown_names(&file, facts);
        all.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let facts = world.compare(file).await.facts;
    assert_eq!(
        of(file, &facts),
        [
            "line 2: no Region that was queried offers a standard `pci-dss/v/9`",
            "line 4: no Region that was queried knows a control `NOPE.99`",
            "line 5: no Region that was queried offers a standard `pci-ds/v/3.2.1`",
            "line 8: no Region that was queried knows a control `S3.77`",
        ]
    );
    assert_eq!(of(TWO_OFF, &facts), [""; 0]);
    // control names of a standard are known only where it is on
    let open = "arn:aws:securityhub:{region}:{account}:control";
    let by_arn = |standard: &str, own: &str| {
        format!(
            "defaults:\n  controls:\n    - {{id: '{open}/{standard}/{own}', status: DISABLED, reason: x}}\n"
        )
    };
    let typo = by_arn("pci-dss/v/3.2.1", "X.IAM.66");
    let is_off = world.compare(&typo).await.facts;
    world.hub(FIRST, "us-east-1", |it| {
        it.on.insert(PCI.to_owned(), Subscribed::default());
    });
    let is_on = world.compare(&typo).await.facts;
    let unknown_control = format!(
        "line 3: no Region that was queried knows a control `{open}/pci-dss/v/3.2.1/X.IAM.66`"
    );
    let unknown_standard = "line 3: no Region that was queried offers a standard `pci-dss/v/9`";
    for (file, facts, told) in [
        (&typo, &is_off, None),
        (&typo, &is_on, Some(unknown_control.as_str())),
        (&by_arn("pci-dss/v/3.2.1", "X.IAM.6"), &is_on, None),
        (
            &by_arn("pci-dss/v/9", "X.IAM.6"),
            &is_off,
            Some(unknown_standard),
        ),
    ] {
        assert_eq!(of(file, facts), Vec::from_iter(told), "{file}");
    }
    // unknown if all hubs are off
    for region in ["eu-west-1", "us-east-1"] {
        for account in [FIRST, OTHER, "999999999999"] {
            world.hub(account, region, |it| it.off = true);
        }
    }
    assert_eq!(of(file, &world.compare(file).await.facts), [""; 0]);
}

#[tokio::test]
async fn an_exception_ends_with_its_last_day() {
    let mut world = World::small();
    let file = format!(
        "{TWO_OFF}exceptions:\n  - {{account: '{FIRST}', control: EC2.19, status: DISABLED, reason: test range, until: 2026-03-04, ticket: SEC-12}}\n  - {{ou: /Workloads, control: IAM.6, status: ENABLED}}\n"
    );
    world.today = "2026-03-04".to_owned();
    world.apply(&file).await;
    let off = |world: &World| {
        world.hub(FIRST, "us-east-1", |it| {
            it.disabled
                .keys()
                .map(|(_, it)| it.clone())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(off(&world), ["EC2.19", "S3.7"]);
    world.today = "2026-03-05".to_owned();
    let ran = world.apply(&file).await;
    assert_eq!(
        ran.row(FIRST, "us-east-1").notes,
        ["exception expired: EC2.19 (SEC-12) until 2026-03-04"]
    );
    assert_eq!(off(&world), ["S3.7"]);
}

/// Row 8, and undo.
#[tokio::test]
async fn a_standard_that_is_on_again_has_its_controls_off_again() {
    let world = World::small();
    world.apply(TWO_OFF).await;
    let off = |world: &World| world.hub(FIRST, "us-east-1", |it| it.disabled.clone());
    let wanted = off(&world);
    assert_eq!(wanted.len(), 2);
    let gone = world.apply(OFF).await;
    assert!(off(&world).is_empty());
    world.apply(TWO_OFF).await;
    assert_eq!(off(&world), wanted);
    world.apply(OFF).await;
    let runner = world.runner("first", &Gate::new(None));
    let (plan, folded) = runner.load(&gone.report.unwrap().plan).await.unwrap();
    let hands =
        hallpass_org::standards::StandardsStepExecutor::new(std::sync::Arc::new(world.calls()));
    let back = undo(&plan, &folded, &hands);
    assert!(back.not_undoable.is_empty());
    let back = runner.look(back.draft).await.unwrap().plan;
    let report = runner
        .apply(&back.id, &crate::bench::patient())
        .await
        .unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    assert_eq!(off(&world), wanted);
}

/// Row 9, and a lower batch limit of AWS.
#[tokio::test]
async fn controls_go_by_the_hundred_and_by_halves_where_that_is_too_many() {
    for (most, batches) in [(100, vec![30, 100]), (60, vec![30, 50, 50])] {
        let world = World::small();
        let ids = (1..=130).map(|n| format!("EC2.{n}"));
        let controls: Vec<Value> = ids
            .clone()
            .map(|it| json!({ "id": it, "status": "DISABLED", "reason": "x" }))
            .collect();
        let file = json!({ "defaults": { "standards": { "enable": ["pci-dss/v/3.2.1"] }, "controls": controls } });
        world.with(|it| it.most = most);
        world.hub(FIRST, "us-east-1", |it| {
            it.controls_of
                .insert("pci-dss/v/3.2.1".to_owned(), ids.collect());
        });
        let ran = world.apply(&file.to_string()).await;
        assert_eq!(ran.report.unwrap().exit(), Exit::Ok);
        let mut sent = world.with(|it| it.batches.clone());
        sent.sort_unstable();
        assert_eq!(sent, batches);
    }
}

#[tokio::test]
async fn an_account_under_a_central_policy_is_left_to_it() {
    let world = World::new();
    let policies = [
        (OTHER, "policy-1"),
        (FIRST, "SELF_MANAGED_SECURITY_HUB"),
        ("r-ab12", "SELF_MANAGED_SECURITY_HUB"),
    ];
    let policies = policies.map(|(target, policy)| (target.to_owned(), policy.to_owned()));
    world.with(|it| it.policies = Some(policies.into()));
    let ran = world.apply(TWO_OFF).await;
    assert_eq!(ran.ended(StepEnd::Changed), 4, "{:?}", ran.report);
    let blocked = HubStanding::Blocked("centrally managed: policy policy-1".to_owned());
    assert_eq!(ran.row(OTHER, "eu-west-1").standing, blocked);
    world.with(|it| {
        it.policies = Some(
            [
                (UNIT.to_owned(), "policy-2".to_owned()),
                (FIRST.to_owned(), "SELF_MANAGED_SECURITY_HUB".to_owned()),
            ]
            .into(),
        );
    });
    let ran = world.compare(TWO_OFF).await;
    assert_eq!(ran.rows.iter().filter(|it| it.is_bad()).count(), 4);
}

#[tokio::test]
async fn a_standard_without_config_fails_with_what_would_help() {
    let world = World::small();
    world.with(|it| it.stays = Some(("INCOMPLETE", "NO_AVAILABLE_CONFIGURATION_RECORDER")));
    let ran = world.apply(TWO_OFF).await;
    let report = ran.report.unwrap();
    let steps = &report.targets[0].steps;
    let failed = steps
        .iter()
        .find(|it| it.outcome == StepEnd::Failed)
        .unwrap();
    assert!(
        failed
            .reason
            .ends_with("NO_AVAILABLE_CONFIGURATION_RECORDER: turn on AWS Config"),
        "{failed:?}"
    );
    assert_eq!(world.writes().len(), 1);
    let again = world.compare(TWO_OFF).await;
    assert!(
        matches!(&again.rows[0].standing, HubStanding::Blocked(why) if why.ends_with("turn on AWS Config"))
    );
}

/// Row 13, and other skipped accounts.
#[tokio::test]
async fn who_is_left_out_is_told_why() {
    let mut world = World::new();
    world.with(|it| it.accounts[2].1 = "SUSPENDED");
    let ran = world.compare(TWO_OFF).await;
    assert_eq!(
        ran.row(OTHER, "global").standing,
        HubStanding::Skipped("suspended".to_owned())
    );
    assert_eq!(
        ran.rows
            .iter()
            .filter(|it| matches!(it.standing, HubStanding::Compared))
            .count(),
        4
    );
    let account = |id: &str| AccountId::new(id.to_owned()).unwrap();
    let scope = |change: fn(&mut StandardsScope)| {
        let mut scope = StandardsScope::default();
        change(&mut scope);
        scope
    };
    for (scope, rows) in [
        (
            StandardsScope {
                accounts: [account(FIRST)].into(),
                ..StandardsScope::default()
            },
            2,
        ),
        (
            StandardsScope {
                exclude: [account(FIRST)].into(),
                ..StandardsScope::default()
            },
            2,
        ),
        (scope(|it| it.units = vec!["/Workloads".to_owned()]), 4),
        (scope(|it| it.units = vec![UNIT.to_owned()]), 4),
        (scope(|it| it.tags = vec!["team=red".to_owned()]), 2),
        (scope(|it| it.tags = vec!["team=blue".to_owned()]), 0),
        (
            scope(|it| it.regions = Some(vec!["us-east-1".to_owned(), "ap-south-2".to_owned()])),
            2,
        ),
    ] {
        world.scope = scope.clone();
        let ran = world.compare(TWO_OFF).await;
        let seen = ran
            .rows
            .iter()
            .filter(|it| matches!(it.standing, HubStanding::Compared));
        assert_eq!(seen.count(), rows, "{scope:?}");
    }
    let off = HubStanding::Skipped("region disabled".to_owned());
    world.scope = scope(|it| it.regions = Some(vec!["ap-south-2".to_owned()]));
    assert_eq!(
        world
            .compare(TWO_OFF)
            .await
            .row(FIRST, "ap-south-2")
            .standing,
        off
    );
}

/// `organization.md` P-14.
#[tokio::test]
async fn a_unit_means_what_is_below_it_unless_it_alone_is_meant() {
    let mut world = World::new();
    for (unit, direct, rows) in [("/", false, 6), ("/", true, 0), (UNIT, true, 6)] {
        world.scope = StandardsScope {
            units: vec![unit.to_owned()],
            direct,
            ..StandardsScope::default()
        };
        let ran = world.compare(TWO_OFF).await;
        let seen = ran
            .rows
            .iter()
            .filter(|it| matches!(it.standing, HubStanding::Compared));
        assert_eq!(seen.count(), rows, "{unit} {direct}");
    }
}

/// `organization.md` S-2, `organization.md` S-3, `organization.md` S-9.
#[tokio::test]
async fn what_is_not_there_is_skipped_and_a_reason_alone_is_no_change() {
    let mut world = World::small();
    world.apply(TWO_OFF).await;
    let file = TWO_OFF
        .replace("central", "moved")
        .replace("3.2.1]}\n", "3.2.1, nist/v/1]}\n")
        + "    - {id: Far.1, status: DISABLED, reason: x}\n";
    let ran = world.compare(&file).await;
    let row = ran.row(FIRST, "us-east-1");
    assert!(row.is_as_wanted());
    let reasons: Vec<&str> = row
        .reason_only
        .iter()
        .map(|it| it.control.as_str())
        .collect();
    assert_eq!(reasons, ["IAM.6"]);
    assert_eq!(
        row.notes,
        [
            "skipped: nist/v/1 is not offered here",
            "skipped: Far.1 is in no standard that is on here, or not available here",
        ]
    );
    world.choices.update_reasons = true;
    assert_eq!(world.apply(&file).await.ended(StepEnd::Changed), 1);
    assert!(
        world
            .compare(&file)
            .await
            .row(FIRST, "us-east-1")
            .reason_only
            .is_empty()
    );
}

#[tokio::test]
async fn what_the_file_does_not_name_is_told_and_stays() {
    let mut world = World::small();
    world.apply(TWO_OFF).await;
    world.hub(FIRST, "us-east-1", |it| {
        it.disabled
            .insert((PCI.to_owned(), "EC2.19".to_owned()), None);
        it.disabled.remove(&(PCI.to_owned(), "S3.7".to_owned()));
    });
    let ran = world.apply(TWO_OFF).await;
    assert_eq!(
        ran.row(FIRST, "us-east-1").notes,
        ["not in the file: EC2.19 is off in pci-dss/v/3.2.1"]
    );
    world.choices.enable_unnamed = true;
    world.apply(TWO_OFF).await;
    let off = world.hub(FIRST, "us-east-1", |it| it.disabled.len());
    assert_eq!(off, 2);
}

#[tokio::test]
async fn a_control_that_aws_does_not_take_is_told_and_the_others_are_set() {
    let world = World::small();
    world.hub(FIRST, "us-east-1", |it| {
        let of = it.controls_of.get_mut("pci-dss/v/3.2.1").unwrap();
        of.insert("Bad.1".to_owned());
    });
    let file = format!("{TWO_OFF}    - {{id: Bad.1, status: DISABLED, reason: x}}\n");
    let ran = world.apply(&file).await;
    let report = ran.report.unwrap();
    assert_eq!(report.targets[0].outcome, StepEnd::Failed);
    assert!(
        report.targets[0].reason.contains("Bad.1: INVALID_INPUT no"),
        "{report:?}"
    );
    assert_eq!(world.hub(FIRST, "us-east-1", |it| it.disabled.len()), 2);
}

#[tokio::test]
async fn a_control_whose_state_is_not_said_is_not_taken_for_one_that_is_on() {
    const ON: &str = r"
defaults:
  standards: {enable: [pci-dss/v/3.2.1]}
  controls: [{id: IAM.6, status: ENABLED}]
";
    for (code, is_unread) in [
        ("LIMIT_EXCEEDED", true),
        ("ACCESS_DENIED", true),
        ("RESOURCE_NOT_FOUND", false),
        ("NOT_FOUND", false),
    ] {
        let world = World::small();
        world.apply(TWO_OFF).await;
        world.hub(FIRST, "us-east-1", |it| {
            it.untold.insert("IAM.6".to_owned(), code);
        });
        let ran = world.compare(ON).await;
        let row = ran.row(FIRST, "us-east-1");
        assert_eq!(
            matches!(&row.standing, HubStanding::Unread(why) if why.contains(code) && why.contains("IAM.6")),
            is_unread,
            "{code}: {row:?}"
        );
    }
}

#[tokio::test]
async fn hubs_with_findings_by_standard_get_one_call_for_each_control() {
    let world = World::small();
    world.hub(FIRST, "us-east-1", |it| it.by_standard = true);
    let ran = world.apply(TWO_OFF).await;
    assert_eq!(ran.report.unwrap().exit(), Exit::Ok);
    let sent = world.writes();
    assert_eq!(
        sent.iter()
            .filter(|it| it.starts_with("UpdateStandardsControl"))
            .count(),
        2
    );
    assert!(world.apply(TWO_OFF).await.report.is_none());
}

#[tokio::test]
async fn a_standard_that_is_being_turned_off_is_waited_for() {
    let world = World::small();
    let leaving = Subscribed {
        polls: 0,
        status: Some("DELETING"),
        reason: "",
    };
    world.hub(FIRST, "us-east-1", |it| {
        it.on.insert(PCI.to_owned(), leaving);
    });
    let ran = world.compare(TWO_OFF).await;
    assert_eq!(ran.row(FIRST, "us-east-1").enable, [PCI]);
}

#[tokio::test]
async fn accounts_are_in_the_same_units_whether_they_say_so_or_the_units_are_asked() {
    let told = World::new().compare(TWO_OFF).await;
    let world = World::new();
    world.with(|it| it.has_paths = false);
    let walked = world.compare(TWO_OFF).await;
    assert_eq!(told.facts.tree, walked.facts.tree);
    let first = &told.facts.tree.accounts[FIRST];
    assert_eq!(first.units, ["r-ab12", UNIT]);
    assert_eq!(told.facts.tree.accounts[MANAGEMENT].units, ["r-ab12"]);
}
