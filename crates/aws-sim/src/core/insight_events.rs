//! DevOps Guru events: an insight of the file opens or closes (Amazon DevOps Guru User Guide,
//! "Working with Amazon `EventBridge`"). Omits events from before the load.

use std::collections::BTreeSet;

use crate::base::Millis;
use serde_json::json;

use super::{
    bus::{BusEvent, put_event},
    instants::instant,
    publishing::publish,
    state::SimState,
    topics::{TopicMessage, topic_key},
};
use crate::organization::StatedInsight;

/// Publishes events since the last call.
pub(crate) fn tell(state: &mut SimState) {
    let (from, to) = (state.insights_told, state.latest);
    if to <= from {
        return;
    }
    state.insights_told = to;
    let is_due = |text: Option<&String>| instant(text).filter(|at| from < *at && *at <= to);
    let mut due: Vec<(Millis, bool, StatedInsight)> = Vec::new();
    for insight in &state.devops_guru_insights {
        if let Some(at) = is_due(Some(&insight.start)) {
            due.push((at, false, insight.clone()));
        }
        if let Some(at) = is_due(insight.end.as_ref()) {
            due.push((at, true, insight.clone()));
        }
    }
    due.sort_by_key(|(at, is_over, _)| (*at, *is_over));
    for (_, is_over, insight) in due {
        put(state, &insight, is_over);
    }
}

/// On the bus of the account and of the management account, as if a rule forwarded it.
fn put(state: &mut SimState, insight: &StatedInsight, is_over: bool) {
    let (detail_type, message_type) = if is_over {
        ("DevOps Guru Insight Closed", "CLOSED_INSIGHT")
    } else {
        ("DevOps Guru New Insight Open", "NEW_INSIGHT")
    };
    let mut detail = json!({
        "insightId": insight.id, "accountId": insight.account, "region": insight.region,
        "messageType": message_type, "insightType": insight.kind,
        "insightSeverity": insight.severity.to_ascii_lowercase(), "insightDescription": insight.name,
        "insightUrl": format!(
            "https://{}.console.aws.amazon.com/devops-guru/#/insight/{}/{}",
            insight.region, insight.kind.to_ascii_lowercase(), insight.id
        ),
        "startTime": instant(Some(&insight.start)).unwrap_or_default().to_string(),
        "resourceCollection": { "cloudFormation": { "stackNames": insight.stacks } },
    });
    if let (true, Some(members)) = (is_over, detail.as_object_mut()) {
        let end = instant(insight.end.as_ref()).unwrap_or_default();
        members.insert("endTime".to_owned(), end.to_string().into());
    }
    tell_channels(state, insight, message_type);
    let bus = |account: &str| (account.to_owned(), insight.region.clone());
    let buses = BTreeSet::from([bus(&insight.account), bus(&state.head.management)]);
    let event = BusEvent {
        source: "aws.devops-guru",
        detail_type,
        resources: Vec::new(),
        detail,
    };
    put_event(state, &buses, &event);
}

/// To the topics of the account's channels (the same, "Working with Amazon SNS").
fn tell_channels(state: &mut SimState, insight: &StatedInsight, message_type: &str) {
    let place = (insight.account.clone(), insight.region.clone());
    let channels = state.notification_channels.get(&place).cloned();
    let text = json!({
        "AccountId": insight.account, "Region": insight.region, "MessageType": message_type,
        "InsightId": insight.id, "InsightName": insight.name, "InsightType": insight.kind,
        "InsightSeverity": insight.severity.to_ascii_lowercase(), "InsightDescription": insight.name,
        "StartTime": instant(Some(&insight.start)).unwrap_or_default(),
        "ResourceCollection": { "cloudFormation": { "stackNames": insight.stacks } },
    })
    .to_string();
    let message = TopicMessage {
        text: &text,
        ..TopicMessage::default()
    };
    for it in channels.into_iter().flatten() {
        if it.takes(&insight.severity, message_type)
            && let Some(key) = topic_key(&it.topic)
        {
            publish(state, &key, &message);
        }
    }
}
