//! Access from outside the directories: partners with an accepted delegation request
//! (`inventory.md` W-17).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::graph::AccessGraph;
use super::rows::{Row, rows_of};
use crate::cell::{Cell, TableRow};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutsideState {
    /// The partner has received its token, and has access.
    Finalized,
    /// Accepted: access begins when the token is sent.
    Accepted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutsideAccess {
    pub account_id: String,
    pub account_name: Option<String>,
    pub state: OutsideState,
    pub requestor_id: Option<String>,
    pub requestor_name: Option<String>,
    /// The accepting identity, which the partner acts as.
    pub approver_id: Option<String>,
    /// Latest session end; `None` if AWS returned too little.
    pub until: Option<Timestamp>,
    /// May create roles, which outlive its session.
    pub makes_roles: bool,
    pub delegation_request_id: String,
}

impl OutsideAccess {
    pub const TABLE: &'static str = "aws_iam_delegation_requests";
    pub const COLUMNS: &'static [&'static str] = &[
        "delegation_account_id",
        "delegation_request_id",
        "state",
        "requestor_id",
        "requestor_name",
        "approver_id",
        "role_permission_restrictions",
        "session_duration",
        "updated_time",
        "expiration_time",
    ];

    /// Outside access at an instant, active or accepted, by account, state and request.
    pub fn all(
        rows: &BTreeMap<&'static str, Vec<TableRow>>,
        graph: &AccessGraph,
        at: Timestamp,
    ) -> Vec<Self> {
        let names: BTreeMap<&str, Option<&str>> = graph
            .accounts
            .iter()
            .map(|it| (it.id.as_str(), it.name.as_deref()))
            .collect();
        let read = rows_of(rows, Self::TABLE).filter_map(|row| Self::read(row, &names, at));
        let mut found: Vec<Self> = read.collect();
        found.sort_by(|one, other| one.order().cmp(&other.order()));
        found
    }

    fn order(&self) -> impl Ord + '_ {
        (&self.account_id, self.state, &self.delegation_request_id)
    }

    fn read(row: Row<'_>, names: &BTreeMap<&str, Option<&str>>, at: Timestamp) -> Option<Self> {
        let (state, begins) = match row.text("state")? {
            // the session begins when the token is sent, which is the last update
            "FINALIZED" => (OutsideState::Finalized, time(row, "updated_time")),
            "ACCEPTED" => (OutsideState::Accepted, time(row, "expiration_time")),
            _ => return None,
        };
        let lasts = match row.cell("session_duration") {
            Some(Cell::Int(seconds)) => Some(SignedDuration::from_secs(*seconds)),
            _ => None,
        };
        let until = begins.zip(lasts);
        let until = until.and_then(|(begins, lasts)| begins.checked_add(lasts).ok());
        if until.is_some_and(|until| until <= at) {
            return None;
        }
        let account_id = row.owned("delegation_account_id")?;
        let makes_roles = match row.cell("role_permission_restrictions") {
            Some(Cell::Json(list)) => list.as_array().is_some_and(|it| !it.is_empty()),
            _ => false,
        };
        let name = names.get(account_id.as_str()).copied().flatten();
        Some(Self {
            account_name: name.map(str::to_owned),
            account_id,
            state,
            requestor_id: row.owned("requestor_id"),
            requestor_name: row.owned("requestor_name"),
            approver_id: row.owned("approver_id"),
            until,
            makes_roles,
            delegation_request_id: row.owned("delegation_request_id")?,
        })
    }

    pub fn is_in(&self, accounts: &BTreeSet<&str>) -> bool {
        accounts.contains(self.account_id.as_str())
    }
}

fn time(row: Row<'_>, column: &str) -> Option<Timestamp> {
    match row.cell(column)? {
        Cell::Time(at) => Some(*at),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{read_row, table};

    const NOW: &str = "2026-11-20T12:00:00Z";

    /// State, last change, expiry, seconds, end; `-` without access.
    const ROWS: &str = "
        FINALIZED        2026-11-20T11:30:00Z 2026-11-27T00:00:00Z 3600 2026-11-20T12:30:00Z
        FINALIZED        2026-11-20T11:00:00Z 2026-11-27T00:00:00Z 3600 -
        FINALIZED        2026-11-20T11:30:00Z 2026-11-19T00:00:00Z 3600 2026-11-20T12:30:00Z
        FINALIZED        null                 2026-11-27T00:00:00Z 3600 null
        FINALIZED        2026-11-20T11:00:00Z 2026-11-27T00:00:00Z null null
        ACCEPTED         2026-11-20T11:00:00Z 2026-11-27T00:00:00Z 3600 2026-11-27T01:00:00Z
        ACCEPTED         2026-11-20T11:00:00Z 2026-11-20T10:00:00Z 3600 -
        ASSIGNED         2026-11-20T11:00:00Z 2026-11-27T00:00:00Z 3600 -
        PENDING_APPROVAL 2026-11-20T11:00:00Z 2026-11-27T00:00:00Z 3600 -
        REJECTED         2026-11-20T11:00:00Z 2026-11-27T00:00:00Z 3600 -
        EXPIRED          2026-11-20T11:00:00Z 2026-11-27T00:00:00Z 3600 -";

    fn found(row: &Value) -> Vec<OutsideAccess> {
        let table = table(OutsideAccess::TABLE).unwrap();
        let rows = BTreeMap::from([(table.name, vec![read_row(table, row).unwrap()])]);
        let graph = AccessGraph::default();
        OutsideAccess::all(&rows, &graph, NOW.parse().unwrap())
    }

    #[test]
    fn a_partner_has_access_from_its_token_to_the_end_of_its_session() {
        for line in ROWS.lines().filter(|it| !it.trim().is_empty()) {
            let cells: Vec<&str> = line.split_whitespace().collect();
            let or_null = |text: &str| (text != "null").then(|| json!(text));
            let row = json!({
                "delegation_account_id": "1", "delegation_request_id": "r", "state": cells[0],
                "updated_time": or_null(cells[1]), "expiration_time": or_null(cells[2]),
                "session_duration": cells[3].parse::<i64>().ok(),
            });
            let until = match found(&row).as_slice() {
                [] => "-".to_owned(),
                [one] => one.until.map_or("null".to_owned(), |it| it.to_string()),
                more => panic!("{more:?}"),
            };
            assert_eq!(until, cells[4], "{line}");
        }
    }

    #[test]
    fn roles_that_a_partner_makes_stay() {
        let row = |boundaries: Value| {
            json!({
                "delegation_account_id": "1", "delegation_request_id": "r", "state": "ACCEPTED",
                "role_permission_restrictions": boundaries,
            })
        };
        for (boundaries, stay) in [
            (Value::Null, false),
            (json!([]), false),
            (json!(["arn:aws:iam::aws:policy/b"]), true),
        ] {
            let found = found(&row(boundaries.clone()));
            assert_eq!(found[0].makes_roles, stay, "{boundaries}");
        }
    }
}
