//! Whole runs: every slice is reported once, with any failures.

use std::collections::BTreeSet;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use hallpass_base::{AccountId, GrantId, HoldKey, PermissionSetArn, Target, UserId};
use hallpass_inventory::collect::{
    CallPlace, CollectError, EnumerationPlan, PlanChoice, SyncScope, TemporaryAssignments, collect,
};
use hallpass_inventory::{SliceFailure, SliceKey, SliceOutcome, SyncGroup};
use serde_json::{Value, json};

use crate::world::{
    Kept, MANAGEMENT, OF_AWS, SETS, SUSPENDED, World, account, collected, denied, failed, scope,
};

fn asked(world: &World, groups: &[SyncGroup]) -> BTreeSet<SliceKey> {
    let mut all = BTreeSet::new();
    for group in groups {
        all.extend(group.whole_tables().iter().map(|it| SliceKey::whole(it)));
        for (table, account) in group
            .account_tables()
            .iter()
            .flat_map(|it| world.accounts.iter().map(move |account| (it, account)))
        {
            all.insert(SliceKey {
                account: Some(account.clone()),
                ..SliceKey::whole(table)
            });
        }
    }
    all
}

fn told(kept: &Kept) -> BTreeSet<SliceKey> {
    kept.slices.borrow().keys().cloned().collect()
}

#[tokio::test]
async fn every_slice_is_told_and_suspended_accounts_are_skipped() {
    let world = World::default();
    let kept = collected(&world, &OF_AWS).await;
    assert_eq!(told(&kept), asked(&world, &OF_AWS));
    assert_eq!(*kept.expected.borrow(), kept.slices.borrow().len());
    assert!(kept.failed().is_empty(), "{:?}", kept.failed());
    for (key, (slice, _)) in kept.slices.borrow().iter() {
        let is_skipped = matches!(slice.outcome, SliceOutcome::Skipped { .. });
        assert_eq!(
            is_skipped,
            key.account.as_deref() == Some(SUSPENDED),
            "{key:?}"
        );
    }
    let into_suspended = CallPlace::Inside(account(SUSPENDED));
    let calls = world.calls.lock().unwrap();
    assert!(!calls.is_empty() && calls.iter().all(|(place, _)| *place != into_suspended));
}

#[tokio::test]
async fn both_columns_of_an_accounts_state_are_filled_whichever_member_told_it() {
    let kept = |has_older_members| async move {
        let world = World {
            has_older_members,
            ..World::default()
        };
        collected(&world, &[SyncGroup::Organizations]).await
    };
    for has_older_members in [false, true] {
        let kept = kept(has_older_members).await;
        for row in kept.rows("aws_organizations_accounts") {
            let state = match row["id"].as_str() {
                Some(SUSPENDED) => "SUSPENDED",
                _ => "ACTIVE",
            };
            assert_eq!(row["status"], state, "{has_older_members} {row:?}");
            assert_eq!(row["state"], state, "{has_older_members} {row:?}");
        }
    }
}

#[tokio::test]
async fn a_closed_account_keeps_the_word_that_queries_ask_the_older_column_for() {
    let mut world = World::default();
    let account = |id: &str, state: &str| {
        json!({"Id": id, "Arn": "arn", "Name": "a", "Email": "a@example.test", "State": state,
            "JoinedMethod": "CREATED", "JoinedTimestamp": "2020-01-01T00:00:00Z"})
    };
    let all =
        json!({"Accounts": [account(MANAGEMENT, "CLOSED"), account(SUSPENDED, "PENDING_CLOSURE")]});
    world.instead.insert("ListAccounts", all);
    let kept = collected(&world, &[SyncGroup::Organizations]).await;
    assert!(kept.failed().is_empty(), "{:?}", kept.failed());
    let rows = kept.rows("aws_organizations_accounts");
    let told = rows.iter().map(|it| {
        let column_of = |column: &str| it[column].as_str().map(str::to_owned);
        (column_of("state"), column_of("status"))
    });
    let told: BTreeSet<_> = told.collect();
    let words = |state: &str, status: &str| (Some(state.to_owned()), Some(status.to_owned()));
    let wanted = [
        words("CLOSED", "SUSPENDED"),
        words("PENDING_CLOSURE", "PENDING_CLOSURE"),
    ];
    assert_eq!(told, BTreeSet::from(wanted));
}

