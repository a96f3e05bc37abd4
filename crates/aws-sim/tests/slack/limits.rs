//! The limits of blocks and views (`simulator.md` K-2), each at its edge.
#![allow(
    clippy::needless_pass_by_value,
    reason = "tests write bodies where they are sent"
)]

use serde_json::{Value, json};

use super::app::{Pair, modal, plain};

fn long(count: usize) -> String {
    "x".repeat(count)
}

fn mrkdwn(count: usize) -> Value {
    json!({ "type": "mrkdwn", "text": long(count) })
}

fn option(text: usize, value: usize) -> Value {
    json!({ "text": plain(&long(text)), "value": long(value) })
}

fn section(text: Value) -> Value {
    json!([{ "type": "section", "text": text }])
}

fn actions(element: Value) -> Value {
    json!([{ "type": "actions", "elements": [element] }])
}

fn button(text: usize, value: usize) -> Value {
    json!({ "type": "button", "text": plain(&long(text)), "value": long(value) })
}

fn select(options: Vec<Value>) -> Value {
    json!({ "type": "static_select", "options": options })
}

fn many(count: usize, one: Value) -> Vec<Value> {
    vec![one; count]
}

/// Message blocks, and the place of the first problem; empty: valid.
type Row = (Value, &'static str);

fn blocks() -> Vec<Row> {
    let divider = json!({ "type": "divider" });
    vec![
        (json!(many(50, divider.clone())), ""),
        (json!(many(51, divider)), "/blocks"),
        (section(mrkdwn(3_000)), ""),
        (section(mrkdwn(3_001)), "/blocks/0/text/text"),
        (section(mrkdwn(0)), "/blocks/0/text/text"),
        (section(json!("text")), "/blocks/0/text"),
        (
            json!([{ "type": "section", "fields": many(10, mrkdwn(1)) }]),
            "",
        ),
        (
            json!([{ "type": "section", "fields": many(11, mrkdwn(1)) }]),
            "/blocks/0/fields",
        ),
        (
            json!([{ "type": "section", "fields": [mrkdwn(2_000)] }]),
            "",
        ),
        (
            json!([{ "type": "section", "fields": [mrkdwn(2_001)] }]),
            "/blocks/0/fields/0/text",
        ),
        (json!([{ "type": "section" }]), "/blocks/0"),
        (json!([{ "type": "header", "text": plain(&long(150)) }]), ""),
        (
            json!([{ "type": "header", "text": plain(&long(151)) }]),
            "/blocks/0/text/text",
        ),
        (
            json!([{ "type": "header", "text": mrkdwn(1) }]),
            "/blocks/0/text/type",
        ),
    ]
}

fn rows_of_elements() -> Vec<Row> {
    vec![
        (
            json!([{ "type": "context", "elements": many(10, mrkdwn(1)) }]),
            "",
        ),
        (
            json!([{ "type": "context", "elements": many(11, mrkdwn(1)) }]),
            "/blocks/0/elements",
        ),
        (
            json!([{ "type": "actions", "elements": many(25, button(1, 1)) }]),
            "",
        ),
        (
            json!([{ "type": "actions", "elements": many(26, button(1, 1)) }]),
            "/blocks/0/elements",
        ),
        (actions(button(75, 2_000)), ""),
        (actions(button(76, 1)), "/blocks/0/elements/0/text/text"),
        (actions(button(1, 2_001)), "/blocks/0/elements/0/value"),
        (
            actions(json!({ "type": "button", "text": mrkdwn(1) })),
            "/blocks/0/elements/0/text/type",
        ),
        (
            actions(json!({ "type": "button", "text": plain("x"), "url": long(3_001) })),
            "/blocks/0/elements/0/url",
        ),
        (
            actions(json!({ "type": "button", "text": plain("x"), "style": "loud" })),
            "/blocks/0/elements/0/style",
        ),
        (
            actions(json!({ "type": "button", "text": plain("x"), "action_id": long(256) })),
            "/blocks/0/elements/0/action_id",
        ),
        (
            actions(json!({ "type": "lever" })),
            "/blocks/0/elements/0/type",
        ),
        (
            actions(json!({ "type": "plain_text_input" })),
            "/blocks/0/elements/0/type",
        ),
    ]
}

fn rows_of_selects() -> Vec<Row> {
    vec![
        (actions(select(many(100, option(75, 150)))), ""),
        (
            actions(select(many(101, option(1, 1)))),
            "/blocks/0/elements/0/options",
        ),
        (
            actions(select(many(1, option(76, 1)))),
            "/blocks/0/elements/0/options/0/text/text",
        ),
        (
            actions(select(many(1, option(1, 151)))),
            "/blocks/0/elements/0/options/0/value",
        ),
        (actions(select(vec![])), "/blocks/0/elements/0/options"),
        (
            actions(json!({ "type": "static_select", "option_groups":
                many(101, json!({ "label": plain("l"), "options": [option(1, 1)] })) })),
            "/blocks/0/elements/0/option_groups",
        ),
        (
            actions(json!({ "type": "external_select", "placeholder": plain(&long(151)) })),
            "/blocks/0/elements/0/placeholder/text",
        ),
    ]
}

fn rows_of_kinds_and_ids() -> Vec<Row> {
    let input = json!({ "type": "plain_text_input" });
    vec![
        (json!([{ "type": "carousel" }]), "/blocks/0/type"),
        (json!([{ "text": plain("x") }]), "/blocks/0"),
        (
            json!([{ "type": "divider", "block_id": long(256) }]),
            "/blocks/0/block_id",
        ),
        (
            json!([{ "type": "divider", "block_id": "a" }, { "type": "divider", "block_id": "a" }]),
            "/blocks/1/block_id",
        ),
        (
            json!([{ "type": "input", "label": plain("l"), "element": input }]),
            "/blocks/0/type",
        ),
        (json!({ "type": "divider" }), "/blocks"),
    ]
}

fn messages(said: &Value) -> Vec<String> {
    let found = said["response_metadata"]["messages"].as_array().cloned();
    let found = found.unwrap_or_default();
    found
        .iter()
        .map(|one| one.as_str().unwrap().to_owned())
        .collect()
}

fn is_right(said: &Value, error: &str, place: &str) -> bool {
    if place.is_empty() {
        return said["ok"] == true;
    }
    let named = format!("[json-pointer:{place}]");
    let all = messages(said);
    let is_named = all.first().is_some_and(|one| one.ends_with(&named));
    said["error"] == error && is_named
}

#[tokio::test]
async fn every_limit_of_blocks_holds_at_its_edge() {
    let pair = Pair::new().await;
    let mut wrong = Vec::new();
    let rows = [
        blocks(),
        rows_of_elements(),
        rows_of_selects(),
        rows_of_kinds_and_ids(),
    ];
    for (index, (blocks, place)) in rows.concat().into_iter().enumerate() {
        let body = json!({ "channel": "C0ACCESS", "text": "t", "blocks": blocks });
        let said = pair.api("chat.postMessage", body).await;
        if !is_right(&said, "invalid_blocks", place) {
            wrong.push(format!("row {index}, `{place}`: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn views() -> Vec<Row> {
    let with = |pointer: &str, value: Value| {
        let mut view = modal();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        view.pointer_mut(parent).unwrap()[key] = value;
        view
    };
    let without = |key: &str| {
        let mut view = modal();
        view.as_object_mut().unwrap().shift_remove(key);
        view
    };
    let divider = json!({ "type": "divider" });
    let mut hundred = modal();
    hundred["blocks"] = json!(many(100, divider.clone()));
    let mut more = modal();
    more["blocks"] = json!(many(101, divider));
    let mut crowd = modal();
    let mut twice = crowd["blocks"][3].clone();
    twice["element"]["max_length"] = json!(3_001);
    crowd["blocks"][3] = twice;
    vec![
        (modal(), ""),
        (hundred, ""),
        (more, "/view/blocks"),
        (with("/title", plain(&long(24))), ""),
        (with("/title", plain(&long(25))), "/view/title/text"),
        (with("/title", mrkdwn(3)), "/view/title/type"),
        (with("/submit", plain(&long(25))), "/view/submit/text"),
        (with("/close", plain(&long(25))), "/view/close/text"),
        (with("/callback_id", json!(long(255))), ""),
        (with("/callback_id", json!(long(256))), "/view/callback_id"),
        (with("/private_metadata", json!(long(3_000))), ""),
        (
            with("/private_metadata", json!(long(3_001))),
            "/view/private_metadata",
        ),
        (
            with("/blocks/3/label", plain(&long(2_001))),
            "/view/blocks/3/label/text",
        ),
        (
            with("/blocks/3/label", mrkdwn(1)),
            "/view/blocks/3/label/type",
        ),
        (crowd, "/view/blocks/3/element/max_length"),
        (without("title"), "/view"),
        (without("blocks"), "/view"),
        (without("submit"), "/view"),
        (with("/type", json!("window")), "/view/type"),
    ]
}

#[tokio::test]
async fn every_limit_of_views_holds_at_its_edge() {
    let pair = Pair::new().await;
    let mut wrong = Vec::new();
    for (index, (view, place)) in views().into_iter().enumerate() {
        pair.act(json!({ "user": "U0MARA", "shortcut": "x" })).await;
        let trigger = pair.heard()["trigger_id"].clone();
        let said = pair
            .api("views.open", json!({ "trigger_id": trigger, "view": view }))
            .await;
        if !is_right(&said, "invalid_arguments", place) {
            wrong.push(format!("row {index}, `{place}`: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn limits_count_the_escaped_text() {
    let pair = Pair::new().await;
    let body = |count: usize| {
        let text = "&amp;".repeat(count);
        json!({ "channel": "C0ACCESS", "text": "t",
                "blocks": section(json!({ "type": "mrkdwn", "text": text })) })
    };
    assert_eq!(pair.api("chat.postMessage", body(600)).await["ok"], true);
    assert_eq!(
        pair.api("chat.postMessage", body(601)).await["error"],
        "invalid_blocks"
    );
}
