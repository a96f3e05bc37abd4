//! Checks for an organization to be acquired: losses, and reviews.

use hallpass_plans::{CheckOutcome, CheckResult, CheckSeverity};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::facts::{BillFacts, FoundationFacts, LeavingFacts, ReviewedLens, ReviewedWorkload};
use super::question::{ORGANIZATION, ReadinessQuestion, check, nothing_of, warning};
use crate::judging::{judged, unknown, verdict};

/// Older reviews are a warning.
const REVIEW_WARN_MONTHS: i64 = 6;
/// Older reviews are an error.
const REVIEW_FAIL_MONTHS: i64 = 12;

pub(super) fn leaving_checks(
    facts: &LeavingFacts,
    foundation: &FoundationFacts,
    question: &ReadinessQuestion,
) -> Vec<CheckResult> {
    let mut checks = what_ends(facts);
    for (account, member) in &foundation.members {
        checks.push(warning(check(
            (
                "organization-shares",
                "nothing is shared with the whole organization",
            ),
            account.as_str(),
            judged(member.shares.as_ref(), |found| {
                let rows = found.iter().map(ToString::to_string);
                nothing_of(&rows.collect::<Vec<_>>())
            }),
            "share it with accounts by their ids: shares with the organization end for who leaves it",
        )));
    }
    checks.extend(workloads(facts, question.today));
    checks.push(question.manual(
        "stands-alone",
        "every account has its own payment data and contacts",
        "payment data are shown to people only, and an account needs them to leave; not where it accepts the invitation of another \
         organization while it is a member (AWS: direct account transfers); `foreign-invitations` lists the open ones",
    ));
    checks.push(question.manual(
        "organization-conditions",
        "policies with `aws:PrincipalOrgID` or `aws:PrincipalOrgPaths` are known",
        "no API reads resource policies of all services; IAM's are in `hallpass query` after `hallpass sync`",
    ));
    checks
}

/// Billing relations to other organizations, existing or requested (AWS: "Transfer billing
/// management to external accounts").
fn bill(facts: &LeavingFacts) -> CheckResult {
    let outcome = judged(facts.bill.as_ref(), |found: &BillFacts| {
        let standing = found.transfers.iter().map(|it| {
            let words = match it.direction {
                "inbound" => format!("the organization pays for that of {}", it.other),
                _ => format!("{} pays for the organization", it.other),
            };
            let until = it.end.as_deref().unwrap_or("it is withdrawn");
            format!("{words} from {} until {until}", it.start)
        });
        let asked = found.invitations.iter().map(|it| {
            let between = it.parties.join(" and ");
            format!(
                "invitation {} to transfer the bill between {between}, open until {}",
                it.id, it.expires
            )
        });
        nothing_of(&standing.chain(asked).collect::<Vec<_>>())
    });
    warning(check(
        (
            "billing-transfer",
            "no other organization pays the bill, and none is paid for",
        ),
        ORGANIZATION,
        outcome,
        "agree on who pays from which month on: while one is open or under way AWS refuses another and does not delete the \
         organization; either side withdraws it in Billing, with the end of a month",
    ))
}

/// Losses and required removals when accounts leave.
fn what_ends(facts: &LeavingFacts) -> Vec<CheckResult> {
    let commitments = judged(facts.commitments.as_ref(), |found| {
        let rows = found.iter();
        let rows = rows.map(|it| format!("{} {} of {}", it.kind, it.id, it.account));
        nothing_of(&rows.collect::<Vec<_>>())
    });
    let delegated = judged(facts.delegated.as_ref(), |found| {
        let rows = found.iter();
        let rows = rows.map(|(account, services)| format!("{account}: {}", services.join(" ")));
        nothing_of(&rows.collect::<Vec<_>>())
    });
    let sets = judged(facts.permission_sets.as_ref(), |found| match found {
        None | Some(0) => CheckOutcome::Pass("none".to_owned()),
        Some(count) => CheckOutcome::Fail(format!("{count} permission sets")),
    });
    vec![
        bill(facts),
        CheckResult {
            severity: CheckSeverity::Info,
            ..check(
                ("commitments", "nothing is paid ahead for a while"),
                ORGANIZATION,
                commitments,
                "agree on who keeps them: they go or end with the account that owns them",
            )
        },
        warning(check(
            (
                "delegated-administrators",
                "no account administers a service for all",
            ),
            ORGANIZATION,
            delegated,
            "deregister them before the account leaves: it cannot leave else",
        )),
        CheckResult {
            severity: CheckSeverity::Info,
            ..check(
                (
                    "identity-center",
                    "no access through Identity Center is lost",
                ),
                ORGANIZATION,
                sets,
                "`hallpass who --output csv` lists it: assignments end when an account leaves",
            )
        },
    ]
}

