//! Redacts a configuration for strangers: shows numbers, switches, durations and fixed words. Other
//! values appear only as set; new keys are hidden by default.

use std::fmt::Write as _;

use toml::Value;

use super::keys::keys;

/// Text keys with validated durations, schedules or fixed words.
const SHOWN: &[&str] = &[
    "server.session.idle",
    "server.session.absolute",
    "server.session.renew",
    "access.request_expiry",
    "access.start_within",
    "access.reminder.first",
    "access.duration.min",
    "access.duration.max",
    "access.on_rule_change",
    "access.admin.fresh_sign_in",
    "access.armed_ends.mode",
    "access.home_region_lost_after",
    "access.people_every",
    "access.require_export_within",
    "access.sweep.mode",
    "access.sweep.scope",
    "access.sweep.check_every",
    "groups.sync.manual",
    "groups.sync.every",
    "inventory.max_age",
    "drift.every",
    "drift.remind",
    "delegation.every",
    "delegation.remind",
    "pci.every",
    "pci.activity",
    "pci.remind",
    "pci.all_clear",
    "standards.mode",
    "standards.sweep_every",
    "audit.export.lock_mode",
    "guard.bound",
];

/// One line per key of a loaded configuration.
///
/// # Errors
/// For invalid TOML; the message has none of the text.
pub fn shown(text: &str) -> Result<String, &'static str> {
    let table: toml::Table = text.parse().map_err(|_| "the file is no TOML")?;
    let mut lines = String::new();
    show(&table, "", &mut lines);
    Ok(lines)
}

fn show(table: &toml::Table, above: &str, lines: &mut String) {
    for (name, value) in table {
        let key = if above.is_empty() {
            name.clone()
        } else {
            format!("{above}.{name}")
        };
        match value {
            Value::Table(table) if has_keys(&key) => show(table, &key, lines),
            Value::Array(entries) if has_keys(&key) => {
                for entry in entries.iter().filter_map(Value::as_table) {
                    show(entry, &key, lines);
                }
            }
            value => {
                let _ = writeln!(lines, "{key} = {}", words(&key, value));
            }
        }
    }
}

fn has_keys(key: &str) -> bool {
    keys().any(|(known, _)| {
        known
            .strip_prefix(key)
            .is_some_and(|it| it.starts_with('.'))
    })
}

fn words(key: &str, value: &Value) -> String {
    match value {
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => value.to_string(),
        Value::String(_) if SHOWN.contains(&key) => value.to_string(),
        Value::Array(entries) => format!("(set, {} entries, not shown)", entries.len()),
        Value::Table(entries) => format!("(set, {} entries, not shown)", entries.len()),
        Value::String(_) | Value::Datetime(_) => "(set, not shown)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANTED: &str = "planted-s3cret";

    fn planted() -> String {
        let mut table = toml::Table::new();
        for (key, _) in keys() {
            let (mut at, names) = (&mut table, key.split('.').collect::<Vec<_>>());
            let (last, above) = names.split_last().unwrap();
            for name in above {
                let below = at
                    .entry((*name).to_owned())
                    .or_insert_with(|| Value::Table(toml::Table::new()));
                at = below.as_table_mut().unwrap();
            }
            at.insert((*last).to_owned(), Value::String(PLANTED.to_owned()));
        }
        table.to_string()
    }

    #[test]
    fn a_text_is_shown_of_no_key_but_those_that_are_named() {
        let lines = shown(&planted()).unwrap();
        assert_eq!(lines.lines().count(), keys().count());
        let found: Vec<&str> = lines
            .lines()
            .filter(|line| line.contains(PLANTED))
            .filter_map(|line| line.split(" = ").next())
            .collect();
        let mut named = SHOWN.to_vec();
        named.sort_unstable();
        assert_eq!(found, named);
    }

    /// Shown kinds cannot hold secrets: the configuration refuses other values.
    #[test]
    fn what_may_be_shown_takes_no_text_of_somebody_s_own() {
        for key in SHOWN {
            let (table, name) = key.rsplit_once('.').unwrap();
            let written = format!("[{table}]\n{name} = \"{PLANTED}\"\n");
            assert!(crate::config::parse(&written, "a.toml").is_err(), "{key}");
        }
    }

    #[test]
    fn numbers_switches_and_durations_are_shown_and_names_that_somebody_chose_are_not() {
        let text = "[server]\nrate = 7\n[server.session]\nidle = \"1h\"\n[access]\nentitlements = false\n\
                    [access.account_notes]\n\"secret-project\" = \"x\"\n[[webhooks]]\nname = \"a\"\nsecret = \"s\"\n";
        assert_eq!(
            shown(text).unwrap(),
            "access.account_notes = (set, 1 entries, not shown)\naccess.entitlements = false\nserver.rate = 7\n\
             server.session.idle = \"1h\"\nwebhooks.name = (set, not shown)\nwebhooks.secret = (set, not shown)\n"
        );
        assert_eq!(shown("a = \"secret").unwrap_err(), "the file is no TOML");
    }
}
