use hallpass_access::{Directory, LeftOut, SweepReach};
use hallpass_rules::directory::{Account, Group, PermissionSet, Snapshot};
use hallpass_rules::{RuleFile, Rules, load};
use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, FakeAnswer, error};

const ANA: &str = "11111111-1111-4111-8111-111111111111";
const GONE: &str = "33333333-3333-4333-8333-333333333333";
const ONCALL: &str = "99999999-9999-4999-8999-999999999999";
const TEAM: &str = "88888888-8888-4888-8888-888888888888";

fn arn(name: &str) -> String {
    format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-{name}")
}

fn directory(accounts: u64, sets: &[&str]) -> Directory {
    let account = |n: u64| Account {
        id: format!("{n:012}").parse().unwrap(),
        name: format!("account {n}"),
        email: String::new(),
        active: n != 4,
        ous: Vec::new(),
        tags: BTreeMap::new().into(),
    };
    let set = |name: &&str| PermissionSet {
        name: (*name).to_owned(),
        arn: arn(name).parse().unwrap(),
        session_duration: 3600,
        description: String::new(),
    };
    Directory::new(Snapshot {
        accounts: (1..=accounts).map(account).collect(),
        permission_sets: sets.iter().map(set).collect(),
        groups: vec![Group {
            id: ONCALL.parse().unwrap(),
            name: "oncall".to_owned(),
            members: None,
        }],
        ..Snapshot::default()
    })
}

fn rules(text: &str) -> Rules {
    load(&RuleFile::new("rules.json", text)).unwrap().rules
}

fn everything(directory: &Directory) -> StandingScope {
    StandingScope::new(SweepReach::All, &Rules::none(), directory, None)
}

/// Set `a` is in accounts 1 and 2, `b` in 2 and 9; each pair has ana, a deleted user, and a group.
fn organization(operation: &str, input: &Value) -> Option<FakeAnswer> {
    let set = input["PermissionSetArn"].as_str().unwrap_or_default();
    let account = input["AccountId"].as_str().unwrap_or_default();
    let answer = match operation {
        "ListAccountsForProvisionedPermissionSet" if set == arn("a") => {
            match input["NextToken"].as_str() {
                None => json!({"AccountIds": ["000000000001"], "NextToken": "t"}),
                Some(_) => json!({"AccountIds": ["000000000002"]}),
            }
        }
        "ListAccountsForProvisionedPermissionSet" if set == arn("b") => {
            json!({"AccountIds": ["000000000002", "000000000009"]})
        }
        "ListAccountsForProvisionedPermissionSet" => json!({"AccountIds": []}),
        "ListPermissionSetsProvisionedToAccount" if account == "000000000001" => {
            json!({"PermissionSets": [arn("a"), arn("z")]})
        }
        "ListPermissionSetsProvisionedToAccount" => json!({"PermissionSets": []}),
        "ListAccountAssignments" => json!({"AccountAssignments": [
            {"AccountId": account, "PrincipalType": "USER", "PrincipalId": ANA},
            {"AccountId": account, "PrincipalType": "USER", "PrincipalId": GONE},
            {"AccountId": account, "PrincipalType": "GROUP", "PrincipalId": TEAM}]}),
        "ListGroupMemberships" => json!({"GroupMemberships": [{
            "IdentityStoreId": "d-1", "MembershipId": "m-1", "GroupId": ONCALL,
            "MemberId": {"UserId": ANA}}]}),
        _ => return None,
    };
    Some((200, answer))
}

fn shown(listing: &StandingListing) -> Vec<String> {
    let key = |key: &HoldKey| {
        let who = if key.user.as_str() == ANA {
            "ana"
        } else {
            "gone"
        };
        match &key.target {
            Target::Account {
                account,
                permission_set,
            } => format!(
                "{who} {} {}",
                account.as_str().trim_start_matches('0'),
                permission_set.as_str().rsplit('-').next().unwrap()
            ),
            Target::Group { .. } => format!("{who} oncall"),
        }
    };
    let mut all: Vec<String> = listing.seen.keys().map(key).collect();
    all.sort();
    all
}

#[tokio::test(start_paused = true)]
async fn direct_assignments_of_everybody_are_listed_and_groups_are_told_apart() {
    let fake = Fake::new(organization);
    let aws = fake.connect().await;
    let directory = directory(5, &["a", "b", "c"]);
    let listing = aws.read(&everything(&directory)).await;
    let wanted = [
        "ana 1 a",
        "ana 2 a",
        "ana 2 b",
        "ana oncall",
        "gone 1 a",
        "gone 2 a",
        "gone 2 b",
    ];
    assert_eq!(shown(&listing), wanted);
    assert_eq!(listing.unread, []);
    let numbers = (
        listing.pairs_read,
        listing.groups_read,
        listing.group_assignments.len(),
    );
    assert_eq!(numbers, (3, 1, 3));
    // skips the account outside the organization; three sets need three listings and an extra page,
    // four accounts would need four
    assert_eq!(fake.count("ListAccountAssignments"), 3);
    assert_eq!(fake.count("ListAccountsForProvisionedPermissionSet"), 4);
    assert_eq!(fake.count("ListPermissionSetsProvisionedToAccount"), 0);
}

