//! The last day, from the log itself: how late ends were, and how much was granted.

use std::collections::HashMap;
use std::sync::Arc;

use hallpass_audit::{AuditStore, Event, Record, RecordQuery, StoreFault};
use hallpass_model::{TimeSpan, Timestamp};

use crate::App;

/// Hours shown.
pub(crate) const HOURS: usize = 24;
/// Records read for it at most: a busy day is shown by its newest part.
const RECORDS_MAX: usize = 20_000;
/// Of which so many in one call.
const BATCH: u32 = 1_000;
/// In how many calls is looked for when clocks agreed again.
const ROUNDS_MAX: u32 = 20;
/// How long a reading is good for.
const GOOD_FOR: TimeSpan = TimeSpan::seconds(10);
/// An end is on time within this (`design.md` §2, P1; `access.md` §16.3).
pub(crate) const ON_TIME: f64 = 5.0;

/// One hour.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hour {
    pub(crate) granted: u32,
    pub(crate) ended: u32,
    /// The slowest end, in seconds.
    pub(crate) slowest: f64,
}

/// The last day.
#[derive(Clone, Debug)]
pub(crate) struct LastDay {
    pub(crate) read_at: Timestamp,
    /// Oldest first; the last is the running hour.
    pub(crate) hours: Vec<Hour>,
    /// Seconds from when an end was due until it was seen, ascending.
    pub(crate) lags: Vec<f64>,
}

impl LastDay {
    /// The lag that `part` of all ends, in hundredths, stayed within.
    pub(crate) fn within(&self, part: usize) -> Option<f64> {
        let last = self.lags.len().checked_sub(1)?;
        self.lags.get((last * part).div_ceil(100)).copied()
    }
}

/// The last day, read again when what is known is older than a few seconds.
pub(crate) async fn read(app: &App) -> Result<Arc<LastDay>, StoreFault> {
    let now = app.clock.now();
    let mut known = app.status.last_day.lock().await;
    if let Some(known) = known.as_ref()
        && GOOD_FOR.covers(known.read_at, now)
    {
        return Ok(Arc::clone(known));
    }
    let head = app.audit.head().await?.map_or(0, |head| head.seq);
    let begins = TimeSpan::hours(HOURS as u64).before(now).as_millisecond();
    let mut query = RecordQuery {
        from: first_at(app.audit.as_ref(), head, begins).await?,
        events: ["grant.succeeded", "end.started", "end.succeeded"]
            .map(str::to_owned)
            .to_vec(),
        ..RecordQuery::default()
    };
    let mut records = Vec::new();
    while records.len() < RECORDS_MAX {
        let found = app.audit.records_found(&query, BATCH).await?;
        records.extend(found.records);
        let Some(next) = found.next else { break };
        query = query.after(next);
    }
    let found = Arc::new(tally(&records, now));
    *known = Some(Arc::clone(&found));
    Ok(found)
}

fn tally(records: &[Record], now: Timestamp) -> LastDay {
    let mut recent = LastDay {
        read_at: now,
        hours: vec![Hour::default(); HOURS],
        lags: Vec::new(),
    };
    let mut began: HashMap<&str, Timestamp> = HashMap::new();
    // oldest first, so that a start is known when its end comes
    for record in records.iter().rev() {
        let (Some(at), Some(grant)) = (record.at(), record.text("grant_id")) else {
            continue;
        };
        if record.event() == "end.started" {
            let ends_at = record.text("ends_at").and_then(|text| text.parse().ok());
            began.insert(
                grant,
                ends_at.map_or(at, |ends_at: Timestamp| at.min(ends_at)),
            );
            continue;
        }
        let age = TimeSpan::between(at, now).as_seconds() / 3_600;
        let Some(place) = usize::try_from(age)
            .ok()
            .and_then(|age| (HOURS - 1).checked_sub(age))
        else {
            continue;
        };
        let Some(hour) = recent.hours.get_mut(place) else {
            continue;
        };
        if record.event() == "grant.succeeded" {
            hour.granted += 1;
        } else {
            hour.ended += 1;
            if let Some(due) = began.remove(grant) {
                let lag = at.duration_since(due).as_secs_f64().max(0.0);
                hour.slowest = hour.slowest.max(lag);
                recent.lags.push(lag);
            }
        }
    }
    recent.lags.sort_by(f64::total_cmp);
    recent
}

