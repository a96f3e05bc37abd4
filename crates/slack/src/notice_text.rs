//! What is said about news: below the message, in the channel, and directly.

use hallpass_access::{
    Directory, EndOutcome, Grant, GrantState, Notice, NoticeKind, Request, RequestState,
    words as access_words,
};
use hallpass_model::{Email, TimeSpan};

use crate::app::Slack;
use crate::blocks::Block;
use crate::deliver::PostError;
use crate::message::how_approved;
use crate::words::{self, clock_time, escape, first_name, name_of, shown};

/// What is said below a message.
pub(crate) struct Words {
    /// The words.
    pub(crate) text: String,
    /// With parts of its own; none: the words alone.
    pub(crate) blocks: Vec<Block>,
}

impl Slack {
    pub(crate) fn time(&self, at: hallpass_model::Timestamp, notice: &Notice) -> String {
        clock_time(at, notice.at, &self.inner.setup.zone)
    }

    /// What is said below the message.
    pub(crate) async fn words_below(
        &self,
        notice: &Notice,
        request: &Request,
        grant: Option<&Grant>,
        directory: &Directory,
    ) -> Result<Option<Words>, PostError> {
        let someone = |email: &Email| escape(&name_of(email, directory));
        let text = match (notice.news, &request.state) {
            (NoticeKind::ReviewWanted, _) => Some(self.wanted(request, &notice.to).await?),
            (NoticeKind::Reminder, _) => Some(self.reminder(notice, request).await?),
            (NoticeKind::Reviewed, _) => Some(self.one_more(request, directory).await?),
            (NoticeKind::Approved, _) => {
                Some(how_approved(request, directory)).filter(|text| text.ends_with('.'))
            }
            (NoticeKind::Denied, RequestState::Denied { by, reason, .. }) => Some(match reason {
                Some(reason) => format!("{}: {}", someone(by), shown(reason, 2_000)),
                None => format!("Denied by {}.", someone(by)),
            }),
            (NoticeKind::Discarded, RequestState::Discarded { by, .. }) => {
                Some(format!("Discarded by {}.", someone(by)))
            }
            (NoticeKind::Expired, _) => {
                Some("Nobody decided in time. Nothing was granted.".to_owned())
            }
            (NoticeKind::Rejected, RequestState::Rejected { detail, .. }) => {
                Some(shown(detail, 2_000))
            }
            (NoticeKind::Granted, _) => Some(self.live(notice, request, grant, directory).await?),
            (NoticeKind::Failed, _) => Some(failed(request, grant)),
            (NoticeKind::Extended, _) => grant.map(|grant| {
                let ends = access_words::ends(grant, &self.time(grant.ends_at, notice));
                format!("Extended. {ends}")
            }),
            (NoticeKind::Lost, _) => Some(format!(
                "Someone removed this access outside Hallpass at {}.",
                self.time(notice.at, notice)
            )),
            (NoticeKind::Stuck, _) => {
                let reason = grant.and_then(|grant| grant.stuck.as_ref());
                let reason = reason
                    .map(|stuck| shown(&stuck.reason, 1_000))
                    .unwrap_or_default();
                Some(format!(
                    "AWS refuses to delete this: {reason}. Tried every hour."
                ))
            }
            (NoticeKind::BreakGlass, _) => return Ok(Some(self.broken(notice, request).await?)),
            (
                NoticeKind::ReviewClosed
                | NoticeKind::SessionsLive
                | NoticeKind::Adopted
                | NoticeKind::SetUpAgain
                | NoticeKind::GuardActed,
                _,
            ) => Some(shown(&notice.text, 2_000)),
            (NoticeKind::Ended, _) => Some(self.ended(notice, grant, directory)),
            (
                NoticeKind::EndsSoon
                | NoticeKind::Denied
                | NoticeKind::Discarded
                | NoticeKind::Rejected,
                _,
            ) => None,
        };
        Ok(text.map(|text| Words {
            text,
            blocks: Vec::new(),
        }))
    }

