//! One side of an organization boundary, as one Deny (`policies.md` §7).

use super::address::{AddressKind, AddressRange, HostBits};
use super::checked::{Generated, Unprintable, checked};
use super::ids::{IdKind, Lengths, Partition, RoleArn};
use super::{DraftStatement, Many};
use crate::facts;
use crate::input::BadInput;
use crate::language::{Effect, PolicyType};

pub const SID: &str = "DenyOutsideBoundary";

/// The end of a call that must be inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Trusted resources: our principals reach only ours.
    Resource,
    /// Trusted identities: only our principals reach our resources.
    Identity,
    /// Expected networks: calls come only from these.
    Network,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerimeterScope {
    Account,
    Unit,
    Organization,
}

#[derive(Debug, Clone, Copy)]
pub enum Bounds<'a> {
    /// At least one.
    Ids(&'a [String]),
    /// Owner of the call's other end (`--dynamic`).
    OfTheCaller,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    Scp,
    Rcp,
    Identity,
    ResourcePolicy,
}

impl Attachment {
    fn kind(self) -> PolicyType {
        match self {
            Self::Scp => PolicyType::Scp,
            Self::Rcp => PolicyType::Rcp,
            Self::Identity => PolicyType::Identity,
            Self::ResourcePolicy => PolicyType::Resource,
        }
    }

    fn is_on_resources(self) -> bool {
        match self {
            Self::Rcp | Self::ResourcePolicy => true,
            Self::Scp | Self::Identity => false,
        }
    }
}

/// Effect on a call without the boundary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Deny,
    Allow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Services {
    Exempt,
    /// Not exempt (`--no-service-exempt`).
    Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objects {
    /// Objects, not their buckets.
    Only,
    /// All resources of the actions.
    AndTheRest,
}

#[derive(Debug, Clone, Copy)]
pub struct PerimeterSpec<'a> {
    pub side: Side,
    /// None for the network side.
    pub scope: Option<PerimeterScope>,
    /// Inside; on the network side addresses, ranges and VPCs.
    pub bounds: Bounds<'a>,
    pub attachment: Attachment,
    /// Example: `s3:*`.
    pub actions: &'a [String],
    pub objects: Objects,
    /// ARNs, with wildcards.
    pub exempt_roles: &'a [String],
    pub exempt_accounts: &'a [String],
    pub missing: Missing,
    pub services: Services,
    pub partition: Partition,
    pub lengths: Lengths,
}

/// # Errors
/// `E_SIDE_TYPE` if the policy type cannot enforce the side; `E_ID`, `E_PATH_SLASH`, `E_ARN` for
/// malformed input; `E_ACTION`, `E_RCP_SERVICE` for actions; `E_ARG` for missing or conflicting
/// options; `E_SIZE` if too long.
pub fn perimeter(wish: &PerimeterSpec<'_>) -> Result<Generated, Unprintable> {
    check_side(wish)?;
    check_actions(wish)?;
    let mut warnings = Vec::new();
    let mut statement =
        DraftStatement::new(SID, Effect::Deny, Many::short(wish.actions.iter().cloned()));
    if wish.attachment.is_on_resources() {
        statement = statement.for_everyone();
    }
    if wish.objects == Objects::Only {
        check_objects(wish)?;
        statement = statement.on(Many::one(format!("arn:{}:s3:::*/*", wish.partition)));
        warnings.push(
            "only objects are held to the boundary: listing, making and governing buckets stays \
             open"
                .to_owned(),
        );
    }
    statement = match wish.side {
        Side::Network => network(wish, statement, &mut warnings)?,
        Side::Resource | Side::Identity => belonging(wish, statement, &mut warnings)?,
    };
    for role in wish.exempt_roles {
        RoleArn::Pattern.check(role, wish.partition, wish.lengths, "--exempt-role")?;
    }
    if !wish.exempt_roles.is_empty() {
        let roles = Many::list(wish.exempt_roles.iter().cloned());
        statement = statement.when("ArnNotLike", "aws:PrincipalArn", roles);
    }
    let policy = checked(statement.into(), wish.attachment.kind())?;
    Ok(Generated { policy, warnings })
}

fn check_side(wish: &PerimeterSpec<'_>) -> Result<(), BadInput> {
    let message = match (wish.side, wish.attachment) {
        (Side::Identity, Attachment::Scp) => {
            "SCPs restrict principals, use an RCP or resource policy"
        }
        (Side::Identity, Attachment::Identity) => {
            "identity policies restrict principals, use an RCP or resource policy"
        }
        (Side::Resource, Attachment::Rcp) => {
            "RCPs restrict your own resources, use an SCP, an identity policy or the policy of a \
             VPC endpoint"
        }
        (Side::Resource, Attachment::Scp | Attachment::Identity | Attachment::ResourcePolicy)
        | (Side::Identity, Attachment::Rcp | Attachment::ResourcePolicy)
        | (Side::Network, _) => return Ok(()),
    };
    Err(BadInput::new("E_SIDE_TYPE", message, "--as"))
}

