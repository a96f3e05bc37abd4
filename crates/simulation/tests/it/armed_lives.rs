//! Generated lives of access whose ends AWS enforces: nobody is refused what they were told to hold, whatever happens and
//! whoever dies.

use hallpass_access::ArmedEndsMode;
use hallpass_base::testing::cases;
use hallpass_base::{Email, HoldKey, TimeSpan};
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_simulation::{
    Human::{self, Ana, Bo, Cai},
    check_all,
};
use proptest::prelude::*;

use crate::acting::{asking, extend, release, run};
use crate::armed_bench::{Bench, silent};
use crate::armed_given::to_a_group;

/// Lives of several people on one account, drawn: asked for, extended by another grant, given back, taken away, held in
/// another way for a while, with an event that says so or without, their names changed, the armer stopped at some call. At every
/// second nobody is refused what they hold.
async fn generated(
    seed: u64,
    mut extending: Option<fastrand::Rng>,
    mut renaming: Option<fastrand::Rng>,
) {
    let mut rng = fastrand::Rng::with_seed(seed);
    // draws of its own: what a seed did before, it does
    let mut events = fastrand::Rng::with_seed(seed.rotate_left(17));
    let mut bench = Bench::new(ArmedEndsMode::Preferred);
    for _ in 0..8 {
        let who = [Ana, Bo, Cai][rng.usize(0..3)];
        let key = bench.key(who, "ReadOnly");
        match rng.u8(0..8) {
            0..=2 => {
                let duration = TimeSpan::seconds(rng.u64(30..900));
                let asked = asking("ReadOnly", duration);
                let _: Result<_, _> = bench
                    .world
                    .access
                    .ask(&bench.world.actor(who), &asked, None)
                    .await;
            }
            3 => {
                for held in crate::acting::grants(&bench.world).await {
                    if held.key == key && held.is_hold() {
                        let _: Result<_, _> = release(&bench.world, who, held.id).await;
                    }
                }
            }
            4 => {
                bench.others.0.lock().unwrap().insert(key.clone());
                if events.bool() {
                    tell_of_it(&bench, key).await;
                }
            }
            5 => {
                let modes = [ArmedEndsMode::Preferred, ArmedEndsMode::Off];
                bench.set_mode(modes[rng.usize(0..2)]);
            }
            6 => {
                let fails = rng.bool().then(silent);
                bench.organization.change(|it| it.changes_fail = fails);
            }
            _ => {
                bench.others.0.lock().unwrap().remove(&key);
            }
        }
        rename_somebody(&bench, renaming.as_mut());
        for who in [Ana, Bo, Cai] {
            extend_some(&bench, who, extending.as_mut()).await;
        }
        let call = rng.u64(1..60);
        let mode = PortMode::ALL[rng.usize(0..PortMode::ALL.len())];
        let gate = Gate::new(Some((call, mode)));
        let armer = bench.armer(&format!("life {call}"), &gate);
        let seconds = rng.u64(5..400);
        tokio::select! {
            biased;
            () = gate.stop() => {
                *bench.kept_until.lock().unwrap() = TimeSpan::seconds(65).after(bench.now());
            }
            () = bench.live(&armer, seconds) => {}
        }
    }
    bench.others.0.lock().unwrap().clear();
    bench.organization.change(|it| it.changes_fail = None);
    bench.until_all_is_over().await;
    assert!(bench.organization.standing().is_empty(), "seed {seed}");
    check_all(&bench.world, &[]).await.unwrap();
}

/// An event says that somebody was given access.
async fn tell_of_it(bench: &Bench, key: HoldKey) {
    let given = to_a_group(&key);
    bench.world.access.note_given(given).await.unwrap();
    let now = bench.now();
    bench.told_at.lock().unwrap().insert(key, now);
}

/// Somebody has another name and another first address from now on, once or not at all; the server learns of it now or later.
fn rename_somebody(bench: &Bench, rng: Option<&mut fastrand::Rng>) {
    let Some(rng) = rng else {
        return;
    };
    let (who, new) = ([Ana, Bo, Cai][rng.usize(0..3)], rng.u32(..));
    if rng.bool() {
        return;
    }
    let user = bench.key(who, "ReadOnly").user;
    bench.world.directory.change_all(|truth| {
        let mut people = truth.people.iter_mut();
        let person = people.find(|it| it.user_id == user).unwrap();
        person.user_name = format!("new-{new}");
        person.display_name = format!("New {new}");
        // the one of before goes on to be theirs
        let first = Email::new(&format!("new-{new}@corp.example")).unwrap();
        let kept = person.emails.pop().unwrap();
        person.emails = vec![first, kept];
    });
    if rng.bool() {
        bench.world.directory.read();
    }
}

/// Some of what somebody holds is extended, once or twice.
async fn extend_some(bench: &Bench, who: Human, rng: Option<&mut fastrand::Rng>) {
    let Some(rng) = rng else {
        return;
    };
    for held in crate::acting::grants(&bench.world).await {
        if held.key != bench.key(who, "ReadOnly") || !held.is_hold() || rng.u8(0..3) > 0 {
            continue;
        }
        for _ in 0..rng.u8(1..3) {
            let later = TimeSpan::seconds(rng.u64(30..1_800));
            let _: Result<_, _> = extend(&bench.world, who, held.id, later).await;
        }
    }
}

/// Lives that found something once: an end that was over by a second reading of the clock, and whose statement stayed; a hold
/// that was told while its end was not armed, on access that an earlier one had left
/// unarmed.
#[test]
fn lives_that_found_something() {
    run(async {
        for seed in [
            711_226_586_790_626_830,
            422_290_705_529_134_428,
            14_873_018_004_021_185_744,
            2_610_113_026_326_667_612,
            3_651_078_173_686_292_465,
            1_047_343_226_303_384_016,
            8_785_585_941_238_381_862,
            17_262_708_601_137_634_365,
        ] {
            generated(seed, None, None).await;
        }
        // a pause reached past the instant at which access is given all the same: it was there, and nothing said that its end
        // is not armed
        for seed in [
            18_065_463_050_553_849_916,
            1_319_418_422_390_228_640,
            7_010_895_369_431_980_542,
        ] {
            generated(seed, Some(fastrand::Rng::with_seed(!seed)), None).await;
        }
        // whoever armed died as it wrote, and the end moved to later while AWS did not answer
        for seed in [
            544_994_469_555_557_080,
            7_806_244_862_099_344_269,
            155_786_230_442_234_288,
        ] {
            generated(seed, Some(fastrand::Rng::with_seed(!seed)), None).await;
        }
        // AWS took no change for longer than what is armed may outlast what makes it wrong
        let seed = 15_914_976_986_202_618_608;
        generated(seed, Some(fastrand::Rng::with_seed(!seed)), None).await;
        // the answer of whoever gave the lane back was lost, and another came next
        let seed = 10_569_055_377_735_618_325;
        generated(seed, Some(fastrand::Rng::with_seed(!seed)), None).await;
        // whoever took a statement out of force died before that was stored, and AWS took no change after it
        let drawn = |bits| Some(fastrand::Rng::with_seed(bits));
        let seed: u64 = 7_762_354_218_840_839_372;
        generated(seed, drawn(!seed), drawn(seed.rotate_left(41))).await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(24, 5_000), max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_refused_what_they_hold_in_generated_lives(seed in any::<u64>()) {
        let drawn = |bits| Some(fastrand::Rng::with_seed(bits));
        run(generated(seed, drawn(!seed), drawn(seed.rotate_left(41))));
    }
}
