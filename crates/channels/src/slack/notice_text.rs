//! Collects a notice's Slack facts before wording: mentions, reminder number.

use crate::wording::notice::slack::{self, Mentions, SlackFacts};
use crate::wording::{SlackStyle, escape};
use hallpass_access::{Directory, NoticeContext, NoticeKind};
use hallpass_base::{Email, Timestamp};

use crate::slack::app::Slack;
use crate::slack::blocks::Block;
use crate::slack::deliver::PostError;

pub(crate) struct Words {
    pub(crate) text: String,
    pub(crate) blocks: Vec<Block>,
}

impl Slack {
    /// Renders times relative to the event, in the channels' zone.
    fn style<'a>(&'a self, told: &NoticeContext, directory: &'a Directory) -> SlackStyle<'a> {
        SlackStyle {
            directory,
            zone: &self.inner.setup.zone,
            seen_from: told.notice.at,
        }
    }

    pub(crate) async fn words_below(
        &self,
        told: &NoticeContext,
        directory: &Directory,
    ) -> Result<Option<Words>, PostError> {
        let asked = self.whom_it_asks(told).await?;
        if told.notice.kind() == NoticeKind::BreakGlass {
            let (text, blocks) = self.broken_blocks(&told.request, &asked.all());
            return Ok(Some(Words { text, blocks }));
        }
        let requester = self.requester(told).await?;
        let page = self.inner.setup.link(&told.request);
        let facts = SlackFacts {
            requester: &requester,
            reminders: self.reminders(told),
            ..self.facts(&asked, &page)
        };
        let text = slack::reply(told, &facts, &self.style(told, directory));
        Ok(text.map(|text| Words {
            text,
            blocks: Vec::new(),
        }))
    }

    fn facts<'a>(&'a self, asked: &'a Mentions, page: &'a str) -> SlackFacts<'a> {
        SlackFacts {
            asked,
            requester: "",
            reminders: (Timestamp::UNIX_EPOCH, None),
            console: &self.inner.setup.portal_url,
            page,
            bad: &self.inner.setup.marks.bad,
        }
    }

    async fn whom_it_asks(&self, told: &NoticeContext) -> Result<Mentions, PostError> {
        match told.notice.kind() {
            NoticeKind::ReviewWanted | NoticeKind::Reminder | NoticeKind::BreakGlass => {
                self.mentions(&told.notice.to).await
            }
            NoticeKind::Reviewed => self.mentions(&told.request.still_asked()).await,
            NoticeKind::Approved
            | NoticeKind::Denied
            | NoticeKind::Rejected
            | NoticeKind::Discarded
            | NoticeKind::Expired
            | NoticeKind::Granted
            | NoticeKind::Failed
            | NoticeKind::Extended
            | NoticeKind::NotExtended
            | NoticeKind::EndsSoon
            | NoticeKind::Ended
            | NoticeKind::Stuck
            | NoticeKind::SessionsLive
            | NoticeKind::Lost
            | NoticeKind::ReviewClosed
            | NoticeKind::SetUpAgain
            | NoticeKind::GuardActed
            | NoticeKind::Adopted => Ok(Mentions::default()),
        }
    }

    async fn mentions(&self, emails: &[Email]) -> Result<Mentions, PostError> {
        let mut mentions = Mentions::default();
        for email in emails {
            match self.inner.people.user_by_address(email).await? {
                Some(user) => mentions.found.push(format!("<@{user}>")),
                None => mentions.missing.push(escape(email.as_str())),
            }
        }
        Ok(mentions)
    }

    async fn requester(&self, told: &NoticeContext) -> Result<String, PostError> {
        let requester = &told.request.requester;
        let user = match told.notice.kind() {
            NoticeKind::Granted => self.inner.people.user_of(&requester.user).await?,
            _ => None,
        };
        Ok(user.map_or_else(|| escape(&requester.name), |user| format!("<@{user}>")))
    }

    /// Returns the planned times of this and the next reminder. Its number k determines it: the
    /// k-th waits for the sum of k waits.
    fn reminders(&self, told: &NoticeContext) -> (Timestamp, Option<Timestamp>) {
        let (notice, request) = (&told.notice, &told.request);
        let planned = |sent| self.inner.access.reminder_at(request, sent);
        let sent = (0..=request.reminders.sent)
            .filter(|sent| planned(*sent).is_some_and(|at| at <= notice.at))
            .max()
            .unwrap_or(0);
        (planned(sent).unwrap_or(notice.at), planned(sent + 1))
    }

    pub(crate) async fn nobody_reached(
        &self,
        told: &NoticeContext,
    ) -> Result<Option<String>, PostError> {
        let to = &told.notice.to;
        if to.is_empty() || !self.mentions(to).await?.found.is_empty() {
            return Ok(None);
        }
        let directory = self.inner.access.directory();
        let (nobody, page) = (Mentions::default(), self.inner.setup.link(&told.request));
        let (facts, style) = (self.facts(&nobody, &page), self.style(told, &directory));
        Ok(Some(slack::nobody_reached(&told.request, &facts, &style)))
    }

    pub(crate) fn said_directly(&self, told: &NoticeContext) -> String {
        let directory = self.inner.access.directory();
        let (nobody, page) = (Mentions::default(), self.inner.setup.link(&told.request));
        slack::direct(
            told,
            &self.facts(&nobody, &page),
            &self.style(told, &directory),
        )
    }

    pub(crate) fn said(&self, told: &NoticeContext) -> String {
        let directory = self.inner.access.directory();
        slack::said(told, &self.style(told, &directory))
    }
}
