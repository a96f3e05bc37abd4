//! Forms: choices, field errors and resulting requests.

use hallpass_access::Wanted;
use hallpass_base::TimeSpan;
use serde_json::{Value, json};

use crate::fake::Fault;
use crate::test_app::{ACCOUNT, FORM, GROUP, TEAM, TestApp, form, rules, until};

async fn opened(app: &TestApp, name: &str, callback: &str) -> Value {
    let before = app.fake.desk().views.len();
    let reply = app.send(&app.shortcut(name, callback)).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    until("a window", || app.fake.desk().views.get(before).cloned())
        .await
        .1
}

fn ids(view: &Value) -> Vec<String> {
    let blocks = view["blocks"].as_array().unwrap();
    let named = |block: &Value| {
        let action = block["element"]["action_id"].as_str();
        format!(
            "{} {} {}",
            block["type"].as_str().unwrap(),
            block["block_id"].as_str().unwrap_or("-"),
            action.unwrap_or("-")
        )
    };
    blocks.iter().map(named).collect()
}

fn says(view: &Value) -> String {
    view["blocks"][0]["text"]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn the_forms_have_their_parts_in_order() {
    let app = TestApp::new().await;
    let view = opened(&app, "ana", "request_for_access").await;
    assert_eq!(view["title"]["text"], "Get AWS access");
    assert_eq!(
        (&view["submit"]["text"], &view["close"]["text"]),
        (&json!("Request"), &json!("Cancel"))
    );
    assert_eq!(
        ids(&view),
        [
            "section greeting -",
            "divider - -",
            "input duration_picker duration_picker_action",
            "input provide_reason provided_reason",
            "input select_account selected_account",
            "input select_permission_set selected_permission_set",
            "input select_more selected_more",
            "input start_picker start_picker_action",
            "divider - -",
            "context recorded -",
        ]
    );
    assert_eq!(
        says(&view),
        "Hi Ana. Access ends automatically at the time you pick."
    );
    let durations = view["blocks"][2]["element"]["options"].as_array().unwrap();
    assert_eq!(
        (
            durations.len(),
            &durations[0]["text"]["text"],
            &durations[47]["text"]["text"]
        ),
        (48, &json!("30m"), &json!("1d"))
    );
    let view = opened(&app, "ana", "request_for_group_membership").await;
    assert_eq!(view["title"]["text"], "Get group access");
    assert_eq!(ids(&view)[4], "input select_group selected_group");
    assert_eq!(view["callback_id"], "request_for_group_access_submitted");
}

#[tokio::test]
async fn who_cannot_ask_reads_why() {
    let app = TestApp::new().await;
    for (name, words) in [
        (
            "gia",
            "Your Slack account belongs to another workspace, so I can't match you.",
        ),
        (
            "two",
            "Your e-mail matches more than one person. An admin must fix that first.",
        ),
        (
            "new",
            "No person in Identity Center has your e-mail. Ask platform@corp.example.",
        ),
    ] {
        assert_eq!(
            says(&opened(&app, name, "request_for_access").await),
            words,
            "{name}"
        );
    }
    app.access
        .set_rules(rules(r#"{"statements": []}"#), "test")
        .await
        .unwrap();
    app.clock.advance(TimeSpan::minutes(1));
    let view = opened(&app, "ana", "request_for_access").await;
    assert_eq!(
        says(&view),
        "No rule lets you request anything yet. Ask platform@corp.example."
    );
    assert!(view.get("submit").is_none());
    app.know_nothing();
    let view = opened(&app, "cai", "request_for_access").await;
    assert!(
        says(&view).starts_with("No person in Identity Center"),
        "{view}"
    );
}

#[tokio::test]
async fn choices_are_what_this_person_may_ask_for() {
    let app = TestApp::new().await;
    let narrowed = r#"{"statements": [
        {"ResourceType": "Account", "Resource": "111111111111", "PermissionSet": ["Admin", "ReadOnly"], "Approvers": "cai@corp.example"},
        {"ResourceType": "Account", "Resource": "222222222222", "PermissionSet": "Root", "AllowedUsers": "eve@corp.example", "Approvers": "cai@corp.example"}]}"#;
    app.access.set_rules(rules(narrowed), "test").await.unwrap();
    let suggest = |name: &str, action: &str, typed: &str, account: Option<&str>| {
        let mut payload = app.submission(name, FORM, "", &json!({}));
        payload["type"] = json!("block_suggestion");
        payload["action_id"] = json!(action);
        payload["value"] = json!(typed);
        if let Some(account) = account {
            payload["view"]["state"]["values"] = json!({"select_account": {"selected_account": {"selected_option": {"value": account}}}});
        }
        payload
    };
    for (name, action, typed, account, wanted) in [
        ("ana", "selected_account", "", None, vec![ACCOUNT]),
        ("eve", "selected_account", "", None, vec![ACCOUNT, TEAM]),
        ("eve", "selected_account", "team", None, vec![TEAM]),
        ("eve", "selected_account", "2222", None, vec![TEAM]),
        (
            "ana",
            "selected_permission_set",
            "",
            Some(ACCOUNT),
            vec!["Admin", "ReadOnly"],
        ),
        (
            "ana",
            "selected_permission_set",
            "read",
            Some(ACCOUNT),
            vec!["ReadOnly"],
        ),
        ("ana", "selected_permission_set", "", Some(TEAM), vec![]),
        (
            "eve",
            "selected_permission_set",
            "",
            Some(TEAM),
            vec!["Root"],
        ),
        ("fox", "selected_account", "", None, vec![]),
    ] {
        let reply = app.send(&suggest(name, action, typed, account)).await;
        let options: Value = serde_json::from_str(&reply.body).unwrap();
        let found: Vec<&str> = options["options"]
            .as_array()
            .unwrap()
            .iter()
            .map(|option| option["value"].as_str().unwrap())
            .collect();
        assert_eq!(found, wanted, "{name} {action} {typed}");
    }
}

#[tokio::test]
async fn what_is_chosen_is_explained() {
    let app = TestApp::new().await;
    let chosen = |set: &str| {
        let mut payload = app.submission("ana", FORM, "", &form(ACCOUNT, set, "x"));
        payload["type"] = json!("block_actions");
        payload["actions"] = json!([{"action_id": "selected_permission_set", "type": "external_select", "selected_option": {"value": set}}]);
        payload
    };
    for (set, hint) in [
        (
            "Admin",
            "1 of Cai Example, Dee Example, Off Example decides. At most 1d.",
        ),
        (
            "Root",
            "2 of Cai Example, Dee Example, Eve Example decide. At most 1d.",
        ),
        (
            "ReadOnly",
            "No approval needed, by rule `read`. At most 1d.",
        ),
        (
            "Lonely",
            "No one can approve this for you. Rule `lonely` lists you, and too few others.",
        ),
    ] {
        let before = app.fake.desk().views.len();
        app.send(&chosen(set)).await;
        let view = until("the form again", || {
            app.fake.desk().views.get(before).cloned()
        })
        .await
        .1;
        assert_eq!(view["blocks"][5]["block_id"], "account_note");
        assert_eq!(view["blocks"][5]["elements"][0]["text"], "Card data.");
        assert_eq!(view["blocks"][6]["hint"]["text"], hint, "{set}");
    }
    app.ask("ana", "Admin").await;
    let before = app.fake.desk().views.len();
    app.send(&chosen("Admin")).await;
    let view = until("the form again", || {
        app.fake.desk().views.get(before).cloned()
    })
    .await
    .1;
    assert!(
        view.to_string().contains(
            "You requested this at 20:26 UTC already; it waits. <https://h.example/requests/req_"
        ),
        "{view}"
    );
    app.live_grant("ana").await;
    let before = app.fake.desk().views.len();
    app.send(&chosen("ReadOnly")).await;
    let view = until("the form again", || {
        app.fake.desk().views.get(before).cloned()
    })
    .await
    .1;
    assert!(view.to_string().contains("You hold this until "), "{view}");
}

#[tokio::test]
async fn what_is_wrong_is_said_on_its_field() {
    let app = TestApp::new().await;
    let long = "x".repeat(1001);
    for (account, set, reason, block, words) in [
        (
            ACCOUNT,
            "Admin",
            " ",
            "provide_reason",
            "Say in a few words why.",
        ),
        (
            ACCOUNT,
            "Admin",
            long.as_str(),
            "provide_reason",
            "At most 1,000 characters; this has 1,001.",
        ),
        (
            ACCOUNT,
            "Nothing",
            "why",
            "select_permission_set",
            "There is no permission set `Nothing`.",
        ),
        (
            "333333333333",
            "Admin",
            "why",
            "select_account",
            "There is no account `333333333333` in the organization.",
        ),
        (
            ACCOUNT,
            "Lonely",
            "why",
            "select_permission_set",
            "No one can approve 111111111111 / Lonely for you. Rule `lonely` lists too few others.",
        ),
    ] {
        let reply = app
            .send(&app.submission("ana", FORM, "", &form(account, set, reason)))
            .await;
        let errors: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        assert_eq!(
            errors,
            json!({"response_action": "errors", "errors": {block: words}}),
            "{set} {reason}"
        );
    }
    let mut short = form(ACCOUNT, "Admin", "why");
    short["duration_picker"]["duration_picker_action"]["selected_option"]["value"] =
        json!("604800");
    let reply = app.send(&app.submission("ana", FORM, "", &short)).await;
    assert!(
        reply.body.contains("\"duration_picker\":\"At most 1d.\""),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn reasons_and_names_arrive_byte_for_byte() {
    let app = TestApp::new().await;
    let reason = "a: b: c & <d>\n`*_~ <!channel> <@UCAI>";
    app.send(&app.submission("ana", FORM, "", &form(TEAM, "Admin", reason)))
        .await;
    app.tell().await;
    let request = app.requests().await.remove(0);
    assert_eq!(request.reason, reason);
    assert_eq!(
        request.wanted,
        Wanted::Account {
            account: TEAM.to_owned(),
            permission_set: "Admin".to_owned()
        }
    );
    let content = app.head(request.id).blocks()[1].clone();
    let fields: Vec<&str> = content["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["text"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "*Who*\n<@UANA>",
            "Account\nTeam: Prod #2 #222222222222",
            "Role\nAdmin",
            "Why\na: b: c &amp; &lt;d&gt;\n`*_~ &lt;!channel&gt; &lt;@UCAI&gt;",
            "*For*\n2h",
        ]
    );
    // no foreign text is in a formatting element
    for field in content["fields"].as_array().unwrap() {
        let is_ours = ["*Who*\n<@UANA>", "*For*\n2h"].contains(&field["text"].as_str().unwrap());
        let kind = if is_ours { "mrkdwn" } else { "plain_text" };
        assert_eq!(field["type"], kind, "{field}");
        assert_eq!(field["emoji"] == false, !is_ours, "{field}");
    }
    let records = hallpass_audit::AuditStore::records_from(app.store.as_ref(), 1, 100)
        .await
        .unwrap();
    assert!(
        records
            .iter()
            .any(|record| record.fields()["reason"] == reason)
    );
}

#[tokio::test]
async fn access_is_asked_for_from_a_later_time_on_and_the_card_says_so() {
    let app = TestApp::new().await;
    let now = hallpass_base::Clock::now(app.clock.as_ref());
    let at = |hours| TimeSpan::hours(hours).after(now).as_second();
    let mut values = form(ACCOUNT, "Admin", "OPS-1: tonight");
    let mut starts = |seconds: Option<i64>| {
        values["start_picker"]["start_picker_action"] =
            json!({"type": "datetimepicker", "selected_date_time": seconds});
        app.submission("ana", FORM, "", &values)
    };
    let late = app.send(&starts(Some(at(31 * 24)))).await;
    assert!(
        late.body.contains("\"start_picker\":\"At the latest "),
        "{}",
        late.body
    );
    app.send(&starts(Some(at(3)))).await;
    app.tell().await;
    let requests = app.requests().await;
    let request = requests.iter().find(|it| it.start.is_some()).unwrap();
    assert_eq!(request.start.as_ref().unwrap().at.as_second(), at(3));
    let head = app.head(request.id);
    let length = &head.blocks()[1]["fields"][4]["text"];
    let length = length.as_str().unwrap();
    assert!(
        length.starts_with("*For*\n2h from ") && length.ends_with(" UTC"),
        "{length}"
    );
    app.send(&starts(None)).await;
    let requests = app.requests().await;
    assert!(requests.iter().any(|it| it.start.is_none()));
}

#[tokio::test]
async fn a_thousand_ampersands_are_asked_and_shown_cut() {
    let app = TestApp::new().await;
    let reason = "&".repeat(1000);
    app.send(&app.submission("ana", FORM, "", &form(ACCOUNT, "Admin", &reason)))
        .await;
    app.tell().await;
    let request = app.requests().await.remove(0);
    assert_eq!(request.reason, reason);
    let why = app.head(request.id).blocks()[1]["fields"][3]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        why.chars().count() <= 2000 && why.ends_with("&amp;…"),
        "{why}"
    );
}

#[tokio::test]
async fn groups_are_asked_for_as_groups() {
    let app = TestApp::new().await;
    let values = json!({
        "duration_picker": {"duration_picker_action": {"selected_option": {"value": "3600"}}},
        "provide_reason": {"provided_reason": {"value": "shift"}},
        "select_group": {"selected_group": {"selected_option": {"value": GROUP}}},
    });
    app.send(&app.submission("ana", "request_for_group_access_submitted", "", &values))
        .await;
    app.tell().await;
    let request = app.requests().await.remove(0);
    let head = app.head(request.id);
    assert_eq!(
        head.title(),
        ":large_yellow_circle: Group request :large_yellow_circle:"
    );
    assert!(
        head.blocks()
            .to_string()
            .contains(&format!("Group\\noncall #{GROUP}")),
        "{}",
        head.blocks()
    );
    let mut wrong = values;
    wrong["select_group"]["selected_group"]["selected_option"]["value"] = json!(ACCOUNT);
    let reply = app
        .send(&app.submission("ana", "request_for_group_access_submitted", "", &wrong))
        .await;
    assert!(reply.body.contains("\"select_group\""), "{}", reply.body);
}

#[tokio::test]
async fn asking_twice_says_so_with_the_link() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let reply = app
        .send(&app.submission("ana", FORM, "", &form(ACCOUNT, "Admin", "again")))
        .await;
    assert!(
        reply.body.contains("You requested this at")
            && reply.body.contains(&request.id.to_string()),
        "{}",
        reply.body
    );
    assert_eq!(app.requests().await.len(), 1);
}

