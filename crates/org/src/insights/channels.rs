//! Channels of DevOps Guru (`organization.md` D-9): which topics of SNS the insights of accounts are told to. A file says
//! it, accounts and Regions are held against it, and a plan makes it so.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};
use hallpass_aws_model::facts;
use hallpass_base::AccountId;
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepProbe, StepTarget};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::reading::{ReadCalls, ReadFact, inside, text};
use crate::standards::{SelectedPlaces, StandardsScope, StandardsUnread, selected_places};
use crate::steps::stored;

/// The kind of plans that set channels up.
pub const CHANNELS_KIND: &str = "insights.channels";
/// The kind of plans that take channels away.
pub const CHANNELS_REMOVE_KIND: &str = "insights.channels.remove";
/// A channel is there, with these filters: [`ChannelWish`].
pub(super) const CHANNEL: &str = "insights.channel";
/// There is no channel to the topic: [`ChannelWish`].
pub(super) const NO_CHANNEL: &str = "insights.no-channel";

/// Channels of an account in a Region.
const CHANNELS_MAX: usize = facts::GURU_CHANNELS.count();
/// Accounts and Regions that are read at once.
const WIDTH: usize = 8;
const SEVERITIES: [&str; 3] = ["HIGH", "MEDIUM", "LOW"];
const MESSAGE_TYPES: [&str; 5] = [
    "NEW_INSIGHT",
    "CLOSED_INSIGHT",
    "NEW_ASSOCIATION",
    "SEVERITY_UPGRADED",
    "NEW_RECOMMENDATION",
];

/// Whether steps of a kind are carried out by [`ChannelStepExecutor`](super::ChannelStepExecutor).
pub fn is_channel_step(kind: &str) -> bool {
    kind == CHANNEL || kind == NO_CHANNEL
}

/// A topic, and what it is told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelWish {
    /// The topic: an ARN.
    pub topic: String,
    /// Insights of these severities; of any where empty.
    pub severities: BTreeSet<String>,
    /// These kinds of messages; any where empty.
    pub message_types: BTreeSet<String>,
}

impl ChannelWish {
    /// A wish as a file has it.
    ///
    /// # Errors
    /// What is wrong with it.
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

    /// The Region of the topic, and of the insights that are told to it.
    pub fn region(&self) -> &str {
        self.topic.split(':').nth(3).unwrap_or_default()
    }

    /// As DevOps Guru is told.
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

    /// Whether a channel is told of the same. A filter with every word there is is none.
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

/// Holds what a file wants together: no topic twice, and no more of a Region than an account may have.
///
/// # Errors
/// What is wrong with it.
pub fn check_channels(wishes: &[ChannelWish]) -> Result<(), String> {
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

/// A channel that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeenChannel {
    /// Its id.
    pub(super) id: String,
    /// What it is told of.
    pub(super) wish: ChannelWish,
}

/// The channels of an account in a Region.
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
        wish: ChannelWish {
            topic: text(row, "/Config/Sns/TopicArn").to_owned(),
            severities: words(row, "/Config/Filters/Severities"),
            message_types: words(row, "/Config/Filters/MessageTypes"),
        },
    });
    Ok(seen.collect())
}

/// How a channel stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelState {
    /// It is as the file says.
    Same,
    /// It is not there.
    Missing,
    /// It is told of something else.
    Differs,
    /// It cannot be made: two others are there already.
    Full,
    /// The account or Region is left out, and why.
    Skipped(String),
    /// The account could not be entered or read, and why.
    Unread(String),
}

/// A topic in an account and Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRow {
    /// The account.
    pub account: String,
    /// The Region; `global` where the account as a whole is left out.
    pub region: String,
    /// What is wanted; none where the place is left out.
    pub wish: Option<ChannelWish>,
    /// The channel to the topic that was there.
    pub seen: Option<ChannelWish>,
    /// How it stands.
    pub state: ChannelState,
}

impl ChannelRow {
    /// Whether somebody has to look at it.
    pub const fn is_bad(&self) -> bool {
        matches!(self.state, ChannelState::Full | ChannelState::Unread(_))
    }

    fn place(&self) -> (&str, &str) {
        (&self.account, &self.region)
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelsFound {
    /// The organization.
    pub organization: String,
    /// A row for each topic in each account and Region, in their order.
    pub rows: Vec<ChannelRow>,
}

/// Holds a file against the accounts and Regions that are meant: of the Regions those that have a topic. What of one
/// account cannot be read is kept as that, and the others go on.
///
/// # Errors
/// What of the organization cannot be read, and names that it does not have.
pub async fn compare_channels(
    calls: &dyn ReadCalls,
    wishes: &[ChannelWish],
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

fn seen_of(wish: &ChannelWish, there: &[SeenChannel]) -> Option<ChannelWish> {
    let found = there.iter().find(|it| it.wish.topic == wish.topic);
    found.map(|it| it.wish.clone())
}

/// What a look at the channel to a topic says to a step.
pub(super) fn probe_channel(
    kind: &str,
    wish: &ChannelWish,
    seen: Option<&ChannelWish>,
) -> StepProbe {
    match (kind, seen) {
        (NO_CHANNEL, None) => StepProbe::Satisfied,
        (_, None) => StepProbe::Absent,
        (CHANNEL, Some(it)) if it.is_same(wish) => StepProbe::Satisfied,
        (_, Some(it)) => StepProbe::Differs { old: stored(it) },
    }
}

fn judge(wish: &ChannelWish, there: &[SeenChannel], wishes: &[ChannelWish]) -> ChannelState {
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

fn add(draft: &mut PlanDraft, kind: &str, row: &ChannelRow) {
    let Some(wish) = &row.wish else { return };
    let target = StepTarget {
        account: row.account.clone(),
        region: row.region.clone(),
        key: wish.topic.clone(),
    };
    // two at once in one place could both take its last channel
    let lane = Lane {
        shared: false,
        ..Lane::serial(format!("devops-guru:{}:{}", row.account, row.region))
    };
    let id = draft.step(target, kind, stored(wish), lane, &[]);
    draft.compared(&id, probe_channel(kind, wish, row.seen.as_ref()));
}

/// The plan that sets channels up; what is so already is part of it, and unchanged.
pub fn draft_channels(found: &ChannelsFound) -> PlanDraft {
    let mut draft = PlanDraft::new(CHANNELS_KIND, &found.organization, PlanLimits::USUAL);
    for row in &found.rows {
        match row.state {
            ChannelState::Same | ChannelState::Missing | ChannelState::Differs => {
                add(&mut draft, CHANNEL, row);
            }
            ChannelState::Full | ChannelState::Skipped(_) | ChannelState::Unread(_) => {}
        }
    }
    draft
}

/// The plan that takes the channels to the file's topics away, whatever they are told of.
pub fn draft_channel_removal(found: &ChannelsFound) -> PlanDraft {
    let limits = PlanLimits::DESTRUCTIVE;
    let mut draft = PlanDraft::new(CHANNELS_REMOVE_KIND, &found.organization, limits);
    for row in &found.rows {
        match row.state {
            ChannelState::Same | ChannelState::Differs => add(&mut draft, NO_CHANNEL, row),
            ChannelState::Missing
            | ChannelState::Full
            | ChannelState::Skipped(_)
            | ChannelState::Unread(_) => {}
        }
    }
    draft
}
