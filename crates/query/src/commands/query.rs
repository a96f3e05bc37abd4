//! `query`: one statement over a snapshot.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use hallpass_base::{TimeSpan, text};
use hallpass_inventory::{HoldingGrant, Snapshot, nearest};
use jiff::Timestamp;
use serde_json::json;

use crate::dataset::{Dataset, PartialTable};
use crate::document;
use crate::engine::{QueryEngine, QueryLimits, ReadStatement};
use crate::failure::{QueryExit, QueryFailure, QueryOutcome, say};
use crate::folder::{SnapshotFolder, SnapshotsAt, WhichSnapshot};
use crate::output::{self, OutputArgs, Sheet};
use crate::saved::{SAVED, SavedQuery};

/// Run a SQL SELECT in PostgreSQL syntax over a snapshot
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass query 'SELECT account_id, count(*) FROM aws_iam_users GROUP BY 1'
  hallpass query --name keys/unused --output csv
  hallpass query --data inventory.json -f keys.sql --as-of 2026-11-20T00:00:00Z

Commands below it:
  hallpass query sync        Read the organization into a snapshot (short: hallpass sync)
  hallpass query snapshots   List, show, import, export, compare and remove snapshots
  hallpass query tables      List the tables that can be queried, or the columns of one
  hallpass query alerts      Run alert rules over snapshots, list and mute what they found

Exit codes: 0 ok, 1 failed or data are partial, 2 bad input, 4 a limit was
passed, 70 internal.")]
pub(crate) struct Args {
    #[command(flatten)]
    source: StatementArgs,

    /// Set a parameter: `$NAME` in the statement
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,

    #[command(flatten)]
    dataset: DatasetArgs,

    /// The value of `now()` [default: that of --data, or now]
    #[arg(long, value_name = "RFC3339", value_parser = hallpass_base::time::instant)]
    as_of: Option<Timestamp>,

    #[command(flatten)]
    partial: PartialArgs,

    #[command(flatten)]
    limits: LimitArgs,

    /// Print the query plan without running the query
    #[arg(long)]
    explain: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// Source of the statement.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct StatementArgs {
    /// The statement
    sql: Option<String>,

    /// Read the statement from a file; `-` is standard input
    #[arg(long, short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,

    /// Use a shipped query
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// List the shipped queries
    #[arg(long)]
    list: bool,
}

/// Location of the snapshots.
#[derive(Debug, clap::Args)]
pub(crate) struct SnapshotsAtArgs {
    /// Location of the snapshots: a folder, or `s3://bucket/prefix`
    #[arg(
        long,
        visible_alias = "snapshots",
        value_name = "PLACE",
        default_value = "snapshots"
    )]
    pub(crate) folder: SnapshotsAt,
}

/// Input data.
#[derive(Debug, clap::Args)]
pub(crate) struct DatasetArgs {
    /// Read this document instead of a snapshot: `{"now", "tables": {NAME: [row, …]}}`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folder", "snapshot"])]
    data: Option<PathBuf>,

    #[command(flatten)]
    snapshots: SnapshotsAtArgs,

    /// Snapshot: an id, a day, `previous` or `newest`
    #[arg(long, value_name = "WHICH", default_value = "newest")]
    snapshot: WhichSnapshot,
}

/// Handling of partial data.
#[derive(Debug, clap::Args)]
struct PartialArgs {
    /// Exit 0 although data are partial
    #[arg(long, conflicts_with = "require_complete")]
    allow_partial: bool,

    /// Print no rows when data are partial
    #[arg(long)]
    require_complete: bool,
}

#[derive(Debug, clap::Args)]
struct LimitArgs {
    /// Timeout
    #[arg(long, value_name = "TIME", default_value = "60s")]
    timeout: TimeSpan,

    /// Maximum number of rows
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_rows: usize,

    /// Maximum memory, in MiB
    #[arg(
        long,
        visible_alias = "memory",
        value_name = "MIB",
        default_value_t = 512
    )]
    max_memory: usize,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("`NAME=VALUE` was expected")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) async fn run(args: &Args, now: Timestamp) -> QueryOutcome {
    if args.source.list {
        return list(&args.output);
    }
    let given: BTreeMap<String, String> = args.parameters.iter().cloned().collect();
    let (sql, parameters) = args.source.statement(given)?;
    let read = ReadStatement::parse(&sql, &parameters)?;
    let (dataset, its_now) = args.dataset.open().await?;
    let limits = QueryLimits {
        time: Duration::from_secs(args.limits.timeout.as_seconds()),
        rows: args.limits.max_rows,
        memory_bytes: args.limits.max_memory.saturating_mul(1024 * 1024),
    };
    let now = args.as_of.or(its_now).unwrap_or(now);
    let engine = QueryEngine::new(now, limits).map_err(QueryFailure::bug)?;
    let partial = dataset.register(&engine, &read)?;
    if args.explain {
        output::print((engine.explain(&read).await? + "\n").as_bytes())?;
        return Ok(QueryExit::Ok);
    }
    if read.is_explained {
        let plan = engine.explain(&read).await?;
        let mut sheet = Sheet::new(&["query_plan"]);
        sheet.rows = plan.lines().map(|line| vec![json!(line)]).collect();
        args.output.sheet(&sheet)?;
        return Ok(QueryExit::Ok);
    }
    if args.partial.require_complete && !partial.is_empty() {
        tell(&partial);
        return Err(QueryFailure::failed("data are partial").code("E_PARTIAL"));
    }
    let answer = engine.answer(&read).await?;
    args.output.answer(&answer)?;
    tell(&partial);
    Ok(if partial.is_empty() || args.partial.allow_partial {
        QueryExit::Ok
    } else {
        QueryExit::Failed
    })
}