#[tokio::test]
async fn a_repeated_submission_is_one_request() {
    let app = TestApp::new().await;
    let sent = app.submission("ana", FORM, "", &form(ACCOUNT, "ReadOnly", "once"));
    for _ in 0..3 {
        // Slack signs a repetition again
        app.clock.advance(TimeSpan::seconds(1));
        assert_eq!(app.send(&sent).await.body, "");
    }
    assert_eq!(app.requests().await.len(), 1);
    let mut corrected = sent.clone();
    corrected["view"]["state"]["values"]["select_permission_set"]["selected_permission_set"]["selected_option"]
        ["value"] = json!("Admin");
    app.clock.advance(TimeSpan::seconds(1));
    assert_eq!(app.send(&corrected).await.body, "");
    assert_eq!(app.requests().await.len(), 2);
}

#[tokio::test]
async fn the_form_is_answered_in_time_when_aws_is_stalled() {
    let app = TestApp::new().await;
    // known people and an old directory: the request needs AWS, which does not answer
    opened(&app, "ana", "request_for_access").await;
    app.stall_aws();
    let view = opened(&app, "ana", "request_for_access").await;
    assert_eq!(view["title"]["text"], "Get AWS access");
    let start = std::time::Instant::now();
    let reply = app
        .send(&app.submission("ana", FORM, "", &form(ACCOUNT, "ReadOnly", "now")))
        .await;
    assert!(
        start.elapsed() < std::time::Duration::from_millis(900),
        "{:?}",
        start.elapsed()
    );
    assert!(reply.body.contains("Still working on it"), "{}", reply.body);
    let before = app.fake.desk().views.len();
    // the journey gives up on AWS after five seconds, and does not use data an hour old
    let start = std::time::Instant::now();
    while app.fake.desk().views.len() == before && start.elapsed().as_secs() < 10 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let page = app.fake.desk().views.last().unwrap().1.to_string();
    let words = "The directory cannot be read, it was last read at 2026-05-28 20:26:40 UTC (cannot read \
                 the organization: it is still being read): no access is given and nothing is decided by \
                 what is that old; access can be ended early and revoked.";
    assert!(page.contains(words), "{page}");
    assert!(app.requests().await.is_empty());
}

