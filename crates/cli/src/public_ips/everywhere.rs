use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use hallpass_app::setup::each_account::{MonotonicTime, NOT_THERE, PER_ACCOUNT};
use hallpass_app::setup::progress::ProgressLine;
use hallpass_aws::{AnyOperation, FanoutAccess, FanoutCalls};
use hallpass_aws_model::wire::catalog;
use hallpass_base::AccountId;
use hallpass_base::clock::SystemClock;
use hallpass_inventory::addresses::UncoveredPlace;
use hallpass_plans::fanout::{
    Extent, FailureStage, FanoutError, FanoutSettings, JournalRecord, Leaving, Progress,
    RegionChoice, ResultSink, Selection, Slice, SliceFailure, SliceSkip, Spool,
};
use hallpass_terminal::exit::Failure;
use serde_json::Value;

pub(super) struct Everywhere {
    pub(super) access: FanoutAccess,
    pub(super) selection: Selection,
    pub(super) regions: RegionChoice,
    pub(super) concurrency: usize,
}

pub(super) struct EverywhereAnswers {
    pub(super) pages: BTreeMap<(AccountId, String), Vec<Value>>,
    pub(super) failures: Vec<SliceFailure>,
}

impl EverywhereAnswers {
    pub(super) fn uncovered(&self) -> impl Iterator<Item = UncoveredPlace> + '_ {
        self.failures.iter().map(|failure| UncoveredPlace {
            account_id: failure.account.clone(),
            region: failure.region.clone(),
            reason: format!("{}: {}", failure.code, failure.message),
        })
    }
}

impl Everywhere {
    pub(super) async fn ask(
        &self,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Result<EverywhereAnswers, Failure> {
        let model = catalog().open(service).map_err(Failure::bug)?;
        let asked = AnyOperation {
            service: Arc::new(model),
            operation: operation.to_owned(),
            input,
        };
        let writer = Arc::new(|_: &Slice, _: &str, _: u32, answer: &Value| {
            serde_json::to_vec(answer).map_err(|error| error.to_string())
        });
        let clock = Arc::new(SystemClock);
        let calls = FanoutCalls::new(self.access.clone(), asked, writer, clock).await;
        let calls = calls.map_err(Failure::failed)?;
        let settings = FanoutSettings {
            concurrency: self.concurrency,
            per_account: PER_ACCOUNT,
            selection: self.selection.clone(),
            regions: self.regions.clone(),
            seed: fastrand::u64(..),
            regions_known: BTreeMap::new(),
            done: BTreeMap::new(),
        };
        let (mut spool, mut answers) = (HeldSpool::default(), HeldAnswers::new(operation));
        let (time, never) = (MonotonicTime::begin(), std::future::pending());
        let ended = hallpass_plans::fanout::run(
            settings,
            Leaving::InOrder,
            &calls,
            &time,
            &mut spool,
            &mut answers,
            never,
        )
        .await;
        answers.line.end();
        match ended {
            Ok(_) => answers.whole(),
            Err(error @ FanoutError::UnknownAccounts(_)) => {
                Err(Failure::bad_input(error.to_string()))
            }
            Err(error) => Err(Failure::failed(error.to_string())),
        }
    }
}

/// Results in memory: a few hundred addresses per account.
#[derive(Default)]
struct HeldSpool(Vec<u8>);

impl Spool for HeldSpool {
    fn append(&mut self, bytes: &[u8]) -> io::Result<Extent> {
        let at = u64::try_from(self.0.len()).map_err(io::Error::other)?;
        self.0.extend_from_slice(bytes);
        let bytes = u64::try_from(bytes.len()).map_err(io::Error::other)?;
        Ok(Extent { at, bytes })
    }

    fn read(&mut self, extent: Extent) -> io::Result<Vec<u8>> {
        let at = usize::try_from(extent.at).map_err(io::Error::other)?;
        let length = usize::try_from(extent.bytes).map_err(io::Error::other)?;
        let found = self.0.get(at..at.saturating_add(length));
        found
            .map(<[u8]>::to_vec)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn record(&mut self, _: &JournalRecord) -> io::Result<()> {
        Ok(())
    }
}

struct HeldAnswers {
    pages: BTreeMap<(AccountId, String), Vec<Value>>,
    failures: Vec<SliceFailure>,
    line: ProgressLine,
}

impl HeldAnswers {
    fn new(label: &str) -> Self {
        Self {
            pages: BTreeMap::new(),
            failures: Vec::new(),
            line: ProgressLine::new(label),
        }
    }

    fn whole(self) -> Result<EverywhereAnswers, Failure> {
        let mut failures = self.failures.iter();
        let missing = failures
            .find(|it| it.stage == FailureStage::Accounts && NOT_THERE.contains(&it.code.as_str()));
        match missing {
            Some(failure) => Err(Failure::bad_input(failure.message.clone())),
            None => Ok(EverywhereAnswers {
                pages: self.pages,
                failures: self.failures,
            }),
        }
    }
}

impl ResultSink for HeldAnswers {
    fn slice(&mut self, slice: &Slice, pages: &[Vec<u8>]) -> io::Result<()> {
        let read = |page: &Vec<u8>| serde_json::from_slice(page).map_err(io::Error::other);
        let pages = pages.iter().map(read).collect::<io::Result<Vec<Value>>>()?;
        let place = (slice.account.clone(), slice.region.clone());
        self.pages.insert(place, pages);
        Ok(())
    }

    fn failed(&mut self, failure: &SliceFailure) {
        self.failures.push(failure.clone());
    }

    fn skipped(&mut self, _: &SliceSkip) {}

    fn progress(&mut self, progress: &Progress) {
        self.line.tell(progress);
    }
}
