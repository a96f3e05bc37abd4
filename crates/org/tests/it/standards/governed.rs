//! Security Hub CSPM policies of Organizations: `organization.md` S-12.

use hallpass_org::standards::HubStanding;
use hallpass_plans::{Exit, StepEnd};
use serde_json::{Value, json};

use super::hubs::{ADMIN, FIRST, MANAGEMENT, OTHER, UNIT};
use super::world::World;

const ON: &str = "defaults:\n  standards: {enable: [pci-dss/v/3.2.1]}\n";

fn regions(on: &[&str]) -> Value {
    let lists = json!({ "enable_in_regions": on, "disable_in_regions": [] });
    json!({ "securityhub": { "cspm_enablement": lists } })
}

fn why(place: &str) -> String {
    format!(
        "governed by a Security Hub CSPM policy of Organizations: {place}; change or detach it first, or set there what \
         the file says"
    )
}

async fn stands(governing: &[(&'static str, Value)]) -> (Vec<(String, String)>, World) {
    let world = World::new();
    world.with(|it| it.governing = governing.to_vec());
    let ran = world.apply(ON).await;
    let blocked = ran.rows.iter().filter_map(|it| match &it.standing {
        HubStanding::Blocked(why) => Some((format!("{} {}", it.account, it.region), why.clone())),
        _ => None,
    });
    let blocked: Vec<(String, String)> = blocked.collect();
    let report = ran.report.unwrap();
    let changed = report
        .targets
        .iter()
        .filter(|it| it.outcome == StepEnd::Changed)
        .count();
    let compared = ran
        .rows
        .iter()
        .filter(|it| it.standing == HubStanding::Compared);
    assert_eq!(changed, compared.count(), "{report:?}");
    let is_touched = |row: &str| {
        let (account, region) = row.split_once(' ').unwrap();
        let key = (account.to_owned(), region.to_owned());
        world.with(|it| !it.hubs[&key].on.is_empty())
    };
    assert!(
        !blocked.iter().any(|(row, _)| is_touched(row)),
        "{blocked:?}"
    );
    (blocked, world)
}

#[tokio::test]
async fn an_account_is_left_to_a_policy_of_organizations_where_that_governs_it() {
    let (blocked, world) = stands(&[]).await;
    assert_eq!(blocked, []);
    assert_eq!(world.with(|it| it.asked.clone()), [""; 0]);

    let (blocked, _) = stands(&[(OTHER, regions(&["ALL_SUPPORTED"]))]).await;
    let own = why(&format!("`baseline` (p-0) on account {OTHER}"));
    let both = ["eu-west-1", "us-east-1"].map(|it| (format!("{OTHER} {it}"), own.clone()));
    assert_eq!(blocked, both);

    let (blocked, _) = stands(&[(OTHER, regions(&["eu-west-1"]))]).await;
    assert_eq!(blocked, both[..1]);

    let (blocked, _) = stands(&[(OTHER, Value::Null)]).await;
    assert_eq!(blocked, []);
    let (blocked, _) = stands(&[(OTHER, regions(&[]))]).await;
    assert_eq!(blocked, []);

    let (blocked, _) = stands(&[(OTHER, json!({ "securityhub": { "controls": [] } }))]).await;
    assert_eq!(blocked.len(), 2);
}

#[tokio::test]
async fn accounts_under_the_same_policies_are_asked_once() {
    let (blocked, world) = stands(&[
        (UNIT, regions(&["eu-west-1"])),
        (FIRST, regions(&["us-east-1"])),
    ])
    .await;
    let unit = format!("`baseline` (p-0) on /Workloads ({UNIT})");
    let places: Vec<&str> = blocked.iter().map(|(row, _)| row.as_str()).collect();
    assert!(
        places.contains(&format!("{FIRST} us-east-1").as_str()),
        "{places:?}"
    );
    assert!(
        places.contains(&format!("{OTHER} eu-west-1").as_str()),
        "{places:?}"
    );
    let (_, said) = blocked
        .iter()
        .find(|(row, _)| row.starts_with(FIRST))
        .unwrap();
    assert_eq!(
        *said,
        why(&format!("{unit}, `baseline` (p-1) on account {FIRST}"))
    );
    let (_, said) = blocked
        .iter()
        .find(|(row, _)| row.starts_with(OTHER))
        .unwrap();
    assert_eq!(*said, why(&unit));
    assert_eq!(world.with(|it| it.asked.clone()), [FIRST, OTHER]);
}

#[tokio::test]
async fn no_policy_of_the_administrator_is_put_above_what_is_governed() {
    let world = World::managed();
    world.with(|it| it.governing = vec![(OTHER, regions(&["eu-west-1"]))]);
    let ran = world.apply_central(ON).await;
    assert_eq!(ran.report.exit(), Exit::Ok, "{:?}", ran.report);
    let own = why(&format!("`baseline` (p-0) on account {OTHER}"));
    let rows = ran.rows.iter().map(|it| {
        let policy = it.policy.as_ref().map(|_| ()).map_err(String::as_str);
        (it.target.as_str(), policy)
    });
    let rows: Vec<_> = rows.collect();
    let expected = [
        (FIRST, Ok(())),
        (MANAGEMENT, Ok(())),
        (OTHER, Err(own.as_str())),
        ("999999999999", Ok(())),
    ];
    assert_eq!(rows, expected);
    let held = world.with(|it| it.policies.clone().unwrap());
    assert!(
        !held.contains_key("r-ab12") && !held.contains_key(UNIT) && !held.contains_key(OTHER),
        "{held:?} {ADMIN}"
    );
}