fn check_actions(wish: &PerimeterSpec<'_>) -> Result<(), BadInput> {
    if wish.actions.is_empty() {
        let message = "name the actions that are held to the boundary";
        return Err(BadInput::new("E_ARG", message, "--actions"));
    }
    for action in wish.actions {
        check_action(action, wish.attachment)?;
    }
    Ok(())
}

fn check_action(action: &str, attachment: Attachment) -> Result<(), BadInput> {
    let wrong = |code, message: String| Err(BadInput::new(code, message, "--actions"));
    if action == "*" {
        return match attachment {
            Attachment::Rcp => {
                let message = "RCPs take no bare `*`: name a service they reach, such as `s3:*`";
                wrong("E_RCP_SERVICE", message.to_owned())
            }
            Attachment::Scp | Attachment::Identity | Attachment::ResourcePolicy => Ok(()),
        };
    }
    let Some((prefix, name)) = action.split_once(':') else {
        return wrong(
            "E_ACTION",
            format!("`{action}` is not written `service:Name`"),
        );
    };
    let made_of = |text: &str, also: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || also.contains(c))
    };
    if !made_of(prefix, "-") || !made_of(name, "*?") {
        return wrong(
            "E_ACTION",
            format!("`{action}` is not written `service:Name`"),
        );
    }
    if attachment == Attachment::Rcp && !facts::reached_by_rcps(prefix) {
        let reached: Vec<&str> = facts::rcp_services().collect();
        let message = format!("RCPs do not reach `{prefix}`, only {}", reached.join(", "));
        return wrong("E_RCP_SERVICE", message);
    }
    let known = facts::service(prefix)
        .is_some_and(|service| name.contains(['*', '?']) || service.action(name).is_some());
    if known {
        return Ok(());
    }
    let near = facts::nearest_action(action)
        .filter(|_| !name.contains(['*', '?']))
        .map(|near| format!("; `{}:{}` is", near.service, near.name))
        .unwrap_or_default();
    wrong("E_ACTION", format!("`{action}` is no known action{near}"))
}

fn check_objects(wish: &PerimeterSpec<'_>) -> Result<(), BadInput> {
    let elsewhere = wish
        .actions
        .iter()
        .find(|action| !action.to_ascii_lowercase().starts_with("s3:"));
    elsewhere.map_or(Ok(()), |action| {
        let message = format!("objects are those of s3, and `{action}` is not an action of s3");
        Err(BadInput::new("E_ARG", message, "--objects-only"))
    })
}

fn belonging(
    wish: &PerimeterSpec<'_>,
    statement: DraftStatement,
    warnings: &mut Vec<String>,
) -> Result<DraftStatement, BadInput> {
    let Some(scope) = wish.scope else {
        let message = "give the kind of the ids: `account`, `ou` or `org`";
        return Err(BadInput::new("E_ARG", message, "--scope"));
    };
    let (ours, theirs) = match wish.side {
        Side::Identity => ("Principal", "Resource"),
        Side::Resource | Side::Network => ("Resource", "Principal"),
    };
    let key = format!("aws:{ours}{}", suffix(scope));
    let values = bounds(wish, scope, theirs)?;
    let operator = match scope {
        PerimeterScope::Unit => "ForAllValues:StringNotLike",
        PerimeterScope::Account | PerimeterScope::Organization => "StringNotEquals",
    };
    for account in wish.exempt_accounts {
        IdKind::Account.check(account, wish.lengths, "--exempt-account")?;
    }
    let accounts = wish.exempt_accounts.iter().cloned();
    let mut statement = match scope {
        PerimeterScope::Account => {
            let all = match values {
                Many::One(one) => std::iter::once(one).chain(accounts).collect(),
                Many::List(list) => list.into_iter().chain(accounts).collect::<Vec<_>>(),
            };
            let all = match wish.bounds {
                Bounds::OfTheCaller => Many::short(all),
                Bounds::Ids(_) => Many::list(all),
            };
            statement.when(operator, &key, all)
        }
        PerimeterScope::Unit | PerimeterScope::Organization => {
            let statement = statement.when(operator, &key, values);
            if wish.exempt_accounts.is_empty() {
                statement
            } else {
                let key = format!("aws:{ours}Account");
                statement.when("StringNotEquals", &key, Many::list(accounts))
            }
        }
    };
    if wish.side == Side::Identity && wish.services == Services::Exempt {
        statement = statement.when(
            "BoolIfExists",
            "aws:PrincipalIsAWSService",
            Many::one("false"),
        );
    }
    match (wish.missing, wish.side) {
        (Missing::Allow, _) => statement = statement.when("Null", &key, Many::one("false")),
        (Missing::Deny, Side::Resource) => warnings.push(format!(
            "calls that report no {key} are denied, such as those on no resource \
             (s3:ListAllMyBuckets); `--when-missing allow` leaves them alone"
        )),
        (Missing::Deny, Side::Identity | Side::Network) => {}
    }
    Ok(statement)
}

