use hallpass_base::{AccountId, TimeSpan, Timestamp};
use hallpass_rules::{Ask, PastRequest, Rules};

use crate::world::{PAYMENTS_PROD, directory, email, noon, rules};

const BASE: &str =
    "accounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com', 'cai@corp.com']";

fn rule(fields: &str) -> Rules {
    rules("rules.toml", &format!("[[rule]]\n{fields}\n"))
}

fn changes(old: &str, new: &str, starts_at: Option<&str>) -> Vec<String> {
    changes_with(None, old, new, starts_at)
}

fn changes_with(
    ticket: Option<&str>,
    old: &str,
    new: &str,
    starts_at: Option<&str>,
) -> Vec<String> {
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let who = email("ana");
    let request = PastRequest {
        requester: (&who).into(),
        ask: &Ask::Account {
            account: &account,
            permission_set: "Admin",
        },
        duration: TimeSpan::hours(1),
        reason: "OPS-12: the queue is stuck",
        ticket,
        asked_at: noon(),
        starts_at: starts_at.map(|at| at.parse::<Timestamp>().unwrap()),
    };
    let compared = rule(old).compare_with(&rule(new), &request, &directory());
    let told = compared.changes.iter();
    told.map(|change| format!("{}: {change}", change.name()))
        .collect()
}

#[test]
fn each_change_that_people_would_notice_is_told_once() {
    for (old, new, expected) in [
        ("", "", &[][..]),
        ("", "description = 'as before'\nmax_duration = '1h'", &[]),
        ("", "allow_self_approval = true", &[]),
        (
            "",
            "approval_is_not_required = true",
            &["decision: RequiresApproval → ApprovalNotRequired"],
        ),
        (
            "",
            "allowed_users = ['bo@corp.com']\nmax_duration = '5m'",
            &["decision: RequiresApproval → RequesterNotAllowed"],
        ),
        (
            "",
            "max_duration = '30m'",
            &["refused: its duration would be refused"],
        ),
        (
            "max_duration = '30m'",
            "",
            &["accepted: its duration would be accepted"],
        ),
        (
            "",
            "reason_pattern = '^CHG'",
            &["refused: its reason would be refused"],
        ),
        (
            "",
            "min_approvals = 2",
            &["approvals_needed: approvals needed 1 → 2"],
        ),
        (
            "",
            "break_glass = ['ana@corp.com']",
            &["break_glass: may break the glass"],
        ),
        (
            "break_glass = ['ana@corp.com']",
            "",
            &["break_glass: may no longer break the glass"],
        ),
    ] {
        let (old, new) = (format!("{BASE}\n{old}"), format!("{BASE}\n{new}"));
        assert_eq!(changes(&old, &new, None), expected, "{old} → {new}");
    }
    let others =
        "accounts = '*'\npermission_sets = '*'\napprovers = ['six@corp.com', 'cai@corp.com']";
    assert_eq!(
        changes(BASE, others, None),
        ["approvers: approvers +six@corp.com -bo@corp.com"]
    );
}

/// As in a request, the reason does not count as a ticket.
#[test]
fn tickets_are_judged_as_when_asking() {
    const REFUSED: &[&str] = &["refused: its ticket would be refused"];
    for (ticket, pattern, expected) in [
        (None, "OPS-[0-9]+", REFUSED),
        (None, "^$|OPS-[0-9]+", &[]),
        (Some("OPS-12"), "OPS-[0-9]+", &[]),
        (Some("OPS-12"), "CHG-[0-9]+", REFUSED),
        (Some("CHG-12"), "OPS-[0-9]+", REFUSED),
    ] {
        let new = format!("{BASE}\nticket_pattern = '{pattern}'");
        let found = changes_with(ticket, BASE, &new, None);
        assert_eq!(found, expected, "{ticket:?} {pattern}");
    }
}

fn without_hours(change: &str) -> &str {
    if change.starts_with("approval_hours") && change.contains("08:00") {
        change.split(' ').next().unwrap_or_default()
    } else {
        change
    }
}

#[test]
fn what_an_approval_wants_and_what_comes_of_it_is_compared_too() {
    for (old, new, expected) in [
        (
            "",
            "approval_hours = { from = '08:00', to = '18:00', time_zone = 'UTC' }",
            &["approval_hours:"][..],
        ),
        (
            "approval_hours = { from = '08:00', to = '18:00', time_zone = 'UTC' }",
            "",
            &["approval_hours:"],
        ),
        (
            "warning = 'Old.'",
            "warning = 'Cardholder data.'",
            &["warnings: warnings to confirm “Old.” → “Cardholder data.”"],
        ),
        (
            "",
            "fresh_sign_in = '5m'",
            &["sign_in: sign-in any → within 5m"],
        ),
        (
            "fresh_sign_in = '5m'",
            "fresh_sign_in = '5m'\nsign_in_acr = ['phr', 'mfa']",
            &["sign_in: sign-in within 5m → within 5m by mfa or phr"],
        ),
        (
            "",
            "armed_ends = 'required'",
            &["armed_ends: enforced expiry as configured → required"],
        ),
        (
            "max_duration = '4h'",
            "max_duration = '4h'\nshorten_to_max_duration = true",
            &["over_limit: would be shortened where it is too long by its approval"],
        ),
        (
            "",
            "stages = [{ name = 'owner', approvers = ['cai@corp.com'] }]",
            &["stages: stages none → owner (1 of cai@corp.com)"],
        ),
        (
            "",
            "approvers_to_notify = ['cai@corp.com']",
            &["notify: mentioned -bo@corp.com"],
        ),
        (
            "",
            "slack_channel = 'C0123456789'",
            &["slack_channel: Slack channel as configured → C0123456789"],
        ),
        (
            "fresh_sign_in = '5m'",
            "[[rule]]\nid = 'x'\naccounts = '*'\npermission_sets = '*'\nfresh_sign_in = '5m'\npermits_requests = false",
            &[],
        ),
    ] {
        let (old, new) = (format!("{BASE}\n{old}"), format!("{BASE}\n{new}"));
        let found = changes(&old, &new, None);
        let found: Vec<&str> = found.iter().map(|it| without_hours(it)).collect();
        assert_eq!(found, expected, "{old} → {new}");
    }
}

#[test]
fn a_start_that_lies_ahead_is_judged_by_its_own_hour() {
    let hours = "hours = { from = '08:00', to = '18:00', time_zone = 'UTC' }";
    let new = format!("{BASE}\n{hours}");
    let night = noon().to_string().replace("T10", "T23");
    assert_eq!(changes(BASE, &new, None), [""; 0]);
    assert_eq!(
        changes(BASE, &new, Some(&night)),
        ["decision: RequiresApproval → RequesterNotAllowed"]
    );
    let lead = format!("{BASE}\nmax_lead_time = '2h'");
    assert_eq!(
        changes(BASE, &lead, Some(&night)),
        ["refused: its start would be refused"]
    );
}
