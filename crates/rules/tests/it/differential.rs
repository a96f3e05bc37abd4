//! Compares the engine with an oracle of the specification, over 20,000 random cases per form:
//! 10,000 files with two questions.
//!
//! `HALLPASS_RULES_CASES` sets the number, `HALLPASS_RULES_SEED` the seed, which is printed on
//! failure.

use hallpass_base::{AccountId, Email, GroupId};
use hallpass_rules::{Ask, Directory, RuleFile, Rules, load};
use serde_json::json;

use crate::{
    oracle::{
        Order, Question, Target, Verdict,
        draft::{About, Chance, Draft, Form, native, question, statement},
        verdict,
    },
    world::{directory, noon},
};

const CASES: u64 = 20_000;

const ASKED_EACH: u64 = 2;

const SEED: u64 = 20_260_302;

fn number(name: &str, otherwise: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(otherwise, |text| text.parse().expect("a whole number"))
}

fn engine(rules: &Rules, question: &Question, facts: &Directory) -> Verdict {
    let [requester, presser] =
        [question.requester, question.presser].map(|email| Email::new(email).unwrap());
    let with = |ask: &Ask<'_>| {
        let decision = rules.decide(&requester, ask, facts, noon());
        let permit = rules
            .press(&presser, &requester, ask, facts, noon())
            .may_approve();
        Verdict {
            kind: decision.kind.as_str(),
            approvers: decision.approvers.iter().map(ToString::to_string).collect(),
            based_on: decision.based_on.iter().map(ToString::to_string).collect(),
            max_minutes: decision
                .max_duration
                .map(|span| u32::try_from(span.as_seconds() / 60).unwrap()),
            break_glass: decision.break_glass,
            permit: permit.is_ok(),
        }
    };
    match question.target {
        Target::Account { account, set } => with(&Ask::Account {
            account: &AccountId::new(account).unwrap(),
            permission_set: set,
        }),
        Target::Group(group) => with(&Ask::Group {
            group: &GroupId::new(group).unwrap(),
        }),
    }
}

#[derive(Debug, Default)]
struct Reached {
    kinds: std::collections::BTreeMap<&'static str, u64>,
    permits: u64,
    glass: u64,
    /// Cases in which the scope of denials matters.
    order_matters: u64,
}

impl Reached {
    fn note(&mut self, wanted: &Verdict, order_matters: bool) {
        *self.kinds.entry(wanted.kind).or_default() += 1;
        self.permits += u64::from(wanted.permit);
        self.glass += u64::from(wanted.break_glass);
        self.order_matters += u64::from(order_matters);
    }
}

fn compare(form: Form, write: fn(&[Draft], About) -> String) -> Reached {
    let (seed, cases) = (
        number("HALLPASS_RULES_SEED", SEED),
        number("HALLPASS_RULES_CASES", CASES),
    );
    let (known, unknown) = (directory(), Directory::default());
    let mut chance = Chance::new(seed);
    let mut reached = Reached::default();
    let mut wrong = Vec::new();
    for file in 0..cases.div_ceil(ASKED_EACH) {
        let about = if chance.percent(25) {
            About::Groups
        } else {
            About::Accounts
        };
        let drafts: Vec<Draft> = (0..chance.below(6))
            .map(|place| match form {
                Form::Elevator => statement(&mut chance, about, place),
                Form::Native => native(&mut chance, about, place),
            })
            .collect();
        let text = write(&drafts, about);
        let rules = match load(&RuleFile::new("drawn.json", text.clone())) {
            Ok(loaded) => loaded.rules,
            Err(errors) => panic!("seed {seed} file {file}: {errors:?}\n{text}"),
        };
        for _ in 0..ASKED_EACH {
            let facts = if chance.percent(75) { &known } else { &unknown };
            let question = question(&mut chance, about);
            let found = engine(&rules, &question, facts);
            let wanted = verdict(&drafts, &question, facts, Order::of(form));
            let either = [Order::DenialsFirst, Order::RequestersFirst]
                .map(|order| verdict(&drafts, &question, facts, order));
            reached.note(&wanted, either[0] != either[1]);
            if found != wanted {
                wrong.push(format!(
                    "file {file}: {question:?}\n  found  {found:?}\n  wanted {wanted:?}\n  {text}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} of {cases} differ; the first:\n{}",
        wrong.len(),
        wrong[0]
    );
    reached
}

/// Checks that each outcome occurs often enough.
fn is_varied(reached: &Reached) {
    let seldom = [reached.permits, reached.glass, reached.order_matters];
    assert!(
        reached.kinds.len() == 6 && seldom.iter().all(|count| *count > 50),
        "{reached:?}"
    );
}

#[test]
fn elevator_statements_decide_as_the_original_over_20_000_cases() {
    let reached = compare(Form::Elevator, |drafts, about| {
        let list: Vec<_> = drafts.iter().map(Draft::json).collect();
        match about {
            About::Accounts => json!({"statements": list}).to_string(),
            About::Groups => json!({"group_statements": list}).to_string(),
        }
    });
    is_varied(&reached);
}

#[test]
fn native_rules_decide_as_the_words_say_over_20_000_cases() {
    let reached = compare(Form::Native, |drafts, _| {
        let list: Vec<_> = drafts.iter().map(Draft::json).collect();
        json!({"rule": list}).to_string()
    });
    is_varied(&reached);
}
