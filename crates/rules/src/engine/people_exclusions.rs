//! Exclusions of users that exclude no one, or everyone.

use hallpass_base::Email;

use super::{
    Compiled, Ready,
    names::{warn_at, with_nearest},
    people::{Membership, PersonView, Principal},
    warning::warn,
};
use crate::{
    cancel::CancelFlag,
    diagnostic::{Diagnostic, FindingCode},
    directory::{Directory, Person},
    rule::{GroupRef, PeopleLeftOut, Requesters},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum OutOf {
    Requesters,
    Approvers,
}

impl OutOf {
    fn left_out(self, ready: &Ready) -> &PeopleLeftOut {
        match self {
            Self::Requesters => &ready.terms().except_requesters,
            Self::Approvers => &ready.terms().except_approvers,
        }
    }

    fn may_mean(self, person: &PersonView<'_>, ready: &Ready) -> bool {
        let named = match self {
            Self::Requesters => person.is_named(ready),
            Self::Approvers if ready.terms().asks_manager() => Membership::Unread,
            Self::Approvers => person.named_by(ready),
        };
        named != Membership::No
    }

    fn leaves_out(self, person: &PersonView<'_>, ready: &Ready) -> bool {
        let left_out = match self {
            Self::Requesters => person.is_no_requester(ready),
            Self::Approvers => person.is_no_approver(ready),
        };
        left_out == Membership::Yes
    }

    /// Returns whether the rule lists users one by one, without any of these.
    fn is_foreign(self, ready: &Ready, one: &One<'_>) -> bool {
        let terms = ready.terms();
        match self {
            Self::Requesters => {
                let Requesters::Only {
                    users,
                    user_ids,
                    groups,
                } = &terms.requesters
                else {
                    return false;
                };
                let names_nobody = users.is_empty() && user_ids.is_empty() && groups.is_empty();
                match one {
                    One::Email(email) => {
                        groups.is_empty() && user_ids.is_empty() && !users.contains(*email)
                    }
                    One::User(_) | One::Group(_) => names_nobody,
                }
            }
            Self::Approvers => {
                let is_listed = |email: &Email| terms.listed_people().any(|it| it == email);
                ready.listed_groups.is_empty()
                    && !terms.asks_manager()
                    && match one {
                        One::Email(email) => !is_listed(email),
                        One::User(_) | One::Group(_) => ready.listed.is_empty(),
                    }
            }
        }
    }

    /// Returns whether the rule itself excludes everyone.
    fn leaves_nobody(self, ready: &Ready) -> bool {
        let (terms, out) = (ready.terms(), self.left_out(ready));
        match self {
            Self::Requesters => {
                let mut ids = terms.requesting_users();
                terms.requesters != Requesters::Everyone
                    && !terms.requesters.is_nobody()
                    && ids.all(|it| out.user_ids.contains(it))
                    && are_left_out(out, terms.requesting_people(), terms.requesting_groups())
            }
            Self::Approvers => {
                let lists = !ready.listed.is_empty() || !ready.listed_groups.is_empty();
                lists
                    && !terms.asks_manager()
                    && are_left_out(out, terms.listed_people(), terms.listed_groups())
            }
        }
    }
}

fn are_left_out<'a>(
    out: &PeopleLeftOut,
    mut people: impl Iterator<Item = &'a Email>,
    mut groups: impl Iterator<Item = &'a GroupRef>,
) -> bool {
    people.all(|it| out.emails.contains(it)) && groups.all(|it| out.groups.contains(it))
}

