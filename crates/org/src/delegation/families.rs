//! Services with a delegated administrator. Each is a row here; no other code knows their names.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelegatedService {
    pub name: &'static str,
    /// Its principal in Organizations (AWS: "AWS services that you can use with AWS
    /// Organizations").
    pub principal: &'static str,
    pub regional: Option<RegionalCalls>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionalCalls {
    pub service: &'static str,
    pub enable: &'static str,
    pub disable: &'static str,
    pub account: &'static str,
    pub disable_names_it: bool,
    pub read: &'static str,
    pub shown: AdministratorView,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdministratorView {
    Listed {
        rows: &'static str,
        account: &'static str,
        state: Option<(&'static str, &'static str)>,
    },
    Single {
        account: &'static str,
        none: &'static str,
    },
}

const ADMIN: &str = "EnableOrganizationAdminAccount";
const NO_ADMIN: &str = "DisableOrganizationAdminAccount";
const ADMINS: &str = "ListOrganizationAdminAccounts";

const fn global(name: &'static str, principal: &'static str) -> DelegatedService {
    DelegatedService {
        name,
        principal,
        regional: None,
    }
}

const fn listed(
    service: &'static str,
    account: &'static str,
    shown: AdministratorView,
) -> RegionalCalls {
    RegionalCalls {
        service,
        enable: ADMIN,
        disable: NO_ADMIN,
        account,
        disable_names_it: true,
        read: ADMINS,
        shown,
    }
}

const fn regional(
    name: &'static str,
    principal: &'static str,
    calls: RegionalCalls,
) -> DelegatedService {
    DelegatedService {
        name,
        principal,
        regional: Some(calls),
    }
}

pub(crate) const DETECTIVE: &str = "detective";

static ALL: &[DelegatedService] = &[
    global("access-analyzer", "access-analyzer.amazonaws.com"),
    global("account", "account.amazonaws.com"),
    global("backup", "backup.amazonaws.com"),
    global("cloudtrail", "cloudtrail.amazonaws.com"),
    global("config", "config.amazonaws.com"),
    global(
        "config-multiaccountsetup",
        "config-multiaccountsetup.amazonaws.com",
    ),
    regional(
        DETECTIVE,
        "detective.amazonaws.com",
        RegionalCalls {
            disable_names_it: false,
            ..listed(
                DETECTIVE,
                "AccountId",
                AdministratorView::Listed {
                    rows: "Administrators",
                    account: "AccountId",
                    state: None,
                },
            )
        },
    ),
    global("devops-guru", "devops-guru.amazonaws.com"),
    regional(
        "guardduty",
        "guardduty.amazonaws.com",
        listed(
            "guardduty",
            "AdminAccountId",
            AdministratorView::Listed {
                rows: "AdminAccounts",
                account: "AdminAccountId",
                state: Some(("AdminStatus", "DISABLE_IN_PROGRESS")),
            },
        ),
    ),
    regional(
        "inspector2",
        "inspector2.amazonaws.com",
        RegionalCalls {
            service: "inspector2",
            enable: "EnableDelegatedAdminAccount",
            disable: "DisableDelegatedAdminAccount",
            account: "delegatedAdminAccountId",
            disable_names_it: true,
            read: "GetDelegatedAdminAccount",
            shown: AdministratorView::Single {
                account: "/delegatedAdmin/accountId",
                none: "ResourceNotFoundException",
            },
        },
    ),
    regional(
        "macie2",
        "macie.amazonaws.com",
        listed(
            "macie2",
            "adminAccountId",
            AdministratorView::Listed {
                rows: "adminAccounts",
                account: "accountId",
                state: Some(("status", "DISABLING_IN_PROGRESS")),
            },
        ),
    ),
    regional(
        "securityhub",
        "securityhub.amazonaws.com",
        listed(
            "securityhub",
            "AdminAccountId",
            AdministratorView::Listed {
                rows: "AdminAccounts",
                account: "AccountId",
                state: Some(("Status", "DISABLE_IN_PROGRESS")),
            },
        ),
    ),
    global("sso", "sso.amazonaws.com"),
    global(
        "stacksets",
        "member.org.stacksets.cloudformation.amazonaws.com",
    ),
];

pub fn known_services() -> &'static [DelegatedService] {
    ALL
}

pub fn service_named(name: &str) -> Option<&'static DelegatedService> {
    ALL.iter()
        .find(|it| it.name == name || it.principal == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_in_order_and_go_by_name_and_principal() {
        let names: Vec<&str> = ALL.iter().map(|it| it.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(names, sorted);
        assert!(ALL.len() >= 14);
        for service in ALL {
            assert_eq!(service_named(service.name), Some(service));
            assert_eq!(service_named(service.principal), Some(service));
        }
        assert_eq!(service_named("detectiv"), None);
    }
}
