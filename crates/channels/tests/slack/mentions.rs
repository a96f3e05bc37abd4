//! Mentions find a person's Slack user despite address changes.

use hallpass_base::TimeSpan;
use serde_json::{Value, json};

use crate::fake::Fault;
use crate::test_app::{RULES, TestApp, rules, user};

async fn approver_is(app: &TestApp, now: &str) {
    let text = RULES.replace("cai@corp.example", now);
    app.access.set_rules(rules(&text), "test").await.unwrap();
}

/// Changes an address at Slack; the app's cache expires after ten minutes.
fn slack_says(app: &TestApp, name: &str, address: Value) {
    let mut desk = app.fake.desk();
    desk.users.get_mut(&user(name)).unwrap()["profile"]["email"] = address;
    drop(desk);
    app.clock.advance(TimeSpan::minutes(11));
}

async fn asked(app: &TestApp, who: &str) -> String {
    app.ask(who, "Admin").await;
    app.fake.replies().pop().unwrap()
}

#[tokio::test]
async fn who_acted_in_slack_is_mentioned_under_a_new_address_too() {
    let app = TestApp::new().await;
    app.ask("cai", "ReadOnly").await;
    app.address_becomes("cai", "cai.new@corp.example");
    approver_is(&app, "cai.new@corp.example").await;
    app.clock.advance(TimeSpan::minutes(11));
    let said = asked(&app, "ana").await;
    assert!(said.starts_with("<@UCAI> <@UDEE> "), "{said}");
}

#[tokio::test]
async fn who_gets_the_address_of_somebody_who_left_is_mentioned_and_not_the_leaver() {
    let app = TestApp::new().await;
    app.ask("dee", "ReadOnly").await;
    app.directory_becomes(|directory| directory.people.retain(|it| it.user_name != "dee"));
    app.address_becomes("sam", "dee@corp.example");
    slack_says(&app, "dee", json!("left@corp.example"));
    slack_says(&app, "sam", json!("dee@corp.example"));
    let said = asked(&app, "ana").await;
    assert!(said.starts_with("<@UCAI> <@USAM> "), "{said}");
}

#[tokio::test]
async fn a_slack_user_of_one_person_is_never_mentioned_as_another_who_got_the_address() {
    let app = TestApp::new().await;
    app.ask("cai", "ReadOnly").await;
    // Slack does not know yet: Cai's Slack user still has the address
    app.address_becomes("cai", "cai.new@corp.example");
    app.address_becomes("off", "cai@corp.example");
    app.clock.advance(TimeSpan::minutes(11));
    let said = asked(&app, "ana").await;
    assert!(!said.contains("<@UCAI>"), "{said}");
    assert!(said.contains("Not on Slack: cai@corp.example"), "{said}");
}

#[tokio::test]
async fn a_wrong_address_that_is_put_right_mentions_nobody_by_the_wrong_one_any_more() {
    let app = TestApp::new().await;
    // Cai never acted in Slack: only an address identifies them
    assert!(asked(&app, "ana").await.starts_with("<@UCAI> <@UDEE> "));
    app.address_becomes("cai", "new@corp.example");
    approver_is(&app, "new@corp.example").await;
    app.clock.advance(TimeSpan::minutes(11));
    let said = asked(&app, "eve").await;
    assert!(said.starts_with("<@UDEE> <@UNEW> "), "{said}");
    assert!(!said.contains("<@UCAI>"), "{said}");
}

#[tokio::test]
async fn a_slack_user_is_whoever_acted_as_it_last() {
    let app = TestApp::new().await;
    app.ask("cai", "ReadOnly").await;
    // the account was passed on with its address
    app.address_becomes("cai", "cai.new@corp.example");
    app.address_becomes("off", "cai@corp.example");
    app.clock.advance(TimeSpan::minutes(11));
    app.ask("cai", "Lonely").await;
    let said = asked(&app, "ana").await;
    assert!(said.contains("<@UCAI>"), "{said}");
    approver_is(&app, "cai.new@corp.example").await;
    let said = asked(&app, "eve").await;
    assert!(!said.contains("<@UCAI>"), "{said}");
    assert!(said.contains("cai.new@corp.example"), "{said}");
}

