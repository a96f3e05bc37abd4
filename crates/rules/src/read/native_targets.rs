//! Targets of a native rule: accounts, units, tags, permission sets or groups, and exclusions.

use std::collections::BTreeSet;

use hallpass_base::{AccountId, Glob};

use super::{
    elevator,
    fields::{GroupNames, RuleReader},
    native_keys::{TARGET_KEYS, is_rule_key},
};
use crate::{
    diagnostic::{Diagnostic, FindingCode, shorten},
    rule::{Exclusions, Selector, SetMatch, TagMatch, Targets},
    syntax::{MapEntry, Node},
};

/// Reads `groups`, or `permission_sets` with at least one place key.
pub(super) fn targets(reader: &mut RuleReader, item: &Node) -> Targets {
    if let Some(node) = item.get("except_groups") {
        let message = "groups cannot be left out, since they are named one by one";
        let help = "leave the group out of `groups`; `except_requester_groups` excludes its members from requesting";
        reader.bad(
            FindingCode::BadResource,
            "except_groups",
            node,
            message,
            help,
        );
    }
    if let Some(node) = item.get("groups") {
        return Targets::Groups(groups(reader, item, node));
    }
    let (accounts, ous) = (item.get("accounts"), item.get("ous"));
    let parents = item.get("parent_ous");
    let (tags, sets) = (item.get("account_tags"), item.get("permission_sets"));
    if accounts.is_none() && ous.is_none() && parents.is_none() && tags.is_none() {
        let help = "write `accounts`, `ous` or `account_tags` (`accounts = \"*\"` for every account), or \
                    `groups` for a rule about groups";
        reader.missing(item.position, "accounts", help);
    }
    if sets.is_none() {
        let help = "write permission sets by name or glob, `\"*\"` for every one";
        reader.missing(item.position, "permission_sets", help);
    }
    let mut except = Exclusions::default();
    let mut places = |reader: &mut RuleReader, kind: &TargetKey<Selector>, node: Option<&Node>| {
        let found = node.map(|node| kind.entries(reader, item, node));
        let left_out = item.get(kind.except);
        let left_out = left_out.map(|node| kind.left_out(reader, node));
        except.places.extend(left_out.into_iter().flatten());
        found.map(|found| {
            except.places.extend(found.left_out);
            found.selected
        })
    };
    let accounts = places(reader, &ACCOUNTS, accounts);
    let below = places(reader, &UNITS, ous);
    let directly = places(reader, &PARENTS, parents);
    if let (Some(_), Some(node)) = (ous, parents) {
        let message =
            "a rule names units with all below them, or the parents of accounts, not both";
        let help = "make two rules of it";
        reader.bad(FindingCode::BadResource, PARENTS.key, node, message, help);
    }
    let ous = below.or(directly);
    let found = sets.map(|node| SETS.entries(reader, item, node));
    let sets = found.map(|found| {
        except.sets.extend(found.left_out);
        found.selected
    });
    if let Some(node) = item.get(SETS.except) {
        except.sets.extend(SETS.left_out(reader, node));
    }
    let tags = tags.map(|node| tag_matches(reader, node, &mut except));
    if let Some(node) = item.get("except_account_tags") {
        except.tags.extend(tags_left_out(reader, node));
    }
    Targets::Accounts {
        accounts,
        ous,
        tags: tags.unwrap_or_default(),
        sets: sets.unwrap_or_default(),
        except,
    }
}

fn groups(reader: &mut RuleReader, item: &Node, node: &Node) -> BTreeSet<crate::rule::GroupRef> {
    let of_accounts = TARGET_KEYS
        .into_iter()
        .filter(|key| !["groups", "except_groups"].contains(key));
    for key in of_accounts {
        if let Some(other) = item.get(key) {
            let message = "a rule is about accounts or about groups, not both";
            let help = "make two rules of it";
            reader.bad(FindingCode::BadResource, key, other, message, help);
        }
    }
    let mut groups = reader.groups("groups", node, GroupNames::Allowed);
    groups.retain(|group| {
        let is_group = !matches!(group, crate::rule::GroupRef::OnCall(_));
        if !is_group {
            let message = format!("`{group}` is an on-call list, which no one can join");
            let help = "name a group of IAM Identity Center";
            reader.bad(FindingCode::BadResource, "groups", node, &message, help);
        }
        is_group
    });
    groups
}

struct SelectedTargets<T> {
    selected: BTreeSet<T>,
    left_out: BTreeSet<T>,
}

/// A target key and its `except_` twin.
struct TargetKey<T> {
    key: &'static str,
    except: &'static str,
    code: FindingCode,
    refusal: &'static str,
    every: T,
    read: fn(&str) -> Result<T, &'static str>,
}

