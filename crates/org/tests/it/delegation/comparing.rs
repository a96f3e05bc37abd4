//! The acceptance table of `organization.md` §3, without DevOps Guru calls.

use hallpass_base::Clock as _;
use hallpass_org::delegation::{
    DelegationFile, DelegationState, RemovalRequest, Replacing, draft_removal, gather, graphs_of,
    look_at, service_named,
};
use hallpass_plans::testing::Gate;
use serde_json::Value;

use super::world::{ADMIN, MANAGEMENT, OTHER, World};
use crate::gated::GatedCalls;

const DETECTIVE: &str = r#"
services:
  - {service: detective, account: "333333333333", regions: [us-east-1, eu-west-1], auto_enable: true, members: all}
"#;
const WHOLE: [&str; 4] = ["designate", "wait-graph", "auto-enable", "enable-members"];

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/spec/fixtures/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

fn sorted(mut steps: Vec<String>) -> Vec<String> {
    steps.sort();
    steps
}

fn stated() -> World {
    let world = World::new();
    let state: Value = serde_json::from_str(&fixture("org-delegate-state.json")).unwrap();
    world.with(|it| {
        it.trusted.insert("securityhub.amazonaws.com".to_owned());
        it.delegated.insert(
            "securityhub.amazonaws.com".to_owned(),
            [ADMIN.to_owned()].into(),
        );
        for (region, account) in state["regional"]["securityhub"].as_object().unwrap() {
            let place = ("securityhub".to_owned(), region.clone());
            let account = account.as_str().unwrap().to_owned();
            it.regional.insert(place, account);
        }
    });
    world
}

#[tokio::test]
async fn the_fixture_is_planned_as_it_says() {
    let world = stated();
    let file = fixture("org-delegate.yaml");
    let ran = world
        .delegate(&file, false, "first", &Gate::new(None))
        .await;
    let ran = ran.unwrap();
    let state: Value = serde_json::from_str(&fixture("org-delegate-state.json")).unwrap();
    let expected = state["expect"].as_array().unwrap();
    assert_eq!(expected.len(), ran.rows.len());
    for row in expected {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let (service, region) = (text("service"), text("region"));
        let found = ran
            .rows
            .iter()
            .find(|it| it.wish.service.name == service && it.region == region);
        let found = found.unwrap();
        match text("result").as_str() {
            "conflict" => {
                let other = text("other");
                assert_eq!(found.state, DelegationState::Conflict { other });
                assert!(found.is_bad());
            }
            result => {
                let steps = row["steps"].as_array().into_iter().flatten();
                let steps: Vec<String> = steps.map(|it| it.as_str().unwrap().to_owned()).collect();
                let outcome = if result == "change" {
                    "changed"
                } else {
                    result
                };
                assert_eq!(
                    ran.target(&service, &region),
                    (outcome.to_owned(), sorted(steps)),
                    "{service} {region}"
                );
            }
        }
    }
    assert!(world.writes().is_empty(), "{:?}", world.writes());
}

#[tokio::test]
async fn a_second_time_changes_nothing() {
    let world = World::new();
    let gate = Gate::new(None);
    let dry = world.delegate(DETECTIVE, false, "first", &gate).await;
    let dry = dry.unwrap();
    assert_eq!(dry.report.as_ref().unwrap().targets.len(), 2);
    let (_, steps) = dry.target("detective", "us-east-1");
    assert_eq!(steps, sorted(WHOLE.map(str::to_owned).to_vec()));
    assert!(world.writes().is_empty());
    let made = world.delegate(DETECTIVE, true, "first", &gate).await;
    let made = made.unwrap();
    assert_eq!(made.target("detective", "eu-west-1").0, "changed");
    let writes = world.writes();
    assert_eq!(writes.len(), 6, "{writes:?}");
    let again = world.delegate(DETECTIVE, true, "second", &gate).await;
    let again = again.unwrap();
    for region in ["us-east-1", "eu-west-1"] {
        let unchanged = ("unchanged".to_owned(), Vec::new());
        assert_eq!(again.target("detective", region), unchanged);
    }
    assert_eq!(world.writes(), writes);
}

