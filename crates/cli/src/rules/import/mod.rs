mod elevator;
mod folder;
mod plan;
mod team;

use std::fmt::Write as _;
use std::path::Path;

use hallpass_app::host::new_file::NewFile;
use hallpass_channels::wording::lists::count;
use hallpass_imports::{ImportReport, Imported, RowOutcome};
use hallpass_rules::{RuleFile, SOURCE_BYTES_MAX, load};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, Table, plain};
use serde_json::json;

/// Write rules from another tool's settings
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  hallpass rules import team --eligibility eligibility.json \\
      --approvers approvers.json --settings settings.json
  terraform plan -out plan && terraform show -json plan > plan.json
  hallpass rules import --from-plan plan.json"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    source: Option<Source>,
    #[command(flatten)]
    plan: plan::PlanArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Source {
    Elevator(elevator::Args),
    Team(team::Args),
}

pub(crate) fn run(args: &Args) -> Outcome {
    match &args.source {
        None => plan::run(&args.plan),
        Some(Source::Elevator(args)) => elevator::run(args),
        Some(Source::Team(args)) => team::run(args),
    }
}

const FIELDS: &[&str] = &[
    "table", "file", "item", "id", "name", "outcome", "rules", "notes",
];

fn refuse_existing(path: &Path) -> Result<(), Failure> {
    // also refuse a dangling link
    if path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    Ok(())
}

fn exists(path: &Path) -> Failure {
    Failure::refused(format!(
        "`{}` exists, and an import overwrites nothing",
        path.display()
    ))
    .help("name another file with `--to`, or move this one away")
}

/// Refuses an existing file, and an extension of another syntax: loaders detect the syntax by
/// extension.
///
/// # Errors
/// Exit 4 for an existing file, exit 2 for another extension.
fn ensure_native(path: &Path) -> Result<(), Failure> {
    refuse_existing(path)?;
    let name = path.display().to_string();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    if !ending.is_some_and(|it| it.eq_ignore_ascii_case("toml")) {
        return Err(other_ending(path, "`.toml`"));
    }
    Ok(())
}

fn other_ending(path: &Path, due: &str) -> Failure {
    Failure::bad_input(format!(
        "the ending of `{}` is not {due}: by it a server knows how the rules are written",
        path.display()
    ))
    .help("name another file with `--to`")
}

/// Writes the rules atomically and prints the report. First loads them under their file name, as a
/// server does.
///
/// # Errors
/// For rules that a server would refuse, an existing file or a failed write.
fn finish(imported: &Imported, to: &Path, format: Format) -> Outcome {
    let name = to.display().to_string();
    if imported.text.len() > SOURCE_BYTES_MAX {
        let message = format!(
            "the rules come to {} KiB, and a rule file holds {} KiB at most",
            imported.text.len() >> 10,
            SOURCE_BYTES_MAX >> 10
        );
        return Err(Failure::failed(message)
            .help("remove entries of deleted accounts and people, and export again"));
    }
    let loaded = load(&RuleFile::new(name.as_str(), imported.text.as_str()));
    let _ = loaded.map_err(|errors| {
        let first = errors.first().map(ToString::to_string);
        Failure::bug(format!(
            "the rules that were made do not load: {}",
            first.unwrap_or_default()
        ))
    })?;
    NewFile::for_path(to, &imported.text)?.place(exists)?;
    print(format, &imported.report)?;
    output::say(&summary(&imported.report, &name));
    if imported.report.cannot_be_said > 0 {
        Ok(Exit::Failed)
    } else {
        Ok(Exit::Ok)
    }
}

fn print(format: Format, report: &ImportReport) -> Result<(), Failure> {
    match format {
        Format::Table => output::print(&shown(report)),
        Format::Json => output::one(format, report, &[], String::new),
        Format::Csv => output::list(format, &report.rows, FIELDS, Table::default),
        Format::Jsonl => {
            let mut lines = String::new();
            for row in &report.rows {
                lines.push_str(&output::compact(&json!({"row": row}))?);
            }
            for line in &report.configuration {
                lines.push_str(&output::compact(&json!({"configuration": line}))?);
            }
            output::print(&lines)
        }
    }
}

fn shown(report: &ImportReport) -> String {
    let mut text = String::new();
    for row in &report.rows {
        let name = if row.name.is_empty() {
            &row.id
        } else {
            &row.name
        };
        let place = match row.line {
            Some(line) => format!(" ({}:{line})", row.file),
            None => String::new(),
        };
        let head = format!(
            "{} {}{place}: {}: {}",
            row.table,
            row.item,
            name,
            row.outcome.words()
        );
        let _ = write!(text, "{}", plain(&head));
        if !row.rules.is_empty() {
            let rules: Vec<&str> = row.rules.iter().map(String::as_str).collect();
            let _ = write!(text, " ({})", plain(&rules.join(", ")));
        }
        text.push('\n');
        for note in &row.notes {
            let _ = writeln!(text, "  {}", plain(&note.to_string()));
        }
    }
    if !report.configuration.is_empty() {
        text.push_str("\nFor hallpass.toml:\n");
    }
    for line in &report.configuration {
        let _ = writeln!(text, "  {} = {}  # {}", line.key, line.value, line.about);
    }
    text
}

fn summary(report: &ImportReport, to: &str) -> String {
    let tally = [
        (report.moved, RowOutcome::Moved),
        (report.differs, RowOutcome::Differs),
        (report.cannot_be_said, RowOutcome::CannotBeSaid),
    ];
    let tally = tally.map(|(rows, outcome)| format!("{rows} {}", outcome.words()));
    let rows = count(report.rows.len(), "row");
    let rules = count(report.rules, "rule");
    format!("{}: {rules}; {rows}: {}", plain(to), tally.join(", "))
}
