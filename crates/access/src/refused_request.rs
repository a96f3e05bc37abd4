//! Refusals as sentences for the requester, the same in every channel.

use hallpass_base::Email;
use hallpass_rules::{
    Decision, DecisionKind, NoManager, PersonAttribute, RequestBlocker, RuleId, RuleNames,
    people_with_another,
};

use crate::{FieldProblem, Refusal, all_of};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestRefused {
    NoRule,
    /// The rules allow other requesters, or other hours.
    NotAllowed,
    /// The rules are for people on call, by these lists, and the requester is not.
    NotOnCall(Vec<String>),
    /// The requester lacks only attributes.
    OtherAttributes(Vec<(RuleId, Vec<PersonAttribute>)>),
    /// Rules may allow the requester, but some data could not be read.
    Unread(Vec<String>),
    NoApprover,
    /// Too few of the listed approvers are enabled users of the directory; these are not.
    UnknownApprovers(Vec<Email>),
    NoManager(NoManager),
    Fields(Vec<FieldProblem>),
}

/// Expects a decision without unread data.
pub(crate) fn not_asking(decision: &Decision) -> RequestRefused {
    let (mut by_attributes, mut lists_on_call) = (Vec::new(), Vec::new());
    for why in &decision.not_asking {
        match why {
            // The hours open later, which is the useful answer.
            RequestBlocker::OutsideHours { .. } => return RequestRefused::NotAllowed,
            RequestBlocker::OtherAttributes { rule, attributes } => {
                by_attributes.push((rule.clone(), attributes.clone()));
            }
            RequestBlocker::NotOnCall { lists, .. } => lists_on_call.extend(lists.clone()),
            RequestBlocker::OtherPeople { .. } => {}
        }
    }
    match (by_attributes.is_empty(), lists_on_call.is_empty()) {
        (false, _) => {}
        (true, false) => return RequestRefused::NotOnCall(lists_on_call),
        (true, true) => return RequestRefused::NotAllowed,
    }
    RequestRefused::OtherAttributes(by_attributes)
}

impl RequestRefused {
    /// A stable code: a decision's kind, or `invalid`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoRule => DecisionKind::NoStatements.as_str(),
            Self::NotAllowed | Self::NotOnCall(_) | Self::OtherAttributes(_) | Self::Unread(_) => {
                DecisionKind::RequesterNotAllowed.as_str()
            }
            Self::NoApprover | Self::UnknownApprovers(_) | Self::NoManager(_) => {
                DecisionKind::NoApprovers.as_str()
            }
            Self::Fields(_) => "invalid",
        }
    }

    pub(crate) fn into_refusal(self, facts: &RequestRefusedFacts<'_>) -> Refusal {
        let message = self.words(facts);
        let code = self.code().to_owned();
        let fields = match self {
            Self::Fields(fields) => fields,
            Self::NoRule
            | Self::NotAllowed
            | Self::NotOnCall(_)
            | Self::OtherAttributes(_)
            | Self::Unread(_)
            | Self::NoApprover
            | Self::UnknownApprovers(_)
            | Self::NoManager(_) => Vec::new(),
        };
        Refusal {
            code,
            message,
            fields,
        }
    }

    pub(crate) fn message(&self, rules: &[RuleId], target: &str, contact: &str) -> String {
        self.words(&RequestRefusedFacts::of(rules, target, contact))
    }

    pub fn words(&self, facts: &RequestRefusedFacts<'_>) -> String {
        let (target, names) = (facts.target, &facts.rules);
        let first = names.first();
        match self {
            Self::NoRule => {
                format!("No rule covers {target}. Ask {} to add one.", facts.contact)
            }
            Self::NoApprover if names.is_empty() => {
                format!("No one can approve {target} for you.")
            }
            Self::NoApprover if facts.lists_asker => format!(
                "No one can approve {target} for you. {first} {} you, and too few others.",
                names.verb("lists", "list")
            ),
            Self::NoApprover => format!(
                "No one can approve {target} for you. {first} {} too few others.",
                names.verb("lists", "list")
            ),
            Self::UnknownApprovers(addresses) => format!(
                "No one can approve {target} for you. {first} {} {}, and approvers have to be enabled users of \
                 IAM Identity Center. Ask {} to correct the rules.",
                names.verb("lists", "list"),
                some_of(addresses),
                facts.contact
            ),
            Self::NoManager(why) => format!(
                "No one can approve {target} for you. {first} {} your manager approve, and {}.",
                names.verb("lets", "let"),
                why.told()
            ),
            Self::Unread(what) => format!(
                "{first} may let you request {target}, but this could not be read: {}. \
                 Try again.",
                what.join("; ")
            ),
            Self::NotAllowed => not_allowed(facts),
            Self::NotOnCall(lists) => format!(
                "{first} {} {target} to people on call ({}), and you are not on call now.",
                names.verb("gives", "give"),
                lists.join(", ")
            ),
            Self::OtherAttributes(of_rules) => {
                let told: Vec<String> = { of_rules.iter() }
                    .map(|(rule, attributes)| {
                        format!("`{rule}` is for {}", people_with_another(attributes))
                    })
                    .collect();
                format!(
                    "{first} {} not let you request {target}: {}.",
                    names.verb("does", "do"),
                    told.join(", ")
                )
            }
            Self::Fields(problems) => all_of(problems),
        }
    }
}

