//! Direct messages when a request's channel refuses. Never uses another channel: a rule's channel
//! may be private on purpose.

use std::sync::PoisonError;

use crate::wording::{escape, shown};
use hallpass_access::{NoticeContext, NoticeKind, RuleNames};
use hallpass_base::TimeSpan;

use crate::slack::SlackError;
use crate::slack::app::Slack;
use crate::slack::deliver::{PostError, Saying};
use crate::slack::memory::Thread;
use crate::slack::words::{NAME_MAX, role_in};

const REFUSAL: &str = "direct:channel_refused:";
const REFUSAL_TOLD_EVERY: TimeSpan = TimeSpan::hours(24);

/// Returns whether Slack finally refused this but may accept direct messages.
pub(crate) fn is_of_channel(error: &SlackError) -> bool {
    !error.is_passing() && !error.is_workspace_wide()
}

impl Slack {
    /// Notifies each administrator once that the request's channel refuses, and of break-glass
    /// posts missing there.
    pub(crate) async fn tell_of_refusal(
        &self,
        told: &NoticeContext,
        thread: &mut Thread,
        error: &SlackError,
    ) -> Result<(), PostError> {
        let id = told.request.id;
        // an invalid message cannot be fixed in Slack
        if !error.is_ours() {
            self.tell_that_channel_refuses(told, thread, error).await?;
        }
        if told.notice.kind() != NoticeKind::BreakGlass {
            return Ok(());
        }
        let (story, _) = self.broken_blocks(&told.request, &[]);
        let link = self.inner.setup.link(&told.request);
        let text = format!("{story} <{link}|Open in Hallpass>");
        self.tell_administrators(id, thread, "break_glass", &text)
            .await
    }

    /// Notifies once a day per channel and Slack error, whatever the number of requests.
    async fn tell_that_channel_refuses(
        &self,
        told: &NoticeContext,
        thread: &mut Thread,
        error: &SlackError,
    ) -> Result<(), PostError> {
        let channel = thread.channel.clone().unwrap_or_default();
        let key = (channel, error.code().unwrap_or_default().to_owned());
        let now = self.now();
        let refusals = || {
            let told = self.inner.refusals_told.lock();
            told.unwrap_or_else(PoisonError::into_inner)
        };
        let is_known = refusals()
            .get(&key)
            .is_some_and(|at| now < REFUSAL_TOLD_EVERY.after(*at));
        if is_known {
            return Ok(());
        }
        // one notice per request; unreached users on the next try
        let were_told = thread.said.iter();
        let were_told = were_told
            .filter(|(name, it)| name.starts_with(REFUSAL) && it.is_there())
            .count();
        let text = self.refused_by_channel(told, thread, error);
        self.tell_administrators(told.request.id, thread, "channel_refused", &text)
            .await?;
        if were_told > 0 {
            return Ok(());
        }
        let mut refusals = refusals();
        refusals.retain(|_, at| now < REFUSAL_TOLD_EVERY.after(*at));
        refusals.insert(key, now);
        Ok(())
    }

    fn refused_by_channel(
        &self,
        told: &NoticeContext,
        thread: &Thread,
        error: &SlackError,
    ) -> String {
        let (request, setup) = (&told.request, &self.inner.setup);
        let channel = thread.channel.as_deref().unwrap_or_default();
        let key = if channel == setup.channel {
            "`slack.channel`".to_owned()
        } else {
            let rules = RuleNames::of(&request.decided.based_on);
            format!("`slack_channel` in {}", rules.within())
        };
        format!(
            "{} Slack refuses messages to channel `{}` about {}, which {} requested: `{}`. Invite the app to that \
             channel, or correct {key}. Hallpass keeps trying for 8 hours. <{}|Open in Hallpass>",
            setup.marks.bad,
            escape(channel),
            role_in(&request.names),
            shown(&request.requester.name, NAME_MAX),
            escape(error.code().unwrap_or_default()),
            setup.link(request),
        )
    }

    /// Notifies every administrator on Slack once about a request.
    pub(crate) async fn tell_administrators(
        &self,
        id: hallpass_base::RequestId,
        thread: &mut Thread,
        what: &str,
        text: &str,
    ) -> Result<(), PostError> {
        for user in self.inner.people.administrators() {
            let saying = Saying {
                name: format!("direct:{what}:{user}"),
                text,
                blocks: &[],
            };
            self.tell_directly(id, thread, &user, &saying).await?;
        }
        Ok(())
    }
}
