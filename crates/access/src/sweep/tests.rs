//! Classification by rows of `access.md` §10, and its invariants.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod digests;
mod group_assignments;
mod whatever;

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{
    Email, GrantId, HoldKey, PermissionSetArn, SweepId, Target, TargetNames, TimeSpan, Timestamp,
    UserId,
};
use hallpass_rules::directory::{Account, Group, PermissionSet, Person, Snapshot};
use hallpass_rules::{Directory, RuleFile, Rules, load};
use uuid::Uuid;

use super::*;
use crate::UnreadGrant;

const ACCOUNT: &str = "111111111111";
const GROUP: &str = "99999999-8888-7777-6666-555555555555";

pub(crate) fn user(n: u8) -> UserId {
    UserId::new(format!("{n:08}-0000-0000-0000-000000000000")).unwrap()
}

fn arn(set: &str) -> PermissionSetArn {
    format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-{set}")
        .parse()
        .unwrap()
}

fn in_account(n: u8, account: &str, set: &str) -> HoldKey {
    HoldKey {
        user: user(n),
        target: Target::Account {
            account: account.parse().unwrap(),
            permission_set: arn(set),
        },
    }
}

pub(crate) fn account_key(n: u8, set: &str) -> HoldKey {
    in_account(n, ACCOUNT, set)
}

pub(crate) fn group_key(n: u8) -> HoldKey {
    HoldKey {
        user: user(n),
        target: Target::Group {
            group: GROUP.parse().unwrap(),
        },
    }
}

pub(crate) fn gone_key(set: &str) -> HoldKey {
    account_key(9, set)
}

pub(crate) fn directory() -> Directory {
    Directory::new(snapshot())
}

pub(crate) fn snapshot() -> Snapshot {
    let people = ["ana", "bo", "cai"].iter().zip(1..);
    let account = |id: &str, name: &str, active| Account {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        email: String::new(),
        active,
        ous: Vec::new(),
        tags: BTreeMap::new().into(),
    };
    let set = |name: &str| PermissionSet {
        name: name.to_owned(),
        arn: arn(name),
        session_duration: 3600,
        description: String::new(),
    };
    Snapshot {
        root_id: "r-ab12".to_owned(),
        accounts: vec![
            account(ACCOUNT, "payments-prod", true),
            account("222222222222", "orders-prod", true),
            account("333333333333", "closed", false),
        ],
        permission_sets: vec![set("ReadOnly"), set("Admin")],
        people: people
            .map(|(name, n)| Person {
                user_id: user(n),
                user_name: (*name).to_owned(),
                display_name: (*name).to_owned(),
                emails: vec![Email::new(&format!("{name}@corp.example")).unwrap()],
                enabled: true,
                attributes: hallpass_rules::PersonAttributes::default(),
            })
            .collect(),
        groups: vec![Group {
            id: GROUP.parse().unwrap(),
            name: "oncall".to_owned(),
            members: None,
        }],
        taken_at: Some(at(0)),
        ..Snapshot::default()
    }
}

fn at(minutes: u64) -> Timestamp {
    TimeSpan::minutes(minutes).after(Timestamp::from_second(1_780_000_000).unwrap())
}

fn id(n: u128) -> SweepId {
    SweepId::new(Uuid::from_u128(n))
}

fn rules(text: &str) -> Rules {
    load(&RuleFile::new("rules.json", text)).unwrap().rules
}

/// Everything in both accounts, and the group.
const EVERYTHING: &str = r#"{"statements": [
  {"ResourceType": "Account", "Resource": "*", "PermissionSet": "*"}],
  "group_statements": [{"Resource": "99999999-8888-7777-6666-555555555555"}]}"#;

struct Looks {
    directory: Directory,
    rules: Rules,
    settings: SweepSettings,
    listing: StandingListing,
    held: Held,
    accepted: BTreeMap<HoldKey, Accepted>,
    earlier: BTreeMap<HoldKey, SweepItem>,
    in_hand: BTreeMap<HoldKey, SweepId>,
    may_act: MayAct,
    runs: u128,
}

