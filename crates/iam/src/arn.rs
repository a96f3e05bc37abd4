//! Amazon Resource Names (AWS: "Identify AWS resources with Amazon Resource Names (ARNs)").

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: &'a str,
    pub service: &'a str,
    /// Empty for global services.
    pub region: &'a str,
    pub account: &'a str,
    /// Everything after the fifth colon.
    pub rest: &'a str,
}

impl<'a> Arn<'a> {
    /// Requires all six parts; does not interpret wildcards.
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

/// Splits at the first five colons; `None` if fewer.
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
