//! `--source lookup`: pages of `LookupEvents` in the account of the credentials.

use std::io::IsTerminal as _;

use crate::host::named_calls::NamedCalls;
use crate::host::runtime::runtime;
use hallpass_activity::{LogFault, LookupPass, PciFold, ReadCount, ReadLog, read_file};
use hallpass_aws::{AwsClientSettings, RoleToAssume};
use hallpass_aws_model::facts;
use hallpass_base::{AccountId, Timestamp};
use hallpass_org::{ReadCalls, ReadPlace};
use hallpass_terminal::exit::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::arguments::{PciReading, Telling};

const PAGE_EVENTS: u32 = facts::LOOKUP_PAGE.value;
/// Sequential: an account has two calls a second per Region, shared by all callers.
const CONCURRENCY: usize = 1;

pub(super) fn passes(
    reading: &PciReading,
    others: &[String],
    fold: &PciFold,
    now: Timestamp,
) -> Result<Vec<LookupPass>, Failure> {
    if !reading.accounts.is_empty() {
        let failure = Failure::bad_input(
            "`--accounts` is about files: `lookup` asks the account of the credentials",
        );
        return Err(failure.help("take a profile of the account that has Identity Center"));
    }
    let regions = reading.lookup_regions.iter();
    let regions = regions.chain(others).cloned().collect();
    let (as_of, earlier) = (fold.as_of(), fold.earlier());
    let passes = LookupPass::plan(fold.rules(), &regions, earlier, as_of, now);
    if passes.is_empty() {
        let failure = Failure::bad_input(format!(
            "`--as-of {as_of}` lies before all that can be looked up"
        ));
        return Err(failure.help("CloudTrail keeps 90 days; older events are in the files of a trail: `--source s3://BUCKET`"));
    }
    Ok(passes)
}

pub(super) fn look_up(
    reading: &PciReading,
    passes: &[LookupPass],
    fold: &mut PciFold,
    each: &mut dyn FnMut(&ReadLog),
) -> Result<(), Failure> {
    let Some(first) = passes.first() else {
        return Ok(());
    };
    runtime()?.block_on(async {
        let client = reading.client.clone();
        let client = client.unwrap_or_else(|| AwsClientSettings::new(first.region.clone()));
        let calls = NamedCalls::of(client, RoleToAssume::default(), CONCURRENCY).await?;
        let is_watched = reading.telling == Telling::Terminal && std::io::stderr().is_terminal();
        let bar = is_watched.then(|| bar(passes.len()));
        for pass in passes {
            let log = one_pass(&calls, pass, fold).await;
            match &bar {
                Some(bar) => bar.suspend(|| each(&log)),
                None => each(&log),
            }
            if let Some(bar) = &bar {
                bar.inc(1);
            }
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        Ok(())
    })
}

async fn one_pass(calls: &NamedCalls, pass: &LookupPass, fold: &mut PciFold) -> ReadLog {
    let mut log = ReadLog {
        path: format!("lookup of {} in {}", pass.name, pass.region),
        count: ReadCount::default(),
        fault: None,
    };
    let names = fold.rules().names();
    let lookup = EventLookup {
        account: None,
        region: &pass.region,
        name: &pass.name,
        from: pass.from,
        until: pass.until,
    };
    let mut read_page = |page: &str| {
        let read = read_file(&log.path, page.as_bytes(), &names, fold);
        log.count.records += read.count.records;
        log.count.wanted += read.count.wanted;
        log.count.bytes += read.count.bytes;
        read.fault
    };
    let fault = each_page(calls, &lookup, &mut read_page).await;
    log.fault = fault;
    log
}

pub struct EventLookup<'a> {
    pub account: Option<&'a AccountId>,
    pub region: &'a str,
    /// Event name; a call takes only one attribute.
    pub name: &'a str,
    pub from: Timestamp,
    pub until: Timestamp,
}

pub async fn each_page(
    calls: &dyn ReadCalls,
    lookup: &EventLookup<'_>,
    each: &mut impl FnMut(&str) -> Option<LogFault>,
) -> Option<LogFault> {
    let place = ReadPlace {
        account: lookup.account.cloned(),
        region: Some(lookup.region.to_owned()),
    };
    let mut token = Some(Map::new());
    while let Some(more) = token.take() {
        let mut input = json!({
            "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": lookup.name}],
            "StartTime": lookup.from,
            "EndTime": lookup.until,
            "MaxResults": PAGE_EVENTS,
        });
        if let Some(members) = input.as_object_mut() {
            members.extend(more);
        }
        let answered = calls
            .call(&place, ("cloudtrail", "LookupEvents"), &input)
            .await;
        let (page, next) = match answered {
            Ok(answered) => answered,
            Err(failed) => {
                let why = format!("{}: {}", failed.code, failed.message);
                return Some(LogFault::Unreadable(why));
            }
        };
        if let Some(fault) = each(&events_of(&page)) {
            return Some(fault);
        }
        token = next;
    }
    None
}

fn events_of(page: &Value) -> String {
    let none = json!([]);
    json!({"Events": page.get("Events").filter(|it| it.is_array()).unwrap_or(&none)}).to_string()
}

fn bar(passes: usize) -> ProgressBar {
    let bar = ProgressBar::new(passes as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} names of events, {eta} left");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
