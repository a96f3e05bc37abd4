use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hallpass_access::DirectorySource;
use hallpass_rules::{Directory, GroupRef, NamedFacts, PersonAttribute, PersonAttributes};
use serde_json::{Value, json};

use super::Inventory;
use crate::fake::{Fake, FakeAnswer, MANAGEMENT, error};

const ANA: &str = "11111111-1111-4111-8111-111111111111";
const ENG: &str = "99999999-9999-4999-8999-999999999999";
const OPS: &str = "88888888-8888-4888-8888-888888888888";

/// Reads beyond a normal inventory read.
const READS: [&str; 3] = ["ListGroupMemberships", "ListUsers", "ListTagsForResource"];

fn answer(operation: &str, input: &Value) -> Option<FakeAnswer> {
    let group = |id: &str, name: &str| json!({"IdentityStoreId": "d-1", "GroupId": id, "DisplayName": name});
    let answer = match operation {
        "ListUsers" => {
            let mut user = json!({"IdentityStoreId": "d-1", "UserId": ANA, "UserName": "ana",
                "UserStatus": "ENABLED", "Title": "Engineer"});
            if !input["Extensions"].is_null() {
                user["Extensions"] =
                    json!({"aws:identitystore:enterprise": {"department": "Payments"}});
            }
            json!({ "Users": [user] })
        }
        "ListGroups" => json!({"Groups": [group(ENG, "Eng"), group(OPS, "Ops")]}),
        "ListGroupMemberships" => json!({"GroupMemberships": [{
            "IdentityStoreId": "d-1", "MembershipId": "m-1", "GroupId": input["GroupId"],
            "MemberId": {"UserId": ANA}}]}),
        "ListAccounts" => json!({"Accounts": [{"Id": MANAGEMENT, "Name": "m",
            "Email": "a@acme.example", "State": "ACTIVE",
            "Paths": [format!("o-abcdefghij/r-abcd/{MANAGEMENT}/")]}]}),
        "ListTagsForResource" => json!({"Tags": [{"Key": "env", "Value": "prod"}]}),
        _ => return None,
    };
    Some((200, answer))
}

fn named(groups: &[&str], attributes: &[PersonAttribute], account_tags: bool) -> NamedFacts {
    let groups = groups.iter().map(|name| GroupRef::Name((*name).to_owned()));
    NamedFacts {
        groups: groups.collect(),
        attributes: attributes.iter().copied().collect(),
        account_tags,
    }
}

async fn inventory(fake: &Arc<Fake>) -> Inventory {
    let groups = BTreeSet::from([GroupRef::Name("ops".to_owned())]);
    let inventory = Inventory::new(
        Arc::new(fake.connect().await),
        Arc::new(move || groups.clone()),
    )
    .with_attributes(Arc::new(|| BTreeSet::from([PersonAttribute::Title])));
    inventory.refresh().await.unwrap();
    inventory
}

fn counts(fake: &Fake) -> [usize; 3] {
    READS.map(|operation| fake.count(operation))
}

/// The resulting directory, and the unread facts.
async fn ahead(inventory: &Inventory, named: &NamedFacts) -> (Directory, Vec<String>) {
    inventory.read_ahead(named).await;
    let found = inventory.ahead(named);
    let told = found.why.told(named, &found.directory);
    (Directory::clone(&found.directory), told)
}

