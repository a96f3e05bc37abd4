//! Reads the current state of a deviation. An event only names the finding or evaluation; every
//! decision, approval, change and note uses the state read immediately before it (`organization.md`
//!

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{FindingCalls, FindingKey, StandingFinding, read_standing};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::remediation::deviation::{ConfigKey, Deviation, deviations_of, judged_by_config};
use crate::remediation::ports::{
    MemberCalls, MemberFaultKind, MemberOperation, MemberPlace, MemberSession,
};

const JUDGED: MemberOperation = ("config", "GetComplianceDetailsByResource");
pub const CONFIG_ACTION: &str = "config:GetComplianceDetailsByResource";
const PAGES_MAX: usize = 20;

#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    Open(Box<Deviation>),
    Over(String),
}

#[async_trait]
pub trait Standings: Send + Sync {
    /// Returns the current states in order; an error means unknown for now.
    async fn standings(&self, rows: &[Deviation]) -> Vec<Result<Standing, String>>;

    async fn standing(&self, it: &Deviation) -> Result<Standing, String> {
        let mut all = self.standings(std::slice::from_ref(it)).await;
        all.pop()
            .unwrap_or_else(|| Err("it has no result (this is a bug)".to_owned()))
    }
}

/// Reads findings from Security Hub, and evaluations from AWS Config in the member account.
pub struct StandingReader {
    findings: Arc<dyn FindingCalls>,
    members: Arc<dyn MemberCalls>,
}

impl StandingReader {
    pub fn new(findings: Arc<dyn FindingCalls>, members: Arc<dyn MemberCalls>) -> Self {
        Self { findings, members }
    }

    async fn of_config(&self, it: &Deviation, key: &ConfigKey) -> Result<Standing, String> {
        let place = MemberPlace {
            account: it.account.clone(),
            region: it.region.clone(),
            session: MemberSession::allowing(
                "judge",
                &[(vec![CONFIG_ACTION], vec!["*".to_owned()])],
            ),
        };
        let mut input = json!({ "ResourceType": it.resource_type, "ResourceId": key.resource_id });
        for _ in 0..PAGES_MAX {
            let (answer, next) = match self.members.read(&place, JUDGED, &input).await {
                Ok(page) => page,
                // the action fails to enter the account too, and then becomes manual
                Err(fault) if fault.kind == MemberFaultKind::NotEntered => {
                    return Ok(Standing::Open(Box::new(it.clone())));
                }
                Err(fault) => return Err(fault.to_string()),
            };
            let rows = answer.get("EvaluationResults").and_then(Value::as_array);
            let judged = rows.into_iter().flatten().find_map(|row| {
                let qualifier = "/EvaluationResultIdentifier/EvaluationResultQualifier";
                let rule = row
                    .pointer(&format!("{qualifier}/ConfigRuleName"))?
                    .as_str()?;
                (rule == it.config_rule).then(|| row.get("ComplianceType")?.as_str())?
            });
            if let Some(judged) = judged {
                return Ok(match judged_by_config(judged) {
                    None => Standing::Open(Box::new(it.clone())),
                    Some(why) => Standing::Over(why),
                });
            }
            let (Some(next), Some(members)) = (next, input.as_object_mut()) else {
                break;
            };
            members.extend(next);
        }
        let why = format!("rule `{}` of AWS Config has not judged it", it.config_rule);
        Ok(Standing::Over(why))
    }
}

pub(crate) fn of_finding(it: &Deviation, found: Option<&StandingFinding>) -> Standing {
    let Some(found) = found else {
        return Standing::Over("Security Hub does not have the finding".to_owned());
    };
    let rows = deviations_of(&found.finding, &found.document);
    let Some(row) = rows.into_iter().find(|row| row.resource == it.resource) else {
        let why = format!("the finding is not about `{}`", it.resource);
        return Standing::Over(why);
    };
    if row.account != it.account {
        let why = format!("the finding is of account {}", row.account);
        return Standing::Over(why);
    }
    match row.settled.clone() {
        Some(why) => Standing::Over(why),
        None => Standing::Open(Box::new(row)),
    }
}

#[async_trait]
impl Standings for StandingReader {
    async fn standings(&self, rows: &[Deviation]) -> Vec<Result<Standing, String>> {
        let keys: Vec<FindingKey> = rows.iter().filter_map(|it| it.finding.clone()).collect();
        let found = if keys.is_empty() {
            BTreeMap::new()
        } else {
            read_standing(self.findings.as_ref(), keys).await
        };
        let mut all = Vec::with_capacity(rows.len());
        for it in rows {
            all.push(match (&it.finding, &it.config) {
                (Some(key), _) => match found.get(key) {
                    Some(Ok(found)) => Ok(of_finding(it, found.as_ref())),
                    Some(Err(refusal)) => Err(refusal.to_string()),
                    None => Err("the finding was not requested (this is a bug)".to_owned()),
                },
                (None, Some(key)) => self.of_config(it, key).await,
                (None, None) => Ok(Standing::Over("its source is unknown".to_owned())),
            });
        }
        all
    }
}
