//! Excluding units finds the same accounts by paths and by a walk.

use hallpass_plans::fanout::{CallFault, FoundAccount};
use serde_json::{Value, json};

use super::walk::{AccountWalk, AccountsToFind};
use super::{AnyService, configure_quietly};
use crate::fake_http::{FakeHttp, ReceivedRequest, ScriptedResponse, Still, settings};

const ACCOUNTS: [(&str, &[&str]); 6] = [
    ("111111111111", &[]),
    ("222222222222", &["ou-1"]),
    ("333333333333", &["ou-1", "ou-2"]),
    ("444444444444", &["ou-3"]),
    ("555555555555", &["ou-3", "ou-4"]),
    ("666666666666", &["ou-5"]),
];
const UNITS: [(&str, &str, &str); 6] = [
    ("ou-1", "r-1", "Workloads"),
    ("ou-2", "ou-1", "Production"),
    ("ou-3", "r-1", "Sandbox"),
    ("ou-4", "ou-3", "Production"),
    ("ou-5", "r-1", "Late"),
    ("ou-gone", "ou-5", "Gone"),
];

fn account((id, units): (&str, &[&str]), says: bool) -> Value {
    let mut account = json!({ "Id": id, "Name": id, "State": "ACTIVE" });
    if says {
        let units = [&["o-1", "r-1"], units, &[id, ""]].concat();
        account["Paths"] = json!([units.join("/")]);
    }
    account
}

fn answer(asked: &ReceivedRequest, silent_from: usize) -> ScriptedResponse {
    let text = String::from_utf8(asked.body.to_vec()).unwrap();
    if text.contains("GetCallerIdentity") {
        let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111111111111</Account>\
            </GetCallerIdentityResult></GetCallerIdentityResponse>";
        return (200, Vec::new(), body.as_bytes().to_vec());
    }
    let input: Value = serde_json::from_str(&text).unwrap();
    let operation = asked.header("x-amz-target").unwrap_or_default();
    let operation = operation.rsplit('.').next().unwrap_or_default();
    let rows = ACCOUNTS.iter().enumerate();
    let body = match operation {
        "DescribeOrganization" => json!({ "Organization": { "MasterAccountId": "111111111111" } }),
        // a first page without rows is not the end
        "ListRoots" if input["NextToken"].is_null() => json!({ "Roots": [], "NextToken": "1" }),
        "ListRoots" => json!({ "Roots": [{ "Id": "r-1" }] }),
        "ListTagsForResource" if input["ResourceId"] == ACCOUNTS[5].0 => {
            return gone("TargetNotFoundException");
        }
        "ListTagsForResource" => json!({ "Tags": [{ "Key": "empty", "Value": "" }] }),
        "ListAccountsForParent" if input["ParentId"] == "ou-gone" => {
            return gone("ParentNotFoundException");
        }
        "DescribeOrganizationalUnit" => {
            json!({ "OrganizationalUnit": { "Id": input["OrganizationalUnitId"] } })
        }
        "ListAccounts" => {
            let from = input["NextToken"]
                .as_str()
                .map_or(0, |it| it.parse().unwrap());
            let page = rows
                .skip(from)
                .take(2)
                .map(|(at, it)| account(*it, at < silent_from));
            let next = (from + 2 < ACCOUNTS.len()).then(|| (from + 2).to_string());
            json!({ "Accounts": page.collect::<Vec<_>>(), "NextToken": next })
        }
        "ListAccountsForParent" => {
            let inside = rows.filter(|(_, it)| input["ParentId"] == *it.1.last().unwrap_or(&"r-1"));
            let inside = inside.map(|(at, it)| account(*it, at < silent_from));
            json!({ "Accounts": inside.collect::<Vec<_>>() })
        }
        "ListOrganizationalUnitsForParent" => {
            let inside = UNITS.iter().filter(|it| input["ParentId"] == it.1);
            let inside = inside.map(|it| json!({ "Id": it.0, "Name": it.2 }));
            json!({ "OrganizationalUnits": inside.collect::<Vec<_>>() })
        }
        other => panic!("no caller sends {other}"),
    };
    (200, Vec::new(), body.to_string().into_bytes())
}

