use std::collections::{BTreeMap, BTreeSet};

use hallpass_alerts::{
    AlertMessage, AlertNews, AlertRule, AlertState, ReadTable, RowNews, RunAnswer, RunRows,
    SliceFault, advance, read,
};
use hallpass_base::{TimeSpan, Timestamp};
use serde_json::{Map, Value, json};

pub(crate) const FILE: &str = "alerts.yaml";

pub(crate) fn hour(hours: u64) -> Timestamp {
    TimeSpan::hours(hours).after("2026-11-20T00:00:00Z".parse().unwrap())
}

pub(crate) fn rules(more: &str) -> Vec<AlertRule> {
    let text = format!(
        "rules:\n- {{id: r, query: SELECT 1, every: 6h, key: [name], message: 'user {{name}}'{more}}}"
    );
    read(FILE, &text).unwrap()
}

pub(crate) fn row(name: &str) -> Map<String, Value> {
    Map::from_iter([("name".to_owned(), json!(name)), ("n".to_owned(), json!(1))])
}

fn table(accounts: &[&str], failed: &[&str]) -> ReadTable {
    let fault = |account: &&str| SliceFault {
        account: Some((*account).to_owned()),
        stage: "call".to_owned(),
        code: "AccessDenied".to_owned(),
    };
    ReadTable {
        table: "aws_iam_users".to_owned(),
        asked: accounts.iter().map(|it| format!("{it} global")).collect(),
        failed: failed.iter().map(fault).collect(),
        carried: 0,
    }
}

/// A result with two accounts read.
pub(crate) fn answer(snapshot: u32, rows: Vec<Map<String, Value>>) -> RunAnswer {
    RunAnswer {
        snapshot: Some(format!("20261120T000000Z-{snapshot:08x}")),
        tables: vec![table(&["1", "2"], &[])],
        members: Some(BTreeSet::from(["1".to_owned(), "2".to_owned()])),
        result: RunRows::Rows {
            columns: vec!["name".to_owned(), "n".to_owned()],
            rows,
        },
    }
}

pub(crate) fn names(snapshot: u32, names: &str) -> RunAnswer {
    answer(snapshot, names.split_whitespace().map(row).collect())
}

/// Account 2 refused.
pub(crate) fn refused(snapshot: u32) -> RunAnswer {
    RunAnswer {
        tables: vec![table(&["1", "2"], &["2"])],
        result: RunRows::NotAsked,
        ..answer(snapshot, Vec::new())
    }
}

/// Only account 1 was read; `members` lists the organization.
pub(crate) fn narrow(snapshot: u32, members: &[&str]) -> RunAnswer {
    RunAnswer {
        tables: vec![table(&["1"], &[])],
        members: Some(members.iter().map(|it| (*it).to_owned()).collect()),
        ..answer(snapshot, Vec::new())
    }
}

#[derive(Default)]
pub(crate) struct AlertWorld {
    pub(crate) states: BTreeMap<String, AlertState>,
    pub(crate) told: Vec<AlertMessage>,
}

impl AlertWorld {
    pub(crate) fn run(
        &mut self,
        rules: &[AlertRule],
        answer: &RunAnswer,
        now: Timestamp,
    ) -> String {
        let runs = rules
            .iter()
            .map(|rule| (rule.id.clone(), answer.clone()))
            .collect();
        let states: Vec<AlertState> = self.states.values().cloned().collect();
        let mut told = Vec::new();
        for step in advance(FILE, rules, &states, &runs, now) {
            let mut state = step.write.state;
            state.version += 1;
            self.states.insert(state.rule.to_string(), state);
            told.extend(step.write.message);
        }
        let words: Vec<String> = told.iter().map(words).collect();
        self.told.extend(told);
        words.join("; ")
    }

    pub(crate) fn state(&self) -> &AlertState {
        &self.states["r"]
    }

    pub(crate) fn rows(&self) -> String {
        let rows = self.state().rows.values();
        let rows = rows.map(|row| {
            format!(
                "{} {}",
                row.values["name"].as_str().unwrap(),
                row.phase.name()
            )
        });
        rows.collect::<Vec<_>>().join(", ")
    }
}

fn words(message: &AlertMessage) -> String {
    let AlertNews::Rows(news) = &message.news else {
        return "blocked".to_owned();
    };
    let RowNews {
        new,
        recovered,
        still,
        ..
    } = news;
    let mut parts = Vec::new();
    for (listed, what) in [(new, "new"), (recovered, "recovered"), (still, "still")] {
        if listed.is_summary() {
            parts.push(format!("{what} {}", listed.count));
        } else if listed.count > 0 {
            let names = listed.rows.iter().map(|row| {
                let name = row.values["name"].as_str().unwrap();
                match row.flap_count {
                    0 => name.to_owned(),
                    times => format!("{name}({times})"),
                }
            });
            parts.push(format!("{what} {}", names.collect::<Vec<_>>().join(" ")));
        }
    }
    if news.blocked_since.is_some() {
        parts.push("again".to_owned());
    }
    parts.join(" ")
}
