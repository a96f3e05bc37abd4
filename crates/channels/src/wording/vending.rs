//! Mails about account lists.

use hallpass_base::text;

use crate::wording::notice::mail::Letter;

/// Characters of a subject; inboxes show fewer.
const SUBJECT_MAX: usize = 150;
const REASON_MAX: usize = 1_000;
const FOOTER: &str =
    "You get this because a list of accounts names you, or `vending.mail_to` of Hallpass does.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowEnd {
    Made,
    /// An existing account was taken over.
    TakenOn,
    Unusable,
    NotBegun,
    Failed,
    /// The account exists, but some access to it is missing.
    WithoutAccess,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldRow<'a> {
    pub plan: &'a str,
    pub number: usize,
    pub name: &'a str,
    pub email: &'a str,
    pub unit: &'a str,
    pub account: &'a str,
    pub end: RowEnd,
    pub reason: &'a str,
}

pub fn row_letter(row: &ToldRow<'_>) -> Letter {
    let name = text::line(row.name, SUBJECT_MAX / 2);
    let (short, headline) = match row.end {
        RowEnd::Made => ("is there", format!("The account {name} was made.")),
        RowEnd::TakenOn => (
            "is taken on",
            format!("The account {name} was there already, and is taken on."),
        ),
        RowEnd::Unusable => (
            "is not made",
            format!("The account {name} is not made: its row cannot be used."),
        ),
        RowEnd::NotBegun => (
            "is not made",
            format!("The account {name} is not made: AWS did not begin with it."),
        ),
        RowEnd::Failed => (
            "is not made",
            format!("The account {name} is not as it should be: AWS began, and it went wrong."),
        ),
        RowEnd::WithoutAccess => (
            "lacks access",
            format!("The account {name} is there, and access to it is missing."),
        ),
    };
    let said = |value: &str| text::line(value, SUBJECT_MAX);
    let mut facts = vec![("Account", said(row.account))];
    facts.retain(|(_, value)| !value.is_empty());
    facts.extend([
        ("Address", said(row.email)),
        ("Unit", said(row.unit)),
        ("Row", row.number.to_string()),
        ("Plan", row.plan.to_owned()),
    ]);
    let reason = Some(("Why", text::line(row.reason, REASON_MAX)));
    Letter {
        subject: text::line(&format!("Account {name} {short}"), SUBJECT_MAX),
        headline,
        facts,
        quote: reason.filter(|(_, words)| !words.is_empty()),
        notes: Vec::new(),
        link: "Open the plan",
        footer: FOOTER.to_owned(),
    }
}

pub fn list_letter(plan: &str, counts: &[(&str, usize)]) -> Letter {
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    let parts: Vec<String> = counts
        .iter()
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    let parts = parts.join(", ");
    Letter {
        subject: text::line(&format!("List of accounts: {parts}"), SUBJECT_MAX),
        headline: format!("A list of {all} accounts is over: {parts}."),
        facts: vec![("Plan", plan.to_owned())],
        quote: None,
        notes: vec![format!(
            "`hallpass org vend export {plan}` prints the list with what became of its rows."
        )],
        link: "Open the plan",
        footer: FOOTER.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(end: RowEnd) -> Letter {
        row_letter(&ToldRow {
            plan: "0123456789abcdef",
            number: 3,
            name: "alpha\r\nBcc: eve@example.com",
            email: "alpha@acme.example",
            unit: "Prod",
            account: "",
            end,
            reason: "EMAIL_ALREADY_EXISTS",
        })
    }

    #[test]
    fn each_end_is_told_as_what_it_is() {
        let ends = [
            (RowEnd::Made, "was made"),
            (RowEnd::TakenOn, "taken on"),
            (RowEnd::Unusable, "cannot be used"),
            (RowEnd::NotBegun, "did not begin"),
            (RowEnd::Failed, "went wrong"),
            (RowEnd::WithoutAccess, "access to it is missing"),
        ];
        for (end, said) in ends {
            let letter = row(end);
            assert!(letter.headline.contains(said), "{}", letter.headline);
            assert!(!letter.subject.contains(['\r', '\n']), "{}", letter.subject);
            assert_eq!(
                letter.quote,
                Some(("Why", "EMAIL_ALREADY_EXISTS".to_owned()))
            );
            assert!(letter.facts.iter().all(|(_, value)| !value.is_empty()));
        }
    }

    #[test]
    fn a_list_says_how_many_rows_ended_how() {
        let letter = list_letter("0123456789abcdef", &[("INVALID", 1), ("SUCCEEDED", 3)]);
        assert_eq!(letter.subject, "List of accounts: 1 INVALID, 3 SUCCEEDED");
        assert!(
            letter.headline.contains("4 accounts"),
            "{}",
            letter.headline
        );
    }
}