#[tokio::test]
async fn an_address_that_several_have_mentions_nobody() {
    let app = TestApp::new().await;
    approver_is(&app, "two@corp.example").await;
    let said = asked(&app, "ana").await;
    assert!(!said.contains("<@UTWO>"), "{said}");
}

#[tokio::test]
async fn a_slack_user_that_is_gone_is_mentioned_no_more_and_its_successor_is() {
    for is_forgotten in [false, true] {
        let app = TestApp::new().await;
        app.ask("cai", "ReadOnly").await;
        assert!(asked(&app, "ana").await.starts_with("<@UCAI> <@UDEE> "));
        // the account is deactivated, and Slack reports it late or never
        let mut gone = app.fake.desk().users.remove(&user("cai")).unwrap();
        if !is_forgotten {
            gone["deleted"] = json!(true);
            gone["profile"] = json!({});
            app.fake.desk().users.insert(user("cai"), gone.clone());
        }
        app.clock.advance(TimeSpan::minutes(11));
        let said = asked(&app, "eve").await;
        assert!(!said.contains("<@UCAI>"), "{said}");
        assert!(said.contains("Not on Slack: cai@corp.example"), "{said}");
        gone["id"] = json!("UCAI2");
        gone["deleted"] = json!(false);
        gone["profile"] = json!({"email": "cai@corp.example"});
        app.fake.desk().users.insert("UCAI2".to_owned(), gone);
        app.clock.advance(TimeSpan::minutes(11));
        let said = asked(&app, "sam").await;
        assert!(said.contains("<@UCAI2>"), "{said}");
    }
}

#[tokio::test]
async fn who_acted_is_mentioned_while_slack_does_not_say_who_that_is() {
    for fault in [Fault::Refused("missing_scope"), Fault::Down] {
        let app = TestApp::new().await;
        app.ask("cai", "ReadOnly").await;
        app.clock.advance(TimeSpan::minutes(11));
        app.ask("ana", "ReadOnly").await;
        app.fake.fail("users.info", &vec![fault; 50]);
        let said = asked(&app, "ana").await;
        assert!(said.starts_with("<@UCAI> <@UDEE> "), "{said}");
    }
}

/// Fay is `fay@second.example` in the directory. Slack user `UFAY` has an address in another
/// domain.
fn fay_has_a_slack_user_of_her_own(app: &TestApp) {
    let about = json!({"id": "UFAY2", "team_id": "T1", "profile": {"email": "fay@second.example"}, "tz": "Etc/UTC"});
    let mut desk = app.fake.desk();
    desk.users.insert("UFAY2".to_owned(), about);
    desk.members.push("UFAY2".to_owned());
}

async fn fay_is_mentioned_as(app: &TestApp, slack: &str) {
    app.clock.advance(TimeSpan::minutes(11));
    app.ask("ana", "Fays").await;
    let said = app.fake.replies().pop().unwrap();
    assert!(said.starts_with(&format!("<@{slack}> ")), "{said}");
}

#[tokio::test]
async fn who_is_found_by_a_fallback_domain_takes_nobodys_place() {
    let app = TestApp::new().await;
    fay_has_a_slack_user_of_her_own(&app);
    app.ask("fay", "ReadOnly").await;
    fay_is_mentioned_as(&app, "UFAY2").await;
    let app = TestApp::new().await;
    fay_has_a_slack_user_of_her_own(&app);
    app.ask("fay2", "Root").await;
    slack_says(&app, "fay2", json!("fay.new@elsewhere.example"));
    app.ask("fay", "ReadOnly").await;
    fay_is_mentioned_as(&app, "UFAY2").await;
    let app = TestApp::new().await;
    app.ask("fay", "ReadOnly").await;
    fay_is_mentioned_as(&app, "UFAY").await;
}

#[tokio::test]
async fn a_fallback_domain_takes_no_slack_user_from_who_acted_as_it() {
    let app = TestApp::new().await;
    app.ask("cai", "ReadOnly").await;
    app.address_becomes("cai", "cai.new@corp.example");
    slack_says(&app, "cai", json!("fay@corp.example"));
    app.ask("cai", "ReadOnly").await;
    approver_is(&app, "cai.new@corp.example").await;
    let said = asked(&app, "ana").await;
    assert!(said.starts_with("<@UCAI> <@UDEE> "), "{said}");
}
