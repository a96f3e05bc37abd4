//! A policy that makes AWS reachable only from a Client VPN's addresses (`policies.md` §9.1,
//! `organization.md` §5 C-8).
//!
//! The published form exempts `role/service-role/*`. A role's creator chooses its path, so this
//! allows a bypass; here only exact roles are exempt.

use super::address::{AddressKind, AddressRange, HostBits};
use super::checked::{Generated, Unprintable, checked};
use super::ids::{IdKind, Lengths, Partition, RoleArn};
use super::{DraftStatement, Many};
use crate::input::BadInput;
use crate::language::{Effect, PolicyType};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VpnForm {
    /// Users, groups, roles or permission sets; also for the management account.
    Iam,
    Scp,
}

#[derive(Debug, Clone, Copy)]
pub struct VpnSpec<'a> {
    pub form: VpnForm,
    /// At least one.
    pub nat_ips: &'a [String],
    pub vpcs: &'a [String],
    pub exempt_roles: &'a [String],
    pub partition: Partition,
    pub lengths: Lengths,
}

const NOTES: [&str; 2] = [
    "some calls of the console are made by services on your behalf: aws:ViaAWSService lets those \
     through that forward your credentials",
    "calls that carry no aws:ViaAWSService (old clients) are held to the addresses as well",
];

/// # Errors
/// `E_ARG` for non-public or missing addresses, or missing exempt roles; `E_ARN` for inexact roles;
/// `E_ID` for VPCs; `E_SIZE` if too long.
pub fn vpn_policy(wish: &VpnSpec<'_>) -> Result<Generated, Unprintable> {
    let mut warnings = Vec::new();
    let addresses = nat_addresses(wish.nat_ips, &mut warnings)?;
    for vpc in wish.vpcs {
        IdKind::Vpc.check(vpc, wish.lengths, "--vpc")?;
    }
    for role in wish.exempt_roles {
        RoleArn::Exact.check(role, wish.partition, wish.lengths, "--exempt-role")?;
    }
    if wish.form == VpnForm::Scp && wish.exempt_roles.is_empty() {
        let message = "an SCP of this kind without an exempt role locks everyone out \
                       when the VPN is down: name the break-glass role";
        return Err(BadInput::new("E_ARG", message, "--exempt-role").into());
    }
    if wish.vpcs.is_empty() {
        warnings.push(
            "calls over a VPC endpoint carry no aws:SourceIp and are denied; `--vpc` lets those of \
             your VPCs through"
                .to_owned(),
        );
    }
    if wish.form == VpnForm::Scp {
        warnings
            .push("SCPs do not touch the management account: attach `--form iam` there".to_owned());
    }
    warnings.extend(NOTES.map(str::to_owned));

    let mut statement = DraftStatement::new("HallpassVpnOnly", Effect::Deny, Many::one("*"))
        .when("NotIpAddress", "aws:SourceIp", Many::list(addresses))
        .when("BoolIfExists", "aws:ViaAWSService", Many::one("false"));
    if !wish.exempt_roles.is_empty() {
        let roles = Many::list(wish.exempt_roles.iter().cloned());
        statement = statement.when("ArnNotLike", "aws:PrincipalArn", roles);
    }
    if !wish.vpcs.is_empty() {
        let vpcs = Many::list(wish.vpcs.iter().cloned());
        statement = statement.when("StringNotEquals", "aws:SourceVpc", vpcs);
    }
    let kind = match wish.form {
        VpnForm::Iam => PolicyType::Identity,
        VpnForm::Scp => PolicyType::Scp,
    };
    let policy = checked(statement.into(), kind)?;
    Ok(Generated { policy, warnings })
}

