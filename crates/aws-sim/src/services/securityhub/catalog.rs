//! A subset of Security Hub's standards and controls, with AWS's names: enough to distinguish
//! standards, Regions and requirements.

pub(super) struct StandardKind {
    /// The part before the name in its ARN; the first standard has no Region.
    pub(super) kind: &'static str,
    pub(super) short: &'static str,
    pub(super) name: &'static str,
    /// Whether Security Hub enables it by default.
    pub(super) default: bool,
    pub(super) controls: &'static [(&'static str, &'static str)],
}

impl StandardKind {
    pub(super) fn arn(&self, region: &str) -> String {
        let region = if self.kind == "ruleset" { "" } else { region };
        format!("arn:aws:securityhub:{region}::{}/{}", self.kind, self.short)
    }
}

pub(super) struct ControlKind {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) severity: &'static str,
    /// The only Region with it, if any.
    pub(super) only: Option<&'static str>,
}

const fn control(id: &'static str, severity: &'static str, title: &'static str) -> ControlKind {
    ControlKind {
        id,
        title,
        severity,
        only: None,
    }
}

pub(super) const CONTROLS: [ControlKind; 16] = [
    control(
        "ACM.1",
        "MEDIUM",
        "Imported and ACM-issued certificates should be renewed after a specified time period",
    ),
    ControlKind {
        only: Some("us-east-1"),
        ..control(
            "CloudFront.1",
            "HIGH",
            "CloudFront distributions should have a default root object configured",
        )
    },
    control(
        "CloudTrail.2",
        "MEDIUM",
        "CloudTrail should have encryption at-rest enabled",
    ),
    control(
        "Config.1",
        "CRITICAL",
        "AWS Config should be enabled and use the service-linked role for resource recording",
    ),
    control(
        "EC2.2",
        "HIGH",
        "VPC default security groups should not allow inbound or outbound traffic",
    ),
    control(
        "EC2.6",
        "MEDIUM",
        "VPC flow logging should be enabled in all VPCs",
    ),
    control(
        "EC2.19",
        "CRITICAL",
        "Security groups should not allow unrestricted access to ports with high risk",
    ),
    control(
        "IAM.1",
        "HIGH",
        "IAM policies should not allow full \"*\" administrative privileges",
    ),
    control(
        "IAM.4",
        "CRITICAL",
        "IAM root user access key should not exist",
    ),
    control(
        "IAM.6",
        "CRITICAL",
        "Hardware MFA should be enabled for the root user",
    ),
    control(
        "IAM.9",
        "CRITICAL",
        "MFA should be enabled for the root user",
    ),
    control("KMS.4", "MEDIUM", "AWS KMS key rotation should be enabled"),
    control(
        "Lambda.1",
        "CRITICAL",
        "Lambda function policies should prohibit public access",
    ),
    control(
        "S3.1",
        "MEDIUM",
        "S3 general purpose buckets should have block public access settings enabled",
    ),
    control(
        "S3.5",
        "MEDIUM",
        "S3 general purpose buckets should require requests to use SSL",
    ),
    control(
        "S3.7",
        "LOW",
        "S3 general purpose buckets should use cross-Region replication",
    ),
];

pub(super) const STANDARDS: [StandardKind; 4] = [
    StandardKind {
        kind: "standards",
        short: "aws-foundational-security-best-practices/v/1.0.0",
        name: "AWS Foundational Security Best Practices v1.0.0",
        default: true,
        controls: &[
            ("ACM.1", "ACM.1"),
            ("CloudFront.1", "CloudFront.1"),
            ("CloudTrail.2", "CloudTrail.2"),
            ("Config.1", "Config.1"),
            ("EC2.2", "EC2.2"),
            ("EC2.6", "EC2.6"),
            ("EC2.19", "EC2.19"),
            ("IAM.1", "IAM.1"),
            ("IAM.4", "IAM.4"),
            ("IAM.6", "IAM.6"),
            ("KMS.4", "KMS.4"),
            ("Lambda.1", "Lambda.1"),
            ("S3.1", "S3.1"),
            ("S3.5", "S3.5"),
        ],
    },
    StandardKind {
        kind: "ruleset",
        short: "cis-aws-foundations-benchmark/v/1.2.0",
        name: "CIS AWS Foundations Benchmark v1.2.0",
        default: true,
        controls: &[
            ("CloudTrail.2", "2.7"),
            ("Config.1", "2.5"),
            ("EC2.2", "4.3"),
            ("EC2.6", "2.9"),
            ("IAM.1", "1.22"),
            ("IAM.4", "1.12"),
            ("IAM.6", "1.14"),
            ("IAM.9", "1.13"),
            ("KMS.4", "2.8"),
        ],
    },
    StandardKind {
        kind: "standards",
        short: "cis-aws-foundations-benchmark/v/3.0.0",
        name: "CIS AWS Foundations Benchmark v3.0.0",
        default: false,
        controls: &[
            ("CloudTrail.2", "3.5"),
            ("Config.1", "3.3"),
            ("EC2.2", "5.4"),
            ("EC2.6", "3.7"),
            ("IAM.4", "1.4"),
            ("IAM.6", "1.6"),
            ("IAM.9", "1.5"),
            ("KMS.4", "3.6"),
            ("S3.1", "2.1.4"),
            ("S3.5", "2.1.1"),
        ],
    },
    StandardKind {
        kind: "standards",
        short: "pci-dss/v/3.2.1",
        name: "PCI DSS v3.2.1",
        default: false,
        controls: &[
            ("CloudTrail.2", "PCI.CloudTrail.1"),
            ("Config.1", "PCI.Config.1"),
            ("EC2.2", "PCI.EC2.2"),
            ("EC2.6", "PCI.EC2.6"),
            ("EC2.19", "PCI.EC2.19"),
            ("IAM.1", "PCI.IAM.3"),
            ("IAM.4", "PCI.IAM.1"),
            ("IAM.6", "PCI.IAM.4"),
            ("IAM.9", "PCI.IAM.5"),
            ("KMS.4", "PCI.KMS.1"),
            ("Lambda.1", "PCI.Lambda.1"),
            ("S3.1", "PCI.S3.6"),
            ("S3.5", "PCI.S3.5"),
            ("S3.7", "PCI.S3.3"),
        ],
    },
];

pub(super) fn standard(arn: &str, region: &str) -> Option<&'static StandardKind> {
    STANDARDS.iter().find(|it| it.arn(region) == arn)
}
