use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallpass_access::{DirectorySource, PeopleLook, PeopleQuestion, PeopleSource};
use hallpass_base::{GroupId, UserId};
use hallpass_rules::{Directory, GroupRef, PersonAttribute, PersonAttributes};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Inventory;
use crate::fake::{Fake, FakeAnswer, error};

const GROUP: &str = "99999999-9999-4999-8999-999999999999";

fn id(n: usize) -> String {
    format!("11111111-1111-4111-8111-{n:012}")
}

fn users(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<UserId> {
    numbers
        .into_iter()
        .map(|n| id(n).parse().unwrap())
        .collect()
}

async fn look_at(inventory: &Inventory, users: &BTreeSet<UserId>) -> PeopleLook {
    let question = PeopleQuestion::AreThereAndInGroups;
    inventory.look_at(users, question).await
}

fn group() -> GroupId {
    GROUP.parse().unwrap()
}

fn user(n: usize, enabled: bool, title: &str) -> Value {
    json!({"UserId": id(n), "IdentityStoreId": "d-1234567890", "UserName": format!("u{n}"),
        "DisplayName": "U", "Title": title, "Emails": [{"Value": format!("u{n}@corp.example"), "Primary": true}],
        "UserStatus": if enabled { "ENABLED" } else { "DISABLED" }})
}

#[derive(Clone, Debug, Default)]
struct Store {
    people: usize,
    disabled: BTreeSet<usize>,
    gone: BTreeSet<usize>,
    left: BTreeSet<usize>,
    promoted: BTreeSet<usize>,
    unlisted: BTreeSet<usize>,
    silent: Vec<&'static str>,
}

fn number(text: &Value) -> usize {
    let digits = text.as_str().and_then(|it| it.rsplit('-').next());
    digits.unwrap().parse().unwrap()
}

impl Store {
    fn user(&self, n: usize) -> Value {
        let title = if self.promoted.contains(&n) {
            "Lead"
        } else {
            "Engineer"
        };
        user(n, !self.disabled.contains(&n), title)
    }

    fn answer(&self, operation: &str, input: &Value) -> Option<FakeAnswer> {
        if self.silent.contains(&operation) {
            return Some(error("AccessDeniedException", "no"));
        }
        let listed = |n: &usize| !self.gone.contains(n) && !self.unlisted.contains(n);
        let missing = || error("ResourceNotFoundException", "not found");
        Some(match operation {
            "ListUsers" => {
                let people = (0..self.people).filter(listed);
                let people: Vec<_> = people.map(|n| self.user(n)).collect();
                (200, json!({"Users": people}))
            }
            "DescribeUser" => match number(&input["UserId"]) {
                n if self.gone.contains(&n) => missing(),
                n => (200, self.user(n)),
            },
            "ListGroups" => (
                200,
                json!({"Groups": [{"GroupId": GROUP, "DisplayName": "builders",
                    "IdentityStoreId": "d-1234567890"}]}),
            ),
            "ListGroupMemberships" => {
                let members = (0..self.people).filter(listed);
                let members = members.filter(|n| !self.left.contains(n));
                let rows: Vec<_> = members
                    .map(|n| {
                        json!({"IdentityStoreId": "d-1234567890", "GroupId": GROUP,
                        "MembershipId": id(n), "MemberId": {"UserId": id(n)}})
                    })
                    .collect();
                (200, json!({"GroupMemberships": rows}))
            }
            "GetGroupMembershipId" => {
                let n = number(&input["MemberId"]["UserId"]);
                if self.left.contains(&n) || self.gone.contains(&n) {
                    missing()
                } else {
                    (
                        200,
                        json!({"IdentityStoreId": "d-1234567890", "MembershipId": id(n)}),
                    )
                }
            }
            "ListPermissionSets" => (200, json!({"PermissionSets": []})),
            _ => return None,
        })
    }
}

async fn read(people: usize) -> (Arc<Fake>, Inventory, Arc<Mutex<Store>>) {
    let store = Arc::new(Mutex::new(Store {
        people,
        ..Store::default()
    }));
    let answers = Arc::clone(&store);
    let fake = Fake::new(move |operation, input| answers.lock().unwrap().answer(operation, input));
    let groups = || BTreeSet::from([GroupRef::Id(group())]);
    let inventory = Inventory::new(Arc::new(fake.connect().await), Arc::new(groups))
        .with_attributes(Arc::new(|| BTreeSet::from([PersonAttribute::Title])));
    inventory.refresh().await.unwrap();
    (fake, inventory, store)
}

fn found(look: &PeopleLook, n: usize) -> (Option<bool>, bool) {
    let user: UserId = id(n).parse().unwrap();
    let person = look.directory.person(&user);
    let members = look.directory.members_of(&group()).unwrap();
    (person.map(|it| it.enabled), members.contains(&user))
}

#[tokio::test(start_paused = true)]
async fn a_look_tells_who_is_disabled_gone_or_out_of_a_group_and_nobody_else() {
    for (people, looked) in [(4, 0..1), (4, 0..4), (250, 0..250)] {
        let (fake, inventory, store) = read(people).await;
        {
            let mut store = store.lock().unwrap();
            store.disabled.insert(0);
            if looked.len() > 1 {
                store.gone.insert(1);
                store.left.insert(2);
            }
        }
        let listed = fake.count("ListUsers");
        let look = look_at(&inventory, &users(looked.clone())).await;
        assert_eq!(look.fault, None);
        assert_eq!(look.answered, users(looked.clone()));
        assert_eq!(look.placed, users(looked.clone()));
        assert_eq!(found(&look, 0), (Some(false), true), "{people}");
        if looked.len() > 1 {
            assert_eq!(found(&look, 1), (None, false), "{people}");
            assert_eq!(found(&look, 2), (Some(true), false), "{people}");
            assert_eq!(found(&look, 3), (Some(true), true), "{people}");
            assert!(fake.count("ListUsers") > listed, "{people}");
        }
        let newest = inventory.current();
        assert_eq!(newest.snapshot(), look.directory.snapshot());
    }
}

/// Rules may admit requesters by attribute: both kinds of read find changes.
#[tokio::test(start_paused = true)]
async fn a_look_tells_who_has_another_attribute() {
    for looked in [0..1, 0..4, 0..250] {
        let (fake, inventory, store) = read(250).await;
        store.lock().unwrap().promoted.insert(0);
        let described = fake.count("DescribeUser");
        let look = look_at(&inventory, &users(looked.clone())).await;
        assert_eq!(
            look.answered.len(),
            if looked.len() == 1 { 1 } else { 250 },
            "{looked:?}"
        );
        assert_eq!(fake.count("DescribeUser") - described, 1, "{looked:?}");
        for (n, title) in [(0, "Lead"), (1, "Engineer")] {
            let mut expected = PersonAttributes::default();
            expected.read(PersonAttribute::Title, Some(title));
            let person = look.directory.person(&id(n).parse().unwrap()).unwrap();
            assert_eq!(person.attributes, expected, "{n}: {looked:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_takes_the_way_with_fewer_calls() {
    let (fake, inventory, _) = read(250).await;
    let before = |name: &str| fake.count(name);
    let (described, listed) = (before("DescribeUser"), before("ListUsers"));
    let (asked, members) = (
        before("GetGroupMembershipId"),
        before("ListGroupMemberships"),
    );
    look_at(&inventory, &users(0..3)).await;
    assert_eq!(fake.count("DescribeUser") - described, 3);
    assert_eq!(fake.count("GetGroupMembershipId") - asked, 3);
    assert_eq!(fake.count("ListUsers"), listed);
    look_at(&inventory, &users(0..4)).await;
    assert_eq!(fake.count("DescribeUser") - described, 3);
    assert_eq!(fake.count("ListUsers") - listed, 1);
    assert_eq!(fake.count("ListGroupMemberships") - members, 1);
}

/// Tokens and sessions need no groups.
#[tokio::test(start_paused = true)]
async fn groups_are_asked_about_only_where_the_question_asks_it() {
    for looked in [0..2, 0..250] {
        let (fake, inventory, store) = read(250).await;
        {
            let mut store = store.lock().unwrap();
            store.disabled.insert(0);
            store.left.insert(1);
        }
        let listed = fake.count("ListGroupMemberships");
        let users = users(looked.clone());
        let look = inventory.look_at(&users, PeopleQuestion::AreThere).await;
        assert_eq!(look.fault, None, "{looked:?}");
        assert_eq!((look.answered, look.placed.len()), (users, 0), "{looked:?}");
        let newest = inventory.current();
        let person = newest.person(&id(0).parse().unwrap()).unwrap();
        assert!(!person.enabled, "{looked:?}");
        assert_eq!(fake.count("GetGroupMembershipId"), 0, "{looked:?}");
        assert_eq!(fake.count("ListGroupMemberships"), listed, "{looked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_tells_of_everybody_whom_it_has_as_they_are_known() {
    let (_, inventory, store) = read(250).await;
    {
        let mut store = store.lock().unwrap();
        store.disabled.insert(100);
        store.unlisted.insert(101);
    }
    let look = look_at(&inventory, &users(0..10)).await;
    let mut told = users(0..250);
    for n in [100, 101] {
        told.remove(&id(n).parse::<UserId>().unwrap());
        assert_eq!(found(&look, n), (Some(true), true), "{n}");
    }
    assert_eq!(look.answered, told);
    assert_eq!(look.placed, users(0..10));
}

#[tokio::test(start_paused = true)]
async fn what_a_listing_lacks_is_asked_about_before_it_counts() {
    let (fake, inventory, store) = read(250).await;
    store.lock().unwrap().unlisted = BTreeSet::from([1, 2]);
    let look = look_at(&inventory, &users(0..10)).await;
    assert_eq!(look.fault, None);
    for n in 0..10 {
        assert_eq!(found(&look, n), (Some(true), true), "{n}");
    }
    assert_eq!(fake.count("DescribeUser"), 2);
    assert_eq!(fake.count("GetGroupMembershipId"), 2);
}

#[tokio::test(start_paused = true)]
async fn what_aws_does_not_answer_says_nothing_of_anybody() {
    let table = [
        ("DescribeUser", 0..2, false, true),
        ("ListUsers", 0..10, false, true),
        ("GetGroupMembershipId", 0..2, true, false),
        ("ListGroupMemberships", 0..10, true, false),
    ];
    for (silent, looked, answers, places) in table {
        let (_, inventory, store) = read(250).await;
        {
            let mut store = store.lock().unwrap();
            store.silent.push(silent);
            // AWS's data is unknown
            store.gone.extend(looked.clone().filter(|_| !answers));
            store.left.extend(looked.clone().filter(|_| !places));
        }
        let look = look_at(&inventory, &users(looked.clone())).await;
        assert!(look.fault.is_some(), "{silent}");
        assert_eq!(look.answered.is_empty(), !answers, "{silent}");
        assert_eq!(look.placed.is_empty(), !places, "{silent}");
        for n in looked {
            assert_eq!(found(&look, n).0, Some(true), "{silent} {n}");
        }
    }
}

/// A user's single read removes left groups: an earlier listing must not restore a membership.
#[tokio::test(start_paused = true)]
async fn whoever_is_read_alone_is_in_no_group_that_they_left() {
    let (fake, inventory, store) = read(4).await;
    let user: UserId = id(0).parse().unwrap();
    let members = |directory: &Directory| directory.members_of(&group()).unwrap().clone();
    assert!(members(&inventory.current()).contains(&user));
    store.lock().unwrap().silent = vec!["GetGroupMembershipId"];
    let fault = inventory.refresh_person(&user).await.unwrap_err();
    assert_eq!(fault.what, "a membership");
    assert!(members(&inventory.current()).contains(&user));
    store.lock().unwrap().silent.clear();
    store.lock().unwrap().left.insert(0);
    let began = Instant::now();
    tokio::time::advance(Duration::from_secs(1)).await;
    let asked = fake.count("GetGroupMembershipId");
    for directory in [
        inventory.refresh_person(&user).await.unwrap(),
        inventory.current(),
    ] {
        assert_eq!(members(&directory), users(1..4));
    }
    assert_eq!(fake.count("GetGroupMembershipId"), asked + 1);
    tokio::time::advance(Duration::from_secs(10)).await;
    inventory.refresh_person(&user).await.unwrap();
    assert_eq!(fake.count("GetGroupMembershipId"), asked + 1);
    store.lock().unwrap().left.clear();
    let mut late = inventory.read().await.unwrap();
    inventory.described().apply_to(&mut late, began);
    assert_eq!(members(&Directory::new(late)), users(1..4));
    tokio::time::advance(Duration::from_secs(10)).await;
    let began = Instant::now();
    tokio::time::advance(Duration::from_secs(1)).await;
    inventory.refresh_person(&user).await.unwrap();
    let mut back = inventory.read().await.unwrap();
    inventory.described().apply_to(&mut back, began);
    assert_eq!(members(&Directory::new(back)), users(0..4));
}