/// Row 3, and `--replace`.
#[tokio::test]
async fn another_administrator_is_a_conflict_and_the_others_go_on() {
    let world = stated();
    let file = "services: [{service: securityhub, account: '333333333333', regions: [eu-west-1, us-east-1, eu-north-1]}]";
    let gate = Gate::new(None);
    let ran = world.delegate(file, true, "first", &gate).await.unwrap();
    let states: Vec<_> = ran.rows.iter().map(|it| &it.state).collect();
    let skipped = DelegationState::Skipped {
        reason: "region disabled".to_owned(),
    };
    let other = OTHER.to_owned();
    let conflict = DelegationState::Conflict { other };
    assert_eq!(states, [&skipped, &conflict, &DelegationState::Planned]);
    assert!(world.writes().is_empty(), "{:?}", world.writes());
    let replaced = world.delegate_with(file, Replacing::Whoever, true, "second", &gate);
    let replaced = replaced.await.unwrap();
    let (outcome, steps) = replaced.target("securityhub", "eu-west-1");
    assert_eq!(
        (outcome.as_str(), steps),
        (
            "changed",
            vec!["designate".to_owned(), "withdraw".to_owned()]
        )
    );
    assert!(replaced.rows.iter().all(|it| !it.is_bad()) && replaced.rows.len() == 3);
}

/// Row 4, and other invalid administrators.
#[tokio::test]
async fn who_cannot_administer_is_refused_before_anything_is_asked_for() {
    let refusal = |account: &str| {
        let file = format!("services: [{{service: devops-guru, account: '{account}'}}]");
        let world = World::new();
        world.with(|it| it.accounts.push(("555555555555".to_owned(), "SUSPENDED")));
        async move { world.rows(&file, Replacing::Never).await.unwrap_err() }
    };
    assert!(refusal(MANAGEMENT).await.contains("management account"));
    assert_eq!(
        refusal("999999999999").await,
        "line 1: the organization has no account `999999999999`"
    );
    assert!(
        refusal("555555555555")
            .await
            .contains("line 1: account 555555555555 is not active")
    );
    let world = World::new();
    world.with(|it| it.caller = ADMIN.to_owned());
    let refused = world.rows(DETECTIVE, Replacing::Never).await.unwrap_err();
    assert!(
        refused.contains("only the management account 111111111111"),
        "{refused}"
    );
    let asked = world.aws.state.lock().unwrap().asked.clone();
    assert_eq!(asked.len(), 3, "{asked:?}");
}

#[tokio::test]
async fn members_come_in_fifties() {
    let world = World::new();
    world.with(|it| {
        let more = (0..117).map(|n| (format!("6{n:011}"), "ACTIVE"));
        it.accounts.extend(more);
    });
    let file = DETECTIVE.replace("us-east-1, eu-west-1", "us-east-1");
    let ran = world.delegate(&file, true, "first", &Gate::new(None)).await;
    assert_eq!(ran.unwrap().target("detective", "us-east-1").0, "changed");
    let mut batches = world.aws.state.lock().unwrap().batches.clone();
    batches.sort_unstable();
    assert_eq!(batches, [20, 50, 50]);
}

/// Detective returns a hundred members per page; members on later pages are not invited again.
#[tokio::test]
async fn members_on_further_pages_are_seen_and_a_second_run_changes_nothing() {
    for members in [110, 140, 250] {
        let world = World::new();
        world.with(|it| {
            let more = (0..members - 3).map(|n| (format!("6{n:011}"), "ACTIVE"));
            it.accounts.extend(more);
        });
        let file = DETECTIVE.replace("us-east-1, eu-west-1", "us-east-1");
        let run = async || {
            let ran = world.delegate(&file, true, "first", &Gate::new(None)).await;
            ran.unwrap()
        };
        let ran = run().await;
        assert_eq!(
            ran.target("detective", "us-east-1").0,
            "changed",
            "{members}"
        );
        let sent = world.writes();
        let there = world.aws.state.lock().unwrap().members.len();
        assert_eq!(there, members);
        let again = run().await;
        assert_eq!(
            again.target("detective", "us-east-1").0,
            "unchanged",
            "{members}"
        );
        assert_eq!(world.writes(), sent, "{members}");
    }
}

