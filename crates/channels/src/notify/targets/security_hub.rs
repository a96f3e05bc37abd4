//! Security Hub findings: one per row of a rule, archived when the row recovers, and one for a
//! failing rule.

use std::sync::Arc;

use crate::wording::alert::{blocked_by, row_key, row_text};
use async_trait::async_trait;
use aws_lc_rs::digest;
use hallpass_access::{AlertContext, Delivery};
use hallpass_alerts::{
    AlertMessage, AlertNews, AlertRowKey, AlertSeverity, AlertStore, ListedRows, RowNews, RowPhase,
    ToldRow,
};
use hallpass_aws_model::facts;
use hallpass_base::{TimeSpan, Timestamp, text::line};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::{AlertTarget, TargetCalls, TargetFault};

const BATCH_MAX: usize = facts::FINDINGS_PER_CALL.count();
const TITLE_MAX: usize = facts::FINDING_TITLE_CHARACTERS.count();
const DESCRIPTION_MAX: usize = facts::FINDING_DESCRIPTION_CHARACTERS.count();

/// Security Hub in one Region, in the account of the server's credentials.
pub struct SecurityHubTarget {
    region: String,
    public_url: String,
    calls: Arc<dyn TargetCalls>,
    states: Arc<dyn AlertStore>,
    own: OnceCell<OwnProduct>,
}

/// The account's default product owns the findings.
struct OwnProduct {
    account: String,
    partition: String,
}

struct RowFinding {
    row: ToldRow,
    stands: bool,
}

impl SecurityHubTarget {
    /// Creates a target without a call. Rows beyond the message limit are read from `states`.
    pub fn new(
        region: &str,
        public_url: &str,
        calls: Arc<dyn TargetCalls>,
        states: Arc<dyn AlertStore>,
    ) -> Self {
        Self {
            region: region.to_owned(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            calls,
            states,
            own: OnceCell::new(),
        }
    }

    async fn own(&self) -> Result<&OwnProduct, TargetFault> {
        let asked = || async {
            let region = Some(self.region.as_str());
            let answer = self
                .calls
                .call(region, ("sts", "GetCallerIdentity"), &json!({}))
                .await?;
            let arn = answer.get("Arn").and_then(Value::as_str);
            let mut parts = arn.unwrap_or_default().split(':').skip(1);
            match (parts.next(), answer.get("Account").and_then(Value::as_str)) {
                (Some(partition), Some(account)) => Ok(OwnProduct {
                    account: account.to_owned(),
                    partition: partition.to_owned(),
                }),
                _ => Err(TargetFault {
                    operation: "GetCallerIdentity".to_owned(),
                    code: "Unreadable".to_owned(),
                    message: "the answer has no account".to_owned(),
                    is_final: false,
                }),
            }
        };
        self.own.get_or_try_init(asked).await
    }

    async fn rows(&self, told: &AlertMessage, news: &RowNews) -> Result<Vec<RowFinding>, String> {
        let listed = |rows: &ListedRows, stands: bool| {
            let rows = rows.rows.iter().cloned();
            rows.map(move |row| RowFinding { row, stands })
                .collect::<Vec<_>>()
        };
        let lists = [&news.new, &news.still, &news.recovered];
        if !lists.iter().any(|it| it.is_summary()) {
            let stand = [&news.new, &news.still];
            let mut rows: Vec<RowFinding> = stand.iter().flat_map(|it| listed(it, true)).collect();
            rows.extend(listed(&news.recovered, false));
            return Ok(rows);
        }
        let state = self.states.alert_state(&told.alert).await;
        let state = state.map_err(|error| error.to_string())?;
        let rows = state.into_iter().flat_map(|it| it.rows);
        Ok(rows
            .filter_map(|(key, row)| {
                let (since, stands) = match row.phase {
                    RowPhase::Active { since, told_at } => {
                        (since, told_at.filter(|at| *at == told.at).map(|_| true)?)
                    }
                    RowPhase::Recovered { at } if at == told.at => (row.first_seen, false),
                    RowPhase::New { .. }
                    | RowPhase::Recovered { .. }
                    | RowPhase::Retired { .. } => return None,
                };
                let row = ToldRow {
                    key,
                    values: row.values,
                    since,
                    flap_count: row.flap_count,
                };
                Some(RowFinding { row, stands })
            })
            .collect())
    }

    fn findings(&self, own: &OwnProduct, told: &AlertMessage, rows: &[RowFinding]) -> Vec<Value> {
        let mut findings: Vec<Value> = rows
            .iter()
            .map(|it| self.row_finding(own, told, it))
            .collect();
        let blocked = match &told.news {
            AlertNews::Blocked { since, why } => Some((*since, blocked_by(why), true)),
            AlertNews::Rows(news) => news
                .blocked_since
                .map(|since| (since, "it runs again".to_owned(), false)),
        };
        findings.extend(blocked.map(|(since, why, stands)| {
            let title = format!("Rule {} does not run", told.alert);
            let about = FindingAbout {
                id: format!("hallpass/{}/blocked", told.alert),
                key: String::new(),
                since,
                stands,
                title,
                description: why,
                resource: account_resource(own, &self.region, &own.account),
            };
            self.finding(own, told, &about)
        }));
        findings
    }

    fn row_finding(&self, own: &OwnProduct, told: &AlertMessage, found: &RowFinding) -> Value {
        let row = &found.row;
        let said = row_text(&row.values, told.template.as_deref());
        let about = FindingAbout {
            id: finding_id(told, &row.key),
            key: row_key(&row.key),
            since: row.since,
            stands: found.stands,
            description: format!("Rule {} of Hallpass found: {said}", told.alert),
            title: said,
            resource: self.resource(own, &row.values),
        };
        self.finding(own, told, &about)
    }

    /// The row's resource: its ARN, else its account, else the server's account.
    fn resource(&self, own: &OwnProduct, values: &Map<String, Value>) -> Value {
        let text = |name: &str| values.get(name).and_then(Value::as_str);
        if let Some(arn) = text("arn").filter(|it| it.starts_with("arn:")) {
            return json!({
                "Type": "Other", "Id": arn, "Partition": own.partition, "Region": self.region,
            });
        }
        let is_account = |it: &&str| it.len() == 12 && it.bytes().all(|it| it.is_ascii_digit());
        let account = text("account_id").filter(is_account);
        account_resource(own, &self.region, account.unwrap_or(&own.account))
    }

    fn finding(&self, own: &OwnProduct, told: &AlertMessage, about: &FindingAbout) -> Value {
        let OwnProduct { account, partition } = own;
        let region = &self.region;
        json!({
            "SchemaVersion": "2018-10-08",
            "Id": about.id,
            "ProductArn": format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default"),
            "GeneratorId": format!("hallpass/{}", told.alert),
            "AwsAccountId": account,
            "Types": ["Software and Configuration Checks"],
            "CreatedAt": about.since.to_string(),
            "UpdatedAt": told.at.to_string(),
            "Severity": { "Label": label(told.severity), "Original": told.severity.name() },
            "Title": line(&about.title, TITLE_MAX),
            "Description": line(&about.description, DESCRIPTION_MAX),
            "SourceUrl": format!("{}/alerts", self.public_url),
            "ProductFields": { "hallpass/rule": told.alert.as_str(), "hallpass/key": about.key },
            "Resources": [about.resource],
            "RecordState": if about.stands { "ACTIVE" } else { "ARCHIVED" },
        })
    }

    async fn import(&self, findings: &[Value]) -> Delivery {
        let (region, mut refused) = (Some(self.region.as_str()), Vec::new());
        for batch in findings.chunks(BATCH_MAX) {
            let input = json!({ "Findings": batch });
            let answer = self
                .calls
                .call(region, ("securityhub", "BatchImportFindings"), &input)
                .await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(fault) => return fault.delivery(),
            };
            let failed = answer.get("FailedFindings").and_then(Value::as_array);
            for row in failed.into_iter().flatten() {
                let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
                let why = format!("{}: {}", text("ErrorCode"), text("ErrorMessage"));
                if text("ErrorCode").starts_with("Internal") {
                    return again(line(&why, 300));
                }
                refused.push(why);
            }
        }
        match refused.first() {
            None => Delivery::Done,
            Some(first) => Delivery::GaveUp {
                why: line(
                    &format!("Security Hub refuses {} findings: {first}", refused.len()),
                    300,
                ),
            },
        }
    }
}