impl Looks {
    /// Adds ten grants, so that no share is large.
    fn new() -> Self {
        let mut looks = Self {
            directory: directory(),
            rules: rules(EVERYTHING),
            settings: SweepSettings::default(),
            listing: StandingListing::default(),
            held: Held::default(),
            accepted: BTreeMap::new(),
            earlier: BTreeMap::new(),
            in_hand: BTreeMap::new(),
            may_act: MayAct::No,
            runs: 0,
        };
        for n in 20..30 {
            looks.held.ours.insert(account_key(n, "ReadOnly"));
            looks.listing.seen.insert(account_key(n, "ReadOnly"), at(0));
        }
        looks
    }

    fn acting(action: SweepAction) -> Self {
        Self {
            may_act: MayAct::Do(action),
            ..Self::new()
        }
    }

    fn with(mut self, key: &HoldKey) -> Self {
        self.listing.seen.insert(key.clone(), at(0));
        self
    }

    fn run(&mut self, minute: u64) -> Findings {
        self.runs += 1;
        self.listing.began = at(minute);
        self.listing.ended = at(minute);
        for seen in self.listing.seen.values_mut() {
            *seen = at(minute);
        }
        let scope = StandingScope::new(self.settings.reach, &self.rules, &self.directory, None);
        let found = findings(&ListingFacts {
            sweep: id(self.runs),
            listing: &self.listing,
            scope: &scope,
            held: &self.held,
            accepted: &self.accepted,
            earlier: &self.earlier,
            earlier_entitlements: None,
            in_hand: &self.in_hand,
            directory: &self.directory,
            settings: &self.settings,
            may_act: self.may_act,
        });
        let items = found.items.iter().cloned();
        self.earlier = items.map(|item| (item.key.clone(), item)).collect();
        found
    }
}

fn item<'a>(found: &'a Findings, key: &HoldKey) -> &'a SweepItem {
    found.items.iter().find(|item| item.key == *key).unwrap()
}

fn fate(found: &Findings, key: &HoldKey) -> &'static str {
    item(found, key).fate.name()
}

fn accepted(key: &HoldKey, review_at: Option<Timestamp>) -> Accepted {
    Accepted {
        key: key.clone(),
        names: TargetNames::Group {
            group: String::new(),
        },
        holder: None,
        reason: "the nightly export".to_owned(),
        by: Email::new("eve@corp.example").unwrap(),
        at: at(0),
        review_at,
        version: 0,
    }
}

const REMOVE: SweepAction = SweepAction::Remove;

/// `access.md` §10.2: unknown = exists in AWS, in scope, no hold, not accepted.
#[test]
fn what_exists_without_a_hold_or_acceptance_is_unknown() {
    let (held, unknown, listed, by_pattern) = (
        account_key(20, "ReadOnly"),
        account_key(1, "ReadOnly"),
        account_key(2, "ReadOnly"),
        group_key(3),
    );
    let mut looks = Looks::new().with(&unknown).with(&listed).with(&by_pattern);
    looks
        .accepted
        .insert(listed.clone(), accepted(&listed, None));
    looks.settings.standing = vec!["oncall/cai".parse().unwrap()];
    let found = looks.run(0);
    assert!(found.items.iter().all(|item| item.key != held));
    assert_eq!(item(&found, &unknown).kind, ItemKind::Unknown);
    assert_eq!(item(&found, &listed).kind.name(), "accepted");
    assert_eq!(item(&found, &by_pattern).kind.name(), "accepted");
    let report = &found.report;
    let numbers = (report.seen, report.ours, report.accepted, report.unknown);
    assert_eq!(numbers, (13, 10, 2, 1));
}

/// `access.md` §10.2: an unreadable ended grant may have found its holder's access standing: for 8
/// days such access is only reported.
#[test]
fn what_an_unread_grant_may_have_found_is_only_reported_for_eight_days() {
    let in_prod = account_key(1, "ReadOnly");
    let (other_set, other_account) = (
        account_key(1, "Admin"),
        in_account(1, "222222222222", "ReadOnly"),
    );
    let (other_person, group) = (account_key(2, "ReadOnly"), group_key(1));
    let keys = [in_prod, other_set, other_account, other_person, group];
    // The grant's account, and the keys it may concern.
    for (of, kept) in [
        (Some(ACCOUNT.to_owned()), [true, true, false, false, false]),
        (None, [false, false, false, false, true]),
    ] {
        let mut looks = Looks::acting(REMOVE);
        for key in &keys {
            looks = looks.with(key);
        }
        looks.held.unread.push(UnreadGrant {
            id: GrantId::first_at(at(0)),
            key: None,
            holder: user(1),
            account: of,
        });
        looks.settings.max_removals = 99;
        looks.run(1);
        let found = looks.run(20);
        for (key, is_kept) in keys.iter().zip(kept) {
            let is_reported = matches!(item(&found, key).kind, ItemKind::Preexisting { .. });
            assert_eq!(is_reported, is_kept, "{key}");
        }
        let over = 8 * 24 * 60;
        looks.run(over - 1);
        let found = looks.run(over + 30);
        for key in &keys {
            assert_eq!(item(&found, key).kind, ItemKind::Unknown, "{key}");
        }
    }
}

