//! A test suite for export targets, run on an empty one.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "these are tests; their names say what holds"
)]

use futures_util::future::join_all;

use crate::{ExportSource, ExportTarget, SinkErrorKind};

pub trait ExportFolder: ExportTarget + ExportSource {}

impl<T: ExportTarget + ExportSource> ExportFolder for T {}

/// Runs every case under separate keys.
pub async fn a_place_for_exports_keeps_its_promises(place: &dyn ExportFolder) {
    what_was_put_is_read_back(place).await;
    what_was_put_is_never_written_over(place).await;
    what_tells_of_now_is_replaced(place).await;
    listings_are_ascending_and_begin_after(place).await;
    many_may_put_at_once(place).await;
}

async fn what_was_put_is_read_back(place: &dyn ExportFolder) {
    let bytes = "{\"reason\":\"ü & <c>\"}".as_bytes();
    assert_eq!(place.get("read/2026/01/05/a.json").await, Ok(None));
    place.put("read/2026/01/05/a.json", bytes).await.unwrap();
    let found = place.get("read/2026/01/05/a.json").await.unwrap();
    assert_eq!(found.as_deref(), Some(bytes));
    // Neither a folder nor a key prefix is an object.
    for absent in [
        "read/2026/01/05",
        "read/2026/01/05/a",
        "read/2026/01/05/a.json2",
    ] {
        assert_eq!(place.get(absent).await, Ok(None), "{absent}");
    }
}

async fn what_was_put_is_never_written_over(place: &dyn ExportFolder) {
    let key = "once/head.json";
    place.put(key, b"one").await.unwrap();
    place.put(key, b"one").await.unwrap();
    for other in [b"two".as_slice(), b"", b"onetwo"] {
        let refused = place.put(key, other).await.unwrap_err();
        assert_eq!(refused.kind, SinkErrorKind::Taken, "{refused}");
    }
    assert_eq!(place.get(key).await, Ok(Some(b"one".to_vec())));
}

async fn what_tells_of_now_is_replaced(place: &dyn ExportFolder) {
    let key = "now/ends.jsonl";
    for text in ["one", "another", ""] {
        place.replace(key, text.as_bytes()).await.unwrap();
        assert_eq!(place.get(key).await, Ok(Some(text.as_bytes().to_vec())));
    }
}

async fn listings_are_ascending_and_begin_after(place: &dyn ExportFolder) {
    assert_eq!(place.list("listed/", None).await, Ok(Vec::new()));
    // `-` and `.` sort before `/`, so byte order differs from folder order.
    let keys = [
        "listed/2026-a.json",
        "listed/2026.json",
        "listed/2026/01/05/b.json",
        "listed/2026/01/05/c.json",
        "listed/2026/02/01/a.json",
        "listed/z.json",
    ];
    for key in keys.iter().rev() {
        place.put(key, b"x").await.unwrap();
    }
    assert_eq!(place.list("listed/", None).await.unwrap(), keys);
    let from_2026 = place.list("listed/2026/", None).await.unwrap();
    assert_eq!(from_2026, keys.get(2..5).unwrap());
    for (after, rest) in [
        ("listed/2026/01/05/b.json", 3),
        // Also an invalid key, and a folder.
        ("listed/2026/01/05/bb", 3),
        ("listed/2026/01/06", 4),
        ("listed/zz", 6),
        ("a", 0),
    ] {
        let found = place.list("listed/", Some(after)).await.unwrap();
        assert_eq!(found, keys.get(rest..).unwrap(), "after {after}");
    }
    let all = place
        .list("", Some("listed/2026/02/01/a.json"))
        .await
        .unwrap();
    assert_eq!(all.first().map(String::as_str), Some("listed/z.json"));
}

async fn many_may_put_at_once(place: &dyn ExportFolder) {
    let puts = (0..20).map(|_| place.put("many/same.json", b"same"));
    for put in join_all(puts).await {
        put.unwrap();
    }
    let texts: Vec<String> = (0..20).map(|n| format!("text {n}")).collect();
    let puts = texts
        .iter()
        .map(|text| place.put("many/raced.json", text.as_bytes()));
    let won = join_all(puts).await.into_iter().flatten().count();
    assert_eq!(won, 1, "one of many is there, whole");
    let found = place.get("many/raced.json").await.unwrap().unwrap();
    assert!(texts.iter().any(|text| text.as_bytes() == found));
}
