//! Break-glass (`access.md` §17): button, form, notices and review; then ticket fields.

use hallpass_access::{Approval, Request, RequestState};
use hallpass_base::{RequestId, TimeSpan};
use hallpass_rules::{RuleFile, load};
use serde_json::{Value, json};

use crate::fake::{Fault, Message};
use crate::test_app::{ACCOUNT, FORM, TestApp, form, until};

const WHY: &str = "The site is down & no one <answers>";
const GLASS: &str = "hallpass_break_glass_submitted";
const REVIEW: &str = "hallpass_close_review_submitted";

fn typed(words: &str) -> Value {
    json!({"provide_reason": {"provided_reason": {"value": words}}})
}

fn whispered_button(app: &TestApp) -> Option<Value> {
    let desk = app.fake.desk();
    let found = desk.whispered.iter().rev();
    let mut found = found.filter(|whisper| whisper["blocks"].is_array());
    found.next().cloned()
}

async fn window_after(app: &TestApp, press: &Value) -> Value {
    let before = app.fake.desk().views.len();
    app.send(press).await;
    until("a window", || app.fake.desk().views.get(before).cloned())
        .await
        .1
}

fn alarm(app: &TestApp) -> Message {
    let desk = app.fake.desk();
    let mut replies = desk
        .messages
        .iter()
        .filter(|message| message.thread.is_some() && message.text().starts_with("◆ Break-glass"));
    replies.next().expect("an alarm").clone()
}

async fn broken(app: &TestApp, set: &str) -> Request {
    let request = app.ask("ana", set).await;
    let id = request.id.to_string();
    let reply = app
        .send(&app.submission("ana", GLASS, &id, &typed(WHY)))
        .await;
    assert_eq!(reply.body, "");
    app.tell().await;
    app.request(request.id).await
}

#[tokio::test]
async fn a_listed_requester_takes_it_and_everybody_hears() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Glass").await;
    let whisper = until("the button", || whispered_button(&app)).await;
    assert_eq!(whisper["user"], "UANA");
    assert_eq!(
        whisper["text"],
        "Glass in payments-prod waits for approval. In an emergency you can take it now."
    );
    let button = &whisper["blocks"][1]["elements"][0];
    assert_eq!(
        (
            &button["action_id"],
            &button["style"],
            &button["text"]["text"],
            &button["value"]
        ),
        (
            &json!("break_glass"),
            &json!("danger"),
            &json!("Break glass…"),
            &json!(request.id.to_string())
        )
    );
    let id = request.id.to_string();
    let head = app.head(request.id);
    let view = window_after(&app, &app.press("ana", "break_glass", &id, &head)).await;
    assert_eq!(view["title"]["text"], "Break glass for 1h?");
    assert_eq!(
        view["blocks"][0]["text"]["text"],
        "*payments-prod / Glass*\n2 approvers and all admins are notified now. Another person must close a review \
         afterwards."
    );
    assert_eq!(view["private_metadata"], id);
    let reply = app
        .send(&app.submission("ana", GLASS, &id, &typed(WHY)))
        .await;
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    app.tell().await;
    let taken = app.request(request.id).await;
    assert!(
        matches!(
            taken.state,
            RequestState::Approved {
                approval: Approval::BreakGlass,
                ..
            }
        ),
        "{:?}",
        taken.state
    );
    assert_eq!(taken.duration, TimeSpan::hours(1), "an hour at most");
    let alarm = alarm(&app);
    assert_eq!(
        alarm.text(),
        "◆ Break-glass: Ana Example took Glass in payments-prod for 1h. \
         Reason: The site is down &amp; no one &lt;answers&gt; \
         <@UCAI> <@UDEE> one of you closes the review."
    );
    assert_eq!(alarm.buttons(), ["close_review"]);
    let drawn = app.head(request.id);
    assert!(drawn.buttons().is_empty());
    let blocks = drawn.blocks().to_string();
    let line = "◆ Break-glass by Ana Example, review open";
    assert!(blocks.contains(line), "{blocks}");
}

