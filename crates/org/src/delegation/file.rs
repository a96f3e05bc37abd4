//! The file of delegated administrators.

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use hallpass_iam::facts::nearest_service;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_saphyr::Spanned;

use super::families::{DETECTIVE, DelegatedService, known_services, service_named};
use crate::insights::{DesiredChannel, check_channels};

const DEVOPS_GURU: &str = "devops-guru";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionsWanted {
    /// Regions enabled in the administrator's account, except those disabled in the management
    /// account.
    Enabled,
    These(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MembersWanted {
    All,
    Unit(String),
    These(Vec<AccountId>),
}

impl InvitationMail {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    pub(crate) fn is_sent(&self) -> bool {
        *self == Self::Sent
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceDelegation {
    pub service: &'static DelegatedService,
    pub account: AccountId,
    pub regions: RegionsWanted,
    /// New accounts become members automatically.
    pub auto_enable: Option<bool>,
    pub members: Option<MembersWanted>,
    /// Invited accounts outside the organization; removal from the file has no effect.
    pub invite: Vec<InvitedAccount>,
    pub invitation: InvitationMail,
    pub packages: Vec<String>,
    pub line: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvitedAccount {
    pub account: AccountId,
    pub email: String,
}

/// Whether AWS mails invited accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationMail {
    #[default]
    Sent,
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationFile {
    pub services: Vec<ServiceDelegation>,
    /// Topics for insights, separate from administrators; configured by `insights channels`.
    pub notifications: Vec<DesiredChannel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    #[serde(default)]
    services: Vec<Spanned<ServiceForm>>,
    #[serde(default)]
    notifications: Vec<NotificationForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceForm {
    service: String,
    account: AccountId,
    #[serde(default)]
    regions: Option<RegionsForm>,
    #[serde(default)]
    auto_enable: Option<bool>,
    #[serde(default)]
    members: Option<MembersWanted>,
    #[serde(default)]
    invite: Vec<InvitedAccount>,
    #[serde(default)]
    invitation_mail: InvitationMail,
    #[serde(default)]
    packages: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RegionsForm {
    Word(String),
    List(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotificationForm {
    service: String,
    topic_arn: String,
    #[serde(default)]
    severities: Vec<String>,
    #[serde(default)]
    message_types: Vec<String>,
}

fn channels(forms: Vec<NotificationForm>) -> Result<Vec<DesiredChannel>, String> {
    let mut all = Vec::new();
    for form in forms {
        if form.service != DEVOPS_GURU {
            return Err(format!(
                "`notifications` are for `{DEVOPS_GURU}`, not for `{}`",
                form.service
            ));
        }
        all.push(DesiredChannel::new(
            &form.topic_arn,
            form.severities,
            form.message_types,
        )?);
    }
    check_channels(&all)?;
    Ok(all)
}

impl<'de> Deserialize<'de> for MembersWanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum MembersForm {
            Word(String),
            List(Vec<AccountId>),
        }
        match MembersForm::deserialize(deserializer)? {
            MembersForm::Word(word) if word == "all" => Ok(Self::All),
            MembersForm::Word(word) if word.starts_with("ou-") => Ok(Self::Unit(word)),
            MembersForm::Word(word) => Err(D::Error::custom(format!(
                "`members` is `all`, a unit `ou-…`, or a list of account ids, not `{word}`"
            ))),
            MembersForm::List(list) => Ok(Self::These(list)),
        }
    }
}

fn is_region(name: &str) -> bool {
    let allowed = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    !name.is_empty() && name.len() <= 32 && name.bytes().all(allowed) && name.contains('-')
}

fn regions(form: Option<RegionsForm>, service: &DelegatedService) -> Result<RegionsWanted, String> {
    let name = service.name;
    match form {
        Some(_) if service.regional.is_none() => Err(format!(
            "`{name}` has one administrator for all Regions: leave `regions` out"
        )),
        None if service.regional.is_none() => Ok(RegionsWanted::These(vec!["global".to_owned()])),
        None => Err(format!(
            "`{name}` has an administrator in each Region: give `regions`, a list or `enabled`"
        )),
        Some(RegionsForm::Word(word)) if word == "enabled" => Ok(RegionsWanted::Enabled),
        Some(RegionsForm::Word(word)) => Err(format!(
            "`regions` of `{name}` is a list or `enabled`, not `{word}`"
        )),
        Some(RegionsForm::List(list)) => match list.iter().find(|it| !is_region(it)) {
            Some(bad) => Err(format!("`{bad}` of `{name}` is no Region")),
            None if list.is_empty() => Err(format!("`regions` of `{name}` is empty")),
            None => Ok(RegionsWanted::These(list)),
        },
    }
}

fn wish(form: ServiceForm) -> Result<ServiceDelegation, String> {
    let service = service_named(&form.service).ok_or_else(|| {
        let names: Vec<&str> = known_services().iter().map(|it| it.name).collect();
        let meant = nearest_service(&form.service).filter(|it| service_named(it).is_some());
        format!(
            "`{}` is no service that is known here{}: {}",
            form.service,
            meant
                .map(|it| format!(" (did you mean `{it}`?)"))
                .unwrap_or_default(),
            names.join(", ")
        )
    })?;
    let has_members = form.auto_enable.is_some()
        || form.members.is_some()
        || !form.invite.is_empty()
        || !form.packages.is_empty();
    if let Some(bad) = form.invite.iter().find(|it| !it.email.contains('@')) {
        return Err(format!(
            "`{}` of `invite` is no address of a root user",
            bad.email
        ));
    }
    if has_members && service.name != DETECTIVE {
        return Err(format!(
            "`auto_enable`, `members`, `invite` and `packages` are for `{DETECTIVE}`, not for `{}`",
            service.name
        ));
    }
    Ok(ServiceDelegation {
        regions: regions(form.regions, service)?,
        service,
        account: form.account,
        auto_enable: form.auto_enable,
        members: form.members,
        invite: form.invite,
        invitation: form.invitation_mail,
        packages: form.packages,
        line: None,
    })
}

fn wish_of_file(form: Spanned<ServiceForm>) -> Result<ServiceDelegation, String> {
    let line = form.defined.line();
    let read = wish(form.value).map_err(|text| format!("line {line}: {text}"))?;
    Ok(ServiceDelegation {
        line: Some(line),
        ..read
    })
}

impl DelegationFile {
    /// Parses YAML or JSON.
    ///
    /// # Errors
    /// The problem.
    pub fn read(text: &str) -> Result<Self, String> {
        let form: FileForm = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let services: Result<Vec<_>, _> = form.services.into_iter().map(wish_of_file).collect();
        Self::new(services?, channels(form.notifications)?)
    }

    /// Reads the topics; services are optional.
    ///
    /// # Errors
    /// The problem.
    pub fn read_channels(text: &str) -> Result<Vec<DesiredChannel>, String> {
        let form: FileForm = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let services: Result<Vec<_>, _> = form.services.into_iter().map(wish_of_file).collect();
        services?;
        let found = channels(form.notifications)?;
        if found.is_empty() {
            return Err("`notifications` names none".to_owned());
        }
        Ok(found)
    }

    /// Builds the entry for one service from arguments.
    ///
    /// # Errors
    /// The problem.
    pub fn of_one(
        service: &str,
        account: AccountId,
        regions: Option<Vec<String>>,
    ) -> Result<Self, String> {
        let word = |list: &[String]| matches!(list, [one] if one == "enabled");
        let regions = regions.map(|list| {
            if word(&list) {
                RegionsForm::Word("enabled".to_owned())
            } else {
                RegionsForm::List(list)
            }
        });
        let form = ServiceForm {
            service: service.to_owned(),
            account,
            regions,
            auto_enable: None,
            members: None,
            invite: Vec::new(),
            invitation_mail: InvitationMail::default(),
            packages: Vec::new(),
        };
        Self::new(vec![wish(form)?], Vec::new())
    }

    fn new(
        services: Vec<ServiceDelegation>,
        notifications: Vec<DesiredChannel>,
    ) -> Result<Self, String> {
        if services.is_empty() {
            return Err("`services` names none".to_owned());
        }
        let mut accounts: BTreeMap<&str, &AccountId> = BTreeMap::new();
        for wish in &services {
            let name = wish.service.name;
            if accounts.insert(name, &wish.account).is_some() {
                return Err(format!("`{name}` is named twice"));
            }
        }
        Ok(Self {
            services,
            notifications,
        })
    }

    pub fn regions(&self) -> impl Iterator<Item = (Option<u64>, &str)> {
        self.services.iter().flat_map(|wish| {
            let named = match &wish.regions {
                RegionsWanted::These(list) if wish.service.regional.is_some() => list.as_slice(),
                RegionsWanted::These(_) | RegionsWanted::Enabled => &[],
            };
            named.iter().map(|it| (wish.line, it.as_str()))
        })
    }

    /// Services with several administrators that should share one (`organization.md` D-3).
    pub fn apart(&self) -> Vec<String> {
        let together = ["detective", "guardduty", "securityhub"];
        let wishes: Vec<&ServiceDelegation> = self
            .services
            .iter()
            .filter(|it| together.contains(&it.service.name))
            .collect();
        let Some(first) = wishes.first() else {
            return Vec::new();
        };
        let others = wishes.iter().filter(|it| it.account != first.account);
        others
            .map(|it| {
                format!(
                    "`{}` is for {} and `{}` for {}: AWS recommends one account for both",
                    first.service.name, first.account, it.service.name, it.account
                )
            })
            .collect()
    }
}