/// Accounts outside the organization are invited; their acceptance is reported, not awaited, and no
/// account is removed.
#[tokio::test]
async fn whoever_is_outside_is_invited_and_told_until_they_say_yes() {
    let world = World::new();
    let file = |invite: &str| {
        format!(
            "services:\n  - {{service: detective, account: '333333333333', regions: [us-east-1], invitation_mail: none, \
             invite: [{invite}]}}\n"
        )
    };
    let outside = "{account: '777777777777', email: root@example.com}";
    let run = async |invite: &str| {
        let gate = Gate::new(None);
        world
            .delegate(&file(invite), true, "first", &gate)
            .await
            .unwrap()
    };
    let ran = run(outside).await;
    let (outcome, _) = ran.target("detective", "us-east-1");
    assert_eq!(outcome, "in_progress", "{:?}", ran.report);
    let place = ("us-east-1".to_owned(), "777777777777".to_owned());
    let invited = world.aws.state.lock().unwrap().invited.clone();
    assert_eq!(invited.get(&place), Some(&false), "{invited:?}");
    let sent = world.writes();
    let again = run(outside).await;
    assert_eq!(again.target("detective", "us-east-1").0, "in_progress");
    assert_eq!(again.rows[0].waiting, ["777777777777"]);
    let other = "{account: '888888888888', email: other@example.com}";
    run(other).await;
    assert_eq!(world.aws.state.lock().unwrap().invited.len(), 2);
    world.with(|it| {
        it.invited.clear();
        for account in ["777777777777", "888888888888"] {
            let place = ("us-east-1".to_owned(), account.to_owned());
            it.members.insert(place, world.clock.now());
        }
    });
    assert_eq!(
        run(outside).await.target("detective", "us-east-1").0,
        "unchanged"
    );
    assert_eq!(world.writes().len(), sent.len() + 1);
    let inside = file("{account: '222222222222', email: x@example.com}");
    let refused = world.rows(&inside, Replacing::Never).await.unwrap_err();
    assert!(refused.contains("is in the organization"), "{refused}");
}

