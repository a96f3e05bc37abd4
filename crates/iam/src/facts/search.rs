use super::table::{ActionFacts, ServiceFacts};
use crate::glob::Glob;

/// Known actions matching a policy's `Action`: `s3:Get*`, `*`. Sorted by service and name.
pub fn actions_matching(pattern: &str) -> impl Iterator<Item = &'static ActionFacts> {
    let pattern = pattern.to_ascii_lowercase();
    let prefix = Glob::new(pattern.split(':').next().unwrap_or_default());
    let name = pattern.split_once(':').map(|(_, name)| Glob::new(name));
    // `*` matches all; other text without a colon none
    let everything = pattern == "*";
    let fitting = super::prefixes().filter(move |it| everything || prefix.matches(it));
    let services = fitting.filter_map(super::service);
    services
        .flat_map(ServiceFacts::actions)
        .filter(move |action| match &name {
            Some(name) => name.matches(&action.name.to_ascii_lowercase()),
            None => everything,
        })
}

/// Suggests `service:Name`: in the named or a similar service, else that name elsewhere.
pub fn nearest_action(text: &str) -> Option<&'static ActionFacts> {
    let (prefix, name) = text.split_once(':')?;
    let elsewhere = || super::services().find_map(|it| it.action(name));
    let near = |service: &'static ServiceFacts| {
        let names = service.actions().iter().map(|it| it.name);
        service.action(nearest(name, names).first()?)
    };
    if let Some(service) = super::service(prefix) {
        return near(service).or_else(elsewhere);
    }
    let alike = nearest(prefix, super::prefixes());
    let alike: Vec<&ServiceFacts> = alike.into_iter().filter_map(super::service).collect();
    let exact = alike.iter().find_map(|it| it.action(name));
    exact
        .or_else(|| alike.iter().find_map(|it| near(it)))
        .or_else(elsewhere)
}

pub fn nearest_service(prefix: &str) -> Option<&'static str> {
    nearest(prefix, super::prefixes()).first().copied()
}

fn nearest(text: &str, names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let text = text.to_ascii_lowercase();
    let allowed = text.chars().count().div_ceil(4).clamp(1, 4);
    let alike = names.filter(|name| name.len().abs_diff(text.len()) <= allowed);
    let counted = alike.map(|name| {
        let changes = strsim::osa_distance(&text, &name.to_ascii_lowercase());
        (changes, name)
    });
    let mut near: Vec<_> = counted.filter(|(changes, _)| *changes <= allowed).collect();
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names_as_the_policy_language_says() {
        for (pattern, fits) in [
            ("s3:*", true),
            ("s3:get*", true),
            ("S3:*object", true),
            ("s3:g?tobject", true),
            ("s3:get", false),
            ("s3:get?object", false),
            ("s3:*o*e*", true),
            ("s3:", false),
        ] {
            let found = actions_matching(pattern).any(|it| it.name == "GetObject");
            assert_eq!(found, fits, "{pattern}");
        }
    }
}
