//! Every alert message in every channel, as a committed file. `BLESS=1` rewrites it.

use std::fmt::Write as _;

use hallpass_alerts::{
    AlertMessage, AlertNews, AlertRowKey, AlertSeverity, BlockedBy, ListedRows, RowNews, ToldRow,
};
use hallpass_channels::wording::alert::{alert_letter, alert_text};
use hallpass_channels::wording::shown;
use hallpass_store_testing::{a_blocked_alert, an_alert, at};
use serde_json::{Map, Value, json};

use crate::golden;

/// A malicious name.
const HOSTILE: &str = "eve \u{202e}<!channel>\u{200b}\r\n{account_id} =1+1";

fn row(name: &str, flap_count: u32) -> ToldRow {
    let values = json!({"account_id": "222222222222", "user_name": name, "last_used": null, "tags": {"a": 1}});
    let values: Map<String, Value> = serde_json::from_value(values).unwrap();
    ToldRow {
        key: AlertRowKey::of(&values, &["account_id".to_owned(), "user_name".to_owned()]),
        values,
        since: at(1),
        flap_count,
    }
}

fn listed(rows: Vec<ToldRow>) -> ListedRows {
    ListedRows {
        count: rows.len() as u64,
        rows,
    }
}

fn rows(news: RowNews, template: Option<&str>) -> AlertMessage {
    AlertMessage {
        template: template.map(str::to_owned),
        news: AlertNews::Rows(news),
        ..an_alert()
    }
}

fn blocked(why: BlockedBy) -> AlertMessage {
    let since = at(1);
    AlertMessage {
        news: AlertNews::Blocked { since, why },
        severity: AlertSeverity::Critical,
        ..an_alert()
    }
}

fn cases() -> Vec<(&'static str, AlertMessage)> {
    let template =
        Some("{user_name} in {account_id} has {{keys}}, last used {last_used}; {absent}");
    let tables = vec!["aws_iam_users".to_owned(), "okta_users".to_owned()];
    let new = RowNews {
        new: listed(vec![row("ana", 0), row(HOSTILE, 2)]),
        recovered: listed(vec![row("ben", 1)]),
        still: listed(vec![row("cho", 0)]),
        ..RowNews::default()
    };
    let many = RowNews {
        new: ListedRows {
            count: 4_812,
            rows: Vec::new(),
        },
        recovered: listed(vec![row("ben", 0)]),
        file: Some("_alerts/keys-unused-20261120T000000Z.jsonl".to_owned()),
        ..RowNews::default()
    };
    let again = RowNews {
        blocked_since: Some(at(60)),
        ..RowNews::default()
    };
    let again_with = RowNews {
        recovered: listed(vec![row("ben", 3)]),
        ..again.clone()
    };
    let accounts = ["1", "2", "3", "4", "5"].map(str::to_owned).to_vec();
    vec![
        ("rows", rows(new.clone(), template)),
        ("rows, no words of the rule", rows(new, None)),
        ("too many rows", rows(many, template)),
        ("runs again", rows(again, template)),
        ("runs again, with rows", rows(again_with, template)),
        ("partial data", a_blocked_alert()),
        (
            "carried data",
            blocked(BlockedBy::CarriedData {
                tables: tables.clone(),
            }),
        ),
        ("not collected", blocked(BlockedBy::NotCollected { tables })),
        (
            "fewer accounts",
            blocked(BlockedBy::FewerAccounts {
                accounts,
                count: 12,
            }),
        ),
        (
            "query failed",
            blocked(BlockedBy::QueryFailed {
                message: format!("E_SQL_TABLE: there is no table `{HOSTILE}`."),
            }),
        ),
    ]
}

fn written(title: &str, told: &AlertMessage, out: &mut String) {
    let letter = alert_letter(told);
    // writing to a `String` cannot fail
    let _ = writeln!(
        out,
        "\n== {title}\nsubject: {}\nheadline: {}",
        letter.subject, letter.headline
    );
    for (label, value) in &letter.facts {
        let _ = writeln!(out, "  {label}: {value}");
    }
    for note in &letter.notes {
        let _ = writeln!(out, "  | {note}");
    }
    let _ = writeln!(out, "slack:\n{}", shown(&alert_text(told), 2_800));
}

#[test]
fn alerts_read_as_the_file_says() {
    let mut found = String::from("What each message of alerts says. `BLESS=1` writes this file.\n");
    for (title, told) in cases() {
        written(title, &told, &mut found);
    }
    assert!(!found.contains("slack:\n<!channel>"));
    golden::check("alerts.txt", &found);
}