struct FindingAbout {
    id: String,
    key: String,
    since: Timestamp,
    stands: bool,
    title: String,
    description: String,
    resource: Value,
}

/// Stable per row: a new import replaces the finding.
fn finding_id(told: &AlertMessage, key: &AlertRowKey) -> String {
    let hash = digest::digest(&digest::SHA256, key.as_str().as_bytes());
    let short = hash.as_ref().get(..16).unwrap_or_default();
    format!("hallpass/{}/{}", told.alert, hex::encode(short))
}

fn account_resource(own: &OwnProduct, region: &str, account: &str) -> Value {
    json!({
        "Type": "AwsAccount", "Id": format!("AWS::::Account:{account}"),
        "Partition": own.partition, "Region": region,
    })
}

const fn label(severity: AlertSeverity) -> &'static str {
    match severity {
        AlertSeverity::Info => "INFORMATIONAL",
        AlertSeverity::Low => "LOW",
        AlertSeverity::Medium => "MEDIUM",
        AlertSeverity::High => "HIGH",
        AlertSeverity::Critical => "CRITICAL",
    }
}

fn again(why: String) -> Delivery {
    Delivery::Again {
        after: TimeSpan::ZERO,
        why,
    }
}

#[async_trait]
impl AlertTarget for SecurityHubTarget {
    fn name(&self) -> &'static str {
        "security_hub"
    }

    async fn tell(&self, told: &AlertContext) -> Delivery {
        let rows = match &told.alert.news {
            AlertNews::Rows(news) => self.rows(&told.alert, news).await,
            AlertNews::Blocked { .. } => Ok(Vec::new()),
        };
        match (rows, self.own().await) {
            (Ok(rows), Ok(own)) => {
                let findings = self.findings(own, &told.alert, &rows);
                self.import(&findings).await
            }
            (Err(why), _) => again(why),
            (_, Err(fault)) => fault.delivery(),
        }
    }
}
