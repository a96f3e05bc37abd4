//! Rule warnings in Slack's forms to request, approve and extend, each with a checkbox.

use std::fmt::Write as _;

use hallpass_rules::{RuleFile, load};
use serde_json::{Value, json};

use crate::test_app::{ACCOUNT, FORM, TestApp, form, until};

const CARDS: &str = "Card data & <b>rows</b>.";

async fn says(app: &TestApp, warning: &str) {
    let text = format!(
        "[[rule]]\nid = 'all'\naccounts = '*'\npermission_sets = '*'\n\
         approvers = ['cai@corp.example', 'dee@corp.example']\nwarning = '{warning}'\n"
    );
    let rules = load(&RuleFile::new("rules.toml", &text)).unwrap().rules;
    app.access.set_rules(rules, "test").await.unwrap();
}

fn boxes(view: &Value) -> Vec<String> {
    let blocks = view["blocks"].as_array().unwrap().iter();
    let ticks = blocks.filter(|it| it["element"]["type"] == "checkboxes");
    ticks
        .map(|it| it["block_id"].as_str().unwrap().to_owned())
        .collect()
}

fn tick(values: &mut Value, block: &str) {
    let id = block.strip_prefix("confirm_warning_").unwrap();
    values[block] =
        json!({"confirmed_warning": {"type": "checkboxes", "selected_options": [{"value": id}]}});
}

async fn sent(app: &TestApp, who: &str, callback: &str, metadata: &str, values: &Value) -> Value {
    let reply = app
        .send(&app.submission(who, callback, metadata, values))
        .await;
    serde_json::from_str(&reply.body).unwrap_or(Value::Null)
}

#[tokio::test]
async fn forms_show_the_text_and_want_its_box() {
    let app = TestApp::new().await;
    says(&app, CARDS).await;
    let mut values = form(ACCOUNT, "Admin", "OPS-1");
    let again = sent(&app, "ana", FORM, "", &values).await;
    assert_eq!(again["response_action"], "update", "{again}");
    assert!(
        again
            .to_string()
            .contains("Card data &amp; &lt;b&gt;rows&lt;/b&gt;."),
        "{again}"
    );
    let block = boxes(&again["view"]).remove(0);
    tick(&mut values, &block);
    says(&app, "Another one.").await;
    let again = sent(&app, "ana", FORM, "", &values).await;
    let new = boxes(&again["view"]).remove(0);
    assert_ne!(new, block, "an old tick stands in no box of another text");
    assert_eq!(app.requests().await, []);
    tick(&mut values, &new);
    let asked = sent(&app, "ana", FORM, "", &values).await;
    assert_eq!(asked, Value::Null, "the window closes");
    let request = app.requests().await.remove(0);
    assert_eq!(request.confirmed[0].texts, ["Another one."]);
    app.tell().await;

    // one press is not enough to approve: the form has the text
    let windows = app.fake.desk().views.len();
    app.send(&app.approval("cai", request.id)).await;
    let view = until("a window", || app.fake.desk().views.get(windows).cloned())
        .await
        .1;
    assert_eq!(boxes(&view), [new.as_str()]);
    assert_eq!(app.state(request.id).await, "pending");
    let approve = "hallpass_approve_submitted";
    let id = request.id.to_string();
    let mut values = json!({"duration_picker": {"duration_picker_action": {"selected_option": {"value": "3600"}}}});
    let length = request.duration.as_seconds().to_string();
    values["duration_picker"]["duration_picker_action"]["selected_option"]["value"] = json!(length);
    let again = sent(&app, "cai", approve, &id, &values).await;
    assert_eq!(boxes(&again["view"]), [new.as_str()]);
    tick(&mut values, &new);
    let approved = sent(&app, "cai", approve, &id, &values).await;
    assert_eq!(approved, Value::Null);
    let request = app.request(request.id).await;
    assert_eq!(request.state.name(), "approved");
    assert_eq!(request.confirmed[1].by.as_str(), "cai@corp.example");
}

/// Excess warnings need no ticks without checkboxes.
#[tokio::test]
async fn more_warnings_than_a_form_holds_are_confirmed_on_the_page() {
    let app = TestApp::new().await;
    let mut text = "[[rule]]\nid = 'all'\naccounts = '*'\npermission_sets = '*'\n\
                    approvers = ['cai@corp.example']\n"
        .to_owned();
    for number in 1..=21 {
        writeln!(
            text,
            "[[rule]]\nid = 'w{number}'\naccounts = '*'\npermission_sets = '*'\npermits_requests = false\n\
             warning = 'Text {number}.'"
        )
        .unwrap();
    }
    let rules = load(&RuleFile::new("rules.toml", text.as_str()))
        .unwrap()
        .rules;
    app.access.set_rules(rules, "test").await.unwrap();
    let values = form(ACCOUNT, "Admin", "OPS-1");
    let again = sent(&app, "ana", FORM, "", &values).await;
    assert_eq!(boxes(&again["view"]), Vec::<String>::new());
    let said = again.to_string();
    assert!(
        said.contains("There are 21 warnings to be read and confirmed"),
        "{said}"
    );
    assert!(said.contains("/ask|Open in Hallpass>"), "{said}");
    assert_eq!(app.requests().await, []);
}