fn suffix(scope: PerimeterScope) -> &'static str {
    match scope {
        PerimeterScope::Account => "Account",
        PerimeterScope::Unit => "OrgPaths",
        PerimeterScope::Organization => "OrgID",
    }
}

fn bounds(wish: &PerimeterSpec<'_>, scope: PerimeterScope, theirs: &str) -> Result<Many, BadInput> {
    match (wish.bounds, scope) {
        (Bounds::OfTheCaller, PerimeterScope::Unit) => {
            let message = "an account has a list of paths, and a list cannot stand in a variable: \
                           name paths";
            Err(BadInput::new("E_ARG", message, "--dynamic"))
        }
        (Bounds::OfTheCaller, PerimeterScope::Account | PerimeterScope::Organization) => {
            Ok(Many::one(format!("${{aws:{theirs}{}}}", suffix(scope))))
        }
        (Bounds::Ids([]), _) => {
            let message = "name the inside, or give `--dynamic`";
            Err(BadInput::new("E_ARG", message, "--id"))
        }
        (Bounds::Ids(ids), _) => {
            let kind = match scope {
                PerimeterScope::Account => IdKind::Account,
                PerimeterScope::Unit => IdKind::OrgPath,
                PerimeterScope::Organization => IdKind::Organization,
            };
            for id in ids {
                kind.check(id, wish.lengths, "--id")?;
            }
            Ok(Many::list(ids.iter().cloned()))
        }
    }
}

fn network(
    wish: &PerimeterSpec<'_>,
    mut statement: DraftStatement,
    warnings: &mut Vec<String>,
) -> Result<DraftStatement, BadInput> {
    let wrong = |message: &str, place: &str| Err(BadInput::new("E_ARG", message, place));
    let Bounds::Ids(ids) = wish.bounds else {
        return wrong("a caller has no network: name addresses", "--dynamic");
    };
    if ids.is_empty() {
        return wrong(
            "name the addresses, ranges and VPCs calls may come from",
            "--id",
        );
    }
    if !wish.exempt_accounts.is_empty() {
        return wrong(
            "the network side knows no accounts: exempt roles",
            "--exempt-account",
        );
    }
    if wish.missing == Missing::Allow {
        let message = "a call has an address or a VPC, never both: to let calls without an \
                       address through would let everything through";
        return wrong(message, "--when-missing");
    }
    if wish.scope.is_some() {
        warnings.push("the network side has no scope: `--scope` has no effect here".to_owned());
    }
    let (vpcs, ranges): (Vec<_>, Vec<_>) = ids.iter().partition(|id| id.starts_with("vpc-"));
    let ranges = ranges
        .into_iter()
        .map(|text| source_range(text, warnings))
        .collect::<Result<Vec<_>, _>>()?;
    for vpc in &vpcs {
        IdKind::Vpc.check(vpc, wish.lengths, "--id")?;
    }
    if ranges.is_empty() {
        warnings.push("no address is named: every call over the internet is denied".to_owned());
    } else {
        statement = statement.when("NotIpAddressIfExists", "aws:SourceIp", Many::list(ranges));
    }
    if vpcs.is_empty() {
        warnings.push("no VPC is named: every call over a VPC endpoint is denied".to_owned());
    } else {
        let vpcs = Many::list(vpcs.into_iter().cloned());
        statement = statement.when("StringNotEqualsIfExists", "aws:SourceVpc", vpcs);
    }
    statement = statement.when("BoolIfExists", "aws:ViaAWSService", Many::one("false"));
    // only resource policies apply to service principals
    if wish.attachment.is_on_resources() && wish.services == Services::Exempt {
        statement = statement.when(
            "BoolIfExists",
            "aws:PrincipalIsAWSService",
            Many::one("false"),
        );
    }
    Ok(statement)
}

fn source_range(text: &str, warnings: &mut Vec<String>) -> Result<String, BadInput> {
    let Some((range, bits)) = AddressRange::parse(text) else {
        let message = format!("`{text}` is neither an address, nor a range, nor a VPC (`vpc-…`)");
        return Err(BadInput::new("E_ID", message, "--id"));
    };
    match range.standing() {
        AddressKind::Public => {}
        AddressKind::Documentation => {
            warnings.push(format!(
                "`{text}` is reserved for examples: no one calls from there"
            ));
        }
        AddressKind::Reserved(why) => warnings.push(format!(
            "`{text}` {why}: aws:SourceIp holds public addresses only, so it matches nothing"
        )),
    }
    if bits == HostBits::Dropped {
        warnings.push(format!(
            "`{text}` has bits behind its prefix; it was read as `{range}`"
        ));
    }
    // a plain address stays as written: AWS treats both equally
    Ok(if text.contains('/') {
        range.to_string()
    } else {
        text.to_owned()
    })
}

#[cfg(test)]
#[path = "perimeter_tests.rs"]
mod tests;