#[tokio::test]
async fn what_is_wrong_with_a_justification_is_said_on_its_field() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Glass").await;
    let long = "x".repeat(1001);
    for (words, said) in [
        ("", "At least 20 characters; this has 0."),
        (
            "  nineteen characters  ",
            "At least 20 characters; this has 19.",
        ),
        (long.as_str(), "At most 1,000 characters; this has 1,001."),
    ] {
        let submission = app.submission("ana", GLASS, &request.id.to_string(), &typed(words));
        let reply = app.send(&submission).await;
        let errors: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(
            errors,
            json!({"response_action": "errors", "errors": {"provide_reason": said}}),
        );
    }
    assert_eq!(app.state(request.id).await, "pending");
}

#[tokio::test]
async fn outside_the_channel_the_button_comes_directly() {
    let app = TestApp::new().await;
    app.ask("sam", "Glass").await;
    let direct = until("a direct message", || app.fake.lines("DUSAM").pop()).await;
    // a requester outside the channel also gets the status there
    let is_offer = |text: &str| text.contains("In an emergency you can take it now.");
    until("the offer", || {
        app.fake
            .lines("DUSAM")
            .iter()
            .any(|text| is_offer(text))
            .then_some(())
    })
    .await;
    assert!(whispered_button(&app).is_none(), "{direct}");
    // also when Slack was wrong about channel members
    let app = TestApp::new().await;
    app.fake.fail(
        "chat.postEphemeral",
        &[Fault::Refused("user_not_in_channel")],
    );
    app.ask("ana", "Glass").await;
    until("the offer", || {
        app.fake
            .lines("DUANA")
            .iter()
            .any(|text| is_offer(text))
            .then_some(())
    })
    .await;
}

async fn mine_of(app: &TestApp, name: &str) -> String {
    let before = app.fake.desk().views.len();
    app.send(&app.shortcut(name, "hallpass_my_access")).await;
    until("the page", || app.fake.desk().views.get(before).cloned())
        .await
        .1
        .to_string()
}

#[tokio::test]
async fn whoever_is_not_listed_sees_no_button_and_a_forged_press_is_on_record() {
    let app = TestApp::new().await;
    let glass = app.ask("ana", "Glass").await;
    until("the button", || whispered_button(&app)).await;
    app.fake.desk().whispered.clear();
    let admin = app.ask("ana", "Admin").await;
    app.ask("dee", "Glass").await;
    let own = mine_of(&app, "ana").await;
    assert_eq!(own.matches("\"break_glass\"").count(), 1, "{own}");
    assert!(!mine_of(&app, "dee").await.contains("break_glass"));
    assert!(whispered_button(&app).is_none());
    app.fake.desk().whispers.clear();
    for (who, request, said) in [
        (
            "ana",
            &admin,
            "The rules of today do not let you break the glass here (rule ˋadminˋ).",
        ),
        ("cai", &glass, "Only its requester can do this."),
        (
            "new",
            &glass,
            "No person in Identity Center has your e-mail. Ask platform@corp.example.",
        ),
    ] {
        let press = app.press(
            who,
            "break_glass",
            &request.id.to_string(),
            &app.head(request.id),
        );
        app.send(&press).await;
        let user = crate::test_app::user(who);
        let found = until("an answer", || app.fake.whispers(&user).pop()).await;
        assert_eq!(found, said, "{who}");
        app.fake.desk().whispers.clear();
    }
    // the form grants no permission
    let forged = app.submission("cai", GLASS, &glass.id.to_string(), &typed(WHY));
    let reply = app.send(&forged).await;
    assert!(
        reply.body.contains("Only its requester can do this."),
        "{}",
        reply.body
    );
    for request in [&glass, &admin] {
        assert_eq!(app.state(request.id).await, "pending");
    }
    assert_eq!(
        refused(&app).await,
        ["ana break-glass", "cai break-glass", "cai break-glass"]
    );
}

