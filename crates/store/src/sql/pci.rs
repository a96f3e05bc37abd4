//! Runs about passwords and activity, in one row. The state is long, so that pages do not read it.

use async_trait::async_trait;
use hallpass_activity::{FailedPciRun, KeptPci, PciState, PciStore, PciStoreFault, WholePciRun};

use super::{SqlStore, number};
use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::{body, read_body};

impl From<StorageFault> for PciStoreFault {
    fn from(fault: StorageFault) -> Self {
        Self::Unavailable(fault.text())
    }
}

type FoundRow = (i64, Option<String>, Option<String>);

fn kept(tx: &Transaction<'_>) -> Result<KeptPci, StorageFault> {
    let row: Option<FoundRow> = tx
        .prepare("SELECT version, report, failed FROM pci_runs")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((version, report, failed)) = row else {
        return Ok(KeptPci::default());
    };
    Ok(KeptPci {
        version: u64::try_from(version).unwrap_or_default(),
        report: report
            .map(|text| read_body("report about people", &text))
            .transpose()?,
        failed: failed
            .map(|text| read_body("failed run about people", &text))
            .transpose()?,
    })
}

fn text_of(tx: &Transaction<'_>, column: &'static str) -> Result<Option<String>, StorageFault> {
    let text: Option<Option<String>> = tx
        .prepare(&format!("SELECT {column} FROM pci_runs"))?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(text.flatten())
}

fn is_next(tx: &Transaction<'_>, version: u64) -> Result<bool, StorageFault> {
    let sql = if version == 0 {
        "INSERT INTO pci_runs (only, version) VALUES (1, ?1) ON CONFLICT (only) DO NOTHING"
    } else {
        "UPDATE pci_runs SET version = ?1 WHERE version = ?1 - 1"
    };
    let written = tx.prepare(sql)?.execute([number(version + 1)])?;
    Ok(written == 1)
}

fn first(is_ours: bool) -> Result<(), PciStoreFault> {
    is_ours.then_some(()).ok_or(PciStoreFault::Raced)
}

#[async_trait]
impl PciStore for SqlStore {
    async fn kept_pci(&self) -> Result<KeptPci, PciStoreFault> {
        Ok(self.list(kept).await?)
    }

    async fn pci_state(&self) -> Result<Option<PciState>, PciStoreFault> {
        let text = self.list(|tx| text_of(tx, "state")).await?;
        text.map(|text| PciState::read(&text))
            .transpose()
            .map_err(|error| PciStoreFault::Unavailable(format!("the stored state: {error}")))
    }

    async fn pci_evidence(&self) -> Result<Option<String>, PciStoreFault> {
        Ok(self.list(|tx| text_of(tx, "evidence")).await?)
    }

    async fn keep_pci_run(&self, version: u64, run: WholePciRun) -> Result<(), PciStoreFault> {
        let WholePciRun {
            report,
            evidence,
            state,
        } = run;
        let state = state.map(|it| it.text()).transpose();
        let state = state.map_err(|error| PciStoreFault::Unavailable(error.to_string()))?;
        let keep = move |tx: &Transaction<'_>| {
            let is_ours = is_next(tx, version)?;
            if is_ours {
                tx.prepare(
                    "UPDATE pci_runs SET report = ?1, evidence = ?2, state = ?3, failed = NULL",
                )?
                .execute((body(&report)?, evidence, state))?;
            }
            Ok(is_ours)
        };
        first(self.write(keep).await?)
    }

    async fn keep_pci_failure(
        &self,
        version: u64,
        failed: FailedPciRun,
    ) -> Result<(), PciStoreFault> {
        let keep = move |tx: &Transaction<'_>| {
            let is_ours = is_next(tx, version)?;
            if is_ours {
                tx.prepare("UPDATE pci_runs SET failed = ?1")?
                    .execute([body(&failed)?])?;
            }
            Ok(is_ours)
        };
        first(self.write(keep).await?)
    }
}
