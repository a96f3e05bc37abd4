use std::io::BufRead as _;
use std::path::PathBuf;

use hallpass_iam::suite::{DecisionChange, Replacement};
use hallpass_iam::{Case, PolicyType};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table, list};

use super::eval::{read, refused};
use crate::reading::Reading;

/// Show requests that a new policy version decides differently
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show requests that a new policy version decides differently\n\nEvaluates the \
                  requests of a file of cases, or requests derived from the two versions: their \
                  actions, resources and condition values met, missed and left out, while \
                  everything else is allowed.\n\nExit code 0; with --detailed-exitcode 3 when a \
                  decision changes.",
    after_help = "Examples:
  hallpass policy diff old.json new.json --generated
  hallpass policy diff old.json new.json --type scp --requests cases.jsonl --detailed-exitcode"
)]
pub(crate) struct Args {
    /// The current version
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The new version
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Type of both: identity, resource, trust, scp, rcp, boundary, session
    #[arg(long = "type", value_name = "TYPE", default_value = "identity")]
    kind: PolicyType,
    /// Cases as `policy simulate` reads them; adds the policy to each
    #[arg(long, value_name = "FILE", required_unless_present = "generated")]
    requests: Option<PathBuf>,
    /// Generate requests from the two versions
    #[arg(long, conflicts_with = "requests")]
    generated: bool,
    /// Exit 3 if a decision changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    let language = args.reading.scp_language.into();
    let replacement = Replacement::new(&old, &new, args.kind, language);
    let replacement = replacement.map_err(|(is_new, error)| {
        let path = if is_new { &args.new } else { &args.old };
        refused(&path.display().to_string(), &error)
    })?;
    let (asked, changes) = match &args.requests {
        None => (replacement.suggested(), replacement.changes()),
        Some(path) => of_cases(args, path, &replacement)?,
    };
    let fields = ["id", "principal", "action", "resource", "old", "new"];
    list(args.output.format(), &changes, &fields, || table(&changes))?;
    output::say(&format!(
        "{} of {asked} requests are decided differently",
        changes.len()
    ));
    Ok(if args.detailed_exitcode && !changes.is_empty() {
        Exit::Findings
    } else {
        Exit::Ok
    })
}

fn of_cases(
    args: &Args,
    path: &std::path::Path,
    replacement: &Replacement,
) -> Result<(usize, Vec<DecisionChange>), Failure> {
    let options = args.reading.options(false)?;
    let file = std::fs::File::open(path);
    let file = file.map_err(|error| Failure::unreadable(path.display(), &error))?;
    let (mut asked, mut changes) = (0, Vec::new());
    for (at, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| Failure::unreadable(path.display(), &error))?;
        if line.trim().is_empty() {
            continue;
        }
        let name = format!("{}:{}", path.display(), at + 1);
        let case = Case::read(&line, &options).map_err(|error| refused(&name, &error))?;
        asked += 1;
        let otherwise = case
            .requests()
            .filter_map(|request| replacement.change(&case.id, &case.layers, request));
        changes.extend(otherwise);
    }
    Ok((asked, changes))
}

fn table(changes: &[DecisionChange]) -> Table {
    let mut table = Table::new(&[
        "ID",
        "PRINCIPAL",
        "ACTION",
        "RESOURCE",
        "WHEN",
        "OLD",
        "NEW",
    ]);
    for change in changes {
        let when: Vec<String> = change
            .context
            .iter()
            .map(|(key, values)| format!("{key}={}", values.join(",")))
            .collect();
        table.row([
            change.id.clone(),
            change.principal.clone(),
            change.action.clone(),
            change.resource.clone(),
            when.join(" "),
            change.old.to_string(),
            change.new.to_string(),
        ]);
    }
    table
}