/// `access.md` §10.4: scope is by statement, not the cross product.
#[test]
fn what_no_rule_is_about_is_not_looked_at_unless_everything_is() {
    let about = account_key(1, "ReadOnly");
    let beside = in_account(1, "222222222222", "Admin");
    let mut looks = Looks::new().with(&about).with(&beside);
    looks.rules = rules(
        r#"{"statements": [
  {"ResourceType": "Account", "Resource": "111111111111", "PermissionSet": "ReadOnly"},
  {"ResourceType": "Account", "Resource": "222222222222", "PermissionSet": "ReadOnly"},
  {"ResourceType": "Account", "Resource": "111111111111", "PermissionSet": "Admin"}]}"#,
    );
    let found = looks.run(0);
    assert!(found.items.iter().all(|item| item.key != beside));
    assert_eq!(item(&found, &about).kind, ItemKind::Unknown);
    looks.settings.reach = SweepReach::All;
    assert_eq!(item(&looks.run(1), &beside).kind, ItemKind::Unknown);
}

/// `access.md` §16.20: suspended and unreachable accounts are left out and reported.
#[test]
fn what_is_left_out_is_said() {
    let (directory, rules) = (directory(), rules(EVERYTHING));
    let out = ACCOUNT.parse().unwrap();
    let scope = StandingScope::new(SweepReach::All, &rules, &directory, Some(&out));
    let accounts: Vec<String> = scope.accounts().map(ToString::to_string).collect();
    assert_eq!(accounts, ["222222222222"]);
    assert!(!scope.contains(&account_key(1, "Admin").target));
    let left_out = [
        LeftOut::ManagementAccount { account: out },
        LeftOut::InactiveAccounts { count: 1 },
        LeftOut::Entitlements,
    ];
    assert_eq!(scope.left_out(), left_out);
    assert_eq!(scope.permission_sets().len(), 2);
}

/// `access.md` §16.20: keys are ids, so a renamed group's members stay known.
#[test]
fn renaming_a_group_makes_nothing_unknown() {
    let mut looks = Looks::new();
    for n in [1, 2, 3] {
        looks.held.ours.insert(group_key(n));
        looks.listing.seen.insert(group_key(n), at(0));
    }
    looks.may_act = MayAct::Do(REMOVE);
    assert!(looks.run(0).items.is_empty());
    let mut renamed = snapshot();
    "another user's".clone_into(&mut renamed.groups[0].name);
    looks.directory = Directory::new(renamed);
    for minute in [20, 40, 60] {
        let found = looks.run(minute);
        assert!(found.items.is_empty(), "{:?}", found.items);
    }
}

/// `access.md` §10.3: two runs in a row, ten minutes apart.
#[test]
fn only_what_two_runs_ten_minutes_apart_find_is_acted_on() {
    let key = account_key(1, "ReadOnly");
    // Minutes of the runs, and the result of the last.
    let rows: [(&[u64], &str); 6] = [
        (&[0], "waits"),
        (&[0, 9], "waits"),
        (&[0, 10], "due"),
        (&[0, 3, 6], "waits"),
        (&[0, 3, 6, 12], "due"),
        (&[0, 120], "due"),
    ];
    for (minutes, wanted) in rows {
        let mut looks = Looks::acting(REMOVE).with(&key);
        let found = minutes.iter().map(|minute| looks.run(*minute));
        let last = found.last().unwrap();
        assert_eq!(fate(&last, &key), wanted, "{minutes:?}");
    }
}

