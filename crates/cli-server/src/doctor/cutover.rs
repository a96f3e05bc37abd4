//! `hallpass server doctor --cutover`: lists unmanaged access and how the current configuration
//! would treat it. Read-only.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_access::{
    DirectorySource as _, LeftOut, StandingSurvey, SweepItem, SweepMode, SweepReport,
};
use hallpass_app::config::Loaded;
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::server_store::{ServerStore, StoreAddress};
use hallpass_app::setup::journey::journey;
use hallpass_app::setup::opening::out_of_reach;
use hallpass_app::setup::opening::{connect, open_store};
use hallpass_app::setup::rule_files::read_rules;
use hallpass_aws::Inventory;
use hallpass_base::clock::{ProcessClock, SystemClock};
use hallpass_base::{Clock, TargetNames, Timestamp};
use hallpass_channels::wording::standing;
use hallpass_channels::wording::standing::unread_place;
use hallpass_client::tables::Viewpoint;
use hallpass_rules::GroupRef;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, Table};
use serde::Serialize;

use super::account_tags;

const FIELDS: &[&str] = &[
    "user_id",
    "user",
    "account",
    "permission_set",
    "group",
    "kind",
    "in_scope",
    "first_seen",
    "outlook",
];

/// Options of the list.
#[derive(Debug, clap::Args)]
pub(super) struct CutoverArgs {
    /// List only the current unmanaged access, and how Hallpass would treat it
    #[arg(long, conflicts_with = "iam_policy")]
    cutover: bool,
    /// Exit with 3 for access without an exception, also below a grant, or with an overdue review
    #[arg(long, requires = "cutover")]
    fail_on_findings: bool,
}

impl CutoverArgs {
    pub(super) fn is_asked(&self) -> bool {
        self.cutover
    }
}

/// One access of a user.
#[derive(Debug, Serialize)]
struct HeldRow {
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_set: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    kind: &'static str,
    /// Whether sweeps cover it.
    in_scope: bool,
    /// First sweep that found it; AWS records no creation time.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<Timestamp>,
    outlook: String,
}

pub(super) async fn run(args: &CutoverArgs, loaded: &Loaded, format: Format) -> Outcome {
    let rules = read_rules(&loaded.rules()?)?;
    let (store, _nothing) = store_or_nothing(loaded.store()?).await?;
    let store = Arc::new(store);
    let process = Arc::new(ProcessClock::new(SystemClock, None));
    let aws = Arc::new(connect(loaded, &process, Arc::new(RandomIds)).await?);
    let clock: Arc<dyn Clock> = process;
    let began = clock.now();
    let about = aws.about().clone();
    let identity = loaded.identity(&about.identity_store_id, &about.region);
    let mut wanted: BTreeSet<GroupRef> = rules.referenced_groups();
    wanted.extend(
        identity
            .role_groups()
            .iter()
            .map(|name| GroupRef::named(name)),
    );
    let attributes = rules.referenced_attributes();
    let inventory = Inventory::new(Arc::clone(&aws), Arc::new(move || wanted.clone()))
        .with_attributes(Arc::new(move || attributes.clone()));
    let inventory = Arc::new(account_tags::wanted(inventory, Some(&rules)));
    inventory
        .refresh()
        .await
        .map_err(|fault| Failure::failed(fault.to_string()))?;
    if let Some(untold) = inventory.untold_tags() {
        let words = format!(
            "rules name tags of accounts, and those of {} cannot be read: {}",
            untold.account, untold.fault
        );
        return Err(Failure::failed(words)
            .help("`hallpass server doctor --iam-policy` prints the required rights"));
    }
    let ids = Arc::new(RandomIds) as Arc<dyn hallpass_base::IdSource>;
    let settings = hallpass_access::Settings {
        out_of_reach: out_of_reach(&about),
        ..loaded.settings()
    };
    let mode = settings.sweep.mode;
    let ports = journey(&store, &aws, &inventory, &clock, &ids);
    let access = hallpass_access::Access::new(ports, settings, rules);
    let found = access.survey().await;
    let found = found.map_err(|error| Failure::failed(error.to_string()))?;
    print(&found, mode, began, format)?;
    Ok(exit(&found.found.report, args.fail_on_findings))
}

