//! The rows of `organization.md` §3 about insights.

use std::sync::Mutex;

use async_trait::async_trait;
use hallpass_base::AccountId;
use hallpass_org::insights::{
    InsightFilter, InsightKind, InsightRange, InsightScope, InsightSeverity, InsightStatus,
    UnitsNotFound, insights, organization_health, unit_ids,
};
use hallpass_org::{Operation, ReadAnswer, ReadCalls, ReadPlace};
use serde_json::{Map, Value, json};

use crate::gated::read_failed;

const PARENT: &str = "ou-ab12-11111111";
const NESTED: &str = "ou-ab12-22222222";

/// Two nested units, each with an account that has an insight; records Region, operation and
/// subject of calls.
#[derive(Default)]
struct Guru {
    calls: Mutex<Vec<String>>,
    silent_region: Option<&'static str>,
}

fn row(id: &str, account: &str, severity: &str, status: &str) -> Value {
    json!({
        "Id": id, "AccountId": account, "Name": format!("latency of {id}"), "Severity": severity, "Status": status,
        "InsightTimeRange": { "StartTime": 1_772_449_200 },
        "ResourceCollection": { "CloudFormation": { "StackNames": ["shop-api"] } },
    })
}

impl Guru {
    fn of(silent_region: Option<&'static str>) -> Self {
        Self {
            silent_region,
            ..Self::default()
        }
    }

    fn asked(&self) -> Vec<String> {
        let mut all = self.calls.lock().unwrap().clone();
        all.sort();
        all
    }

    fn listed(input: &Value) -> (Value, Option<Map<String, Value>>) {
        let unit = input["OrganizationalUnitIds"][0].as_str();
        let (first, second) = (
            row("a", "111111111111", "HIGH", "ONGOING"),
            row("b", "222222222222", "LOW", "CLOSED"),
        );
        let page = |rows: Vec<Value>| json!({ "ReactiveInsights": rows });
        match (unit, input["NextToken"].as_str()) {
            (Some(NESTED), _) => (page(vec![second, first]), None),
            (Some(_), _) => (page(vec![first]), None),
            (None, None) => {
                let next = json!({ "NextToken": "more" });
                (page(vec![first]), next.as_object().cloned())
            }
            (None, Some(_)) => (page(vec![second]), None),
        }
    }
}

#[async_trait]
impl ReadCalls for Guru {
    async fn call(
        &self,
        place: &ReadPlace,
        (_, operation): Operation,
        input: &Value,
    ) -> ReadAnswer {
        let region = place.region.as_deref().unwrap_or("home");
        let about = ["OrganizationalUnitIds", "AccountIds"]
            .iter()
            .find_map(|it| input.get(it));
        let about = about.map(ToString::to_string).unwrap_or_default();
        let kind = input
            .pointer("/StatusFilter/Any/Type")
            .or_else(|| input.get("Type"));
        let kind = kind.and_then(Value::as_str).unwrap_or_default();
        if region != "home" {
            self.calls
                .lock()
                .unwrap()
                .push(format!("{region} {operation} {kind} {about}"));
        }
        if self.silent_region == Some(region) {
            return Err(read_failed("AccessDeniedException", "no"));
        }
        Ok(match operation {
            "ListAccounts" => (
                json!({ "Accounts": [{ "Id": "111111111111", "Name": "shop" }] }),
                None,
            ),
            "ListRoots" => (json!({ "Roots": [{ "Id": "r-ab12" }] }), None),
            "ListOrganizationalUnitsForParent" => {
                let below = match input["ParentId"].as_str().unwrap() {
                    "r-ab12" => json!([{ "Id": PARENT, "Name": "Parent" }]),
                    PARENT => json!([{ "Id": NESTED, "Name": "Nested" }]),
                    _ => json!([]),
                };
                (json!({ "OrganizationalUnits": below }), None)
            }
            "ListDelegatedAdministrators" => {
                let row = json!({ "Id": "333333333333", "DelegationEnabledDate": 1_772_000_000 });
                (json!({ "DelegatedAdministrators": [row] }), None)
            }
            "ListOrganizationInsights" if kind == "REACTIVE" => Self::listed(input),
            "ListOrganizationInsights" => (json!({}), None),
            "SearchOrganizationInsights" => {
                let mut found = row("s", "", "MEDIUM", "ONGOING");
                found.as_object_mut().unwrap().remove("AccountId");
                found["AssociatedResourceArns"] =
                    json!(["arn:aws:lambda:eu-west-1:444444444444:function:Shop"]);
                (json!({ "ReactiveInsights": [found] }), None)
            }
            "DescribeOrganizationHealth" => (
                json!({ "OpenReactiveInsights": 2, "OpenProactiveInsights": 1, "MetricsAnalyzed": 10, "ResourceHours": 5 }),
                None,
            ),
            "DescribeOrganizationOverview" => (
                json!({ "ReactiveInsights": 3, "ProactiveInsights": 4 }),
                None,
            ),
            other => panic!("{other}"),
        })
    }
}

