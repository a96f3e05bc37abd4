use clap::ValueEnum;
use hallpass_app::host::runtime::runtime;
use hallpass_base::time::utc;
use hallpass_org::insights::{
    Insight, InsightFilter, InsightKind, InsightSeverity, InsightStatus, insights,
};
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};

use super::{InsightArgs, tell_unread};

const FIELDS: &[&str] = &[
    "account_id",
    "account_name",
    "region",
    "type",
    "severity",
    "status",
    "name",
    "start",
    "end",
    "stacks",
];

/// List insights, newest first
#[derive(Debug, clap::Args)]
#[command(
    long_about = "List insights, newest first\n\nWith credentials of the organization's \
                  management account, or of the account that administers DevOps Guru. Each Region \
                  is queried separately; Regions that fail are reported, and exit is 1. `--ou` \
                  includes all units below it: DevOps Guru searches only one level, so each unit \
                  is queried.",
    after_help = "Examples:
  hallpass org insights list --since 1d
  hallpass org insights list --ou /Workloads --severity high,medium --status ongoing
  hallpass org insights list --account 111122223333 --stack shop-api --output json"
)]
pub(super) struct Args {
    #[command(flatten)]
    of: InsightArgs,
    /// Only of this type
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<KindArg>,
    /// Only in this state
    #[arg(long, value_enum, value_name = "STATE")]
    status: Option<StatusArg>,
    /// Only these severities
    #[arg(long, value_enum, value_name = "LEVEL,...", value_delimiter = ',')]
    severity: Vec<SeverityArg>,
    /// Only about the stack of this name
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// Only with this in the name of a resource, a stack or the insight
    #[arg(long, value_name = "TEXT")]
    resource: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArg {
    /// Occurring now
    Reactive,
    /// Predicted
    Proactive,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StatusArg {
    /// Ongoing
    Ongoing,
    /// Closed
    Closed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SeverityArg {
    /// Low
    Low,
    /// Medium
    Medium,
    /// High
    High,
}

pub(super) fn run(args: &Args) -> Outcome {
    runtime()?.block_on(async {
        let question = args.of.question().await?;
        let filter = InsightFilter {
            kinds: match args.kind {
                None => InsightKind::ALL.to_vec(),
                Some(KindArg::Reactive) => vec![InsightKind::Reactive],
                Some(KindArg::Proactive) => vec![InsightKind::Proactive],
            },
            status: args.status.map(|it| match it {
                StatusArg::Ongoing => InsightStatus::Ongoing,
                StatusArg::Closed => InsightStatus::Closed,
            }),
            severities: args.severity.iter().copied().map(severity).collect(),
            stack: args.stack.clone(),
            resource: args.resource.clone(),
            range: question.range,
        };
        let found = insights(&question.calls, &question.scope, &filter).await;
        output::list(args.output.format(), &found.rows, FIELDS, || {
            table(&found.rows)
        })?;
        if let Some(since) = found.registered
            && question.range.from < since
        {
            let since = utc(since);
            output::say(&format!(
                "DevOps Guru has an administrator since {since}: of insights from before, it shows none"
            ));
        }
        tell_unread(&found.unread);
        Ok(if found.unread.is_empty() {
            Exit::Ok
        } else {
            Exit::Failed
        })
    })
}

const fn severity(it: SeverityArg) -> InsightSeverity {
    match it {
        SeverityArg::Low => InsightSeverity::Low,
        SeverityArg::Medium => InsightSeverity::Medium,
        SeverityArg::High => InsightSeverity::High,
    }
}

fn table(rows: &[Insight]) -> Table {
    let mut table = Table::new(&[
        "account", "region", "type", "severity", "status", "name", "start", "end", "stacks",
    ]);
    for row in rows {
        let account = match row.account_name.as_str() {
            "" => row.account_id.clone(),
            name => format!("{name} ({})", row.account_id),
        };
        table.row([
            account,
            row.region.clone(),
            row.kind.to_lowercase(),
            row.severity.to_lowercase(),
            row.status.to_lowercase(),
            row.name.clone(),
            row.start.map(utc).unwrap_or_default(),
            row.end.map(utc).unwrap_or_default(),
            row.stacks.join(", "),
        ]);
    }
    table
}
