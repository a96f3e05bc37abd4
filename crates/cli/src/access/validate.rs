use std::fmt::Write as _;
use std::path::PathBuf;

use hallpass_access_files::FileFinding;
use hallpass_app::chores::access_look::{plain_lines, read_files};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, OutputArgs};
use serde::Serialize;

const FIELDS: &[&str] = &["severity", "file", "line", "column", "message", "help"];

/// Check files without calling AWS
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Check files without calling AWS\n\nSeveral files are read as one. Exit 2 when \
                  there are errors, and with --fail-on-findings 3 when there are warnings. \
                  `hallpass access plan` checks the names of accounts, groups and people.",
    after_help = "Examples:
  hallpass access validate access.yaml
  hallpass access validate sets.toml teams/*.yaml --fail-on-findings"
)]
pub(super) struct Args {
    /// The files: YAML, TOML or JSON
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Exit 3 on warnings
    #[arg(long)]
    fail_on_findings: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// All findings.
#[derive(Debug, Serialize)]
struct ValidationReport<'a> {
    errors: usize,
    warnings: usize,
    permission_sets: usize,
    blocks: usize,
    findings: &'a [FileFinding],
}

pub(super) fn run(args: &Args) -> Outcome {
    let read = read_files(&args.files)?;
    let errors = read.findings.iter().filter(|it| it.is_error()).count();
    let report = ValidationReport {
        errors,
        warnings: read.findings.len() - errors,
        permission_sets: read.file.as_ref().map_or(0, |file| file.sets.len()),
        blocks: read.file.as_ref().map_or(0, |file| file.assignments.len()),
        findings: &read.findings,
    };
    print(args.output.format(), &report)?;
    Ok(if report.errors > 0 {
        Exit::BadInput
    } else if report.warnings > 0 && args.fail_on_findings {
        Exit::Findings
    } else {
        Exit::Ok
    })
}

fn print(format: Format, report: &ValidationReport<'_>) -> Result<(), Failure> {
    let mut text = String::new();
    for finding in report.findings {
        text.push_str(&plain_lines(&finding.to_string()));
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "{} permission sets, {} blocks of assignments: {} errors, {} warnings",
        report.permission_sets, report.blocks, report.errors, report.warnings
    );
    match format {
        Format::Table => return output::print(&text),
        Format::Json | Format::Jsonl | Format::Csv => output::say(text.trim_end()),
    }
    match format {
        Format::Csv => output::list(format, report.findings, FIELDS, output::Table::default),
        Format::Table | Format::Json | Format::Jsonl => {
            output::one(format, report, &[], String::new)
        }
    }
}
