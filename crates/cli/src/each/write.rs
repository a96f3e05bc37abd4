//! `--write`: plans a write first, without calling the operation; then makes exactly the planned
//! calls, once each (`inventory.md` F-2).

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hallpass_aws::FanoutCalls;
use hallpass_base::AccountId;
use hallpass_plans::fanout::{
    AccountsPage, ApiCalls, CallFault, Extent, FailureStage, FanoutError, FaultKind, JournalRecord,
    PageOfResults, Progress, RegionSource, RegionsPage, ResultSink, Slice, SliceFailure, SliceSkip,
    Spool,
};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use hallpass_terminal::prompt::confirm_act;
use serde_json::Value;

use super::operation_args::AskedOperation;
use super::{Args, WriteArgs};

const NAMED: usize = 20;
const MAY_BE_DONE: &str = "it may have been done: look before calling again";
const NOT_CALLED: &str = "NotCalled";

pub(super) struct WriteCalls {
    calls: FanoutCalls,
    part: WritePart,
}

enum WritePart {
    Planning(Mutex<BTreeSet<Slice>>),
    Acting(BTreeSet<Slice>),
}

impl WriteCalls {
    pub(super) fn planning(calls: FanoutCalls) -> Self {
        let part = WritePart::Planning(Mutex::default());
        Self { calls, part }
    }

    pub(super) fn acting(calls: FanoutCalls, planned: BTreeSet<Slice>) -> Self {
        let part = WritePart::Acting(planned);
        Self { calls, part }
    }

    fn planned(self) -> BTreeSet<Slice> {
        match self.part {
            WritePart::Planning(found) => {
                found.into_inner().unwrap_or_else(PoisonError::into_inner)
            }
            WritePart::Acting(planned) => planned,
        }
    }
}

#[async_trait]
impl ApiCalls for WriteCalls {
    async fn accounts(&self) -> Result<AccountsPage, CallFault> {
        self.calls.accounts().await
    }

    async fn assume_role(&self, account: &AccountId) -> Result<Option<u64>, CallFault> {
        self.calls.assume_role(account).await
    }

    async fn regions(
        &self,
        account: &AccountId,
        page: (RegionSource, Option<&str>),
    ) -> Result<RegionsPage, CallFault> {
        self.calls.regions(account, page).await
    }

    async fn page(
        &self,
        slice: &Slice,
        page: (u32, Option<&Value>),
    ) -> Result<PageOfResults, CallFault> {
        match &self.part {
            WritePart::Planning(found) => {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.insert(slice.clone());
                Ok(PageOfResults::default())
            }
            WritePart::Acting(planned) if !planned.contains(slice) => Err(not_planned()),
            WritePart::Acting(_) => match self.calls.page(slice, page).await {
                // a write has one answer: a next page would write again
                Ok(page) => Ok(PageOfResults { next: None, ..page }),
                Err(fault) => Err(once(fault)),
            },
        }
    }

    fn unanswered(&self) -> Option<CallFault> {
        match self.part {
            WritePart::Planning(_) => None,
            WritePart::Acting(_) => Some(unanswered()),
        }
    }
}

fn unanswered() -> CallFault {
    once(CallFault {
        kind: FaultKind::Passing,
        stage: FailureStage::Call,
        code: "NoAnswer".to_owned(),
        message: "the run ended before the answer came".to_owned(),
        http: None,
        request_id: None,
        retry_after_ms: None,
    })
}

pub(super) fn not_called(slice: Slice) -> SliceFailure {
    SliceFailure {
        account: Some(slice.account),
        region: Some(slice.region),
        stage: FailureStage::Call,
        code: NOT_CALLED.to_owned(),
        message: "the run ended before it was called, or called again: nothing was done".to_owned(),
        http: None,
        attempts: 0,
        request_id: None,
        regions: None,
    }
}

pub(super) fn stopped(failures: &[SliceFailure]) -> String {
    let never = failures.iter().filter(|it| it.code == NOT_CALLED);
    let open = failures
        .iter()
        .filter(|it| it.message.ends_with(MAY_BE_DONE));
    format!(
        "stopped: not called {}, may have been done {}",
        never.count(),
        open.count()
    )
}

fn not_planned() -> CallFault {
    CallFault {
        kind: FaultKind::Final,
        stage: FailureStage::Call,
        code: "NotPlanned".to_owned(),
        message: "it was not in the plan, so it is not called".to_owned(),
        http: None,
        request_id: None,
        retry_after_ms: None,
    }
}

/// A write with an unknown effect is final, because a retry might do it twice.
fn once(fault: CallFault) -> CallFault {
    match fault.kind {
        FaultKind::Passing => CallFault {
            kind: FaultKind::Final,
            message: format!("{}; {MAY_BE_DONE}", fault.message),
            ..fault
        },
        _ if matches!(fault.stage, FailureStage::Decode | FailureStage::Query) => CallFault {
            message: format!("{}; the call itself went well", fault.message),
            ..fault
        },
        // refused without effect
        FaultKind::Throttled | FaultKind::Expired | FaultKind::Denied | FaultKind::Final => fault,
    }
}