    /// Everybody who is asked, mentioned where Slack knows them.
    async fn mentions(&self, emails: &[Email]) -> Result<(Vec<String>, Vec<String>), PostError> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for email in emails {
            match self.inner.people.user_by_address(email).await? {
                Some(user) => found.push(format!("<@{user}>")),
                None => missing.push(escape(email.as_str())),
            }
        }
        Ok((found, missing))
    }

    async fn wanted(&self, request: &Request, to: &[Email]) -> Result<String, PostError> {
        let (found, missing) = self.mentions(to).await?;
        let rules = words::rules(&request.decided.based_on);
        let not_here = match missing.as_slice() {
            [] => String::new(),
            missing => format!(" Not on Slack: {} (can use the web).", missing.join(", ")),
        };
        let needed = request.decided.approvals_needed;
        let can = match needed {
            0 | 1 => "one of you can approve this".to_owned(),
            more => format!("{more} of you have to approve this"),
        };
        Ok(if !found.is_empty() {
            format!(
                "{} {can}. {}.{not_here}",
                found.join(" "),
                rules.replacen("Rule ", "Rule: ", 1)
            )
        } else if request.decided.approvers.is_empty() {
            format!("Nobody can approve this. {rules}.")
        } else if to.is_empty() {
            format!(
                "Waits for an approver. {}.",
                rules.replacen("Rule ", "Rule: ", 1)
            )
        } else {
            let mark = &self.inner.setup.marks.bad;
            format!(
                "{mark} No approver of this is on Slack.{not_here} Check `approvers` in {}.",
                words::by_rules(&request.decided.based_on)
            )
        })
    }

    /// A broken glass, with everybody who can close the review, and the button to do so.
    async fn broken(&self, notice: &Notice, request: &Request) -> Result<Words, PostError> {
        let (found, missing) = self.mentions(&notice.to).await?;
        let all: Vec<String> = found.into_iter().chain(missing).collect();
        let (text, blocks) = self.broken_blocks(request, &all);
        Ok(Words { text, blocks })
    }

    /// What admins are told when Slack reaches nobody who could decide; `None` when it does.
    pub(crate) async fn nobody_reached(
        &self,
        notice: &Notice,
        request: &Request,
    ) -> Result<Option<String>, PostError> {
        if notice.to.is_empty() || !self.mentions(&notice.to).await?.0.is_empty() {
            return Ok(None);
        }
        Ok(Some(format!(
            "{} No approver of {} is on Slack; {} waits. Check `approvers` in {}. <{}|Open in Hallpass>",
            self.inner.setup.marks.bad,
            words::role_in(&request.names),
            escape(&request.requester.name),
            words::by_rules(&request.decided.based_on),
            self.inner.setup.link(request)
        )))
    }

    async fn reminder(&self, notice: &Notice, request: &Request) -> Result<String, PostError> {
        let settings = self.inner.access.settings();
        // which reminder this is follows from its number: the k-th waits for the sum of k waits
        let sent = (0..=request.reminders.sent)
            .filter(|sent| {
                settings
                    .reminder_at(request.asked_at, request.expires_at, *sent)
                    .is_some_and(|at| at <= notice.at)
            })
            .max()
            .unwrap_or(0);
        let planned = |sent| settings.reminder_at(request.asked_at, request.expires_at, sent);
        let at = planned(sent).unwrap_or(notice.at);
        let waited = TimeSpan::between(request.asked_at, at);
        let next = match (planned(sent + 1), request.expires_at) {
            (Some(next), _) => format!("Next in {}.", TimeSpan::between(at, next)),
            (None, Some(lapses)) => {
                format!("No more reminders; lapses {}.", self.time(lapses, notice))
            }
            (None, None) => "No more reminders.".to_owned(),
        };
        let (found, missing) = self.mentions(&notice.to).await?;
        let all: Vec<String> = found.into_iter().chain(missing).collect();
        Ok(format!("Still waiting, {waited}. {next} {}", all.join(" "))
            .trim_end()
            .to_owned())
    }

    async fn one_more(
        &self,
        request: &Request,
        directory: &Directory,
    ) -> Result<String, PostError> {
        let given: Vec<&Email> = request.reviews.iter().map(|review| &review.by).collect();
        let others: Vec<Email> = request
            .decided
            .notify
            .iter()
            .filter(|email| !given.contains(email))
            .cloned()
            .collect();
        let (found, missing) = self.mentions(&others).await?;
        let all: Vec<String> = found.into_iter().chain(missing).collect();
        let needed = usize::try_from(request.decided.approvals_needed).unwrap_or(usize::MAX);
        let more = match needed.saturating_sub(given.len()) {
            0 | 1 => "One more".to_owned(),
            more => format!("{more} more"),
        };
        let of = if all.is_empty() {
            String::new()
        } else {
            format!(" of {}", all.join(" "))
        };
        Ok(format!(
            "{} {more}{of}.",
            words::progress(request, directory)
        ))
    }

    async fn live(
        &self,
        notice: &Notice,
        request: &Request,
        grant: Option<&Grant>,
        directory: &Directory,
    ) -> Result<String, PostError> {
        let user = self.inner.people.user_of(&request.requester.user).await?;
        let who = user.map_or_else(
            || escape(&request.requester.name),
            |user| format!("<@{user}>"),
        );
        let since = self.time(notice.at, notice);
        let ends = grant
            .map(|grant| access_words::ends(grant, &self.time(grant.ends_at, notice)))
            .unwrap_or_default();
        let by = how_approved(request, directory);
        let by = by.trim_end_matches('.');
        let console = &self.inner.setup.portal_url;
        Ok(format!(
            "Live since {since}. {who} <{console}|Console>. {ends} {by}."
        ))
    }

    pub(crate) fn ended(
        &self,
        notice: &Notice,
        grant: Option<&Grant>,
        directory: &Directory,
    ) -> String {
        let Some(grant) = grant else {
            return "Ended.".to_owned();
        };
        let mut text = format!(
            "Ended: {}, {}.",
            words::role_in(&grant.names),
            escape(&grant.holder.name)
        );
        match &grant.state {
            GrantState::Ended { why, .. } if *why == EndOutcome::Standing => {
                text.push_str(" The access stood before it and stays.");
            }
            GrantState::Ended { why, .. } if *why == EndOutcome::HeldByOtherGrant => {
                text.push_str(" Another grant still holds it.");
            }
            GrantState::Ended { .. } if grant.end_sessions => {
                text.push_str(" Credentials issued before stop within minutes.");
            }
            GrantState::Ended { removed: true, .. } => {
                let set = match &grant.names {
                    hallpass_model::TargetNames::Account { permission_set, .. } => {
                        directory.permission_set_by_name(permission_set)
                    }
                    hallpass_model::TargetNames::Group { .. } => None,
                };
                if let Some(set) = set {
                    let until = TimeSpan::seconds(set.session_duration).after(notice.at);
                    let until = self.time(until, notice);
                    text.push_str(" Issued credentials may work until ");
                    text.push_str(&until);
                    text.push('.');
                }
            }
            _ => {}
        }
        text
    }

    /// One line about where a request is, for its requester.
    pub(crate) fn status(
        &self,
        notice: &Notice,
        request: &Request,
        grant: Option<&Grant>,
    ) -> String {
        let directory = self.inner.access.directory();
        let link = format!("<{}|Open in Hallpass>", self.inner.setup.link(request));
        let what = words::role_in(&request.names);
        let someone = |email: &Email| escape(&name_of(email, &directory));
        let state = match (notice.news, &request.state) {
            (NoticeKind::ReviewWanted, _) => {
                format!("You asked for {what}. It waits for approval.")
            }
            (NoticeKind::Reviewed, _) => {
                format!("{what}: {}", words::progress(request, &directory))
            }
            (NoticeKind::Denied, RequestState::Denied { by, reason, .. }) => {
                let words = reason.as_ref().map(|reason| {
                    format!(" {}: {}", first_name(&someone(by)), shown(reason, 1_500))
                });
                format!(
                    "Your request for {what} was denied by {}.{}",
                    someone(by),
                    words.unwrap_or_default()
                )
            }
            (NoticeKind::Discarded, RequestState::Discarded { by, .. }) => {
                format!("Your request for {what} was discarded by {}.", someone(by))
            }
            (NoticeKind::Granted, _) => {
                let ends = grant
                    .map(|grant| access_words::ends(grant, &self.time(grant.ends_at, notice)))
                    .unwrap_or_default();
                format!(
                    "{what} is live. {ends} <{}|Console>",
                    self.inner.setup.portal_url
                )
            }
            (NoticeKind::Failed, _) => format!("{what}: {}", failed(request, grant)),
            (NoticeKind::Ended, _) => self.ended(notice, grant, &directory),
            (NoticeKind::Expired, _) => {
                format!("Your request for {what} lapsed. Nothing was granted.")
            }
            (NoticeKind::Approved, _) => format!("{what} is approved and being set up."),
            (NoticeKind::Rejected, RequestState::Rejected { detail, .. }) => {
                format!("{what}: {}", shown(detail, 1_500))
            }
            _ => shown(&notice.text, 2_000),
        };
        format!("{state} {link}")
    }
}

fn failed(request: &Request, grant: Option<&Grant>) -> String {
    let reason = match grant.map(|grant| &grant.state) {
        Some(GrantState::Failed { error, .. }) => shown(error, 1_000),
        _ => "no reason was given".to_owned(),
    };
    let id = request.id.to_string();
    let reference: String = id
        .chars()
        .rev()
        .take(4)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    format!(
        "AWS refused: {}. Nothing was granted. Reference {}.",
        reason.trim_end_matches('.'),
        reference.to_uppercase()
    )
}
