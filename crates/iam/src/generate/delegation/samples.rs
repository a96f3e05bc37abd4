use crate::language::{Arn, Condition, Document, Effect, Statement, Test};

const SAMPLES_MAX: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) label: String,
    pub(super) arn: String,
    pub(super) tags: Vec<(String, String)>,
    /// Not named in the policy.
    pub(super) other: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Samples {
    pub(super) partition: String,
    pub(super) instance: Sample,
    /// Named ones, the management account if known, any other.
    pub(super) accounts: Vec<Sample>,
    /// Named ones and any other, each also with required tags.
    pub(super) sets: Vec<Sample>,
    pub(super) cut: bool,
}

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
    // a named id is not "any other"; no policy names all ten
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

/// Sets without and with the tags each Allow requires.
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
                // a required tag counts as naming
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

/// Key and first value, with wildcards filled.
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
