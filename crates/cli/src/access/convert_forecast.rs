//! `--forecast`: the requests that would take the place of standing access.

use std::collections::BTreeMap;

use hallpass_access_files::Conversion;
use hallpass_activity::StandingUse;
use hallpass_base::UserId;
use hallpass_base::text::csv_cell;
use hallpass_terminal::output::Table;

/// What one rule would ask of its people. A day of use counts as one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ForecastStep<'a> {
    pub(super) rule: &'a str,
    people: usize,
    used_by: usize,
    /// The log does not tell whether these used it.
    unknown: usize,
    requests: usize,
    /// Of the person who would request most.
    most: usize,
}

/// The rules in the order that interrupts least: unused access first, then by requests; what is not
/// known comes last.
pub(super) fn forecast<'a>(
    conversion: &'a Conversion,
    used: &BTreeMap<(&'a str, &UserId), StandingUse>,
) -> Vec<ForecastStep<'a>> {
    let step = |rule: &'a hallpass_access_files::ProposedRule| {
        let mut step = ForecastStep {
            rule: &rule.id,
            people: 0,
            used_by: 0,
            unknown: 0,
            requests: 0,
            most: 0,
        };
        for person in rule.people.iter().flatten() {
            step.people += 1;
            match used.get(&(rule.id.as_str(), person)) {
                Some(StandingUse::Used { days, .. }) => {
                    step.used_by += 1;
                    step.requests += days;
                    step.most = step.most.max(*days);
                }
                Some(StandingUse::Never) => {}
                Some(StandingUse::NotKnown) | None => step.unknown += 1,
            }
        }
        // members that could not be read
        step.unknown += usize::from(rule.people.is_none());
        step
    };
    let mut steps: Vec<ForecastStep<'_>> = conversion.rules.iter().map(step).collect();
    steps.sort_by_key(|it| (it.unknown > 0, it.requests, it.people, it.rule));
    steps
}

/// In a week, with one digit behind the point.
fn weekly(count: usize, days: u32) -> String {
    let tenths = count.saturating_mul(70) / usize::try_from(days.max(1)).unwrap_or(usize::MAX);
    format!("{}.{}", tenths / 10, tenths % 10)
}

const COLUMNS: [&str; 7] = [
    "step",
    "rule",
    "people",
    "used_by",
    "unknown",
    "requests_a_week",
    "most_of_one_person_a_week",
];

fn cells(number: usize, step: &ForecastStep<'_>, days: u32) -> [String; 7] {
    [
        number.to_string(),
        step.rule.to_owned(),
        step.people.to_string(),
        step.used_by.to_string(),
        step.unknown.to_string(),
        weekly(step.requests, days),
        weekly(step.most, days),
    ]
}

pub(super) fn csv(steps: &[ForecastStep<'_>], days: u32) -> String {
    let mut text = format!("{}\r\n", COLUMNS.join(","));
    for (number, step) in (1..).zip(steps) {
        let cells = cells(number, step, days).map(|it| csv_cell(&it));
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

pub(super) fn table(steps: &[ForecastStep<'_>], days: u32) -> Table {
    let mut table = Table::new(&[
        "STEP",
        "RULE",
        "PEOPLE",
        "USED BY",
        "UNKNOWN",
        "REQUESTS/WEEK",
        "MOST/PERSON",
    ]);
    for (number, step) in (1..).zip(steps) {
        table.row(cells(number, step, days));
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hallpass_access_files::{ProposedAccounts, ProposedRule};
    use hallpass_base::Timestamp;

    use super::*;

    fn user(number: u32) -> UserId {
        UserId::new(format!("00000000-0000-4000-8000-{number:012}")).unwrap()
    }

    fn rule(id: &str, people: Option<&[u32]>) -> ProposedRule {
        ProposedRule {
            id: id.to_owned(),
            permission_sets: BTreeSet::new(),
            accounts: ProposedAccounts::Accounts(BTreeSet::new()),
            groups: BTreeSet::new(),
            users: BTreeSet::new(),
            people: people.map(|all| all.iter().map(|it| user(*it)).collect()),
        }
    }

    #[test]
    fn rules_that_interrupt_least_come_first() {
        let conversion = Conversion {
            rules: vec![
                rule("often", Some(&[1, 2])),
                rule("unknown", Some(&[3])),
                rule("unread", None),
                rule("never", Some(&[1, 2, 3])),
                rule("seldom", Some(&[4])),
            ],
            ..Conversion::default()
        };
        let people: Vec<UserId> = (0..5).map(user).collect();
        let used = |days| StandingUse::Used {
            days,
            last: Timestamp::UNIX_EPOCH,
        };
        let used = BTreeMap::from([
            (("often", &people[1]), used(45)),
            (("often", &people[2]), used(9)),
            (("unknown", &people[3]), StandingUse::NotKnown),
            (("never", &people[1]), StandingUse::Never),
            (("never", &people[2]), StandingUse::Never),
            (("never", &people[3]), StandingUse::Never),
            (("seldom", &people[4]), used(1)),
        ]);
        let steps = forecast(&conversion, &used);
        assert_eq!(
            csv(&steps, 90),
            "step,rule,people,used_by,unknown,requests_a_week,most_of_one_person_a_week\r\n\
             1,never,3,0,0,0.0,0.0\r\n\
             2,seldom,1,1,0,0.0,0.0\r\n\
             3,often,2,2,0,4.2,3.5\r\n\
             4,unread,0,0,1,0.0,0.0\r\n\
             5,unknown,1,0,1,0.0,0.0\r\n"
        );
    }
}
