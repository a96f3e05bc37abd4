//! DevOps Guru channels (`organization.md` D-9): SNS topics for insights of accounts. A file is
//! compared with accounts and Regions, and a plan applies it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};
use hallpass_aws_model::facts;
use hallpass_base::AccountId;
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepProbe, StepTarget};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::reading::{ReadCalls, ReadFact, inside, text};
use crate::standards::{SelectedPlaces, StandardsScope, StandardsUnread, selected_places};
use crate::steps::{StepKind as _, step_kinds, stored};

pub const CHANNELS_KIND: &str = "insights.channels";
pub const CHANNELS_REMOVE_KIND: &str = "insights.channels.remove";

step_kinds! {
    pub(super) enum ChannelStepKind {
        /// A channel exists with these filters: [`DesiredChannel`].
        Channel = "insights.channel",
        /// No channel to the topic: [`DesiredChannel`].
        NoChannel = "insights.no-channel",
    }
}

/// Per account and Region.
const CHANNELS_MAX: usize = facts::GURU_CHANNELS.count();
const WIDTH: usize = 8;
const SEVERITIES: [&str; 3] = ["HIGH", "MEDIUM", "LOW"];
const MESSAGE_TYPES: [&str; 5] = [
    "NEW_INSIGHT",
    "CLOSED_INSIGHT",
    "NEW_ASSOCIATION",
    "SEVERITY_UPGRADED",
    "NEW_RECOMMENDATION",
];

/// True for steps of [`ChannelStepExecutor`](super::ChannelStepExecutor).
pub fn is_channel_step(kind: &str) -> bool {
    ChannelStepKind::named(kind).is_some()
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredChannel {
    pub topic: String,
    pub severities: BTreeSet<String>,
    pub message_types: BTreeSet<String>,
}

impl DesiredChannel {
    /// # Errors
    /// The problem.
    pub fn new(
        topic: &str,
        severities: Vec<String>,
        message_types: Vec<String>,
    ) -> Result<Self, String> {
        let parts: Vec<&str> = topic.split(':').collect();
        let is_topic = match parts.as_slice() {
            ["arn", partition, "sns", region, account, name] => {
                let named = |it: &str| !it.is_empty();
                partition.starts_with("aws")
                    && region.contains('-')
                    && AccountId::new((*account).to_owned()).is_ok()
                    && named(name)
            }
            _ => false,
        };
        if !is_topic {
            return Err(format!("`{topic}` is no topic of SNS: give its ARN"));
        }
        if topic.rsplit('.').next() == Some("fifo") {
            let text = format!("`{topic}` keeps an order: DevOps Guru takes standard topics only");
            return Err(text);
        }
        let known = |given: Vec<String>, known: &[&str], what: &str| {
            let bad = given.iter().find(|it| !known.contains(&it.as_str()));
            match bad {
                Some(bad) => Err(format!("`{bad}` is no {what}: {}", known.join(", "))),
                None => Ok(given.into_iter().collect::<BTreeSet<String>>()),
            }
        };
        Ok(Self {
            topic: topic.to_owned(),
            severities: known(severities, &SEVERITIES, "severity")?,
            message_types: known(message_types, &MESSAGE_TYPES, "message type")?,
        })
    }

    pub fn region(&self) -> &str {
        self.topic.split(':').nth(3).unwrap_or_default()
    }

    pub(super) fn config(&self) -> Value {
        let mut filters = serde_json::Map::new();
        let lists = [
            ("Severities", &self.severities),
            ("MessageTypes", &self.message_types),
        ];
        for (name, values) in lists.into_iter().filter(|(_, it)| !it.is_empty()) {
            filters.insert(name.to_owned(), json!(values));
        }
        let mut config = json!({ "Sns": { "TopicArn": self.topic } });
        if let (false, Some(members)) = (filters.is_empty(), config.as_object_mut()) {
            members.insert("Filters".to_owned(), filters.into());
        }
        config
    }

    /// Compares filters. A filter with all values equals no filter.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let all = |given: &BTreeSet<String>, most: usize| given.is_empty() || given.len() == most;
        let same = |one: &BTreeSet<String>, two: &BTreeSet<String>, most| {
            one == two || (all(one, most) && all(two, most))
        };
        self.topic == other.topic
            && same(&self.severities, &other.severities, SEVERITIES.len())
            && same(
                &self.message_types,
                &other.message_types,
                MESSAGE_TYPES.len(),
            )
    }
}

