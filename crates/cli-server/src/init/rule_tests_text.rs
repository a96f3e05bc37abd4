//! Tests in `rules.toml` of `init`: invariants for later rule changes.

use std::fmt::Write as _;

use hallpass_base::PermissionSetName;

use super::answers::Answers;
use super::names::{ChosenGroup, ChosenUnit, Sensitive};
use super::toml_text::{Entry, quoted, value};

struct RuleTest<'a> {
    name: &'static str,
    account: &'a str,
    ou: Option<&'a ChosenUnit>,
    set: &'a str,
    approvals: Option<u32>,
    expect: &'static str,
}

const REQUESTER: &str = "requester@example.com";
const STRANGER: &str = "stranger@example.com";
/// A generic account; only its place matters.
const ANY: &str = "any-account";

pub(super) fn tests(to: &mut String, answers: &Answers, management: Option<&Entry>) {
    let sets = &answers.permission_sets;
    let Some(first) = sets.first().map(PermissionSetName::as_str) else {
        return;
    };
    let mut tests = sensitive(answers, first);
    if answers.sensitive != Sensitive::Everything {
        tests.extend(elsewhere(answers));
    }
    tests.extend(management.map(|management| RuleTest {
        name: "the management account is in no rule",
        account: &management.value,
        ou: None,
        set: first,
        approvals: None,
        expect: "NoStatements",
    }));
    to.push_str("\n# What has to stay true. `hallpass rules check` runs these.\n");
    for test in &tests {
        write_test(to, answers, test, REQUESTER);
    }
    if let (Some(_), Some(test)) = (&answers.requesters, tests.first()) {
        let refused = RuleTest {
            name: "others cannot request",
            approvals: None,
            expect: "RequesterNotAllowed",
            ..*test
        };
        write_test(to, answers, &refused, STRANGER);
    }
}

fn sensitive<'a>(answers: &'a Answers, set: &'a str) -> Vec<RuleTest<'a>> {
    let approval = |name, account, ou| RuleTest {
        name,
        account,
        ou,
        set,
        approvals: Some(answers.approvals_sensitive),
        expect: "RequiresApproval",
    };
    match &answers.sensitive {
        Sensitive::Everything => vec![approval("no one gets anything alone", ANY, None)],
        Sensitive::Places { units, accounts } => {
            let unit = units
                .first()
                .map(|it| approval("no one gets sensitive units alone", ANY, Some(it)));
            let account = accounts
                .first()
                .map(|it| approval("no one gets sensitive accounts alone", it.id.as_str(), None));
            unit.into_iter().chain(account).collect()
        }
    }
}

fn elsewhere(answers: &Answers) -> Vec<RuleTest<'_>> {
    let mut sets = answers.permission_sets.iter();
    let approved = sets.find(|it| !answers.read_only.contains(it));
    let approved = approved.map(|it| RuleTest {
        name: "elsewhere one approval is enough",
        account: ANY,
        ou: None,
        set: it.as_str(),
        approvals: Some(1),
        expect: "RequiresApproval",
    });
    let at_once = answers.read_only.first().map(|it| RuleTest {
        name: "elsewhere some access needs no approval",
        account: ANY,
        ou: None,
        set: it.as_str(),
        approvals: None,
        expect: "ApprovalNotRequired",
    });
    approved.into_iter().chain(at_once).collect()
}

fn write_test(to: &mut String, answers: &Answers, test: &RuleTest<'_>, requester: &str) {
    let _ = write!(
        to,
        "\n[[test]]\nname = {}\nrequester = {}\naccount = {}\n",
        quoted(test.name),
        quoted(requester),
        quoted(test.account)
    );
    if let Some(unit) = test.ou {
        value(to, "ou", &unit.entry());
    }
    let approvers: Vec<String> = (1..=answers.approvals_sensitive.max(1))
        .map(|number| quoted(&format!("approver-{number}@example.com")))
        .collect();
    let listed = approvers.join(", ");
    let _ = write!(
        to,
        "permission_set = {}\nmembers = {{ {} }}\nexpect = {}\n",
        quoted(test.set),
        members(answers, &approvers),
        quoted(test.expect)
    );
    if test.approvals.is_some() {
        let _ = writeln!(
            to,
            "approvers = [{listed}]\nclick = {}\npermit = false",
            quoted(requester)
        );
    }
}

fn members(answers: &Answers, approvers: &[String]) -> String {
    let requester = quoted(REQUESTER);
    let group = |group: &ChosenGroup, people: &[String]| {
        format!("{} = [{}]", quoted(&group.entry.value), people.join(", "))
    };
    match &answers.requesters {
        Some(requesters) if requesters.id == answers.approvers.id => {
            let both = [std::slice::from_ref(&requester), approvers].concat();
            group(requesters, &both)
        }
        Some(requesters) => format!(
            "{}, {}",
            group(requesters, std::slice::from_ref(&requester)),
            group(&answers.approvers, approvers)
        ),
        None => group(&answers.approvers, approvers),
    }
}
