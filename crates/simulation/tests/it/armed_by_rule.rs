//! Selects the ends to arm by configuration and rules, including existing access when they become
//! stricter.

use hallpass_access::{
    AccessError, AccessStore as _, ActionRefused, ArmedEnds, ArmedEndsMode, Extending, GrantState,
    NeverArmed, PreviewOutcome, RequestFilter, RequestOutcome,
};
use hallpass_base::TimeSpan;
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::Human::{self, Ana, Cai};

use crate::acting::{approve, asking, grant, release, run, take};
use crate::armed_bench::Bench;

/// The stricter of rule and configuration applies. Grants whose rule requires enforced expiry are
/// refused while the mode is off.
#[test]
fn a_rule_wants_more_than_the_configuration_and_never_less() {
    use ArmedEnds::{Off, Preferred, Required};
    run(async {
        for (mode, of_rule, expected) in [
            (ArmedEndsMode::Off, "", Some(Off)),
            (ArmedEndsMode::Off, "armed_ends = 'preferred'", Some(Off)),
            (ArmedEndsMode::Off, "armed_ends = 'required'", None),
            (ArmedEndsMode::ByRule, "", Some(Off)),
            (
                ArmedEndsMode::ByRule,
                "armed_ends = 'preferred'",
                Some(Preferred),
            ),
            (
                ArmedEndsMode::ByRule,
                "armed_ends = 'required'",
                Some(Required),
            ),
            (ArmedEndsMode::Preferred, "", Some(Preferred)),
            (
                ArmedEndsMode::Preferred,
                "armed_ends = 'required'",
                Some(Required),
            ),
            (
                ArmedEndsMode::Required,
                "armed_ends = 'preferred'",
                Some(Required),
            ),
        ] {
            let bench = Bench::new(mode);
            let rules = format!(
                "[[rule]]\naccounts = '*'\npermission_sets = '*'\napproval_is_not_required = true\n\
                 [[rule]]\nid = 'strict'\naccounts = '*'\npermission_sets = '*'\napprovers = ['cai@corp.example']\n{of_rule}\n"
            );
            let rules = load(&RuleFile::new("rules.toml", &rules)).unwrap().rules;
            bench.world.access.set_rules(rules, "today").await.unwrap();
            let asked = asking("ReadOnly", TimeSpan::hours(1));
            let outcome = bench
                .world
                .access
                .ask(&bench.world.actor(Ana), &asked, None)
                .await;
            let case = format!("{mode:?} and {of_rule:?}");
            match (expected, outcome) {
                (Some(armed), Ok(_)) => {
                    let [held] = &crate::acting::grants(&bench.world).await[..] else {
                        panic!("{case}: no grant");
                    };
                    assert_eq!(held.armed_ends, armed, "{case}");
                }
                (None, Err(AccessError::Refused(ActionRefused::EndNotArmed { why }))) => {
                    assert!(why.contains("access.armed_ends.mode"), "{case}: {why}");
                    assert!(
                        crate::acting::grants(&bench.world).await.is_empty(),
                        "{case}"
                    );
                }
                (expected, outcome) => panic!("{case}: {outcome:?}, expected {expected:?}"),
            }
        }
    });
}

/// Rules: any access for all users, without approval or with Cai's, with this end mode.
async fn rule(bench: &Bench, approved: &str, armed_ends: &str) {
    let text = format!(
        "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['cai@corp.example']\n{approved}\n{armed_ends}\n"
    );
    let rules = load(&RuleFile::new("rules.toml", &text)).unwrap().rules;
    bench.world.access.set_rules(rules, "today").await.unwrap();
}

const ALONE: &str = "approval_is_not_required = true";
const REQUIRED: &str = "armed_ends = 'required'";