async fn refused(app: &TestApp) -> Vec<String> {
    let records = hallpass_audit::AuditStore::records_from(app.store.as_ref(), 1, 1000)
        .await
        .unwrap();
    let fields = records.iter().map(hallpass_audit::Record::fields);
    fields
        .filter(|fields| fields["event"] == "press.refused")
        .map(|fields| {
            let actor = fields["actor"].as_str().unwrap().to_owned();
            format!(
                "{} {}",
                actor.split('@').next().unwrap(),
                fields["why"].as_str().unwrap()
            )
        })
        .collect()
}

#[tokio::test]
async fn what_nobody_can_approve_waits_for_the_glass() {
    let app = TestApp::new().await;
    let request = broken(&app, "Alone").await;
    assert_eq!(request.state.name(), "approved");
    assert_eq!(
        app.fake.replies()[0],
        "No one can approve this. Rule `alone`."
    );
    assert!(alarm(&app).text().contains("<@UEVE>") || alarm(&app).text().contains("one of you"));
}

async fn closes(app: &TestApp, id: RequestId, who: &str) -> String {
    let (before, whispers) = {
        let desk = app.fake.desk();
        (desk.views.len(), desk.whispers.len())
    };
    app.send(&app.press(who, "close_review", &id.to_string(), &alarm(app)))
        .await;
    until("an answer", || {
        let desk = app.fake.desk();
        let window = desk
            .views
            .get(before)
            .map(|(_, view)| view["callback_id"].as_str().unwrap().to_owned());
        window.or_else(|| desk.whispers.get(whispers).map(|(_, words)| words.clone()))
    })
    .await
}

#[tokio::test]
async fn a_read_that_fails_closes_no_review() {
    let app = TestApp::new().await;
    let request = broken(&app, "Glass").await;
    app.store.fail_reads(1);
    let said = closes(&app, request.id, "cai").await;
    assert!(
        said.starts_with("That didn't work; nothing changed. Reference "),
        "{said}"
    );
    assert!(app.request(request.id).await.has_open_review());
    assert_eq!(closes(&app, request.id, "cai").await, REVIEW);
}

#[tokio::test]
async fn an_approver_closes_the_review_and_nobody_else_does() {
    let app = TestApp::new().await;
    let request = broken(&app, "Glass").await;
    let id = request.id;
    for (who, said) in [
        (
            "ana",
            "Another person must close the review of your own request.",
        ),
        (
            "sam",
            "You are not an approver for payments-prod / Glass. Rule `glass` lists who is.",
        ),
        (
            "eve",
            "You are not an approver for payments-prod / Glass. Rule `glass` lists who is.",
        ),
        ("cai", REVIEW),
    ] {
        assert_eq!(closes(&app, id, who).await, said, "{who}");
    }
    let view = app.fake.desk().views.last().unwrap().1.clone();
    assert_eq!(
        view["blocks"][0]["text"]["text"],
        "Ana Example took Glass in payments-prod without waiting:"
    );
    assert_eq!(
        view["blocks"][1]["text"],
        json!({"type": "plain_text", "emoji": false, "text": "The site is down &amp; no one &lt;answers&gt;"})
    );
    assert_eq!(view["blocks"][3]["optional"], true);
    let reply = app
        .send(&app.submission("cai", REVIEW, &id.to_string(), &typed("Looked at it.")))
        .await;
    assert_eq!(reply.body, "");
    let closing = app.request(id).await.after_review.unwrap().closed.unwrap();
    assert_eq!(closing.words.as_deref(), Some("Looked at it."));
    app.tell().await;
    let alarm = alarm(&app);
    assert!(alarm.buttons().is_empty());
    assert!(
        alarm.text().ends_with("Cai Example closed the review."),
        "{}",
        alarm.text()
    );
    assert!(
        app.head(id)
            .blocks()
            .to_string()
            .contains("review closed by Cai Example"),
        "{}",
        app.head(id).blocks()
    );
    let title = app.head(id).title().to_owned();
    assert!(title.contains("Break glass: "), "{title}");
    let replies = app.fake.replies();
    let told = "Cai Example closed the break-glass review of Glass in payments-prod: Looked at it.";
    assert!(replies.iter().any(|said| said == told), "{replies:?}");
    assert_eq!(
        closes(&app, id, "dee").await,
        "Already closed by Cai Example at 20:26 UTC."
    );
    assert_eq!(refused(&app).await.len(), 4);
}

