//! Decodes the facts table: indexes services at first use, decodes each on demand.
//!
//! Lines have a mark and tab-separated fields. The first line has format, number and date. `@`
//! starts a service (`rcp` if resource control policies apply), `k` is a key and its type (`[]` for
//! a list), `s` a set of key indexes, `r` a resource type with set and ARNs, and `L R W P T` an
//! action of that class with set and resource types: `name!set` if required, `name?set` if not.

use std::collections::BTreeMap;
use std::str::Split;
use std::sync::{Arc, LazyLock, OnceLock};

use memchr::memmem;

use super::arns::ArnPattern;
use super::keys::{Key, ValueType};
use super::table::{Access, ActionFacts, ResourceType, ServiceFacts, TypeUse, compare};

const TEXT: &str = include_str!("../../data/facts.txt");
/// Actions newer than the table's sources, in the same format.
const NEWER: &str = include_str!("../../data/newer.txt");
/// Precedes a service prefix.
const BEGIN: &[u8] = b"\n@\t";
/// Format version; must match `xtask`.
const FORMAT: &str = "1";

static ENTRIES: LazyLock<Entries> = LazyLock::new(|| Entries::find(TEXT, NEWER));

#[derive(Debug)]
pub(super) struct Entries {
    pub(super) version: &'static str,
    services: Vec<FactsEntry>,
}

#[derive(Debug)]
pub(super) struct FactsEntry {
    pub(super) prefix: &'static str,
    pub(super) supports_rcp: bool,
    lines: &'static str,
    newer: &'static str,
    decoded: OnceLock<ServiceFacts>,
}

pub(super) fn entries() -> &'static Entries {
    &ENTRIES
}

impl Entries {
    // INVARIANT: every line of the committed table parses; the test
    // `every_line_of_the_table_is_read` checks it. Unparsable lines are skipped.
    fn find(text: &'static str, newer: &'static str) -> Self {
        let newer = sections(newer).map(parted);
        let newer: BTreeMap<&str, &str> =
            newer.map(|((prefix, _), lines)| (prefix, lines)).collect();
        let mut head = text.lines().next().unwrap_or_default().split('\t');
        let known = head.next() == Some("hallpass-iam-facts") && head.next() == Some(FORMAT);
        let version = head.next().unwrap_or_default();
        let sections = sections(text).filter(|_| known);
        let services = sections.map(|section| {
            let ((prefix, marks), lines) = parted(section);
            FactsEntry {
                prefix,
                supports_rcp: marks == "rcp",
                lines,
                newer: newer.get(prefix).copied().unwrap_or_default(),
                decoded: OnceLock::new(),
            }
        });
        let mut services: Vec<FactsEntry> = services.collect();
        services.sort_by_key(|entry| entry.prefix);
        Self { version, services }
    }

