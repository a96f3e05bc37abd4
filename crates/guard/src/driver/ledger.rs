//! Seals records onto the journal and queues them until written.

use std::collections::VecDeque;

use hallpass_audit::{Draft, Head, seal};
use hallpass_base::Timestamp;

use super::Guard;
use crate::JournalFault;

/// Queue limit; beyond, the oldest are lost and reported.
const WAITING_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct Book {
    waiting: VecDeque<Draft>,
    end: LedgerEnd,
}

#[derive(Default)]
enum LedgerEnd {
    /// Must be reread: at the start, and after an uncertain append.
    #[default]
    Unknown,
    Known(Option<Head>),
}

impl Guard {
    /// Writes or queues records: a failed journal blocks no end.
    pub(super) async fn write(&self, drafts: impl IntoIterator<Item = Draft>) {
        let mut book = self.book.lock().await;
        book.waiting.extend(drafts);
        while book.waiting.len() > WAITING_MAX {
            book.waiting.pop_front();
            tracing::error!("a record of the guard is lost: too many wait for its journal");
        }
        self.flush(&mut book).await;
    }

    pub async fn write_waiting(&self) {
        let mut book = self.book.lock().await;
        self.flush(&mut book).await;
    }

    async fn flush(&self, book: &mut Book) {
        let written = self.append_all(book).await;
        let waiting = book.waiting.len();
        self.state().unwritten = u64::try_from(waiting).unwrap_or(u64::MAX);
        if let Err(fault) = written {
            book.end = LedgerEnd::Unknown;
            tracing::error!(error = %fault, waiting, "the guard's journal cannot be written; it is tried again");
        }
    }

    async fn append_all(&self, book: &mut Book) -> Result<(), JournalFault> {
        while let Some(draft) = book.waiting.front() {
            let end = match &book.end {
                LedgerEnd::Known(end) => end.clone(),
                LedgerEnd::Unknown => {
                    let last = self.ports.journal.last().await?;
                    if last.as_ref().is_some_and(|last| last.id() == draft.id()) {
                        // the earlier append took effect
                        book.end = LedgerEnd::Known(last.as_ref().map(head_of));
                        book.waiting.pop_front();
                        continue;
                    }
                    last.as_ref().map(head_of)
                }
            };
            let sealed = seal(draft.clone(), end.as_ref()).map_err(|error| JournalFault {
                place: "journal".to_owned(),
                message: error.to_string(),
            });
            let record = match sealed {
                Ok(record) => record,
                Err(fault) => {
                    // it can never be written, and would block its successors
                    book.waiting.pop_front();
                    return Err(fault);
                }
            };
            self.ports.journal.append(&record).await?;
            book.end = LedgerEnd::Known(Some(head_of(&record)));
            book.waiting.pop_front();
        }
        Ok(())
    }
}

fn head_of(record: &hallpass_audit::Record) -> Head {
    Head {
        seq: record.seq(),
        hash: record.hash().to_owned(),
        time: Timestamp::UNIX_EPOCH,
    }
}