#[tokio::test]
async fn whoever_wants_to_ask_is_told_first_that_nothing_is_given_now() {
    let app = TestApp::new().await;
    opened(&app, "ana", "request_for_access").await;
    app.silence_aws();
    let view = opened(&app, "ana", "request_for_access").await;
    assert_eq!(view["callback_id"], "hallpass_words_page", "{view}");
    let words = view["blocks"][0]["text"]["text"].as_str().unwrap();
    assert!(
        words.starts_with("The directory cannot be read, it was last read at "),
        "{words}"
    );
}

#[tokio::test]
async fn a_slow_slack_gets_a_window_first_and_its_form_then() {
    let app = TestApp::new().await;
    app.fake.fail("users.info", &[Fault::Hangs]);
    let view = opened(&app, "ana", "request_for_access").await;
    assert_eq!(view["blocks"][0]["block_id"], "loading");
}

#[tokio::test]
async fn an_extension_is_prefilled_and_asked_for() {
    let app = TestApp::new().await;
    let request = app.live_grant("ana").await;
    let head = app.head(request.id);
    app.send(&app.press("ana", "extend", &request.id.to_string(), &head))
        .await;
    let view = until("a window", || app.fake.desk().views.last().cloned())
        .await
        .1;
    assert_eq!(view["callback_id"], "hallpass_extend_submitted");
    assert!(
        view.to_string()
            .contains("Without an answer, access still ends 22:26 UTC."),
        "{view}"
    );
    assert!(
        view.to_string()
            .contains("\"initial_value\":\"OPS-1: why not\""),
        "{view}"
    );
    let ends = view["blocks"][1]["element"]["options"].as_array().unwrap();
    let ends: Vec<&str> = ends
        .iter()
        .map(|it| it["text"]["text"].as_str().unwrap())
        .collect();
    assert_eq!(ends.first(), Some(&"to 22:57 UTC, +30m"), "{ends:?}");
    assert!(
        ends.iter()
            .all(|end| end.starts_with("to ") && end.contains(", +")),
        "{ends:?}"
    );
    let mut values = form(ACCOUNT, "ReadOnly", "longer");
    values["duration_picker"]["duration_picker_action"]["selected_option"]["value"] = json!("1800");
    let metadata = view["private_metadata"].as_str().unwrap();
    let reply = app
        .send(&app.submission("ana", "hallpass_extend_submitted", metadata, &values))
        .await;
    assert!(
        reply
            .body
            .contains("\"duration_picker\":\"You hold this until "),
        "{}",
        reply.body
    );
    values["duration_picker"]["duration_picker_action"]["selected_option"]["value"] =
        json!("10800");
    let reply = app
        .send(&app.submission("ana", "hallpass_extend_submitted", metadata, &values))
        .await;
    assert_eq!(reply.body, "");
    app.tell().await;
    assert!(
        app.fake
            .replies()
            .iter()
            .any(|said| said.starts_with("Extended. Ends 23:27 UTC")),
        "{:?}",
        app.fake.replies()
    );
    let reply = app
        .send(&app.submission("cai", "hallpass_extend_submitted", metadata, &values))
        .await;
    assert!(reply.body.contains("errors"), "{}", reply.body);
}