fn not_allowed(facts: &RequestRefusedFacts<'_>) -> String {
    let (target, names) = (facts.target, &facts.rules);
    let first = names.first();
    let does = names.verb("does", "do");
    match (&facts.starts, &facts.opens) {
        (None, Some(at)) => {
            let lets = names.verb("lets", "let");
            format!("{first} {lets} you request {target} from {at}.")
        }
        (None, None) => format!("{first} {does} not let you request {target} now."),
        (Some(start), opens) => {
            let hours = facts
                .hours
                .iter()
                .map(|(rule, hours)| format!(" Rule `{rule}` lets people have it only {hours}."));
            let hours: String = hours.collect();
            let opens = opens.as_ref();
            let opens = opens.map(|at| format!(" The next start that is possible is {at}."));
            let opens = opens.unwrap_or_default();
            format!("{first} {does} not let you have {target} from {start}.{hours}{opens}")
        }
    }
}

/// The most addresses that a refusal names; the count covers all.
const ADDRESSES_MAX: usize = 5;

fn some_of(addresses: &[Email]) -> String {
    let named: Vec<&str> = { addresses.iter().take(ADDRESSES_MAX) }
        .map(Email::as_str)
        .collect();
    let named = named.join(", ");
    match addresses.len().saturating_sub(ADDRESSES_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[derive(Clone, Debug)]
pub struct RequestRefusedFacts<'a> {
    /// As the reader sees it: `payments-prod / Admin`, or `this`.
    pub target: &'a str,
    pub rules: RuleNames,
    /// Whether these list the requester, who does not count.
    pub lists_asker: bool,
    /// `None` starts immediately.
    pub starts: Option<String>,
    /// When the rules next allow the requester; `None` if unknown or over a week away.
    pub opens: Option<String>,
    /// Rules that allow the requester at other hours only, with these hours.
    pub hours: Vec<(RuleId, String)>,
    /// Contact for rule changes.
    pub contact: &'a str,
}

impl<'a> RequestRefusedFacts<'a> {
    pub fn of(rules: &[RuleId], target: &'a str, contact: &'a str) -> Self {
        Self {
            target,
            rules: RuleNames::of(rules),
            lists_asker: false,
            starts: None,
            opens: None,
            hours: Vec::new(),
            contact,
        }
    }

    pub fn of_decision(decision: Option<&Decision>, target: &'a str, contact: &'a str) -> Self {
        let Some(decision) = decision else {
            return Self::of(&[], target, contact);
        };
        let hours = decision.not_asking.iter().filter_map(|it| match it {
            RequestBlocker::OutsideHours { rule, hours } => Some((rule.clone(), hours.clone())),
            RequestBlocker::OtherAttributes { .. }
            | RequestBlocker::NotOnCall { .. }
            | RequestBlocker::OtherPeople { .. } => None,
        });
        let hours: Vec<(RuleId, String)> = hours.collect();
        // Rules that allow no requester and only add approvers are irrelevant here, and so are
        // those for other people where the hours of one open later.
        let asked: Vec<RuleId> = if hours.is_empty() {
            { decision.not_asking.iter() }
                .map(|it| it.rule().clone())
                .collect()
        } else {
            hours.iter().map(|(rule, _)| rule.clone()).collect()
        };
        let rules = if asked.is_empty() {
            &decision.based_on
        } else {
            &asked
        };
        Self {
            hours,
            ..Self::of(rules, target, contact)
        }
    }
}

#[cfg(test)]
mod tests {
    use hallpass_base::Timestamp;
    use hallpass_rules::directory::{Person, Snapshot};
    use hallpass_rules::{Ask, Directory, PersonAttributes, RuleFile, load};

    use super::*;
    use crate::by_rules;

    fn refused(rules: &[&str], starts: Option<&str>, opens: Option<&str>) -> String {
        let rule = |lines: &&str| {
            format!(
                "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = 'bo@corp.example'\n{lines}\n"
            )
        };
        let text: String = rules.iter().map(rule).collect();
        let rules = load(&RuleFile::new("rules.toml", text)).unwrap().rules;
        let mut attributes = PersonAttributes::default();
        attributes.read(PersonAttribute::Department, Some("Legal"));
        let ana = Person {
            user_id: "11111111-0000-0000-0000-000000000000".parse().unwrap(),
            user_name: "ana".to_owned(),
            display_name: "Ana".to_owned(),
            emails: vec![Email::new("ana@corp.example").unwrap()],
            enabled: true,
            attributes,
        };
        let directory = Directory::new(Snapshot {
            people: vec![ana],
            ..Snapshot::default()
        });
        let account = "111111111111".parse().unwrap();
        let ask = Ask::Account {
            account: &account,
            permission_set: "ReadOnly",
        };
        let ana = Email::new("ana@corp.example").unwrap();
        let night: Timestamp = "2026-03-02T22:00:00Z".parse().unwrap();
        let decision = rules.decide(&ana, &ask, &directory, night);
        let why = by_rules(&decision).unwrap_err();
        assert_eq!(why.code(), "RequesterNotAllowed");
        why.words(&RequestRefusedFacts {
            starts: starts.map(str::to_owned),
            opens: opens.map(str::to_owned),
            ..RequestRefusedFacts::of_decision(Some(&decision), "dev / Deploy", "the platform team")
        })
    }

    #[test]
    fn a_refusal_says_what_keeps_somebody_from_asking() {
        let hours = "id = 'day'\nhours = { from = '09:00', to = '17:00', time_zone = 'UTC' }";
        let pay = "id = 'pay'\nrequester_attributes = { department = 'Payments' }";
        let bo = "id = 'bo'\nallowed_users = 'bo@corp.example'";
        let adds = "id = 'adds'\npermits_requests = false";
        let (start, opens) = (Some("22:00"), Some("Tue 09:00"));
        for (rules, starts, opens, expected) in [
            (
                &[bo, adds][..],
                None,
                None,
                "Rule `bo` does not let you request dev / Deploy now.",
            ),
            (
                &[hours],
                None,
                opens,
                "Rule `day` lets you request dev / Deploy from Tue 09:00.",
            ),
            (
                &[hours, adds],
                start,
                opens,
                "Rule `day` does not let you have dev / Deploy from 22:00. Rule `day` lets people have it only \
                 09:00–17:00 UTC. The next start that is possible is Tue 09:00.",
            ),
            (
                &[bo],
                start,
                None,
                "Rule `bo` does not let you have dev / Deploy from 22:00.",
            ),
            (
                &[bo, pay],
                None,
                None,
                "Rules `bo`, `pay` do not let you request dev / Deploy: `pay` is for people with another \
                 department.",
            ),
            (
                &[pay, hours],
                None,
                opens,
                "Rule `day` lets you request dev / Deploy from Tue 09:00.",
            ),
        ] {
            assert_eq!(refused(rules, starts, opens), expected);
        }
    }
}