/// Opens the store, or a temporary empty one if none exists.
///
/// # Errors
/// If its existence is unknown: Hallpass's grants would be listed as unmanaged.
async fn store_or_nothing(
    address: StoreAddress,
) -> Result<(ServerStore, Option<tempfile::TempDir>), Failure> {
    if address.may_be_there()? {
        return Ok((open_store(address).await?, None));
    }
    output::say(&format!(
        "There is no database `{address}` yet: nothing is held through Hallpass, and nothing is accepted but by `access.standing`."
    ));
    let folder = tempfile::tempdir().map_err(|error| Failure::unwritable("a folder", &error))?;
    let nothing = StoreAddress::File(folder.path().join("hallpass.db"));
    Ok((open_store(nothing).await?, Some(folder)))
}

/// Prints in-scope access first: the rest may be many, such as intended group members.
fn print(
    survey: &StandingSurvey,
    mode: SweepMode,
    began: Timestamp,
    format: Format,
) -> Result<(), Failure> {
    let view = Viewpoint::here();
    let is_outside = |item: &&SweepItem| survey.out_of_scope.contains(&item.key);
    let (outside, inside): (Vec<_>, Vec<_>) = survey.found.items.iter().partition(is_outside);
    let mut rows: Vec<HeldRow> = Vec::new();
    for item in inside {
        let outlook = standing::outlook(&item.kind, mode, |at| view.time(at));
        rows.push(row(item, began, true, outlook));
    }
    for item in &outside {
        let outlook = standing::outlook_out_of_scope(&item.kind).to_owned();
        rows.push(row(item, began, false, outlook));
    }
    output::list(format, &rows, FIELDS, || table(&rows, &view))?;
    let report = &survey.found.report;
    for unread in &report.unread_places {
        let what = unread_place(&unread.what);
        output::say(&format!(
            "not read: {what}: {}",
            output::plain(&unread.error)
        ));
    }
    if let Some(found) = &report.entitlements {
        output::say(&standing::entitlements(found.of_people, found.of_groups));
    }
    for left_out in &report.left_out {
        output::say(&standing::left_out(left_out));
    }
    let unseen = outside.iter().filter(|item| item.kind.is_unaccepted());
    match unseen.count() {
        0 => {}
        unseen => output::say(&standing::out_of_scope(unseen)),
    }
    output::say(&format!(
        "{} of {} direct assignments and memberships are not Hallpass's; mode {}: {}.",
        rows.len(),
        report.seen,
        mode.name(),
        standing::mode(mode)
    ));
    Ok(())
}

/// An incomplete list is partial, even if only a `groups.sync` group is missing; unaccepted access
/// counts on request.
fn exit(report: &SweepReport, fail_on_findings: bool) -> Exit {
    let findings =
        report.unknown + report.preexisting + report.under_grant + report.reviews_overdue;
    let is_unseen = |it: &LeftOut| match it {
        LeftOut::AllGroups { .. } => true,
        // Hallpass cannot end it, or checks it elsewhere
        LeftOut::InactiveAccounts { .. }
        | LeftOut::ManagementAccount { .. }
        | LeftOut::Entitlements
        | LeftOut::SyncedGroups { .. } => false,
    };
    let is_partial = report.unread > 0 || report.left_out.iter().any(is_unseen);
    Exit::of_look(is_partial, fail_on_findings && findings > 0)
}

fn row(item: &SweepItem, began: Timestamp, in_scope: bool, outlook: String) -> HeldRow {
    let (account, permission_set, group) = match &item.names {
        TargetNames::Account {
            account,
            permission_set,
        } => (Some(account.clone()), Some(permission_set.clone()), None),
        TargetNames::Group { group } => (None, None, Some(group.clone())),
    };
    HeldRow {
        user_id: item.key.user.to_string(),
        user: item.holder.as_ref().map(|person| person.email.to_string()),
        account,
        permission_set,
        group,
        kind: item.kind.name(),
        first_seen: Some(item.first_seen).filter(|at| *at < began),
        in_scope,
        outlook,
    }
}

