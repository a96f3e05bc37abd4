use hallpass_rules::Glob;
use hallpass_rules::syntax::{MapEntry, Node, Value};

use super::fields::FileReader;
use crate::file::{IgnoredAccess, ManagedScope, Settings};

pub(super) fn read(reader: &mut FileReader<'_>, node: &Node) -> Option<Settings> {
    let entries = reader.object(node, "settings", &["manage", "max_destroy", "ignore"])?;
    let mut settings = Settings::default();
    for MapEntry { key, value, .. } in entries {
        match key.as_str() {
            "manage" => match value.as_text() {
                Some("declared") => settings.manage = ManagedScope::Declared,
                Some("all") => {
                    settings.manage = ManagedScope::All;
                    settings.all_at = Some(reader.place(value.position));
                }
                _ => {
                    let place = reader.place(value.position);
                    reader.error(&place, "`manage` is `declared` or `all`");
                }
            },
            "max_destroy" => match &value.value {
                Value::Number(text) if text.parse::<usize>().is_ok() => {
                    settings.max_destroy = text.parse().unwrap_or(settings.max_destroy);
                }
                _ => {
                    let place = reader.place(value.position);
                    reader.error(&place, "`max_destroy` is a whole number from 0 on");
                }
            },
            "ignore" => {
                let rows = reader.list(value, key);
                settings.ignore = rows.iter().filter_map(|it| ignored(reader, it)).collect();
            }
            _ => {}
        }
    }
    Some(settings)
}

fn ignored(reader: &mut FileReader<'_>, node: &Node) -> Option<IgnoredAccess> {
    let entries = reader.object(node, "ignore", &["permission_set", "account"])?;
    let mut ignored = IgnoredAccess {
        permission_set: None,
        account: None,
    };
    for MapEntry { key, value, .. } in entries {
        let Some(term) = reader.term(key, value) else {
            continue;
        };
        match key.as_str() {
            "permission_set" => ignored.permission_set = Some(Glob::new(&term.text)),
            "account" => ignored.account = Some(term),
            _ => {}
        }
    }
    if ignored.permission_set.is_none() && ignored.account.is_none() {
        let place = reader.place(node.position);
        reader.error(
            &place,
            "an entry of `ignore` names a permission set or an account",
        );
        return None;
    }
    Some(ignored)
}
