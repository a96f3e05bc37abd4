//! Texts for presses without effect (`ui.md` §5).

use crate::wording::refused::{self, RefusedFacts, TriedPress};
use crate::wording::{ChannelStyle as _, PlainStyle, SlackStyle};
use hallpass_access::{AccessError, ActionRefused, Request, RuleNames};
use hallpass_base::RequestId;
use jiff::tz::TimeZone;

use crate::slack::app::Slack;
use crate::slack::asking::capital;
use crate::slack::ids;
use crate::slack::inbound::Press;
use crate::slack::person::{KnownPerson, Unknown};
use crate::slack::words;

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
            return refused::plainly(&ActionRefused::NotRequester, &PlainStyle);
        }
        if press.action != ids::CLOSE_REVIEW
            && let Ok(Some((request, _))) = self.stored(id).await
            && let Err(closed) = request.clone().pending(self.now())
        {
            let why = ActionRefused::Closed(closed);
            return self.words(&why, &request, tried(&press.action), known);
        }
        if press.action == ids::DISCARD {
            return refused::plainly(&ActionRefused::NotYours, &PlainStyle);
        }
        let thread = self.inner.remembered.thread(id).await;
        let facts = thread.unwrap_or_default().facts;
        refused::not_listed(&facts.target, &RuleNames::of(&facts.rules))
    }

    fn zone_for(&self, known: Option<&KnownPerson>) -> TimeZone {
        known.map_or_else(
            || self.inner.setup.zone.clone(),
            |known| self.zone_of(known),
        )
    }

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
            ActionRefused::NotInDirectory => self.unknown(&Unknown::Nobody, &[]),
            ActionRefused::SignInAgain { .. } => {
                let link = format!("{}/requests/{}", self.inner.setup.public_url, request.id);
                format!("{}: <{link}|open the request>.", capital(&why.to_string()))
            }
            why => self.words(why, &request, tried(action), known),
        }
    }

    fn words(
        &self,
        why: &ActionRefused,
        request: &Request,
        tried: TriedPress,
        known: Option<&KnownPerson>,
    ) -> String {
        let access = &self.inner.access;
        let (directory, zone) = (access.directory(), self.zone_for(known));
        let style = SlackStyle {
            directory: &directory,
            zone: &zone,
            seen_from: self.now(),
        };
        let deciders = access.deciders(request);
        let deciders: Vec<String> = deciders.iter().map(|it| style.person(it)).collect();
        let facts = RefusedFacts {
            request,
            tried,
            presser: known.and_then(|known| known.actor.user.as_ref()),
            target: &words::target(&request.names),
            deciders: &deciders,
        };
        refused::words(why, &facts, &style)
    }
}

fn tried(action: &str) -> TriedPress {
    match action {
        ids::APPROVE => TriedPress::Approve,
        ids::DENY => TriedPress::Deny,
        ids::CLOSE_REVIEW => TriedPress::CloseReview,
        _ => TriedPress::Other,
    }
}
