//! `rules.toml` of `init`: careful defaults.
//!
//! Access without a rule is not requestable; sensitive accounts need approvals that no other rule
//! can skip; self-approval is impossible; every duration is bounded; no rule covers the management
//! account. Tests in the file enforce this.

use std::fmt::Write as _;

use hallpass_base::{AccountId, PermissionSetName, TimeSpan};
use hallpass_rules::{Directory, canonical_toml};

use super::answers::Answers;
use super::names::{ChosenUnit, Sensitive};
use super::rule_tests_text;
use super::toml_text::{Entry, list, quoted};

const HEAD: &str = "\
# Who may request what, who approves it, and for how long. Every key: docs/reference/rules.md
#
# - Access that no rule covers cannot be requested. A permission set created later is not offered
#   until it is added here.
# - No one approves their own request.
# - The management account is in no rule: its control is control of the organization.
#
# Check every change:  hallpass rules check rules.toml --fail-on-findings
";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Approval {
    /// Always required, whatever other rules say.
    Always,
    /// Unless another rule grants without approval.
    Usually,
    /// Never required.
    None,
}

struct Terms<'a> {
    id: &'static str,
    description: &'static str,
    comment: &'static str,
    approval: Approval,
    approvals: u32,
    longest: TimeSpan,
    sets: &'a [PermissionSetName],
}

pub(super) fn rules(
    answers: &Answers,
    management: Option<&AccountId>,
    directory: &Directory,
) -> String {
    let mut text = HEAD.to_owned();
    let management: Vec<Entry> = management
        .map(|id| Entry::named(id.to_string(), "the management account"))
        .into_iter()
        .collect();
    let every = [Entry::plain("*")];
    match &answers.sensitive {
        Sensitive::Everything => {
            begin(
                &mut text,
                &sensitive(
                    answers,
                    "every-account",
                    "Every account: an approval for everything",
                ),
            );
            list(&mut text, "accounts", &every);
            except(&mut text, "except_accounts", &management);
            finish(&mut text, answers, &sensitive(answers, "every-account", ""));
        }
        Sensitive::Places { units, accounts } => {
            if !units.is_empty() {
                let terms = sensitive(answers, "sensitive-units", "Sensitive organizational units");
                begin(&mut text, &terms);
                let named: Vec<Entry> = units.iter().map(ChosenUnit::entry).collect();
                list(&mut text, "ous", &named);
                if is_below(units, &management, directory) {
                    except(&mut text, "except_accounts", &management);
                }
                finish(&mut text, answers, &terms);
            }
            let named: Vec<Entry> = accounts
                .iter()
                .map(super::names::ChosenAccount::entry)
                .collect();
            if !accounts.is_empty() {
                let terms = sensitive(answers, "sensitive-accounts", "Sensitive accounts");
                begin(&mut text, &terms);
                list(&mut text, "accounts", &named);
                finish(&mut text, answers, &terms);
            }
            elsewhere(
                &mut text,
                answers,
                units,
                &[management.clone(), named].concat(),
            );
        }
    }
    rule_tests_text::tests(&mut text, answers, management.first());
    canonical_toml("rules.toml", &text).unwrap_or(text)
}

fn elsewhere(to: &mut String, answers: &Answers, units: &[ChosenUnit], accounts: &[Entry]) {
    let units: Vec<Entry> = units.iter().map(ChosenUnit::entry).collect();
    let everything = Terms {
        id: "elsewhere",
        description: "Accounts that are not sensitive",
        comment: "Every other account, those made tomorrow among them.",
        approval: Approval::Usually,
        approvals: 1,
        longest: answers.longest,
        sets: &answers.permission_sets,
    };
    let reading = Terms {
        id: "elsewhere-at-once",
        description: "Permission sets that need no approval where nothing is sensitive",
        comment: "Granted without approval, with an end and a record. Name only permission sets that read.",
        approval: Approval::None,
        sets: &answers.read_only,
        ..everything
    };
    for terms in [everything, reading] {
        if terms.sets.is_empty() {
            continue;
        }
        begin(to, &terms);
        list(to, "accounts", &[Entry::plain("*")]);
        except(to, "except_accounts", accounts);
        except(to, "except_ous", &units);
        finish(to, answers, &terms);
    }
}

fn sensitive<'a>(answers: &'a Answers, id: &'static str, description: &'static str) -> Terms<'a> {
    Terms {
        id,
        description,
        comment: "Every access is approved: `approval_is_not_required = false` keeps other rules from skipping that.",
        approval: Approval::Always,
        approvals: answers.approvals_sensitive,
        longest: answers.longest_sensitive,
        sets: &answers.permission_sets,
    }
}

/// Whether the management account is below a unit: excluding an absent account would cause a
/// finding.
fn is_below(units: &[ChosenUnit], management: &[Entry], directory: &Directory) -> bool {
    let above = management
        .iter()
        .filter_map(|it| it.value.parse::<AccountId>().ok())
        .filter_map(|id| directory.account(&id))
        .flat_map(|account| &account.ous);
    above
        .into_iter()
        .any(|ou| units.iter().any(|unit| unit.id == ou.id))
}

fn begin(to: &mut String, terms: &Terms<'_>) {
    let _ = write!(
        to,
        "\n# {}\n[[rule]]\nid = {}\ndescription = {}\n",
        terms.comment,
        quoted(terms.id),
        quoted(terms.description)
    );
}

fn except(to: &mut String, key: &str, entries: &[Entry]) {
    if !entries.is_empty() {
        list(to, key, entries);
    }
}

fn finish(to: &mut String, answers: &Answers, terms: &Terms<'_>) {
    let sets: Vec<Entry> = terms
        .sets
        .iter()
        .map(|it| Entry::plain(it.as_str()))
        .collect();
    list(to, "permission_sets", &sets);
    if let Some(requesters) = &answers.requesters {
        list(
            to,
            "allowed_groups",
            std::slice::from_ref(&requesters.entry),
        );
    }
    if terms.approval == Approval::None {
        to.push_str("approval_is_not_required = true\n");
    } else {
        list(
            to,
            "approver_groups",
            std::slice::from_ref(&answers.approvers.entry),
        );
        let _ = writeln!(to, "min_approvals = {}", terms.approvals);
        if terms.approval == Approval::Always {
            to.push_str("approval_is_not_required = false\n");
        }
        to.push_str("allow_self_approval = false\n");
    }
    let _ = writeln!(to, "max_duration = {}", quoted(&terms.longest.to_string()));
}
