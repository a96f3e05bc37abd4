//! Warnings before creation: invalid rows with their file position, and unknown users.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hallpass_app::chores::plans::PlanArgs;
use hallpass_app::chores::vending_lists::ListVerdicts;
use hallpass_org::vending::{
    AccountMaker, AccountsFile, NotOneUser, PLAN_KIND, PLANS_LOOK, PlannedRow, RowVerdict,
    VendingPlan, wanted_rows,
};
use hallpass_plans::{PlanLimits, PlanStore};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;

const SSO_EMAIL: &str = "SSOUserEmail";
/// Line limit; the CSV and `-o json` have all.
const LINES_MAX: usize = 100;

/// Refuses a list over the change limit before any read: each row is at least one change. A list
/// with an earlier plan is checked, as its accounts may exist.
///
/// # Errors
/// Exit 4.
pub(crate) async fn within_limit(
    plans: &dyn PlanStore,
    file: &AccountsFile,
    args: &PlanArgs,
) -> Result<(), Failure> {
    let (rows, allowed) = (wanted_rows(file), args.changes_max(PlanLimits::USUAL));
    if rows <= allowed || was_given(plans, file).await {
        return Ok(());
    }
    let message = format!("the list has {rows} rows to be made, and {allowed} changes are allowed");
    Err(Failure::refused(message).help(
        "`--max-changes` raises the limit: a row is an account, its move, and an assignment each",
    ))
}

async fn was_given(plans: &dyn PlanStore, file: &AccountsFile) -> bool {
    let all = plans.plans_of_kind(PLAN_KIND, PLANS_LOOK).await;
    let all = all.unwrap_or_default().plans;
    let kept = all.iter().filter_map(|saved| VendingPlan::of(&saved.plan));
    let mut rows = kept
        .filter(|kept| kept.file == *file)
        .flat_map(|kept| kept.rows);
    rows.any(|row| matches!(row, PlannedRow::Wanted { .. }))
}

pub(crate) fn tell_faults(
    path: &Path,
    file: &AccountsFile,
    verdicts: &BTreeMap<usize, RowVerdict>,
) {
    let mut lines = Vec::new();
    for (row, verdict) in verdicts {
        let RowVerdict::Invalid(faults) = verdict else {
            continue;
        };
        for fault in faults {
            lines.push(at(path, file, (*row, fault.column), &fault.to_string()));
        }
    }
    tell(&lines);
}

/// Warns on stderr about users missing in the directory: Organizations would create an account
/// without a usable sign-in (`organization.md` V-9). Account Factory creates such users.
pub(crate) fn tell_strangers(path: &Path, file: &AccountsFile, judged: &ListVerdicts) {
    let AccountMaker::Organizations { people: None } = &judged.maker else {
        return;
    };
    let mut told = BTreeSet::new();
    let mut lines = Vec::new();
    for (row, verdict) in &judged.verdicts {
        let RowVerdict::Valid(request) = verdict else {
            continue;
        };
        let email = &request.user.email;
        let Err(why) = judged.facts.user(email) else {
            continue;
        };
        if told.insert(email.to_ascii_lowercase()) {
            let is = match why {
                NotOneUser::Nobody => {
                    "is no user of Identity Center; `--create-users` creates them"
                }
                NotOneUser::Disabled => "is disabled in Identity Center, and cannot sign in",
                NotOneUser::Several => "is the address or name of several users of Identity Center",
            };
            let text = format!("warning: {SSO_EMAIL} `{email}` {is}");
            lines.push(at(path, file, (*row, SSO_EMAIL), &text));
        }
    }
    tell(&lines);
}

fn at(path: &Path, file: &AccountsFile, (row, column): (usize, &str), text: &str) -> String {
    match file.place(row, column) {
        Some(place) => format!("{}:{place}: {text}", path.display()),
        None => format!("{}: row {row}: {text}", path.display()),
    }
}

fn tell(lines: &[String]) {
    for line in lines.iter().take(LINES_MAX) {
        output::say(&output::plain(line));
    }
    if lines.len() > LINES_MAX {
        output::say(&format!("and {} more", lines.len() - LINES_MAX));
    }
}
