//! Posts sweep results, alarms and query findings once in the channel.

use crate::wording::alert::alert_text;
use crate::wording::sweeps::digest_text;
use crate::wording::{remediation, shown};
use hallpass_access::{AlarmContext, AlarmState, AlertContext, DigestContext, DigestKind};
use serde_json::{Value, json};

use crate::slack::app::Slack;
use crate::slack::blocks::{Block, Element, context, plain_section};
use crate::slack::client::Outgoing;
use crate::slack::deliver::{PostError, said_as};
use crate::slack::ids;
use crate::slack::memory::SentMark;
use crate::slack::remediating::remediation_buttons;

const SWEEP: &str = "hallpass_sweep";
const ALARM: &str = "hallpass_alarm";
const ALERT: &str = "hallpass_alert";
/// Maximum text; Slack takes 3,000 characters in a section.
const TEXT_MAX: usize = 2_800;

struct Announcement<'a> {
    /// Deduplication name.
    name: String,
    mark: &'a str,
    text: &'a str,
    link: String,
    buttons: Vec<Element>,
    metadata: Value,
}

impl Slack {
    pub(crate) async fn post_digest(&self, told: &DigestContext) -> Result<(), PostError> {
        let digest = &told.digest;
        let what = said_as(digest.digest.name(), digest.at);
        let setup = &self.inner.setup;
        self.announce_once(&Announcement {
            name: format!("{}/{what}", digest.sweep),
            mark: match digest.digest {
                DigestKind::SweepFound | DigestKind::SweepDone => &setup.marks.discarded,
                DigestKind::SweepPlanned => &setup.marks.waiting,
                DigestKind::SweepStopped | DigestKind::SweepFailed => &setup.marks.bad,
            },
            text: &digest_text(digest),
            link: format!(
                "<{}/sweeps/{}|Open in Hallpass>",
                setup.public_url, digest.sweep
            ),
            buttons: Vec::new(),
            metadata: json!({
                "event_type": SWEEP,
                "event_payload": {"id": digest.sweep.to_string(), "digest": what},
            }),
        })
        .await
        .map(drop)
    }

    pub(crate) async fn post_alarm(&self, told: &AlarmContext) -> Result<(), PostError> {
        let alarm = &told.alarm;
        let what = said_as(alarm.state.name(), alarm.at);
        let setup = &self.inner.setup;
        let text = format!("{}. {}", alarm.title(), alarm.text);
        self.announce_once(&Announcement {
            name: format!("alarm-{}/{what}", alarm.alarm),
            mark: match alarm.state {
                AlarmState::Begun => &setup.marks.bad,
                AlarmState::Over => &setup.marks.good,
            },
            text: &text,
            link: format!("<{}/health|Open Health>", setup.public_url),
            buttons: Vec::new(),
            metadata: json!({
                "event_type": ALARM,
                "event_payload": {"id": alarm.alarm.name(), "alarm": what},
            }),
        })
        .await
        .map(drop)
    }

    pub(crate) async fn post_alert(&self, told: &AlertContext) -> Result<(), PostError> {
        let alert = &told.alert;
        let what = said_as("alert", alert.at);
        let setup = &self.inner.setup;
        let text = alert_text(alert);
        let asked = remediation::asked_for(alert);
        let said = Announcement {
            name: format!("alert-{}/{what}", alert.alert),
            mark: &setup.marks.waiting,
            text: &text,
            link: match &asked {
                Some(id) => self.remediation_link(id),
                None => format!("<{}|Open Hallpass>", setup.public_url),
            },
            buttons: asked.as_ref().map(remediation_buttons).unwrap_or_default(),
            metadata: json!({
                "event_type": ALERT,
                "event_payload": {"id": alert.alert.as_str(), "alert": what},
            }),
        };
        let ts = self.announce_once(&said).await?;
        // CRASH: before this is stored, the alert is undelivered: it is retried, and finds its
        // message
        match asked {
            Some(id) => Ok(self.now_asks(id, ts).await?),
            None => Ok(()),
        }
    }

    /// Posts unless already posted; returns the timestamp.
    async fn announce_once(&self, it: &Announcement<'_>) -> Result<String, PostError> {
        let remembered = &self.inner.remembered;
        let before = remembered.digest(&it.name).await?;
        if let Some(ts) = before.as_ref().and_then(|said| said.ts.clone()) {
            return Ok(ts);
        }
        let meant = before.clone().unwrap_or_else(|| self.meant());
        remembered.keep_digest(&it.name, &meant).await?;
        let text = format!("{} {}", it.mark, shown(it.text, TEXT_MAX));
        let mut blocks = vec![plain_section("sweep", it.text)];
        if !it.buttons.is_empty() {
            blocks.push(Block::Actions {
                block_id: ids::BUTTONS.to_owned(),
                elements: it.buttons.clone(),
            });
        }
        blocks.push(context("link", format!("{} {}", it.mark, it.link)));
        let outgoing = Outgoing {
            channel: &self.inner.setup.channel,
            text: &text,
            blocks: &blocks,
            thread_ts: None,
            metadata: Some(it.metadata.clone()),
            unfurl_links: false,
        };
        let (ts, _) = self.post_once(&outgoing, before.as_ref()).await?;
        let said = SentMark {
            ts: Some(ts.clone()),
            ..meant
        };
        remembered.keep_digest(&it.name, &said).await?;
        Ok(ts)
    }
}
