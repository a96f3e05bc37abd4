//! Reminds reviewers who have not answered (`access.md` §28).

use hallpass_alerts::{
    AlertNews, AlertRuleId, AlertRuleIdError, AlertSeverity, AlertWrite, HappeningRule,
    happened_together,
};
use hallpass_base::time::utc;
use hallpass_base::{TimeSpan, Timestamp};
use serde_json::{Map, Value};

use super::{Access, AccessError};
use crate::{Campaign, LineCount, ReadError};

/// How long before the due date reviewers are reminded.
const DUE_SOON: TimeSpan = TimeSpan::hours(3 * 24);

impl Access {
    /// Writes to each reviewer without all answers when a campaign begins, when it is due soon, and
    /// when it is overdue. `pages` is the address of the server.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn remind_reviewers(&self, pages: &str) -> Result<(), AccessError> {
        let rule = alert_rule().map_err(|error| ReadError(error.to_string()))?;
        for campaign in self.open_campaigns().await? {
            let store = self.campaign_store();
            let counts = store.campaign_line_counts(campaign.id).await?;
            let open = counts.iter().filter(|it| it.answer.is_none());
            let rows: Vec<_> = open.map(|it| self.reminder(&campaign, it, pages)).collect();
            self.store_alert(&rule, |state, now| {
                happened_together(&rule, state, &rows, now).map(to_reviewers)
            })
            .await?;
        }
        Ok(())
    }

    fn reminder(&self, campaign: &Campaign, count: &LineCount, pages: &str) -> Map<String, Value> {
        let directory = self.directory();
        let person = directory.person(&count.reviewer);
        let email = person.and_then(|it| it.emails.first());
        let reviewer = email.map_or_else(|| count.reviewer.to_string(), ToString::to_string);
        let values = [
            ("campaign_id", campaign.id.to_string()),
            ("reviewer_id", count.reviewer.to_string()),
            ("stage", stage(campaign, self.now()).to_owned()),
            ("campaign", campaign.name.clone()),
            ("reviewer", reviewer),
            ("lines", count.lines.to_string()),
            ("due", utc(campaign.due_at)),
            ("page", format!("{pages}/campaigns/{}", campaign.id)),
        ];
        let values = values.into_iter();
        values
            .map(|(name, text)| (name.to_owned(), Value::String(text)))
            .collect()
    }
}

fn stage(campaign: &Campaign, now: Timestamp) -> &'static str {
    if campaign.is_due(now) {
        "overdue"
    } else if campaign.is_due(DUE_SOON.after(now)) {
        "due_soon"
    } else {
        "begun"
    }
}

/// Mails the message to the reviewers that it names.
fn to_reviewers(mut write: AlertWrite) -> AlertWrite {
    if let Some(message) = &mut write.message
        && let AlertNews::Rows(news) = &message.news
    {
        let reviewers = news
            .new
            .rows
            .iter()
            .filter_map(|it| it.values.get("reviewer"));
        let reviewers = reviewers.filter_map(Value::as_str).map(str::to_owned);
        message.mail_to = reviewers.collect();
    }
    write
}

fn alert_rule() -> Result<HappeningRule, AlertRuleIdError> {
    Ok(HappeningRule {
        id: "access-review-due".parse::<AlertRuleId>()?,
        severity: AlertSeverity::Medium,
        key: ["campaign_id", "reviewer_id", "stage"].map(str::to_owned).to_vec(),
        message: "{reviewer} has {lines} lines to answer in the access review `{campaign}`, due {due}: {page}"
            .to_owned(),
        mail_to: Vec::new(),
    })
}
