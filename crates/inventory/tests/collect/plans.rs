//! Every enumeration finds the same assignments with the announced calls (`inventory.md` W-8 to
//! W-10).

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_inventory::collect::{
    AnswerPage, CallPlace, CalledOperation, EnumerationPlan, PageAnswer, PlanChoice, ServiceCalls,
    SyncScope, collect, explain,
};
use hallpass_inventory::{SliceFailure, SyncGroup};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::world::{Kept, denied};

const ACCOUNTS: usize = 30;
const SETS: usize = 12;
const USERS: usize = 40;
const GROUPS: usize = 10;
const A_PAGE: usize = 7;
const ORPHANS: usize = 5;
const ASSIGNMENTS: &str = "ListAccountAssignments";
const OF_PRINCIPAL: &str = "ListAccountAssignmentsForPrincipal";

fn account(index: usize) -> String {
    format!("1000000000{index:02}")
}

fn set(index: usize) -> String {
    format!("arn:aws:sso:::permissionSet/ssoins-1/ps-{index:02}")
}

type Assigned = (String, String, &'static str, String);

fn assigned() -> (Vec<Assigned>, Vec<(String, String)>) {
    let (mut all, mut pairs) = (Vec::new(), Vec::new());
    for s in 0..SETS {
        for a in (0..ACCOUNTS).filter(|a| (a + s).is_multiple_of(4)) {
            let pair = (set(s), account(a));
            pairs.push(pair.clone());
            let number = pairs.len();
            let mut push = |kind, id: String| all.push((pair.0.clone(), pair.1.clone(), kind, id));
            for user in 0..number % 4 {
                push(
                    "USER",
                    format!("user-{:02}", (number * 7 + user * 11) % USERS),
                );
            }
            if number.is_multiple_of(3) {
                push("GROUP", format!("group-{:02}", number % GROUPS));
            }
            if number <= ORPHANS {
                push("USER", format!("user-gone-{number}"));
            }
        }
    }
    (all, pairs)
}

fn is_in(user: usize, group: usize) -> bool {
    (user + group).is_multiple_of(5)
}

#[derive(Default)]
struct Directory {
    calls: Mutex<BTreeMap<String, usize>>,
    refused: Option<&'static str>,
    gone: Option<String>,
}

impl Directory {
    fn count(&self, operation: &str) -> usize {
        self.calls
            .lock()
            .unwrap()
            .get(operation)
            .copied()
            .unwrap_or(0)
    }
}

fn page(input: &Value, name: &str, rows: Vec<Value>) -> AnswerPage {
    let from: usize = input["Token"].as_str().map_or(0, |it| it.parse().unwrap());
    let next = (from + A_PAGE < rows.len()).then(|| {
        let token = Value::from((from + A_PAGE).to_string());
        Map::from_iter([("Token".to_owned(), token)])
    });
    let rows: Vec<Value> = rows.into_iter().skip(from).take(A_PAGE).collect();
    AnswerPage {
        answer: json!({ name: rows }),
        next,
    }
}

fn of_pair(input: &Value) -> Vec<Value> {
    let all = assigned().0.into_iter();
    let of = all.filter(|it| input["PermissionSetArn"] == it.0 && input["AccountId"] == it.1);
    of.map(|it| json!({"PrincipalType": it.2, "PrincipalId": it.3}))
        .collect()
}

/// As AWS: a user's listing includes the groups' assignments.
fn of_principal(input: &Value) -> Vec<Value> {
    let id = input["PrincipalId"].as_str().unwrap();
    let number = |id: &str| id.rsplit('-').next().unwrap().parse::<usize>().unwrap();
    let is_theirs = |it: &&Assigned| {
        let is_of_group =
            input["PrincipalType"] == "USER" && it.2 == "GROUP" && is_in(number(id), number(&it.3));
        it.3 == id || is_of_group
    };
    let all = assigned().0;
    let theirs = all.iter().filter(is_theirs);
    theirs
        .map(|it| {
            json!({"PermissionSetArn": it.0, "AccountId": it.1, "PrincipalType": it.2,
                "PrincipalId": it.3})
        })
        .collect()
}

fn rows(operation: &str, input: &Value) -> (&'static str, Vec<Value>) {
    match operation {
        "ListAccounts" => {
            let account = |it| json!({"Id": account(it), "State": "ACTIVE"});
            ("Accounts", (0..ACCOUNTS).map(account).collect())
        }
        "ListInstances" => (
            "Instances",
            vec![
                json!({"InstanceArn": "arn:i", "IdentityStoreId": "d-1", "OwnerAccountId": account(0),
                "Status": "ACTIVE", "Regions": []}),
            ],
        ),
        "ListPermissionSets" => (
            "PermissionSets",
            (0..SETS).map(|it| set(it).into()).collect(),
        ),
        "ListAccountsForProvisionedPermissionSet" => {
            let is_latest = input["ProvisioningStatus"] == "LATEST_PERMISSION_SET_PROVISIONED";
            let pairs = assigned().1.into_iter();
            let of = pairs.filter(|it| is_latest && input["PermissionSetArn"] == it.0);
            ("AccountIds", of.map(|it| it.1.into()).collect())
        }
        ASSIGNMENTS => ("AccountAssignments", of_pair(input)),
        OF_PRINCIPAL => ("AccountAssignments", of_principal(input)),
        "ListUsers" => {
            let user =
                |it| json!({"UserId": format!("user-{it:02}"), "UserName": format!("p{it}")});
            ("Users", (0..USERS).map(user).collect())
        }
        "ListGroups" => {
            let group =
                |it| json!({"GroupId": format!("group-{it:02}"), "DisplayName": format!("g{it}")});
            ("Groups", (0..GROUPS).map(group).collect())
        }
        "ListGroupMemberships" => ("GroupMemberships", Vec::new()),
        "ListManagedPoliciesInPermissionSet" => ("AttachedManagedPolicies", Vec::new()),
        "ListCustomerManagedPolicyReferencesInPermissionSet" => {
            ("CustomerManagedPolicyReferences", Vec::new())
        }
        "ListTagsForResource" => ("Tags", Vec::new()),
        "ListApplications" => ("applications", Vec::new()),
        other => panic!("{other} was not expected"),
    }
}

#[async_trait]
impl ServiceCalls for Directory {
    async fn call(&self, _: &CallPlace, (_, name): CalledOperation, input: &Value) -> PageAnswer {
        *self
            .calls
            .lock()
            .unwrap()
            .entry(name.to_owned())
            .or_default() += 1;
        if self.refused == Some(name) {
            return Err(denied(name));
        }
        let is_of_gone = self
            .gone
            .as_ref()
            .is_some_and(|it| input["PermissionSetArn"] == **it);
        if is_of_gone && name == ASSIGNMENTS {
            return Err(SliceFailure {
                code: "ResourceNotFoundException".to_owned(),
                ..denied(name)
            });
        }
        let whole = |answer| Ok(AnswerPage { answer, next: None });
        match name {
            "DescribeOrganization" => {
                whole(json!({"Organization": {"Id": "o-1", "MasterAccountId": account(0)}}))
            }
            "DescribeUser" => Err(SliceFailure {
                code: "ResourceNotFoundException".to_owned(),
                ..denied(name)
            }),
            "DescribePermissionSet" => whole(
                json!({"PermissionSet": {"Name": "S", "CreatedDate": "2024-01-01T00:00:00Z"}}),
            ),
            "GetInlinePolicyForPermissionSet" | "GetPermissionsBoundaryForPermissionSet" => {
                whole(json!({}))
            }
            _ => {
                let (name, rows) = rows(name, input);
                Ok(page(input, name, rows))
            }
        }
    }

    async fn pause(&self, _: Duration) {}

    fn now(&self) -> Timestamp {
        "2026-11-20T00:00:00Z".parse().unwrap()
    }
}

async fn found(world: &Directory, plan: PlanChoice) -> (Vec<String>, Vec<String>) {
    let scope = SyncScope {
        groups: [SyncGroup::IdentityCenter].into(),
        plan,
        ..SyncScope::default()
    };
    let kept = Kept::default();
    collect(&scope, world, None, None, &kept).await.unwrap();
    assert!(kept.failed().is_empty(), "{:?}", kept.failed());
    let rows = kept.rows("aws_ssoadmin_account_assignments");
    let notes = kept.notes.borrow().clone();
    (rows.iter().map(ToString::to_string).collect(), notes)
}

fn without_orphans(rows: &[String]) -> Vec<&String> {
    let here = rows.iter().filter(|it| !it.contains("user-gone"));
    here.collect()
}

#[tokio::test]
async fn three_plans_give_equal_bytes_and_make_the_calls_that_were_said() {
    let sizes = explain(&Directory::default(), &Kept::default())
        .await
        .unwrap();
    let pairs = assigned().1.len();
    assert_eq!(pairs, ACCOUNTS * SETS / 4);
    assert_eq!(
        (
            sizes.accounts,
            sizes.permission_sets,
            sizes.users,
            sizes.groups,
            sizes.pairs
        ),
        (ACCOUNTS, SETS, USERS, GROUPS, pairs)
    );
    let mut all = Vec::new();
    for plan in EnumerationPlan::ALL {
        let world = Directory::default();
        let (rows, notes) = found(&world, PlanChoice::Fixed(plan)).await;
        let said = sizes.calls(plan);
        if plan == EnumerationPlan::Principal {
            let principals = (0..USERS).map(|it| ("USER", format!("user-{it:02}")));
            let groups = (0..GROUPS).map(|it| ("GROUP", format!("group-{it:02}")));
            let more = principals.chain(groups).map(|(kind, id)| {
                let found = of_principal(&json!({"PrincipalType": kind, "PrincipalId": id}));
                found.len().div_ceil(A_PAGE).saturating_sub(1)
            });
            assert_eq!(world.count(OF_PRINCIPAL), said + more.sum::<usize>());
            assert_eq!(notes, ["orphans: not checked"]);
        } else {
            assert_eq!(world.count(ASSIGNMENTS), said);
            assert_eq!(world.count(OF_PRINCIPAL), 0);
            assert_eq!(notes, [] as [String; 0]);
        }
        all.push(rows);
    }
    assert_eq!(all[0].len(), assigned().0.len());
    assert_eq!(all[0].len() - without_orphans(&all[0]).len(), ORPHANS);
    assert_eq!(all[0], all[1]);
    assert_eq!(without_orphans(&all[0]), all[2].iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn who_may_not_ask_for_principals_falls_back_with_a_note() {
    let world = Directory {
        refused: Some(OF_PRINCIPAL),
        ..Directory::default()
    };
    let principal = PlanChoice::Fixed(EnumerationPlan::Principal);
    let (rows, notes) = found(&world, principal).await;
    let (wanted, _) = found(&Directory::default(), PlanChoice::WithOrphans).await;
    assert_eq!(rows, wanted);
    assert!(
        notes[0].contains("is for the management account"),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_set_that_goes_away_meanwhile_is_left_out_with_a_note() {
    for plan in [EnumerationPlan::Nested, EnumerationPlan::Provisioned] {
        let world = Directory {
            gone: Some(set(0)),
            ..Directory::default()
        };
        let (rows, notes) = found(&world, PlanChoice::Fixed(plan)).await;
        assert!(rows.iter().all(|it| !it.contains("ps-00")) && !rows.is_empty());
        assert!(notes.iter().all(|it| it.contains("went away")) && !notes.is_empty());
    }
}
