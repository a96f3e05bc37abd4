//! `evaluate`: answers the queries of alert rules, each over the newest snapshot that tried to
//! collect every table it reads. Internal: `hallpass query alerts` calls it and interprets the
//! answers (`inventory.md` R-1).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::time::Duration;

use hallpass_activity::ActivityManifest;
use hallpass_alerts::{
    AlertJob, AlertQuestion, AlertRuleId, AskedRule, ReadTable, RunAnswer, RunRows, SliceFault,
};
use hallpass_base::TimeSpan;
use hallpass_inventory::{InventoryTable, SliceOutcome, SnapshotRecord, table};
use jiff::Timestamp;
use serde_json::Value;

use crate::commands::query::statement_of;
use crate::dataset::{Dataset, inventory_tables};
use crate::engine::{QueryEngine, QueryLimits, ReadStatement};
use crate::failure::{QueryExit, QueryFailure, QueryOutcome};
use crate::folder::{Manifest, SnapshotFolder, SnapshotsAt};
use crate::output::{self, Sheet};

/// Answer the queries of alert rules
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Location of the snapshots: a folder, or `s3://bucket/prefix`
    #[arg(long, value_name = "PLACE", default_value = "snapshots")]
    folder: SnapshotsAt,
}

/// Limits of one rule's query.
const LIMITS: QueryLimits = QueryLimits {
    time: Duration::from_mins(1),
    rows: 10_000,
    memory_bytes: 512 * 1024 * 1024,
};

/// Maximum age of activity data. Many users ingest once a day.
const INGESTED_WITHIN: TimeSpan = TimeSpan::hours(48);
const ACCOUNTS: &str = "aws_organizations_accounts";

pub(crate) async fn run(args: &Args, now: Timestamp) -> QueryOutcome {
    let mut text = String::new();
    let read = io::stdin().read_to_string(&mut text);
    read.map_err(|error| QueryFailure::unreadable("standard input", error))?;
    let job: AlertJob = serde_json::from_str(&text).map_err(QueryFailure::bug)?;
    let folder = SnapshotFolder::open(&args.folder).await?;
    let mut manifests = folder.list().await?;
    if let Some(ids) = &job.snapshots {
        if let Some(absent) = ids.iter().find(|id| !has(&manifests, id)) {
            let message = format!("there is no snapshot `{absent}` in `{folder}`");
            return Err(QueryFailure::bad_input(message));
        }
        manifests.retain(|it| ids.iter().any(|id| id == it.record.id.as_str()));
    }
    let mut evaluation = Evaluation {
        dataset: Dataset::Kept {
            activity: folder.activity()?,
            folder,
            manifests,
            chosen: None,
        },
        now: job.as_of.unwrap_or(now),
        goes_on: false,
        in_the_way: None,
    };
    let mut answers: BTreeMap<AlertRuleId, RunAnswer> = BTreeMap::new();
    for rule in &job.rules {
        if let Some(answer) = evaluation.answer(rule).await? {
            answers.insert(rule.id.clone(), answer);
        }
        if evaluation.goes_on && evaluation.in_the_way.is_none() {
            evaluation.in_the_way = Some(rule.id.clone());
        }
    }
    let text = serde_json::to_string(&answers).map_err(QueryFailure::bug)?;
    output::print((text + "\n").as_bytes())?;
    Ok(QueryExit::Ok)
}

fn has(manifests: &[Manifest], id: &str) -> bool {
    manifests.iter().any(|it| it.record.id.as_str() == id)
}

struct Evaluation {
    dataset: Dataset,
    now: Timestamp,
    /// A query passed a limit and still runs. No other query starts.
    goes_on: bool,
    in_the_way: Option<AlertRuleId>,
}