#[tokio::test]
async fn a_graph_takes_1200_members() {
    let world = World::new();
    world.with(|it| {
        let more = (0..1_247).map(|n| (format!("6{n:011}"), "ACTIVE"));
        it.accounts.extend(more);
    });
    let refused = world.rows(DETECTIVE, Replacing::Never).await.unwrap_err();
    assert!(
        refused.contains("1250") && refused.contains("1200"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_account_with_too_much_data_is_told_and_the_others_are_members() {
    let world = World::new();
    world.with(|it| {
        it.too_large.insert("444444444444".to_owned());
    });
    let file = DETECTIVE.replace("us-east-1, eu-west-1", "us-east-1");
    let gate = Gate::new(None);
    let ran = world.delegate(&file, true, "first", &gate).await.unwrap();
    let report = ran.report.as_ref().unwrap();
    assert_eq!(report.targets[0].outcome.to_string(), "failed");
    assert!(
        report.targets[0]
            .reason
            .contains("444444444444: VOLUME_TOO_HIGH")
    );
    assert_eq!(world.aws.state.lock().unwrap().members.len(), 3);
    let again = world.delegate(&file, true, "second", &gate).await.unwrap();
    assert_eq!(
        again.rows[0].problems,
        ["account 444444444444: VOLUME_TOO_HIGH"]
    );
    assert!(again.rows[0].is_bad());
    let (outcome, _) = again.target("detective", "us-east-1");
    assert_eq!(outcome, "unchanged");
}

#[tokio::test]
async fn registered_already_is_done() {
    let world = World::new();
    let file = "services: [{service: devops-guru, account: '333333333333'}]";
    let gate = Gate::new(None);
    let dry = world.delegate(file, false, "first", &gate).await.unwrap();
    let names = ["enable-trusted-access", "register"].map(str::to_owned);
    assert_eq!(dry.target("devops-guru", "global").1, names);
    let ran = world.delegate(file, true, "first", &gate).await.unwrap();
    assert_eq!(ran.target("devops-guru", "global").0, "changed");
    let again = world.delegate(file, true, "second", &gate).await.unwrap();
    assert_eq!(again.target("devops-guru", "global").0, "unchanged");
    assert_eq!(world.writes().len(), 2);
}

#[tokio::test]
async fn a_region_that_cannot_be_read_is_told_and_the_others_go_on() {
    let world = World::new();
    world.with(|it| {
        it.refused.insert(
            "detective:ListOrganizationAdminAccounts eu-west-1".to_owned(),
            "AccessDeniedException".to_owned(),
        );
    });
    let ran = world
        .delegate(DETECTIVE, true, "first", &Gate::new(None))
        .await;
    let ran = ran.unwrap();
    let reason = "detective:ListOrganizationAdminAccounts: AccessDeniedException: no".to_owned();
    assert_eq!(ran.rows[0].state, DelegationState::Unread { reason });
    assert_eq!(ran.target("detective", "us-east-1").0, "changed");
}

/// `organization.md` D-10: places are independent, even if Organizations lacks one service.
#[tokio::test]
async fn a_service_that_nothing_is_said_of_is_told_and_the_others_go_on() {
    let world = World::new();
    let file = format!("{DETECTIVE}\n  - {{service: devops-guru, account: \"333333333333\"}}\n");
    let refuse = |operation: &str| {
        let refused = (operation.to_owned(), "AccessDeniedException".to_owned());
        world.with(|it| it.refused = [refused].into());
    };
    refuse("organizations:ListDelegatedAdministrators devops-guru.amazonaws.com");
    let ran = world.delegate(&file, true, "first", &Gate::new(None)).await;
    let ran = ran.unwrap();
    let state_of = |name: &str, region: &str| {
        let mut rows = ran.rows.iter();
        let found = rows.find(|it| it.wish.service.name == name && it.region == region);
        found.map(|it| it.state.clone())
    };
    let said = "organizations:ListDelegatedAdministrators: AccessDeniedException: no".to_owned();
    let unread = DelegationState::Unread { reason: said };
    assert_eq!(state_of("devops-guru", "global"), Some(unread));
    assert_eq!(ran.target("detective", "us-east-1").0, "changed");
    let registered = |it: &&String| it.contains("devops-guru");
    assert_eq!(world.writes().iter().find(registered), None);
}

/// Unknown enabled Regions are reported for the service, and nothing else waits.
#[tokio::test]
async fn regions_that_nobody_knows_are_told_as_one_place() {
    let world = World::new();
    let services = "services:\n  - {service: guardduty, account: \"333333333333\", regions: enabled}\n  - {service: \
                    devops-guru, account: \"333333333333\"}\n";
    world.with(|it| {
        it.refused.insert(
            "account:ListRegions ".to_owned(),
            "AccessDeniedException".to_owned(),
        );
    });
    let ran = world
        .delegate(services, true, "first", &Gate::new(None))
        .await;
    let ran = ran.unwrap();
    let row = ran
        .rows
        .iter()
        .find(|it| it.wish.service.name == "guardduty");
    let row = row.unwrap();
    let DelegationState::Unread { reason } = &row.state else {
        panic!("{row:?}")
    };
    assert_eq!(row.region, "enabled");
    assert!(
        reason.contains("account:ListRegions in account 333333333333"),
        "{reason}"
    );
    assert_eq!(ran.target("devops-guru", "global").0, "changed");
}

#[tokio::test]
async fn an_administrator_whose_account_cannot_be_entered_is_told_before_it_is_named() {
    let world = World::new();
    world.with(|it| it.closed = true);
    let file = format!("{DETECTIVE}\n  - {{service: devops-guru, account: \"333333333333\"}}\n");
    let ran = world
        .delegate(&file, true, "first", &Gate::new(None))
        .await
        .unwrap();
    for row in ran.rows.iter().filter(|it| it.region != "global") {
        let DelegationState::Unread { reason } = &row.state else {
            panic!("{row:?}")
        };
        assert!(
            reason.contains("333333333333 cannot be entered"),
            "{reason}"
        );
        assert!(row.is_bad());
    }
    assert_eq!(
        ran.target("devops-guru", "global").0,
        "changed",
        "the others go on"
    );
    let named = |it: &&String| it.contains("EnableOrganizationAdminAccount");
    assert_eq!(world.writes().iter().find(named), None);
}

/// Row 12, and the order: Regions first, Organizations last.
#[tokio::test]
async fn what_goes_is_told_before_it_goes() {
    let world = World::new();
    let gate = Gate::new(None);
    world
        .delegate(DETECTIVE, true, "first", &gate)
        .await
        .unwrap();
    let service = service_named("detective").unwrap();
    let regions = ["us-east-1".to_owned()];
    let (facts, regions) = look_at(&GatedCalls::calm(&world.aws), service, Some(&regions))
        .await
        .unwrap();
    let told = graphs_of(&GatedCalls::calm(&world.aws), service, &facts).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("with 3 members is deleted"), "{told:?}");
    let wish = RemovalRequest {
        service,
        regions,
        everywhere: false,
    };
    let draft = draft_removal(&wish, &facts);
    let runner = world.runner("second", &gate);
    let plan = runner.look(draft).await.unwrap().plan;
    let report = runner
        .apply(&plan.id, &crate::bench::patient())
        .await
        .unwrap();
    assert_eq!(report.totals.changed, 1);
    let left: Vec<_> = world
        .aws
        .state
        .lock()
        .unwrap()
        .regional
        .clone()
        .into_keys()
        .collect();
    assert_eq!(left, [("detective".to_owned(), "eu-west-1".to_owned())]);
}

#[test]
fn bad_files_say_what_is_wrong() {
    for (file, part) in [
        ("services: []", "names none"),
        (
            "services: [{service: detectiv, account: '333333333333', regions: enabled}]",
            "no service that is known",
        ),
        (
            "services: [{service: detective, account: '333333333333'}]",
            "give `regions`",
        ),
        (
            "services: [{service: account, account: '333333333333', regions: [us-east-1]}]",
            "leave `regions` out",
        ),
        (
            "services: [{service: detective, account: '333333333333', regions: all}]",
            "a list or `enabled`",
        ),
        (
            "services: [{service: detective, account: '333333333333', regions: ['US EAST']}]",
            "is no Region",
        ),
        (
            "services: [{service: guardduty, account: '333333333333', regions: enabled, members: all}]",
            "are for `detective`",
        ),
        (
            "services: [{service: detective, account: '333333333333', regions: enabled, members: some}]",
            "`members` is `all`",
        ),
        ("services: [{service: account, account: '33'}]", "12 digits"),
        (
            "services: [{service: account, account: '333333333333'}, {service: account, account: '444444444444'}]",
            "named twice",
        ),
        (
            "services: [{service: account, account: '333333333333', region: x}]",
            "region",
        ),
    ] {
        let error = DelegationFile::read(file).unwrap_err();
        assert!(error.contains(part), "{file}: {error}");
    }
    let apart = "services: [{service: detective, account: '333333333333', regions: enabled}, \
                 {service: guardduty, account: '444444444444', regions: enabled}]";
    let warnings = DelegationFile::read(apart).unwrap().apart();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("AWS recommends one account"));
}

#[test]
fn a_typo_of_a_service_names_the_line_and_what_was_meant() {
    let second = |service: &str| {
        let service =
            format!("- {{service: {service}, account: '333333333333', regions: enabled}}");
        let file =
            format!("services:\n- {{service: account, account: '333333333333'}}\n{service}\n");
        DelegationFile::read(&file).unwrap_err()
    };
    for (typo, meant) in [("guardduti", "guardduty"), ("securithub", "securityhub")] {
        let error = second(typo);
        let wanted =
            format!("line 3: `{typo}` is no service that is known here (did you mean `{meant}`?)");
        assert!(error.starts_with(&wanted), "{error}");
    }
    let error = second("frobnicate");
    assert!(!error.contains("did you mean"), "{error}");
}

#[tokio::test]
async fn detective_has_one_administrator_everywhere() {
    let world = World::new();
    world.with(|it| {
        it.delegated.insert(
            "detective.amazonaws.com".to_owned(),
            [OTHER.to_owned()].into(),
        );
    });
    let file = DelegationFile::read(DETECTIVE).unwrap();
    let facts = gather(&GatedCalls::calm(&world.aws), &file).await.unwrap();
    assert_eq!(facts.administrators.len(), 1);
    let rows = world.rows(DETECTIVE, Replacing::Never).await.unwrap();
    let other = OTHER.to_owned();
    let conflict = DelegationState::Conflict { other };
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row.state, conflict);
    }
}
