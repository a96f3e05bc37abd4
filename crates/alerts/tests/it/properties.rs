use proptest::prelude::*;

use crate::world::{AlertWorld, hour, names, refused, rules};

/// Which of five names a run returns; `None`: a slice failed.
fn life() -> impl Strategy<Value = Vec<Option<Vec<u8>>>> {
    let names = prop::collection::vec(0u8..5, 0..8);
    prop::collection::vec(prop::option::weighted(0.8, names), 1..20)
}

fn listed(run: &[u8]) -> String {
    let names = run.iter().map(|it| format!("p{it}"));
    names.collect::<Vec<_>>().join(" ")
}

fn snapshot(number: usize) -> u32 {
    u32::try_from(number).unwrap()
}

proptest! {
    #[test]
    fn order_and_repetition_of_rows_and_of_runs_change_nothing(life in life(), needed in 1u32..4, remind in any::<bool>()) {
        let more = format!(", for: {needed}{}", if remind { ", remind: 10h" } else { "" });
        let rules = rules(&more);
        let (mut one, mut other) = (AlertWorld::default(), AlertWorld::default());
        for (number, run) in life.iter().enumerate() {
            let now = hour(6 * number as u64);
            let answer = |run: &[u8]| names(snapshot(number), &listed(run));
            let (first, second) = match run {
                Some(run) => {
                    let turned: Vec<u8> = run.iter().rev().chain(run).copied().collect();
                    (answer(run), answer(&turned))
                }
                None => (refused(snapshot(number)), refused(snapshot(number))),
            };
            let told = one.run(&rules, &first, now);
            prop_assert_eq!(&told, &other.run(&rules, &second, now));
            // Repeated, as by another process or after a stop.
            prop_assert_eq!(other.run(&rules, &second, now), "");
        }
        let unversioned = |world: &AlertWorld| {
            let mut state = world.state().clone();
            state.version = 0;
            state
        };
        prop_assert_eq!(unversioned(&one), unversioned(&other));
    }

    #[test]
    fn a_failed_slice_recovers_nothing_and_an_active_row_is_told_once(life in life()) {
        let rules = rules("");
        let mut world = AlertWorld::default();
        for (number, run) in life.iter().enumerate() {
            let before = world.states.get("r").map(|it| it.rows.clone());
            let now = hour(number as u64);
            let had = world.told.len();
            if let Some(run) = run {
                let told = world.run(&rules, &names(snapshot(number), &listed(run)), now);
                let there: Vec<String> = run.iter().map(|it| format!("p{it}")).collect();
                let before = before.unwrap_or_default();
                let stands = |name: &str| before.values().any(|row| row.values["name"] == name && row.phase.name() == "active");
                let (new, gone) = told.split_once("recovered").unwrap_or((&told, ""));
                for name in (0..5).map(|it| format!("p{it}")) {
                    let is_there = there.contains(&name);
                    prop_assert_eq!(new.contains(&name), is_there && !stands(&name), "{} in {}", name, told);
                    prop_assert_eq!(gone.contains(&name), !is_there && stands(&name), "{} in {}", name, told);
                }
            } else {
                world.run(&rules, &refused(snapshot(number)), now);
                prop_assert_eq!(before.unwrap_or_default(), world.state().rows.clone());
            }
            prop_assert!(world.told.len() <= had + 1, "one message for each run");
        }
    }
}
