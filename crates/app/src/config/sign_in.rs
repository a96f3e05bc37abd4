//! `[oidc]` and `[server.session]`: sign-in and session limits.

use std::sync::Arc;

use hallpass_aws::portal_address::portal_address;
use hallpass_base::{Email, TimeSpan};
use hallpass_server::{OidcSettings, Provider, Proxies, SessionSettings, SignIn};
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::{Loaded, Time};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionSection {
    pub idle: Time,
    pub absolute: Time,
    pub renew: Time,
}

impl Default for SessionSection {
    fn default() -> Self {
        let settings = SessionSettings::default();
        Self {
            idle: Time(settings.idle),
            absolute: Time(settings.absolute),
            renew: Time(settings.renew),
        }
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Oidc {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<String>,
    pub scopes: Vec<String>,
    pub email_claim: String,
    pub require_verified_email: bool,
    pub name: String,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
            email_claim: "email".to_owned(),
            require_verified_email: true,
            name: "your company account".to_owned(),
        }
    }
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Oidc")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// The public address, as browsers send it in `Origin`.
pub(crate) fn public_url(text: &str, name: &str) -> Result<String, Failure> {
    let has_blank = text.contains(|c: char| c.is_whitespace() || c.is_control());
    let url = reqwest::Url::parse(text).ok().filter(|_| !has_blank);
    let is_plain = |url: &reqwest::Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path().trim_end_matches('/').is_empty()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    match url.filter(is_plain) {
        Some(url) => Ok(url.origin().ascii_serialization()),
        None => Err(Failure::bad_input(format!(
            "{name}: `server.public_url` is not a scheme and a host alone"
        ))
        .help("write it like \"https://hallpass.example.com\"")),
    }
}

pub(crate) fn portal_url(text: &str, name: &str) -> Result<String, Failure> {
    if text.is_empty() {
        return Ok(String::new());
    }
    portal_address(text).map_err(|why| {
        Failure::bad_input(format!("{name}: `identity.portal_url`: {why}"))
            .help("write it like \"https://acme.awsapps.com/start\"")
    })
}

impl Loaded {
    /// Cookies require TLS if the public address uses it.
    pub fn sessions(&self) -> Result<SessionSettings, Failure> {
        let table = &self.config.server.session;
        let minute = TimeSpan::minutes(1);
        for (key, time) in [
            ("idle", table.idle),
            ("absolute", table.absolute),
            ("renew", table.renew),
        ] {
            if time.0 < minute {
                let message = format!("`server.session.{key}` is shorter than a minute");
                return Err(Failure::bad_input(message).help("write it like \"8h\""));
            }
        }
        Ok(SessionSettings {
            idle: table.idle.0,
            absolute: table.absolute.0,
            renew: table.renew.0,
            secure: self.config.server.public_url.starts_with("https://"),
        })
    }

    pub fn has_provider(&self) -> bool {
        !self.config.oidc.issuer.is_empty()
    }

    /// The first person of `identity.admins` who is named by e-mail.
    pub fn first_administrator(&self) -> Option<Email> {
        let mut admins = self.config.identity.admins.iter();
        admins.find_map(|entry| Email::new(entry).ok())
    }

    pub fn provider(&self) -> Result<Option<Provider>, Failure> {
        let table = &self.config.oidc;
        if table.issuer.is_empty() {
            if table.client_id.is_empty() && table.client_secret.is_none() {
                return Ok(None);
            }
            return Err(Failure::bad_input("`oidc.issuer` is missing")
                .help("it is the address that `/.well-known/openid-configuration` is below"));
        }
        if table.client_id.is_empty() {
            return Err(Failure::bad_input("`oidc.client_id` is missing")
                .help("register an application at the provider; docs/how-to/sign-in.md says how"));
        }
        if table.require_verified_email && table.email_claim != "email" {
            return Err(Failure::bad_input(format!(
                "`oidc.email_claim` is `{}`, and `email_verified` says nothing about that claim",
                table.email_claim
            ))
            .help("set `oidc.require_verified_email = false` if users cannot choose that claim"));
        }
        let secret = table.client_secret.clone();
        let settings = OidcSettings {
            issuer: table.issuer.clone(),
            client_id: table.client_id.clone(),
            client_secret: secret.filter(|it| !it.is_empty()).map(Into::into),
            scopes: table.scopes.clone(),
            email_claim: table.email_claim.clone(),
            require_verified_email: table.require_verified_email,
            name: table.name.clone(),
            public_url: self.config.server.public_url.clone(),
        };
        let provider = Provider::new(settings);
        provider.map(Some).map_err(|why| {
            Failure::bad_input(format!("`oidc.issuer`: {why}"))
                .help("write it as the provider's discovery document has it")
        })
    }