fn nat_addresses(texts: &[String], warnings: &mut Vec<String>) -> Result<Vec<String>, BadInput> {
    let wrong = |message: String| Err(BadInput::new("E_ARG", message, "--nat-ip"));
    if texts.is_empty() {
        return wrong("without an address of the VPN the policy would deny everything".to_owned());
    }
    let mut addresses = Vec::new();
    for text in texts {
        let Some((range, bits)) = AddressRange::parse(text) else {
            return wrong(format!(
                "`{text}` is neither an address nor a range of addresses"
            ));
        };
        match range.standing() {
            AddressKind::Public => {}
            AddressKind::Documentation => warnings.push(format!(
                "`{text}` is set aside for examples: put the VPN's own address in its place"
            )),
            AddressKind::Reserved(why) => {
                return wrong(format!(
                    "`{text}` {why}, and AWS sees only public addresses: name the address of the \
                     NAT gateway"
                ));
            }
        }
        if bits == HostBits::Dropped {
            warnings.push(format!(
                "`{text}` has bits behind its prefix; it was read as `{range}`"
            ));
        }
        if range.is_wide() {
            warnings.push(format!(
                "`{range}` holds more addresses than one site has: everyone there may come in"
            ));
        }
        addresses.push(range.to_string());
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Layout;

    fn made(
        form: VpnForm,
        ips: &[&str],
        vpcs: &[&str],
        roles: &[&str],
    ) -> Result<Generated, String> {
        let owned = |texts: &[&str]| texts.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        vpn_policy(&VpnSpec {
            form,
            nat_ips: &owned(ips),
            vpcs: &owned(vpcs),
            exempt_roles: &owned(roles),
            partition: Partition::Aws,
            lengths: Lengths::Exact,
        })
        .map_err(|error| match error {
            Unprintable::Unusable(bad) => {
                format!("{} {}", bad.code, bad.pointer)
            }
            Unprintable::Broken { code, message } => format!("{code} {message}"),
        })
    }

    const BREAK_GLASS: &str = "arn:aws:iam::111111111111:role/BreakGlass";

    #[test]
    fn forms_are_written_as_agreed() {
        let iam = made(VpnForm::Iam, &["3.120.10.5"], &[], &[]).unwrap();
        assert_eq!(
            iam.policy.text(Layout::Minified),
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"HallpassVpnOnly\",\
             \"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{\
             \"NotIpAddress\":{\"aws:SourceIp\":[\"3.120.10.5/32\"]},\
             \"BoolIfExists\":{\"aws:ViaAWSService\":\"false\"}}}]}\n"
        );
        let scp = made(
            VpnForm::Scp,
            &["3.120.10.5", "3.120.10.6/32"],
            &["vpc-0a1b2c3d4e5f60718"],
            &[BREAK_GLASS],
        )
        .unwrap();
        assert_eq!(
            scp.policy.text(Layout::Minified),
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"HallpassVpnOnly\",\
             \"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{\
             \"NotIpAddress\":{\"aws:SourceIp\":[\"3.120.10.5/32\",\"3.120.10.6/32\"]},\
             \"BoolIfExists\":{\"aws:ViaAWSService\":\"false\"},\
             \"ArnNotLike\":{\"aws:PrincipalArn\":[\"arn:aws:iam::111111111111:role/BreakGlass\"]},\
             \"StringNotEquals\":{\"aws:SourceVpc\":[\"vpc-0a1b2c3d4e5f60718\"]}}}]}\n"
        );
    }

    #[test]
    fn what_cannot_work_is_refused_and_what_is_odd_is_said() {
        let refused = |form, ips: &[&str], vpcs: &[&str], roles: &[&str]| {
            made(form, ips, vpcs, roles).unwrap_err()
        };
        assert_eq!(refused(VpnForm::Iam, &[], &[], &[]), "E_ARG --nat-ip");
        assert_eq!(
            refused(VpnForm::Iam, &["10.1.2.3"], &[], &[]),
            "E_ARG --nat-ip"
        );
        assert_eq!(refused(VpnForm::Iam, &["x"], &[], &[]), "E_ARG --nat-ip");
        assert_eq!(
            refused(VpnForm::Iam, &["3.1.2.3"], &["v"], &[]),
            "E_ID --vpc"
        );
        assert_eq!(
            refused(VpnForm::Scp, &["3.1.2.3"], &[], &[]),
            "E_ARG --exempt-role"
        );
        let bypass = ["arn:aws:iam::*:role/service-role/*"];
        assert_eq!(
            refused(VpnForm::Scp, &["3.1.2.3"], &[], &bypass),
            "E_ARN --exempt-role"
        );
        let warnings = made(
            VpnForm::Iam,
            &["3.120.0.0/16"],
            &["vpc-0a1b2c3d4e5f60718"],
            &[],
        )
        .unwrap()
        .warnings;
        assert!(
            warnings.iter().any(|it| it.contains("more addresses")),
            "{warnings:?}"
        );
    }
}