/// Unarmed grants cannot be extended where enforced expiry is now required: refused at request,
/// approval and preview. Armed grants can be extended.
#[test]
fn what_was_given_unarmed_is_not_lengthened_where_the_end_is_required() {
    let is_refused = |outcome: &AccessError| match outcome {
        AccessError::Refused(ActionRefused::EndNotArmed { why }) => why.contains("granted before"),
        _ => false,
    };
    run(async {
        for (before, today, may) in [
            ("", "", true),
            ("", "armed_ends = 'preferred'", true),
            ("", REQUIRED, false),
            ("armed_ends = 'preferred'", REQUIRED, false),
            (REQUIRED, REQUIRED, true),
            (REQUIRED, "", true),
        ] {
            let case = format!("{before:?}, then {today:?}");
            let bench = Bench::new(ArmedEndsMode::ByRule);
            rule(&bench, ALONE, before).await;
            let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
            bench.calmly(30).await;
            let (access, ana) = (&bench.world.access, bench.world.actor(Ana));
            let longer = || Extending::by(TimeSpan::hours(2));

            rule(&bench, "", before).await;
            let RequestOutcome::Pending(waiting) =
                access.extend(&ana, id, longer(), None).await.unwrap()
            else {
                panic!("{case}: it needs approval");
            };
            rule(&bench, "", today).await;
            let ends_at = grant(&bench.world, id).await.ends_at;
            let approved = approve(&bench.world, Cai, waiting.id).await;
            assert_eq!(approved.is_ok(), may, "{case}: {approved:?}");
            assert_eq!(
                grant(&bench.world, id).await.ends_at > ends_at,
                may,
                "{case}"
            );

            if !may {
                access.discard(&ana, waiting.id, None).await.unwrap();
            }
            rule(&bench, ALONE, today).await;
            let longest = TimeSpan::hours(3);
            let wanted = asking("ReadOnly", longest).wanted;
            let shown = access.preview(&ana, &wanted).await.unwrap().unwrap();
            let shown = shown.extending(longest);
            let anew = shown_of(&bench, Ana, longest).await;
            let outcome = access.extend(&ana, id, Extending::by(longest), None).await;
            // a new request is no bypass: it would extend the existing access
            let again = access.ask(&ana, &asking("ReadOnly", longest), None).await;
            assert_eq!(again.is_ok(), may, "{case}: {again:?}");
            assert_eq!(matches!(anew, PreviewOutcome::Request(_)), may, "{case}");
            assert!(may || again.as_ref().is_err_and(is_refused), "{case}");
            if may {
                assert!(
                    matches!(shown, PreviewOutcome::Request(_)),
                    "{case}: {shown:?}"
                );
                outcome.unwrap();
            } else {
                assert!(
                    approved.as_ref().is_err_and(is_refused),
                    "{case}: {approved:?}"
                );
                assert!(
                    outcome.as_ref().is_err_and(is_refused),
                    "{case}: {outcome:?}"
                );
            }
            bench.calmly(30).await;
        }
    });
}

async fn shown_of(bench: &Bench, who: Human, duration: TimeSpan) -> PreviewOutcome {
    let (access, actor) = (&bench.world.access, bench.world.actor(who));
    let wanted = asking("ReadOnly", duration).wanted;
    let shown = access.preview(&actor, &wanted).await.unwrap().unwrap();
    shown.asking(duration)
}

/// Approvers get no request that would then be refused.
#[test]
fn what_waits_for_nothing_is_refused_when_it_is_asked_for() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Off);
        rule(&bench, "", REQUIRED).await;
        let asked = asking("ReadOnly", TimeSpan::hours(1));
        let (access, ana) = (&bench.world.access, bench.world.actor(Ana));
        let shown = access.preview(&ana, &asked.wanted).await.unwrap().unwrap();
        let shown = shown.asking(asked.duration);
        assert!(
            matches!(
                &shown,
                PreviewOutcome::NotNow(ActionRefused::EndNotArmed { .. })
            ),
            "{shown:?}"
        );
        let outcome = access.ask(&ana, &asked, None).await;
        assert!(
            matches!(
                &outcome,
                Err(AccessError::Refused(ActionRefused::EndNotArmed { .. }))
            ),
            "{outcome:?}"
        );
        let all = RequestFilter::default();
        let stored = bench.world.store.requests(&all, 10).await.unwrap();
        assert!(stored.rows.is_empty());
    });
}

#[test]
fn groups_and_what_no_policy_reaches_are_refused_where_the_end_is_required() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Required);
        let actor = bench.world.actor(Ana);
        let asked = asking("oncall", TimeSpan::hours(1));
        assert!(matches!(
            bench.world.access.ask(&actor, &asked, None).await,
            Err(AccessError::Refused(ActionRefused::EndNotArmed { .. }))
        ));
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let id = take(&bench.world, Ana, "oncall", TimeSpan::hours(1)).await;
        bench.calmly(10).await;
        assert_eq!(grant(&bench.world, id).await.state, GrantState::Active);
        bench.is_told_never_armed(id, NeverArmed::Group).await;
        release(&bench.world, Ana, id).await.unwrap();
        bench.calmly(10).await;
        assert_eq!(bench.counted_never_armed().await, 0);
        assert_eq!(bench.records("end.arm_failed").await.len(), 1);
    });
}

/// With the mode off, a rule's optional wish for enforced expiry is reported and the grant is made.
#[test]
fn what_a_rule_wants_while_the_mode_is_off_is_told() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Off);
        let id = take(&bench.world, Ana, "oncall", TimeSpan::hours(1)).await;
        assert_eq!(grant(&bench.world, id).await.never_armed, None);
        assert!(bench.records("end.arm_failed").await.is_empty());
        rule(&bench, ALONE, "armed_ends = 'preferred'").await;
        let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        bench.calmly(10).await;
        assert_eq!(grant(&bench.world, id).await.state, GrantState::Active);
        bench.is_told_never_armed(id, NeverArmed::Off).await;
    });
}