/// The first number from which on no record is older than `at`, found by halving. Records are numbered as time passes, but
/// for those of a clock that was ahead: they are taken for as old as what followed once clocks agreed again.
pub(crate) async fn first_at(
    audit: &dyn AuditStore,
    head: u64,
    at: i64,
) -> Result<u64, StoreFault> {
    let agreed = agreed(audit).await?;
    let (mut low, mut high) = (1, head + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found = audit.records_from(middle, 1).await?;
        let time = found.first().and_then(Record::at);
        let time = time.map(Timestamp::as_millisecond);
        let later = agreed.iter().filter(|(seq, _)| *seq > middle);
        let time = time.into_iter().chain(later.map(|(_, at)| *at)).min();
        if time.is_some_and(|time| time < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// When clocks agreed again, by the numbers of the records that say so.
async fn agreed(audit: &dyn AuditStore) -> Result<Vec<(u64, i64)>, StoreFault> {
    let mut query = RecordQuery {
        events: vec![Event::ClockAgreed.name().to_owned()],
        ..RecordQuery::default()
    };
    let mut agreed = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let found = audit.records_found(&query, BATCH).await?;
        let records = found.records.iter();
        agreed.extend(records.filter_map(|it| Some((it.seq(), it.at()?.as_millisecond()))));
        let Some(next) = found.next else { break };
        query = query.after(next);
    }
    Ok(agreed)
}

#[cfg(test)]
mod tests {
    use hallpass_access::{AccessStore as _, Change};
    use hallpass_audit::{Draft, Origin};
    use hallpass_model::AuditId;
    use hallpass_store::MemoryStore;
    use hallpass_store_testing::{at, uuid};

    use super::*;

    /// A record a minute; the clock is a day ahead from `ahead` on, until clocks agree at minute 60.
    async fn log(ahead: u64) -> MemoryStore {
        let draft = |minute: u64| {
            let (event, seconds) = match minute {
                60 => (Event::ClockAgreed, 60 * 60),
                _ if (ahead..60).contains(&minute) => (Event::ConfigLoaded, 86_400 + minute * 60),
                _ => (Event::ConfigLoaded, minute * 60),
            };
            let id = AuditId::new(uuid(minute));
            Draft::new(id, event, at(seconds), "hallpass", Origin::System)
        };
        let store = MemoryStore::new();
        let change = Change {
            audit: (1..=100).map(draft).collect(),
            ..Change::default()
        };
        store.commit(change).await.unwrap();
        store
    }

    #[tokio::test]
    async fn a_clock_that_was_ahead_for_a_while_hides_no_record_that_came_after() {
        let first = async |ahead, minute: u64| {
            let store = log(ahead).await;
            first_at(&store, 100, at(minute * 60).as_millisecond())
                .await
                .unwrap()
        };
        for minute in [1, 39, 61, 70, 80, 99] {
            assert_eq!(first(60, minute).await, minute);
            assert_eq!(first(40, minute).await, minute, "with some that are ahead");
        }
        assert_eq!(first(40, 200).await, 101);
    }

    #[test]
    fn shares_of_the_lags() {
        let recent = |lags: &[f64]| LastDay {
            read_at: Timestamp::UNIX_EPOCH,
            hours: vec![Hour::default(); HOURS],
            lags: lags.to_vec(),
        };
        assert_eq!(recent(&[]).within(50), None);
        assert_eq!(recent(&[2.0]).within(99), Some(2.0));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(recent(&hundred).within(99), Some(100.0));
        assert_eq!(recent(&[1.0, 2.0, 3.0]).within(50), Some(2.0));
    }
}
