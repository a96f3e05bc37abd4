//! The handler's policy: a list of countries, or a file (`organization.md` §5).

use std::collections::BTreeSet;
use std::net::IpAddr;

use hallpass_base::Timestamp;
use serde::Deserialize;

use super::country::Country;
use super::event::Event;
use crate::generate::address::AddressRange;
use crate::input::BadInput;

/// The service's default text, for every denial not about the region.
pub const DEFAULT_TEXT: &str = "Error establishing connection. Please contact your administrator.";
/// Never names the allowed countries.
const REGION_TEXT: &str = "Connections from your location are not allowed.";

/// Limit of Client VPN, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 255;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    #[default]
    Deny,
    Allow,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct CountryRule {
    endpoints: Vec<String>,
    groups: Vec<String>,
    countries: BTreeSet<Country>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Exception {
    user: String,
    country: Country,
    from: Timestamp,
    until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CountryDatabase {
    Mmdb(String),
    Csv(String),
}

/// Always complete: an empty list of countries is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    endpoints: Vec<String>,
    deny_users: Vec<String>,
    allow_ranges: Vec<AddressRange>,
    deny_ranges: Vec<AddressRange>,
    pub(super) private_ip: Otherwise,
    pub(super) unknown_country: Otherwise,
    deny_countries: BTreeSet<Country>,
    rules: Vec<CountryRule>,
    countries: BTreeSet<Country>,
    exceptions: Vec<Exception>,
    pub(super) default_text: String,
    pub(super) region_text: String,
    sources: Vec<CountryDatabase>,
}

impl Policy {
    /// Allows only these countries.
    ///
    /// # Errors
    /// `E_COUNTRY`; `E_ARG` if the list is empty.
    pub fn of_countries<'t>(codes: impl IntoIterator<Item = &'t str>) -> Result<Self, BadInput> {
        let codes: Vec<String> = codes.into_iter().map(str::to_owned).collect();
        let countries = countries(&codes, "--allow")?;
        if countries.is_empty() {
            let message = "no country is allowed: an empty list never means all";
            return Err(BadInput::new("E_ARG", message, "--allow"));
        }
        Ok(Self {
            endpoints: Vec::new(),
            deny_users: Vec::new(),
            allow_ranges: Vec::new(),
            deny_ranges: Vec::new(),
            private_ip: Otherwise::Deny,
            unknown_country: Otherwise::Deny,
            deny_countries: BTreeSet::new(),
            rules: Vec::new(),
            countries,
            exceptions: Vec::new(),
            default_text: DEFAULT_TEXT.to_owned(),
            region_text: REGION_TEXT.to_owned(),
            sources: Vec::new(),
        })
    }

    /// Parses a policy file (YAML).
    ///
    /// # Errors
    /// `E_YAML`, `E_COUNTRY`, `E_CIDR`, `E_MESSAGE`, `E_TIME`; `E_ARG` without countries.
    pub fn parse(text: &str) -> Result<Self, BadInput> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| {
            let message = format!(
                "the policy cannot be read: {}",
                one_line(&error.to_string())
            );
            BadInput::new("E_YAML", message, "")
        })?;
        let mut policy = Self::of_countries(file.default.countries.iter().map(String::as_str))
            .map_err(|error| BadInput {
                pointer: "/default/countries".to_owned(),
                ..error
            })?;
        for (number, rule) in file.rules.into_iter().enumerate() {
            let at = format!("/rules/{number}/countries");
            let found = countries(&rule.countries, &at)?;
            if found.is_empty() {
                let message = "a rule without countries admits no one: remove it";
                return Err(BadInput::new("E_ARG", message, at));
            }
            policy.rules.push(CountryRule {
                endpoints: rule.endpoints,
                groups: rule.groups,
                countries: found,
            });
        }
        for (number, it) in file.exceptions.into_iter().enumerate() {
            let at = format!("/exceptions/{number}");
            if it.until <= it.from {
                let message = "`until` is not after `from`";
                return Err(BadInput::new("E_TIME", message, at));
            }
            if it.user.trim().is_empty() {
                let message = "an exception names a user: an empty name matches everyone who connects with a certificate";
                return Err(BadInput::new("E_ARG", message, format!("{at}/user")));
            }
            policy.exceptions.push(Exception {
                user: it.user.to_lowercase(),
                country: Country::parse(&it.country, &format!("{at}/country"))?,
                from: it.from,
                until: it.until,
            });
        }
        policy.endpoints = file.endpoints;
        if let Some(at) = file.deny_users.iter().position(|it| it.trim().is_empty()) {
            let message = "an empty name denies everyone: remove it";
            return Err(BadInput::new("E_ARG", message, format!("/deny_users/{at}")));
        }
        policy.deny_users = file.deny_users.iter().map(|it| it.to_lowercase()).collect();
        policy.allow_ranges = ranges(&file.allow_cidrs, "/allow_cidrs")?;
        policy.deny_ranges = ranges(&file.deny_cidrs, "/deny_cidrs")?;
        policy.deny_countries = countries(&file.deny_countries, "/deny_countries")?;
        policy.private_ip = file.private_ip;
        policy.unknown_country = file.unknown_country;
        if let Some(text) = file.messages.default {
            policy.default_text = message(text, "/messages/default")?;
        }
        if let Some(text) = file.messages.region {
            policy.region_text = message(text, "/messages/region")?;
        }
        let sources = file.sources.into_iter().enumerate();
        policy.sources = sources.map(place).collect::<Result<_, _>>()?;
        Ok(policy)
    }

    #[must_use]
    pub fn denying(mut self, list: DenyList) -> Self {
        self.deny_ranges.extend(list.0);
        self
    }

    pub fn sources(&self) -> &[CountryDatabase] {
        &self.sources
    }

    pub(super) fn has_endpoint(&self, event: &Event) -> bool {
        self.endpoints.is_empty() || self.endpoints.contains(&event.endpoint)
    }

    pub(super) fn denies_user(&self, event: &Event) -> bool {
        [&event.user, &event.common_name]
            .iter()
            .any(|name| self.deny_users.contains(&name.to_lowercase()))
    }

    pub(super) fn allows_address(&self, address: IpAddr) -> bool {
        self.allow_ranges.iter().any(|range| range.holds(address))
    }

    pub(super) fn denies_address(&self, address: IpAddr) -> bool {
        self.deny_ranges.iter().any(|range| range.holds(address))
    }

    pub(super) fn denies_country(&self, country: Country) -> bool {
        self.deny_countries.contains(&country)
    }

    /// Uses the first rule for the endpoint, else for a group, else the default.
    pub(super) fn allows_country(&self, event: &Event, country: Country) -> bool {
        let matching = || {
            self.rules.iter().filter(|rule| {
                let group = |it: &String| event.groups.contains(it);
                (rule.endpoints.is_empty() || rule.endpoints.contains(&event.endpoint))
                    && (rule.groups.is_empty() || rule.groups.iter().any(group))
            })
        };
        let by_endpoint = matching().find(|rule| !rule.endpoints.is_empty());
        let by_group = || matching().find(|rule| !rule.groups.is_empty());
        let rule = by_endpoint.or_else(by_group).or_else(|| matching().next());
        rule.map_or(&self.countries, |rule| &rule.countries)
            .contains(&country)
    }

    pub(super) fn excepts(&self, event: &Event, country: Country, now: Timestamp) -> bool {
        // the certificate's name counts if there is no user name
        let user = if event.user.is_empty() {
            event.common_name.to_lowercase()
        } else {
            event.user.to_lowercase()
        };
        self.exceptions
            .iter()
            .any(|it| it.user == user && it.country == country && it.from <= now && now < it.until)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DenyList(Vec<AddressRange>);

/// Parses a deny list: an address or range per line, `#` starts a comment.
///
/// # Errors
/// `E_CIDR` with the line.
pub fn deny_list(text: &str) -> Result<DenyList, BadInput> {
    let mut list = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            list.push(range(line, &format!("line {}", number + 1))?);
        }
    }
    Ok(DenyList(list))
}

