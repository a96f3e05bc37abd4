use std::path::PathBuf;

use clap::ValueEnum;
use hallpass_activity::seed;
use hallpass_app::host::home_region::home_region;
use hallpass_app::log_files::Fingerprints;
use hallpass_app::reports::pci::{EmitTarget, RanReport, evidence, region_of, send};
use hallpass_app::setup::opening::ConfigArgs;
use hallpass_store::{Existing, write_private};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};
use serde_json::Value;

use super::args::ReadArgs;
use super::reading::{RegionsOf, read};
use super::render;

/// Show password age and last activity of all people
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show password age and last activity of all people\n\nLogs of CloudTrail are \
                  read once, in any order; broken files are named and skipped (exit 1). People \
                  without events are over a limit only if the log reaches back that far, else \
                  unknown. The age of a password is an upper bound: CloudTrail has no resets by \
                  users themselves.",
    after_help = "Examples:
  hallpass activity pci report --users users.json --source dir:trail --regions eu-west-1
  hallpass activity pci report --users users.json --events *.json.gz \\
      --coverage-from 2026-08-01T00:00:00Z --output csv
  hallpass activity pci report --users users.json --source dir:trail --evidence pci.json"
)]
pub(super) struct Args {
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// Print the people over a limit in this form, in place of the report
    #[arg(long, value_enum, value_name = "FORM")]
    emit: Option<EmittedForm>,
    /// Write that list to this file or send it to this queue, and print the report
    #[arg(long, value_name = "FILE|sqs:URL", requires = "emit")]
    emit_to: Option<EmitTarget>,
    /// Write the report's inputs with fingerprints of all files
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Exit 3 if a person is over a limit
    #[arg(long)]
    fail_on_findings: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// `--emit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EmittedForm {
    /// Records with lists of names
    Seed,
}

pub(super) fn run(args: &Args) -> Outcome {
    let loaded = args.config.load()?;
    let fingerprints = match args.evidence {
        Some(_) => Fingerprints::Sha256,
        None => Fingerprints::None,
    };
    let asked = (fingerprints, RegionsOf::Source);
    let ran = read(&args.read, &loaded, hallpass_base::clock::now(), asked)?;
    if let Some(path) = &args.evidence {
        let params = args.read.words(ran.as_of, ran.limits);
        let text = evidence(&ran, &params, usize::MAX)?;
        write_private(path, text.as_bytes(), Existing::Replaced)
            .map_err(|error| Failure::unwritable(path.display(), &error))?;
    }
    print(args, &ran)?;
    render::tell(&ran);
    let has_findings = args.fail_on_findings && !ran.report.alerts.is_empty();
    Ok(if !ran.is_whole() {
        Exit::Failed
    } else if has_findings {
        Exit::Findings
    } else {
        Exit::Ok
    })
}

fn print(args: &Args, ran: &RanReport) -> Result<(), Failure> {
    let list = match args.emit {
        None => return render::show(ran, args.output.format()),
        Some(EmittedForm::Seed) => seed(&ran.report),
    };
    let text = output::compact(&list)?;
    match &args.emit_to {
        None => return output::print(&text),
        Some(EmitTarget::File(path)) => {
            write_private(path, text.as_bytes(), Existing::Replaced)
                .map_err(|error| Failure::unwritable(path.display(), &error))?;
        }
        Some(EmitTarget::Queue(url)) => emit(url, &list, &text, ran)?,
    }
    render::show(ran, args.output.format())
}

/// Sends a non-empty list. A list from an incomplete log is not sent: its consumer may act on it.
fn emit(url: &str, list: &Value, text: &str, ran: &RanReport) -> Result<(), Failure> {
    let records = list["Records"].as_array().map_or(0, Vec::len);
    if !ran.is_whole() {
        output::say("nothing is sent: files were skipped or are not as delivered");
        return Ok(());
    }
    if records == 0 {
        output::say("nothing is sent: no user is over a limit");
        return Ok(());
    }
    let own = || std::env::var("AWS_REGION").ok().filter(|it| !it.is_empty());
    let region = home_region(region_of(url).or_else(own).as_ref())?;
    send(url, region, text)?;
    output::say(&format!("sent to `{url}`"));
    Ok(())
}
