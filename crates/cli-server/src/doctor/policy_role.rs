use std::collections::BTreeSet;

use hallpass_app::chores::plans::MEMBER_ROLE;
use hallpass_app::config::Loaded;
use hallpass_org::enrolment::TRUSTED_ROLES;
use hallpass_rules::GroupRef;
use hallpass_terminal::exit::Failure;
use serde_json::{Value, json};

use super::policy_groups::{OfferedByRules, UsesRules};
use super::{chores, database, event_queue, exports, iam_policy, remediation};

/// Role that needs AWS permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum PolicyRole {
    /// The server
    Server,
    /// The guard: may list and delete, and grants nothing
    Guard,
    /// A user who ends sessions or runs drills from the command line, in addition to the server's
    /// policy
    Policies,
    /// A user who applies access as code
    Access,
    /// A user who creates accounts from a list
    Vending,
    /// A user who handles stale passwords and accounts: reads the log, and acts on people
    Pci,
    /// A user who takes snapshots with `hallpass sync`
    Sync,
    /// A user who reads insights of DevOps Guru
    Insights,
    /// A user who sets the DevOps Guru topics for insights
    Channels,
    /// A user who audits a payer account
    Payer,
    /// A user who checks the organization's readiness
    Readiness,
    /// A user who sets the administrator account of each service
    Delegation,
    /// A user who sets standards and controls of Security Hub
    Standards,
    /// A user who enrols accounts in Control Tower
    Enrolment,
    /// A user who enriches findings
    Findings,
    /// A user who lists public addresses
    PublicIps,
    /// The role in accounts that those enter by
    Accounts,
    /// A server that remediates findings, in addition to the server's policy
    Remediate,
    /// The remediation role in accounts, for the configured rules
    RemediationRole,
}

impl PolicyRole {
    /// Whether the policy is limited to offered or held groups. A guard on a separate machine has
    /// no rules.
    pub(super) fn uses_rules(self) -> UsesRules {
        match self {
            Self::Server => UsesRules::Always,
            Self::Guard => UsesRules::WhereThereAreAny,
            Self::Policies
            | Self::Access
            | Self::Vending
            | Self::Pci
            | Self::Sync
            | Self::Insights
            | Self::Channels
            | Self::Payer
            | Self::Readiness
            | Self::Delegation
            | Self::Standards
            | Self::Enrolment
            | Self::Findings
            | Self::PublicIps
            | Self::Accounts
            | Self::Remediate
            | Self::RemediationRole => UsesRules::Never,
        }
    }
}

fn chore(actions: &chores::ChoreActions, loaded: &Loaded) -> Vec<Value> {
    let partition =
        iam_policy::partition(&hallpass_app::setup::opening::aws_settings(loaded).region);
    let member_role = loaded.config.aws.member_role.as_deref();
    actions.policy(
        partition,
        member_role.unwrap_or(MEMBER_ROLE),
        &TRUSTED_ROLES,
    )
}

/// A server's configured needs other than granting and ending.
fn configured(loaded: &Loaded, region: &str, partition: &str) -> Result<Vec<Value>, Failure> {
    let mut statements = exports::statements(loaded)?;
    if loaded.event_queue()?.is_some() {
        statements.push(event_queue::statement(loaded, &event_queue::TAKES)?);
    }
    if loaded.config.access.entitlements {
        statements.extend(iam_policy::for_entitlements(partition));
    }
    let probe_role = loaded.config.access.armed_ends.probe_role.as_ref();
    statements.extend(probe_role.map(iam_policy::for_probe));
    statements.extend(database::statement(loaded, region)?);
    Ok(statements)
}

pub(super) fn policy_of(
    role: PolicyRole,
    management_account: bool,
    loaded: &Loaded,
    held: BTreeSet<GroupRef>,
) -> Result<String, Failure> {
    let OfferedByRules {
        mut groups,
        account_tags,
    } = OfferedByRules::read(role.uses_rules(), loaded)?;
    groups.extend(held);
    if role == PolicyRole::Server
        && let Some(sync) = loaded.settings().group_sync
    {
        groups.extend(sync.group_refs());
    }
    let region = hallpass_app::setup::opening::aws_settings(loaded).region;
    let uses = iam_policy::Uses::of(loaded, groups, account_tags, &region);
    let mut statements = match role {
        PolicyRole::Server => {
            iam_policy::for_server(&uses, &configured(loaded, &region, uses.partition)?)
        }
        PolicyRole::Guard => iam_policy::for_guard(&uses, &exports::for_guard(loaded)?),
        PolicyRole::Policies => iam_policy::for_policies(&uses),
        PolicyRole::Access => iam_policy::for_access(&uses),
        PolicyRole::Vending => {
            let mut others = chores::ACCOUNT_FACTORY.statements(("ReadFactory", "WriteFactory"));
            let room = ["servicequotas:GetServiceQuota"];
            others.push(iam_policy::statement("KnowRoom", &room, &json!("*")));
            iam_policy::for_vending(&uses, &others)
        }
        PolicyRole::Pci => iam_policy::for_pci(
            &uses,
            loaded.pci_log()?.as_ref(),
            iam_policy::Acting::of(loaded),
        ),
        PolicyRole::Sync => chore(&chores::SYNC, loaded),
        PolicyRole::Insights => chore(&chores::INSIGHTS, loaded),
        PolicyRole::Channels => chore(&chores::CHANNELS, loaded),
        PolicyRole::Payer => chore(&chores::PAYER, loaded),
        PolicyRole::Readiness => chore(&chores::READINESS, loaded),
        PolicyRole::Delegation => chore(&chores::DELEGATION, loaded),
        PolicyRole::Standards => chore(&chores::STANDARDS, loaded),
        PolicyRole::Enrolment => chore(&chores::ENROLMENT, loaded),
        PolicyRole::Findings => chore(&chores::FINDINGS, loaded),
        PolicyRole::PublicIps => chore(&chores::PUBLIC_IPS, loaded),
        PolicyRole::Accounts => chore(&chores::ACCOUNTS, loaded),
        PolicyRole::Remediate => remediation::for_server(loaded)?,
        PolicyRole::RemediationRole => remediation::for_role(loaded)?,
    };
    if management_account {
        let given = matches!(role, PolicyRole::Server | PolicyRole::Access);
        if !given && role != PolicyRole::Guard {
            let said = "`--management-account` is about who gives access there, or ends it";
            return Err(Failure::bad_input(said.to_owned())
                .help("use it with `--for server`, `--for guard` or `--for access`"));
        }
        statements.extend(iam_policy::in_management_account(!given, uses.partition));
    }
    let key = loaded.config.identity.encryption_key.as_deref();
    let statements = match key {
        Some(key) => iam_policy::with_key(statements, key, uses.partition),
        None => statements,
    };
    Ok(iam_policy::policy(&statements))
}
