use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use jiff::tz::TimeZone;

use super::principal::{ActivityPrincipal, PrincipalKind};
use super::record::{ActivityRecord, RecordText};
use super::row::{ActivityFacts, ActivityKey, SampleSet};
use super::rows::ActivityRows;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UncountedEvent {
    WithoutAccount,
    /// CloudTrail's observation, not an action.
    Insight,
}

impl UncountedEvent {
    pub const fn name(self) -> &'static str {
        match self {
            Self::WithoutAccount => "without_account",
            Self::Insight => "insight",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityFold {
    pub rows: ActivityRows,
    pub uncounted: BTreeMap<UncountedEvent, u64>,
    /// Records without an actor, in separate rows.
    pub unattributed: u64,
}

impl ActivityFold {
    pub(super) fn add(&mut self, record: &ActivityRecord<'_>) {
        match row_of(record) {
            Ok((key, facts)) => {
                if key.principal.kind == PrincipalKind::Unattributed {
                    self.unattributed += 1;
                }
                self.rows.add(key, facts);
            }
            Err(why) => *self.uncounted.entry(why).or_default() += 1,
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.rows.merge(other.rows);
        for (why, count) in other.uncounted {
            *self.uncounted.entry(why).or_default() += count;
        }
        self.unattributed += other.unattributed;
    }
}

pub(crate) fn row_of(
    record: &ActivityRecord<'_>,
) -> Result<(ActivityKey, ActivityFacts), UncountedEvent> {
    if record.event_category.as_deref() == Some("Insight") {
        return Err(UncountedEvent::Insight);
    }
    let named = |text: Option<&RecordText<'_>>| {
        let text = text.map(|it| &**it).filter(|it| !it.is_empty());
        text.map(str::to_owned)
    };
    let account = named(record.recipient_account_id.as_ref());
    let account = account.or_else(|| named(record.user_identity.account_id.as_ref()));
    let account_id = account.ok_or(UncountedEvent::WithoutAccount)?;
    let source: &str = &record.event_source;
    let arns = record.resources.iter().filter_map(|it| it.arn.as_deref());
    let at = in_microseconds(record.event_time);
    let key = ActivityKey {
        day: at.to_zoned(TimeZone::UTC).date(),
        account_id,
        region: named(record.aws_region.as_ref()).unwrap_or_else(|| "global".to_owned()),
        principal: ActivityPrincipal::of(&record.user_identity),
        service: source
            .strip_suffix(".amazonaws.com")
            .unwrap_or(source)
            .to_owned(),
        action: record.event_name.to_string(),
        error_code: named(record.error_code.as_ref()),
    };
    let facts = ActivityFacts {
        events: BTreeSet::from([fingerprint(&record.event_id)]),
        first_seen: at,
        last_seen: at,
        is_write: record.read_only.map(|it| !it),
        resources: SampleSet::of(arns.map(str::to_owned)),
        source_addresses: SampleSet::of(record.source_address.as_deref().map(str::to_owned)),
    };
    Ok((key, facts))
}

/// The precision of tables.
fn in_microseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// An eight-byte event hash: equal hashes in one row count once. FNV-1a over the random id, with a
/// final mix.
fn fingerprint(event_id: &str) -> u64 {
    let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in event_id.bytes() {
        sum = (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    sum ^= sum >> 32;
    sum.wrapping_mul(0xd6e8_feb8_6659_fd93)
}
