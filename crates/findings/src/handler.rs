//! Handles finding events, and account change events.

use std::sync::Arc;

use crate::events::{EventHandler, HandledEvent, OrganizationEvent};
use async_trait::async_trait;
use hallpass_base::{AccountId, Timestamp};
use serde_json::{Value, json};

use crate::enricher::Enricher;
use crate::fields::ENRICHED;
use crate::finding::{EnrichTrigger, WantedFinding, findings_of, wants};
use crate::writing::EnrichOutcome;

const SECURITY_HUB: &str = "aws.securityhub";
pub const IMPORTED: &str = "Security Hub Findings - Imported";
pub const CUSTOM_ACTION: &str = "Security Hub Findings - Custom Action";
const CALL_RECORDED: &str = "AWS API Call via CloudTrail";
const SERVICE_RECORDED: &str = "AWS Service Event via CloudTrail";
/// Account change events: source, detail type and names (`organization.md` E-4). All arrive in
/// `us-east-1` of the management account (AWS Organizations User Guide, "Logging API calls with AWS
/// CloudTrail").
const CHANGES: [(&str, &str, &[&str]); 3] = [
    (
        "aws.organizations",
        CALL_RECORDED,
        &["MoveAccount", "TagResource", "UntagResource", UNIT_RENAMED],
    ),
    (
        "aws.organizations",
        SERVICE_RECORDED,
        &["AccountJoinedOrganization", "AccountDepartedOrganization"],
    ),
    (
        "aws.account",
        CALL_RECORDED,
        &[
            "PutAccountName",
            "PutAlternateContact",
            "DeleteAlternateContact",
        ],
    ),
];
const UNIT_RENAMED: &str = "UpdateOrganizationalUnit";

/// Event from `hallpass org findings cache drop`: source and detail type.
const FORGET: (&str, &str) = ("hallpass.findings", "Forget Accounts");

pub fn forget_event(id: &str, account: Option<&AccountId>, now: Timestamp) -> Value {
    let (source, detail_type) = FORGET;
    json!({
        "version": "0", "id": id, "source": source, "detail-type": detail_type, "time": now.to_string(),
        "account": account, "region": "", "resources": [], "detail": { "account": account },
    })
}

/// Event rule pattern for findings (`organization.md` E-1).
pub fn rule_pattern() -> Value {
    json!({
        "source": [SECURITY_HUB],
        "detail-type": [IMPORTED],
        "detail": { "findings": {
            "RecordState": ["ACTIVE"],
            "UserDefinedFields": { ENRICHED: [{ "exists": false }] },
        } },
    })
}

pub(crate) fn custom_action_pattern() -> Value {
    json!({ "source": [SECURITY_HUB], "detail-type": [CUSTOM_ACTION] })
}

pub(crate) fn change_patterns() -> Vec<Value> {
    let pattern = |(source, kind, names): &(&str, &str, &[&str])| json!({ "source": [source], "detail-type": [kind], "detail": { "eventName": names } });
    CHANGES.iter().map(pattern).collect()
}

#[derive(Debug)]
pub struct FindingHandler {
    enricher: Arc<Enricher>,
    warn: fn(&str),
}

impl FindingHandler {
    pub fn new(enricher: Arc<Enricher>, warn: fn(&str)) -> Self {
        Self { enricher, warn }
    }
}

impl FindingHandler {
    fn forget_what_changed(&self, event: &OrganizationEvent) {
        if (event.source.as_str(), event.detail_type.as_str()) == FORGET {
            let named = event.detail.get("account").and_then(Value::as_str);
            match named.and_then(|it| AccountId::new(it).ok()) {
                Some(account) => self.enricher.forget(&account),
                None => self.enricher.forget_all(),
            }
        }
        match changed_accounts(event) {
            ChangedAccounts::None => {}
            ChangedAccounts::One(account) => self.enricher.forget(&account),
            ChangedAccounts::All => self.enricher.forget_all(),
        }
    }
}

/// Indexes of an event's findings in the round, and notes.
#[derive(Default)]
struct EventFindings {
    places: Vec<usize>,
    skipped: usize,
    broken: Vec<String>,
}