#[test]
fn a_run_that_did_not_find_it_begins_the_count_anew() {
    let key = account_key(1, "ReadOnly");
    let mut looks = Looks::acting(REMOVE).with(&key);
    looks.run(0);
    looks.listing.seen.remove(&key);
    let between = looks.run(20);
    assert_eq!(between.report.gone, 1);
    let mut looks = looks.with(&key);
    let again = looks.run(40);
    assert_eq!(fate(&again, &key), "waits");
    assert_eq!(item(&again, &key).change, ItemChange::New);
    assert_eq!(fate(&looks.run(60), &key), "due");
}

/// Promise P9: an unreadable item is neither deleted nor found.
#[test]
fn what_could_not_be_read_is_as_it_was_and_never_acted_on() {
    let key = account_key(1, "ReadOnly");
    let places = [
        UnreadPlace::Account {
            account: ACCOUNT.parse().unwrap(),
        },
        UnreadPlace::PermissionSet {
            permission_set: arn("ReadOnly"),
        },
        UnreadPlace::Pair {
            account: ACCOUNT.parse().unwrap(),
            permission_set: arn("ReadOnly"),
        },
    ];
    for what in places {
        let mut looks = Looks::acting(REMOVE).with(&key);
        let first = looks.run(0);
        looks.listing.seen.clear();
        looks.listing.unread = vec![Unread {
            what,
            error: "AccessDenied".to_owned(),
        }];
        let blind = looks.run(20);
        let found = item(&blind, &key);
        assert_eq!(
            (found.sight, found.fate.name()),
            (ItemSight::Unread, "reported")
        );
        assert_eq!(found.seen_at, item(&first, &key).seen_at);
        assert_eq!((blind.report.gone, blind.report.unread), (0, 1));
        assert_eq!((blind.report.unknown, blind.report.to_act), (0, 0));
        // Seen again: the unreadable run does not count.
        looks.listing.unread.clear();
        let mut looks = looks.with(&key);
        assert_eq!(fate(&looks.run(40), &key), "waits");
        let last = looks.run(60);
        assert_eq!(item(&last, &key).first_seen, at(0));
    }
}

/// `access.md` §10.2: access found standing by a grant is only reported for seven days.
#[test]
fn what_a_grant_found_standing_is_only_reported_for_seven_days() {
    let key = account_key(1, "ReadOnly");
    let day = 24 * 60;
    let mut looks = Looks::acting(REMOVE).with(&key);
    looks.held.found_standing.insert(key.clone(), at(0));
    for minute in [20, 40, day, 3 * day, 7 * day - 1] {
        let found = looks.run(minute);
        assert_eq!(item(&found, &key).kind.name(), "preexisting", "{minute}");
        assert_eq!(fate(&found, &key), "waits", "{minute}");
        assert_eq!((found.report.preexisting, found.report.unknown), (1, 0));
    }
    let after = looks.run(7 * day);
    assert_eq!(item(&after, &key).kind, ItemKind::Unknown);
    assert_eq!(item(&after, &key).change, ItemChange::Changed);
    assert_eq!(fate(&after, &key), "due");
}

#[test]
fn what_lies_below_a_live_grant_is_said_and_left_alone() {
    let key = account_key(1, "ReadOnly");
    let mut looks = Looks::acting(REMOVE).with(&key);
    looks.held.under_grant.insert(key.clone());
    for minute in [0, 20, 40] {
        let found = looks.run(minute);
        assert_eq!(item(&found, &key).kind, ItemKind::UnderGrant);
        assert_eq!(fate(&found, &key), "reported");
    }
}

/// `access.md` §10.2: no mode removes accepted access, even with an overdue review.
#[test]
fn accepted_access_is_left_alone_in_every_mode_and_an_overdue_review_is_reported() {
    let key = account_key(1, "ReadOnly");
    let adopt = SweepAction::Adopt {
        length: TimeSpan::hours(8),
    };
    for may_act in [
        MayAct::No,
        MayAct::Plan(REMOVE),
        MayAct::Do(REMOVE),
        MayAct::Do(adopt),
    ] {
        let mut looks = Looks::acting(REMOVE).with(&key);
        looks.may_act = may_act;
        looks
            .accepted
            .insert(key.clone(), accepted(&key, Some(at(100))));
        for (minute, kind) in [(0, "accepted"), (60, "accepted"), (100, "review_overdue")] {
            let found = looks.run(minute);
            assert_eq!(item(&found, &key).kind.name(), kind, "{may_act:?}");
            assert_eq!(fate(&found, &key), "reported", "{may_act:?}");
        }
        let last = looks.run(200);
        assert_eq!((last.report.reviews_overdue, last.report.accepted), (1, 1));
    }
}

