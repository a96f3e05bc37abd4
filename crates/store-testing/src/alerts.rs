use std::collections::{BTreeMap, BTreeSet};

use hallpass_alerts::{
    AlertMessage, AlertNews, AlertRow, AlertRowKey, AlertSeverity, AlertState, BlockedBy,
    ListedRows, Mute, RowNews, RowPhase, RulePhase, SliceFault, ToldRow,
};
use serde_json::{Map, Value};

use super::at;

pub fn an_alert_state() -> AlertState {
    let values = |name: &str| Map::from_iter([("user_name".to_owned(), Value::from(name))]);
    let row = |name: &str, phase| {
        let key = AlertRowKey::of(&values(name), &["user_name".to_owned()]);
        let row = AlertRow {
            values: values(name),
            first_seen: at(1),
            flap_count: 1,
            phase,
        };
        (key, row)
    };
    AlertState {
        rule: "keys/unused".parse().unwrap(),
        version: 0,
        file: "alerts.yaml".to_owned(),
        severity: AlertSeverity::High,
        key: vec!["user_name".to_owned()],
        asked_at: at(9),
        snapshot: Some("20261120T090000Z-00000002".to_owned()),
        believed: Some("20261120T030000Z-00000001".to_owned()),
        scope: BTreeSet::from(["aws_iam_users 222222222222 global".to_owned()]),
        phase: RulePhase::Blocked {
            since: at(9),
            why: partial_data(),
            told: true,
        },
        rows: BTreeMap::from([
            row(
                "ana",
                RowPhase::New {
                    snapshots: 1,
                    recovered_at: Some(at(3)),
                },
            ),
            row(
                "ben",
                RowPhase::Active {
                    since: at(2),
                    told_at: Some(at(2)),
                },
            ),
            row("cho", RowPhase::Recovered { at: at(4) }),
            row("dia", RowPhase::Retired { at: at(5) }),
        ]),
        mutes: vec![Mute {
            key: AlertRowKey::given("ben"),
            until: at(90),
            by: "ops".to_owned(),
            reason: "known".to_owned(),
            at: at(3),
        }],
    }
}

fn partial_data() -> BlockedBy {
    let fault = SliceFault {
        account: Some("222222222222".to_owned()),
        stage: "assume_role".to_owned(),
        code: "AccessDenied".to_owned(),
    };
    BlockedBy::PartialData {
        tables: BTreeMap::from([("aws_iam_users".to_owned(), vec![fault])]),
        failed: 1,
    }
}

pub fn an_alert() -> AlertMessage {
    AlertMessage {
        alert: "keys/unused".parse().unwrap(),
        severity: AlertSeverity::High,
        at: at(9),
        snapshot: Some("20261120T090000Z-00000002".to_owned()),
        template: Some("{user_name} has a key that is not used".to_owned()),
        news: AlertNews::Rows(RowNews {
            new: ListedRows {
                count: 1,
                rows: vec![ToldRow {
                    key: AlertRowKey::given("ana"),
                    values: Map::from_iter([("user_name".to_owned(), Value::from("ana"))]),
                    since: at(9),
                    flap_count: 2,
                }],
            },
            file: Some("_alerts/keys-unused.jsonl".to_owned()),
            blocked_since: Some(at(1)),
            ..RowNews::default()
        }),
        notify: vec![],
        mail_to: vec![],
    }
}

pub fn a_blocked_alert() -> AlertMessage {
    AlertMessage {
        news: AlertNews::Blocked {
            since: at(1),
            why: partial_data(),
        },
        ..an_alert()
    }
}