#[tokio::test(start_paused = true)]
async fn what_only_these_rules_name_is_read_once_and_never_becomes_what_the_server_knows() {
    use PersonAttribute::{Department, Title};
    let fake = Fake::new(answer);
    let inventory = inventory(&fake).await;
    let (before, read) = (inventory.current(), counts(&fake));
    let own = named(&["ops", "nobody-has-it"], &[Title], false);
    assert_eq!(ahead(&inventory, &own).await.1, [""; 0]);
    assert_eq!(counts(&fake), read, "all of it is known, or does not exist");
    let more = named(&["eng", "ops"], &[Title, Department], true);
    for _ in 0..3 {
        let (directory, unread) = ahead(&inventory, &more).await;
        assert_eq!(unread, [""; 0]);
        let ana = &directory.people()[0];
        let mut attributes = PersonAttributes::default();
        attributes.read(Title, Some("Engineer"));
        attributes.read(Department, Some("Payments"));
        assert_eq!(ana.attributes, attributes);
        let members = |id: &str| directory.members_of(&id.parse().unwrap()).cloned();
        let ana = BTreeSet::from([ana.user_id.clone()]);
        assert_eq!([members(ENG), members(OPS)], [Some(ana.clone()), Some(ana)]);
        let tags = directory.accounts()[0].tags.known().unwrap();
        assert_eq!(tags["env"], "prod");
    }
    assert_eq!(counts(&fake), read.map(|calls| calls + 1));
    assert_eq!(inventory.current().snapshot(), before.snapshot());
    inventory.refresh().await.unwrap();
    let now = inventory.current();
    assert_eq!(now.people(), before.people());
    assert_eq!(now.groups(), before.groups());
    assert_eq!(now.accounts(), before.accounts());
    let read = counts(&fake);
    tokio::time::advance(Duration::from_mins(11)).await;
    let _ = ahead(&inventory, &more).await;
    assert_eq!(counts(&fake), [read[0] + 1, read[1] + 1, read[2]]);
}

#[tokio::test(start_paused = true)]
async fn what_aws_does_not_tell_is_told_with_the_reason_and_not_asked_for_again_at_once() {
    let refuses = Arc::new(AtomicBool::new(true));
    let now = Arc::clone(&refuses);
    let fake = Fake::new(move |operation, input| {
        let is_more = input["GroupId"] == ENG
            || !input["Extensions"].is_null()
            || operation == "ListTagsForResource";
        if is_more && now.load(Ordering::Relaxed) {
            return Some(error("AccessDeniedException", "not you"));
        }
        answer(operation, input)
    });
    let inventory = inventory(&fake).await;
    let more = named(&["eng", "ops"], &[PersonAttribute::Department], true);
    let mut read = counts(&fake);
    for _ in 0..3 {
        let (directory, unread) = ahead(&inventory, &more).await;
        let parts = [
            "the members of group `eng`",
            "the department of 1",
            "1 accounts",
        ];
        assert_eq!(unread.len(), parts.len(), "{unread:?}");
        for (told, part) in unread.iter().zip(parts) {
            assert!(told.contains(part), "{told}");
            let why = told.contains("AccessDenied") || told.contains("AWS refuses them");
            assert!(why, "{told}");
        }
        assert!(directory.members_of(&OPS.parse().unwrap()).is_some());
    }
    read = [read[0] + 1, read[1] + 2, read[2] + 1];
    assert_eq!(counts(&fake), read);
    refuses.store(false, Ordering::Relaxed);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(ahead(&inventory, &more).await.1, [""; 0]);
    assert_eq!(counts(&fake), read.map(|calls| calls + 1));
}

#[tokio::test(start_paused = true)]
async fn where_aws_fails_one_after_the_other_the_rest_is_not_asked_for() {
    let fake = Fake::new(|operation, input| match operation {
        "ListGroups" => {
            let group = |n: usize| {
                json!({"IdentityStoreId": "d-1", "DisplayName": format!("g{n}"),
                "GroupId": format!("99999999-9999-4999-8999-{n:012}")})
            };
            Some((
                200,
                json!({"Groups": (0..100).map(group).collect::<Vec<_>>()}),
            ))
        }
        "ListGroupMemberships" => Some(error("AccessDeniedException", "not you")),
        _ => answer(operation, input),
    });
    let inventory = inventory(&fake).await;
    let names: Vec<String> = (0..100).map(|n| format!("g{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (_, unread) = ahead(&inventory, &named(&names, &[], false)).await;
    assert_eq!(unread.len(), 100);
    assert!(unread.iter().all(|told| told.contains("AccessDenied")));
    let calls = fake.count("ListGroupMemberships");
    assert!(calls < 20, "{calls}");
}