#[tokio::test]
async fn rows_say_what_the_answers_said() {
    let kept = collected(&World::default(), &OF_AWS).await;
    let one = |table: &str, column: &str, value: &str| {
        let rows = kept.rows(table);
        let found = rows.into_iter().find(|it| it[column] == value);
        found.unwrap_or_else(|| panic!("{table} {column} {value}"))
    };
    let member = one("aws_organizations_accounts", "id", "100000000002");
    assert_eq!(member["ou_path"], "/Workloads/Production/");
    assert_eq!(member["tags"], json!({"env": "x"}));
    let root = one("aws_organizations_organizational_units", "id", "r-1");
    assert_eq!(
        (&root["parent_id"], &root["depth"]),
        (&Value::Null, &json!(0))
    );
    let policy = one("aws_organizations_policies", "id", "p-1");
    assert_eq!(policy["content"], json!({"Statement": []}));
    let target = one("aws_organizations_policy_targets", "target_id", "r-1");
    assert_eq!(target["policy_cq_id"], policy["cq_id"]);
    let region = one("aws_regions", "region", "af-south-1");
    assert_eq!(region["enabled"], false);
    let person = one("aws_identitystore_users", "user_id", "user-1");
    assert_eq!(person["email"], "new@example.test");
    let set = one(
        "aws_ssoadmin_permission_sets",
        "permission_set_name",
        "Set1",
    );
    assert_eq!(set["session_duration"], "PT1H");
    assert_eq!(
        (&set["inline_policy"], &set["boundary"]),
        (&Value::Null, &Value::Null)
    );
    let old = one("aws_ssoadmin_provisioned", "account_id", MANAGEMENT);
    assert_eq!(old["latest"], false);
    let gone = one(
        "aws_ssoadmin_account_assignments",
        "principal_id",
        "user-gone",
    );
    assert_eq!(gone["principal_exists"], false);
    let here = one(
        "aws_ssoadmin_account_assignments",
        "principal_id",
        "group-0",
    );
    assert_eq!(here["principal_exists"], true);
}

/// `inventory.md` T-2: each call fails once; dependent slices fail without rows, and all others are
/// unchanged.
#[tokio::test]
async fn whichever_call_fails_half_a_slice_is_never_visible() {
    let world = World::default();
    let whole = collected(&world, &OF_AWS).await;
    let calls = world.calls.lock().unwrap().len();
    let mut seen = BTreeSet::new();
    for number in 0..calls {
        let world = World {
            trouble: Box::new(move |it, _, operation| (it == number).then(|| denied(operation))),
            ..World::default()
        };
        let kept = collected(&world, &OF_AWS).await;
        let (_, operation) = world.calls.lock().unwrap()[number].clone();
        let failed = kept.failed();
        let is_organization = failed.contains_key(&SliceKey::whole("aws_organizations_accounts"));
        if !is_organization {
            assert_eq!(told(&kept), asked(&world, &OF_AWS), "{operation}");
            let may_be_made_up = [
                "ListRegions",
                "GetLoginProfile",
                "DescribeUser",
                "DescribeGroup",
            ];
            let is_made_up = may_be_made_up.contains(&operation.as_str());
            assert!(!failed.is_empty() || is_made_up, "{number} {operation}");
            for (key, (slice, rows)) in kept.slices.borrow().iter() {
                if !failed.contains_key(key) {
                    let (_, before) = &whole.slices.borrow()[key];
                    assert_eq!(rows, before, "{operation} changed {key:?}");
                    assert!(slice.outcome.failures().next().is_none());
                }
            }
        }
        for failure in failed.values() {
            assert_eq!(
                (failure.code.as_str(), &failure.operation),
                ("AccessDenied", &operation)
            );
        }
        seen.extend(failed.into_keys().map(|it| it.table));
    }
    let tables = OF_AWS.iter();
    let tables = tables.flat_map(|it| it.tables()).map(|it| it.name);
    let never: Vec<&str> = tables.filter(|it| !seen.contains(*it)).collect();
    assert_eq!(never, [""; 0], "these never failed");
}