async fn with_tickets() -> TestApp {
    let app = TestApp::new().await;
    let text = r"
[[rule]]
id = 'tickets'
accounts = '*'
permission_sets = 'Routed'
approvers = ['cai@corp.example']
ticket_pattern = '^OPS-\d+$'

[[rule]]
id = 'plain'
accounts = '*'
permission_sets = 'Admin'
approvers = ['cai@corp.example']
";
    let rules = load(&RuleFile::new("rules.toml", text)).unwrap().rules;
    app.access.set_rules(rules, "test").await.unwrap();
    app
}

fn ticket_block(view: &Value) -> Option<Value> {
    let blocks = view["blocks"].as_array().unwrap();
    let found = blocks
        .iter()
        .find(|block| block["block_id"] == "provide_ticket");
    found.cloned()
}

fn with_ticket(set: &str, ticket: Option<&str>) -> Value {
    let mut values = form(ACCOUNT, set, "why");
    values["provide_ticket"] = json!({"provided_ticket": {"value": ticket}});
    values
}

#[tokio::test]
async fn a_ticket_is_asked_for_where_a_rule_wants_one() {
    let app = with_tickets().await;
    for (set, wanted) in [("Routed", true), ("Admin", false)] {
        let mut chosen = app.submission("ana", FORM, "", &form(ACCOUNT, set, "x"));
        chosen["type"] = json!("block_actions");
        chosen["actions"] = json!([{"action_id": "selected_permission_set", "type": "external_select", "selected_option": {"value": set}}]);
        let view = window_after(&app, &chosen).await;
        let block = ticket_block(&view);
        assert_eq!(block.is_some(), wanted, "{set}");
        if let Some(block) = block {
            assert_eq!(
                block["hint"]["text"],
                r"Rule `tickets` wants a ticket of the form `^OPS-\d+$`."
            );
        }
    }
}

#[tokio::test]
async fn a_ticket_is_its_own_field_and_never_the_reason() {
    let app = with_tickets().await;
    let send = async |values: &Value| {
        let reply = app.send(&app.submission("ana", FORM, "", values)).await;
        serde_json::from_str::<Value>(&reply.body).unwrap_or_default()
    };
    // sent before the field appeared: it is added, and input stays
    let reply = send(&form(ACCOUNT, "Routed", "OPS-1")).await;
    assert_eq!(reply["response_action"], "update");
    assert!(ticket_block(&reply["view"]).is_some(), "{reply}");
    for ticket in [None, Some("none")] {
        let reply = send(&with_ticket("Routed", ticket)).await;
        assert_eq!(
            reply["errors"],
            json!({"provide_ticket": r"Rule `tickets` wants a ticket of the form `^OPS-\d+$`."})
        );
    }
    assert_eq!(
        send(&with_ticket("Routed", Some(" OPS-7 "))).await,
        Value::Null
    );
    app.tell().await;
    let requests = app.requests().await;
    let asked = requests
        .iter()
        .find(|request| request.state.name() == "pending")
        .unwrap();
    assert_eq!(
        (asked.reason.as_str(), asked.ticket.as_deref()),
        ("why", Some("OPS-7"))
    );
    let content = app.head(asked.id).blocks()[1].to_string();
    assert!(content.contains("Ticket\\nOPS-7"), "{content}");
}
