//! Names of standards and controls, in the file's and in AWS's form (`organization.md` S-2, S-3).

use std::collections::BTreeSet;

/// ARN prefix of the short name: `standards/`, or `ruleset/` for the oldest standard.
const KINDS: [&str; 2] = ["standards/", "ruleset/"];

/// `pci-dss/v/3.2.1`, from a short name or an ARN.
pub(super) fn short_name(name: &str) -> &str {
    let resource = name.rsplit("::").next().unwrap_or(name);
    let kind = KINDS.iter().find_map(|it| resource.strip_prefix(it));
    kind.unwrap_or(resource)
}

/// The ARN offered in a Region for a name. Never constructed: one standard's ARN has no Region, and
/// partitions differ.
pub(super) fn offered_as<'a>(offered: &'a BTreeSet<String>, name: &str) -> Option<&'a String> {
    let wanted = short_name(name);
    offered.iter().find(|arn| short_name(arn) == wanted)
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ControlName {
    /// `IAM.6`: in every standard that has it.
    Id(String),
    /// A control in one standard, with `{region}` and `{account}` as placeholders.
    Arn(String),
}

impl ControlName {
    /// # Errors
    /// It is no control name.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.starts_with("arn:") {
            return if is_control_arn(text) {
                Ok(Self::Arn(text.to_owned()))
            } else {
                Err(format!(
                    "`{text}` is not the ARN of a control: write \
                     `arn:aws:securityhub:{{region}}:{{account}}:control/STANDARD/CONTROL`"
                ))
            };
        }
        let parts: Vec<&str> = text.split('.').collect();
        let good = |part: &&str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|it| it.is_ascii_alphanumeric() || it == b'-')
        };
        if parts.len() == 2 && parts.iter().all(good) {
            Ok(Self::Id(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is no control: write `IAM.6`, or the ARN of a control in a standard"
            ))
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Id(text) | Self::Arn(text) => text,
        }
    }

    /// Checks if the name matches control `id` of standard `short`, whose ARNs here are `arns`.
    pub(super) fn names(&self, place: &ControlPlace<'_>) -> bool {
        match self {
            Self::Id(id) => id == place.id,
            Self::Arn(arn) => {
                let filled = arn
                    .replace("{region}", place.region)
                    .replace("{account}", place.account);
                let Some((_, control)) = filled.split_once(":control/") else {
                    return false;
                };
                let known = |it: &String| {
                    it.split_once(":control/").map(|(_, control)| control) == Some(control)
                };
                // ARNs are unknown until the standard is enabled
                place.arns.iter().any(known)
                    || (place.arns.is_empty() && is_called(control, place.short, place.id))
            }
        }
    }
}

/// `arn:aws:securityhub:{region}:{account}:control/pci-dss/v/3.2.1/PCI.IAM.6`: with placeholders or
/// values.
fn is_control_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "securityhub", region, account, control] = parts.as_slice() else {
        return false;
    };
    let is_word = |it: &str| {
        it.bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'-')
    };
    let is_open = |it: &str, open: &str, is_filled: bool| it == open || (is_filled && is_word(it));
    let named = control.strip_prefix("control/").and_then(standard_of);
    partition.starts_with("aws")
        && is_word(partition)
        && is_open(region, "{region}", !region.is_empty())
        && is_open(account, "{account}", account.len() == 12)
        && named.is_some_and(|(short, own)| !short.is_empty() && !own.is_empty())
}

/// Splits `pci-dss/v/3.2.1/PCI.IAM.6` into standard and control.
pub(super) fn standard_of(control: &str) -> Option<(&str, &str)> {
    control.rsplit_once('/')
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ControlPlace<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) short: &'a str,
    pub(super) id: &'a str,
    pub(super) arns: &'a [String],
}

/// `pci-dss/v/3.2.1/PCI.IAM.6`, `aws-foundational-security-best-practices/v/1.0.0/ACM.1`.
pub(super) fn is_called(control: &str, short: &str, id: &str) -> bool {
    let own = control
        .strip_prefix(short)
        .and_then(|it| it.strip_prefix('/'));
    own.is_some_and(|own| own == id || own.strip_prefix("PCI.") == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_among_what_a_region_offers() {
        let offered: BTreeSet<String> = [
            "arn:aws:securityhub:eu-west-1::standards/pci-dss/v/3.2.1",
            "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0",
            "arn:aws-cn:securityhub:cn-north-1::standards/aws-foundational-security-best-practices/v/1.0.0",
        ]
        .map(str::to_owned)
        .into();
        for (name, found) in [
            (
                "pci-dss/v/3.2.1",
                Some("arn:aws:securityhub:eu-west-1::standards/pci-dss/v/3.2.1"),
            ),
            (
                "cis-aws-foundations-benchmark/v/1.2.0",
                Some("arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0"),
            ),
            (
                "arn:aws:securityhub:us-east-1::standards/pci-dss/v/3.2.1",
                Some("arn:aws:securityhub:eu-west-1::standards/pci-dss/v/3.2.1"),
            ),
            ("pci-dss/v/4.0.1", None),
            ("pci-dss", None),
        ] {
            let expected = found.map(str::to_owned);
            assert_eq!(offered_as(&offered, name), expected.as_ref(), "{name}");
        }
    }

    #[test]
    fn controls_are_named_by_id_or_by_an_arn_with_open_places() {
        let arns = [
            "arn:aws:securityhub:eu-west-1:111122223333:control/pci-dss/v/3.2.1/PCI.S3.5"
                .to_owned(),
        ];
        let place = ControlPlace {
            account: "111122223333",
            region: "eu-west-1",
            short: "pci-dss/v/3.2.1",
            id: "S3.5",
            arns: &[],
        };
        let known = ControlPlace {
            arns: &arns,
            ..place
        };
        let open = "arn:aws:securityhub:{region}:{account}:control/pci-dss/v/3.2.1/PCI.S3.5";
        for (text, place, expected) in [
            ("S3.5", place, true),
            ("S3.50", place, false),
            (open, place, true),
            (open, known, true),
            (
                "arn:aws:securityhub:{region}:{account}:control/pci-dss/v/4.0.1/PCI.S3.5",
                known,
                false,
            ),
        ] {
            let name = ControlName::read(text).unwrap();
            assert_eq!(name.names(&place), expected, "{text}");
        }
        for bad in [
            "S3",
            "S3.",
            ".5",
            "S3.5.1",
            "arn:aws:s3:::bucket",
            "arn:aws:securityhub:{regoin}:{account}:control/pci-dss/v/3.2.1/PCI.S3.5",
            "arn:aws:securityhub:{region}:{acount}:control/pci-dss/v/3.2.1/PCI.S3.5",
            "arn:aws:securtyhub:{region}:{account}:control/pci-dss/v/3.2.1/PCI.S3.5",
            "arn:aws:securityhub:{region}:{account}:contol/pci-dss/v/3.2.1/PCI.S3.5",
            "arn:aws:securityhub:{region}:{account}:control/PCI.S3.5",
            "",
        ] {
            assert!(ControlName::read(bad).is_err(), "{bad}");
        }
    }
}
