//! Actions of a guard, and their limits.

use hallpass_assignments::{CenterFault, RemovalStage};
use hallpass_audit::SignatureFault;
use hallpass_base::TimeSpan;
use hallpass_guard::{Blindness, EndsFault, Work, removal_of};

use crate::fakes::{Effect, Fakes, at, end, key, unreadable};

#[tokio::test]
async fn what_is_overdue_goes_and_nothing_else_does() {
    let fakes = Fakes::default();
    fakes.give(end(1, 1, 100));
    fakes.give(end(2, 1, 900));
    // another user's standing access on the target, in no copy
    fakes.state().present.insert(key(9));
    let guard = fakes.guard().await;
    fakes.tick(&guard, 159).await;
    assert_eq!(fakes.state().removed, []);
    assert_eq!(guard.status().overdue, 0);
    fakes.tick(&guard, 160).await;
    assert_eq!(fakes.state().removed, [key(1)]);
    fakes.tick(&guard, 500).await;
    assert_eq!(fakes.state().removed, [key(1)]);
    assert_eq!(
        fakes.events(),
        ["guard.looked", "guard.ending", "guard.ended"]
    );
    let removals: Vec<_> = fakes
        .state()
        .records
        .iter()
        .filter_map(removal_of)
        .collect();
    let found: Vec<_> = removals
        .iter()
        .map(|it| (it.stage, &it.end, it.at))
        .collect();
    let (begun, seen) = (RemovalStage::Begun, RemovalStage::Seen);
    assert_eq!(
        found,
        [
            (begun, &end(1, 1, 100), at(160)),
            (seen, &end(1, 1, 100), at(160))
        ]
    );
    assert_eq!((guard.status().overdue, guard.status().ended_total), (0, 1));
    fakes.check_journal();
}

#[tokio::test]
async fn ends_are_removed_in_the_order_of_their_deadlines_with_one_listing() {
    let fakes = Fakes::default();
    for n in 1..=20 {
        fakes.give(end(n, 1, 200 - n));
    }
    let guard = fakes.guard().await;
    fakes.tick(&guard, 300).await;
    let wanted: Vec<_> = (1..=20).rev().map(key).collect();
    assert_eq!(fakes.state().removed, wanted);
    // one listing before, and one after each removal
    assert!(fakes.state().listings <= 21, "{}", fakes.state().listings);
}

#[tokio::test]
async fn an_extension_that_was_made_while_it_looked_is_honoured() {
    let fakes = Fakes::default();
    fakes.give(end(1, 1, 100));
    let guard = fakes.guard().await;
    fakes.state().meanwhile = vec![end(1, 2, 5_000)];
    fakes.tick(&guard, 170).await;
    assert_eq!(fakes.state().removed, []);
    fakes.tick(&guard, 5_059).await;
    assert_eq!(fakes.state().removed, []);
    fakes.tick(&guard, 5_060).await;
    assert_eq!(fakes.state().removed, [key(1)]);
}

#[tokio::test]
async fn what_the_server_settled_meanwhile_is_left_alone() {
    let fakes = Fakes::default();
    fakes.give(end(1, 1, 100));
    let guard = fakes.guard().await;
    guard.refresh().await;
    // the server saw it removed, and it was granted again outside: not managed by Hallpass
    fakes.state().ends.clear();
    fakes.state().now = Some(at(200));
    while guard.work().await == Work::Did {}
    assert_eq!(fakes.state().removed, []);
}

#[tokio::test]
async fn with_nothing_readable_it_goes_on_with_what_it_knows_and_says_so() {
    let fakes = Fakes::default();
    fakes.give(end(1, 1, 100));
    let guard = fakes.guard().await;
    fakes.tick(&guard, 50).await;
    guard.keep().await;
    fakes.state().ends_fault = Some(unreadable());
    fakes.tick(&guard, 160).await;
    assert_eq!(fakes.state().removed, [key(1)]);
    assert_eq!(guard.status().blindness, None);
    fakes.tick(&guard, 651).await;
    assert!(matches!(
        guard.status().blindness,
        Some(Blindness::OldCopy { .. })
    ));
    fakes.tick(&guard, 700).await;
    let blind = fakes
        .events()
        .iter()
        .filter(|it| *it == "guard.blind")
        .count();
    assert_eq!(blind, 1, "once");
    assert!(guard.status().alarms()[0].contains("locked"));
    // the next guard of its name has the same state
    let next = fakes.guard().await;
    fakes.tick(&next, 701).await;
    assert_eq!(fakes.state().removed.len(), 1);
    assert_eq!((next.status().ends, next.status().ended_total), (1, 1));
}

