use std::collections::HashMap;
use std::sync::Arc;

use hallpass_audit::{Record, RecordQuery, StoreFault};
use hallpass_base::{TimeSpan, Timestamp};

use crate::{App, record_times};

pub(crate) const HOURS: usize = 24;
/// Record limit: a busy day is represented by its newest part.
const RECORDS_MAX: usize = 20_000;
const BATCH: u32 = 1_000;
const GOOD_FOR: TimeSpan = TimeSpan::seconds(10);
/// Delay limit of an end on time (`design.md` §2, P1; `access.md` §16.3).
pub(crate) const ON_TIME: f64 = 5.0;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hour {
    pub(crate) granted: u32,
    pub(crate) ended: u32,
    pub(crate) slowest: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct LastDay {
    pub(crate) read_at: Timestamp,
    pub(crate) hours: Vec<Hour>,
    pub(crate) lags: Vec<f64>,
}

impl LastDay {
    pub(crate) fn within(&self, part: usize) -> Option<f64> {
        let last = self.lags.len().checked_sub(1)?;
        self.lags.get((last * part).div_ceil(100)).copied()
    }
}

pub(crate) async fn read(app: &App) -> Result<Arc<LastDay>, StoreFault> {
    let now = app.clock.now();
    let mut known = app.status.last_day.lock().await;
    if let Some(known) = known.as_ref()
        && GOOD_FOR.covers(known.read_at, now)
    {
        return Ok(Arc::clone(known));
    }
    let begins = TimeSpan::hours(HOURS as u64).before(now).as_millisecond();
    let (first, _) = record_times::numbers(app.audit.as_ref(), (begins, i64::MAX)).await?;
    let mut query = RecordQuery {
        from: first,
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
    // oldest first, so that starts precede their ends
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

#[cfg(test)]
mod tests {
    use super::*;

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