/// `access.md` §10.3: more than 20 items, or more than a quarter of all seen, stop the run.
#[test]
fn a_run_that_would_do_too_much_stops() {
    // Others, unknown, item limit, brake.
    let rows = [
        (60, 20, 20, None),
        (
            90,
            21,
            20,
            Some(Brake::Items {
                would: 21,
                most: 20,
            }),
        ),
        (60, 20, 5, Some(Brake::Items { would: 20, most: 5 })),
        (12, 4, 20, None),
        (11, 4, 20, Some(Brake::Share { would: 4, of: 15 })),
        (0, 1, 20, Some(Brake::Share { would: 1, of: 1 })),
    ];
    for (others, unknown, most, wanted) in rows {
        let mut looks = Looks::acting(REMOVE);
        looks.listing.seen.clear();
        looks.held.ours.clear();
        looks.settings.max_removals = most;
        for n in 0..others {
            let key = account_key(100 + n, "Admin");
            looks.held.ours.insert(key.clone());
            looks.listing.seen.insert(key, at(0));
        }
        for n in 0..unknown {
            looks.listing.seen.insert(account_key(n, "ReadOnly"), at(0));
        }
        looks.run(0);
        let found = looks.run(20);
        assert_eq!(found.brake, wanted, "{others} {unknown} {most}");
        let acts = found.items.iter().any(|item| item.fate.name() == "due");
        assert_eq!(acts, wanted.is_none(), "{others} {unknown} {most}");
        assert_eq!(found.report.to_act, u64::from(unknown));
    }
}

/// `access.md` §10.1: an acting mode's first run is a plan.
#[test]
fn without_consent_a_run_plans_and_does_nothing() {
    let key = account_key(1, "ReadOnly");
    let mut looks = Looks::acting(REMOVE).with(&key);
    looks.may_act = MayAct::Plan(REMOVE);
    looks.run(0);
    let found = looks.run(20);
    assert_eq!(item(&found, &key).fate, Fate::Planned { action: REMOVE });
}

/// `access.md` §16.19: one failing item stops no other.
#[test]
fn a_deleted_person_is_one_item_of_many() {
    let (gone, other) = (gone_key("ReadOnly"), account_key(1, "ReadOnly"));
    let mut looks = Looks::acting(REMOVE).with(&gone).with(&other);
    looks.run(0);
    let found = looks.run(20);
    assert_eq!(item(&found, &gone).holder, None);
    assert_eq!(item(&found, &gone).holder_name(), gone.user.as_str());
    assert_eq!((fate(&found, &gone), fate(&found, &other)), ("due", "due"));
    let adopt = SweepAction::Adopt {
        length: TimeSpan::hours(8),
    };
    looks.may_act = MayAct::Do(adopt);
    let found = looks.run(40);
    let wait = Fate::Waits {
        cause: Wait::Holder,
    };
    assert_eq!(item(&found, &gone).fate, wait);
    assert_eq!(item(&found, &other).fate, Fate::Due { action: adopt });
}

#[test]
fn who_left_between_two_runs_keeps_the_name_they_had() {
    let key = account_key(1, "ReadOnly");
    let mut looks = Looks::new().with(&key);
    looks.run(0);
    let mut without = snapshot();
    without.people.retain(|person| person.user_name != "ana");
    looks.directory = Directory::new(without);
    let found = looks.run(20);
    assert_eq!(item(&found, &key).holder_name(), "ana");
}

#[test]
fn what_an_earlier_run_is_at_work_on_is_not_begun_again() {
    let key = account_key(1, "ReadOnly");
    let mut looks = Looks::acting(REMOVE).with(&key);
    looks.run(0);
    looks.in_hand.insert(key.clone(), id(77));
    looks.held.ours.insert(key.clone());
    let found = looks.run(20);
    assert_eq!(item(&found, &key).fate, Fate::InHand { by: id(77) });
    assert_eq!(found.report.to_act, 0);
}
