//! Values that stand elsewhere: in a variable of the environment, or in a file.

use std::fs;
use std::path::Path;

use hallpass_terminal::exit::Failure;
use secrecy::{ExposeSecret as _, SecretString};

use super::Config;

/// Puts what `${env:NAME}` and `file:PATH` stand for in their place; relative paths are meant from `folder`.
pub(crate) fn resolve_all(config: &mut Config, folder: &Path) -> Result<(), Failure> {
    let (aws, guard, slack) = (&mut config.aws, &mut config.guard, &mut config.slack);
    let (telemetry, marks) = (&mut config.telemetry, &mut slack.marks);
    let texts = [
        &mut aws.region,
        &mut aws.endpoint_url,
        &mut aws.role_arn,
        &mut aws.external_id,
        &mut aws.member_role,
        &mut aws.member_external_id,
        &mut config.audit.export.target,
        &mut config.oidc.client_secret,
        &mut guard.public_key,
        &mut guard.role_arn,
        &mut guard.external_id,
        &mut slack.channel,
        &mut telemetry.endpoint,
    ];
    let always = [
        &mut config.store.url,
        &mut slack.api_url,
        &mut marks.waiting,
        &mut marks.good,
        &mut marks.bad,
        &mut marks.discarded,
    ];
    for value in texts.into_iter().flatten().chain(always) {
        *value = resolve(value, folder)?;
    }
    let secrets = [
        &mut slack.signing_secret,
        &mut slack.bot_token,
        &mut slack.app_token,
        &mut config.mail.url,
        &mut config.pci.scim_token,
    ];
    let webhooks = config.webhooks.iter_mut();
    let webhooks = webhooks.flat_map(|hook| [&mut hook.url, &mut hook.secret]);
    let listed = webhooks.chain(telemetry.headers.values_mut());
    for secret in secrets.into_iter().flatten().chain(listed) {
        *secret = SecretString::from(resolve(secret.expose_secret(), folder)?);
    }
    Ok(())
}

/// A value as written, or what it stands for.
fn resolve(value: &str, folder: &Path) -> Result<String, Failure> {
    if let Some(name) = value
        .strip_prefix("${env:")
        .and_then(|rest| rest.strip_suffix('}'))
    {
        return std::env::var(name).map_err(|_| {
            Failure::bad_input(format!("the environment variable `{name}` is not set"))
                .help("the configuration refers to it as `${env:…}`")
        });
    }
    if let Some(path) = value.strip_prefix("file:") {
        let path = folder.join(path);
        let text = fs::read_to_string(&path);
        let text = text.map_err(|error| Failure::unreadable(path.display(), &error))?;
        return Ok(text.trim_end().to_owned());
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::keys::KEYS;
    use super::super::{load, parse};

    /// Numbers and switches below `slack.*`.
    const NO_TEXT: &[&str] = &["slack.dm_outside_channel", "slack.announce_end"];

    /// What docs/reference/configuration.md promises.
    fn may_stand_elsewhere(key: &str) -> bool {
        let all = ["aws.", "slack."];
        let single = [
            "store.url",
            "oidc.client_secret",
            "audit.export.target",
            "mail.url",
            "webhooks.url",
            "webhooks.secret",
            "telemetry.endpoint",
            "telemetry.headers",
            "pci.scim_token",
            "guard.public_key",
            "guard.role_arn",
            "guard.external_id",
        ];
        let is_text = !NO_TEXT.contains(&key);
        is_text && (single.contains(&key) || all.iter().any(|it| key.starts_with(it)))
    }

    #[test]
    fn each_key_that_may_stand_elsewhere_is_looked_up() {
        let keys = KEYS.iter().map(|(key, _)| *key);
        let keys: Vec<&str> = keys.filter(|key| may_stand_elsewhere(key)).collect();
        assert_eq!(keys.len(), 27, "{keys:?}");
        for key in keys {
            let (table, name) = key.rsplit_once('.').unwrap();
            let value = "\"file:/nowhere/at-all\"";
            let text = match (table, name) {
                ("webhooks", "url") => {
                    format!("[[webhooks]]\nname = \"a\"\nurl = {value}\nsecret = \"x\"")
                }
                ("webhooks", _) => {
                    format!("[[webhooks]]\nname = \"a\"\nurl = \"x\"\n{name} = {value}")
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
        let hallpass_host::server_store::StoreAddress::Postgres(address) = loaded.store().unwrap()
        else {
            panic!("no server");
        };
        let roots = folder.path().join("ca.pem");
        assert_eq!(address.root_file(), Some(roots.as_path()));
    }
}