#[tokio::test]
async fn without_the_time_nothing_is_removed() {
    let fakes = Fakes::default();
    fakes.give(end(1, 1, 100));
    let guard = fakes.guard().await;
    guard.tick().await;
    assert_eq!(guard.work().await, Work::NoTime);
    assert_eq!(fakes.state().removed, []);
    assert_eq!(guard.status().blindness, Some(Blindness::NoTime));
    // AWS responds: the status is as of now, not the last read
    fakes.state().now = Some(at(50));
    assert_ne!(guard.status().blindness, Some(Blindness::NoTime));
    guard.refresh().await;
    assert_eq!(guard.status().blindness, None);
    fakes.tick(&guard, 200).await;
    assert_eq!(fakes.state().removed, [key(1)]);
}

#[tokio::test]
async fn an_older_copy_removes_nothing() {
    let fakes = Fakes::default();
    fakes.give(end(1, 5, 5_000));
    fakes.state().seq = 40;
    let guard = fakes.guard().await;
    fakes.tick(&guard, 10).await;
    // a restored backup has an earlier end, and another user's access looks managed
    fakes.state().seq = 20;
    fakes.give(end(1, 3, 20));
    fakes.give(end(2, 1, 20));
    fakes.tick(&guard, 500).await;
    assert_eq!(fakes.state().removed, []);
    assert!(matches!(
        guard.status().blindness,
        Some(Blindness::OlderCopy { .. })
    ));
    // an operator declares the restore
    guard.accept_restored();
    fakes.tick(&guard, 501).await;
    assert_eq!(fakes.state().removed.len(), 2);
    assert_eq!(guard.status().blindness, None);
}

/// The journal continues through a restore, store revisions do not: older records keep no access.
#[tokio::test]
async fn what_was_over_before_a_restore_is_not_over_after_it() {
    let fakes = Fakes::default();
    fakes.state().seq = 40;
    fakes.give(end(1, 3, 100));
    fakes.give(end(2, 3_000, 100));
    let guard = fakes.guard().await;
    fakes.tick(&guard, 200).await;
    assert_eq!(fakes.state().removed.len(), 2);
    // granted after the backup: unknown to the restored store
    fakes.give(end(1, 9, 5_000));
    fakes.tick(&guard, 201).await;
    // the restored store restarts revisions, and grants the other again
    fakes.state().ends.clear();
    fakes.state().seq = 20;
    fakes.give(end(2, 1, 5_000));
    guard.accept_restored();
    fakes.tick(&guard, 202).await;
    guard.keep().await;
    drop(guard);
    let next = fakes.guard().await;
    assert_eq!(next.status().ended_total, 2);
    fakes.tick(&next, 203).await;
    assert_eq!(fakes.state().removed.len(), 2);
    fakes.tick(&next, 5_100).await;
    assert_eq!(fakes.state().removed[2..], [key(1), key(2)]);
    // granted again; the end unknown to the restored store had a higher revision
    fakes.state().ends.clear();
    fakes.give(end(1, 1, 9_000));
    fakes.tick(&next, 5_200).await;
    next.keep().await;
    drop(next);
    // ends since then stay settled
    let last = fakes.guard().await;
    fakes.tick(&last, 5_300).await;
    assert_eq!(fakes.state().removed.len(), 4);
    fakes.tick(&last, 9_100).await;
    assert_eq!(fakes.state().removed[4..], [key(1)]);
    fakes.check_journal();
}