enum One<'a> {
    Email(&'a Email),
    User(&'a hallpass_base::UserId),
    Group(&'a GroupRef),
}

/// Reports exclusions of users without effect, and rules that exclude everyone.
pub(super) fn dead(
    compiled: &Compiled,
    ready: &Ready,
    facts: Option<&Directory>,
    cancel: &CancelFlag,
    found: &mut Vec<Diagnostic>,
) {
    for out_of in [OutOf::Requesters, OutOf::Approvers] {
        let left_out = out_of.left_out(ready);
        if left_out.is_nobody() {
            continue;
        }
        let emails = left_out.emails.iter().map(One::Email);
        let users = left_out.user_ids.iter().map(One::User);
        let groups = left_out.groups.iter().map(One::Group);
        let all = emails.chain(users).chain(groups);
        for one in all.take_while(|_| !cancel.is_cancelled()) {
            let is_dead = match facts {
                None => out_of.is_foreign(ready, &one),
                Some(facts) => leaves_nobody_out(compiled, ready, facts, out_of, &one),
            };
            if is_dead {
                found.push(finding(ready, &one, facts));
            }
        }
        let nobody = match facts {
            None => out_of.leaves_nobody(ready),
            Some(facts) => out_of.leaves_nobody(ready) || all_out(compiled, ready, facts, out_of),
        };
        let is_said = |it: &Diagnostic| {
            it.code == FindingCode::NobodyCanApprove
                && (it.list, it.index) == (Some(ready.rule.list), Some(ready.rule.index))
        };
        if nobody && (out_of == OutOf::Requesters || !found.iter().any(is_said)) {
            found.push(nobody_left(ready, out_of));
        }
    }
}

/// Reports attributes whose accepted values are all excluded.
pub(super) fn attributes_of_nobody(ready: &Ready) -> impl Iterator<Item = Diagnostic> + '_ {
    let wanted = ready.terms().requester_attributes.iter();
    let nobody = wanted.filter(|want| {
        let mut values = want.values.iter();
        values.all(|value| want.except.iter().any(|out| out.covers(value)))
    });
    nobody.map(|want| {
        let message = format!(
            "every value of `{}` that lets people request is excluded",
            want.attribute
        );
        warn(ready, FindingCode::NobodyCanAsk, message)
            .field("requester_attributes")
            .help("leave fewer values out, or drop the rule")
    })
}

fn leaves_nobody_out(
    compiled: &Compiled,
    ready: &Ready,
    facts: &Directory,
    out_of: OutOf,
    one: &One<'_>,
) -> bool {
    let is_meant = |person: &Person| {
        let view = PersonView::of(compiled, person, facts);
        out_of.may_mean(&view, ready)
    };
    match one {
        One::Email(email) => {
            let mut having = facts.people().iter().filter(|it| it.emails.contains(email));
            // rules may name users missing in the directory
            let nobody = PersonView::new(compiled, Principal::from(*email), facts);
            !having.any(is_meant)
                && (out_of == OutOf::Requesters || !out_of.may_mean(&nobody, ready))
        }
        One::User(id) => !facts.person(id).is_some_and(is_meant),
        // who is on call changes
        One::Group(GroupRef::OnCall(_)) => false,
        One::Group(group) => facts.members_named(group).is_some_and(|members| {
            let mut people = members.iter().filter_map(|id| facts.person(id));
            !people.any(is_meant)
        }),
    }
}

/// Returns whether a rule matches directory users and excludes them all.
fn all_out(compiled: &Compiled, ready: &Ready, facts: &Directory, out_of: OutOf) -> bool {
    let mut meant = facts.people().iter().filter(|person| person.enabled);
    let mut is_any = false;
    let left = meant.any(|person| {
        let view = PersonView::of(compiled, person, facts);
        let is_meant = out_of.may_mean(&view, ready);
        is_any |= is_meant;
        is_meant && !out_of.leaves_out(&view, ready)
    });
    is_any && !left
}

fn finding(ready: &Ready, one: &One<'_>, facts: Option<&Directory>) -> Diagnostic {
    let text = match one {
        One::Email(email) => email.to_string(),
        One::User(id) => id.to_string(),
        One::Group(group) => group.to_string(),
    };
    let message = format!("the exclusion of `{text}` excludes no one");
    let help = "the rule covers no one of this name; correct it or drop it";
    let finding = warn_at(ready, &text, FindingCode::DeadExclusion, message).help(help);
    let Some(facts) = facts else {
        return finding;
    };
    match one {
        One::Email(email) if facts.person_by_email(email).is_err() => {
            let known = facts.people().iter().flat_map(|person| &person.emails);
            with_nearest(finding, &text, known.map(Email::as_str))
        }
        One::Email(_) | One::User(_) | One::Group(_) => finding,
    }
}

fn nobody_left(ready: &Ready, out_of: OutOf) -> Diagnostic {
    let (key, code, message, help) = match out_of {
        OutOf::Requesters => (
            "except_requesters",
            FindingCode::NobodyCanAsk,
            "every requester of the rule is excluded",
            "leave fewer people out, or drop the rule",
        ),
        OutOf::Approvers => (
            "except_approvers",
            FindingCode::NobodyCanApprove,
            "every approver of the rule is excluded",
            "leave fewer people out, or list other approvers",
        ),
    };
    warn(ready, code, message).field(key).help(help)
}
