//! What another rule makes stricter: of all rules about a request every limit counts, and a tool whose people choose one
//! of several ways has none of that.

use std::collections::BTreeSet;

use crate::draft::{Approval, RuleDraft, span};
use crate::report::RowNote;

/// The most reasons of others that a note repeats.
const REASONS_MAX: usize = 3;

/// What of a rule counts for everybody whom it means, whichever rule lets them ask.
struct Limits<'a> {
    /// The longest time, in seconds.
    seconds: Option<u64>,
    /// Whether each of several approvals is needed.
    has_stages: bool,
    /// The pattern of a reason, with what it asks for.
    reason: Option<&'a (String, String)>,
    ticket: bool,
}

impl<'a> Limits<'a> {
    /// Every field is named, so that a limit that is added is not forgotten.
    fn of(draft: &'a RuleDraft) -> Self {
        let RuleDraft {
            approval,
            seconds,
            reason,
            ticket,
            // what says whom and what the rule is about, and whom alone it leaves out
            prefix: _,
            name: _,
            description: _,
            area: _,
            sets: _,
            except_sets: _,
            askers: _,
            except_askers: _,
            except_approvers: _,
        } = draft;
        Self {
            seconds: *seconds,
            has_stages: matches!(approval, Approval::Stages(_)),
            reason: reason.as_ref(),
            ticket: *ticket,
        }
    }
}

/// A rule that lets people ask, and those beside it that may be about the same request.
struct Meeting<'a> {
    own: &'a RuleDraft,
    /// All rules of its row.
    row: &'a [RuleDraft],
    others: Vec<&'a RuleDraft>,
}

impl<'a> Meeting<'a> {
    fn others(&self) -> impl Iterator<Item = Limits<'a>> {
        self.others.iter().copied().map(Limits::of)
    }

    fn own_row(&self) -> impl Iterator<Item = Limits<'a>> {
        self.row.iter().map(Limits::of)
    }
}

