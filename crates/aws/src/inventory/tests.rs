use hallpass_base::{Email, GroupId, UserId};
use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, FakeAnswer, MANAGEMENT, error};

const ANA: &str = "11111111-1111-4111-8111-111111111111";
const ADMINS: &str = "99999999-9999-4999-8999-999999999999";
const OTHERS: &str = "88888888-8888-4888-8888-888888888888";

fn account(id: &str) -> Value {
    json!({"Id": id, "Name": format!("account {id}"), "Email": "a@acme.example", "State": "ACTIVE"})
}

fn inventory(aws: Aws, groups: &[GroupRef]) -> Inventory {
    let groups: BTreeSet<_> = groups.iter().cloned().collect();
    Inventory::new(Arc::new(aws), Arc::new(move || groups.clone()))
}

fn admins() -> GroupRef {
    GroupRef::Name("admins".to_owned())
}

fn tree(operation: &str, input: &Value) -> Option<FakeAnswer> {
    let parent = input["ParentId"].as_str().unwrap_or_default();
    let answer = match (operation, parent) {
        ("ListAccounts", _) => match input["NextToken"].as_str() {
            None => json!({"Accounts": [], "NextToken": "a"}),
            _ => json!({"Accounts": [
                account(MANAGEMENT), account("222222222222"), account("333333333333"),
                account("444444444444")]}),
        },
        ("ListOrganizationalUnitsForParent", "r-abcd") => json!({"OrganizationalUnits": [
            {"Id": "ou-abcd-11111111", "Name": "Workloads"},
            {"Id": "ou-abcd-33333333", "Name": "Empty"}]}),
        ("ListOrganizationalUnitsForParent", "ou-abcd-11111111") => {
            json!({"OrganizationalUnits": [{"Id": "ou-abcd-22222222", "Name": "Production"}]})
        }
        ("ListAccountsForParent", "r-abcd") => {
            json!({"Accounts": [account(MANAGEMENT), account("333333333333")]})
        }
        ("ListAccountsForParent", "ou-abcd-22222222") => {
            json!({"Accounts": [account("222222222222"), account("333333333333")]})
        }
        ("ListAccountsForParent", _) => json!({"Accounts": []}),
        ("ListParents", _) => json!({"Parents": [
            {"Id": "ou-abcd-11111111", "Type": "ORGANIZATIONAL_UNIT"}]}),
        _ => return None,
    };
    Some((200, answer))
}

#[tokio::test(start_paused = true)]
async fn accounts_are_placed_also_those_that_move_meanwhile() {
    let fake = Fake::new(tree);
    let inventory = inventory(fake.connect().await, &[]);
    let directory = inventory.refresh().await.unwrap();
    let names = |id: &str| {
        let account = directory.account(&id.parse().unwrap()).unwrap();
        let names: Vec<_> = account.ous.iter().map(|unit| unit.name.as_str()).collect();
        names.join("/")
    };
    assert_eq!(directory.root_id(), "r-abcd");
    assert_eq!(names(MANAGEMENT), "");
    assert_eq!(names("222222222222"), "Workloads/Production");
    assert_eq!(names("333333333333"), "Workloads");
    assert_eq!(names("444444444444"), "Workloads");
    assert_eq!(fake.count("ListParents"), 2);
    assert_eq!(directory.organizational_units().len(), 3);
    assert_eq!(fake.count("ListTagsForResource"), 0);
}

fn telling_tree(operation: &str, input: &Value) -> Option<FakeAnswer> {
    let (_, mut answer) = tree(operation, input)?;
    if operation == "ListAccounts" {
        for row in answer["Accounts"].as_array_mut().unwrap() {
            let id = row["Id"].as_str().unwrap();
            let units = match id {
                MANAGEMENT => "",
                "222222222222" => "ou-abcd-11111111/ou-abcd-22222222/",
                "333333333333" => "ou-abcd-11111111/",
                _ => "ou-abcd-99999999/",
            };
            row["Paths"] = json!([format!("o-abcdefghij/r-abcd/{units}{id}/")]);
        }
    }
    Some((200, answer))
}

#[tokio::test(start_paused = true)]
async fn accounts_that_say_where_they_stand_need_no_walk_and_stand_in_the_same_units() {
    let walked = Fake::new(tree);
    let told = Fake::new(telling_tree);
    let mut found = Vec::new();
    for fake in [&walked, &told] {
        let directory = inventory(fake.connect().await, &[])
            .refresh()
            .await
            .unwrap();
        let units = format!("{:?}", directory.organizational_units());
        found.push((directory.accounts().to_vec(), units));
    }
    assert_eq!(found[0], found[1]);
    let calls = |fake: &Fake| {
        [
            "ListAccountsForParent",
            "ListParents",
            "ListOrganizationalUnitsForParent",
        ]
        .map(|it| fake.count(it))
    };
    assert_eq!(calls(&walked), [4, 2, 4]);
    assert_eq!(calls(&told), [0, 1, 4]);
}