#[tokio::test]
async fn slash_commands_open_the_same_windows() {
    let app = TestApp::new().await;
    for (text, callback) in [
        ("", FORM),
        (" GROUP ", "request_for_group_access_submitted"),
        ("mine", "hallpass_my_access_page"),
        ("done", "hallpass_my_access_page"),
    ] {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("command", "/access")
            .append_pair("text", text)
            .append_pair("user_id", "UANA")
            .append_pair("team_id", "T1")
            .append_pair("trigger_id", "t")
            .finish();
        let at = app.now().as_second();
        let signature =
            hallpass_channels::slack::sign(&crate::test_app::secret(), at, body.as_bytes());
        let at = at.to_string();
        let signed = hallpass_channels::slack::Signed {
            timestamp: Some(&at),
            signature: Some(&signature),
        };
        let before = app.fake.desk().views.len();
        let reply = app.slack.call(&signed, body.as_bytes()).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, ""));
        let view = until("a window", || app.fake.desk().views.get(before).cloned())
            .await
            .1;
        assert_eq!(view["callback_id"], callback, "{text}");
    }
}

fn with_more(set: &str, more: &[&str]) -> Value {
    let mut values = form(ACCOUNT, set, "both of them");
    let chosen: Vec<Value> = more.iter().map(|id| json!({"value": id})).collect();
    values["select_more"] =
        json!({"selected_more": {"type": "multi_external_select", "selected_options": chosen}});
    values
}

