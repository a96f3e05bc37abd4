use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use hallpass_iam::perimeter::{
    AccountCoverage, CoveringPolicy, Guardrails, GuardrailsError, SideCoverage, Tree, coverage,
};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};
use serde::Serialize;

const ATTACHMENTS: &str = "attachments.json";

const FIELDS: &[&str] = &[
    "account",
    "name",
    "path",
    "resource",
    "resource_by",
    "identity",
    "identity_by",
    "network",
    "network_by",
    "open",
    "notes",
];

/// List the accounts behind each side of a boundary
#[derive(Debug, clap::Args)]
#[command(
    long_about = "List the accounts behind each side of a boundary\n\nThe folder holds policies, \
                  each in a file, and `attachments.json` with their targets:\n\n  \
                  {\"attachments\": [{\"policy\": \"boundary.json\", \"type\": \"scp\", \
                  \"targets\": [\"Workloads\"]}]}\n\nTypes are scp and rcp, targets ids or names \
                  of the tree. FullAWSAccess is at every level except those listed under \
                  \"without_full_access\". Each account is tested with calls to S3 that have one \
                  end outside; a side is covered when all of them are denied while the same calls \
                  inside go through.",
    after_help = "Examples:
  hallpass policy perimeter coverage --policies policies --tree organization.json
  hallpass policy perimeter coverage --policies policies --tree organization.json \\
      --require resource,identity --output json"
)]
pub(super) struct Args {
    /// Folder with the policies and `attachments.json`
    #[arg(long, value_name = "DIR")]
    policies: PathBuf,
    /// The organization: its root, OUs and accounts
    #[arg(long, value_name = "FILE")]
    tree: PathBuf,
    /// Exit 1 if a member account is not covered on these sides
    #[arg(long, value_enum, value_name = "SIDE", value_delimiter = ',')]
    require: Vec<SideArg>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SideArg {
    /// Trusted resources
    Resource,
    /// Trusted identities
    Identity,
    /// Expected networks
    Network,
}

/// One account, flat.
#[derive(Debug, Serialize)]
struct CoverageRow {
    account: String,
    name: String,
    path: String,
    resource: &'static str,
    resource_by: Vec<String>,
    identity: &'static str,
    identity_by: Vec<String>,
    network: &'static str,
    network_by: Vec<String>,
    open: Vec<String>,
    notes: Vec<String>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let tree = Tree::read(&super::read(&args.tree)?)?;
    let rails = guardrails(&args.policies, &tree)?;
    say_unattached(&args.policies, &rails);
    let accounts = coverage(&tree, &rails).map_err(Failure::bug)?;
    let management: Vec<bool> = tree.accounts().iter().map(|it| it.is_management).collect();
    let gap = accounts
        .iter()
        .zip(management)
        .any(|(account, is_management)| !is_management && lacks(account, &args.require));
    let rows: Vec<CoverageRow> = accounts.into_iter().map(row).collect();
    output::list(args.output.format(), &rows, FIELDS, || table(&rows))?;
    Ok(if gap { Exit::Failed } else { Exit::Ok })
}

fn guardrails(folder: &Path, tree: &Tree) -> Result<Guardrails, Failure> {
    let list = super::read(&folder.join(ATTACHMENTS))?;
    let policy = |name: &str| {
        let plain = Path::new(name).file_name() == Some(OsStr::new(name));
        plain
            .then(|| super::read(&folder.join(name)).ok())
            .flatten()
    };
    Guardrails::read(&list, tree, policy).map_err(|error| match error {
        GuardrailsError::Attachments(bad) => bad.into(),
        GuardrailsError::Policy { name, error } => super::refused(&name, &error),
    })
}

/// Warns about unattached policies, which are probably forgotten.
fn say_unattached(folder: &Path, rails: &Guardrails) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension() == Some(OsStr::new("json")))
        .filter(|name| name != ATTACHMENTS)
        .filter(|name| !rails.used().contains(name))
        .collect();
    names.sort_unstable();
    for name in names {
        output::say(&format!(
            "warning: `{}` is attached nowhere",
            output::plain(&name)
        ));
    }
}

fn lacks(account: &AccountCoverage, required: &[SideArg]) -> bool {
    required.iter().any(|side| {
        let side = match side {
            SideArg::Resource => &account.resource,
            SideArg::Identity => &account.identity,
            SideArg::Network => &account.network,
        };
        !side.covered
    })
}

fn row(account: AccountCoverage) -> CoverageRow {
    let yes = |side: &SideCoverage| if side.covered { "yes" } else { "no" };
    let by = |side: &SideCoverage| side.by.iter().map(by_words).collect();
    let sides = [&account.resource, &account.identity, &account.network];
    let open = sides.iter().filter(|side| !side.by.is_empty());
    let mut notes: Vec<String> = Vec::new();
    for note in sides.iter().filter_map(|side| side.note) {
        if !notes.iter().any(|known| known == note) {
            notes.push(note.to_owned());
        }
    }
    CoverageRow {
        resource: yes(&account.resource),
        resource_by: by(&account.resource),
        identity: yes(&account.identity),
        identity_by: by(&account.identity),
        network: yes(&account.network),
        network_by: by(&account.network),
        // a side without a policy is open anyway
        open: open.flat_map(|side| side.open.iter().cloned()).collect(),
        notes,
        account: account.account,
        name: account.name,
        path: account.path,
    }
}

fn by_words(by: &CoveringPolicy) -> String {
    let policy = by.policy.as_deref().unwrap_or("no-allow");
    format!("{policy}@{}", by.target)
}

fn table(rows: &[CoverageRow]) -> Table {
    let mut table = Table::new(&[
        "=ACCOUNT", "NAME", "RESOURCE", "IDENTITY", "NETWORK", "NOTES",
    ]);
    let cell = |covered: &str, by: &[String]| {
        if by.is_empty() {
            covered.to_owned()
        } else {
            format!("{covered}: {}", by.join(", "))
        }
    };
    for row in rows {
        let open = row.open.iter().map(|call| format!("open: {call}"));
        let notes: Vec<String> = row.notes.iter().cloned().chain(open).collect();
        table.row([
            row.account.clone(),
            row.name.clone(),
            cell(row.resource, &row.resource_by),
            cell(row.identity, &row.identity_by),
            cell(row.network, &row.network_by),
            notes.join("; "),
        ]);
    }
    table
}
