//! Preset answers: flags override a TOML file with the same names.

use std::path::Path;

use hallpass_terminal::exit::Failure;
use hallpass_terminal::nearest::nearest;
use hallpass_terminal::text_file::read_text;
use serde::Deserialize;

/// Bytes.
const FILE_MAX: u64 = 1 << 20;

/// Web sign-in method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum SignInKind {
    /// Through an OpenID provider
    Oidc,
    /// Not yet: by tokens created on the server's machine
    Tokens,
}

/// Answers. A flag and its file key have the same name, with `-` and with `_`.
#[derive(Clone, Debug, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Given {
    /// The public address, such as `https://hallpass.example.com`
    #[arg(long, value_name = "URL")]
    pub(super) public_url: Option<String>,
    /// The listen address [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<String>,
    /// The home Region of IAM Identity Center
    #[arg(long, value_name = "REGION")]
    pub(super) region: Option<String>,
    /// The role that the server assumes, if its machine is in another account
    #[arg(long, value_name = "ARN")]
    pub(super) role_arn: Option<String>,
    /// The external id that the role requires
    #[arg(long, value_name = "ID", requires = "role_arn")]
    pub(super) external_id: Option<String>,
    /// The group that administers Hallpass
    #[arg(long, value_name = "GROUP")]
    pub(super) administrators: Option<String>,
    /// The group with read-only access to everything [default: none]
    #[arg(long, value_name = "GROUP")]
    pub(super) auditors: Option<String>,
    /// The group that approves requests
    #[arg(long, value_name = "GROUP")]
    pub(super) approvers: Option<String>,
    /// The group that may request access [default: everyone]
    #[arg(long, value_name = "GROUP")]
    pub(super) requesters: Option<String>,
    /// A sensitive account or organizational unit, by name, path or id; `*`: all
    #[arg(long, value_name = "PLACE")]
    pub(super) sensitive: Option<Vec<String>>,
    /// A requestable permission set; `*`: each that exists now
    #[arg(long = "permission-set", value_name = "SET")]
    pub(super) permission_sets: Option<Vec<String>>,
    /// A requestable set that needs no approval, outside of sensitive places [default: none]
    #[arg(long = "read-only", value_name = "SET")]
    pub(super) read_only: Option<Vec<String>>,
    /// The longest grant [default: 8h]
    #[arg(long, value_name = "TIME")]
    pub(super) longest: Option<String>,
    /// The longest grant in sensitive accounts [default: 2h]
    #[arg(long, value_name = "TIME")]
    pub(super) longest_sensitive: Option<String>,
    /// Number of approvals for sensitive accounts, 1 to 5 [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) approvals_sensitive: Option<u32>,
    /// Sign-in method [default: tokens]
    #[arg(long, value_enum, value_name = "KIND")]
    pub(super) sign_in: Option<SignInKind>,
    /// The OpenID provider, as in its discovery document
    #[arg(long, value_name = "URL")]
    pub(super) oidc_issuer: Option<String>,
    /// The client id of Hallpass at the provider
    #[arg(long, value_name = "ID")]
    pub(super) oidc_client_id: Option<String>,
    /// Reference to the client secret, `${env:NAME}` or `file:PATH` [default: a public client]
    #[arg(long, value_name = "REFERENCE")]
    pub(super) oidc_client_secret: Option<String>,
}

impl Given {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = read_text(path, FILE_MAX)?;
        Self::parse(&text).map_err(|failure| failure.within(path))
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.get(..at).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let message = error.message();
            let failure = Failure::bad_input(message.to_owned()).at(format!("line {line}"));
            match meant(message) {
                Some(name) => failure.help(format!("did you mean `{name}`?")),
                None => failure.help("the keys are the flags of `hallpass init`, with `_` for `-`"),
            }
        })
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            public_url: self.public_url.or(other.public_url),
            listen: self.listen.or(other.listen),
            region: self.region.or(other.region),
            role_arn: self.role_arn.or(other.role_arn),
            external_id: self.external_id.or(other.external_id),
            administrators: self.administrators.or(other.administrators),
            auditors: self.auditors.or(other.auditors),
            approvers: self.approvers.or(other.approvers),
            requesters: self.requesters.or(other.requesters),
            sensitive: self.sensitive.or(other.sensitive),
            permission_sets: self.permission_sets.or(other.permission_sets),
            read_only: self.read_only.or(other.read_only),
            longest: self.longest.or(other.longest),
            longest_sensitive: self.longest_sensitive.or(other.longest_sensitive),
            approvals_sensitive: self.approvals_sensitive.or(other.approvals_sensitive),
            sign_in: self.sign_in.or(other.sign_in),
            oidc_issuer: self.oidc_issuer.or(other.oidc_issuer),
            oidc_client_id: self.oidc_client_id.or(other.oidc_client_id),
            oidc_client_secret: self.oidc_client_secret.or(other.oidc_client_secret),
        }
    }

    pub(super) fn missing(&self) -> Vec<&'static str> {
        let is_oidc = self.sign_in == Some(SignInKind::Oidc);
        let needed = [
            ("public_url", self.public_url.is_none()),
            ("administrators", self.administrators.is_none()),
            ("approvers", self.approvers.is_none()),
            ("sensitive", self.sensitive.is_none()),
            ("permission_sets", self.permission_sets.is_none()),
            ("oidc_issuer", is_oidc && self.oidc_issuer.is_none()),
            ("oidc_client_id", is_oidc && self.oidc_client_id.is_none()),
        ];
        let missing = needed.into_iter().filter(|(_, is_missing)| *is_missing);
        missing.map(|(name, _)| name).collect()
    }
}

fn meant(message: &str) -> Option<String> {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names
        .next()
        .filter(|_| message.starts_with("unknown field"))?;
    nearest(unknown, &names.map(str::to_owned).collect()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_before_the_file_and_what_is_missing_is_named() {
        let file =
            Given::parse("longest = \"4h\"\napprovers = \"leads\"\nsensitive = [\"*\"]").unwrap();
        let flags = Given {
            longest: Some("1h".to_owned()),
            sign_in: Some(SignInKind::Oidc),
            ..Given::default()
        };
        let both = flags.or(file);
        assert_eq!(both.longest.as_deref(), Some("1h"));
        assert_eq!(both.approvers.as_deref(), Some("leads"));
        let missing = [
            "public_url",
            "administrators",
            "permission_sets",
            "oidc_issuer",
            "oidc_client_id",
        ];
        assert_eq!(both.missing(), missing);
    }

    #[test]
    fn a_key_that_is_no_answer_is_refused_with_the_one_that_was_meant() {
        let failure = Given::parse("longest = \"4h\"\naprovers = \"leads\"").unwrap_err();
        let said = format!("{failure:?}");
        assert!(
            said.contains("line 2") && said.contains("did you mean `approvers`"),
            "{said}"
        );
        for bad in [
            "sensitive = \"Prod\"",
            "approvals_sensitive = -1",
            "sign_in = \"saml\"",
            "not toml",
        ] {
            assert!(Given::parse(bad).is_err(), "{bad}");
        }
    }
}
