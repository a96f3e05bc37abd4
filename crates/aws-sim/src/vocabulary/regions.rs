use hallpass_aws_model::ALWAYS_ON_REGIONS;

const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Commercial partition only.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().copied()
}

pub(crate) fn is_default(name: &str) -> bool {
    ALWAYS_ON_REGIONS.contains(&name)
}

/// The Region label of a host: `eu-central-1` of `oidc.eu-central-1.amazonaws.com` and of
/// `eu-central-1.localhost:4570`.
pub(crate) fn named_by(host: &str) -> Option<&str> {
    let name = host.split(':').next().unwrap_or_default();
    name.split('.').find(|label| is_known(label))
}

pub(crate) fn is_known(name: &str) -> bool {
    REGIONS.contains(&name)
}