const ACCOUNTS: TargetKey<Selector> = TargetKey {
    key: "accounts",
    except: "except_accounts",
    code: FindingCode::BadResource,
    refusal: "is not in an accepted form",
    every: Selector::Every,
    read: account,
};

const UNITS: TargetKey<Selector> = TargetKey {
    key: "ous",
    except: "except_ous",
    code: FindingCode::BadResource,
    refusal: "is not in an accepted form",
    every: Selector::Every,
    read: unit,
};

const PARENTS: TargetKey<Selector> = TargetKey {
    key: "parent_ous",
    except: "except_parent_ous",
    code: FindingCode::BadResource,
    refusal: "is not in an accepted form",
    every: Selector::Every,
    read: parent_unit,
};

const SETS: TargetKey<SetMatch> = TargetKey {
    key: "permission_sets",
    except: "except_permission_sets",
    code: FindingCode::BadPermissionSet,
    refusal: "is not a permission set name or glob",
    every: SetMatch::Every,
    read: permission_set,
};

impl<T: Ord + Clone> TargetKey<T> {
    /// Reads the key. Order does not matter: exclusions win.
    fn entries(&self, reader: &mut RuleReader, item: &Node, node: &Node) -> SelectedTargets<T> {
        let mut found = SelectedTargets {
            selected: BTreeSet::new(),
            left_out: BTreeSet::new(),
        };
        let texts = reader.texts(self.key, node);
        let only_exclusions = !texts.is_empty() && texts.iter().all(|(t, _)| t.starts_with('!'));
        for (text, entry) in texts {
            match text.strip_prefix('!') {
                Some(rest) => found
                    .left_out
                    .extend(self.one_left_out(reader, self.key, rest, entry)),
                None => found
                    .selected
                    .extend(self.one(reader, self.key, text, entry)),
            }
        }
        if only_exclusions {
            let message = format!("`{}` leaves out, and selects nothing", self.key);
            let help = format!(
                "write the selection too, as in `{} = [\"*\", \"!…\"]`",
                self.key
            );
            reader.bad(self.code, self.key, node, &message, &help);
        }
        if found.selected.contains(&self.every) {
            reader.note_redundant(self.key, item);
            found.selected = BTreeSet::from([self.every.clone()]);
        }
        found
    }

    fn left_out(&self, reader: &mut RuleReader, node: &Node) -> BTreeSet<T> {
        let mut left_out = BTreeSet::new();
        for (text, entry) in reader.texts(self.except, node) {
            if text.starts_with('!') {
                let message = format!("`{}` in a list that leaves out already", shorten(text));
                reader.bad(
                    self.code,
                    self.except,
                    entry,
                    &message,
                    "write it without `!`",
                );
            } else {
                left_out.extend(self.one_left_out(reader, self.except, text, entry));
            }
        }
        left_out
    }

    fn one_left_out(
        &self,
        reader: &mut RuleReader,
        key: &str,
        text: &str,
        entry: &Node,
    ) -> Option<T> {
        let read = self.one(reader, key, text, entry)?;
        if read == self.every {
            let help = "drop the rule, or name what it leaves out";
            reader.bad(self.code, key, entry, "everything is left out", help);
            return None;
        }
        Some(read)
    }

    fn one(&self, reader: &mut RuleReader, key: &str, text: &str, entry: &Node) -> Option<T> {
        match (self.read)(text) {
            Ok(read) => Some(read),
            Err(help) => {
                let message = format!("`{}` {}", shorten(text), self.refusal);
                reader.bad(self.code, key, entry, &message, help);
                None
            }
        }
    }
}

fn account(text: &str) -> Result<Selector, &'static str> {
    if text == "*" {
        return Ok(Selector::Every);
    }
    if let Ok(id) = AccountId::new(text) {
        return Ok(Selector::Account(id));
    }
    let number = text.bytes().all(|b| b.is_ascii_digit());
    let blank = text.trim() != text || text.chars().any(char::is_control);
    if number || blank || text.starts_with('!') {
        return Err("write an account id of 12 digits, a name, or a glob like `payments-*`");
    }
    Ok(Selector::AccountName(Glob::new(text)))
}

fn unit(text: &str) -> Result<Selector, &'static str> {
    if text == "*" {
        return Ok(Selector::Every);
    }
    elevator::organizational_unit(text)
        .ok_or("write a path like `Workloads/Prod`, `ou-ab12-34cd56ef` or `r-ab12`; no globs")
}