    pub(super) fn all(&'static self) -> impl Iterator<Item = &'static FactsEntry> {
        self.services.iter()
    }

    pub(super) fn service(&'static self, prefix: &str) -> Option<&'static ServiceFacts> {
        let lower = prefix.to_ascii_lowercase();
        let at = self
            .services
            .binary_search_by(|entry| entry.prefix.cmp(&lower));
        self.services.get(at.ok()?).map(FactsEntry::service)
    }
}

fn sections(text: &'static str) -> impl Iterator<Item = &'static str> {
    let starts: Vec<usize> = memmem::find_iter(text.as_bytes(), BEGIN).collect();
    let ends: Vec<usize> = starts.iter().copied().skip(1).chain([text.len()]).collect();
    let sections = starts.into_iter().zip(ends);
    sections.filter_map(move |(start, end)| text.get(start + BEGIN.len()..end))
}

fn parted(section: &'static str) -> ((&'static str, &'static str), &'static str) {
    let (head, lines) = section.split_once('\n').unwrap_or((section, ""));
    (head.split_once('\t').unwrap_or((head, "")), lines)
}

impl FactsEntry {
    fn all_lines(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.lines.lines().chain(self.newer.lines())
    }

    pub(super) fn service(&'static self) -> &'static ServiceFacts {
        self.decoded.get_or_init(|| {
            let mut reader = ServiceReader::new(self.prefix, self.supports_rcp);
            for line in self.all_lines() {
                let _left_out = reader.line(line);
            }
            reader.finish()
        })
    }

    #[cfg(test)]
    fn unread(&self) -> Vec<&'static str> {
        let mut reader = ServiceReader::new(self.prefix, self.supports_rcp);
        let lines = self.all_lines();
        lines.filter(|line| reader.line(line).is_none()).collect()
    }
}

struct ServiceReader {
    service: ServiceFacts,
    sets: Vec<Arc<[&'static str]>>,
    none: Arc<[&'static str]>,
}

impl ServiceReader {
    fn new(prefix: &'static str, supports_rcp: bool) -> Self {
        Self {
            service: ServiceFacts {
                prefix,
                supports_rcp,
                actions: Vec::new(),
                resource_types: Vec::new(),
                keys: Vec::new(),
            },
            sets: Vec::new(),
            none: Arc::from([]),
        }
    }

    fn line(&mut self, line: &'static str) -> Option<()> {
        let mut fields = line.split('\t');
        match fields.next()? {
            "k" => self.key(fields),
            "s" => self.set(fields),
            "r" => self.resource_type(fields),
            "L" => self.action(Access::List, fields),
            "R" => self.action(Access::Read, fields),
            "W" => self.action(Access::Write, fields),
            "P" => self.action(Access::Permissions, fields),
            "T" => self.action(Access::Tagging, fields),
            _ => None,
        }
    }

    fn key(&mut self, mut fields: Split<'static, char>) -> Option<()> {
        let (name, kind) = (fields.next()?, fields.next()?);
        let (kind, multi_valued) = match kind.strip_suffix("[]") {
            Some(kind) => (kind, true),
            None => (kind, false),
        };
        let value = ValueType::parse(kind)?;
        self.service.keys.push(Key {
            name,
            value,
            multi_valued,
        });
        Some(())
    }

    fn set(&mut self, mut fields: Split<'static, char>) -> Option<()> {
        let keys = fields.next()?.split(',').map(|place| {
            let key = self.service.keys.get(place.parse::<usize>().ok()?)?;
            Some(key.name)
        });
        self.sets.push(keys.collect::<Option<_>>()?);
        Some(())
    }

    fn resource_type(&mut self, mut fields: Split<'static, char>) -> Option<()> {
        let (name, set) = (fields.next()?, fields.next()?);
        self.service.resource_types.push(ResourceType {
            name,
            condition_keys: self.keys(set)?,
            arns: fields.map(ArnPattern::new).collect::<Option<_>>()?,
        });
        Some(())
    }

    fn action(&mut self, access: Access, mut fields: Split<'static, char>) -> Option<()> {
        let (name, set) = (fields.next()?, fields.next().unwrap_or_default());
        let types = fields.next().unwrap_or_default().split(',');
        let types = types.filter(|it| !it.is_empty()).map(|it| self.used(it));
        let action = ActionFacts {
            service: self.service.prefix,
            name,
            access,
            condition_keys: self.keys(set)?,
            resource_types: types.collect::<Option<_>>()?,
        };
        self.service.actions.push(action);
        Some(())
    }

    fn used(&self, text: &'static str) -> Option<TypeUse> {
        let (at, mark) = text.char_indices().find(|(_, c)| matches!(c, '!' | '?'))?;
        let (name, set) = (text.get(..at)?, text.get(at.checked_add(1)?..)?);
        Some(TypeUse {
            name,
            required: mark == '!',
            condition_keys: self.keys(set)?,
        })
    }

    /// Set at an index; empty text is the empty set.
    fn keys(&self, place: &str) -> Option<Arc<[&'static str]>> {
        if place.is_empty() {
            return Some(Arc::clone(&self.none));
        }
        self.sets.get(place.parse::<usize>().ok()?).cloned()
    }

    fn finish(mut self) -> ServiceFacts {
        // already sorted in the file: a single pass
        self.service
            .actions
            .sort_by(|one, other| compare(one.name, other.name));
        let types = self.service.resource_types.iter_mut();
        super::arns::close(types.flat_map(|it| &mut it.arns).collect());
        self.service
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        assert!(!entries().version.is_empty());
        let unread: Vec<&str> = entries().all().flat_map(FactsEntry::unread).collect();
        assert!(unread.is_empty(), "{unread:#?}");
    }

    #[test]
    fn what_is_newer_than_the_table_is_read_and_not_in_it() {
        let services = sections(NEWER).map(|it| parted(it).0.0);
        let services: Vec<&str> = services.collect();
        assert_eq!(
            services,
            [
                "account",
                "guardduty",
                "iam",
                "kms",
                "lambda",
                "signin",
                "sts"
            ]
        );
        for ((prefix, _), lines) in sections(NEWER).map(parted) {
            let service = entries().service(prefix).unwrap();
            for line in lines.lines() {
                let name = line.split('\t').nth(1).unwrap();
                let told = service.actions().iter().filter(|it| it.name == name);
                assert_eq!(told.count(), 1, "{prefix}:{name}: take it out of newer.txt");
            }
        }
    }

    #[test]
    fn every_service_is_found_by_its_prefix() {
        for entry in entries().all() {
            let found = entries().service(entry.prefix);
            assert!(
                found.is_some_and(|it| it.prefix == entry.prefix),
                "{}",
                entry.prefix
            );
        }
    }
}
