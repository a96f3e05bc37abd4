//! Workflows and policies of Common Fate: what a plain model of them gives, and what the imported rules do.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hallpass_imports::{Imported, NoteCode, RowNote, RowOutcome, SourceFile};
use hallpass_rules::{Directory, Rules};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::answers::{Case, Given, all_moved, cases, each_world, given, loaded};
use crate::company::{ACCOUNTS, PEOPLE, PROD, SETS, WORKLOADS, directory, group_id, set_arn};
use crate::granted::{file, whole};

const UNITS: [&str; 2] = [WORKLOADS, PROD];
/// The group of everyone who can sign in.
const EVERYONE: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Request,
    Activate,
    Approve,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum If {
    Nothing,
    Approved,
    Own,
    Account(usize),
    Unit(usize),
    Role(usize),
    /// What no rule says; it may be so or not.
    Odd,
}

#[derive(Debug, Clone)]
struct Policy {
    permit: bool,
    group: Option<usize>,
    action: Action,
    when: If,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selector {
    All,
    Unit(usize),
    Account(usize),
    /// What no rule says; an account may be of it or not.
    Odd,
}

#[derive(Debug, Clone)]
struct Availability {
    set: usize,
    selector: Selector,
    minutes: u64,
    /// The one with the highest counts; of several with the same, nobody knows which.
    priority: Option<i64>,
    /// The group whose approval is a step.
    step: Option<usize>,
}

#[derive(Debug, Clone)]
struct World {
    policies: Vec<Policy>,
    availabilities: Vec<Availability>,
    members: Vec<u8>,
    as_state: bool,
}

impl World {
    fn is_in(&self, person: usize, group: usize) -> bool {
        self.members[group] >> person & 1 == 1
    }

    /// Whether somebody may do something about the request of a case. What is odd is never so for a permit, and
    /// always for a prohibition: rules must give no more than that.
    fn allowed(&self, who: usize, action: Action, case: Case, approved: bool) -> bool {
        let says = |policy: &&Policy| {
            let when = match policy.when {
                If::Nothing => true,
                If::Approved => approved,
                If::Own => who == case.person,
                If::Account(it) => it == case.account,
                If::Unit(it) => ACCOUNTS[case.account].2.contains(&UNITS[it]),
                If::Role(it) => it == case.set,
                If::Odd => !policy.permit,
            };
            policy.action == action
                && when
                && policy.group.is_none_or(|group| self.is_in(who, group))
        };
        let says: Vec<&Policy> = self.policies.iter().filter(says).collect();
        says.iter().any(|it| it.permit) && says.iter().all(|it| it.permit)
    }

    /// Each availability that may be the one that counts; nothing where there may be none.
    fn available(&self, case: Case) -> Vec<&Availability> {
        let names = |it: &&Availability, unsure: bool| {
            it.set == case.set
                && match it.selector {
                    Selector::All => true,
                    Selector::Unit(unit) => ACCOUNTS[case.account].2.contains(&UNITS[unit]),
                    Selector::Account(account) => account == case.account,
                    Selector::Odd => unsure,
                }
        };
        let priority = |it: &Availability| it.priority.unwrap_or(0);
        let surely = self.availabilities.iter().filter(|it| names(it, false));
        let Some(highest) = surely.map(priority).max() else {
            return Vec::new();
        };
        let maybe = self.availabilities.iter().filter(|it| names(it, true));
        maybe.filter(|it| priority(it) >= highest).collect()
    }

    fn approvers(&self, case: Case) -> BTreeSet<usize> {
        let others = (0..PEOPLE.len()).filter(|one| *one != case.person);
        let signed_in = others.filter(|one| self.is_in(*one, EVERYONE));
        signed_in
            .filter(|one| self.allowed(*one, Action::Approve, case, false))
            .collect()
    }

