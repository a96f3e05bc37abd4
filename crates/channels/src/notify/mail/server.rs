//! Creates the SMTP transport from its URL.

use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::MailSettingsError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Privacy {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Required STARTTLS (RFC 3207).
    StartTls,
    /// For a local server or a trusted network.
    None,
}

struct Address {
    host: String,
    port: u16,
    privacy: Privacy,
    login: Option<(String, SecretString)>,
}

pub(super) fn transport(
    url: &SecretString,
    answer_max: Duration,
) -> Result<(AsyncSmtpTransport<Tokio1Executor>, String), MailSettingsError> {
    let address =
        read(url.expose_secret()).map_err(|message| MailSettingsError::new("url", message))?;
    let tls = match address.privacy {
        Privacy::None => Tls::None,
        Privacy::Tls | Privacy::StartTls => {
            let parameters = TlsParameters::new(address.host.clone())
                .map_err(|error| MailSettingsError::new("url", format!("no TLS: {error}")))?;
            if address.privacy == Privacy::Tls {
                Tls::Wrapper(parameters)
            } else {
                Tls::Required(parameters)
            }
        }
    };
    let shown = format!("{}:{}", address.host, address.port);
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.host)
        .port(address.port)
        .tls(tls)
        .timeout(Some(answer_max));
    if let Some((user, password)) = address.login {
        let password = password.expose_secret().to_owned();
        builder = builder.credentials(Credentials::new(user, password));
    }
    Ok((builder.build(), shown))
}

/// Parses a URL. Errors do not repeat it: it contains a password.
fn read(text: &str) -> Result<Address, String> {
    let form = "write it as smtp://user:password@host:587?tls=required, with reserved characters of the password as %XX";
    let url = Url::parse(text).map_err(|_| format!("not a URL; {form}"))?;
    let host = url.host_str().ok_or_else(|| format!("no host; {form}"))?;
    let mut tls = None;
    for (name, value) in url.query_pairs() {
        if name == "tls" && tls.is_none() {
            tls = Some(value.into_owned());
        } else {
            return Err(format!("unknown parameter `{name}`; {form}"));
        }
    }
    let privacy = match (url.scheme(), tls.as_deref()) {
        ("smtps", None) => Privacy::Tls,
        ("smtp", None | Some("required")) => Privacy::StartTls,
        ("smtp", Some("none")) => Privacy::None,
        ("smtp" | "smtps", _) => {
            return Err("`tls` is `required` or `none`, and only for smtp://".to_owned());
        }
        _ => return Err(format!("the scheme is neither smtp nor smtps; {form}")),
    };
    let login = login(&url)?;
    if privacy == Privacy::None && login.is_some() && !is_loopback(host) {
        return Err(
            "a password would be sent where others can read it: use `tls=required`".to_owned(),
        );
    }
    let standard = match privacy {
        Privacy::Tls => 465,
        Privacy::StartTls => 587,
        Privacy::None => 25,
    };
    Ok(Address {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: url.port().unwrap_or(standard),
        privacy,
        login,
    })
}

fn login(url: &Url) -> Result<Option<(String, SecretString)>, String> {
    let unreadable =
        || "user or password have a % that is not followed by two hex digits".to_owned();
    let user = decoded(url.username()).ok_or_else(unreadable)?;
    let Some(password) = url.password() else {
        return if user.is_empty() {
            Ok(None)
        } else {
            Err("a user without a password".to_owned())
        };
    };
    let password = decoded(password).ok_or_else(unreadable)?;
    Ok(Some((user, password.into())))
}

/// Undoes percent-encoding (RFC 3986 §2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            bytes.extend(hex::decode(pair).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        for (text, host, port, privacy, login) in [
            (
                "smtp://mail.example.com",
                "mail.example.com",
                587,
                Privacy::StartTls,
                None,
            ),
            (
                "smtps://u:p@mail.example.com",
                "mail.example.com",
                465,
                Privacy::Tls,
                Some(("u", "p")),
            ),
            (
                "smtp://ops%40example.com:a%2Fb%25@mail.example.com:2525?tls=required",
                "mail.example.com",
                2525,
                Privacy::StartTls,
                Some(("ops@example.com", "a/b%")),
            ),
            (
                "smtp://127.0.0.1:1025?tls=none",
                "127.0.0.1",
                1025,
                Privacy::None,
                None,
            ),
            (
                "smtp://u:p@[::1]?tls=none",
                "::1",
                25,
                Privacy::None,
                Some(("u", "p")),
            ),
            (
                "smtp://relay.internal?tls=none",
                "relay.internal",
                25,
                Privacy::None,
                None,
            ),
        ] {
            let address = read(text).unwrap();
            assert_eq!(
                (address.host.as_str(), address.port, address.privacy),
                (host, port, privacy)
            );
            let found = address.login.as_ref();
            let found = found.map(|(user, password)| (user.as_str(), password.expose_secret()));
            assert_eq!(found, login, "{text}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_without_telling_the_password() {
        for text in [
            "mail.example.com",
            "http://u:hunter2@mail.example.com",
            "smtp://u:hunter2@mail.example.com?tls=none",
            "smtp://u:hunter2@mail.example.com?tls=maybe",
            "smtps://u:hunter2@mail.example.com?tls=required",
            "smtp://u:hunter2@mail.example.com?pool=3",
            "smtp://u:hunter2%zz@mail.example.com",
            "smtp://u@mail.example.com",
            "smtp://",
            "",
        ] {
            let error = read(text).err();
            let told = error.unwrap_or_else(|| panic!("{text} is accepted"));
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
