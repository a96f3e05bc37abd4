//! What rules answer to everybody about everything, in terms that other tools have, too.

use std::cell::RefCell;
use std::collections::BTreeSet;

use hallpass_imports::{ImportRefused, Imported, Names, NoteCode, RowOutcome};
use hallpass_model::{AccountId, Email, UserId};
use hallpass_rules::{
    Ask, DecisionKind, Directory, Principal, RuleFile, Rules, canonical_toml, load,
};
use proptest::prelude::{ProptestConfig, Strategy};
use proptest::test_runner::TestRunner;

use crate::company::{ACCOUNTS, PEOPLE, SETS, email, user_id};
use crate::granted::file;

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

/// How often each kind of answer was met.
pub(crate) type Met = [u32; 5];

/// Walks through so many drawn worlds.
pub(crate) fn each_world<S: Strategy>(
    count: u32,
    worlds: &S,
    check: impl Fn(S::Value, &mut Met),
) -> Met {
    let met = RefCell::new([0; 5]);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: count,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(worlds, |world| {
        check(world, &mut met.borrow_mut());
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    met.into_inner()
}

/// What a file of names says.
pub(crate) fn names_of(text: &str) -> Names {
    Names::read(&file("names.toml", text)).unwrap_or_else(|why| panic!("{why}\n{text}"))
}

/// Whether every row of the report is moved as it was.
pub(crate) fn all_moved(import: &Imported) -> bool {
    let rows = &import.report.rows;
    rows.iter().all(|row| row.outcome == RowOutcome::Moved)
}

/// That the text is refused, and that this is said.
pub(crate) fn told(import: Result<Imported, ImportRefused>, text: &str, wanted: &str) {
    let Err(why) = import else {
        panic!("{text} is imported")
    };
    let told: Vec<String> = why.0.iter().map(ToString::to_string).collect();
    let is_told = told.iter().any(|it| it.contains(wanted));
    assert!(is_told, "{text}: {told:?}");
}

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    (0..PEOPLE.len() * ACCOUNTS.len() * SETS.len()).map(|number| Case {
        person: number % PEOPLE.len(),
        account: number / PEOPLE.len() % ACCOUNTS.len(),
        set: number / PEOPLE.len() / ACCOUNTS.len(),
    })
}

pub(crate) fn loaded(import: &Imported) -> Rules {
    let formatted = canonical_toml("rules.toml", &import.text);
    assert_eq!(
        formatted.as_ref(),
        Ok(&import.text),
        "as `rules fmt` writes"
    );
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
                let may = rules
                    .press(Principal::user(&id, &at), who, &ask, facts, now)
                    .may_approve();
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

/// A way to get something in another tool: for so many seconds, after the approval of any one of these people, or
/// without one.
pub(crate) type Way = (u64, Option<BTreeSet<usize>>);

/// Whether some row tells that people of it may have less time.
fn told_shorter(import: &Imported) -> bool {
    let notes = import.report.rows.iter().flat_map(|row| &row.notes);
    notes
        .filter(|note| note.code() == NoteCode::Narrower)
        .any(|note| note.to_string().contains("shorter"))
}

/// Compares what rules give with the ways of another tool: who gets it and who approves is the same, and the time is
/// the shortest of all ways. Counts what was met: nothing, at once, approved, and how often it is shorter.
pub(crate) fn compare(
    import: &Imported,
    rules: &Rules,
    facts: &Directory,
    case: Case,
    ways: &[Way],
    met: &mut Met,
) {
    let at = || format!("{case:?} {ways:?}\n{}", import.text);
    let least = ways.iter().map(|(seconds, _)| *seconds).min();
    match given(rules, facts, case) {
        Given::Nothing => {
            met[0] += 1;
            let somebody = |way: &Way| way.1.as_ref().is_none_or(|it| !it.is_empty());
            assert!(!ways.iter().any(somebody), "{}", at());
        }
        Given::AtOnce { seconds } => {
            met[1] += 1;
            let longest = ways
                .iter()
                .filter(|(_, approvers)| approvers.is_none())
                .map(|(it, _)| *it)
                .max();
            let longest = longest.unwrap_or_else(|| panic!("{}", at()));
            assert_eq!(Some(seconds), least, "{}", at());
            if seconds < longest {
                met[3] += 1;
                assert!(told_shorter(import), "{}", at());
            }
        }
        Given::Approved { seconds, enough } => {
            met[2] += 1;
            assert_eq!(Some(seconds), least, "{}", at());
            let theirs: Option<Vec<_>> = ways
                .iter()
                .map(|(_, approvers)| approvers.clone())
                .collect();
            let theirs = theirs.unwrap_or_else(|| panic!("{}", at()));
            let theirs: BTreeSet<usize> = theirs.into_iter().flatten().collect();
            assert_eq!(enough, groups_of(&theirs).collect(), "{}", at());
            if ways.iter().any(|(it, _)| *it > seconds) {
                met[4] += 1;
                assert!(told_shorter(import), "{}", at());
            }
        }
    }
}
