//! Why a press had no effect, in words for whoever pressed (`ui.md` §5).

use hallpass_access::{AccessError, Closed, Directory, PressRefused, Request};
use hallpass_model::RequestId;
use hallpass_rules::PressRefusedByRules;
use hallpass_wording::lists::any_of;
use hallpass_wording::names::first_name;
use hallpass_wording::{SlackStyle, escape, refused};
use jiff::tz::TimeZone;

use crate::app::Slack;
use crate::asking::capital;
use crate::ids;
use crate::inbound::Press;
use crate::person::{KnownPerson, Unknown};
use crate::words::{self, names_of};

pub(crate) const NO_SUCH: &str = "There is no such request, or it is not yours to see.";

impl Slack {
    pub(crate) async fn refusal_of(
        &self,
        press: &Press,
        id: RequestId,
        error: &AccessError,
        known: Option<&KnownPerson>,
    ) -> String {
        if !matches!(error, AccessError::NotFound(_)) {
            return self.refusal(id, &press.action, error, known).await;
        }
        if !self.is_on_its_message(id, press).await {
            return NO_SUCH.to_owned();
        }
        if press.action == ids::BREAK_GLASS {
            return refused::NOT_REQUESTER.to_owned();
        }
        // whoever pressed reads the message, which is about to show the same
        if press.action != ids::CLOSE_REVIEW
            && let Ok(Some((request, _))) = self.stored(id).await
            && let Err(closed) = request.clone().pending(self.now())
        {
            return self.closed(&request, &closed, known);
        }
        if press.action == ids::DISCARD {
            return refused::NOT_YOURS.to_owned();
        }
        let thread = self.inner.remembered.thread(id).await;
        let facts = thread.unwrap_or_default().facts;
        refused::not_listed(&facts.target, &facts.rules)
    }

    fn closed(&self, request: &Request, closed: &Closed, known: Option<&KnownPerson>) -> String {
        let (directory, zone) = (self.inner.access.directory(), self.zone_for(known));
        let again = escape(first_name(&request.requester.name));
        refused::closed(request, closed, &again, &self.style_now(&directory, &zone))
    }

    /// The zone of whoever reads it, if they are known.
    fn zone_for(&self, known: Option<&KnownPerson>) -> TimeZone {
        known.map_or_else(
            || self.inner.setup.zone.clone(),
            |known| self.zone_of(known),
        )
    }

    fn style_now<'a>(&self, directory: &'a Directory, zone: &'a TimeZone) -> SlackStyle<'a> {
        SlackStyle {
            directory,
            zone,
            seen_from: self.now(),
        }
    }

    /// Why a press had no effect, in the words of `ui.md` §5.
    pub(crate) async fn refusal(
        &self,
        id: RequestId,
        action: &str,
        error: &AccessError,
        known: Option<&KnownPerson>,
    ) -> String {
        let why = match error {
            AccessError::Refused(why) => why,
            AccessError::NotFound(_) => return NO_SUCH.to_owned(),
            AccessError::KeyReused
            | AccessError::TargetCount(_)
            | AccessError::Directory(_)
            | AccessError::Read(_)
            | AccessError::Commit(_) => {
                return self.trouble("a press", error);
            }
        };
        let Ok(Some((request, _))) = self.stored(id).await else {
            return capital(&why.to_string());
        };
        match why {
            PressRefused::Closed(closed) => self.closed(&request, closed, known),
            PressRefused::Rules(refused) => self.not_by_rules(&request, action, refused, known),
            PressRefused::AlreadyReviewed { given, needed } => format!(
                "You approved this already: {given} of {needed}. Somebody else has to approve too."
            ),
            PressRefused::NotYours => refused::NOT_YOURS.to_owned(),
            PressRefused::NotInDirectory => self.unknown(&Unknown::Nobody, &[]),
            PressRefused::NotHolder => refused::NOT_HOLDER.to_owned(),
            PressRefused::GrantOver { state } => over(state),
            PressRefused::SignInAgain { .. } => {
                let link = format!("{}/requests/{}", self.inner.setup.public_url, request.id);
                format!("{}: <{link}|open the request>.", capital(&why.to_string()))
            }
            PressRefused::SecondaryDomain
            | PressRefused::NoLongerFits(_)
            | PressRefused::Locked { .. }
            | PressRefused::RequesterLocked { .. }
            | PressRefused::OwnLock
            | PressRefused::LastAdministrator
            | PressRefused::Changed
            | PressRefused::ReasonMissing
            | PressRefused::NotRequester
            | PressRefused::BreakGlassNotAllowed { .. }
            | PressRefused::Justification { .. }
            | PressRefused::StartRefused
            | PressRefused::ApprovedLength { .. }
            | PressRefused::LongComment { .. }
            | PressRefused::NoReview
            | PressRefused::NotAnApprover
            | PressRefused::Remediation(_)
            | PressRefused::RuleChanged { .. }
            | PressRefused::Standing(_)
            | PressRefused::OwnReview
            | PressRefused::ExportBehind { .. }
            | PressRefused::ClocksDisagree(_)
            | PressRefused::DirectoryUnread { .. }
            | PressRefused::PersonUnchecked { .. } => capital(&why.to_string()),
        }
    }

    fn not_by_rules(
        &self,
        request: &Request,
        action: &str,
        refused: &PressRefusedByRules,
        known: Option<&KnownPerson>,
    ) -> String {
        let directory = self.inner.access.directory();
        let is_own = known.is_some_and(|known| request.requester.is(&known.actor));
        match refused {
            PressRefusedByRules::NotOpen { .. } if action == ids::CLOSE_REVIEW => {
                "The rules changed since. Today nobody approves this; an admin closes the review."
                    .to_owned()
            }
            PressRefusedByRules::NotOpen { kind, .. } => {
                let zone = self.zone_for(known);
                refused::rules_changed(request, *kind, &self.style_now(&directory, &zone))
            }
            PressRefusedByRules::NotListed { rules, .. } if !is_own => {
                let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
                refused::not_listed(&words::target(&request.names), &rules)
            }
            PressRefusedByRules::NotListed { .. } | PressRefusedByRules::OwnRequest { .. } => {
                let others = names_of(&request.decided.approvers, &directory);
                let verb = if action == ids::DENY {
                    "deny"
                } else {
                    "approve"
                };
                match others.as_slice() {
                    [] => format!("You can't {verb} your own request. Discard it instead."),
                    names => format!(
                        "You can't {verb} your own request. {} can.",
                        escape(&any_of(names))
                    ),
                }
            }
        }
    }
}

/// What its holder reads when it is too late.
fn over(state: &str) -> String {
    format!("This access is {state} already.")
}