fn table(rows: &[HeldRow], view: &Viewpoint) -> Table {
    let mut table = Table::new(&["WHO", "WHAT", "=KIND", "=FIRST SEEN", "WOULD"]);
    for row in rows {
        let what = match (&row.account, &row.permission_set, &row.group) {
            (Some(account), Some(set), _) => format!("{account} / {set}"),
            (_, _, Some(group)) => format!("group {group}"),
            _ => String::new(),
        };
        table.row([
            row.user.as_ref().unwrap_or(&row.user_id).clone(),
            what,
            row.kind.to_owned(),
            row.first_seen.map(|at| view.time(at)).unwrap_or_default(),
            row.outlook.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use hallpass_app::host::runtime::runtime;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_database_that_is_not_there_is_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hallpass.db");
        let opened = |path: &std::path::Path| {
            let address = StoreAddress::File(path.to_owned());
            let opened = runtime().unwrap().block_on(store_or_nothing(address));
            opened.map(|(_, nothing)| nothing.is_some())
        };
        assert!(opened(&file).unwrap(), "none exists yet");
        assert!(!file.exists(), "and looking makes none");
        let store = open_store(StoreAddress::File(file.clone()));
        drop(runtime().unwrap().block_on(store).unwrap());
        assert!(!opened(&file).unwrap(), "it is there");
        let failure = opened(&file.join("hallpass.db")).unwrap_err();
        assert!(failure.words().contains("cannot be seen"), "{failure:?}");
    }

    #[test]
    fn findings_are_told_apart_where_that_is_asked_for_and_what_is_unread_always() {
        let report = |unknown: u64,
                      preexisting: u64,
                      under_grant: u64,
                      overdue: u64,
                      unread: u64| {
            let report = json!({
                "began": "2026-03-06T14:00:00Z", "ended": "2026-03-06T14:00:01Z", "pairs_read": 1,
                "groups_read": 1, "seen": 9, "ours": 1, "accepted": 2, "under_grant": under_grant,
                "preexisting": preexisting, "unknown": unknown, "reviews_overdue": overdue, "new": 0,
                "changed": 0, "gone": 0, "gone_items": [], "to_act": 0, "group_assignments": 0,
                "unread": unread, "unread_places": [], "left_out": [],
                "drift": {"seen": 0, "fixed": 0, "against_rules": [], "failed": 0},
            });
            serde_json::from_value::<SweepReport>(report).unwrap()
        };
        for (report, plain, asked) in [
            (report(0, 0, 0, 0, 0), Exit::Ok, Exit::Ok),
            (report(1, 0, 0, 0, 0), Exit::Ok, Exit::Findings),
            (report(0, 1, 0, 0, 0), Exit::Ok, Exit::Findings),
            // remains after the grant above it ends
            (report(0, 0, 1, 0, 0), Exit::Ok, Exit::Findings),
            (report(0, 0, 0, 1, 0), Exit::Ok, Exit::Findings),
            (report(0, 0, 0, 0, 1), Exit::Failed, Exit::Failed),
            (report(1, 1, 1, 1, 1), Exit::Failed, Exit::Failed),
        ] {
            assert_eq!(exit(&report, false), plain, "{report:?}");
            assert_eq!(exit(&report, true), asked, "{report:?}");
        }
        for (left_out, expected) in [
            // no group was read; members may have access
            (LeftOut::AllGroups { count: 3 }, Exit::Failed),
            (LeftOut::SyncedGroups { count: 3 }, Exit::Ok),
            (LeftOut::InactiveAccounts { count: 3 }, Exit::Ok),
        ] {
            let mut report = report(0, 0, 0, 0, 0);
            report.left_out = vec![left_out];
            assert_eq!(exit(&report, true), expected, "{report:?}");
        }
    }
}