fn place((number, source): (usize, SourceLine)) -> Result<CountryDatabase, BadInput> {
    match (source.mmdb, source.csv) {
        (Some(path), None) => Ok(CountryDatabase::Mmdb(path)),
        (None, Some(path)) => Ok(CountryDatabase::Csv(path)),
        _ => {
            let message = "a source is one of `mmdb: FILE` and `csv: FILE`";
            let pointer = format!("/sources/{number}");
            Err(BadInput::new("E_ARG", message, pointer))
        }
    }
}

fn range(text: &str, pointer: &str) -> Result<AddressRange, BadInput> {
    let parsed = AddressRange::parse(text).map(|(range, _)| range);
    parsed.ok_or_else(|| {
        let message = format!("`{text}` is neither an address nor a range such as 192.0.2.0/24");
        BadInput::new("E_CIDR", message, pointer)
    })
}

fn ranges(texts: &[String], pointer: &str) -> Result<Vec<AddressRange>, BadInput> {
    let ranges = texts.iter().enumerate();
    ranges
        .map(|(number, text)| range(text, &format!("{pointer}/{number}")))
        .collect()
}

fn countries(codes: &[String], pointer: &str) -> Result<BTreeSet<Country>, BadInput> {
    codes
        .iter()
        .map(|code| Country::parse(code, pointer))
        .collect()
}

fn message(text: String, pointer: &str) -> Result<String, BadInput> {
    if (1..=MESSAGE_BYTES_MAX).contains(&text.len()) {
        return Ok(text);
    }
    let message = format!(
        "a message has 1 to {MESSAGE_BYTES_MAX} bytes, not {}",
        text.len()
    );
    Err(BadInput::new("E_MESSAGE", message, pointer))
}

fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    endpoints: Vec<String>,
    #[serde(default)]
    deny_users: Vec<String>,
    #[serde(default)]
    allow_cidrs: Vec<String>,
    #[serde(default)]
    deny_cidrs: Vec<String>,
    #[serde(default)]
    private_ip: Otherwise,
    #[serde(default)]
    unknown_country: Otherwise,
    #[serde(default)]
    deny_countries: Vec<String>,
    #[serde(default)]
    rules: Vec<RuleLine>,
    default: DefaultLine,
    #[serde(default)]
    exceptions: Vec<ExceptionLine>,
    #[serde(default)]
    messages: Messages,
    #[serde(default)]
    sources: Vec<SourceLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleLine {
    #[serde(default)]
    endpoints: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    countries: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DefaultLine {
    countries: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionLine {
    user: String,
    country: String,
    from: Timestamp,
    until: Timestamp,
    #[serde(default, rename = "reason")]
    _reason: Option<String>,
    #[serde(default, rename = "grant")]
    _grant: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Messages {
    #[serde(default)]
    default: Option<String>,
    #[serde(default)]
    region: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceLine {
    #[serde(default)]
    mmdb: Option<String>,
    #[serde(default)]
    csv: Option<String>,
}
