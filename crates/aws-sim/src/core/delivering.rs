//! Delivers CloudTrail records to buckets: gzipped files per account and Region, every few minutes
//! (AWS CloudTrail User Guide, "How `CloudTrail` works").

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::base::{Millis, Random};
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

/// Maximum waiting records; more are delivered early.
const WAITING_MAX: usize = 20_000;
const FILE_RECORDS_MAX: usize = 2_000;
/// Imported records older than two days go into one file a day.
const DAY: Millis = 24 * 3_600_000;
const NAME_LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn pace(speed: Speed) -> (Millis, Millis) {
    match speed {
        Speed::Real => (300_000, 150_000),
        Speed::Fast => (15_000, 2_000),
        Speed::Instant => (1_000, 0),
    }
}

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
        let every = if event.at < round - 2 * DAY {
            DAY
        } else {
            every
        };
        let usual = (event.at + late).div_euclid(every) * every + every - 1;
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

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use flate2::read::GzDecoder;

    use super::*;
    use crate::core::{
        event_history::event_time,
        objects::ListedKeys,
        trails::{TrailOwner, TrailReach},
    };

    const START: Millis = 1_795_168_800_000;
    const HOUR: Millis = 3_600_000;
    const BUCKET: &str = "b";

    fn state(owner: TrailOwner, reach: TrailReach) -> SimState {
        let trail = Trail {
            name: "main".to_owned(),
            account: "111111111111".to_owned(),
            home_region: "eu-west-1".to_owned(),
            bucket: BUCKET.to_owned(),
            owner,
            reach,
            validates: true,
            is_logging: true,
            ..Trail::default()
        };
        let mut state = SimState::default();
        state.head.id = "o-1".to_owned();
        state.settings.speed = Speed::Real;
        state.trails.insert(trail.arn(), trail);
        pass(&mut state, START);
        state
    }

    fn pass(state: &mut SimState, at: Millis) {
        state.latest = at;
        deliver(state);
    }

    fn happen(state: &mut SimState, at: Millis, account: &str, region: &str) {
        let record = json!({"eventTime": event_time(at), "eventID": format!("{at}")});
        state.note_call(HistoryEvent {
            at,
            account: account.to_owned(),
            region: region.to_owned(),
            record,
        });
    }

    fn keys(state: &SimState, kind: &str) -> Vec<String> {
        let all = ListedKeys {
            prefix: "",
            delimiter: "",
            after: "",
            rows_max: 1_000,
        };
        let page = state.deliveries.objects.list(BUCKET, all);
        let keys = page.objects.iter().map(|(key, _)| (*key).to_owned());
        keys.filter(|key| key.contains(&format!("/{kind}/")))
            .collect()
    }

    fn text(state: &SimState, key: &str) -> String {
        let object = state.deliveries.objects.get(BUCKET, key).unwrap();
        let mut text = String::new();
        GzDecoder::new(&*object.bytes)
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    #[test]
    fn ct_2_a_file_comes_some_minutes_after_its_events() {
        let mut state = state(TrailOwner::Organization, TrailReach::AllRegions);
        happen(&mut state, START + 60_000, "222222222222", "us-east-1");
        happen(&mut state, START + 70_000, "222222222222", "us-east-1");
        for minutes in 1..5 {
            pass(&mut state, START + minutes * 60_000);
            assert_eq!(
                keys(&state, "CloudTrail"),
                Vec::<String>::new(),
                "{minutes}"
            );
        }
        pass(&mut state, START + 10 * 60_000);
        let found = keys(&state, "CloudTrail");
        assert_eq!(found.len(), 1);
        let wanted = "AWSLogs/o-1/222222222222/CloudTrail/us-east-1/2026/11/20/222222222222_CloudTrail_us-east-1_20261120T10";
        assert!(
            found[0].starts_with(wanted) && found[0].ends_with(".json.gz"),
            "{found:?}"
        );
        assert_eq!(text(&state, &found[0]).matches("eventID").count(), 2);
        pass(&mut state, START + 20 * 60_000);
        assert_eq!(keys(&state, "CloudTrail"), found, "it comes once");
    }

    #[test]
    fn ct_1_a_trail_takes_what_is_its() {
        use TrailOwner::{Account, Organization};
        use TrailReach::{AllRegions, HomeRegion};
        for (owner, reach, wanted) in [
            (Account, HomeRegion, 1),
            (Account, AllRegions, 2),
            (Organization, HomeRegion, 2),
            (Organization, AllRegions, 4),
        ] {
            let mut state = state(owner, reach);
            for account in ["111111111111", "222222222222"] {
                for region in ["eu-west-1", "us-east-1"] {
                    happen(&mut state, START + 1_000, account, region);
                }
            }
            pass(&mut state, START + HOUR / 2);
            assert_eq!(
                keys(&state, "CloudTrail").len(),
                wanted,
                "{owner:?} {reach:?}"
            );
        }
        let mut state = state(Account, AllRegions);
        for trail in state.trails.values_mut() {
            trail.started = Some(START + 2_000);
        }
        happen(&mut state, START + 1_000, "111111111111", "eu-west-1");
        pass(&mut state, START + HOUR / 2);
        assert!(
            keys(&state, "CloudTrail").is_empty(),
            "it was before the trail"
        );
    }

    #[test]
    fn ct_3_each_hour_has_a_digest_that_vouches_for_the_one_before() {
        let mut state = state(TrailOwner::Account, TrailReach::AllRegions);
        happen(&mut state, START + 1_000, "111111111111", "eu-west-1");
        for hour in 1..=3 {
            pass(&mut state, START + hour * HOUR + 120_000);
        }
        let found = keys(&state, "CloudTrail-Digest");
        assert_eq!(found.len(), 3, "{found:?}");
        let key = state.deliveries.chains.key().unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public());
        let mut previous: Option<(String, String, String)> = None;
        for place in &found {
            let text = text(&state, place);
            let digest: Value = serde_json::from_str(&text).unwrap();
            let object = state.deliveries.objects.get(BUCKET, place).unwrap();
            let signature = object.metadata["signature"].clone();
            let before = previous.as_ref();
            assert_eq!(
                digest["previousDigestS3Object"],
                json!(before.map(|it| &it.0))
            );
            assert_eq!(
                digest["previousDigestHashValue"],
                json!(before.map(|it| &it.1))
            );
            assert_eq!(
                digest["previousDigestSignature"],
                json!(before.map(|it| &it.2))
            );
            let signed = format!(
                "{}\n{BUCKET}/{place}\n{}\n{}",
                digest["digestEndTime"].as_str().unwrap(),
                sha256_hex(text.as_bytes()),
                before.map_or("null", |it| it.2.as_str()),
            );
            let bytes = hex::decode(&signature).unwrap();
            public.verify(signed.as_bytes(), &bytes).unwrap();
            previous = Some((place.clone(), sha256_hex(text.as_bytes()), signature));
        }
        let first: Value = serde_json::from_str(&text(&state, &found[0])).unwrap();
        let log = keys(&state, "CloudTrail").remove(0);
        assert_eq!(first["logFiles"][0]["s3Object"], log.as_str());
        let hash = sha256_hex(text(&state, &log).as_bytes());
        assert_eq!(first["logFiles"][0]["hashValue"], hash.as_str());
    }

    #[test]
    fn ct_3_after_a_long_time_digests_are_few() {
        let mut state = state(TrailOwner::Account, TrailReach::AllRegions);
        happen(&mut state, START + 1_000, "111111111111", "eu-west-1");
        pass(&mut state, START + 100 * 24 * HOUR);
        let found = keys(&state, "CloudTrail-Digest").len();
        assert!((100..160).contains(&found), "{found}");
    }

    #[test]
    fn ct_4_what_nobody_takes_does_not_pile_up() {
        let mut state = state(TrailOwner::Account, TrailReach::AllRegions);
        for _ in 0..=WAITING_MAX {
            happen(&mut state, START + 1_000, "111111111111", "eu-west-1");
        }
        pass(&mut state, START + 2_000);
        assert_eq!(state.deliveries.waiting.len(), 0);
        let files = keys(&state, "CloudTrail").len();
        assert_eq!(files, WAITING_MAX / FILE_RECORDS_MAX + 1);
        state.trails.clear();
        happen(&mut state, START + 3_000, "111111111111", "eu-west-1");
        pass(&mut state, START + 4_000);
        assert_eq!(state.deliveries.waiting.len(), 0);
    }
}
