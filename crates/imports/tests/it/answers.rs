//! What rules answer to everybody about everything, in terms that other tools have, too.

use std::collections::BTreeSet;

use hallpass_imports::Imported;
use hallpass_model::{AccountId, Email, UserId};
use hallpass_rules::{Ask, DecisionKind, Directory, Principal, RuleFile, Rules, load};

use crate::company::{ACCOUNTS, PEOPLE, SETS, email, user_id};

/// What somebody may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    Nothing,
    AtOnce {
        seconds: u64,
    },
    /// When all of one of these groups of people have approved it.
    Approved {
        seconds: u64,
        enough: BTreeSet<BTreeSet<usize>>,
    },
}

/// Somebody, an account and a permission set by place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) person: usize,
    pub(crate) account: usize,
    pub(crate) set: usize,
}

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    (0..PEOPLE.len() * ACCOUNTS.len() * SETS.len()).map(|number| Case {
        person: number % PEOPLE.len(),
        account: number / PEOPLE.len() % ACCOUNTS.len(),
        set: number / PEOPLE.len() / ACCOUNTS.len(),
    })
}

pub(crate) fn loaded(import: &Imported) -> Rules {
    load(&RuleFile::new("rules.toml", import.text.as_str()))
        .unwrap_or_else(|errors| panic!("{errors:?}\n{}", import.text))
        .rules
}

/// What rules give in a case. Whoever is named may approve, and nobody else.
pub(crate) fn given(rules: &Rules, facts: &Directory, case: Case) -> Given {
    let (user, address) = (
        UserId::new(user_id(case.person)).unwrap(),
        email(case.person),
    );
    let who = Principal::user(&user, &address);
    let account = AccountId::new(ACCOUNTS[case.account].0).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: SETS[case.set],
    };
    let now = "2026-03-02T10:05:00Z".parse().unwrap();
    let decision = rules.decide(who, &ask, facts, now);
    let seconds = decision
        .max_duration
        .map_or(u64::MAX, hallpass_model::TimeSpan::as_seconds);
    match decision.kind {
        // nobody can approve: nobody gets it
        DecisionKind::NoStatements
        | DecisionKind::RequesterNotAllowed
        | DecisionKind::NoApprovers => Given::Nothing,
        DecisionKind::ApprovalNotRequired => Given::AtOnce { seconds },
        DecisionKind::SelfApproval => panic!("nobody approves their own request"),
        DecisionKind::RequiresApproval => {
            let place = |it: &Email| (0..PEOPLE.len()).find(|one| email(*one) == *it).unwrap();
            let approvers: BTreeSet<usize> = decision.approvers.iter().map(place).collect();
            for presser in 0..PEOPLE.len() {
                let (id, at) = (UserId::new(user_id(presser)).unwrap(), email(presser));
                let may = rules.may_approve(Principal::user(&id, &at), who, &ask, facts, now);
                assert_eq!(may.is_ok(), approvers.contains(&presser), "{case:?}");
            }
            let ids = |people: &BTreeSet<usize>| {
                people
                    .iter()
                    .map(|it| UserId::new(user_id(*it)).unwrap())
                    .collect()
            };
            let enough = groups_of(&approvers).filter(|it| decision.is_satisfied_by(&ids(it)));
            let enough: BTreeSet<BTreeSet<usize>> = enough.collect();
            if enough.is_empty() {
                return Given::Nothing;
            }
            Given::Approved { seconds, enough }
        }
    }
}

/// Every group of some of these people.
pub(crate) fn groups_of(people: &BTreeSet<usize>) -> impl Iterator<Item = BTreeSet<usize>> {
    let bits = 1..1_usize << PEOPLE.len();
    let group = |bits: usize| {
        (0..PEOPLE.len())
            .filter(|one| bits >> one & 1 == 1)
            .collect()
    };
    bits.map(group)
        .filter(|group: &BTreeSet<usize>| group.is_subset(people))
}