/// Rejects duplicate topics, and too many per Region.
///
/// # Errors
/// The problem.
pub fn check_channels(wishes: &[DesiredChannel]) -> Result<(), String> {
    let mut by_region: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for wish in wishes {
        let region = by_region.entry(wish.region()).or_default();
        if !region.insert(&wish.topic) {
            return Err(format!("`{}` is named twice", wish.topic));
        }
    }
    let many = by_region.iter().find(|(_, it)| it.len() > CHANNELS_MAX);
    match many {
        Some((region, topics)) => Err(format!(
            "{} topics in {region}: DevOps Guru takes {CHANNELS_MAX} of an account and Region",
            topics.len()
        )),
        None => Ok(()),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeenChannel {
    pub(super) id: String,
    pub(super) wish: DesiredChannel,
}

pub(super) async fn channels_in(
    calls: &dyn ReadCalls,
    account: &AccountId,
    region: &str,
) -> ReadFact<Vec<SeenChannel>> {
    let operation = ("devops-guru", "ListNotificationChannels");
    let place = inside(calls, account, Some(region));
    let rows = place.list(operation, json!({}), "Channels").await?;
    let words = |row: &Value, pointer: &str| {
        let all = row.pointer(pointer).and_then(Value::as_array);
        let all = all.into_iter().flatten().filter_map(Value::as_str);
        all.map(str::to_owned).collect()
    };
    let seen = rows.iter().map(|row| SeenChannel {
        id: text(row, "/Id").to_owned(),
        wish: DesiredChannel {
            topic: text(row, "/Config/Sns/TopicArn").to_owned(),
            severities: words(row, "/Config/Filters/Severities"),
            message_types: words(row, "/Config/Filters/MessageTypes"),
        },
    });
    Ok(seen.collect())
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelState {
    Same,
    Missing,
    Differs,
    /// The channel limit is reached.
    Full,
    Skipped(String),
    Unread(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRow {
    pub account: String,
    pub region: String,
    pub wish: Option<DesiredChannel>,
    pub seen: Option<DesiredChannel>,
    pub state: ChannelState,
}

impl ChannelRow {
    pub const fn is_bad(&self) -> bool {
        matches!(self.state, ChannelState::Full | ChannelState::Unread(_))
    }

    fn place(&self) -> (&str, &str) {
        (&self.account, &self.region)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelsFound {
    pub organization: String,
    pub rows: Vec<ChannelRow>,
}

/// Compares a file with the selected accounts and those Regions that have a topic. Failures in one
/// account are stored, and others continue.
///
/// # Errors
/// A failed read of the organization, and unknown names.
pub async fn compare_channels(
    calls: &dyn ReadCalls,
    wishes: &[DesiredChannel],
    scope: &StandardsScope,
) -> Result<ChannelsFound, StandardsUnread> {
    let of_topics: BTreeSet<String> = wishes.iter().map(|it| it.region().to_owned()).collect();
    let regions = match &scope.regions {
        None => of_topics,
        Some(named) => of_topics
            .into_iter()
            .filter(|it| named.contains(it))
            .collect(),
    };
    let scope = StandardsScope {
        regions: Some(regions.into_iter().collect()),
        ..scope.clone()
    };
    let SelectedPlaces {
        organization,
        places,
        left_out,
    } = selected_places(calls, &scope).await?;
    let seen: Vec<_> = stream::iter(places)
        .map(|(account, region)| async move {
            let found = channels_in(calls, &account, &region).await;
            (account, region, found)
        })
        .buffered(WIDTH)
        .collect()
        .await;
    let mut rows: Vec<ChannelRow> = Vec::new();
    for (account, region, why) in left_out {
        let state = match why {
            Ok(skipped) => ChannelState::Skipped(skipped),
            Err(unread) => ChannelState::Unread(unread),
        };
        rows.push(ChannelRow {
            account,
            region,
            wish: None,
            seen: None,
            state,
        });
    }
    for (account, region, found) in seen {
        for wish in wishes.iter().filter(|it| it.region() == region) {
            let state = match &found {
                Ok(there) => judge(wish, there, wishes),
                Err(why) => ChannelState::Unread(format!("{}: {}", why.action, why.reason)),
            };
            rows.push(ChannelRow {
                account: account.as_str().to_owned(),
                region: region.clone(),
                wish: Some(wish.clone()),
                seen: found.as_ref().ok().and_then(|there| seen_of(wish, there)),
                state,
            });
        }
    }
    rows.sort_by(|one, other| one.place().cmp(&other.place()));
    Ok(ChannelsFound { organization, rows })
}

fn seen_of(wish: &DesiredChannel, there: &[SeenChannel]) -> Option<DesiredChannel> {
    let found = there.iter().find(|it| it.wish.topic == wish.topic);
    found.map(|it| it.wish.clone())
}

pub(super) fn probe_channel(
    kind: ChannelStepKind,
    wish: &DesiredChannel,
    seen: Option<&DesiredChannel>,
) -> StepProbe {
    match (kind, seen) {
        (ChannelStepKind::NoChannel, None) => StepProbe::Satisfied,
        (ChannelStepKind::Channel, None) => StepProbe::Absent,
        (ChannelStepKind::Channel, Some(it)) if it.is_same(wish) => StepProbe::Satisfied,
        (ChannelStepKind::Channel | ChannelStepKind::NoChannel, Some(it)) => {
            StepProbe::Differs { old: stored(it) }
        }
    }
}

fn judge(wish: &DesiredChannel, there: &[SeenChannel], wishes: &[DesiredChannel]) -> ChannelState {
    if let Some(own) = there.iter().find(|it| it.wish.topic == wish.topic) {
        return if own.wish.is_same(wish) {
            ChannelState::Same
        } else {
            ChannelState::Differs
        };
    }
    let is_wanted = |it: &&SeenChannel| wishes.iter().any(|wish| wish.topic == it.wish.topic);
    let others = there.iter().filter(|it| !is_wanted(it)).count();
    let here = wishes.iter().filter(|it| it.region() == wish.region());
    if others + here.count() > CHANNELS_MAX {
        ChannelState::Full
    } else {
        ChannelState::Missing
    }
}

fn add(draft: &mut PlanDraft, kind: ChannelStepKind, row: &ChannelRow) {
    let Some(wish) = &row.wish else { return };
    let target = StepTarget {
        account: row.account.clone(),
        region: row.region.clone(),
        key: wish.topic.clone(),
    };
    // concurrent steps in one place could take its last channel
    let lane = Lane {
        shared: false,
        ..Lane::serial(format!("devops-guru:{}:{}", row.account, row.region))
    };
    let id = draft.step(target, kind, stored(wish), lane, &[]);
    draft.compared(&id, probe_channel(kind, wish, row.seen.as_ref()));
}

pub fn draft_channels(found: &ChannelsFound) -> PlanDraft {
    let mut draft = PlanDraft::new(CHANNELS_KIND, &found.organization, PlanLimits::USUAL);
    for row in &found.rows {
        match row.state {
            ChannelState::Same | ChannelState::Missing | ChannelState::Differs => {
                add(&mut draft, ChannelStepKind::Channel, row);
            }
            ChannelState::Full | ChannelState::Skipped(_) | ChannelState::Unread(_) => {}
        }
    }
    draft
}

/// Plans the removal of channels to the file's topics, with any filters.
pub fn draft_channel_removal(found: &ChannelsFound) -> PlanDraft {
    let limits = PlanLimits::DESTRUCTIVE;
    let mut draft = PlanDraft::new(CHANNELS_REMOVE_KIND, &found.organization, limits);
    for row in &found.rows {
        match row.state {
            ChannelState::Same | ChannelState::Differs => {
                add(&mut draft, ChannelStepKind::NoChannel, row);
            }
            ChannelState::Missing
            | ChannelState::Full
            | ChannelState::Skipped(_)
            | ChannelState::Unread(_) => {}
        }
    }
    draft
}
