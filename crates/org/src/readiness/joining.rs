use hallpass_plans::{CheckOutcome, CheckResult};

use super::facts::{FoundationFacts, JoiningFacts};
use super::question::{
    CandidateAccount, ORGANIZATION, ReadinessQuestion, check, nothing_of, warning,
};
use crate::judging::{judged, verdict};

pub(super) fn joining_checks(
    facts: &JoiningFacts,
    foundation: &FoundationFacts,
    question: &ReadinessQuestion,
) -> Vec<CheckResult> {
    let mut checks = vec![quota(facts, foundation, question)];
    checks.extend(
        question
            .candidates
            .iter()
            .flat_map(|it| candidate(it, foundation)),
    );
    checks.extend(target(facts));
    checks.push(question.manual(
        "address-ranges",
        "address ranges of networks do not overlap",
        "which networks are to be connected is known to people only",
    ));
    checks.push(question.manual(
        "config-of-candidates",
        "the accounts have no recorder or delivery channel of AWS Config in the way",
        "their own administrators can look: `aws configservice describe-configuration-recorders` in each Region",
    ));
    checks
}

fn quota(
    facts: &JoiningFacts,
    foundation: &FoundationFacts,
    question: &ReadinessQuestion,
) -> CheckResult {
    let outcome = judged(facts.account_quota.as_ref(), |quota| {
        judged(foundation.accounts.as_ref(), |accounts| {
            let wanted = accounts.len() + question.candidates.len();
            let fits = i64::try_from(wanted).is_ok_and(|it| it <= *quota);
            let (have, more) = (accounts.len(), question.candidates.len());
            verdict(
                fits,
                format!("{have} accounts, {more} more, {quota} allowed"),
            )
        })
    });
    check(
        ("account-quota", "there is room for the accounts"),
        ORGANIZATION,
        outcome,
        "ask for a higher quota in Service Quotas: it takes days",
    )
}

/// Conflicting names and addresses.
fn candidate(candidate: &CandidateAccount, foundation: &FoundationFacts) -> [CheckResult; 2] {
    let clash = |same: &dyn Fn(&str, &str) -> bool| {
        judged(foundation.accounts.as_ref(), |all| {
            let found = all.iter().filter(|it| it.id != candidate.account_id);
            let found = found.filter(|it| same(&it.name, &it.email));
            nothing_of(&found.map(|it| it.id.to_string()).collect::<Vec<_>>())
        })
    };
    let target = candidate.account_id.as_str();
    [
        check(
            ("email-clash", "no account has its address"),
            target,
            clash(&|_, email| email.eq_ignore_ascii_case(&candidate.email)),
            "give one of them another address",
        ),
        warning(check(
            ("name-clash", "no account has its name"),
            target,
            clash(&|name, _| name.eq_ignore_ascii_case(&candidate.name)),
            "give one of them another name: people choose by it",
        )),
    ]
}

fn target(facts: &JoiningFacts) -> Vec<CheckResult> {
    let Some(unit) = &facts.target else {
        let outcome = CheckOutcome::NotApplicable("no unit was named (`--to`)".to_owned());
        return vec![check(
            ("target-unit", "the unit is governed"),
            ORGANIZATION,
            outcome,
            "",
        )];
    };
    let registered = judged(unit.is_registered.as_ref(), |it| {
        let seen = if *it { "registered" } else { "not registered" };
        verdict(*it, format!("{seen} with Control Tower"))
    });
    vec![
        warning(check(
            ("target-unit", "the unit is governed"),
            &unit.id,
            registered,
            "register the unit with Control Tower first",
        )),
        warning(check(
            (
                "target-policies",
                "no service control policy would reach the accounts unseen",
            ),
            &unit.id,
            judged(unit.policies.as_ref(), |found| nothing_of(found)),
            "review them with the users of the accounts: `hallpass policy simulate` shows what they deny",
        )),
    ]
}