fn people(operation: &str, input: &Value) -> Option<FakeAnswer> {
    let group = |id: &str, name: &str| json!({"IdentityStoreId": "d-1", "GroupId": id, "DisplayName": name});
    let answer = match operation {
        "ListUsers" => json!({"Users": [{
            "IdentityStoreId": "d-1", "UserId": ANA, "UserName": "ana",
            "Name": {"GivenName": "Ana", "FamilyName": "Lee"}, "UserStatus": "DISABLED",
            "Emails": [
                {"Value": "old@acme.example"}, {"Value": "not an address"},
                {"Value": "ANA@Acme.example", "Primary": true}]}]}),
        "ListGroups" => json!({"Groups": [group(ADMINS, "Admins"), group(OTHERS, "Others")]}),
        "ListGroupMemberships" => json!({"GroupMemberships": [{
            "IdentityStoreId": "d-1", "MembershipId": "m-1", "GroupId": input["GroupId"],
            "MemberId": {"UserId": ANA}}]}),
        _ => return None,
    };
    Some((200, answer))
}

#[tokio::test(start_paused = true)]
async fn people_have_their_addresses_and_only_wanted_groups_their_members() {
    let fake = Fake::new(people);
    let inventory = inventory(fake.connect().await, &[admins()]);
    let directory = inventory.refresh().await.unwrap();
    let ana = &directory.people()[0];
    assert_eq!(
        ana.emails,
        ["ana@acme.example", "old@acme.example"].map(|text| Email::new(text).unwrap())
    );
    assert_eq!((ana.display_name.as_str(), ana.enabled), ("Ana Lee", false));
    let members = |id| directory.members_of(&GroupId::new(id).unwrap()).cloned();
    assert_eq!(
        members(ADMINS),
        Some(BTreeSet::from([UserId::new(ANA).unwrap()]))
    );
    assert_eq!(members(OTHERS), None);
    assert_eq!(fake.count("ListGroupMemberships"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_membership_listing_that_fails_leaves_its_group_unread() {
    let fake = Fake::new(|operation, input| match operation {
        "ListGroupMemberships" => Some(error("AccessDeniedException", "no")),
        _ => people(operation, input),
    });
    let inventory = inventory(fake.connect().await, &[admins()]);
    let directory = inventory.refresh().await.unwrap();
    assert_eq!(directory.groups().len(), 2);
    assert!(
        directory
            .groups()
            .iter()
            .all(|group| group.members.is_none())
    );
}

#[tokio::test(start_paused = true)]
async fn any_other_listing_that_fails_fails_the_refresh_and_is_named() {
    for (listing, what) in [
        ("ListRoots", "roots"),
        ("ListAccounts", "accounts"),
        ("ListOrganizationalUnitsForParent", "organizational units"),
        ("ListAccountsForParent", "organizational units"),
        ("ListPermissionSets", "permission sets"),
        ("ListUsers", "users"),
        ("ListGroups", "groups"),
    ] {
        let fake = Fake::new(move |operation, _| {
            (operation == listing).then(|| error("AccessDeniedException", "no"))
        });
        let kept = Snapshot {
            root_id: "r-kept".to_owned(),
            ..Snapshot::default()
        };
        let inventory = inventory(fake.connect().await, &[]).from_cached(kept);
        let fault = inventory.refresh().await.unwrap_err();
        assert_eq!(fault.what, what, "{listing}");
        assert!(fault.message.contains("AccessDenied"), "{listing}");
        assert_eq!(inventory.current().root_id(), "r-kept", "{listing}");
    }
}

#[tokio::test(start_paused = true)]
async fn sets_are_described_once_and_those_deleted_meanwhile_are_left_out() {
    let arn =
        |n| format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-000000000000000{n}");
    let fake = Fake::new(move |operation, input| match operation {
        "ListPermissionSets" => Some((200, json!({"PermissionSets": [arn(1), arn(2)]}))),
        "DescribePermissionSet" if input["PermissionSetArn"] == arn(2).as_str() => {
            Some(error("ResourceNotFoundException", "deleted"))
        }
        "DescribePermissionSet" => Some((
            200,
            json!({"PermissionSet": {"Name": "Admin", "SessionDuration": "PT4H"}}),
        )),
        _ => None,
    });
    let inventory = inventory(fake.connect().await, &[]);
    for _ in 0..2 {
        let directory = inventory.refresh().await.unwrap();
        let sets = directory.permission_sets();
        assert_eq!(sets.len(), 1);
        assert_eq!(
            (sets[0].name.as_str(), sets[0].session_duration),
            ("Admin", 14_400)
        );
    }
    assert_eq!(fake.count("DescribePermissionSet"), 3);
}

#[tokio::test(start_paused = true)]
async fn those_who_ask_at_once_share_a_reading() {
    let fake = Fake::new(|operation, _| {
        (operation == "ListPermissionSets").then(|| (200, json!({"PermissionSets": []})))
    });
    let inventory = inventory(fake.connect().await, &[]);
    let busy = inventory.reading.lock().await;
    let release = async {
        // polled last: both have called by now
        tokio::time::advance(Duration::from_millis(1)).await;
        drop(busy);
    };
    let (first, second, ()) = tokio::join!(inventory.refresh(), inventory.refresh(), release);
    assert!(Arc::ptr_eq(&first.unwrap(), &second.unwrap()));
    assert_eq!(fake.count("ListUsers"), 1);
}

fn user(enabled: bool) -> Value {
    json!({"UserId": ANA, "IdentityStoreId": "d-1234567890", "UserName": "ana",
        "DisplayName": "Ana", "Emails": [{"Value": "ana@corp.example", "Primary": true}],
        "UserStatus": if enabled { "ENABLED" } else { "DISABLED" }})
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ana {
    Enabled,
    Disabled,
    Gone,
    Silent,
}

async fn with_ana() -> (Arc<Fake>, Inventory, Arc<Mutex<Ana>>) {
    let state = Arc::new(Mutex::new(Ana::Enabled));
    let says = Arc::clone(&state);
    let fake = Fake::new(move |operation, _| match operation {
        "ListUsers" => Some((200, json!({"Users": [user(true)]}))),
        "DescribeUser" => Some(match *says.lock().unwrap() {
            Ana::Enabled => (200, user(true)),
            Ana::Disabled => (200, user(false)),
            Ana::Gone => error("ResourceNotFoundException", "USER not found"),
            Ana::Silent => error("AccessDeniedException", "no"),
        }),
        _ => None,
    });
    let aws = Arc::new(fake.connect().await);
    let inventory = Inventory::new(aws, Arc::new(BTreeSet::new));
    inventory.refresh().await.unwrap();
    (fake, inventory, state)
}

#[tokio::test(start_paused = true)]
async fn a_user_read_alone_is_what_the_snapshot_says_from_then_on() {
    let ana = ANA.parse().unwrap();
    for (state, seen) in [
        (Ana::Enabled, Some(true)),
        (Ana::Disabled, Some(false)),
        (Ana::Gone, None),
    ] {
        let (_, inventory, says) = with_ana().await;
        *says.lock().unwrap() = state;
        for directory in [
            inventory.refresh_person(&ana).await.unwrap(),
            inventory.current(),
        ] {
            let found = directory.person(&ana).map(|person| person.enabled);
            assert_eq!(found, seen, "{state:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_who_cannot_be_read_is_an_error_and_the_snapshot_stays() {
    let (_, inventory, says) = with_ana().await;
    *says.lock().unwrap() = Ana::Silent;
    let ana = ANA.parse().unwrap();
    let fault = inventory.refresh_person(&ana).await.unwrap_err();
    assert_eq!(fault.what, "the user");
    assert!(fault.message.contains("AccessDeniedException"), "{fault}");
    assert!(inventory.current().person(&ana).is_some());
    // not cached
    *says.lock().unwrap() = Ana::Gone;
    let directory = inventory.refresh_person(&ana).await.unwrap();
    assert!(directory.person(&ana).is_none());
}

#[tokio::test(start_paused = true)]
async fn many_presses_of_one_user_are_one_question() {
    let (fake, inventory, says) = with_ana().await;
    let ana = ANA.parse().unwrap();
    let asks = (0..52).map(|_| inventory.refresh_person(&ana));
    for answer in futures_util::future::join_all(asks).await {
        assert!(answer.unwrap().person(&ana).is_some());
    }
    assert_eq!(fake.count("DescribeUser"), 1);
    // read again a moment later
    *says.lock().unwrap() = Ana::Disabled;
    tokio::time::advance(described_users::BELIEVED).await;
    let directory = inventory.refresh_person(&ana).await.unwrap();
    assert!(!directory.person(&ana).unwrap().enabled);
    assert_eq!(fake.count("DescribeUser"), 2);
}

/// A listing begun earlier must not restore a deleted user.
#[tokio::test(start_paused = true)]
async fn who_was_found_gone_is_not_brought_back_by_an_older_reading() {
    let ana: hallpass_base::UserId = ANA.parse().unwrap();
    let (_, inventory, says) = with_ana().await;
    let began = Instant::now();
    *says.lock().unwrap() = Ana::Gone;
    tokio::time::advance(Duration::from_secs(1)).await;
    inventory.refresh_person(&ana).await.unwrap();
    let mut late = inventory.read().await.unwrap();
    assert_eq!(late.people.len(), 1, "the listing shows her still");
    inventory.described().apply_to(&mut late, began);
    assert!(late.people.is_empty());
    tokio::time::advance(Duration::from_secs(1)).await;
    let directory = inventory.refresh().await.unwrap();
    assert!(directory.person(&ana).is_some());
}