fn workloads(facts: &LeavingFacts, today: Date) -> Vec<CheckResult> {
    let all = match facts.workloads.as_ref() {
        Ok(all) if !all.is_empty() => all,
        found => {
            let none = |_: &Vec<ReviewedWorkload>| CheckOutcome::Unknown {
                action: "wellarchitected:ListWorkloads".to_owned(),
                reason: "there is no workload in the tool".to_owned(),
            };
            return vec![check(
                ("workloads-reviewed", "workloads are reviewed"),
                ORGANIZATION,
                judged(found, none),
                "define the workloads in the AWS Well-Architected Tool and review them",
            )];
        }
    };
    all.iter().flat_map(|it| of_workload(it, today)).collect()
}

fn reviewed(
    (id, title): (&str, &str),
    target: &str,
    updated: Option<Timestamp>,
    today: Date,
) -> CheckResult {
    let day = updated.map(|it| it.to_zoned(TimeZone::UTC).date());
    let before = |months: i64| {
        let limit = today.saturating_sub(jiff::Span::new().months(months));
        day.is_none_or(|it| it < limit)
    };
    let seen = day.map_or_else(|| "no answer yet".to_owned(), |it| format!("last on {it}"));
    let reviewed = check(
        (id, title),
        target,
        verdict(!before(REVIEW_WARN_MONTHS), seen),
        "review it in the AWS Well-Architected Tool",
    );
    if before(REVIEW_FAIL_MONTHS) {
        reviewed
    } else {
        warning(reviewed)
    }
}

fn of_workload(workload: &ReviewedWorkload, today: Date) -> Vec<CheckResult> {
    let target = format!("{}/{}", workload.owner, workload.name);
    let milestone = judged(workload.milestones.as_ref(), |count| {
        verdict(*count > 0, format!("{count} milestones"))
    });
    let mut checks = vec![
        reviewed(
            (
                "workload-reviewed",
                "the workload was reviewed in the last months",
            ),
            &target,
            workload.updated,
            today,
        ),
        warning(check(
            ("workload-milestone", "the state of a review is kept"),
            &target,
            milestone,
            "save a milestone",
        )),
    ];
    match &workload.lenses {
        Ok(lenses) => checks.extend(lenses.iter().flat_map(|it| of_lens(it, &target, today))),
        Err(unread) => checks.push(warning(check(
            ("workload-risks", "no high risk is open"),
            &target,
            unknown(unread),
            "let it list the lenses of the workload",
        ))),
    }
    checks
}

/// Per lens: a recent review of one covers no other.
fn of_lens(lens: &ReviewedLens, workload: &str, today: Date) -> [CheckResult; 2] {
    let target = format!("{workload}/{}", lens.alias);
    let risks = judged(lens.high_risks.as_ref(), |found| {
        let rows = found
            .iter()
            .map(|(pillar, count)| format!("{pillar} {count}"));
        nothing_of(&rows.collect::<Vec<_>>())
    });
    [
        reviewed(
            (
                "lens-reviewed",
                "the workload was reviewed through the lens in the last months",
            ),
            &target,
            lens.updated,
            today,
        ),
        warning(check(
            ("workload-risks", "no high risk is open"),
            &target,
            risks,
            "work on them, or write down who carries them",
        )),
    ]
}
