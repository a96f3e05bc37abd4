use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use hallpass_iam::generate::delegation::{
    DelegatedCall, DelegationQuestion, DelegationReport, check,
};
use hallpass_iam::generate::ids::Lengths;
use hallpass_iam::{Decision, Policy, PolicyType, simulate_changed};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::generated::warn;
use hallpass_terminal::output::{self, Format, OutputArgs, plain};
use hallpass_terminal::text_file::read_text;
use serde_json::json;

use crate::cases::{Input, answer_all};
use crate::reading::Reading;

const FIELDS: &[&str] = &[
    "action",
    "account",
    "permission_set",
    "decision",
    "blocked_by",
];

/// Bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Report what a delegate's policy allows in effect
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Report what a delegate's policy allows in effect\n\nIdentity Center checks a \
                  call against every resource it names: account, instance and permission set. \
                  Each action is tried for the accounts and permission sets that the policy \
                  names, and for any other. Exit 1 if it allows more than assigning.\n\nWith \
                  --cases the policy is evaluated for the cases of a file instead (see `hallpass \
                  policy simulate`), with the identity policies of each case.",
    after_help = "Examples:
  hallpass policy delegation check delegate.json --management-account 111122223333
  hallpass policy delegation check delegate.json --output json
  hallpass policy delegation check delegate.json --cases cases.jsonl --expect"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(super) struct Args {
    /// The policy; `-` for standard input
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// The Identity Center instance [default: the first that the policy names]
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// The management account, to test by name
    #[arg(long, value_name = "ID")]
    management_account: Option<String>,
    /// Condition key of every request
    #[arg(long, value_name = "KEY=VALUE", num_args = 1..)]
    context: Vec<String>,
    /// Also show denied calls; formats other than `table` always do
    #[arg(long)]
    all: bool,
    /// Accept identifiers of any length, as in teaching material
    #[arg(long)]
    lenient_ids: bool,
    /// Evaluate these cases instead, one JSON object per line; `-` for standard input
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Compare with each case's `expected`; prints differences on stderr, exit 1
    #[arg(long, requires = "cases")]
    expect: bool,
    /// Print the deciding statements
    #[arg(long, requires = "cases")]
    explain: bool,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.output.format();
    let text = read_text(&args.policy, FILE_BYTES_MAX)?;
    if let Some(cases) = &args.cases {
        return answer(args, &text, Input::open(cases)?);
    }
    let report = report(args, &text)?;
    print(args, format, &report)?;
    Ok(if report.escalations.is_empty() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

fn answer(args: &Args, text: &str, input: Input) -> Outcome {
    let policy = Policy::parse(text, PolicyType::Identity)
        .map_err(|error| Failure::from(hallpass_iam::BadInput::from(error)))?;
    let name = args.policy.display().to_string();
    let policy = Arc::new(policy.named(name));
    let options = args.reading.options(args.explain)?;
    let judge = |line: &str, number| {
        simulate_changed(line, number, &options, |case| {
            case.layers.identity.push(Arc::clone(&policy));
        })
    };
    let mut stdout = io::stdout().lock();
    Ok(answer_all(input, &mut stdout, 1, args.expect, &judge)?.exit())
}

fn report(args: &Args, text: &str) -> Result<DelegationReport, Failure> {
    let context = args.context.iter().map(|pair| {
        let pair = pair.split_once('=').filter(|(key, _)| !key.is_empty());
        let (key, value) = pair.ok_or_else(|| {
            Failure::bad_input("write a condition key as KEY=VALUE")
                .code("E_ARG")
                .at("--context")
        })?;
        Ok((key.to_owned(), value.to_owned()))
    });
    let question = DelegationQuestion {
        instance: args.instance.clone(),
        management_account: args.management_account.clone(),
        context: context.collect::<Result<_, Failure>>()?,
        lengths: if args.lenient_ids {
            Lengths::Lenient
        } else {
            Lengths::Exact
        },
    };
    Ok(check(text, &question)?)
}

fn print(args: &Args, format: Format, report: &DelegationReport) -> Result<(), Failure> {
    match format {
        Format::Table => output::print(&for_people(report, args.all))?,
        Format::Json => output::one(format, report, &[], String::new)?,
        Format::Csv => output::list(format, &report.matrix, FIELDS, output::Table::default)?,
        Format::Jsonl => {
            let mut lines = String::new();
            for row in &report.matrix {
                lines.push_str(&output::compact(row)?);
            }
            for found in &report.escalations {
                lines.push_str(&output::compact(&json!({"escalation": found}))?);
            }
            for found in &report.ineffective {
                lines.push_str(&output::compact(&json!({"ineffective": found}))?);
            }
            output::print(&lines)?;
        }
    }
    if format != Format::Json {
        warn(&report.warnings);
    }
    Ok(())
}

fn for_people(report: &DelegationReport, all: bool) -> String {
    let is_shown = |row: &&DelegatedCall| all || row.decision == Decision::Allowed;
    let mut table =
        output::Table::new(&["action", "account", "permission set", "decision", "lacks"]);
    let mut shown = 0_usize;
    for row in report.matrix.iter().filter(is_shown) {
        shown += 1;
        table.row([
            row.action.clone(),
            row.account.clone().unwrap_or_else(|| "-".to_owned()),
            row.permission_set.clone().unwrap_or_else(|| "-".to_owned()),
            row.decision.to_string(),
            row.blocked_by.join(", "),
        ]);
    }
    let mut text = String::new();
    if shown > 0 {
        text.push_str(&table.text(output::width()));
    }
    let allowed = report
        .matrix
        .iter()
        .filter(|row| row.decision == Decision::Allowed)
        .count();
    let _ = writeln!(
        text,
        "{allowed} of {} calls are allowed",
        report.matrix.len()
    );
    for (rest, actions) in grouped(report.escalations.iter().map(|it| {
        let rest = format!("on {}: {}", plain(&it.on.join(", ")), it.why);
        (rest, it.action.as_str())
    })) {
        let _ = writeln!(text, "escalation: {actions} {rest}");
    }
    for (rest, actions) in grouped(report.ineffective.iter().map(|it| {
        let rest = match it.missing.as_slice() {
            [] => "denied, or never allowed together".to_owned(),
            missing => format!("missing {}", missing.join(", ")),
        };
        (rest, it.action.as_str())
    })) {
        let _ = writeln!(text, "never allowed, {rest}: {actions}");
    }
    text
}

fn grouped<'a>(said: impl Iterator<Item = (String, &'a str)>) -> Vec<(String, String)> {
    let mut groups: Vec<(String, String)> = Vec::new();
    for (words, action) in said {
        match groups.iter_mut().find(|(it, _)| *it == words) {
            Some((_, actions)) => {
                actions.push_str(", ");
                actions.push_str(action);
            }
            None => groups.push((words, action.to_owned())),
        }
    }
    groups
}
