use std::collections::BTreeMap;

use hallpass_app::chores::delegation_files::unread;
use hallpass_app::chores::plans;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::ReadingArgs;
use hallpass_channels::wording::plan::account;
use hallpass_org::delegation::{DelegationFacts, known_services, look_around};
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::{self, Table};
use serde_json::{Value, json};

const FIELDS: &[&str] = &[
    "service",
    "region",
    "administrator",
    "trusted",
    "reason",
    "administrator_name",
];

/// List the administrator of each service
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org delegate list --regions us-east-1,eu-west-1")]
pub(super) struct Args {
    /// Regions to query for services with an administrator in each [default: `aws.region`]
    #[arg(long, value_name = "REGION,...", value_delimiter = ',')]
    regions: Vec<String>,
    #[command(flatten)]
    shown: ReadingArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.shown.output.format();
    let loaded = args.shown.config.load()?;
    runtime()?.block_on(async {
        let context = plans::open(&loaded).await?;
        let own = vec![hallpass_app::setup::opening::aws_settings(&loaded).region];
        let regions = if args.regions.is_empty() {
            &own
        } else {
            &args.regions
        };
        let facts = look_around(context.calls.as_ref(), regions);
        let facts = facts.await.map_err(unread)?;
        let rows = rows(&facts, regions, &context.account_names().await);
        let is_partial = rows.iter().any(|row| row["reason"] != "");
        output::list(format, &rows, FIELDS, || table(&rows))?;
        Ok(if is_partial { Exit::Failed } else { Exit::Ok })
    })
}

fn rows(
    facts: &DelegationFacts,
    regions: &[String],
    names: &BTreeMap<String, String>,
) -> Vec<Value> {
    let mut all = Vec::new();
    for service in known_services() {
        let trusted = facts.trusted.contains(service.principal);
        let registered = facts.administrators.get(service.principal);
        for account in registered.into_iter().flatten() {
            all.push(json!({
                "service": service.name, "region": "global", "administrator": account,
                "administrator_name": names.get(account), "trusted": trusted, "reason": "",
            }));
        }
        for region in regions.iter().filter(|_| service.regional.is_some()) {
            let key = (service.name.to_owned(), region.clone());
            let (account, reason) = match facts.regional.get(&key) {
                Some(Ok(Some(account))) => (account.as_str(), ""),
                Some(Err(reason)) => ("", reason.as_str()),
                Some(Ok(None)) | None => continue,
            };
            all.push(json!({
                "service": service.name, "region": region, "administrator": account,
                "administrator_name": names.get(account), "trusted": trusted, "reason": reason,
            }));
        }
    }
    all
}

fn table(rows: &[Value]) -> Table {
    let mut table = Table::new(&["service", "where", "administrator", "trusted access", "why"]);
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let trusted = if row["trusted"] == true { "yes" } else { "no" };
        table.row([
            text("service"),
            text("region"),
            account(&text("administrator_name"), &text("administrator")),
            trusted.to_owned(),
            text("reason"),
        ]);
    }
    table
}