#[async_trait]
impl EventHandler for FindingHandler {
    fn takes(&self, source: &str, detail_type: &str) -> bool {
        let findings = source == SECURITY_HUB && matches!(detail_type, IMPORTED | CUSTOM_ACTION);
        let forgets = (source, detail_type) == FORGET;
        let changes = CHANGES
            .iter()
            .any(|(name, kind, _)| (*name, *kind) == (source, detail_type));
        findings || forgets || changes
    }

    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent> {
        for event in events {
            self.forget_what_changed(event);
        }
        let mut findings = Vec::new();
        let read: Vec<EventFindings> = events
            .iter()
            .map(|it| read_event(it, &mut findings))
            .collect();
        let report = self.enricher.enrich(&findings).await;
        for warning in &report.warnings {
            (self.warn)(warning);
        }
        let told = events
            .iter()
            .zip(&read)
            .map(|(event, it)| said(event, it, &report.outcomes));
        told.collect()
    }
}

enum ChangedAccounts {
    None,
    One(AccountId),
    All,
}

fn changed_accounts(event: &OrganizationEvent) -> ChangedAccounts {
    let name = event.detail.get("eventName").and_then(Value::as_str);
    let name = name.unwrap_or_default();
    let is_change = CHANGES.iter().any(|(source, kind, names)| {
        (*source, *kind) == (event.source.as_str(), event.detail_type.as_str())
            && names.contains(&name)
    });
    if !is_change {
        return ChangedAccounts::None;
    }
    if name == UNIT_RENAMED {
        return ChangedAccounts::All;
    }
    let is_call = event.detail_type == CALL_RECORDED;
    let part = if is_call {
        "requestParameters"
    } else {
        "serviceEventDetails"
    };
    let details = event.detail.get(part);
    let named = ["accountId", "resourceId"]
        .iter()
        .find_map(|it| details?.get(it)?.as_str());
    // a call without an account concerns the caller's
    match named.or(is_call.then_some(event.account.as_str())) {
        Some(account) => {
            AccountId::new(account).map_or(ChangedAccounts::None, ChangedAccounts::One)
        }
        None => ChangedAccounts::All,
    }
}

fn read_event(event: &OrganizationEvent, findings: &mut Vec<WantedFinding>) -> EventFindings {
    let mut read = EventFindings::default();
    if event.source != SECURITY_HUB {
        return read;
    }
    let trigger = match event.detail_type.as_str() {
        CUSTOM_ACTION => EnrichTrigger::CustomAction,
        _ => EnrichTrigger::Imported,
    };
    for row in findings_of(event) {
        match row {
            Ok((finding, _)) if wants(&finding, trigger) => {
                read.places.push(findings.len());
                findings.push(finding.wanted(trigger));
            }
            Ok(_) => read.skipped += 1,
            Err(problem) => read.broken.push(problem),
        }
    }
    read
}

/// Combines finding results: any retry wins, then any refusal.
fn said(
    event: &OrganizationEvent,
    read: &EventFindings,
    outcomes: &[EnrichOutcome],
) -> HandledEvent {
    if event.source != SECURITY_HUB {
        return HandledEvent::Done("the account data is read again".to_owned());
    }
    let (mut written, mut left, mut gone) = (0, read.skipped, 0);
    let mut refused = read.broken.clone();
    for place in &read.places {
        match outcomes.get(*place) {
            Some(EnrichOutcome::Written | EnrichOutcome::WrittenLess(_)) => written += 1,
            Some(EnrichOutcome::LeftAlone(_)) => left += 1,
            Some(EnrichOutcome::Gone) => gone += 1,
            Some(EnrichOutcome::GaveUp(code)) => {
                refused.push(format!("Security Hub refuses the update: {code}"));
            }
            Some(EnrichOutcome::Again(why)) => return HandledEvent::Again(why.clone()),
            None => {
                return HandledEvent::Again("a finding has no result (this is a bug)".to_owned());
            }
        }
    }
    if refused.is_empty() {
        HandledEvent::Done(format!(
            "{written} findings enriched, {left} left as they are, {gone} deleted"
        ))
    } else {
        refused.dedup();
        HandledEvent::Refused(refused.join("; "))
    }
}
