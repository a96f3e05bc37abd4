//! Invariants for random listings, holdings and run orders.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
struct SweptWorld {
    listed: BTreeSet<u8>,
    held: BTreeSet<u8>,
    under: BTreeSet<u8>,
    accepted: BTreeSet<u8>,
    found_standing: BTreeMap<u8, u64>,
    unread: bool,
    unread_group: bool,
    after: u64,
}

fn some() -> impl Strategy<Value = BTreeSet<u8>> {
    proptest::collection::btree_set(0..12_u8, 0..12)
}

fn world() -> impl Strategy<Value = SweptWorld> {
    let found = proptest::collection::btree_map(0..12_u8, 0..20_000_u64, 0..4);
    (
        some(),
        some(),
        some(),
        some(),
        found,
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
        0..6_000_u64,
    )
        .prop_map(
            |(listed, held, under, accepted, found_standing, unread, group, after)| SweptWorld {
                listed,
                held,
                under,
                accepted,
                found_standing,
                unread,
                unread_group: group,
                after,
            },
        )
}

fn modes() -> impl Strategy<Value = MayAct> {
    let adopt = SweepAction::Adopt {
        length: TimeSpan::hours(8),
    };
    prop_oneof![
        Just(MayAct::No),
        Just(MayAct::Plan(REMOVE)),
        Just(MayAct::Do(REMOVE)),
        Just(MayAct::Do(adopt)),
    ]
}

/// Twelve keys: accounts, groups, one deleted user.
fn key(n: u8) -> HoldKey {
    match n {
        0..7 => account_key(n + 1, "ReadOnly"),
        7..11 => group_key(n - 6),
        _ => gone_key("Admin"),
    }
}

fn keys(of: &BTreeSet<u8>) -> BTreeSet<HoldKey> {
    of.iter().copied().map(key).collect()
}

fn unread(world: &SweptWorld) -> Vec<Unread> {
    let mut unread = Vec::new();
    if world.unread {
        unread.push(UnreadPlace::Account {
            account: ACCOUNT.parse().unwrap(),
        });
    }
    if world.unread_group {
        unread.push(UnreadPlace::Group {
            group: GROUP.parse().unwrap(),
        });
    }
    let error = || "AccessDenied".to_owned();
    unread
        .into_iter()
        .map(|what| Unread {
            what,
            error: error(),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_sweep_never_acts_on_what_it_must_not(
        worlds in proptest::collection::vec((world(), modes()), 1..6),
        most in 0..30_u32,
    ) {
        let mut looks = Looks::new();
        looks.settings.max_removals = most;
        let base = looks.listing.seen.clone();
        let (mut minute, mut seen_unheld): (u64, BTreeMap<HoldKey, Vec<u64>>) =
            (20_000, BTreeMap::new());
        for (world, may_act) in worlds {
            minute += world.after;
            looks.may_act = may_act;
            looks.listing.unread = unread(&world);
            let not_read = looks.listing.clone();
            let not_read = not_read.not_read();
            looks.listing.seen = base.clone();
            let listed = keys(&world.listed);
            let read = listed.iter().filter(|key| !not_read.contains(&key.target));
            looks.listing.seen.extend(read.map(|key| (key.clone(), at(minute))));
            looks.held.ours = base.keys().cloned().chain(keys(&world.held)).collect();
            looks.held.under_grant = keys(&world.under);
            looks.held.found_standing = world
                .found_standing
                .iter()
                .map(|(n, found)| (key(*n), at(*found)))
                .collect();
            looks.accepted = keys(&world.accepted)
                .into_iter()
                .map(|key| (key.clone(), accepted(&key, None)))
                .collect();
            let found = looks.run(minute);
            let acted: Vec<&SweepItem> = found
                .items
                .iter()
                .filter(|item| matches!(item.fate, Fate::Due { .. }))
                .collect();
            prop_assert!(acted.len() <= usize::try_from(most).unwrap());
            prop_assert!(acted.len() * 4 <= looks.listing.seen.len());
            prop_assert!(acted.is_empty() || matches!(may_act, MayAct::Do(_)));
            for n in 0..12 {
                let key = key(n);
                let is_due = acted.iter().any(|item| item.key == key);
                let week = at(minute) < PREEXISTING_FOR.after(
                    looks.held.found_standing.get(&key).copied().unwrap_or(Timestamp::MIN),
                );
                let is_unknown = looks.listing.seen.contains_key(&key)
                    && !looks.held.ours.contains(&key)
                    && !looks.held.under_grant.contains(&key)
                    && !looks.accepted.contains_key(&key);
                let runs = seen_unheld.entry(key.clone()).or_default();
                if is_unknown {
                    runs.push(minute);
                } else {
                    runs.clear();
                }
                let twice = runs.len() >= 2 && minute - runs[0] >= 10;
                prop_assert!(
                    !is_due || (is_unknown && twice && !week),
                    "{key} is acted on: unknown {is_unknown}, runs {runs:?}, found {week}"
                );
            }
            // The counts cover every listed item.
            let report = &found.report;
            let counted = report.ours + report.accepted + report.under_grant
                + report.preexisting + report.unknown;
            prop_assert_eq!(counted, report.seen);
        }
    }
}