impl Evaluation {
    /// Answers one rule; `None` if it already ran over this snapshot.
    async fn answer(&mut self, rule: &AskedRule) -> Result<Option<RunAnswer>, QueryFailure> {
        let read = match self.statement(rule) {
            Ok(read) => read,
            Err(failure) => return Ok(Some(failed(None, Vec::new(), &failure))),
        };
        let (activity, tables): (Vec<_>, Vec<_>) = inventory_tables(&read)
            .into_iter()
            .partition(|it| it.name == ActivityManifest::TABLE);
        let chosen = self.choose(&tables);
        let record = chosen.and_then(|index| self.record(index));
        let snapshot = record.map(|it| it.id.to_string());
        let snapshot = if activity.is_empty() {
            snapshot
        } else {
            self.with_activity(snapshot.filter(|_| !tables.is_empty()), tables.is_empty())
        };
        if snapshot.is_some() && snapshot == rule.unless {
            return Ok(None);
        }
        let of_activity = activity.iter();
        let of_activity = of_activity.map(|it| self.read_activity(it.name, rule.every));
        let read_tables: Vec<ReadTable> = tables
            .iter()
            .map(|it| read_table(it.name, record))
            .chain(of_activity)
            .collect();
        let is_whole = read_tables
            .iter()
            .all(|it| !it.asked.is_empty() && it.failed.is_empty() && it.carried == 0);
        let members = self.members(chosen).await?;
        let result = if is_whole {
            match self.rows(&read).await {
                Ok(result) => result,
                Err(failure) => return Ok(Some(failed(snapshot, read_tables, &failure))),
            }
        } else {
            RunRows::NotAsked
        };
        Ok(Some(RunAnswer {
            snapshot,
            tables: read_tables,
            members,
            result,
        }))
    }