fn filter() -> InsightFilter {
    InsightFilter {
        kinds: InsightKind::ALL.to_vec(),
        status: None,
        severities: Vec::new(),
        stack: None,
        resource: None,
        range: InsightRange {
            from: "2026-03-01T00:00:00Z".parse().unwrap(),
            to: "2026-03-08T00:00:00Z".parse().unwrap(),
        },
    }
}

fn scope(regions: &[&str], units: &[&str]) -> InsightScope {
    InsightScope {
        regions: regions.iter().map(|it| (*it).to_owned()).collect(),
        units: units.iter().map(|it| (*it).to_owned()).collect(),
        ..InsightScope::default()
    }
}

fn ids(found: &hallpass_org::insights::InsightsFound) -> Vec<String> {
    let mut ids: Vec<String> = found.rows.iter().map(|it| it.id.clone()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn row_10_units_below_are_asked_for_and_each_insight_comes_once() {
    let guru = Guru::default();
    let found = insights(&guru, &scope(&["eu-west-1"], &[PARENT]), &filter()).await;
    let expected = ["PROACTIVE", "REACTIVE"].map(|kind| {
        [PARENT, NESTED]
            .map(|unit| format!("eu-west-1 ListOrganizationInsights {kind} [\"{unit}\"]"))
    });
    assert_eq!(guru.asked(), expected.concat());
    assert_eq!(ids(&found), ["a", "b"]);
    let named = found.rows.iter().find(|it| it.id == "a").unwrap();
    assert_eq!(
        (named.account_name.as_str(), named.stacks.len()),
        ("shop", 1)
    );
    assert_eq!(named.start.unwrap().to_string(), "2026-03-02T11:00:00Z");
    assert_eq!(found.registered.unwrap().as_second(), 1_772_000_000);
    let guru = Guru::default();
    let direct = InsightScope {
        is_direct: true,
        ..scope(&["eu-west-1"], &[PARENT])
    };
    insights(&guru, &direct, &filter()).await;
    assert_eq!(guru.asked().len(), 2);
}

#[tokio::test]
async fn every_region_is_asked_and_one_that_refuses_is_said() {
    let guru = Guru::of(Some("us-east-1"));
    let found = insights(&guru, &scope(&["eu-west-1", "us-east-1"], &[]), &filter()).await;
    assert_eq!(ids(&found), ["a", "b"]);
    let unread: Vec<&str> = found.unread.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(unread, ["us-east-1", "us-east-1"]);
    assert_eq!(
        found.unread[0].1.action,
        "devops-guru:ListOrganizationInsights"
    );
}

#[tokio::test]
async fn accounts_are_searched_one_by_one_and_named_in_the_rows() {
    let guru = Guru::default();
    let accounts = ["444444444444", "555555555555"];
    let scope = InsightScope {
        accounts: accounts.map(|it| AccountId::new(it).unwrap()).to_vec(),
        ..scope(&["eu-west-1"], &[])
    };
    let only = InsightFilter {
        kinds: vec![InsightKind::Reactive],
        ..filter()
    };
    let found = insights(&guru, &scope, &only).await;
    let expected =
        accounts.map(|it| format!("eu-west-1 SearchOrganizationInsights REACTIVE [\"{it}\"]"));
    assert_eq!(guru.asked(), expected);
    assert_eq!(found.rows.len(), 1);
    assert!(accounts.contains(&found.rows[0].account_id.as_str()));
}

#[tokio::test]
async fn d_8_what_a_listing_cannot_be_asked_is_left_out_of_its_answer() {
    let with = |change: &dyn Fn(&mut InsightFilter)| {
        let mut wanted = filter();
        change(&mut wanted);
        wanted
    };
    for (wanted, expected) in [
        (
            with(&|it| it.severities = vec![InsightSeverity::High]),
            &["a"][..],
        ),
        (
            with(&|it| it.severities = vec![InsightSeverity::High, InsightSeverity::Low]),
            &["a", "b"],
        ),
        (with(&|it| it.status = Some(InsightStatus::Closed)), &["b"]),
        (
            with(&|it| it.stack = Some("shop-api".to_owned())),
            &["a", "b"],
        ),
        (with(&|it| it.stack = Some("shop".to_owned())), &[]),
        (with(&|it| it.resource = Some("OF B".to_owned())), &["b"]),
        (
            with(&|it| it.resource = Some("shop-".to_owned())),
            &["a", "b"],
        ),
        (with(&|it| it.kinds = vec![InsightKind::Proactive]), &[]),
    ] {
        let found = insights(&Guru::default(), &scope(&["eu-west-1"], &[]), &wanted).await;
        assert_eq!(ids(&found), expected, "{wanted:?}");
    }
}

#[tokio::test]
async fn d_9_counts_are_asked_five_at_a_time_and_summed_and_never_in_part() {
    let guru = Guru::of(Some("us-east-1"));
    let accounts =
        (0..7).map(|it| AccountId::new(format!("{:012}", 100_000_000_000_u64 + it)).unwrap());
    let scope = InsightScope {
        accounts: accounts.collect(),
        ..scope(&["eu-west-1", "us-east-1"], &[])
    };
    let (rows, unread) = organization_health(&guru, &scope, filter().range).await;
    let asked: Vec<String> = guru
        .asked()
        .into_iter()
        .filter(|it| it.contains("Health"))
        .collect();
    let named: Vec<usize> = asked
        .iter()
        .map(|it| it.matches("1000000").count())
        .collect();
    assert_eq!(named.iter().filter(|it| **it == 5).count(), 2, "{asked:?}");
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(
        (row.region.as_str(), row.open_reactive, row.open_proactive),
        ("eu-west-1", 4, 2)
    );
    assert_eq!(
        (
            row.reactive,
            row.proactive,
            row.metrics_analyzed,
            row.resource_hours
        ),
        (6, 8, 20, 10)
    );
    assert_eq!(unread[0].0, "us-east-1");
}

#[tokio::test]
async fn units_are_found_by_their_path() {
    let guru = Guru::default();
    let find = async |name: &str| unit_ids(&guru, &[name.to_owned()]).await;
    assert_eq!(find("/Parent/Nested").await.unwrap(), [NESTED]);
    assert_eq!(find("/Parent/").await.unwrap(), [PARENT]);
    assert_eq!(find("/").await.unwrap(), ["r-ab12"]);
    assert_eq!(find(NESTED).await.unwrap(), [NESTED]);
    assert!(matches!(
        find("/Parent/Other").await,
        Err(UnitsNotFound::NoPath(_))
    ));
    assert!(matches!(find("Parent").await, Err(UnitsNotFound::Form(_))));
}
