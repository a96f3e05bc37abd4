//! How what CloudTrail recorded gets into buckets: gzipped files of an account and a Region, every few minutes (AWS
//! CloudTrail User Guide, "How `CloudTrail` works").

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use hallpass_sim_base::{Millis, Random};
use serde_json::{Value, json};

use super::{
    deliveries::Deliveries,
    digests::{DeliveredLog, sha256_hex},
    event_history::HistoryEvent,
    objects::StoredObject,
    state::SimState,
    trails::{Trail, gzipped, instant},
};
use crate::organization::Speed;

/// Records that wait for their delivery; with more, they are delivered before their time.
const WAITING_MAX: usize = 20_000;
/// Records of a file.
const FILE_RECORDS_MAX: usize = 2_000;
/// Letters of the last part of a file's name.
const NAME_LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// How often files come, and how long an event waits at least: at AWS it is in a bucket after some five minutes.
fn pace(speed: Speed) -> (Millis, Millis) {
    match speed {
        Speed::Real => (300_000, 150_000),
        Speed::Fast => (15_000, 2_000),
        Speed::Instant => (1_000, 0),
    }
}

/// Delivers what is due.
pub(crate) fn deliver(state: &mut SimState) {
    if state.trails.is_empty() {
        state.deliveries.waiting.clear();
        return;
    }
    let (every, late) = pace(state.settings.speed);
    let round = state.latest.div_euclid(every) * every;
    let is_full = state.deliveries.waiting.len() > WAITING_MAX;
    if round == state.deliveries.round && !is_full {
        return;
    }
    state.deliveries.round = round;
    let until = if is_full { Millis::MAX } else { round - late };
    let (due, waiting): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut state.deliveries.waiting)
        .into_iter()
        .partition(|it| it.at <= until);
    state.deliveries.waiting = waiting;
    let mut files: BTreeMap<(Millis, String, String), Vec<Arc<HistoryEvent>>> = BTreeMap::new();
    for event in due {
        // what happened while nobody moved the clock came when it would have
        let usual = (event.at + late).div_euclid(every) * every + every;
        let at = usual.min(round);
        let key = (at, event.account.clone(), event.region.clone());
        files.entry(key).or_default().push(event);
    }
    let trails: Vec<Trail> = state.trails.values().cloned().collect();
    for ((at, account, region), events) in &files {
        for trail in trails.iter().filter(|it| it.takes(account, region)) {
            let taken: Vec<&HistoryEvent> = events
                .iter()
                .map(AsRef::as_ref)
                .filter(|it| trail.takes_event(it))
                .collect();
            for part in taken.chunks(FILE_RECORDS_MAX) {
                put_file(state, trail, account, region, *at, part);
            }
        }
    }
    let organization = &state.head.id;
    let Deliveries {
        chains, objects, ..
    } = &mut state.deliveries;
    for trail in trails.iter().filter(|it| it.validates) {
        chains.close(trail, organization, state.latest, objects);
    }
}

/// Puts a file into a trail's bucket.
fn put_file(
    state: &mut SimState,
    trail: &Trail,
    account: &str,
    region: &str,
    at: Millis,
    events: &[&HistoryEvent],
) {
    let records: Vec<&Value> = events.iter().map(|it| &it.record).collect();
    let text = json!({ "Records": records }).to_string();
    let deliveries = &mut state.deliveries;
    deliveries.made += 1;
    let purpose = format!("trail file {}", deliveries.made);
    let letters = Random::new(state.seed, &purpose).text(NAME_LETTERS, 16);
    let folder = trail.folder(&state.head.id, account, "CloudTrail", region, at);
    let minute = instant(at).strftime("%Y%m%dT%H%MZ");
    let key = format!("{folder}/{account}_CloudTrail_{region}_{minute}_{letters}.json.gz");
    let object = StoredObject {
        bytes: gzipped(text.as_bytes()).into(),
        modified: at,
        metadata: BTreeMap::new(),
    };
    deliveries.objects.put(&trail.bucket, &key, object);
    deliveries.latest.insert(trail.arn(), state.latest);
    if trail.validates {
        let log = DeliveredLog {
            key,
            sha256: sha256_hex(text.as_bytes()),
            oldest: events.iter().map(|it| it.at).min().unwrap_or(at),
            newest: events.iter().map(|it| it.at).max().unwrap_or(at),
        };
        deliveries.chains.note(trail, account, region, at, log);
    }
}
