//! `who diff`: access gained and lost between two snapshots, with reasons (`inventory.md` W-6).

use hallpass_inventory::{
    AccessChangeReason, AccessComparison, AccessSnapshot, PersonAccessChange,
    PersonAccessChangeKind, access_changes, group_of_way,
};
use serde_json::{Value, json};

use super::{NO_ENTITLEMENTS, rows};
use crate::commands::query::{SnapshotsAtArgs, WhichData, access_data};
use crate::failure::{QueryExit, QueryFailure, QueryOutcome, say};
use crate::output::{OutputArgs, Sheet};

/// Show access gained and lost between two snapshots, and why
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show access gained and lost between two snapshots, and why\n\nA person can \
                  reach a permission set in an account where the person is enabled, the account \
                  is active, and an assignment names the person or a group with the person in it. \
                  A line is + (gained), - (lost) or ? (one snapshot has it, and the other does \
                  not know).",
    after_help = "Examples:
  hallpass who diff previous newest
  hallpass who diff 2026-11-01 2026-11-20 --output csv > changes.csv
  hallpass who diff before.json after.json --detailed-exitcode

Exit codes: 0 ok, 1 not everything could be compared, 2 bad input, 3 access
was gained or lost with --detailed-exitcode, 70 internal."
)]
pub(crate) struct Args {
    /// The earlier: an id, a day, `previous`, `newest`, or a document
    #[arg(value_name = "BEFORE")]
    before: WhichData,

    /// The later, likewise
    #[arg(value_name = "AFTER")]
    after: WhichData,

    #[command(flatten)]
    snapshots: SnapshotsAtArgs,

    /// Exit 3 when access was gained or lost
    #[arg(long)]
    detailed_exitcode: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: &Args) -> QueryOutcome {
    let read = async |which| -> Result<AccessSnapshot, QueryFailure> {
        let (snapshot, grants) = access_data(&args.snapshots.folder, which).await?;
        Ok(AccessSnapshot::new(&snapshot, &grants))
    };
    let (before, after) = (read(&args.before).await?, read(&args.after).await?);
    let found = access_changes(&before, &after);
    if args.output.is_for_people() {
        args.output.sheet(&shown(&found))?;
    } else {
        let others = [("not_compared", &unread(&found))];
        args.output.sheets(("changes", &changes(&found)), &others)?;
    }
    for snapshot in [&before, &after] {
        for it in &snapshot.unread {
            if found.not_compared.contains(&it.table) {
                let line = format!("not compared: {} of {}: {}", it.table, snapshot.id, it.why);
                say(&hallpass_base::text::written_out(&line));
            }
        }
    }
    if !before.has_entitlements || !after.has_entitlements {
        say(NO_ENTITLEMENTS);
    }
    Ok(if !found.not_compared.is_empty() {
        QueryExit::Failed
    } else if args.detailed_exitcode && !found.changes.is_empty() {
        QueryExit::Findings
    } else {
        QueryExit::Ok
    })
}

fn shown(found: &AccessComparison) -> Sheet {
    let mut sheet = Sheet::new(&["", "person", "account", "permission set", "why"]);
    sheet.rows.extend(found.changes.iter().map(|it| {
        let sign = match it.change {
            PersonAccessChangeKind::Gained => "+",
            PersonAccessChangeKind::Lost => "-",
            PersonAccessChangeKind::Unknown => "?",
        };
        let person = &it.person;
        let account = it.account_name.as_ref().unwrap_or(&it.account_id);
        vec![
            json!(sign),
            json!(person.user_name.as_ref().or(person.user_id.as_ref())),
            json!(account),
            json!(it.role.shown()),
            json!(why(it)),
        ]
    }));
    sheet
}

fn why(change: &PersonAccessChange) -> String {
    let said = |it: &AccessChangeReason| {
        let kind = json!(it.kind);
        let kind = kind.as_str().unwrap_or_default().replace('_', " ");
        match group_of_way(&it.via) {
            Some(group) => format!("{kind} ({group})"),
            None => kind,
        }
    };
    match change.change {
        PersonAccessChangeKind::Unknown => "not known".to_owned(),
        PersonAccessChangeKind::Gained | PersonAccessChangeKind::Lost => {
            let reasons: Vec<String> = change.reasons.iter().map(said).collect();
            reasons.join(", ")
        }
    }
}

fn changes(found: &AccessComparison) -> Sheet {
    let mut sheet = Sheet::new(&[
        "change",
        "user_name",
        "user_id",
        "email",
        "user_status",
        "account_id",
        "account_name",
        "permission_set",
        "permission_set_arn",
        "role_name",
        "role_arn",
        "reasons",
    ]);
    sheet.rows = rows(&sheet, found.changes.iter().map(|it| json!(it)));
    sheet
}

fn unread(found: &AccessComparison) -> Sheet {
    let mut sheet = Sheet::new(&["table"]);
    let tables = found.not_compared.iter();
    sheet.rows = tables.map(|it| vec![Value::from(it.as_str())]).collect();
    sheet
}
