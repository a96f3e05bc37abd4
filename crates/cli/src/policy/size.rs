use std::path::PathBuf;

use hallpass_channels::wording::lists::count;
use hallpass_iam::PolicyType;
use hallpass_iam::size::{self, AttachmentPoint, CannotSplit, Size};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};
use serde::Serialize;

use super::eval::refused;
use super::files::read_text;

const FIELDS: &[&str] = &["used", "limit", "percent"];

/// Measure a policy against AWS's limit, or split it
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Measure a policy against AWS's limit, or split it\n\nPrints the size, the \
                  limit, and the percentage; exit 1 above the limit. Types: identity (managed), \
                  boundary, inline-user, inline-group, inline-role, permission-set, trust, \
                  session, scp, rcp, s3, kms, secretsmanager, sqs, sns, lambda, vpc-endpoint. \
                  Inline policies count together: give all of one user, group or role.",
    after_help = "Examples:
  hallpass policy size --type identity deploy.json
  hallpass policy size --type scp guardrails.json --split > parts.jsonl"
)]
pub(crate) struct Args {
    /// The policy; `-` for standard input. Several for the inline policies of one identity
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Attachment point
    #[arg(long = "type", value_name = "TYPE")]
    place: AttachmentPoint,
    /// The limit, instead of AWS's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Print parts that fit and together decide like the whole, one per line (identity, scp)
    #[arg(long)]
    split: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Serialize)]
struct SizeRow {
    #[serde(flatten)]
    size: Size,
    counted: &'static str,
    limits_of: &'static str,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let limit = args.limit.and_then(|it| usize::try_from(it).ok());
    let inline = matches!(
        args.place,
        AttachmentPoint::InlineUser | AttachmentPoint::InlineGroup | AttachmentPoint::InlineRole
    );
    if args.files.len() > 1 && (!inline || args.split) {
        return Err(
            Failure::bad_input("only inline policies are measured together")
                .code("E_ARG")
                .at("FILE"),
        );
    }
    let texts = args
        .files
        .iter()
        .map(|it| read_text(it))
        .collect::<Result<Vec<_>, _>>()?;
    let measured = texts
        .iter()
        .map(|text| size::measure(text, args.place, limit));
    let mut sum = size::measure("", args.place, limit);
    for one in measured {
        sum.used += one.used;
    }
    sum.percent = (sum.used * 100).div_ceil(sum.limit.max(1));
    if args.split {
        let file = args.files.first().map(|it| it.display().to_string());
        let text = texts.first().map_or("", String::as_str);
        return split(args, &file.unwrap_or_default(), text, limit);
    }
    let row = SizeRow {
        size: sum,
        counted: args.place.about().counted.as_str(),
        limits_of: size::LIMITS_DATE,
    };
    output::one(args.output.format(), &row, FIELDS, || {
        format!("{} {} {}%\n", sum.used, sum.limit, sum.percent)
    })?;
    if sum.used > sum.limit {
        Ok(Exit::Failed)
    } else {
        Ok(Exit::Ok)
    }
}

fn split(args: &Args, file: &str, text: &str, limit: Option<usize>) -> Outcome {
    let kind = args.place.kind();
    if !matches!(kind, PolicyType::Identity | PolicyType::Scp) {
        return Err(
            Failure::bad_input(format!("a policy of type {} is not split", args.place))
                .code("E_TYPE")
                .at("--type")
                .help(
                    "only identity and service control policies stand beside others of their kind",
                ),
        );
    }
    let parts = size::split(text, args.place, limit).map_err(|error| match error {
        CannotSplit::Unreadable(error) => refused(file, &error),
        CannotSplit::Whole { .. } => Failure::bad_input(error.to_string()).code("E_SIZE"),
    })?;
    let tried = size::agree(text, &parts, kind).map_err(Failure::bug)?;
    if tried == 0 {
        return Err(Failure::bug("no request was found to try the parts with"));
    }
    output::print(&(parts.join("\n") + "\n"))?;
    let note = if kind == PolicyType::Scp {
        "; attach all of them to the same target"
    } else {
        ""
    };
    let (parts, tried) = (count(parts.len(), "part"), count(tried, "request"));
    output::say(&format!("{parts}, like the whole in {tried}{note}"));
    Ok(Exit::Ok)
}
