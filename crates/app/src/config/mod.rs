//! `hallpass.toml`: every key has a default or a clear error, unknown keys are refused with the
//! nearest name, secrets may be `${env:NAME}` or `file:PATH`.

mod alerts;
mod armed_ends;
mod delegation;
mod drift;
mod events;
mod exporting;
#[cfg(test)]
mod fuzz;
mod groups;
mod guard;
mod indirect;
mod interactive;
mod keys;
mod limits;
mod notifications;
mod on_call;
mod payer;
mod pci;
mod people;
mod plans;
mod redacted;
mod remediation;
mod sign_in;
mod standards;
mod store;
mod sweeps;
mod telemetry;
mod tickets;
mod tls;
mod vending;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hallpass_access::identity::{Identity, check_people_entry};
use hallpass_access::{AdminSignIn, OnRuleChange, Settings};
use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::decoded;
use serde::Deserialize;

pub use alerts::AlertTargets;
pub use drift::CompareSchedule;
pub use exporting::{ExportPlace, ExportSettings, HeadKey, bucket_place};
pub use guard::EndsPlace;
pub use indirect::{Secrets, look_up};
pub use interactive::{InteractiveSettings, SlackApp};
pub use on_call::OnCallSources;
pub use pci::PciSchedule;
pub use redacted::shown;
pub use standards::StandardsSchedule;
pub use store::Store;
pub use tickets::TicketSources;
pub use vending::{ConfiguredAccess, ConfiguredPrincipal};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub server: Server,
    pub store: Store,
    pub aws: Aws,
    pub identity: IdentityTable,
    pub access: Access,
    pub groups: groups::Groups,
    pub inventory: Inventory,
    pub alerts: alerts::Alerts,
    pub payer: payer::Payer,
    pub pci: pci::Pci,
    pub delegation: delegation::Delegation,
    pub drift: drift::Drift,
    pub standards: standards::StandardsTable,
    pub events: events::Events,
    pub findings: events::Findings,
    pub insights: events::Insights,
    pub remediation: remediation::RemediationTable,
    pub outage: Outage,
    pub plans: plans::Plans,
    pub vending: vending::VendingTable,
    pub audit: exporting::Audit,
    pub slack: interactive::SlackTable,
    pub mail: notifications::MailTable,
    pub webhooks: Vec<notifications::WebhookTable>,
    pub on_call: Vec<on_call::OnCallTable>,
    pub tickets: Vec<tickets::TicketTable>,
    pub oidc: sign_in::Oidc,
    pub guard: guard::GuardTable,
    pub log: Log,
    pub telemetry: telemetry::TelemetryTable,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    pub listen: String,
    pub public_url: String,
    pub rate: u32,
    pub burst: u32,
    pub sign_in_rate: u32,
    pub trusted_proxies: Vec<String>,
    pub max_connections: Option<u32>,
    pub tls: tls::TlsSection,
    pub session: sign_in::SessionSection,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            public_url: "http://127.0.0.1:8080".into(),
            rate: 50,
            burst: 100,
            sign_in_rate: 10,
            trusted_proxies: Vec::new(),
            max_connections: None,
            tls: tls::TlsSection::default(),
            session: sign_in::SessionSection::default(),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Aws {
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
    pub role_arn: Option<String>,
    pub external_id: Option<String>,
    pub member_role: Option<String>,
    pub member_external_id: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityTable {
    pub instance_arn: String,
    pub store_id: String,
    pub portal_url: String,
    pub encryption_key: Option<String>,
    pub fallback_domains: Vec<String>,
    pub admins: Vec<String>,
    pub auditors: Vec<String>,
    pub operators: Vec<String>,
}

/// Required sign-in of administrators for actions that keep or restore access.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    pub fresh_sign_in: Time,
    pub sign_in_acr: Vec<String>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            fresh_sign_in: Time(TimeSpan::ZERO),
            sign_in_acr: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    pub rules: Option<PathBuf>,
    pub statements: Option<PathBuf>,
    pub request_expiry: Time,
    pub waiting_per_person: u32,
    pub start_within: Time,
    pub reminder: Reminder,
    pub duration: Duration,
    pub on_rule_change: DriftResponse,
    pub admin: Admin,
    pub end_sessions: bool,
    pub armed_ends: armed_ends::ArmedEndTable,
    /// Outage of the home Region before overdue access without enforced expiry is denied; 0 =
    /// never.
    pub home_region_lost_after: Time,
    /// Interval to check users with live access; 0 = with the organization.
    pub people_every: Time,
    /// Whether to read entitlements of account access manager, and end them with the holder's
    /// access.
    pub entitlements: bool,
    /// Maximum export delay before new access is refused; 0 = unlimited.
    pub require_export_within: Time,
    pub account_notes: BTreeMap<String, String>,
    pub sweep: sweeps::Sweep,
    pub standing: Vec<sweeps::StandingEntry>,
}