    /// Whoever may approve, and fits the step of it, by each of these.
    fn approvers_by(&self, available: &[&Availability], case: Case) -> Vec<BTreeSet<usize>> {
        let permitted = self.approvers(case);
        let fit = |it: &&Availability| {
            let step = it.step;
            let fits = |one: &&usize| step.is_none_or(|group| self.is_in(**one, group));
            permitted.iter().filter(fits).copied().collect()
        };
        available.iter().map(fit).collect()
    }

    fn cedar(&self) -> String {
        let mut text = String::new();
        for policy in &self.policies {
            let effect = if policy.permit { "permit" } else { "forbid" };
            let scope = policy.group.map_or(String::new(), |it| {
                format!(" in AWS::IDC::Group::\"{}\"", group_id(it))
            });
            let when = match policy.when {
                If::Nothing => String::new(),
                If::Approved => "resource.approved".to_owned(),
                If::Own => "principal == resource.principal".to_owned(),
                If::Account(it) => {
                    format!("resource.target == AWS::Account::\"{}\"", ACCOUNTS[it].0)
                }
                If::Unit(it) => format!("resource.target in AWS::OrgUnit::\"{}\"", UNITS[it]),
                If::Role(it) => format!(
                    "resource.role == AWS::IDC::PermissionSet::\"{}\"",
                    set_arn(it)
                ),
                If::Odd => "context.hour > 8".to_owned(),
            };
            let when = if when.is_empty() {
                when
            } else {
                format!(" when {{ {when} }}")
            };
            writeln!(
                text,
                "@advice(\"x; y\")\n{effect} (principal{scope}, action == Access::Action::\"{:?}\", resource){when};",
                policy.action
            )
            .unwrap();
        }
        text
    }

    fn when(selector: Selector) -> String {
        match selector {
            Selector::All => "true".to_owned(),
            Selector::Unit(it) => format!("resource in AWS::OrgUnit::\"{}\"", UNITS[it]),
            Selector::Account(it) => format!("resource == AWS::Account::\"{}\"", ACCOUNTS[it].0),
            Selector::Odd => "resource.tag_keys contains \"x\"".to_owned(),
        }
    }

    fn step(group: usize) -> String {
        format!("principal in AWS::IDC::Group::\"{}\"", group_id(group))
    }

    /// A file of Terraform, with references.
    fn terraform(&self) -> String {
        let mut text = format!(
            "resource \"commonfate_policyset\" \"all\" {{\n  id = \"all\"\n  text = <<EOH\n{}EOH\n}}\n",
            self.cedar()
        );
        for (place, it) in self.availabilities.iter().enumerate() {
            let priority = it.priority;
            let priority = priority.map_or(String::new(), |it| format!("  priority = {it}\n"));
            let steps = it.step.map_or(String::new(), |group| {
                format!(
                    "  approval_steps = [{{ name = \"s\", when = <<EOF\n  {}\nEOF\n }}]\n",
                    Self::step(group)
                )
            });
            write!(
                text,
                "resource \"commonfate_access_workflow\" \"w{place}\" {{\n  name = \"w{place}\"\n  access_duration_seconds = {} * 60\n{priority}{steps}}}\n\
                 resource \"commonfate_aws_account_selector\" \"s{place}\" {{\n  id = \"s{place}\"\n  aws_organization_id = \"o-1\"\n  when = <<EOF\n{}\nEOF\n}}\n\
                 resource \"commonfate_aws_idc_account_availabilities\" \"a{place}\" {{\n  workflow_id = commonfate_access_workflow.w{place}.id\n  \
                 aws_permission_set_arn = \"{}\"\n  aws_account_selector_id = commonfate_aws_account_selector.s{place}.id\n  aws_identity_store_id = \"d-1\"\n}}\n",
                it.minutes, Self::when(it.selector), set_arn(it.set)
            )
            .unwrap();
        }
        text
    }