/// Else the next guard would settle by earlier records, and the restore would not be declared
/// again.
#[tokio::test]
async fn a_restored_copy_is_kept_with_its_record_only() {
    let fakes = Fakes::default();
    fakes.state().seq = 40;
    fakes.give(end(1, 5, 5_000));
    let guard = fakes.guard().await;
    fakes.tick(&guard, 10).await;
    guard.keep().await;
    let before = fakes.state().kept.clone();
    fakes.state().seq = 20;
    guard.accept_restored();
    // AWS is unreachable: records have no time
    fakes.state().now = None;
    guard.tick().await;
    guard.keep().await;
    assert_eq!(fakes.state().kept, before);
    // AWS responds, but the journal fails
    fakes.state().journal_fails = Some(Effect::Before);
    fakes.tick(&guard, 20).await;
    guard.keep().await;
    assert_eq!(fakes.state().kept, before);
    fakes.state().journal_fails = None;
    guard.write_waiting().await;
    guard.keep().await;
    assert_ne!(fakes.state().kept, before);
    fakes.check_journal();
}

/// Tampering is reported immediately, not when the earlier copy is old; known ends still happen.
#[tokio::test]
async fn a_copy_that_nobody_signed_or_that_is_damaged_is_told_at_once() {
    let place = || "the file".to_owned();
    let unsigned = EndsFault::Untrusted {
        place: place(),
        fault: SignatureFault::Unsigned,
    };
    let damaged = EndsFault::Malformed {
        place: place(),
        message: "its lines are not those of its header".to_owned(),
    };
    for fault in [unsigned, damaged] {
        let fakes = Fakes::default();
        fakes.give(end(1, 1, 100));
        let guard = fakes.guard().await;
        fakes.tick(&guard, 50).await;
        fakes.state().ends_fault = Some(fault.clone());
        fakes.tick(&guard, 51).await;
        let why = fault.to_string();
        let told = Some(Blindness::NotBelieved { why });
        assert_eq!(guard.status().blindness, told);
        fakes.tick(&guard, 160).await;
        assert_eq!(fakes.state().removed, [key(1)]);
        let blind = fakes.events();
        assert_eq!(blind.iter().filter(|it| *it == "guard.blind").count(), 1);
        fakes.state().ends_fault = None;
        fakes.tick(&guard, 161).await;
        assert_eq!(guard.status().blindness, None);
    }
    // an unreadable copy is reported when the earlier one is old
    let fakes = Fakes::default();
    fakes.give(end(1, 1, 5_000));
    let guard = fakes.guard().await;
    fakes.tick(&guard, 50).await;
    fakes.state().ends_fault = Some(unreadable());
    fakes.tick(&guard, 51).await;
    assert_eq!(guard.status().blindness, None);
}

#[tokio::test]
async fn while_aws_does_not_answer_it_asks_every_few_seconds_and_then_catches_up() {
    let fakes = Fakes::default();
    for n in 1..=30 {
        fakes.give(end(n, 1, 100));
    }
    let guard = fakes.guard().await;
    let silent = CenterFault::Unreachable {
        message: "no route".to_owned(),
    };
    fakes.state().center_fault = Some(silent);
    for second in 160..460 {
        fakes.tick(&guard, second).await;
    }
    assert!(fakes.state().listings >= 70, "{}", fakes.state().listings);
    assert_eq!(guard.status().aws_silent_since, Some(at(160)));
    assert_eq!(guard.status().overdue, 30);
    fakes.state().center_fault = None;
    for second in 460..465 {
        fakes.tick(&guard, second).await;
    }
    assert_eq!(fakes.state().removed.len(), 30);
    assert_eq!(guard.status().aws_silent_since, None);
}

