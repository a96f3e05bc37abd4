//! References in values: environment variables or files.

use std::path::Path;

use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::read_secret;
use secrecy::{ExposeSecret as _, SecretString};

use super::Config;

/// How to handle secret references of the server: sign-in, channels, store address, collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Resolve them; each must exist.
    Read,
    /// Keep references, for processes without access: systemd shows a unit's secrets only to it.
    /// The store address is resolved on use.
    Left,
}

/// Replaces `${env:NAME}` and `file:PATH` by their values; relative paths start at `folder`.
pub(crate) fn resolve_all(
    config: &mut Config,
    folder: &Path,
    secrets: Secrets,
) -> Result<(), Failure> {
    let (aws, guard) = (&mut config.aws, &mut config.guard);
    let texts = [
        &mut aws.region,
        &mut aws.endpoint_url,
        &mut aws.role_arn,
        &mut aws.external_id,
        &mut aws.member_role,
        &mut aws.member_external_id,
        &mut config.audit.export.target,
        &mut guard.public_key,
        &mut guard.role_arn,
        &mut guard.external_id,
    ];
    resolve_texts(texts.into_iter().flatten(), folder)?;
    match secrets {
        Secrets::Read => resolve_of_server(config, folder),
        Secrets::Left => Ok(()),
    }
}

fn resolve_of_server(config: &mut Config, folder: &Path) -> Result<(), Failure> {
    let texts = [&mut config.store.url].into_iter();
    resolve_texts(texts.chain(&mut config.oidc.client_secret), folder)?;
    let secrets = [&mut config.mail.url, &mut config.pci.scim_token];
    let webhooks = config.webhooks.iter_mut();
    let webhooks = webhooks.flat_map(|hook| [&mut hook.url, &mut hook.secret]);
    let (mut urls, mut tokens) = (Vec::new(), Vec::new());
    for list in &mut config.on_call {
        urls.extend(&mut list.url);
        tokens.extend(&mut list.token);
    }
    for service in &mut config.tickets {
        urls.extend(&mut service.url);
        tokens.extend(&mut service.token);
    }
    resolve_texts(urls.into_iter(), folder)?;
    let secrets = secrets.into_iter().flatten().chain(webhooks);
    resolve_secrets(secrets.chain(tokens), folder)?;
    config.look_up_interactive(folder)?;
    config.telemetry.look_up(folder)
}

pub(super) fn resolve_texts<'a>(
    texts: impl Iterator<Item = &'a mut String>,
    folder: &Path,
) -> Result<(), Failure> {
    for text in texts {
        *text = resolve(text, folder)?;
    }
    Ok(())
}

pub(super) fn resolve_secrets<'a>(
    secrets: impl Iterator<Item = &'a mut SecretString>,
    folder: &Path,
) -> Result<(), Failure> {
    for secret in secrets {
        *secret = SecretString::from(resolve(secret.expose_secret(), folder)?);
    }
    Ok(())
}

pub fn look_up(value: &str, folder: &Path) -> Result<(), Failure> {
    resolve(value, folder).map(drop)
}