/// `inventory.md` T-12: one of five accounts refuses.
#[tokio::test]
async fn an_account_that_refuses_loses_its_slices_and_no_others() {
    let whole = collected(&World::default(), &OF_AWS).await;
    let lost = CallPlace::Inside(account("100000000003"));
    let world = World {
        trouble: Box::new(move |_, place, _| {
            (*place == lost).then(|| failed("assume_role", "AssumeRole", "AccessDenied", 403))
        }),
        ..World::default()
    };
    let kept = collected(&world, &OF_AWS).await;
    let failed = kept.failed();
    assert_eq!(failed.len(), SyncGroup::Iam.account_tables().len());
    for (key, failure) in &failed {
        assert_eq!(key.account.as_deref(), Some("100000000003"));
        assert_eq!(failure.stage, "assume_role");
    }
    for (key, (_, rows)) in kept.slices.borrow().iter() {
        if !failed.contains_key(key) {
            assert_eq!(*rows, whole.slices.borrow()[key].1, "{key:?}");
        }
    }
}

/// `inventory.md` T-11.
#[tokio::test]
async fn without_the_accounts_everything_has_failed_and_nothing_more_is_asked() {
    let world = World {
        trouble: Box::new(|_, _, operation| {
            (operation == "ListAccounts").then(|| denied("ListAccounts"))
        }),
        ..World::default()
    };
    let kept = collected(&world, &[SyncGroup::Iam]).await;
    let failed = kept.failed();
    assert!(failed.contains_key(&SliceKey::whole("aws_organizations_accounts")));
    for table in SyncGroup::Iam.account_tables() {
        assert!(failed.contains_key(&SliceKey::whole(table)), "{table}");
    }
    assert_eq!(world.calls.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_that_goes_on_reads_only_what_is_missing() {
    let world = World::default();
    let whole = collected(&world, &OF_AWS).await;
    let calls = world.calls.lock().unwrap().len();
    let keys: Vec<SliceKey> = whole.slices.borrow().keys().cloned().collect();
    for missing in &keys {
        let world = World::default();
        let before = keys.iter().filter(|it| *it != missing).cloned();
        let kept = Kept {
            before: before.collect(),
            ..Kept::default()
        };
        let scope = scope(&OF_AWS);
        collect(&scope, &world, None, None, &kept).await.unwrap();
        assert_eq!(told(&kept), BTreeSet::from([missing.clone()]));
        let slices = kept.slices.borrow();
        assert_eq!(
            slices[missing].1,
            whole.slices.borrow()[missing].1,
            "{missing:?}"
        );
        let again = world.calls.lock().unwrap().len();
        assert!(again * 2 < calls, "{missing:?}: {again} of {calls} calls");
    }
}

#[tokio::test]
async fn accounts_and_units_narrow_what_is_asked_inside_accounts() {
    let asked_inside = async |scope: SyncScope| {
        let world = World::default();
        let kept = Kept::default();
        collect(&scope, &world, None, None, &kept).await.unwrap();
        let keys = told(&kept).into_iter().filter_map(|it| it.account);
        keys.collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    };
    let iam = || scope(&[SyncGroup::Iam]);
    let mut named = iam();
    named.accounts.insert(account("100000000002"));
    assert_eq!(asked_inside(named).await, ["100000000002"]);
    for unit in ["/Workloads/Production", "ou-2", "/Workloads/Production/"] {
        let mut below = iam();
        below.units.push(unit.to_owned());
        assert_eq!(
            asked_inside(below).await,
            ["100000000002", "100000000003"],
            "{unit}"
        );
    }
    let mut below = iam();
    below.units.push("/Workloads".to_owned());
    assert_eq!(asked_inside(below).await.len(), 4);

    let mut unknown = iam();
    unknown.accounts.insert(account("999999999999"));
    unknown.accounts.insert(account(MANAGEMENT));
    let refused = collect(&unknown, &World::default(), None, None, &Kept::default()).await;
    assert!(matches!(refused, Err(CollectError::UnknownAccounts(ids)) if ids.len() == 1));
    let mut unknown = iam();
    unknown.units.push("/Nowhere".to_owned());
    let refused = collect(&unknown, &World::default(), None, None, &Kept::default()).await;
    assert!(matches!(refused, Err(CollectError::UnknownUnits(_))));
}

/// `inventory.md` §3.1: sets, statuses and provisioned pairs only.
#[tokio::test]
async fn assignments_cost_a_call_for_each_provisioned_pair() {
    let world = World::default();
    collected(&world, &[SyncGroup::IdentityCenter]).await;
    let pairs: usize = (0..SETS).sum();
    assert_eq!(world.count("ListAccountAssignments"), pairs);
    assert_eq!(
        world.count("ListAccountsForProvisionedPermissionSet"),
        2 * SETS
    );
    assert_eq!(world.count("DescribePermissionSet"), SETS);
    assert_eq!(world.count("ListGroupMemberships"), 2);
}

#[tokio::test]
async fn a_plan_that_takes_long_is_told_with_its_calls_and_seconds() {
    for (accounts, told) in [(150, false), (151, true)] {
        let ids = (1..=accounts).map(|it| format!("{:012}", 100_000_000_000_u64 + it));
        let world = World {
            accounts: ids.collect(),
            ..World::default()
        };
        let scope = SyncScope {
            plan: PlanChoice::Fixed(EnumerationPlan::Nested),
            ..scope(&[SyncGroup::IdentityCenter])
        };
        let kept = Kept::default();
        collect(&scope, &world, None, None, &kept).await.unwrap();
        let calls = accounts * SETS as u64;
        let (seconds, notes) = (calls.div_ceil(20), kept.notes.borrow());
        let note = format!(
            "assignments are listed by the plan `nested`: {calls} calls, about {seconds} s"
        );
        assert_eq!(notes.contains(&note), told, "{notes:?}");
    }
}

struct Held(std::sync::Mutex<Vec<Result<BTreeMap<HoldKey, GrantId>, String>>>);

#[async_trait]
impl TemporaryAssignments for Held {
    async fn held(&self) -> Result<BTreeMap<HoldKey, GrantId>, String> {
        self.0.lock().unwrap().remove(0)
    }
}

/// `inventory.md` W-5: temporary access is named by its grant, also if it changes meanwhile; groups
/// and other users' assignments are not; an unreadable store is a failure.
#[tokio::test]
async fn what_a_grant_holds_is_named_by_it() {
    const USER: &str = "00000001-0000-4000-8000-000000000000";
    const OTHER: &str = "00000002-0000-4000-8000-000000000000";
    let grant = |n: u64| -> GrantId {
        format!("grn_0190000000007000800000000000000{n}")
            .parse()
            .unwrap()
    };
    let key = |user: &str| HoldKey {
        user: UserId::new(user).unwrap(),
        target: Target::Account {
            account: AccountId::new("100000000001").unwrap(),
            permission_set: PermissionSetArn::new("arn:aws:sso:::permissionSet/ssoins-1/ps-1")
                .unwrap(),
        },
    };
    let world = || {
        World {
        instead: [(
            "ListAccountAssignments",
            json!({"AccountAssignments": [
                {"PrincipalType": "USER", "PrincipalId": USER}, {"PrincipalType": "USER", "PrincipalId": OTHER},
                {"PrincipalType": "GROUP", "PrincipalId": USER}]}),
        )]
        .into(),
        ..World::default()
    }
    };
    let scope = scope(&[SyncGroup::IdentityCenter]);
    for (before, after) in [
        (BTreeMap::from([(key(USER), grant(1))]), BTreeMap::new()),
        (BTreeMap::new(), BTreeMap::from([(key(USER), grant(1))])),
    ] {
        let (world, kept) = (world(), Kept::default());
        let held = Held(vec![Ok(before), Ok(after)].into());
        collect(&scope, &world, None, Some(&held), &kept)
            .await
            .unwrap();
        let rows = kept.rows("aws_ssoadmin_account_assignments");
        assert!(rows.len() > 3);
        for row in rows {
            let is_held = row["principal_id"] == USER
                && row["principal_type"] == "USER"
                && row["account_id"] == "100000000001"
                && row["permission_set_arn"]
                    .as_str()
                    .unwrap()
                    .ends_with("ps-1");
            let expected = if is_held {
                json!(grant(1).to_string())
            } else {
                Value::Null
            };
            assert_eq!(row["hallpass_grant_id"], expected, "{row}");
        }
    }
    let (world, kept) = (world(), Kept::default());
    let held = Held(vec![Ok(BTreeMap::new()), Err("database is locked".to_owned())].into());
    collect(&scope, &world, None, Some(&held), &kept)
        .await
        .unwrap();
    let failed = kept.failed();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(
        failed.values().any(|it| it.message == "database is locked"),
        "{failed:?}"
    );
}

/// `inventory.md` W-12.
#[tokio::test]
async fn a_set_that_goes_away_meanwhile_is_left_out_with_a_note() {
    let world = World {
        trouble: Box::new(|_, _, operation| {
            let is_it = operation == "DescribePermissionSet";
            is_it.then(|| failed("call", operation, "ResourceNotFoundException", 400))
        }),
        ..World::default()
    };
    let kept = collected(&world, &[SyncGroup::IdentityCenter]).await;
    assert!(kept.failed().is_empty(), "{:?}", kept.failed());
    assert!(kept.rows("aws_ssoadmin_permission_sets").is_empty());
    assert_eq!(kept.notes.borrow().len(), SETS);
}

/// `inventory.md` W-12: each is deleted before its details are read.
#[tokio::test]
async fn a_unit_policy_or_account_that_goes_away_ends_its_row_alone() {
    let group = [SyncGroup::Organizations];
    let whole = collected(&World::default(), &group).await;
    for (operation, number, code, table) in [
        (
            "ListTagsForResource",
            0,
            "TargetNotFoundException",
            "aws_organizations_accounts",
        ),
        (
            "ListOrganizationalUnitsForParent",
            2,
            "ParentNotFoundException",
            "aws_organizations_organizational_units",
        ),
        (
            "DescribePolicy",
            0,
            "PolicyNotFoundException",
            "aws_organizations_policies",
        ),
        (
            "ListTargetsForPolicy",
            0,
            "PolicyNotFoundException",
            "aws_organizations_policy_targets",
        ),
        (
            "ListDelegatedServicesForAccount",
            0,
            "AccountNotRegisteredException",
            "aws_organizations_delegated_admins",
        ),
    ] {
        let calls = AtomicUsize::new(0);
        let world = World {
            trouble: Box::new(move |_, _, it| {
                let is_it = it == operation && calls.fetch_add(1, Ordering::Relaxed) == number;
                is_it.then(|| failed("call", operation, code, 400))
            }),
            instead: [("ListParents", json!({"Parents": [{"Id": "r-1"}]}))].into(),
            ..World::default()
        };
        let kept = collected(&world, &group).await;
        assert!(kept.failed().is_empty(), "{code}: {:?}", kept.failed());
        assert_eq!(kept.notes.borrow().len(), 1, "{code}");
        let (left, all) = (kept.rows(table).len(), whole.rows(table).len());
        assert!(
            left < all && (left > 0 || all == 1),
            "{code}: {left} of {all}"
        );
    }
}

#[tokio::test]
async fn a_list_that_an_answer_leaves_out_is_empty() {
    let world = World {
        instead: [("ListPolicies", json!({}))].into(),
        ..World::default()
    };
    let kept = collected(&world, &[SyncGroup::Organizations]).await;
    assert!(kept.failed().is_empty(), "{:?}", kept.failed());
    assert!(kept.rows("aws_organizations_policies").is_empty());
}

#[tokio::test]
async fn an_instance_in_another_region_is_not_none() {
    let ours = json!({"InstanceArn": "arn:o", "IdentityStoreId": "d-2", "OwnerAccountId": MANAGEMENT,
        "Status": "ACTIVE", "PrimaryRegion": "eu-north-1", "Regions": []});
    let of_account = json!({"InstanceArn": "arn:a", "IdentityStoreId": "d-3", "OwnerAccountId": "100000000002",
        "Status": "ACTIVE", "PrimaryRegion": "eu-west-1", "Regions": []});
    for (here, everywhere, is_missed) in [
        (json!([]), json!([]), false),
        (json!([]), json!([ours]), true),
        (json!([of_account]), json!([of_account]), false),
        (json!([of_account]), json!([of_account, ours]), true),
    ] {
        let answers = (here.clone(), everywhere.clone());
        let world = World {
            instead_of: Box::new(move |operation, input| {
                let (here, everywhere) = &answers;
                let is_here = input["RegionScope"].is_null();
                let found = if is_here { here } else { everywhere };
                (operation == "ListInstances").then(|| json!({ "Instances": found }))
            }),
            ..World::default()
        };
        let kept = collected(&world, &[SyncGroup::IdentityCenter]).await;
        let failed = kept.failed();
        assert_eq!(!failed.is_empty(), is_missed, "{here} {everywhere}");
        let is_said =
            |it: &SliceFailure| it.code == "E_HOME_REGION" && it.message.contains("eu-north-1");
        assert!(failed.values().all(is_said), "{failed:?}");
        assert_eq!(world.count("ListInstances"), 2);
    }
}

/// Principals created between two lists are only in the later ones, and not deleted.
#[tokio::test]
async fn who_came_while_lists_were_read_is_there() {
    let user = json!({"UserId": "user-gone", "UserName": "late", "UserStatus": "ENABLED"});
    let group = json!({"GroupId": "group-gone", "DisplayName": "late"});
    let world = World {
        instead: [("DescribeUser", user), ("DescribeGroup", group)].into(),
        ..World::default()
    };
    let kept = collected(&world, &[SyncGroup::IdentityCenter]).await;
    for table in [
        "aws_ssoadmin_account_assignments",
        "aws_account_access_entitlements",
    ] {
        let rows = kept.rows(table);
        assert!(!rows.is_empty());
        assert!(
            rows.iter().all(|it| it["principal_exists"] == true),
            "{table}"
        );
    }
    let has = |table: &str, column: &str, value: &str| {
        let rows = kept.rows(table);
        rows.iter().filter(|it| it[column] == value).count()
    };
    assert_eq!(has("aws_identitystore_users", "idc_user_name", "late"), 1);
    assert_eq!(has("aws_identitystore_groups", "display_name", "late"), 1);
    let members = has(
        "aws_identitystore_group_memberships",
        "group_id",
        "group-gone",
    );
    assert_eq!(members, 2);
}

#[tokio::test]
async fn who_cannot_be_asked_for_is_said_once() {
    let world = World {
        trouble: Box::new(|_, _, operation| {
            let is_it = ["DescribeUser", "DescribeGroup"].contains(&operation);
            is_it.then(|| denied(operation))
        }),
        ..World::default()
    };
    let kept = collected(&world, &[SyncGroup::IdentityCenter]).await;
    assert!(kept.failed().is_empty(), "{:?}", kept.failed());
    let notes = kept.notes.borrow();
    let told = notes
        .iter()
        .filter(|it| it.contains("may be reported as deleted"));
    assert_eq!(told.count(), 1, "{notes:?}");
}

/// Entitlements cover the organization for any selection: `who` relies on a complete table.
#[tokio::test]
async fn entitlements_are_read_in_every_account() {
    let mut scope = scope(&[SyncGroup::IdentityCenter]);
    scope.accounts.insert(account("100000000002"));
    let (world, kept) = (World::default(), Kept::default());
    collect(&scope, &world, None, None, &kept).await.unwrap();
    assert_eq!(told(&kept), asked(&world, &[SyncGroup::IdentityCenter]));
    assert_eq!(*kept.expected.borrow(), kept.slices.borrow().len());
}

/// A name may contain a slash: `A/B` beside `A` is not below it.
#[tokio::test]
async fn units_are_below_each_other_by_their_ids() {
    let world = World {
        instead_of: Box::new(|operation, input| {
            let unit = |id: &str, name: &str| json!({"Id": id, "Arn": "arn", "Name": name});
            let member = |id: &str| {
                json!({"Id": id, "Arn": "arn", "Name": "n", "Email": "a@example.test", "State": "ACTIVE",
                    "JoinedMethod": "CREATED", "JoinedTimestamp": "2020-01-01T00:00:00Z"})
            };
            let parent = input["ParentId"].as_str().unwrap_or_default();
            match (operation, parent) {
                ("ListOrganizationalUnitsForParent", "r-1") => {
                    Some(json!({"OrganizationalUnits": [unit("ou-1", "A"), unit("ou-3", "A/B")]}))
                }
                ("ListOrganizationalUnitsForParent", "ou-1") => {
                    Some(json!({"OrganizationalUnits": [unit("ou-2", "C")]}))
                }
                ("ListOrganizationalUnitsForParent", _) => Some(json!({"OrganizationalUnits": []})),
                ("ListAccountsForParent", "ou-2") => {
                    Some(json!({"Accounts": [member("100000000002")]}))
                }
                ("ListAccountsForParent", "ou-3") => {
                    Some(json!({"Accounts": [member("100000000003")]}))
                }
                ("ListAccountsForParent", _) => Some(json!({"Accounts": []})),
                _ => None,
            }
        }),
        ..World::default()
    };
    let mut scope = scope(&[SyncGroup::Iam]);
    scope.units.push("/A".to_owned());
    let kept = Kept::default();
    collect(&scope, &world, None, None, &kept).await.unwrap();
    let keys = told(&kept).into_iter().filter_map(|it| it.account);
    let accounts: BTreeSet<String> = keys.collect();
    assert_eq!(accounts, BTreeSet::from(["100000000002".to_owned()]));
}
