use std::collections::BTreeMap;

use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::opening::{ReadingArgs, open_store};
use hallpass_app::setup::sources::cached_snapshot;
use hallpass_base::AccountId;
use hallpass_channels::wording::plan;
use hallpass_channels::wording::time::utc;
use hallpass_findings::remediation::{
    Remediation, RemediationFilter, RemediationPhase, RemediationStore as _,
};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table};
use serde_json::{Value, json};

use super::found;

const LISTED_MAX: usize = 10_000;
const FIELDS: &[&str] = &[
    "id",
    "state",
    "why",
    "rule",
    "action",
    "account",
    "region",
    "resource",
    "control",
    "decided_at",
    "changed_at",
    "plan",
    "account_name",
];

/// List remediations, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org remediate list --output json")]
pub(super) struct ListArgs {
    #[command(flatten)]
    shown: ReadingArgs,
}

/// List remediations that wait for people, with reasons
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org remediate backlog")]
pub(super) struct BacklogArgs {
    #[command(flatten)]
    shown: ReadingArgs,
}

/// Show a remediation, with its finding and its plan
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org remediate show rm-3f0c9a5b7d1e2f46 --output json")]
pub(super) struct ShowArgs {
    /// Remediation id
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    shown: ReadingArgs,
}

fn why(it: &Remediation) -> String {
    match &it.phase {
        RemediationPhase::Waiting { until, why } => format!("{why}; until {}", utc(*until)),
        RemediationPhase::Manual { reason } | RemediationPhase::Drifted { reason } => {
            reason.clone()
        }
        RemediationPhase::Undone { by, .. } => format!("taken back by {by}"),
        RemediationPhase::Pending { failed: 0, .. }
        | RemediationPhase::Observed
        | RemediationPhase::Finished { .. } => String::new(),
        RemediationPhase::Pending { failed, .. } => format!("failed {failed} times so far"),
    }
}

type AccountNames = BTreeMap<AccountId, String>;

async fn account_names(store: &ServerStore) -> AccountNames {
    let snapshot = cached_snapshot(store).await.unwrap_or_default();
    let accounts = snapshot.accounts.into_iter();
    accounts.map(|it| (it.id, it.name)).collect()
}

fn name_of<'a>(names: &'a AccountNames, it: &Remediation) -> &'a str {
    let name = names.get(&it.deviation.account);
    name.map_or("", String::as_str)
}

fn row(it: &Remediation, names: &AccountNames) -> Value {
    json!({
        "id": it.id, "state": it.phase.name(), "why": why(it), "rule": it.rule, "action": it.action.name(),
        "mode": it.mode.name(), "account": it.deviation.account, "account_name": name_of(names, it),
        "region": it.deviation.region,
        "resource": it.deviation.resource, "control": it.deviation.control,
        "finding": it.deviation.finding.as_ref().map(|it| it.id.clone()), "decided_at": it.decided_at,
        "changed_at": it.changed_at, "approved_by": it.approved_by, "plan": it.plan,
        "answer": it.answer, "finding_to_be_told": it.write_back.is_some(),
    })
}

fn table(rows: &[Remediation], names: &AccountNames) -> Table {
    let mut table = Table::new(&[
        "=remediation",
        "state",
        "action",
        "account",
        "resource",
        "why",
    ]);
    for it in rows {
        table.row([
            it.id.to_string(),
            it.phase.name().to_owned(),
            it.action.name().to_owned(),
            plan::account(name_of(names, it), it.deviation.account.as_str()),
            it.deviation.resource.clone(),
            why(it),
        ]);
    }
    table
}

fn list(args: &ReadingArgs, filter: RemediationFilter) -> Outcome {
    let address = args.config.existing_store()?;
    let (rows, paused, names) = runtime()?.block_on(async {
        let store = open_store(address).await?;
        let rows = store.remediations(filter, LISTED_MAX).await;
        let rows = rows.map_err(|fault| Failure::failed(fault.to_string()))?;
        let paused = store.paused().await;
        let paused = paused.map_err(|it| Failure::failed(it.to_string()))?;
        Ok::<_, Failure>((rows, paused, account_names(&store).await))
    })?;
    if let Some((by, at)) = paused {
        output::say(&format!(
            "all writes are paused by {by} since {}: `hallpass org remediate resume` lets them go on",
            utc(at)
        ));
    }
    let items: Vec<Value> = rows.iter().map(|it| row(it, &names)).collect();
    output::list(args.output.format(), &items, FIELDS, || {
        table(&rows, &names)
    })?;
    Ok(Exit::Ok)
}

pub(super) fn run_list(args: &ListArgs) -> Outcome {
    list(&args.shown, RemediationFilter::All)
}

pub(super) fn run_backlog(args: &BacklogArgs) -> Outcome {
    list(&args.shown, RemediationFilter::Backlog)
}

pub(super) fn run_show(args: &ShowArgs) -> Outcome {
    let address = args.shown.config.existing_store()?;
    let (it, names) = runtime()?.block_on(async {
        let store = open_store(address).await?;
        let it = found(&store, &args.id).await?;
        Ok::<_, Failure>((it, account_names(&store).await))
    })?;
    let text = || {
        let mut table = Table::new(&["what", "value"]);
        if let Some(members) = row(&it, &names).as_object() {
            for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                table.row([name.clone(), text]);
            }
        }
        table.text(None)
    };
    let shown = row(&it, &names);
    output::one(args.shown.output.format(), &shown, FIELDS, text)?;
    Ok(Exit::Ok)
}
