//! Modals: opening, searching, choosing, submitting, and the app's answers.

use std::time::Duration;

use serde_json::{Value, json};

use super::app::{Pair, modal, plain};

const MARA: &str = "mara.lindqvist@example.com";

fn options(names: &[&str]) -> Value {
    let one = |name: &&str| json!({ "text": plain(name), "value": format!("id-{name}") });
    json!({ "options": names.iter().map(one).collect::<Vec<_>>() })
}

fn at(view: &str, block: &str, action: &str) -> Value {
    json!({ "view_id": view, "block_id": block, "action_id": action })
}

async fn searched(pair: &Pair, view: &str) -> Value {
    pair.says(200, &options(&["payments-prod", "payments-dev"]));
    let mut typed = at(view, "select_account", "selected_account");
    typed["query"] = json!("pay");
    pair.act(json!({ "user": MARA, "type": typed })).await
}

async fn chosen(pair: &Pair, view: &str) -> Value {
    searched(pair, view).await;
    pair.got();
    let mut choice = at(view, "select_account", "selected_account");
    choice["value"] = json!("id-payments-dev");
    pair.act(json!({ "user": MARA, "choose": choice })).await
}

fn submit(view: &str, reason: &str) -> Value {
    json!({ "user": MARA, "submit": { "view_id": view, "values": {
        "provide_reason": { "provided_reason": reason } } } })
}

#[tokio::test]
async fn a_trigger_lives_three_seconds_and_works_once() {
    let pair = Pair::new().await;
    let trigger = async || {
        pair.act(json!({ "user": MARA, "shortcut": "request_for_access" }))
            .await;
        let heard = pair.heard();
        assert_eq!(heard["type"], "shortcut");
        assert!(heard.get("channel").is_none());
        heard["trigger_id"].clone()
    };
    let open = async |trigger: &Value| {
        let said = pair
            .api(
                "views.open",
                json!({ "trigger_id": trigger, "view": modal() }),
            )
            .await;
        said["error"].as_str().unwrap_or("ok").to_owned()
    };
    let first = trigger().await;
    pair.tick(3_000);
    assert_eq!(open(&first).await, "ok");
    assert_eq!(open(&first).await, "exchanged_trigger_id");
    let second = trigger().await;
    pair.tick(3_001);
    assert_eq!(open(&second).await, "expired_trigger_id");
    assert_eq!(open(&json!("1.2.3")).await, "invalid_trigger_id");
}

#[tokio::test]
async fn wrong_or_late_suggestions_offer_nothing() {
    let pair = Pair::new().await;
    let view = pair.opened(modal()).await;
    let mut typed = at(&view, "select_account", "selected_account");
    typed["query"] = json!("pay");
    let typed = json!({ "user": MARA, "type": typed });
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = "x".repeat(76);
    for answer in [
        options(&many),
        options(&[&long]),
        json!({ "text": "x" }),
        Value::Null,
    ] {
        pair.says(200, &answer);
        let said = pair.act(typed.clone()).await;
        assert_eq!(said["options"], json!([]));
        assert!(said["wrong_answer"].is_string(), "{said}");
    }
    pair.says(200, &json!({ "options": [] }));
    assert!(pair.act(typed.clone()).await.get("wrong_answer").is_none());
    pair.says_late(200, options(&["x"]).to_string(), Duration::from_secs(4));
    let said = pair.act(typed).await;
    assert_eq!(
        (&said["options"], &said["delivered"][0]["late"]),
        (&json!([]), &json!(true))
    );
}

