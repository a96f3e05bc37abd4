use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::{ConfigArgs, aws_settings};
use hallpass_findings::{InsightToCreate, create_insight};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};
use hallpass_terminal::prompt::{YesArgs, confirm_act};
use serde::Serialize;

use super::{client, refused};

const FIELDS: &[&str] = &["name", "group_by", "arn", "outcome"];

/// Create a Security Hub insight: findings of an owner, grouped
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass org findings insight create --group-by SeverityLabel --where Owner=team-shop --apply")]
pub(super) struct Args {
    /// Grouping attribute, as named by Security Hub: `SeverityLabel`, `AwsAccountId`, …
    #[arg(long, value_name = "FIELD")]
    group_by: String,
    /// Only findings with this user-defined field
    #[arg(long = "where", value_name = "KEY=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,
    /// Insight name [default: built from the options above]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Create it
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let parts = text
        .split_once('=')
        .filter(|(key, value)| !key.is_empty() && !value.is_empty());
    let (key, value) = parts.ok_or_else(|| "write it as KEY=VALUE".to_owned())?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Serialize)]
struct Shown {
    name: String,
    group_by: String,
    arn: Option<String>,
    outcome: &'static str,
}

pub(super) fn run(args: &Args) -> Outcome {
    if !args.group_by.bytes().all(|it| it.is_ascii_alphanumeric()) || args.group_by.is_empty() {
        let failure = Failure::bad_input(format!(
            "`--group-by {}` is no attribute of findings",
            args.group_by
        ));
        return Err(failure.help("write one as Security Hub calls it, such as SeverityLabel"));
    }
    let loaded = args.config.load()?;
    let wanted = InsightToCreate::new(args.name.clone(), &args.group_by, &args.fields);
    let region = aws_settings(&loaded).region;
    let (arn, outcome) = runtime()?.block_on(async {
        let client = client(&loaded).await?;
        let looked = create_insight(client.as_ref(), &region, &wanted, false).await;
        let looked = looked.map_err(|refusal| refused(&refusal))?;
        if !args.apply || looked.0.is_some() {
            return Ok(looked);
        }
        let act = "this changes insights of Security Hub";
        let question = format!("Make the insight `{}`?", output::plain(&wanted.name));
        confirm_act(act, &question, args.yes.consent())?;
        let made = create_insight(client.as_ref(), &region, &wanted, true).await;
        made.map_err(|refusal| refused(&refusal))
    })?;
    let shown = Shown {
        name: wanted.name,
        group_by: args.group_by.clone(),
        arn,
        outcome: outcome.words(),
    };
    let text = || {
        let arn = shown.arn.as_deref().unwrap_or_default();
        format!("{}: {} {arn}\n", output::plain(&shown.name), shown.outcome)
    };
    output::one(args.output.format(), &shown, FIELDS, text)?;
    if shown.arn.is_none() {
        output::say("nothing was written: `--apply` makes it");
    }
    Ok(Exit::Ok)
}
