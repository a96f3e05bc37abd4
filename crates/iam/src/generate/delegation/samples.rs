//! Accounts and permission sets to try a policy with: those it names, and one it does not.

use crate::language::{Arn, Condition, Document, Effect, Statement, Test};

/// Most accounts, and most permission sets, that are tried.
const SAMPLES_MAX: usize = 40;

/// One resource to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    /// As shown: an id, or what it stands for.
    pub(super) label: String,
    /// Its ARN.
    pub(super) arn: String,
    /// Its tags.
    pub(super) tags: Vec<(String, String)>,
    /// Whether the policy does not name it.
    pub(super) other: bool,
}

/// The resources to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Samples {
    /// `aws` …
    pub(super) partition: String,
    /// The instance.
    pub(super) instance: Sample,
    /// Accounts: those named, the management account when known, any other.
    pub(super) accounts: Vec<Sample>,
    /// Permission sets: those named and any other, each also with the tags that are asked for.
    pub(super) sets: Vec<Sample>,
    /// Whether some were left out.
    pub(super) cut: bool,
}

/// The label of what the policy does not name.
pub(super) const ANY_OTHER: &str = "any other";

impl Samples {
    pub(super) fn of(
        document: &Document<'_>,
        instance: Option<&str>,
        management_account: Option<&str>,
    ) -> Self {
        let (mut accounts, mut sets, mut instances) = (Vec::new(), Vec::new(), Vec::new());
        let mut partition = None;
        for arn in arns(document) {
            partition.get_or_insert_with(|| arn.partition.replace(['*', '?'], ""));
            let mut parts = arn.rest.split('/');
            match (parts.next(), parts.next(), parts.next()) {
                (Some("account"), Some(id), None) => keep(&mut accounts, id),
                (Some("instance"), Some(id), None) => keep(&mut instances, id),
                (Some("permissionSet"), Some(instance), Some(id)) => {
                    keep(&mut instances, instance);
                    keep(&mut sets, id);
                }
                _ => {}
            }
        }
        let partition = partition
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| "aws".to_owned());
        let cut = accounts.len() > SAMPLES_MAX || sets.len() > SAMPLES_MAX;
        accounts.truncate(SAMPLES_MAX);
        sets.truncate(SAMPLES_MAX);
        let named = instances.into_iter().next().map(|(_, id)| id);
        let instance = instance.map(str::to_owned).or(named);
        let instance = instance.unwrap_or_else(|| "ssoins-0000000000000000".to_owned());
        let arn = |rest: String| format!("arn:{partition}:sso:::{rest}");
        let accounts = with_others(accounts, management_account, "000000000000")
            .map(|(label, id, other)| Sample::plain(label, arn(format!("account/{id}")), other))
            .collect();
        let sets: Vec<Sample> = with_others(sets, None, "ps-0000000000000000")
            .map(|(label, id, other)| {
                let rest = format!("permissionSet/{instance}/{id}");
                Sample::plain(label, arn(rest), other)
            })
            .collect();
        Self {
            instance: Sample::plain(instance.clone(), arn(format!("instance/{instance}")), false),
            accounts,
            sets: tagged(sets, document),
            cut,
            partition,
        }
    }
}

impl Sample {
    pub(super) fn plain(label: String, arn: String, other: bool) -> Self {
        Self {
            label,
            arn,
            tags: Vec::new(),
            other,
        }
    }
}

/// Every ARN of Identity Center that the policy lists.
fn arns<'d>(document: &'d Document<'_>) -> impl Iterator<Item = Arn<'d>> {
    let lists = document
        .statements
        .iter()
        .filter_map(|it| it.resources.as_ref());
    let texts = lists.flat_map(|list| &list.items);
    texts
        .filter(|item| !item.text.contains("${"))
        .filter_map(|item| Arn::parse(&item.text))
        .filter(|arn| arn.service == "sso")
}

/// Remembers an id once, as shown and as tried: of a pattern one id that it fits.
fn keep(ids: &mut Vec<(String, String)>, id: &str) {
    let known = ids.iter().any(|(label, _)| label == id);
    if !known && !id.is_empty() && id.contains(|it| it != '*') {
        ids.push((id.to_owned(), id.replace(['*', '?'], "0")));
    }
}

fn with_others<'s>(
    named: Vec<(String, String)>,
    management_account: Option<&'s str>,
    other: &'s str,
) -> impl Iterator<Item = (String, String, bool)> + 's {
    let is_named = |id: &str| named.iter().any(|(_, it)| it == id);
    let management =
        management_account.map(|id| (format!("{id} (management)"), id.to_owned(), !is_named(id)));
    // an id that the policy names is not "any other"; nobody names all ten
    let last = other.len().saturating_sub(1);
    let stem = other.get(..last).unwrap_or_default();
    let ids = (0..10).map(|digit| format!("{stem}{digit}"));
    let free = ids
        .into_iter()
        .find(|id| !is_named(id))
        .unwrap_or_else(|| other.to_owned());
    let named = named
        .into_iter()
        .filter(move |(_, id)| Some(id.as_str()) != management_account)
        .map(|(label, id)| (label, id, false));
    named
        .chain(management)
        .chain([(ANY_OTHER.to_owned(), free, true)])
}

/// The sets as they are, and again with the tags that each Allow asks for.
fn tagged(sets: Vec<Sample>, document: &Document<'_>) -> Vec<Sample> {
    let mut wanted: Vec<Vec<(String, String)>> = Vec::new();
    for statement in document
        .statements
        .iter()
        .filter(|it| it.effect == Effect::Allow)
    {
        let tags = tags(statement);
        if !tags.is_empty() && !wanted.contains(&tags) {
            wanted.push(tags);
        }
    }
    let mut all = Vec::new();
    for set in sets {
        for tags in &wanted {
            let words: Vec<String> = tags
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            all.push(Sample {
                label: format!("{} tagged {}", set.label, words.join(" ")),
                tags: tags.clone(),
                // a tag that is asked for names it
                other: false,
                ..set.clone()
            });
        }
        all.push(set);
    }
    all
}

fn tags(statement: &Statement<'_>) -> Vec<(String, String)> {
    statement.conditions.iter().filter_map(tag).collect()
}

/// The key of a tag condition; the first value, wildcards filled in.
fn tag(condition: &Condition<'_>) -> Option<(String, String)> {
    let equal = matches!(
        condition.operator.test,
        Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike
    );
    let key = tag_key(&condition.key.text).filter(|_| equal)?;
    let value = condition.values.first()?.text.replace(['*', '?'], "x");
    Some((key.to_owned(), value))
}

/// The tag's key of `aws:ResourceTag/KEY`.
pub(super) fn tag_key(condition_key: &str) -> Option<&str> {
    let (name, key) = condition_key.split_once('/')?;
    name.eq_ignore_ascii_case("aws:ResourceTag").then_some(key)
}