#[tokio::test]
async fn a_submission_carries_what_was_typed_and_chosen() {
    let pair = Pair::new().await;
    let view = pair.opened(modal()).await;
    let said = pair.act(submit(&view, "")).await;
    assert_eq!(
        said["delivered"],
        json!([]),
        "Slack itself checks required fields"
    );
    assert_eq!(
        said["errors"]["select_account"],
        "Please complete this required field."
    );
    let said = pair.act(submit(&view, &"x".repeat(1_001))).await;
    assert_eq!(
        said["errors"]["provide_reason"],
        "This entry may have at most 1000 characters."
    );
    chosen(&pair, &view).await;
    pair.got();
    let said = pair.act(submit(&view, "OPS-1 <!channel>")).await;
    assert_eq!(
        said["screen"]["modal"],
        Value::Null,
        "an empty answer closes it"
    );
    let told = pair.heard();
    assert_eq!(told["type"], "view_submission");
    assert_eq!(told["view"]["id"], json!(view));
    assert_eq!(
        told["view"]["callback_id"],
        "request_for__account_access_submitted"
    );
    assert_eq!(told["view"]["private_metadata"], "kept");
    let values = &told["view"]["state"]["values"];
    assert_eq!(
        values["provide_reason"]["provided_reason"],
        json!({ "type": "plain_text_input", "value": "OPS-1 <!channel>" })
    );
    assert_eq!(
        values["select_account"]["selected_account"]["selected_option"]["value"],
        "id-payments-dev"
    );
    let (status, _) = pair.post("act", submit(&view, "again")).await;
    assert_eq!(status, 409);
}

/// Status, answer; title on top afterwards (empty: none), levels, something seen.
fn answers() -> Vec<(u16, Value, &'static str, u64, bool)> {
    let other = |title: &str| {
        let mut view = modal();
        view["title"] = plain(title);
        view
    };
    vec![
        (200, json!({}), "", 0, false),
        (200, json!({ "response_action": "clear" }), "", 0, false),
        (
            200,
            json!({ "response_action": "errors", "errors": { "provide_reason": "why?" } }),
            "Get AWS access",
            1,
            false,
        ),
        (
            200,
            json!({ "response_action": "errors", "errors": { "duration_picker": "no input" } }),
            "Get AWS access",
            1,
            true,
        ),
        (
            200,
            json!({ "response_action": "update", "view": other("Done") }),
            "Done",
            1,
            false,
        ),
        (
            200,
            json!({ "response_action": "update", "view": {} }),
            "Get AWS access",
            1,
            true,
        ),
        (
            200,
            json!({ "response_action": "push", "view": other("More") }),
            "More",
            2,
            false,
        ),
        (
            200,
            json!({ "response_action": "dance" }),
            "Get AWS access",
            1,
            true,
        ),
        (500, Value::Null, "Get AWS access", 1, true),
        (200, json!("ok"), "Get AWS access", 1, true),
    ]
}

#[tokio::test]
async fn the_apps_answer_decides_what_becomes_of_the_modal() {
    let pair = Pair::new().await;
    for (status, answer, title, levels, seen) in answers() {
        let view = pair.opened(modal()).await;
        chosen(&pair, &view).await;
        pair.got();
        pair.says(status, &answer);
        let said = pair.act(submit(&view, "because")).await;
        pair.got();
        let screen = &said["screen"];
        let top = screen["modal"]["view"]["title"]["text"]
            .as_str()
            .unwrap_or_default();
        assert_eq!(
            (top, screen["levels"].as_u64().unwrap()),
            (title, levels),
            "{answer}"
        );
        assert_eq!(said.get("seen").is_some(), seen, "{answer}: {said}");
    }
}

#[tokio::test]
async fn updates_need_the_hash_and_keep_what_was_typed() {
    let pair = Pair::new().await;
    let view = pair.opened(modal()).await;
    let mut typed = at(&view, "provide_reason", "provided_reason");
    typed["query"] = json!("because");
    pair.act(json!({ "user": MARA, "type": typed })).await;
    let hash = pair.get("views").await["views"][0]["view"]["hash"].clone();
    let update = |hash: &Value| json!({ "view_id": view, "hash": hash, "view": modal() });
    let said = pair.ok("views.update", update(&hash)).await;
    let kept = &said["view"]["state"]["values"]["provide_reason"]["provided_reason"]["value"];
    assert_eq!(kept, "because");
    assert_eq!(
        pair.api("views.update", update(&hash)).await["error"],
        "hash_conflict"
    );
    let gone = json!({ "view_id": "V0NONE", "view": modal() });
    assert_eq!(pair.api("views.update", gone).await["error"], "not_found");
    let mut named = modal();
    named["external_id"] = json!("one");
    pair.ok("views.update", json!({ "view_id": view, "view": named }))
        .await;
    pair.ok(
        "views.update",
        json!({ "external_id": "one", "view": named }),
    )
    .await;
    pair.act(json!({ "user": "U0TOMASZ", "shortcut": "x" }))
        .await;
    let trigger = pair.heard()["trigger_id"].clone();
    let twice = json!({ "trigger_id": trigger, "view": named });
    assert_eq!(
        pair.api("views.open", twice).await["error"],
        "duplicate_external_id"
    );
}

