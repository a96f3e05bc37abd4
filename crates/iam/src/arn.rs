//! Amazon Resource Names (AWS: "Identify AWS resources with Amazon Resource Names (ARNs)").

use std::fmt;

/// An ARN taken apart: `arn:partition:service:region:account:rest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: &'a str,
    /// The service's prefix.
    pub service: &'a str,
    /// The region; empty for global services.
    pub region: &'a str,
    /// The account id; empty where the service leaves it out.
    pub account: &'a str,
    /// Everything behind the fifth colon.
    pub rest: &'a str,
}

impl<'a> Arn<'a> {
    /// Reads an ARN with all six parts; wildcards are not looked at.
    pub fn parse(text: &'a str) -> Option<Self> {
        let [prefix, partition, service, region, account, rest] = split_arn(text)?;
        (prefix == "arn" && !partition.is_empty() && !service.is_empty()).then_some(Self {
            partition,
            service,
            region,
            account,
            rest,
        })
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            service,
            region,
            account,
            rest,
        } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{rest}")
    }
}

/// Splits a text at its first five colons; `None` when there are fewer.
pub fn split_arn(text: &str) -> Option<[&str; 6]> {
    let mut parts = text.splitn(6, ':');
    Some([
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
    ])
}