/// An unusable instance key is reported as such, not as an AWS outage.
#[tokio::test]
async fn an_unusable_key_is_told_as_such() {
    let fakes = Fakes::default();
    fakes.give(end(1, 1, 100));
    let guard = fakes.guard().await;
    let unusable = CenterFault::KeyUnusable {
        message: "KMS_ACCESS_DENIED".to_owned(),
    };
    fakes.state().center_fault = Some(unusable.clone());
    fakes.tick(&guard, 160).await;
    let status = guard.status();
    assert_eq!(status.aws_silent_since, None);
    assert_eq!(status.not_listed, Some(unusable.to_string()));
    fakes.state().center_fault = None;
    for second in 161..240 {
        fakes.tick(&guard, second).await;
    }
    assert_eq!(guard.status().not_listed, None);
    assert_eq!(fakes.state().removed, [key(1)]);
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_holds_up_no_end_and_is_written_later() {
    for effect in [Effect::Before, Effect::After] {
        let fakes = Fakes::default();
        fakes.give(end(1, 1, 100));
        let guard = fakes.guard().await;
        fakes.state().journal_fails = Some(effect);
        fakes.tick(&guard, 160).await;
        assert_eq!(fakes.state().removed, [key(1)]);
        assert!(guard.status().unwritten > 0);
        fakes.state().journal_fails = None;
        guard.write_waiting().await;
        assert_eq!(guard.status().unwritten, 0);
        let events = fakes.events();
        assert_eq!(events, ["guard.looked", "guard.ending", "guard.ended"]);
        fakes.check_journal();
    }
}

#[tokio::test]
async fn a_guard_that_stopped_between_removing_and_writing_says_it_when_it_starts() {
    let fakes = Fakes::default();
    fakes.give(end(1, 1, 100));
    let guard = fakes.guard().await;
    fakes.tick(&guard, 160).await;
    // stopped before recording the removal
    let last = fakes.state().records.pop().unwrap();
    assert_eq!(last.event(), "guard.ended");
    let next = fakes.guard().await;
    fakes.tick(&next, 170).await;
    assert_eq!(fakes.events().last().unwrap(), "guard.ended");
    assert_eq!(fakes.state().removed.len(), 1);
    fakes.check_journal();
}

#[tokio::test]
async fn one_of_two_guards_finds_it_gone_and_both_say_what_they_did() {
    let fakes = Fakes::default();
    fakes.give(end(1, 1, 100));
    let (first, second) = (fakes.guard().await, Fakes::default());
    fakes.state().now = Some(at(160));
    second.state().now = Some(at(160));
    // the second guard saw it, and acts after the first
    second.give(end(1, 1, 100));
    let other = second.guard().await;
    other.refresh().await;
    other.work().await;
    fakes.tick(&first, 160).await;
    second.state().present.clear();
    for seconds in [161, 170, 230] {
        second.tick(&other, seconds).await;
    }
    assert_eq!(fakes.events().last().unwrap(), "guard.ended");
    let records = &second.state().records;
    let last = records.last().unwrap();
    assert_eq!(
        (last.event(), last.text("why")),
        ("guard.ended", Some("already_absent"))
    );
    assert_eq!(removal_of(last), None, "the other one removed it");
}

#[tokio::test]
async fn a_refusal_is_told_once_and_tried_on() {
    let fakes = Fakes::default();
    fakes.give(end(1, 1, 100));
    let denied = CenterFault::Refused {
        reason: "not allowed to delete".to_owned(),
    };
    fakes.state().removal_fault = Some(denied);
    let guard = fakes.guard().await;
    for second in (160..2_000).step_by(5) {
        fakes.tick(&guard, second).await;
    }
    let told = fakes.events();
    assert_eq!(told.iter().filter(|it| *it == "guard.refused").count(), 1);
    let status = guard.status();
    assert_eq!((status.overdue, status.refused), (1, 1));
    assert!(status.alarms().iter().any(|it| it.contains("refuses")));
    fakes.state().removal_fault = None;
    for second in (2_000..2_100).step_by(5) {
        fakes.tick(&guard, second).await;
    }
    assert_eq!(fakes.state().removed, [key(1)]);
    assert_eq!(guard.status().overdue, 0);
}

#[tokio::test]
async fn a_role_that_lost_its_rights_is_known_before_it_is_needed() {
    let fakes = Fakes::default();
    fakes.give(end(1, 1, 9_000));
    let guard = fakes.guard().await;
    fakes.tick(&guard, 10).await;
    guard.probe(TimeSpan::minutes(1)).await.unwrap();
    guard.probe(TimeSpan::minutes(1)).await.unwrap();
    assert_eq!(fakes.state().listings, 1, "once a minute");
    fakes.state().now = Some(at(80));
    fakes.state().center_fault = Some(CenterFault::Refused {
        reason: "AccessDenied".to_owned(),
    });
    assert!(guard.probe(TimeSpan::minutes(1)).await.is_err());
    let alarms = guard.status().alarms();
    assert!(alarms[0].contains("AccessDenied"), "{alarms:?}");
}
