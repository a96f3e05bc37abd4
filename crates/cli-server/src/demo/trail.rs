//! Keeps the organization trail's activity in memory. An installation reads the activity table,
//! written by `hallpass activity ingest`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::ActivityLogs;
use hallpass_activity::{
    AccountActivity, ActivityManifest, ActivityRows, SessionAccount, SessionDayHead, account_in,
    read_activity, session_day,
};
use hallpass_aws::{AwsClientSettings, BucketError, BucketFiles, BucketPlace};
use hallpass_base::AccountId;
use hallpass_base::clock::SystemClock;
use jiff::civil::Date;

use super::lives::BUCKET;

const EVERY: Duration = Duration::from_secs(5);

#[derive(Default)]
struct ReadTrail {
    files: BTreeSet<String>,
    days: BTreeMap<Date, ActivityRows>,
    spans: Option<ActivityManifest>,
}

#[derive(Clone, Default)]
pub struct DemoTrail(Arc<Mutex<ReadTrail>>);

impl DemoTrail {
    pub async fn follow(self, settings: AwsClientSettings) {
        let place = BucketPlace {
            bucket: BUCKET.to_owned(),
            root: String::new(),
            region: None,
            endpoint_url: None,
        };
        let clock = Arc::new(SystemClock);
        let files = BucketFiles::at(&settings, place, clock, fastrand::u64(..)).await;
        let files = match files {
            Ok(files) => files,
            Err(why) => {
                tracing::warn!(why, "the demo's trail cannot be read");
                return;
            }
        };
        loop {
            if let Err(error) = self.read(&files).await {
                tracing::debug!(%error, "the demo's trail could not be read");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn read(&self, files: &BucketFiles) -> Result<(), BucketError> {
        let listed = files.list("AWSLogs/").await?;
        let unread: Vec<String> = {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let keys = listed.into_iter().map(|it| it.key);
            keys.filter(|key| key.contains("/CloudTrail/") && !known.files.contains(key))
                .collect()
        };
        for (key, bytes) in files.get_all(unread).await? {
            let read = read_activity(bytes.as_slice());
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.files.insert(key);
            if let Ok(log) = read {
                known.add(&log.fold.rows);
            }
        }
        Ok(())
    }
}

impl ReadTrail {
    fn add(&mut self, rows: &ActivityRows) {
        for (key, facts) in rows.iter() {
            let spans = self
                .spans
                .get_or_insert_with(|| ActivityManifest::empty("demo", facts.last_seen));
            spans.note(&key.account_id, facts.first_seen, facts.last_seen);
            let day = self.days.entry(key.day).or_default();
            day.add(key.clone(), facts.clone());
        }
    }

    fn of(&self, account: &str, days: &[Date]) -> Result<AccountActivity, String> {
        let spans = self.spans.as_ref();
        let mut found = AccountActivity {
            span: spans.and_then(|it| it.accounts.get(account).copied()),
            ..AccountActivity::default()
        };
        for day in days {
            let Some(rows) = self.days.get(day) else {
                continue;
            };
            let text = session_day(*day, rows).map_err(|error| error.to_string())?;
            if let Some(sessions) = sessions_of(&text, account)? {
                found.days.insert(*day, sessions);
            }
        }
        Ok(found)
    }
}

fn sessions_of(text: &str, account: &str) -> Result<Option<SessionAccount>, String> {
    let Some((first, rest)) = text.split_once('\n') else {
        return Ok(None);
    };
    let head = SessionDayHead::read(first).map_err(|error| error.to_string())?;
    let Some(reach) = head.accounts.get(account) else {
        return Ok(None);
    };
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let line = rest.get(place(reach.at)..place(reach.at + reach.bytes));
    let line = line.ok_or("a day's sessions do not fit their first line")?;
    account_in(line)
        .map(Some)
        .map_err(|error| error.to_string())
}

#[async_trait]
impl ActivityLogs for DemoTrail {
    async fn of(&self, account: &AccountId, days: &[Date]) -> Result<AccountActivity, String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.of(account.as_str(), days)
    }
}
