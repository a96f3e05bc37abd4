use super::super::{file::OrganizationFile, resolve::NameIndex};
use super::Problems;

pub(super) fn check(file: &OrganizationFile, names: &NameIndex, problems: &mut Problems) {
    let workloads = file.workloads.iter().enumerate();
    let workloads = workloads.flat_map(|(index, row)| {
        let own = (format!("/workloads/{index}/account"), &row.account);
        let known = row.shared_with.iter().enumerate();
        let known = known.map(move |(at, it)| (format!("/workloads/{index}/shared_with/{at}"), it));
        [own].into_iter().chain(known)
    });
    let shares = file.resource_shares.iter().enumerate();
    let shares = shares.map(|(at, row)| (format!("/resource_shares/{at}/account"), &row.account));
    let paid = file.commitments.iter().enumerate();
    let paid = paid.map(|(at, row)| (format!("/commitments/{at}/account"), &row.account));
    let judged = file.config_evaluations.iter().enumerate();
    let judged =
        judged.map(|(at, row)| (format!("/config_evaluations/{at}/account"), &row.account));
    let functions = file.functions.iter().enumerate();
    let functions = functions.flat_map(|(index, row)| {
        let own = (format!("/functions/{index}/account"), &row.account);
        let known = row.shared_with.iter().enumerate();
        let known = known.map(move |(at, it)| (format!("/functions/{index}/shared_with/{at}"), it));
        [own].into_iter().chain(known)
    });
    let invited = file.organization.invitations.iter().enumerate();
    let invited = invited.map(|(at, row)| {
        (
            format!("/organization/invitations/{at}/account"),
            &row.account,
        )
    });
    let stated = workloads.chain(shares).chain(paid).chain(invited);
    for (at, account) in stated.chain(judged).chain(functions) {
        problems.name(&names.account(account), at, "account", account);
    }
    for (index, share) in file.resource_shares.iter().enumerate() {
        for (number, principal) in share.principals.iter().enumerate() {
            let known = principal == "organization"
                || principal.starts_with("arn:")
                || names.ou(principal).is_ok();
            if !known {
                let at = format!("/resource_shares/{index}/principals/{number}");
                problems.name(&names.account(principal), at, "unit or account", principal);
            }
        }
    }
}
