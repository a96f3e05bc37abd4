//! Judges live grants by rules that are not in force, with the same function as today's.

use std::collections::BTreeSet;

use hallpass_rules::{DecisionKind, Directory, Rules};

use crate::membership::{GrantRuling, WhyRefused, judge};
use crate::{Grant, OnRuleChange, target};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnderOtherRules {
    Ends {
        why: WhyRefused,
        would_be: DecisionKind,
    },
    /// Kept until its end, and reported as refused by rules.
    Reported { would_be: DecisionKind },
    /// The refusal rests on unread data. The grant stays until that is read.
    Unread {
        /// The unread data, one sentence each.
        what: BTreeSet<String>,
    },
}

/// Returns the effect of `others` on a live grant. Excludes grants without a change: still allowed,
/// refused by today's rules too, or of a holder who left.
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
        (GrantRuling::Unread(known), GrantRuling::Unread(what)) if what.is_subset(known) => None,
        (GrantRuling::Stands | GrantRuling::Unread(_), GrantRuling::Unread(what)) => {
            Some(UnderOtherRules::Unread { what })
        }
        (today, GrantRuling::Refused { why, kind }) => {
            let (ends, would_be) = (why.ends(on_rule_change), kind);
            let is_news = match today {
                GrantRuling::Stands | GrantRuling::Unread(_) => true,
                // Reported today, ended then.
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
        // Today, by the others, with "report", with "end"
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