/// Returns the literal or referenced value.
pub(crate) fn resolve(value: &str, folder: &Path) -> Result<String, Failure> {
    if let Some(name) = value
        .strip_prefix("${env:")
        .and_then(|rest| rest.strip_suffix('}'))
    {
        let value = std::env::var(name).ok();
        // an empty value would make the secret look optional
        return match value.as_deref().map(str::trim) {
            Some("") => Err(format!("the environment variable `{name}` is empty")),
            Some(value) => Ok(value.to_owned()),
            None => Err(format!("the environment variable `{name}` is not set")),
        }
        .map_err(|why| {
            Failure::bad_input(why).help("the configuration refers to it as `${env:…}`")
        });
    }
    if let Some(path) = value.strip_prefix("file:") {
        return read_secret(&folder.join(path));
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::host::server_store::StoreAddress;

    use super::super::keys::keys;
    use super::super::{Loaded, interactive, load, load_with, parse, parse_with};
    use super::Secrets;

    fn may_stand_elsewhere((key, default): (&str, &str)) -> bool {
        let single = [
            "store.url",
            "oidc.client_secret",
            "audit.export.target",
            "mail.url",
            "webhooks.url",
            "webhooks.secret",
            "on_call.url",
            "on_call.token",
            "tickets.url",
            "tickets.token",
            "telemetry.endpoint",
            "telemetry.headers",
            "pci.scim_token",
            "guard.public_key",
            "guard.role_arn",
            "guard.external_id",
        ];
        let is_text = !["true", "false"].contains(&default);
        let mut of_channels = interactive::KEYS.into_iter().flatten();
        let is_of_channel = is_text && of_channels.any(|(it, _)| *it == key);
        is_of_channel || single.contains(&key) || key.starts_with("aws.")
    }

    #[test]
    fn each_key_that_may_stand_elsewhere_is_looked_up() {
        let keys: Vec<_> = keys().filter(|it| may_stand_elsewhere(*it)).collect();
        let all_of_channels = interactive::KEYS.into_iter().flatten();
        let of_channels = keys
            .iter()
            .filter(|key| all_of_channels.clone().any(|it| it == *key));
        let of_channels = of_channels.count();
        assert_eq!(keys.len() - of_channels, 22, "{keys:?}");
        assert!(of_channels >= 9, "{keys:?}");
        for (key, _) in keys {
            let (table, name) = key.rsplit_once('.').unwrap();
            let value = "\"file:/nowhere/at-all\"";
            let text = match (table, name) {
                ("webhooks", "url") => {
                    format!("[[webhooks]]\nname = \"a\"\nurl = {value}\nsecret = \"x\"")
                }
                ("webhooks", _) => {
                    format!("[[webhooks]]\nname = \"a\"\nurl = \"x\"\n{name} = {value}")
                }
                ("on_call" | "tickets", _) => {
                    format!("[[{table}]]\nname = \"a\"\nkind = \"json\"\n{name} = {value}")
                }
                ("telemetry", "headers") => format!("[telemetry.headers]\nx-key = {value}"),
                _ => format!("[{table}]\n{name} = {value}"),
            };
            let told = parse(&text, "x").map(drop).map_err(|it| it.words());
            assert!(
                told.as_ref()
                    .is_err_and(|it| it.contains("/nowhere/at-all")),
                "{key}: {told:?}"
            );
        }
    }

    #[test]
    fn a_secret_that_is_empty_or_no_text_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        let told = |bytes: &[u8]| {
            std::fs::write(&secret, bytes).unwrap();
            super::resolve("file:secret", folder.path()).map_err(|it| it.words())
        };
        assert_eq!(told(b"\xef\xbb\xbf s3cret \r\n"), Ok("s3cret".to_owned()));
        for (bytes, word) in [
            (b"".as_slice(), "is empty"),
            (b" \r\n", "is empty"),
            (b"\xef\xbb\xbf\n", "is empty"),
            (b"\xff\xfes\0", "UTF-16"),
            (b"\xe9", "UTF-8"),
        ] {
            let told = told(bytes).unwrap_err();
            assert!(told.contains(word), "{told}");
        }
    }

    #[test]
    fn a_relative_file_is_meant_from_the_configuration_s_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("id"), "of-the-file\n").unwrap();
        let file = folder.path().join("hallpass.toml");
        let text = "[aws]\nexternal_id = \"file:id\"\n[store]\n\
            url = \"postgres://u@db.example.com/x?sslrootcert=ca.pem\"\n";
        std::fs::write(&file, text).unwrap();
        let loaded = load(&file).unwrap();
        assert_eq!(
            loaded.config.aws.external_id.as_deref(),
            Some("of-the-file")
        );
        let StoreAddress::Postgres(address) = loaded.store().unwrap() else {
            panic!("no server");
        };
        let roots = folder.path().join("ca.pem");
        assert_eq!(address.root_file(), Some(roots.as_path()));
    }

    #[test]
    fn who_needs_no_secret_of_the_server_reads_its_configuration_without_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hallpass.toml");
        let secret = |name: &str| format!("\"file:/run/credentials/nobody.service/{name}\"");
        let text = format!(
            "[store]\nurl = {}\n[oidc]\nclient_secret = {}\n[slack]\nbot_token = {}\nsigning_secret = {}\n[mail]\nurl = {}\n\
             [pci]\nscim_token = {}\n[[webhooks]]\nname = \"a\"\nurl = {}\nsecret = {}\n[telemetry.headers]\nauthorization = {}\n\
             [aws]\nexternal_id = \"file:id\"\n[guard]\npublic_key = \"file:key\"\n",
            secret("url"),
            secret("oidc"),
            secret("bot"),
            secret("signing"),
            secret("mail"),
            secret("scim"),
            secret("hook"),
            secret("hook-secret"),
            secret("collector"),
        );
        std::fs::write(&file, text).unwrap();
        let left = || load_with(&file, Secrets::Left);
        assert!(
            left().is_err(),
            "required secrets have to exist, as its own key"
        );
        for (name, value) in [("id", "an id"), ("key", "a key")] {
            std::fs::write(folder.path().join(name), value).unwrap();
        }
        assert!(load(&file).is_err(), "a server needs all of them");
        let loaded = left().unwrap();
        assert_eq!(loaded.config.aws.external_id.as_deref(), Some("an id"));
        assert_eq!(loaded.config.guard.public_key.as_deref(), Some("a key"));
        for refused in [
            loaded.store().unwrap_err(),
            loaded.telemetry_now().err().unwrap(),
        ] {
            let told = refused.words();
            assert!(told.contains("/run/credentials/nobody.service/"), "{told}");
        }
    }

    #[test]
    fn an_address_that_was_left_is_looked_up_when_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("url"), "sqlite:there.db\n").unwrap();
        let text = "[store]\nurl = \"file:url\"\n";
        let loaded = Loaded {
            config: parse_with(text, "x", Secrets::Left).unwrap(),
            folder: folder.path().to_owned(),
        };
        let StoreAddress::File(path) = loaded.store().unwrap() else {
            panic!("no file");
        };
        assert_eq!(path, folder.path().join("there.db"));
    }
}