#[tokio::test(start_paused = true)]
async fn few_accounts_are_asked_for_their_sets() {
    let fake = Fake::new(organization);
    let aws = fake.connect().await;
    let directory = directory(3, &["a", "b", "c"]);
    let rules = rules(
        r#"{"statements": [
  {"ResourceType": "Account", "Resource": "000000000001", "PermissionSet": "*"}]}"#,
    );
    let scope = StandingScope::new(SweepReach::Rules, &rules, &directory, None);
    assert_eq!(scope.left_out(), [LeftOut::Entitlements]);
    let listing = aws.read(&scope).await;
    assert_eq!(shown(&listing), ["ana 1 a", "gone 1 a"]);
    assert_eq!(fake.count("ListPermissionSetsProvisionedToAccount"), 1);
    assert_eq!(fake.count("ListAccountsForProvisionedPermissionSet"), 0);
    assert_eq!(fake.count("ListAccountAssignments"), 1);
}

type Script = fn(&str, &Value) -> bool;

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_named_and_stops_nothing_else() {
    let denied = || Some(error("AccessDeniedException", "no"));
    let pair = |account: &str| UnreadPlace::Pair {
        account: account.parse().unwrap(),
        permission_set: arn("a").parse().unwrap(),
    };
    let rows: [(&str, Script, UnreadPlace, usize); 3] = [
        (
            "a pair",
            |operation, input| {
                operation == "ListAccountAssignments"
                    && input["AccountId"] == "000000000001"
                    && input["PermissionSetArn"] == arn("a")
            },
            pair("000000000001"),
            5,
        ),
        (
            "a set",
            |operation, input| {
                operation == "ListAccountsForProvisionedPermissionSet"
                    && input["PermissionSetArn"] == arn("b")
            },
            UnreadPlace::PermissionSet {
                permission_set: arn("b").parse().unwrap(),
            },
            5,
        ),
        (
            "a group",
            |operation, _| operation == "ListGroupMemberships",
            UnreadPlace::Group {
                group: ONCALL.parse().unwrap(),
            },
            6,
        ),
    ];
    for (name, fails, what, left) in rows {
        let fake = Fake::new(move |operation, input| {
            if fails(operation, input) {
                return denied();
            }
            organization(operation, input)
        });
        let aws = fake.connect().await;
        let listing = aws.read(&everything(&directory(5, &["a", "b", "c"]))).await;
        let unread: Vec<&UnreadPlace> = listing.unread.iter().map(|it| &it.what).collect();
        assert_eq!(unread, [&what], "{name}");
        assert!(listing.unread[0].error.contains("AWS refused"), "{name}");
        assert_eq!(listing.seen.len(), left, "{name}: {:?}", shown(&listing));
        assert!(!listing.is_blind(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_of_an_unknown_form_leaves_the_place_unread() {
    let fake = Fake::new(|operation, input| match operation {
        "ListAccountAssignments" => Some((
            200,
            json!({"AccountAssignments": [{"PrincipalType": "USER", "PrincipalId": "?"}]}),
        )),
        _ => organization(operation, input),
    });
    let aws = fake.connect().await;
    let listing = aws.read(&everything(&directory(5, &["a"]))).await;
    assert_eq!((listing.pairs_read, listing.unread.len()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_meanwhile_holds_nobody() {
    let gone = || Some(error("ResourceNotFoundException", "gone"));
    let fake = Fake::new(move |operation, input| match operation {
        "ListAccountAssignments" if input["AccountId"] == "000000000002" => gone(),
        "ListAccountsForProvisionedPermissionSet" if input["PermissionSetArn"] == arn("b") => {
            gone()
        }
        "ListGroupMemberships" => gone(),
        _ => organization(operation, input),
    });
    let aws = fake.connect().await;
    let listing = aws.read(&everything(&directory(5, &["a", "b"]))).await;
    assert_eq!(shown(&listing), ["ana 1 a", "gone 1 a"]);
    assert_eq!(listing.unread, []);
}

#[tokio::test(start_paused = true)]
async fn when_aws_is_away_the_rest_is_not_tried() {
    let fake = Fake::new(|operation, input| match operation {
        "ListAccountsForProvisionedPermissionSet" | "ListGroupMemberships" => {
            Some(error("AccessDeniedException", "no"))
        }
        _ => organization(operation, input),
    });
    let aws = fake.connect().await;
    let names: Vec<String> = (0..60).map(|n| format!("s{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let listing = aws.read(&everything(&directory(70, &names))).await;
    assert!(listing.is_blind());
    assert_eq!(listing.unread.len(), 61);
    let calls = fake.count("ListAccountsForProvisionedPermissionSet");
    assert!((20..=24).contains(&calls), "{calls}");
    let not_tried = listing
        .unread
        .iter()
        .filter(|it| it.error.contains("not tried"));
    assert!(not_tried.count() >= 36);
}

#[tokio::test(start_paused = true)]
async fn a_single_place_is_looked_at_now() {
    let fake = Fake::new(organization);
    let aws = fake.connect().await;
    let target = Target::Account {
        account: "000000000001".parse().unwrap(),
        permission_set: arn("a").parse().unwrap(),
    };
    let found = StandingSource::holders(&aws, &target).await.unwrap();
    assert_eq!(found, [ANA.parse().unwrap(), GONE.parse().unwrap()]);
}