fn parent_unit(text: &str) -> Result<Selector, &'static str> {
    const HELP: &str = "write a path like `Workloads/Prod`, `ou-ab12-34cd56ef` or `r-ab12`; no globs, and \
                        `accounts = \"*\"` for every account";
    if text == "*" {
        return Err(HELP);
    }
    match elevator::organizational_unit(text).ok_or(HELP)? {
        Selector::Ou(id) => Ok(Selector::Children(id)),
        Selector::OuPath(path) => Ok(Selector::ChildrenPath(path)),
        Selector::Every
        | Selector::Account(_)
        | Selector::AccountName(_)
        | Selector::Children(_)
        | Selector::ChildrenPath(_) => Err(HELP),
    }
}

fn permission_set(text: &str) -> Result<SetMatch, &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-*?".contains(&b);
    if !(1..=32).contains(&text.len()) || !text.bytes().all(allowed) {
        return Err("write 1 to 32 letters, digits or `_+=,.@-`, with `*` and `?` as wildcards");
    }
    Ok(if text == "*" {
        SetMatch::Every
    } else if text.contains(['*', '?']) {
        SetMatch::Glob(Glob::new(text))
    } else {
        SetMatch::Name(text.to_owned())
    })
}

/// Required account tags, each with one of its values; `!` values exclude.
fn tag_matches(
    reader: &mut RuleReader,
    node: &Node,
    except: &mut Exclusions,
) -> BTreeSet<TagMatch> {
    let mut tags = BTreeSet::new();
    for entry in tag_entries(reader, "account_tags", node) {
        let mut values = BTreeSet::new();
        let mut left_out = BTreeSet::new();
        let texts = reader.texts("account_tags", &entry.value);
        let only_exclusions = !texts.is_empty() && texts.iter().all(|(t, _)| t.starts_with('!'));
        for (text, item) in texts {
            match text.strip_prefix('!') {
                Some(rest) => {
                    left_out.extend(tag_left_out(reader, "account_tags", rest, item));
                }
                None => {
                    values.insert(Glob::new(text));
                }
            }
        }
        if only_exclusions {
            let message = format!("the tag `{}` only leaves out", shorten(&entry.key));
            let help = "write `[\"*\", \"!…\"]` where the tag must be there, or `except_account_tags` where \
                        it may be missing";
            reader.bad(
                FindingCode::BadResource,
                "account_tags",
                &entry.value,
                &message,
                help,
            );
        }
        if !left_out.is_empty() {
            except.tags.insert(TagMatch {
                key: entry.key.clone(),
                values: left_out,
            });
        }
        tags.insert(TagMatch {
            key: entry.key.clone(),
            values,
        });
    }
    tags
}

fn tags_left_out(reader: &mut RuleReader, node: &Node) -> BTreeSet<TagMatch> {
    const KEY: &str = "except_account_tags";
    let mut tags = BTreeSet::new();
    for entry in tag_entries(reader, KEY, node) {
        let mut values = BTreeSet::new();
        for (text, item) in reader.texts(KEY, &entry.value) {
            values.extend(tag_left_out(reader, KEY, text, item));
        }
        if !values.is_empty() {
            tags.insert(TagMatch {
                key: entry.key.clone(),
                values,
            });
        }
    }
    tags
}

fn tag_left_out(reader: &mut RuleReader, key: &str, text: &str, item: &Node) -> Option<Glob> {
    if text.is_empty() || text.starts_with('!') {
        let message = "`!` stands once, right before the value that is left out";
        let help = "write `!prod`, or `prod` in a key that begins with `except_`";
        reader.bad(FindingCode::BadResource, key, item, message, help);
        return None;
    }
    Some(Glob::new(text))
}

/// Reads a table of tags. In TOML, keys after `[rule.account_tags]` belong to it, so keys named
/// like rule keys are reported.
fn tag_entries<'a>(reader: &mut RuleReader, key: &str, node: &'a Node) -> &'a [MapEntry] {
    let Some(entries) = reader.map(node, &format!("`{key}`")) else {
        return &[];
    };
    if entries.is_empty() {
        let help = "name at least one tag, or leave the key out";
        reader.bad(FindingCode::BadResource, key, node, "no tag is named", help);
    }
    for entry in entries {
        if is_rule_key(&entry.key) {
            let message = format!("`{}` is read as the name of a tag", entry.key);
            let help = "keys of the rule stand before its tables, or the table on one line: \
                        `account_tags = { env = \"prod\" }`";
            let finding = Diagnostic::warning(FindingCode::TagLikeKey, entry.position, message);
            reader.push(finding.field(key).value(&entry.key).help(help));
        }
    }
    entries
}
