use std::sync::Arc;

use hallpass_iam::{Context, Decision, Layers, Policy, PolicyType, Request, decide};

/// How a role's request is judged if this policy applies to its account; `None` for invalid
/// arguments.
pub fn decision(
    policy: &str,
    user: u32,
    principal: &str,
    (key, value): (&str, &str),
) -> Option<Decision> {
    let allow =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let read = |text: &str, kind| Policy::parse(text, kind).ok().map(Arc::new);
    let layers = Layers {
        scps: vec![vec![
            read(allow, PolicyType::Scp)?,
            read(policy, PolicyType::Scp)?,
        ]],
        identity: vec![read(allow, PolicyType::Identity)?],
        ..Layers::default()
    };
    let context = Context::new()
        .with(
            "identitystore:UserId",
            format!("{user:08}-0000-0000-0000-000000000000").as_str(),
        )
        .with("aws:PrincipalArn", principal)
        .with(key, value);
    let request = Request::new(principal, "s3:ListAllMyBuckets", "*", context).ok()?;
    Some(decide(&layers, &request))
}