#[tokio::test]
async fn three_modals_stand_on_one_another_and_closing_tells_who_wants_to_know() {
    let pair = Pair::new().await;
    let view = pair.opened(modal()).await;
    let push = async |view: &str| {
        chosen(&pair, view).await;
        let trigger = pair.heard()["trigger_id"].clone();
        let mut above = modal();
        above["notify_on_close"] = json!(true);
        pair.api(
            "views.push",
            json!({ "trigger_id": trigger, "view": above }),
        )
        .await
    };
    let second = push(&view).await["view"].clone();
    assert_eq!(second["previous_view_id"], json!(view));
    assert_eq!(second["root_view_id"], json!(view));
    let second = second["id"].as_str().unwrap().to_owned();
    let third = push(&second).await["view"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(push(&third).await["error"], "push_limit_reached");
    let (status, _) = pair.post("act", submit(&view, "x")).await;
    assert_eq!(status, 409, "only the topmost can be used");
    pair.got();
    pair.act(json!({ "user": MARA, "close": { "view_id": third } }))
        .await;
    let told = pair.heard();
    assert_eq!(
        (&told["type"], &told["is_cleared"]),
        (&json!("view_closed"), &json!(false))
    );
    let said = pair
        .act(json!({ "user": MARA, "close": { "view_id": second, "all": true } }))
        .await;
    assert_eq!(said["screen"]["levels"], 0);
    assert_eq!(pair.heard()["is_cleared"], true);
}

#[tokio::test]
async fn several_are_chosen_in_one_select_from_one_search_after_another() {
    let pair = Pair::new().await;
    let mut form = modal();
    let more = json!({ "type": "input", "block_id": "more", "label": plain("Also"), "optional": true,
        "element": { "type": "multi_external_select", "action_id": "chosen", "min_query_length": 0,
                     "placeholder": plain("None"), "max_selected_items": 19 } });
    form["blocks"].as_array_mut().unwrap().push(more);
    let view = pair.opened(form).await;
    chosen(&pair, &view).await;
    pair.got();
    let search = async |found: &[&str]| {
        pair.says(200, &options(found));
        let mut typed = at(&view, "more", "chosen");
        typed["query"] = json!("p");
        pair.act(json!({ "user": MARA, "type": typed })).await;
        pair.got();
    };
    let choose = async |values: &[&str]| {
        let mut choice = at(&view, "more", "chosen");
        choice["value"] = json!(values);
        pair.post("act", json!({ "user": MARA, "choose": choice }))
            .await
            .0
    };
    search(&["payments-dev"]).await;
    assert_eq!(choose(&["id-payments-dev"]).await, 200);
    search(&["orders-dev"]).await;
    assert_eq!(choose(&["id-payments-dev", "id-nobody"]).await, 400);
    // earlier choices stay, though the search offers them no more
    assert_eq!(choose(&["id-payments-dev", "id-orders-dev"]).await, 200);
    let drawn = pair.get("parts?as=U0MARA").await;
    let drawn = drawn["layer"].as_str().unwrap();
    for name in ["payments-dev", "orders-dev"] {
        assert!(
            drawn.contains(&format!("<li data-value=\"id-{name}\">")),
            "{drawn}"
        );
        assert!(drawn.contains(&format!("Take back {name}")), "{drawn}");
    }
    pair.says(200, &Value::Null);
    pair.act(submit(&view, "both")).await;
    let sent = pair.heard();
    let chosen = &sent["view"]["state"]["values"]["more"]["chosen"]["selected_options"];
    let values: Vec<_> = chosen
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["value"])
        .collect();
    assert_eq!(values, ["id-payments-dev", "id-orders-dev"]);
}