impl StatementArgs {
    fn statement(
        &self,
        given: BTreeMap<String, String>,
    ) -> Result<(String, BTreeMap<String, String>), QueryFailure> {
        if let Some(name) = &self.name {
            return statement_of(name, &given);
        }
        let sql = match (&self.sql, &self.file) {
            (Some(sql), _) => sql.clone(),
            (None, Some(path)) => read_text(path)?,
            (None, None) => String::new(),
        };
        Ok((sql, given))
    }
}

/// Returns a shipped query and its parameter values.
///
/// # Errors
/// Unknown query name or parameter.
pub(crate) fn statement_of(
    name: &str,
    given: &BTreeMap<String, String>,
) -> Result<(String, BTreeMap<String, String>), QueryFailure> {
    let Some(saved) = SavedQuery::find(name) else {
        let near = nearest(name, SAVED.iter().map(|it| it.name), 3).join("`, `");
        let failure = QueryFailure::bad_input(format!("there is no query `{name}`"));
        return Err(failure.help(format!("nearest: `{near}`; `--list` shows all")));
    };
    let own: Vec<&str> = saved.parameters.iter().map(|it| it.0).collect();
    if let Some(unknown) = given.keys().find(|it| !own.contains(&it.as_str())) {
        let message = format!("query `{name}` has no parameter `{unknown}`");
        let failure = QueryFailure::bad_input(message);
        return Err(failure.help(match own.as_slice() {
            [] => "it has none".to_owned(),
            own => format!("there are: `{}`", own.join("`, `")),
        }));
    }
    Ok((saved.sql.to_owned(), saved.parameters(given)))
}

fn read_text(path: &Path) -> Result<String, QueryFailure> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    let bytes = read.map_err(|error| QueryFailure::unreadable(path.display(), error))?;
    let text = text::decoded(&bytes)
        .map_err(|error| QueryFailure::bad_input(format!("`{}` {error}", path.display())))?;
    Ok(text.to_owned())
}

/// A stored snapshot or a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WhichData {
    Kept(WhichSnapshot),
    Document(PathBuf),
}

impl WhichData {
    pub(crate) const NEWEST: Self = Self::Kept(WhichSnapshot::Newest);
}

impl FromStr for WhichData {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(which) => Ok(Self::Kept(which)),
            Err(_) if Path::new(text).extension().is_some_and(|it| it == "json") => {
                Ok(Self::Document(text.into()))
            }
            Err(wanted) => Err(format!("{wanted}; or a document, `NAME.json`")),
        }
    }
}

/// Reads the access data of a snapshot, and the grants in the document, if any.
pub(crate) async fn access_data(
    folder: &SnapshotsAt,
    which: &WhichData,
) -> Result<(Snapshot, Vec<HoldingGrant>), QueryFailure> {
    match which {
        WhichData::Document(path) => {
            let document = document::read(path)?;
            let at = document.now.unwrap_or(Timestamp::UNIX_EPOCH);
            Ok((document.snapshot(at, 0), document.grants))
        }
        WhichData::Kept(which) => {
            let folder = SnapshotFolder::open(folder).await?;
            let manifests = folder.list().await?;
            let manifest = folder.pick(&manifests, which)?;
            Ok((folder.read_access(manifest).await?, Vec::new()))
        }
    }
}

impl DatasetArgs {
    pub(crate) async fn access(&self) -> Result<(Snapshot, Vec<HoldingGrant>), QueryFailure> {
        let which = match &self.data {
            Some(path) => WhichData::Document(path.clone()),
            None => WhichData::Kept(self.snapshot.clone()),
        };
        access_data(&self.snapshots.folder, &which).await
    }

    async fn open(&self) -> Result<(Dataset, Option<Timestamp>), QueryFailure> {
        if let Some(path) = &self.data {
            let document = document::read(path)?;
            let snapshot = document.snapshot(document.now.unwrap_or(Timestamp::UNIX_EPOCH), 0);
            return Ok((Dataset::Given(Box::new(snapshot)), document.now));
        }
        let folder = SnapshotFolder::open(&self.snapshots.folder).await?;
        let manifests = folder.list().await?;
        // without any snapshot, every table reports that it was never collected
        let chosen = match (&self.snapshot, manifests.is_empty()) {
            (WhichSnapshot::Newest, true) => None,
            (which, _) => {
                let id = folder.pick(&manifests, which)?.record.id.clone();
                manifests.iter().position(|it| it.record.id == id)
            }
        };
        let dataset = Dataset::Kept {
            activity: folder.activity()?,
            folder,
            manifests,
            chosen,
        };
        Ok((dataset, None))
    }
}

pub(crate) fn tell(partial: &[PartialTable]) {
    for PartialTable { table, groups } in partial {
        for group in groups {
            let places = group.slices.iter().take(5).map(|slice| {
                let account = slice.account.as_deref().unwrap_or("the whole table");
                format!("{account} {}", slice.region)
            });
            let places = places.collect::<Vec<_>>().join(", ");
            let more = group.slices.len().saturating_sub(5);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            let (code, stage) = (&group.code, &group.stage);
            let line = format!("partial: {table}: {code} in {stage} for {places}{more}");
            say(&text::written_out(&line));
        }
    }
}

fn list(output: &OutputArgs) -> QueryOutcome {
    let mut sheet = Sheet::new(&["name", "about", "parameters"]);
    for saved in SAVED {
        let parameters = saved
            .parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", value.unwrap_or("…")));
        let parameters = parameters.collect::<Vec<_>>().join(" ");
        sheet.rows.push(vec![
            json!(saved.name),
            json!(saved.about),
            json!(parameters),
        ]);
    }
    output.sheet(&sheet)?;
    Ok(QueryExit::Ok)
}