/// A plan has no results to store.
pub(super) struct PlanSpool;

impl Spool for PlanSpool {
    fn append(&mut self, _: &[u8]) -> io::Result<Extent> {
        Ok(Extent { at: 0, bytes: 0 })
    }

    fn read(&mut self, _: Extent) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn record(&mut self, _: &JournalRecord) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct PlanSink {
    failures: Vec<SliceFailure>,
    skipped: usize,
}

impl ResultSink for PlanSink {
    fn slice(&mut self, _: &Slice, _: &[Vec<u8>]) -> io::Result<()> {
        Ok(())
    }

    fn failed(&mut self, failure: &SliceFailure) {
        self.failures.push(failure.clone());
    }

    fn skipped(&mut self, _: &SliceSkip) {
        self.skipped += 1;
    }

    fn progress(&mut self, _: &Progress) {}
}

/// Plans, shows and confirms a write; returns the targets.
///
/// # Errors
/// Exit 4 above `--max-changes` or without consent; exit 1 for planning failures.
pub(super) fn plan(
    args: &Args,
    asked: &AskedOperation,
    planned: Result<(WriteCalls, PlanSink), FanoutError>,
) -> Result<BTreeSet<Slice>, Failure> {
    let (calls, sink) = planned.map_err(|error| match error {
        FanoutError::UnknownAccounts(_) => Failure::bad_input(error.to_string()),
        error => Failure::failed(error.to_string()),
    })?;
    let slices = calls.planned();
    for line in lines(asked, &slices, &sink) {
        output::say(&line);
    }
    if let Some(failure) = sink.failures.first() {
        let failed = Failure::failed(format!(
            "the plan is not whole: {}: {}",
            failure.code, failure.message
        ));
        return Err(
            failed.help("nothing was called; leave out with `--exclude` what cannot be entered")
        );
    }
    if slices.is_empty() {
        return Ok(slices);
    }
    let most = args.write.max_changes;
    if slices.len() > most {
        let refused = format!(
            "{} calls are more than `--max-changes {most}`",
            slices.len()
        );
        return Err(Failure::refused(refused).help("select fewer accounts, or raise the bound"));
    }
    let question = format!("Call it {} times?", slices.len());
    confirm_act("this changes things", &question, args.write.yes.consent())?;
    Ok(slices)
}

fn lines(asked: &AskedOperation, slices: &BTreeSet<Slice>, sink: &PlanSink) -> Vec<String> {
    let accounts: BTreeSet<&str> = slices.iter().map(|it| it.account.as_str()).collect();
    let regions: BTreeSet<&str> = slices.iter().map(|it| it.region.as_str()).collect();
    let mut named: Vec<&str> = accounts.iter().take(NAMED).copied().collect();
    let more = format!("and {} more", accounts.len().saturating_sub(NAMED));
    if accounts.len() > NAMED {
        named.push(&more);
    }
    let regions: Vec<&str> = regions.into_iter().collect();
    vec![
        format!(
            "plan: {} {} with {}",
            asked.operation.service.name, asked.operation.operation, asked.operation.input
        ),
        format!(
            "      {} calls in {} accounts: {}",
            slices.len(),
            accounts.len(),
            named.join(", ")
        ),
        format!("      Regions: {}", regions.join(", ")),
        format!(
            "      not entered: {}, skipped: {}",
            sink.failures.len(),
            sink.skipped
        ),
    ]
}

/// Refuses options incompatible with `--write` (exit 2).
pub(super) fn check(args: &WriteArgs, resumes: bool) -> Result<(), Failure> {
    if args.write && resumes {
        let failure = Failure::bad_input("`--resume` continues runs that read");
        return Err(failure.help("check the completed writes, and repeat the others"));
    }
    Ok(())
}

pub(super) async fn calls(
    asked: &AskedOperation,
    writer: hallpass_aws::ResultWriter,
) -> Result<FanoutCalls, FanoutError> {
    let (access, operation) = (asked.access.clone(), asked.operation.clone());
    let clock = Arc::new(hallpass_base::clock::SystemClock);
    let calls = FanoutCalls::new(access, operation, writer, clock).await;
    calls.map_err(|error| FanoutError::Spool(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fault_that_leaves_it_open_says_that_it_may_have_been_done() {
        let open = |fault: &CallFault| fault.message.ends_with(MAY_BE_DONE);
        let under_way = unanswered();
        assert!(open(&under_way));
        assert_eq!(under_way.kind, FaultKind::Final);
        for (kind, expected) in [
            (FaultKind::Passing, true),
            (FaultKind::Throttled, false),
            (FaultKind::Expired, false),
            (FaultKind::Denied, false),
            (FaultKind::Final, false),
        ] {
            let fault = CallFault {
                kind,
                ..not_planned()
            };
            assert_eq!(open(&once(fault)), expected, "{kind:?}");
        }
    }
}
