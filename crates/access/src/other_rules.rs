//! What becomes of live grants once other rules are in force. They are judged by the function that judges them by today's.

use std::collections::BTreeSet;

use hallpass_rules::{DecisionKind, Directory, Rules};

use crate::membership::{GrantRuling, WhyRefused, judge};
use crate::{Grant, OnRuleChange, target};

/// What becomes of a live grant once other rules are in force, where by today's it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnderOtherRules {
    /// It ends.
    Ends {
        /// Why they refuse it.
        why: WhyRefused,
        /// Their decision.
        would_be: DecisionKind,
    },
    /// It stays until its end, and is reported as one that the rules refuse.
    Reported {
        /// Their decision.
        would_be: DecisionKind,
    },
    /// Nobody can tell: they would refuse it, and that rests on what could not be read. It stays until that is read.
    Unread {
        /// What that is, a sentence each.
        what: BTreeSet<String>,
    },
}

/// What becomes of a live grant once `others` are in force, if that is news: nothing is said of one that they leave alone, that
/// today's rules refuse all the same, or whose holder left, who loses it by any rules.
pub(crate) fn under(
    grant: &Grant,
    others: &Rules,
    today: &Rules,
    directory: &Directory,
    on_rule_change: OnRuleChange,
) -> Option<UnderOtherRules> {
    if !target::is_enabled(Some(&grant.key.user), directory) {
        return None;
    }
    // most are left alone: they cost one decision
    let others = judge(grant, others, directory);
    if others == GrantRuling::Stands {
        return None;
    }
    let today = judge(grant, today, directory);
    compared(&today, others, on_rule_change)
}

fn compared(
    today: &GrantRuling,
    others: GrantRuling,
    on_rule_change: OnRuleChange,
) -> Option<UnderOtherRules> {
    match (today, others) {
        (_, GrantRuling::Stands) | (GrantRuling::Refused { .. }, GrantRuling::Unread(_)) => None,
        // both wait for the same
        (GrantRuling::Unread(known), GrantRuling::Unread(what)) if what.is_subset(known) => None,
        (GrantRuling::Stands | GrantRuling::Unread(_), GrantRuling::Unread(what)) => {
            Some(UnderOtherRules::Unread { what })
        }
        (today, GrantRuling::Refused { why, kind }) => {
            let (ends, would_be) = (why.ends(on_rule_change), kind);
            let is_news = match today {
                GrantRuling::Stands | GrantRuling::Unread(_) => true,
                // reported today, and ended then
                GrantRuling::Refused { why, .. } => ends && !why.ends(on_rule_change),
            };
            is_news.then_some(if ends {
                UnderOtherRules::Ends { why, would_be }
            } else {
                UnderOtherRules::Reported { would_be }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unread(what: &[&str]) -> GrantRuling {
        GrantRuling::Unread(what.iter().map(|it| (*it).to_owned()).collect())
    }

    fn refused(why: WhyRefused) -> GrantRuling {
        let kind = DecisionKind::NoStatements;
        GrantRuling::Refused { why, kind }
    }

    #[test]
    fn only_what_becomes_worse_is_told_and_what_is_unread_never_ends() {
        let (by_rules, left) = (refused(WhyRefused::ByRules), refused(WhyRefused::LeftGroup));
        let stands = GrantRuling::Stands;
        let (a, b, both) = (unread(&["a"]), unread(&["b"]), unread(&["a", "b"]));
        // today, by the others, with "report", with "end"
        let table = [
            (&stands, &stands, "-", "-"),
            (&stands, &by_rules, "reported", "ends"),
            (&stands, &left, "ends", "ends"),
            (&stands, &a, "unread", "unread"),
            (&by_rules, &stands, "-", "-"),
            (&by_rules, &by_rules, "-", "-"),
            (&by_rules, &left, "ends", "-"),
            (&by_rules, &a, "-", "-"),
            (&left, &by_rules, "-", "-"),
            (&left, &left, "-", "-"),
            (&a, &stands, "-", "-"),
            (&a, &by_rules, "reported", "ends"),
            (&a, &left, "ends", "ends"),
            (&a, &a, "-", "-"),
            (&both, &a, "-", "-"),
            (&a, &b, "unread", "unread"),
            (&a, &both, "unread", "unread"),
        ];
        for (today, others, report, end) in table {
            let settings = [(OnRuleChange::Report, report), (OnRuleChange::End, end)];
            for (on_rule_change, due) in settings {
                let found = compared(today, others.clone(), on_rule_change);
                let found = match found {
                    None => "-",
                    Some(UnderOtherRules::Ends { .. }) => "ends",
                    Some(UnderOtherRules::Reported { .. }) => "reported",
                    Some(UnderOtherRules::Unread { .. }) => "unread",
                };
                assert_eq!(found, due, "{today:?}, {others:?}, {on_rule_change:?}");
            }
        }
    }
}
