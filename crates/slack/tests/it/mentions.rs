//! Who is mentioned: the Slack user of a person of the directory, whatever becomes of addresses.

use hallpass_model::TimeSpan;
use serde_json::{Value, json};

use crate::test_app::{House, RULES, rules, user};

/// From here on rules name `now` where they named Cai's address.
async fn approver_is(house: &House, now: &str) {
    let text = RULES.replace("cai@corp.example", now);
    house.access.set_rules(rules(&text), "test").await.unwrap();
}

/// What Slack says of somebody's address from now on; believed by us only after ten minutes.
fn slack_says(house: &House, name: &str, address: Value) {
    let mut desk = house.fake.desk();
    desk.users.get_mut(&user(name)).unwrap()["profile"]["email"] = address;
    drop(desk);
    house.clock.advance(TimeSpan::minutes(11));
}

/// What is said below the message of a request: who is mentioned, and who is not.
async fn asked(house: &House, who: &str) -> String {
    house.ask(who, "Admin").await;
    house.fake.replies().pop().unwrap()
}

#[tokio::test]
async fn who_acted_in_slack_is_mentioned_under_a_new_address_too() {
    let house = House::new().await;
    house.ask("cai", "ReadOnly").await;
    house.address_becomes("cai", "cai.new@corp.example");
    approver_is(&house, "cai.new@corp.example").await;
    house.clock.advance(TimeSpan::minutes(11));
    let said = asked(&house, "ana").await;
    assert!(said.starts_with("<@UCAI> <@UDEE> "), "{said}");
}

#[tokio::test]
async fn who_gets_the_address_of_somebody_who_left_is_mentioned_and_not_the_leaver() {
    let house = House::new().await;
    house.ask("dee", "ReadOnly").await;
    house.directory_becomes(|directory| directory.people.retain(|it| it.user_name != "dee"));
    house.address_becomes("sam", "dee@corp.example");
    slack_says(&house, "dee", json!("left@corp.example"));
    slack_says(&house, "sam", json!("dee@corp.example"));
    let said = asked(&house, "ana").await;
    assert!(said.starts_with("<@UCAI> <@USAM> "), "{said}");
}

#[tokio::test]
async fn a_slack_user_of_one_person_is_never_mentioned_as_another_who_got_the_address() {
    let house = House::new().await;
    house.ask("cai", "ReadOnly").await;
    // Slack has not heard of it: the address is still at Cai's Slack user
    house.address_becomes("cai", "cai.new@corp.example");
    house.address_becomes("off", "cai@corp.example");
    house.clock.advance(TimeSpan::minutes(11));
    let said = asked(&house, "ana").await;
    assert!(!said.contains("<@UCAI>"), "{said}");
    assert!(said.contains("Not on Slack: cai@corp.example"), "{said}");
}

#[tokio::test]
async fn a_wrong_address_that_is_put_right_mentions_nobody_by_the_wrong_one_any_more() {
    let house = House::new().await;
    // Cai never acted in Slack: an address alone says who they are
    assert!(asked(&house, "ana").await.starts_with("<@UCAI> <@UDEE> "));
    house.address_becomes("cai", "new@corp.example");
    approver_is(&house, "new@corp.example").await;
    house.clock.advance(TimeSpan::minutes(11));
    let said = asked(&house, "eve").await;
    assert!(said.starts_with("<@UDEE> <@UNEW> "), "{said}");
    assert!(!said.contains("<@UCAI>"), "{said}");
}

#[tokio::test]
async fn a_slack_user_is_whoever_acted_as_it_last() {
    let house = House::new().await;
    house.ask("cai", "ReadOnly").await;
    // the account was handed on, and its address with it
    house.address_becomes("cai", "cai.new@corp.example");
    house.address_becomes("off", "cai@corp.example");
    house.clock.advance(TimeSpan::minutes(11));
    house.ask("cai", "Lonely").await;
    let said = asked(&house, "ana").await;
    assert!(said.contains("<@UCAI>"), "{said}");
    approver_is(&house, "cai.new@corp.example").await;
    let said = asked(&house, "eve").await;
    assert!(!said.contains("<@UCAI>"), "{said}");
    assert!(said.contains("cai.new@corp.example"), "{said}");
}

#[tokio::test]
async fn an_address_that_several_have_mentions_nobody() {
    let house = House::new().await;
    approver_is(&house, "two@corp.example").await;
    let said = asked(&house, "ana").await;
    assert!(!said.contains("<@UTWO>"), "{said}");
}
