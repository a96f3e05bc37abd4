use hallpass_access::{Approval, Preview, PreviewOutcome, RequestVerdict};
use hallpass_base::TimeSpan;
use hallpass_rules::{Decision, OwnLater};

use super::outlook::{Outlook, why_not};
use crate::ui::{
    presenter::Presenter,
    words::{capital, sentence},
};

impl Outlook {
    pub(super) fn button(&mut self, view: &Presenter, preview: &Preview) {
        let by_rules = preview.by_rules();
        if let Err(why) = &by_rules {
            let (words, why) = why_not(why, view, preview);
            self.close(words, why);
        }
        if self.chips.is_empty() && self.typed.is_empty() && self.closed.is_empty() {
            let until = self.extends.as_ref().map_or("", |(_, at)| at);
            let most = preview.limits().longest();
            let words =
                format!("You hold this until {until}, and the longest here is {most} from now.");
            self.close("Nothing to add yet", words);
        }
        let is_listed = !preview.lists_asker.is_empty();
        self.own = match preview.decision.own_later {
            _ if by_rules != Ok(RequestVerdict::Waits) || !is_listed => "",
            OwnLater::No => "You cannot approve this one yourself.",
            OwnLater::BesideOthers => "You can approve this one yourself when approvals are given.",
            OwnLater::Alone => "",
        };
        let Some(length) = self.length.filter(|_| by_rules.is_ok()) else {
            return;
        };
        let decision = &preview.decision;
        // the gain of an extension chip shrinks over time; the selected chip stays fixed
        let pressed = self.chips.iter().find(|chip| chip.is_chosen);
        let pressed = pressed.map_or_else(
            || length.as_seconds().to_string(),
            |chip| chip.value.clone(),
        );
        let starts = self.starts_at.map(|at| at.to_string()).unwrap_or_default();
        self.meant = format!("{} {pressed} {} {starts}", preview.target, decision.kind);
        let outcome = match self.extends {
            Some(_) => preview.extending(length),
            None => preview.asking(length),
        };
        match outcome {
            PreviewOutcome::Request(verdict) => {
                self.submit = self.label(view, length, verdict, decision);
            }
            PreviewOutcome::Refused(_) if !self.length_wrong.is_empty() => {
                self.close("Not for this long", self.length_wrong.0.clone());
            }
            PreviewOutcome::Refused(_) if let Some(words) = &self.adds_nothing => {
                let words = words.0.clone();
                self.close("Nothing to add", words);
            }
            PreviewOutcome::Refused(why) => {
                let (words, why) = why_not(&why, view, preview);
                self.close(words, why);
            }
            PreviewOutcome::NotNow(why) => {
                self.close("Not just now", sentence(&capital(&why.to_string())));
            }
        }
    }

    fn label(
        &self,
        view: &Presenter,
        length: TimeSpan,
        verdict: RequestVerdict,
        decision: &Decision,
    ) -> String {
        let ends = || view.words(length.after(view.now));
        if verdict == RequestVerdict::Waits
            && decision.own_later == OwnLater::Alone
            && self.extends.is_none()
            && self.starts_at.is_none()
        {
            return format!("Request {length}");
        }
        let people = match decision.approvers.len() {
            1 => decision
                .approvers
                .first()
                .map(|email| view.who(email).name)
                .unwrap_or_default(),
            n => format!("{n} people"),
        };
        if let Some(starts_at) = self.starts_at {
            let from = view.words(starts_at);
            return match verdict {
                RequestVerdict::Granted(_) => format!("Get {length} from {from}"),
                RequestVerdict::BreakGlassOnly => format!("Send it for {length} from {from}"),
                RequestVerdict::Waits => format!("Ask {people} for {length} from {from}"),
            };
        }
        match (verdict, &self.extends) {
            (RequestVerdict::Granted(Approval::Own), None) => {
                format!("Approve myself for {length}")
            }
            (RequestVerdict::Granted(_), None) => format!("Get {length} now"),
            (RequestVerdict::Granted(_), Some(_)) => format!("Extend to {} now", ends()),
            (RequestVerdict::BreakGlassOnly, _) => format!("Send it for {length}"),
            (RequestVerdict::Waits, None) => format!("Ask {people} for {length}"),
            (RequestVerdict::Waits, Some(_)) => format!("Ask {people} to extend to {}", ends()),
        }
    }
}