    /// A state, with ids.
    fn state(&self) -> String {
        let resource = |kind: &str, name: String, values: Value| json!({"mode": "managed", "type": kind, "name": name, "values": values});
        let mut resources = vec![resource(
            "commonfate_policyset",
            "all".to_owned(),
            json!({"id": "all", "text": self.cedar()}),
        )];
        for (place, it) in self.availabilities.iter().enumerate() {
            let steps = it
                .step
                .map(|group| json!([{"name": "s", "when": Self::step(group)}]));
            resources.push(resource("commonfate_access_workflow", format!("w{place}"), json!({
                "id": format!("wkf_{place}"), "name": "w", "access_duration_seconds": it.minutes * 60, "approval_steps": steps, "priority": it.priority})));
            resources.push(resource(
                "commonfate_aws_account_selector",
                format!("s{place}"),
                json!({"id": format!("sel_{place}"), "when": Self::when(it.selector)}),
            ));
            resources.push(resource("commonfate_aws_idc_account_availabilities", format!("a{place}"), json!({
                "workflow_id": format!("wkf_{place}"), "aws_account_selector_id": format!("sel_{place}"), "aws_permission_set_arn": set_arn(it.set)})));
        }
        json!({"format_version": "1.0", "values": {"root_module": {"resources": [], "child_modules": [{"resources": resources}]}}}).to_string()
    }
}

fn conditions() -> impl Strategy<Value = If> {
    prop_oneof![
        8 => Just(If::Nothing),
        2 => Just(If::Approved),
        1 => Just(If::Own),
        2 => (0..ACCOUNTS.len()).prop_map(If::Account),
        3 => (0..UNITS.len()).prop_map(If::Unit),
        2 => (0..SETS.len()).prop_map(If::Role),
        1 => Just(If::Odd),
    ]
}

prop_compose! {
    fn a_policy()(
        permit in prop::bool::weighted(0.85),
        group in prop::option::weighted(0.6, 0..2_usize),
        action in prop::sample::select(vec![Action::Request, Action::Activate, Action::Approve]),
        when in conditions(),
    ) -> Policy {
        Policy { permit, group, action, when }
    }
}

prop_compose! {
    fn an_availability()(
        set in 0..SETS.len(),
        selector in prop_oneof![
            Just(Selector::All),
            (0..UNITS.len()).prop_map(Selector::Unit),
            (0..ACCOUNTS.len()).prop_map(Selector::Account),
            Just(Selector::Odd),
        ],
        priority in prop_oneof![2 => Just(None), 3 => (0..3_i64).prop_map(Some)],
        minutes in prop::sample::select(vec![30_u64, 60, 480]),
        step in prop::option::weighted(0.2, 0..2_usize),
    ) -> Availability {
        Availability { set, selector, minutes, priority, step }
    }
}

prop_compose! {
    fn worlds()(
        mut policies in prop::collection::vec(a_policy(), 0..5),
        base in prop::collection::vec(prop::bool::weighted(0.8), 4),
        availabilities in prop::collection::vec(an_availability(), 1..4),
        mut members in prop::collection::vec(0_u8..16, 3),
        as_state in any::<bool>(),
    ) -> World {
        // everyone is in the group of everyone
        members[EVERYONE] = 15;
        let policy = |permit, action, when| Policy { permit, group: None, action, when };
        let all = [
            policy(true, Action::Request, If::Nothing),
            policy(true, Action::Activate, If::Approved),
            policy(false, Action::Approve, If::Own),
            policy(true, Action::Approve, If::Nothing),
        ];
        policies.extend(all.into_iter().zip(base).filter(|(_, is)| *is).map(|(it, _)| it));
        World { policies, availabilities, members, as_state }
    }
}

/// Compares what the rules of a world give in a case with what Common Fate does there: no more, and where it is less
/// some row tells it.
fn compare_case(
    world: &World,
    import: &Imported,
    rules: &Rules,
    facts: &Directory,
    case: Case,
    met: &mut crate::answers::Met,
) {
    let all_moved = import
        .report
        .rows
        .iter()
        .all(|row| row.outcome == RowOutcome::Moved);
    let at = || {
        format!(
            "{case:?} {:?}\n{}\n{}",
            import.report.rows,
            world.cedar(),
            import.text
        )
    };
    let available = world.available(case);
    // whichever of them counts, rules give no more than by that one
    let shortest = available.iter().map(|it| it.minutes * 60).min();
    let asks = shortest.is_some() && world.allowed(case.person, Action::Request, case, false);
    let has_no_steps = |it: &&&Availability| it.step.is_none();
    let at_once = asks
        && world.allowed(case.person, Action::Activate, case, false)
        && available.iter().any(|it| has_no_steps(&it));
    let begins = asks && world.allowed(case.person, Action::Activate, case, true);
    let by_each = world.approvers_by(&available, case);
    let approvers: BTreeSet<usize> = by_each.iter().flatten().copied().collect();
    let ours = given(rules, facts, case);
    match &ours {
        Given::Nothing => met[0] += 1,
        Given::AtOnce { seconds } => {
            met[1] += 1;
            assert!(at_once && Some(*seconds) <= shortest, "{}", at());
            assert!(available.iter().all(|it| has_no_steps(&it)), "{}", at());
        }
        Given::Approved { seconds, enough } => {
            met[2] += 1;
            assert!(begins && Some(*seconds) <= shortest, "{}", at());
            let suffices =
                |group: &BTreeSet<usize>| by_each.iter().all(|it| !group.is_disjoint(it));
            assert!(
                enough.iter().all(suffices),
                "{enough:?} {by_each:?} {}",
                at()
            );
        }
    }
    let theirs_more = match ours {
        Given::Nothing => at_once || begins && !approvers.is_empty(),
        Given::AtOnce { .. } => false,
        Given::Approved { enough, .. } => {
            at_once
                || approvers
                    .iter()
                    .any(|one| !enough.contains(&BTreeSet::from([*one])))
        }
    };
    if theirs_more {
        met[3] += 1;
        assert!(!all_moved, "{}", at());
    }
}

#[test]
fn imported_workflows_give_no_more_and_tell_what_is_less() {
    let met = each_world(400, &worlds(), |world, met| {
        let facts = directory(&world.members);
        let source = if world.as_state {
            file("state.json", &world.state())
        } else {
            file("main.tf", &world.terraform())
        };
        let names = format!("[everyone]\ngroups = [\"{}\"]\n", group_id(EVERYONE));
        let import = whole(&[source], &names, &facts);
        let rules = loaded(&import);
        let all_moved = all_moved(&import);
        met[4] += u32::from(all_moved);
        for case in cases() {
            compare_case(&world, &import, &rules, &facts, case, met);
        }
    });
    assert!(met.iter().all(|count| *count > 20), "{met:?}");
}

pub(crate) const RUN: &str = r#"
module "vpc" {
  source = "./vpc"
}
resource "commonfate_access_workflow" "w" {
  name                     = "w"
  access_duration_seconds  = 60 * 60
  default_duration_seconds = 30 * 60
  validation = {
    has_reason = true
    reason_regex = [
      { regex_pattern = ".{20}", error_message = "twenty characters" },
      { regex_pattern = "CF-\\d+", error_message = "a ticket" },
    ]
  }
}
resource "commonfate_aws_account_selector" "s" {
  id   = "s"
  when = "resource.tag_keys contains \"production\""
}
resource "commonfate_aws_account_selector" "t" {
  id   = "t"
  when = "resource == AWS::Account::\"100000000001\" || resource in AWS::OrgUnit::\"ou-ab12-prodprod\""
}
resource "commonfate_aws_idc_account_availabilities" "s" {
  workflow_id             = commonfate_access_workflow.w.id
  aws_permission_set_arn  = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000"
  aws_account_selector_id = commonfate_aws_account_selector.s.id
}
resource "commonfate_aws_idc_account_availabilities" "t" {
  workflow_id             = commonfate_access_workflow.w.id
  aws_permission_set_arn  = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000"
  aws_account_selector_id = "t"
}
resource "commonfate_gcp_project_availabilities" "g" {
  workflow_id = commonfate_access_workflow.w.id
}
resource "commonfate_slack_integration" "slack" {}
resource "commonfate_policyset" "p" {
  id   = "p"
  text = <<EOH
permit (principal in Okta::Group::"00g1", action == Access::Action::"Request", resource);
permit (principal in PagerDuty::OnCall::"P1", action == Access::Action::"Activate", resource);
permit (principal, action == Access::Action::"Activate", resource) when { resource.approved };
permit (principal == CF::User::"usr_1", action == Access::Action::"Approve", resource);
permit (principal, action == Access::Action::"Close", resource);
EOH
}
"#;

#[test]
fn each_resource_has_a_row() {
    let facts = directory(&[1, 2, 15]);
    let import = whole(
        &[file("main.tf", RUN)],
        "[groups]\n00g1 = \"eng\"\n[users]\nusr_1 = \"bo@acme.example\"\n",
        &facts,
    );
    let rows: Vec<String> = import
        .report
        .rows
        .iter()
        .map(|row| format!("{} {} {:?}", row.table, row.id, row.outcome))
        .collect();
    assert_eq!(
        rows,
        [
            "workflow commonfate_access_workflow.w Differs",
            "selector commonfate_aws_account_selector.s CannotBeSaid",
            "selector commonfate_aws_account_selector.t Moved",
            "availability commonfate_gcp_project_availabilities.g CannotBeSaid",
            "resource commonfate_slack_integration.slack Moved",
            "policy p:1 Moved",
            "policy p:2 CannotBeSaid",
            "policy p:3 Moved",
            "policy p:4 Moved",
            "policy p:5 Differs",
            "availability commonfate_aws_idc_account_availabilities.s CannotBeSaid",
            "availability commonfate_aws_idc_account_availabilities.t Differs",
            "approvers 1 Moved",
            "module vpc CannotBeSaid",
        ]
    );
    for wanted in [
        "reason_pattern = \"CF-\\\\d+\"",
        "reason_pattern = \".{20}\"",
        // a rule for the other pattern means nobody but those who may ask
        "permits_requests = false\nallowed_groups = [\n  \"eng\",\n]",
        "max_duration = \"1h\"",
        "\"eng\"",
        "\"bo@acme.example\"",
    ] {
        assert!(import.text.contains(wanted), "{wanted}\n{}", import.text);
    }
    loaded(&import);
    let without = whole(&[file("main.tf", RUN)], "", &facts);
    assert_eq!(without.report.rules, 0, "{}", without.text);
    let unnamed: Vec<String> = without
        .report
        .unnamed
        .iter()
        .map(|it| format!("{} {}", it.table, it.id))
        .collect();
    assert_eq!(unnamed, ["groups 00g1", "users usr_1"]);
}

/// The first pattern stands in the rule by which people ask, and the second in one of its own: where no rule has the second,
/// nobody asks by the first.
#[test]
fn a_row_of_which_one_rule_does_not_load_has_none() {
    let facts = directory(&[1, 2, 15]);
    let names = "[groups]\n00g1 = \"eng\"\n[users]\nusr_1 = \"bo@acme.example\"\n";
    for (pattern, gives) in [
        (r"^CHG-\\d+$", true),
        // Go takes what is between `\Q` and `\E` as it is written, and rules have no such thing
        (r"^\\Q[CHG]\\E", false),
    ] {
        let text = RUN.replace(r#""CF-\\d+""#, &format!("\"{pattern}\""));
        assert_ne!(text, RUN);
        let import = whole(&[file("main.tf", &text)], names, &facts);
        let id = "commonfate_aws_idc_account_availabilities.t";
        let row = import.report.rows.iter().find(|row| row.id == id).unwrap();
        let asks = import.text.contains("granted-t") || import.text.contains("granted-reason");
        assert_eq!(asks, gives, "{pattern}\n{}", import.text);
        assert_eq!(row.rules.is_empty(), !gives, "{pattern}: {:?}", row.rules);
        let is_told = row.notes.iter().any(|note| {
            note.code() == NoteCode::NotSaid && note.to_string().contains("no rule can say it")
        });
        assert_eq!(is_told, !gives, "{pattern}: {:?}", row.notes);
        loaded(&import);
    }
}

/// What a module forbids is in its files: without them nobody knows that it forbids nothing.
#[test]
fn a_module_may_forbid_what_rules_permit_unless_its_files_are_given() {
    let facts = directory(&[1, 2, 15]);
    let names = "[groups]\n00g1 = \"eng\"\n[users]\nusr_1 = \"bo@acme.example\"\n";
    let outcome = |files: &[SourceFile]| {
        let import = whole(files, names, &facts);
        let modules = import
            .report
            .rows
            .iter()
            .filter(|row| row.table == "module");
        let outcomes: Vec<RowOutcome> = modules.map(|row| row.outcome).collect();
        (outcomes, import.report.rules > 0)
    };
    let main = || file("infra/main.tf", RUN);
    let (unsaid, differs) = (vec![RowOutcome::CannotBeSaid], vec![RowOutcome::Differs]);
    assert_eq!(outcome(&[main()]), (unsaid.clone(), true));
    let slack = "resource \"commonfate_slack_integration\" \"x\" {}\n";
    for (name, wanted) in [
        ("infra/vpc/main.tf", &differs),
        ("./infra/vpc/policies.tf", &differs),
        ("vpc/main.tf", &unsaid),
        ("infra/vpc/below/main.tf", &unsaid),
        ("infra/other.tf", &unsaid),
    ] {
        let found = outcome(&[main(), file(name, slack)]);
        assert_eq!(found, (wanted.clone(), true), "{name}");
    }
    for source in ["git::https://example.com/vpc.git", "${var.where}"] {
        let text = RUN.replace("./vpc", source);
        let given = file("infra/vpc/main.tf", slack);
        let found = outcome(&[file("infra/main.tf", &text), given]);
        assert_eq!(found, (unsaid.clone(), true), "{source}");
    }
    // where nobody may ask for anything, nothing is to be forbidden
    let alone = format!("module \"vpc\" {{\n  source = \"./vpc\"\n}}\n{slack}");
    assert_eq!(outcome(&[file("main.tf", &alone)]), (differs, false));
}

/// Whom a policy forbids something, the rules leave out of it.
#[test]
fn a_prohibition_for_people_is_an_exclusion() {
    let facts = directory(&[1, 2, 15]);
    for (policy, wanted) in [
        (
            r#"forbid (principal in Okta::Group::"00g1", action == Access::Action::"Request", resource);"#,
            "except_requester_groups = [\n  \"eng\",\n]",
        ),
        (
            r#"forbid (principal == CF::User::"usr_1", action == Access::Action::"Activate", resource);"#,
            "except_requesters = [\n  \"bo@acme.example\",\n]",
        ),
        (
            r#"forbid (principal, action == Access::Action::"Approve", resource) when { principal.email == "cai@acme.example" };"#,
            "except_approvers = [\n  \"cai@acme.example\",\n]",
        ),
        (
            r#"forbid (principal in Okta::Group::"00g1", action == Access::Action::"Approve", resource);"#,
            "except_approver_groups = [\n  \"eng\",\n]",
        ),
        (
            r#"forbid (principal, action == Access::Action::"Request", resource is AWS::IDC::AccountGrant) when { resource.target in [AWS::Account::"100000000002"] };"#,
            "except_accounts = [\n  \"100000000002\",\n]",
        ),
    ] {
        let text = RUN.replace("EOH\n}", &format!("{policy}\nEOH\n}}"));
        let names = "[groups]\n00g1 = \"eng\"\n[users]\nusr_1 = \"bo@acme.example\"\n";
        let import = whole(&[file("main.tf", &text)], names, &facts);
        assert!(import.report.rules > 0, "{policy}");
        assert!(import.text.contains(wanted), "{policy}\n{}", import.text);
    }
}

#[test]
fn a_prohibition_that_no_rule_says_leaves_nothing() {
    let facts = directory(&[1, 2, 15]);
    for policy in [
        r#"forbid (principal in Okta::Group::"00g9", action == Access::Action::"Request", resource);"#,
        r#"forbid (principal in Okta::Group::"00g1", action == Access::Action::"Request", resource) when { resource.role == AWS::IDC::PermissionSet::"x" };"#,
        r"forbid (principal, action, resource) unless { context.mfa };",
        r#"forbid (principal, action == Access::Action::"NewDeed", resource);"#,
        r#"forbid (principal, action == Access::Action::"Activate", resource) when { resource.approved };"#,
        r#"permit (principal, action == Access::Action::"Request", resource) when { "a\"b" == "c" };"#,
        r#"forbid (principal, action == Access::Action::"Request", resource) when { resource.role == AWS::IDC::PermissionSet::"ps-0000000000000000" };"#,
        r#"forbid (principal, action == Access::Action::"Request", resource) when { resource.target in AWS::OrgUnit::"r-ab12" };"#,
        r#"forbid (principal, action == Access::Action::"Request", resource is Other::Grant);"#,
    ] {
        let text = RUN.replace("EOH\n}", &format!("{policy}\nEOH\n}}"));
        let import = whole(
            &[file("main.tf", &text)],
            "[groups]\n00g1 = \"eng\"\n[users]\nusr_1 = \"bo@acme.example\"\n",
            &facts,
        );
        assert_eq!(import.report.rules, 0, "{policy}\n{}", import.text);
        let notes = import.report.rows.iter().flat_map(|row| &row.notes);
        assert!(
            notes
                .filter(|note| note.code() == NoteCode::NotSaid)
                .any(|note| note.to_string().contains("forbid")),
            "{policy}"
        );
    }
}

/// An action that is not known may be any of them: to permit it gives nothing, whatever it is, and what stands beside it
/// gives what it says alone.
#[test]
fn a_permission_of_an_unknown_action_gives_nothing() {
    let facts = directory(&[1, 2, 15]);
    let names = "[groups]\n00g1 = \"eng\"\n00g2 = \"prod-approvers\"\n[users]\nusr_1 = \"bo@acme.example\"\n";
    let of = |policy: &str| {
        let text = RUN.replace("EOH\n}", &format!("{policy}\nEOH\n}}"));
        let import = whole(&[file("main.tf", &text)], names, &facts);
        loaded(&import);
        let row = import.report.rows.iter().find(|row| row.id == "p:6");
        let row = row.map(|row| (row.outcome, row.notes.first().map(RowNote::code)));
        (import.text, row)
    };
    let (without, _) = of("");
    for (actions, wanted) in [
        (
            "== Access::Action::\"ForceClose\"",
            (RowOutcome::Differs, NoteCode::Elsewhere),
        ),
        (
            "== Access::Action::\"NewDeed\"",
            (RowOutcome::CannotBeSaid, NoteCode::NotSaid),
        ),
        (
            "in [Access::Action::\"NewDeed\", Access::Action::\"Close\"]",
            (RowOutcome::CannotBeSaid, NoteCode::NotSaid),
        ),
    ] {
        let (text, row) = of(&format!(
            "permit (principal in Okta::Group::\"00g2\", action {actions}, resource);"
        ));
        assert_eq!(row, Some((wanted.0, Some(wanted.1))), "{actions}");
        assert_eq!(text, without, "{actions}");
    }
    let known = |actions: &str| {
        of(&format!(
            "permit (principal in Okta::Group::\"00g2\", action in [{actions}], resource);"
        ))
    };
    let (alone, _) = known("Access::Action::\"Approve\"");
    let (beside, row) = known("Access::Action::\"Approve\", Access::Action::\"NewDeed\"");
    assert_ne!(alone, without);
    assert_eq!(beside, alone);
    assert_eq!(row, Some((RowOutcome::Differs, Some(NoteCode::Narrower))));
    // to forbid what only ends access forbids nothing that rules give
    let (forbidden, row) =
        of(r#"forbid (principal, action == Access::Action::"ForceClose", resource);"#);
    assert_eq!(row, Some((RowOutcome::Differs, Some(NoteCode::Elsewhere))));
    assert_eq!(forbidden, without);
}

#[test]
fn what_only_terraform_counts_or_two_files_name_gives_nothing() {
    let facts = directory(&[1, 2, 15]);
    let names = "[groups]\n00g1 = \"eng\"\n[users]\nusr_1 = \"bo@acme.example\"\n";
    let rules_of = |files: &[SourceFile]| whole(files, names, &facts).report.rules;
    assert!(rules_of(&[file("main.tf", RUN)]) > 0);
    for kind in [
        "commonfate_access_workflow\" \"w\" {",
        "commonfate_aws_account_selector\" \"t\" {",
        "commonfate_aws_idc_account_availabilities\" \"t\" {",
        "commonfate_policyset\" \"p\" {",
    ] {
        for more in ["count = var.on ? 1 : 0", "count = 0", "for_each = var.all"] {
            let text = RUN.replace(kind, &format!("{kind}\n  {more}"));
            let import = whole(&[file("main.tf", &text)], names, &facts);
            let asked = import.text.contains("allowed_groups");
            assert!(text != RUN && !asked, "{kind} {more}\n{}", import.text);
        }
        let text = RUN.replace(
            kind,
            &format!("{kind}\n  count = 1\n  depends_on = [other.thing]"),
        );
        let import = whole(&[file("main.tf", &text)], names, &facts);
        assert!(
            import.text.contains("allowed_groups"),
            "{kind}\n{}",
            import.text
        );
    }
    // the same address in two files is two things
    let more =
        "resource \"commonfate_access_workflow\" \"w\" {\n  access_duration_seconds = 36000\n}\n";
    assert_eq!(
        rules_of(&[file("main.tf", RUN), file("other.tf", more)]),
        1,
        "who approves, and nothing to ask for"
    );
}

/// An older form: a policy that names a permission set by its name, where a prohibition has its ARN.
#[test]
fn a_permission_set_that_is_forbidden_is_so_by_whatever_id() {
    let facts = directory(&[1, 2, 15]);
    let policy = "resource \"commonfate_aws_jit_policy\" \"j\" {\n  role = \"admin-role\"\n  duration = \"2h\"\n  priority = 1\n  \
                  match_account_ids = [\"100000000001\"]\n}\n";
    let forbid = format!(
        r#"forbid (principal, action == Access::Action::"Request", resource) when {{ resource.role == AWS::IDC::PermissionSet::"{}" }};"#,
        set_arn(0)
    );
    let names = "[groups]\n00g1 = \"eng\"\n[users]\nusr_1 = \"bo@acme.example\"\n[permission_sets]\nadmin-role = \"Admin\"\n";
    let asked = |text: &str| {
        let import = whole(&[file("main.tf", text)], names, &facts);
        import.text.contains("granted-j")
    };
    let text = format!("{policy}{RUN}");
    assert!(asked(&text));
    assert!(!asked(
        &text.replace("EOH\n}", &format!("{forbid}\nEOH\n}}"))
    ));
    let wild = text.replace("[\"100000000001\"]", "[\"*\"]");
    assert!(!asked(&wild), "accounts are ids");
}
