use hallpass_app::host::runtime::runtime;
use hallpass_org::insights::{OrganizationHealth, organization_health};
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};

use super::{InsightArgs, tell_unread};

const FIELDS: &[&str] = &[
    "region",
    "open_reactive",
    "open_proactive",
    "reactive",
    "proactive",
    "metrics_analyzed",
    "resource_hours",
];

/// Count insights per Region
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Count insights per Region\n\nOngoing insights, those that began since \
                  `--since`, and the resources analyzed in the last hour. A Region that cannot be \
                  counted completely is left out and reported; exit is 1 then.",
    after_help = "Examples:
  hallpass org insights health
  hallpass org insights health --regions enabled --since 1m
  hallpass org insights health --ou /Workloads --output json"
)]
pub(super) struct Args {
    #[command(flatten)]
    of: InsightArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    runtime()?.block_on(async {
        let question = args.of.question().await?;
        let counted = organization_health(&question.calls, &question.scope, question.range);
        let (rows, unread) = counted.await;
        output::list(args.output.format(), &rows, FIELDS, || table(&rows))?;
        tell_unread(&unread);
        Ok(if unread.is_empty() {
            Exit::Ok
        } else {
            Exit::Failed
        })
    })
}

fn table(rows: &[OrganizationHealth]) -> Table {
    let mut table = Table::new(&[
        "region",
        "open reactive",
        "open proactive",
        "began reactive",
        "began proactive",
        "metrics",
        "hours",
    ]);
    for row in rows {
        let numbers = [
            row.open_reactive,
            row.open_proactive,
            row.reactive,
            row.proactive,
            row.metrics_analyzed,
            row.resource_hours,
        ];
        let [a, b, c, d, metrics, hours] = numbers.map(|it| it.to_string());
        table.row([row.region.clone(), a, b, c, d, metrics, hours]);
    }
    table
}