fn gone(code: &str) -> ScriptedResponse {
    let body = json!({ "__type": code, "message": "gone" });
    (400, Vec::new(), body.to_string().into_bytes())
}

async fn found(without: &[&str], silent_from: usize) -> (Vec<String>, usize) {
    let server = FakeHttp::start(move |asked| answer(asked, silent_from)).await;
    let wanted = AccountsToFind {
        without: without.iter().map(|it| (*it).to_owned()).collect(),
        ..AccountsToFind::default()
    };
    let all = walked(&server, wanted).await.unwrap();
    let mut all: Vec<String> = all.into_iter().map(|it| it.id.to_string()).collect();
    all.sort();
    let asked = server.asked();
    let of_units = asked.iter().filter(|it| {
        let target = it.header("x-amz-target").unwrap_or_default();
        target.ends_with(".ListAccountsForParent")
    });
    (all, of_units.count())
}

async fn walked(server: &FakeHttp, wanted: AccountsToFind) -> Result<Vec<FoundAccount>, CallFault> {
    let (client, clock) = (settings(&server.url), Still::at("2026-11-25T10:00:00Z"));
    let config = configure_quietly(&client, &clock).await;
    let aws = AnyService::new(config, client.endpoint_url.clone(), clock).unwrap();
    let mut walk = AccountWalk::new(wanted);
    let mut all = Vec::new();
    loop {
        let page = walk.step(&aws, "eu-west-1").await?;
        all.extend(page.accounts);
        if !page.more {
            return Ok(all);
        }
    }
}

#[tokio::test]
async fn a_tag_with_an_empty_value_is_a_tag_and_an_account_that_left_is_no_failure() {
    let server = FakeHttp::start(|asked| answer(asked, usize::MAX)).await;
    let wanted = AccountsToFind {
        with_tags: true,
        ..AccountsToFind::default()
    };
    let found = walked(&server, wanted).await.unwrap();
    assert_eq!(found.len(), ACCOUNTS.len() - 1);
    let value = |it: &FoundAccount| it.tags.get("empty").cloned();
    assert!(found.iter().all(|it| value(it).as_deref() == Some("")));
}

#[tokio::test]
async fn a_unit_that_was_deleted_after_its_listing_is_passed_by_and_a_named_one_is_an_error() {
    let server = FakeHttp::start(|asked| answer(asked, 0)).await;
    let below = |unit: &str| AccountsToFind {
        units: vec![unit.to_owned()],
        ..AccountsToFind::default()
    };
    let found = walked(&server, below("/Late")).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let named = walked(&server, below("ou-gone")).await.unwrap_err();
    assert_eq!(named.code, "ParentNotFoundException");
}

#[tokio::test]
async fn the_same_accounts_are_passed_by_whether_they_say_where_they_stand_or_not() {
    let cases: [(&[&str], &[&str]); 4] = [
        (
            &["ou-1"],
            &[
                "111111111111",
                "444444444444",
                "555555555555",
                "666666666666",
            ],
        ),
        (
            &["/Sandbox/Production"],
            &[
                "111111111111",
                "222222222222",
                "333333333333",
                "444444444444",
                "666666666666",
            ],
        ),
        (&["/Workloads", "ou-3", "ou-5"], &["111111111111"]),
        (&["/"], &[]),
    ];
    for (without, wanted) in cases {
        let (told, calls) = found(without, usize::MAX).await;
        assert_eq!(
            (told.as_slice(), calls),
            (wanted_ids(wanted).as_slice(), 0),
            "{without:?}"
        );
        for silent_from in [0, 4] {
            let (walked, calls) = found(without, silent_from).await;
            assert_eq!(walked, told, "{without:?} {silent_from}");
            assert!(calls > 0 || wanted.is_empty(), "{without:?} {silent_from}");
        }
    }
}

fn wanted_ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|it| (*it).to_owned()).collect()
}