impl Default for Access {
    fn default() -> Self {
        let defaults = Settings::default();
        Self {
            rules: None,
            statements: None,
            request_expiry: Time::or_never(defaults.request_expiry),
            waiting_per_person: defaults.waiting_per_person,
            start_within: Time(defaults.start_within),
            reminder: Reminder::default(),
            duration: Duration::default(),
            on_rule_change: match defaults.on_rule_change {
                OnRuleChange::Report => DriftResponse::Report,
                OnRuleChange::End => DriftResponse::End,
            },
            admin: Admin::default(),
            end_sessions: defaults.end_sessions,
            armed_ends: armed_ends::ArmedEndTable::default(),
            home_region_lost_after: Time::or_never(defaults.home_region_lost_after),
            people_every: Time::or_never(defaults.people_every),
            entitlements: defaults.entitlements,
            require_export_within: Time::or_never(defaults.require_export_within),
            account_notes: BTreeMap::new(),
            sweep: sweeps::Sweep::default(),
            standing: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftResponse {
    Report,
    End,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reminder {
    pub first: Time,
    pub factor: u32,
}

impl Default for Reminder {
    fn default() -> Self {
        let defaults = Settings::default();
        Self {
            first: Time::or_never(defaults.reminder_first),
            factor: defaults.reminder_factor,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Duration {
    pub min: Time,
    pub max: Time,
    pub choices: Vec<Time>,
}

impl Default for Duration {
    fn default() -> Self {
        let defaults = Settings::default();
        Self {
            min: Time(defaults.duration_min),
            max: Time(defaults.duration_max),
            choices: defaults.duration_choices.into_iter().map(Time).collect(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inventory {
    pub max_age: Time,
    pub snapshots: Option<String>,
}

impl Default for Inventory {
    fn default() -> Self {
        Self {
            max_age: Time(Settings::default().directory_max_age),
            snapshots: None,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outage {
    /// Accounts without drills, in addition to tagged ones.
    pub prod_accounts: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".into(),
        }
    }
}

/// A duration: `8h`, `90m`, `01:30`, or `0`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct Time(pub TimeSpan);

impl Time {
    /// `None` is written as 0.
    fn or_never(time: Option<TimeSpan>) -> Self {
        Self(time.unwrap_or(TimeSpan::ZERO))
    }
}

impl TryFrom<toml::Value> for Time {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, Self::Error> {
        match value {
            toml::Value::Integer(0) => Ok(Self(TimeSpan::ZERO)),
            toml::Value::String(text) if text == "0" => Ok(Self(TimeSpan::ZERO)),
            toml::Value::String(text) => text
                .parse()
                .map(Self)
                .map_err(|error: hallpass_base::SpanError| error.to_string()),
            other => Err(format!(
                "{other} is not a duration: write \"90m\", \"8h\" or \"01:30\""
            )),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    pub folder: PathBuf,
}

/// A missing file at the default path counts as empty.
pub fn load(path: &Path) -> Result<Loaded, Failure> {
    load_with(path, Secrets::Read)
}

pub fn load_with(path: &Path, secrets: Secrets) -> Result<Loaded, Failure> {
    let folder = path
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound
                && path == Path::new("hallpass.toml") =>
        {
            Vec::new()
        }
        Err(error) => return Err(Failure::unreadable(path.display(), &error)),
    };
    let name = path.display().to_string();
    let config = parse_in(decoded(&name, &bytes)?, &name, &folder, secrets)?;
    Ok(Loaded { config, folder })
}

/// Parses text; relative paths start at the working directory.
pub fn parse(text: &str, name: &str) -> Result<Config, Failure> {
    parse_with(text, name, Secrets::Read)
}

pub fn parse_with(text: &str, name: &str, secrets: Secrets) -> Result<Config, Failure> {
    parse_in(text, name, Path::new(""), secrets)
}

fn parse_in(text: &str, name: &str, folder: &Path, secrets: Secrets) -> Result<Config, Failure> {
    let mut config: Config = toml::from_str(text).map_err(|error| refusal(text, name, &error))?;
    indirect::resolve_all(&mut config, folder, secrets)?;
    let (server, identity) = (&mut config.server, &mut config.identity);
    server.public_url = sign_in::public_url(&server.public_url, name)?;
    identity.portal_url = sign_in::portal_url(&identity.portal_url, name)?;
    config.telemetry.check(name)?;
    config.access.sweep.check(name)?;
    config.groups.check(name)?;
    config.access.armed_ends.check(name)?;
    people::check(config.access.people_every, name)?;
    limits::check(&config, name)?;
    check_roles(&config.identity, name)?;
    for domain in &config.identity.fallback_domains {
        if !domain.starts_with('@') || domain.len() < 4 || !domain.contains('.') {
            let message =
                format!("{name}: `identity.fallback_domains`: `{domain}` is not a domain");
            return Err(Failure::bad_input(message).help("write it as \"@example.com\""));
        }
    }
    Ok(config)
}

/// Refuses role entries that match no users: the role would silently lack them.
fn check_roles(identity: &IdentityTable, name: &str) -> Result<(), Failure> {
    for (key, entries) in [
        ("admins", &identity.admins),
        ("auditors", &identity.auditors),
        ("operators", &identity.operators),
    ] {
        for entry in entries {
            if let Err(bad) = check_people_entry(entry) {
                let message = format!("{name}: `identity.{key}`: {bad}");
                return Err(Failure::bad_input(message).help(bad.help()));
            }
        }
    }
    Ok(())
}

fn refusal(text: &str, name: &str, error: &toml::de::Error) -> Failure {
    let (line, column) = error.span().map_or((1, 1), |span| {
        let before = text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        (
            line,
            before.chars().rev().take_while(|c| *c != '\n').count() + 1,
        )
    });
    let message = error.message();
    let said = without_value(message);
    let failure = Failure::bad_input(format!("{name}:{line}:{column}: {said}"));
    match nearest(message) {
        Some(known) => failure.help(format!("did you mean `{known}`?")),
        None => failure.help("docs/reference/configuration.md lists every key"),
    }
}

/// Removes the value from a parser error: it may be a misplaced secret.
fn without_value(message: &str) -> String {
    let parts = message.split_once(": ").and_then(|(what, rest)| {
        let is_of_value = matches!(what, "invalid type" | "invalid value");
        let (found, expected) = rest.rsplit_once(", expected ").filter(|_| is_of_value)?;
        let kind = found.split(['"', '`']).next()?.trim_end();
        Some(format!("{what}: {kind}, expected {expected}"))
    });
    parts.unwrap_or_else(|| message.to_owned())
}

fn nearest(message: &str) -> Option<String> {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = message
        .starts_with("unknown field")
        .then(|| names.next())
        .flatten()?;
    names
        .map(|known| (strsim::damerau_levenshtein(unknown, known), known))
        .filter(|(distance, known)| *distance <= known.len().max(3) / 2)
        .min()
        .map(|(_, known)| known.to_owned())
}

impl Loaded {
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.join(path)
    }

    pub fn rules(&self) -> Result<PathBuf, Failure> {
        match (&self.config.access.rules, &self.config.access.statements) {
            (Some(path), None) | (None, Some(path)) => Ok(self.path(path)),
            (None, None) => Ok(self.path("rules.toml")),
            (Some(_), Some(_)) => Err(Failure::bad_input(
                "both `access.rules` and `access.statements` are given",
            )
            .help("keep one: each may hold all rules")),
        }
    }

    /// Roles of users. The portal is set once the identity store is known.
    pub fn identity(&self, store_id: &str, region: &str) -> Identity {
        let table = &self.config.identity;
        let portal = Some(&table.portal_url)
            .filter(|url| !url.is_empty())
            .cloned();
        Identity {
            admins: table.admins.clone(),
            auditors: table.auditors.clone(),
            operators: table.operators.clone(),
            fallback_domains: table
                .fallback_domains
                .iter()
                .map(|domain| domain.trim_start_matches('@').to_owned())
                .collect(),
            portal_url: portal.unwrap_or_else(|| format!("https://{store_id}.awsapps.com/start")),
            region: region.to_owned(),
        }
    }

    pub fn settings(&self) -> Settings {
        let access = &self.config.access;
        let some = |time: Time| Some(time.0).filter(|span| !span.is_zero());
        let proof = &access.admin;
        let is_asked = !proof.fresh_sign_in.0.is_zero() || !proof.sign_in_acr.is_empty();
        Settings {
            admin_sign_in: is_asked.then(|| AdminSignIn {
                max_age: some(proof.fresh_sign_in),
                acr: proof.sign_in_acr.iter().cloned().collect(),
            }),
            request_expiry: some(access.request_expiry),
            waiting_per_person: access.waiting_per_person,
            start_within: access.start_within.0,
            reminder_first: some(access.reminder.first),
            reminder_factor: access.reminder.factor,
            duration_min: access.duration.min.0,
            duration_max: access.duration.max.0,
            duration_choices: access.duration.choices.iter().map(|time| time.0).collect(),
            on_rule_change: match access.on_rule_change {
                DriftResponse::Report => OnRuleChange::Report,
                DriftResponse::End => OnRuleChange::End,
            },
            directory_max_age: self.config.inventory.max_age.0,
            // set later from the roles, as in the demo
            admins: Vec::new(),
            end_sessions: access.end_sessions,
            armed_ends: access.armed_ends.settings(),
            home_region_lost_after: some(access.home_region_lost_after),
            people_every: some(access.people_every),
            entitlements: access.entitlements,
            require_export_within: some(access.require_export_within),
            management_account: None,
            out_of_reach: None,
            sweep: access.sweep.settings(&access.standing),
            group_sync: self.config.groups.settings(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::keys::keys;
    use super::*;

    #[test]
    fn an_empty_file_is_all_defaults() {
        let loaded = Loaded {
            config: parse("", "x").unwrap(),
            folder: PathBuf::from("/etc/hp"),
        };
        let crate::host::server_store::StoreAddress::File(path) = loaded.store().unwrap() else {
            panic!("no file");
        };
        assert_eq!(path, Path::new("/etc/hp/hallpass.db"));
        assert_eq!(loaded.rules().unwrap(), Path::new("/etc/hp/rules.toml"));
        assert_eq!(loaded.settings(), Settings::default());
        assert!(loaded.export().unwrap().is_none());
        assert_eq!(
            loaded.identity("d-1", "eu-west-1").portal_url,
            "https://d-1.awsapps.com/start"
        );
    }

    #[test]
    fn unknown_keys_are_refused_with_place_and_nearest_name() {
        let error = parse(
            "[server]\nlisten = \"a\"\n[access]\nrequest_expirey = \"8h\"\n",
            "h.toml",
        )
        .unwrap_err();
        let text = format!("{error:?}");
        assert!(
            text.contains("h.toml:4:1") && text.contains("did you mean `request_expiry`"),
            "{text}"
        );
    }

    #[test]
    fn a_value_of_another_kind_is_not_repeated() {
        for (text, said) in [
            (
                "[telemetry]\nheaders = \"authorization=Bearer sekrit\"",
                "string",
            ),
            ("[slack]\nbot_token = [\"sekrit\"]", "sequence"),
            ("[slack]\nbot_token = 5318008", "integer"),
            ("[oidc]\nclient_secret = { a = \"sekrit\" }", "map"),
            ("[mail]\nurl = 5318008.5", "float"),
            ("webhooks = \"sekrit, expected `x`\"", "string"),
            ("store = \"postgres://u:sekrit@h/x\"", "string"),
        ] {
            let told = parse(text, "h.toml").unwrap_err().words();
            assert!(
                !told.contains("sekrit") && !told.contains("5318008"),
                "{told}"
            );
            assert!(told.contains("h.toml:") && told.contains(said), "{told}");
            assert!(told.contains("expected"), "{told}");
        }
    }

    #[test]
    fn zero_means_never_and_lists_lift_the_maximum() {
        let text = "[access]\nrequest_expiry = 0\n[access.duration]\nchoices = [\"01:00\", \"72:00\"]\nmin = \"1s\"\n";
        let settings = Loaded {
            config: parse(text, "x").unwrap(),
            folder: PathBuf::new(),
        }
        .settings();
        assert_eq!(settings.request_expiry, None);
        assert_eq!(settings.longest(), TimeSpan::hours(72));
        assert_eq!(settings.duration_min, TimeSpan::seconds(1));
    }

    #[test]
    fn a_role_that_names_nobody_is_refused() {
        for key in ["admins", "auditors", "operators"] {
            for good in ["group:admins", "user@example.com"] {
                let text = format!("[identity]\n{key} = [\"{good}\"]");
                assert!(parse(&text, "h.toml").is_ok(), "{text}");
            }
            for (bad, help) in [
                ("admins", "write \"group:admins\""),
                ("groups:admins", "write \"group:admins\""),
                ("Name <a@b>", "write \"a@b\""),
                ("", "write \"group:NAME\""),
            ] {
                let text = format!("[identity]\n{key} = [\"user@example.com\", \"{bad}\"]");
                let refused = parse(&text, "h.toml").unwrap_err();
                let said = format!("{}\n{refused:?}", refused.words()).replace('\\', "");
                assert!(
                    said.contains(&format!("h.toml: `identity.{key}`: `{bad}`")),
                    "{said}"
                );
                assert!(said.contains(help), "{said}");
            }
        }
    }

    #[test]
    fn fallback_domains_begin_with_an_at_sign() {
        assert!(parse("[identity]\nfallback_domains = [\"example.com\"]", "x").is_err());
        assert!(parse("[identity]\nfallback_domains = [\"@example.com\"]", "x").is_ok());
    }

    #[test]
    fn the_reference_page_lists_every_key() {
        let page = include_str!("../../../../docs/reference/configuration.md");
        for (key, default) in keys() {
            let row = page
                .lines()
                .find(|line| line.starts_with(&format!("| `{key}` |")));
            assert!(
                row.is_some_and(|row| row.contains(default)),
                "{key} = {default}"
            );
        }
    }
}