#[tokio::test]
async fn more_accounts_are_asked_for_in_the_same_form() {
    let app = TestApp::new().await;
    let reply = app
        .send(&app.submission("ana", FORM, "", &with_more("Admin", &[TEAM])))
        .await;
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    let found = app.requests().await;
    let mut asked: Vec<_> = found.iter().map(|request| request.wanted.clone()).collect();
    asked.sort_by_key(|wanted| format!("{wanted:?}"));
    let admin = |account: &str| Wanted::Account {
        account: account.to_owned(),
        permission_set: "Admin".to_owned(),
    };
    assert_eq!(asked, [admin(ACCOUNT), admin(TEAM)]);
    assert_eq!(found[0].asked_with, [found[1].id]);
    app.send(&app.submission("ana", FORM, "", &with_more("Root", &[])))
        .await;
    let found = app.requests().await;
    assert_eq!(
        found.iter().filter(|it| it.asked_with.is_empty()).count(),
        1
    );
}

#[tokio::test]
async fn what_is_wrong_with_others_is_said_at_their_field() {
    let app = TestApp::new().await;
    for (set, more, blocks) in [
        ("Admin", "999999999999", vec!["select_more"]),
        ("Lonely", TEAM, vec!["select_more", "select_permission_set"]),
    ] {
        let reply = app
            .send(&app.submission("ana", FORM, "", &with_more(set, &[more])))
            .await;
        let said: Value = serde_json::from_str(&reply.body).unwrap();
        let errors = said["errors"].as_object().unwrap();
        let found: Vec<&str> = errors.keys().map(String::as_str).collect();
        assert_eq!(found, blocks, "{said}");
        let words = errors["select_more"].as_str().unwrap();
        assert!(words.contains(": "), "the account is named: {words}");
    }
    let all = app.requests().await;
    let is_rejected = |it: &hallpass_access::Request| it.state.name() == "rejected";
    assert_eq!(
        all.iter().filter(|it| is_rejected(it)).count(),
        3,
        "nothing was requested"
    );
    assert_eq!(all.len(), 3);
}