/// A kind of limit: what people of another rule have to do or get beside what the row says, in words.
type LimitKind = fn(&[Meeting<'_>]) -> Option<String>;

/// Every limit that a rule can have here. What is not among them is told nowhere.
const KINDS: [LimitKind; 4] = [approvals, time, ticket, reasons];

/// What people of each row have less, or have to do more, by another rule: so that nobody gets the time of one with the
/// approval of another, all of it counts together. `rows` has the rules of each row.
pub(crate) fn stricter_by_others(rows: &[Vec<RuleDraft>]) -> Vec<Vec<RowNote>> {
    let notes = |row: &Vec<RuleDraft>| {
        let meetings = row.iter().filter(|draft| draft.lets_ask());
        let meetings = meetings.map(|draft| {
            let others = rows.iter().flatten();
            let others = others.filter(|it| !std::ptr::eq(*it, draft) && may_meet(draft, it));
            Meeting {
                own: draft,
                row,
                others: others.collect(),
            }
        });
        let meetings: Vec<Meeting<'_>> = meetings.collect();
        let told = KINDS.iter().filter_map(|kind| kind(&meetings));
        told.map(|what| RowNote::Narrower(what.into())).collect()
    };
    rows.iter().map(notes).collect()
}

/// Each approval of several is needed, whichever rule says so. Where one rule grants at once, it does so for people of
/// both.
fn approvals(meetings: &[Meeting<'_>]) -> Option<String> {
    let needs_more = |it: &Meeting<'_>| {
        it.own.approval != Approval::Never && it.others().any(|other| other.has_stages)
    };
    let what = "people of another rule for the same need each approval of its stages, too";
    meetings.iter().any(needs_more).then(|| what.to_owned())
}

/// The shortest time counts.
fn time(meetings: &[Meeting<'_>]) -> Option<String> {
    let shorter = meetings.iter().flat_map(|it| {
        let own = it.own.seconds;
        let others = it.others().filter_map(|other| other.seconds);
        others.filter(move |seconds| own.is_none_or(|own| *seconds < own))
    });
    let shortest = span(shorter.min()?);
    Some(format!(
        "people of another rule for the same get the shorter of both times: {shortest}"
    ))
}

/// A ticket is due where one rule wants it.
fn ticket(meetings: &[Meeting<'_>]) -> Option<String> {
    let needs_more = |it: &Meeting<'_>| {
        it.others().any(|other| other.ticket) && !it.own_row().any(|own| own.ticket)
    };
    let what = "people of another rule for the same need a ticket, which it asks for";
    meetings.iter().any(needs_more).then(|| what.to_owned())
}

/// A reason has to be as each rule wants it.
fn reasons(meetings: &[Meeting<'_>]) -> Option<String> {
    let others = meetings.iter().flat_map(|it| {
        let known: BTreeSet<&str> = it
            .own_row()
            .filter_map(|own| own.reason.map(|(pattern, _)| pattern.as_str()))
            .collect();
        let others = it.others().filter_map(|other| other.reason);
        others.filter(move |(pattern, _)| !known.contains(pattern.as_str()))
    });
    let hints: BTreeSet<&str> = others.map(|(_, hint)| hint.as_str()).collect();
    if hints.is_empty() {
        return None;
    }
    let shown: Vec<String> = { hints.iter().take(REASONS_MAX) }
        .map(|hint| format!("`{hint}`"))
        .collect();
    let more = match hints.len().saturating_sub(REASONS_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "people of another rule for the same need a reason as that asks for, too: {}{more}",
        shown.join(", ")
    ))
}

/// Whether both may be about one request.
fn may_meet(one: &RuleDraft, other: &RuleDraft) -> bool {
    let sets = match (&one.sets, &other.sets) {
        (Some(one), Some(other)) => !one.is_disjoint(other),
        (None, _) | (_, None) => true,
    };
    sets && one.area.may_meet(&other.area)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::{Area, Askers, StageDraft};
    use crate::names::People;
    use crate::report::RowOutcome;

    const SHORTER: &str = "the shorter of both times: 1h";
    const STAGES: &str = "each approval of its stages";
    const TICKET: &str = "need a ticket";

    fn people(group: &str) -> People {
        People {
            groups: [group.to_owned()].into(),
            ..People::default()
        }
    }

    /// Everybody of a group, for eight hours, after an approval.
    fn draft() -> RuleDraft {
        let mut draft = RuleDraft::new("x", "x", String::new(), Area::default());
        draft.askers = Askers::These(people("eng"));
        draft.approval = Approval::By(people("leads"));
        draft.seconds = Some(8 * 3600);
        draft
    }

    fn with(change: impl FnOnce(&mut RuleDraft)) -> RuleDraft {
        let mut draft = draft();
        change(&mut draft);
        draft
    }

    fn of_sets(name: &str) -> RuleDraft {
        with(|it| it.sets = Some([name.to_owned()].into()))
    }

    fn staged() -> RuleDraft {
        let stage = StageDraft {
            name: "s".to_owned(),
            people: people("leads"),
            quorum: 1,
        };
        with(|it| it.approval = Approval::Stages(vec![stage]))
    }

    fn reasoned(pattern: &str) -> RuleDraft {
        with(|it| it.reason = Some((pattern.to_owned(), format!("as {pattern}"))))
    }

    /// What is told of each row.
    fn told(rows: &[Vec<RuleDraft>]) -> Vec<Vec<String>> {
        let text = |note: &RowNote| {
            assert_eq!(note.outcome(), RowOutcome::Differs, "{note}");
            note.to_string()
        };
        let rows = stricter_by_others(rows);
        rows.iter()
            .map(|notes| notes.iter().map(text).collect())
            .collect()
    }

    /// A row, another, and what is told of each of the two.
    type TwoRows<'a> = (&'a str, [RuleDraft; 2], [&'a [&'a str]; 2]);

    #[test]
    fn each_limit_of_another_row_is_told_of_the_row_that_has_it_not() {
        let at_once = || with(|it| it.approval = Approval::Never);
        let short = || with(|it| it.seconds = Some(3600));
        let ticket = || with(|it| it.ticket = true);
        let adds = || {
            let mut draft = reasoned("b+");
            draft.askers = Askers::AddsTo(people("eng"));
            draft.approval = Approval::Elsewhere;
            draft.seconds = None;
            draft
        };
        let reason = ["need a reason as that asks for, too: `as b+`"];
        let table: [TwoRows<'_>; 12] = [
            ("the same", [draft(), draft()], [&[], &[]]),
            ("a shorter time", [draft(), short()], [&[SHORTER], &[]]),
            ("stages", [draft(), staged()], [&[STAGES], &[]]),
            ("both", [staged(), staged()], [&[STAGES], &[STAGES]]),
            ("at once beats stages", [at_once(), staged()], [&[], &[]]),
            ("a ticket", [draft(), ticket()], [&[TICKET], &[]]),
            ("a ticket of both", [ticket(), ticket()], [&[], &[]]),
            ("a reason", [draft(), reasoned("b+")], [&reason, &[]]),
            ("one", [reasoned("b+"), reasoned("b+")], [&[], &[]]),
            (
                "two reasons",
                [reasoned("a+"), reasoned("b+")],
                [&reason, &["too: `as a+`"]],
            ),
            ("what only adds", [draft(), adds()], [&reason, &[]]),
            ("at once, ticket", [at_once(), ticket()], [&[TICKET], &[]]),
        ];
        for (case, rules, wanted) in table {
            let told = told(&rules.map(|it| vec![it]));
            for (told, wanted) in told.iter().zip(wanted) {
                let is_as_wanted = told.len() == wanted.len()
                    && wanted.iter().zip(told).all(|(part, it)| it.contains(part));
                assert!(is_as_wanted, "{case}: {told:?}, not {wanted:?}");
            }
        }
    }

    #[test]
    fn limits_of_one_row_are_told_where_people_of_two_of_its_rules_meet_both() {
        let short = with(|it| it.seconds = Some(3600));
        let shown = told(&[vec![draft(), short]]);
        assert!(shown[0][0].contains(SHORTER), "{shown:?}");
        let shown = told(&[vec![staged(), staged()]]);
        assert!(shown[0][0].contains(STAGES), "{shown:?}");
        // both patterns are those of the row
        let mut more = reasoned("b+");
        more.askers = Askers::AddsTo(people("eng"));
        more.seconds = None;
        let shown = told(&[vec![reasoned("a+"), more]]);
        assert_eq!(shown, [Vec::<String>::new()]);
    }

    #[test]
    fn what_is_about_other_permission_sets_or_accounts_makes_nothing_stricter() {
        let mut ticket = of_sets("Admin");
        ticket.ticket = true;
        assert_eq!(
            told(&[vec![of_sets("ReadOnly")], vec![ticket.clone()]]),
            [Vec::<String>::new(), Vec::new()]
        );
        let in_account = |draft: &RuleDraft, id: &str| {
            let mut draft = draft.clone();
            draft.area.accounts = Some([id.to_owned()].into());
            vec![draft]
        };
        let plain = of_sets("Admin");
        let rows = |id| [in_account(&plain, "1"), in_account(&ticket, id)];
        assert_eq!(told(&rows("2"))[0], Vec::<String>::new());
        assert_eq!(told(&rows("1"))[0].len(), 1);
    }

    #[test]
    fn many_reasons_are_counted() {
        let others = (0..5).map(|it| vec![reasoned(&format!("{it}+"))]);
        let rows: Vec<Vec<RuleDraft>> = [vec![draft()]].into_iter().chain(others).collect();
        let shown = told(&rows);
        let wanted = "`as 0+`, `as 1+`, `as 2+` and 2 more";
        assert!(shown[0][0].ends_with(wanted), "{shown:?}");
    }
}
