//! Why a press had no effect, or would have none, in the words of the brief.

use hallpass_access::{Closed, PressRefused, Request};
use hallpass_model::Email;
use hallpass_rules::{PressRefusedByRules, RuleId};
use hallpass_wording::{dialogs, refused};

use super::{
    presenter::{Coded, Presenter},
    words::{capital, sentence},
};

/// Why somebody cannot say yes to a request, with the names of those who can.
pub(crate) fn words<'a>(
    view: &Presenter,
    request: &Request,
    refused: &PressRefused,
    deciders: impl IntoIterator<Item = &'a Email>,
) -> Coded {
    let own = view.is_me(&request.requester);
    Coded(match refused {
        PressRefused::Closed(closed) => already(view, request, closed),
        PressRefused::Rules(
            PressRefusedByRules::OwnRequest { .. } | PressRefusedByRules::NotListed { .. },
        ) if own => {
            let can = capital(&view.any_of(deciders));
            format!("You can’t approve your own request. {can} can.")
        }
        PressRefused::Rules(PressRefusedByRules::OwnRequest { .. }) => {
            "Nobody approves their own request here.".to_owned()
        }
        PressRefused::Rules(PressRefusedByRules::NotListed { rules, .. }) => {
            refused::not_listed(&view.aim_of(request).words(), &names_of(rules))
        }
        PressRefused::Rules(PressRefusedByRules::NotOpen { kind, .. }) => {
            refused::rules_changed(request, *kind, view)
        }
        PressRefused::AlreadyReviewed { given, needed } => {
            reviewed(view, request, (*given, *needed), deciders)
        }
        PressRefused::Changed => {
            "This is not what you looked at: it has changed. Look again.".to_owned()
        }
        PressRefused::SecondaryDomain => {
            "You were matched through the second mail domain: you may ask, and decide nothing."
                .to_owned()
        }
        PressRefused::NotInDirectory => "You are not an enabled user of the directory.".to_owned(),
        PressRefused::GrantOver { .. } => {
            "The access it would extend has ended. Nothing was granted.".to_owned()
        }
        PressRefused::NotYours => refused::NOT_YOURS.to_owned(),
        PressRefused::NotRequester => refused::NOT_REQUESTER.to_owned(),
        PressRefused::BreakGlassNotAllowed { rules } => glass_holds(rules),
        PressRefused::Justification { characters } => refused::justification(*characters),
        PressRefused::NoReview => "There is no break-glass review to close.".to_owned(),
        PressRefused::OwnReview => {
            "Somebody else must close the review of your own request.".to_owned()
        }
        PressRefused::Standing(why) => capital(&format!("{why}.")),
        PressRefused::StartRefused
        | PressRefused::ApprovedLength { .. }
        | PressRefused::LongComment { .. }
        | PressRefused::ClocksDisagree(_)
        | PressRefused::ExportBehind { .. }
        | PressRefused::NoLongerFits(_)
        | PressRefused::SignInAgain { .. }
        | PressRefused::Locked { .. }
        | PressRefused::RequesterLocked { .. }
        | PressRefused::OwnLock
        | PressRefused::LastAdministrator
        | PressRefused::NotAnApprover
        | PressRefused::Remediation(_)
        | PressRefused::RuleChanged { .. }
        | PressRefused::DirectoryUnread { .. }
        | PressRefused::PersonUnchecked { .. } => sentence(&capital(&refused.to_string())),
        PressRefused::NotHolder => refused::NOT_HOLDER.to_owned(),
        PressRefused::ReasonMissing => dialogs::REASON_MISSING.to_owned(),
    })
}

fn glass_holds(rules: &str) -> String {
    if rules.is_empty() {
        return "No rule lets you break the glass here.".to_owned();
    }
    format!("The rules do not let you break the glass here: {rules}.")
}

fn reviewed<'a>(
    view: &Presenter,
    request: &Request,
    (given, needed): (u32, u32),
    deciders: impl IntoIterator<Item = &'a Email>,
) -> String {
    let mut reviews = request.reviews.iter();
    let mine = reviews.find(|it| it.user.is_some() && it.user == view.user);
    let at = mine.map(|review| format!(" at {}", view.words(review.at)));
    format!(
        "You approved this{}. {given} of {needed}; {} can give another.",
        at.unwrap_or_default(),
        view.any_of(deciders)
    )
}

/// Why somebody cannot say no to a request.
pub(crate) fn denial<'a>(
    view: &Presenter,
    request: &Request,
    refused: &PressRefused,
    deciders: impl IntoIterator<Item = &'a Email>,
) -> Coded {
    match refused {
        PressRefused::Rules(
            PressRefusedByRules::OwnRequest { .. } | PressRefusedByRules::NotListed { .. },
        ) if view.is_me(&request.requester) => {
            let can = capital(&view.any_of(deciders));
            Coded(format!("You can’t deny your own request. {can} can."))
        }
        _ => words(view, request, refused, deciders),
    }
}

/// "Already denied by Jonas Beck at 11:52."
pub(crate) fn already(view: &Presenter, request: &Request, closed: &Closed) -> String {
    let requester = Presenter::person(&request.requester.name, &request.requester.email);
    let again = if view.is_me(&request.requester) {
        "You".to_owned()
    } else {
        requester.first
    };
    refused::closed(request, closed, &again, view)
}

fn names_of(rules: &[RuleId]) -> Vec<String> {
    rules.iter().map(ToString::to_string).collect()
}