    /// Proxies with trusted address headers.
    pub fn proxies(&self) -> Result<Proxies, Failure> {
        Proxies::parse(&self.config.server.trusted_proxies).map_err(|error| {
            Failure::bad_input(format!("`server.trusted_proxies`: {error}"))
                .help("name the addresses that your proxies call from")
        })
    }

    pub fn sign_in(&self) -> Result<Arc<SignIn>, Failure> {
        let sign_in = SignIn::new(&self.config.server.public_url)
            .with_tries(self.config.server.sign_in_rate)
            .with_proxies(self.proxies()?);
        Ok(Arc::new(match self.provider()? {
            Some(provider) => sign_in.with_provider(provider),
            None => sign_in,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn loaded(text: &str) -> Loaded {
        Loaded {
            config: super::super::parse(text, "h.toml").unwrap(),
            folder: PathBuf::new(),
        }
    }

    #[test]
    fn what_cannot_be_is_refused_before_anything_starts() {
        for (text, named) in [
            (
                "[server]\ntrusted_proxies = [\"proxy\"]",
                "server.trusted_proxies",
            ),
            ("[oidc]\nclient_id = \"x\"", "oidc.issuer"),
            ("[oidc]\nissuer = \"https://id.example\"", "oidc.client_id"),
            (
                "[oidc]\nissuer = \"http://id.example\"\nclient_id = \"x\"",
                "not https",
            ),
            (
                "[oidc]\nissuer = \"https://id.example\"\nclient_id = \"x\"\nemail_claim = \"upn\"",
                "oidc.email_claim",
            ),
        ] {
            let failure = loaded(text).sign_in().err();
            let told = format!("{failure:?}");
            assert!(failure.is_some() && told.contains(named), "{text}: {told}");
        }
        assert!(
            loaded("[server.session]\nidle = \"1s\"")
                .sessions()
                .is_err()
        );
        assert!(loaded("").sign_in().is_ok());
        let local = "[oidc]\nissuer = \"http://127.0.0.1:1\"\nclient_id = \"x\"";
        assert!(loaded(local).provider().unwrap().is_some());
    }

    #[test]
    fn addresses_have_one_form_or_are_refused_when_the_file_is_read() {
        for (key, text, read) in [
            (
                "public_url",
                "https://h.example/",
                Some("https://h.example"),
            ),
            (
                "public_url",
                "HTTPS://H.Example:443",
                Some("https://h.example"),
            ),
            (
                "public_url",
                "http://[::1]:8080//",
                Some("http://[::1]:8080"),
            ),
            ("public_url", "h.example", None),
            ("public_url", "https://h.example/sub", None),
            ("public_url", "https://u:secret@h.example", None),
            ("public_url", "https://h.example/?secret", None),
            ("public_url", "https://h.example/#", None),
            ("public_url", " https://h.example", None),
            ("public_url", "", None),
            ("portal_url", "", Some("")),
            (
                "portal_url",
                "https://A.awsapps.com/start/#/",
                Some("https://a.awsapps.com/start"),
            ),
            ("portal_url", "https://a.awsapps.com/start?secret", None),
            ("portal_url", "http://a.awsapps.com/start", None),
            ("portal_url", "a.awsapps.com/start", None),
        ] {
            let table = match key {
                "public_url" => "server",
                _ => "identity",
            };
            let file = format!("[{table}]\n{key} = \"{text}\"");
            match super::super::parse(&file, "h.toml") {
                Ok(config) => {
                    let found = match key {
                        "public_url" => config.server.public_url,
                        _ => config.identity.portal_url,
                    };
                    assert_eq!(Some(found.as_str()), read, "{file}");
                }
                Err(failure) => {
                    let told = failure.words();
                    assert!(read.is_none() && told.contains(key), "{file}: {told}");
                    assert!(!told.contains("secret"), "{told}");
                }
            }
        }
    }

    #[test]
    fn cookies_are_bound_to_tls_when_people_come_over_it() {
        assert!(!loaded("").sessions().unwrap().secure);
        let text = "[server]\npublic_url = \"https://hallpass.example/\"";
        assert!(loaded(text).sessions().unwrap().secure);
    }

    #[test]
    fn the_secret_is_not_shown() {
        let text = "[oidc]\nclient_secret = \"hunter2\"";
        assert!(!format!("{:?}", loaded(text).config).contains("hunter2"));
    }
}