    /// Returns the newest snapshot that tried to collect every table. Failed collections count, so
    /// that failures are reported.
    fn choose(&mut self, tables: &[&'static InventoryTable]) -> Option<usize> {
        let Dataset::Kept {
            manifests, chosen, ..
        } = &mut self.dataset
        else {
            return None;
        };
        let asked = |it: &Manifest| {
            let mut tables = tables.iter();
            tables.all(|table| it.record.slices_of(table.name).next().is_some())
        };
        *chosen = manifests.iter().rposition(asked);
        *chosen
    }

    /// Names the input of a rule that reads the activity table: the snapshot, if it reads one, then
    /// the run that wrote the table.
    fn with_activity(&self, snapshot: Option<String>, is_alone: bool) -> Option<String> {
        let run = self.activity().map(|it| &it.run)?;
        match snapshot {
            Some(snapshot) => Some(format!("{snapshot} {run}")),
            None => Some(run.clone()).filter(|_| is_alone),
        }
    }

    fn activity(&self) -> Option<&ActivityManifest> {
        match &self.dataset {
            Dataset::Kept { activity, .. } => activity.as_ref(),
            Dataset::Given(_) => None,
        }
    }

    /// Returns the accounts that have activity. Gaps in the log files are unknown here; `activity
    /// ingest` reports them. Activity older than twice the interval of the rule, and than two days,
    /// is stale: otherwise findings would appear resolved when log ingestion stops.
    fn read_activity(&self, name: &str, every: Option<TimeSpan>) -> ReadTable {
        let activity = self.activity();
        let accounts = activity.into_iter().flat_map(|it| it.accounts.keys());
        let is_old = activity.zip(every).is_some_and(|(it, every)| {
            let patience = TimeSpan::seconds(every.as_seconds().saturating_mul(2));
            let patience = patience.max(INGESTED_WITHIN);
            patience.after(it.sealed) < self.now
        });
        let fault = SliceFault {
            account: None,
            stage: "ingest".to_owned(),
            code: "NothingIngested".to_owned(),
        };
        ReadTable {
            table: name.to_owned(),
            asked: accounts.map(|account| format!("{account} *")).collect(),
            failed: is_old.then_some(fault).into_iter().collect(),
            ..ReadTable::default()
        }
    }

    fn record(&self, index: usize) -> Option<&SnapshotRecord> {
        match &self.dataset {
            Dataset::Kept { manifests, .. } => manifests.get(index).map(|it| &it.record),
            Dataset::Given(_) => None,
        }
    }

    async fn members(
        &self,
        chosen: Option<usize>,
    ) -> Result<Option<BTreeSet<String>>, QueryFailure> {
        let (
            Dataset::Kept {
                folder, manifests, ..
            },
            Some(index),
        ) = (&self.dataset, chosen)
        else {
            return Ok(None);
        };
        let has_list = |it: &&Manifest| {
            let mut slices = it.record.slices_of(ACCOUNTS);
            slices.any(|it| matches!(it.outcome, SliceOutcome::Ok { .. }))
        };
        let mut earlier = manifests.iter().take(index + 1).rev();
        let (Some(manifest), Some(accounts)) = (earlier.find(has_list), table(ACCOUNTS)) else {
            return Ok(None);
        };
        let Some((column, _)) = accounts.column("id") else {
            return Ok(None);
        };
        let rows = folder.rows(manifest, accounts).await?.unwrap_or_default();
        let ids = rows.iter().filter_map(|row| row.get(column)?.as_text());
        Ok(Some(ids.map(str::to_owned).collect()))
    }

    /// Parses the statement of a rule, unless another query still runs.
    fn statement(&self, rule: &AskedRule) -> Result<ReadStatement, QueryFailure> {
        match &self.in_the_way {
            Some(other) => Err(QueryFailure::failed(format!(
                "not run: the query of rule `{other}` passed a limit and could not be stopped"
            ))),
            None => statement(rule),
        }
    }

    async fn rows(&mut self, read: &ReadStatement) -> Result<RunRows, QueryFailure> {
        let engine = QueryEngine::new(self.now, LIMITS).map_err(QueryFailure::bug)?;
        self.dataset.register(&engine, read)?;
        let answer = engine.answer(read).await;
        self.goes_on |= engine.goes_on();
        let sheet = Sheet::of_answer(&answer?);
        let rows = sheet.objects().filter_map(|row| match row {
            Value::Object(members) => Some(members),
            _ => None,
        });
        Ok(RunRows::Rows {
            rows: rows.collect(),
            columns: sheet.columns,
        })
    }
}

fn statement(rule: &AskedRule) -> Result<ReadStatement, QueryFailure> {
    let (sql, parameters) = match &rule.question {
        AlertQuestion::Sql(sql) => (sql.clone(), rule.parameters.clone()),
        AlertQuestion::Shipped(name) => statement_of(name, &rule.parameters)?,
    };
    let read = ReadStatement::parse(&sql, &parameters)?;
    if read.is_explained {
        let failure = QueryFailure::bad_input("the query of a rule answers rows, not a plan");
        return Err(failure.help("take `EXPLAIN` away"));
    }
    Ok(read)
}

fn failed(snapshot: Option<String>, tables: Vec<ReadTable>, failure: &QueryFailure) -> RunAnswer {
    RunAnswer {
        snapshot,
        tables,
        members: None,
        result: RunRows::Failed {
            message: failure.sentence(),
        },
    }
}

fn read_table(name: &str, record: Option<&SnapshotRecord>) -> ReadTable {
    let mut read = ReadTable {
        table: name.to_owned(),
        ..ReadTable::default()
    };
    for slice in record.into_iter().flat_map(|it| it.slices_of(name)) {
        let account = slice.key.account.as_deref();
        let (place, region) = (account.unwrap_or("*"), &slice.key.region);
        read.asked.insert(format!("{place} {region}"));
        read.carried += u64::from(matches!(slice.outcome, SliceOutcome::Carried { .. }));
        read.failed
            .extend(slice.outcome.failures().take(1).map(|failure| SliceFault {
                account: account.map(str::to_owned),
                stage: failure.stage.clone(),
                code: failure.code.clone(),
            }));
    }
    read
}
