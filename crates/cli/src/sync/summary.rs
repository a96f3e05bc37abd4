use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::{self, Format, Table};
use serde::{Deserialize, Serialize};

use super::run_folder::SyncFolder;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Summary {
    snapshot_id: String,
    state: String,
    ok: usize,
    failed: usize,
    skipped: usize,
    carried: usize,
    rows: u64,
    failures: Vec<FailedSlices>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FailedSlices {
    stage: String,
    code: String,
    operation: String,
    message: String,
    slices: usize,
    tables: Vec<String>,
    accounts: Vec<String>,
}

/// Limit for people; JSON has all names.
const NAMES_SHOWN: usize = 4;

impl Summary {
    pub(super) fn parse(text: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(text).map_err(Failure::bug)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.failed == 0 && self.carried == 0
    }

    pub(super) fn tell(&self, format: Format, folder: &SyncFolder) -> Result<(), Failure> {
        let fields = [
            "snapshot_id",
            "state",
            "ok",
            "failed",
            "skipped",
            "carried",
            "rows",
        ];
        output::one(format, self, &fields, || format!("{}\n", self.snapshot_id))?;
        if !self.failures.is_empty() {
            output::say(self.failures().trim_end());
        }
        let (calls, again, seconds) = folder.effort();
        let Self {
            state,
            ok,
            failed,
            skipped,
            carried,
            rows,
            ..
        } = self;
        output::say(&format!(
            "{state}: ok {ok}, failed {failed}, skipped {skipped}, carried {carried}, rows {rows}, \
             calls {calls}, retries {again}, seconds {seconds:.1}"
        ));
        Ok(())
    }

    fn failures(&self) -> String {
        let mut table = Table::new(&[
            "=CODE",
            "STAGE",
            "OPERATION",
            "SLICES",
            "TABLES",
            "ACCOUNTS",
            "MESSAGE",
        ]);
        for failure in &self.failures {
            table.row([
                failure.code.clone(),
                failure.stage.clone(),
                failure.operation.clone(),
                failure.slices.to_string(),
                some_of(&failure.tables),
                some_of(&failure.accounts),
                failure.message.clone(),
            ]);
        }
        table.text(output::width())
    }
}

fn some_of(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_SHOWN).map(String::as_str).collect();
    let shown = shown.join(", ");
    match names.len().checked_sub(NAMES_SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}
