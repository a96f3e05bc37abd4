//! The baseline for registering a unit (`organization.md` N-5).

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::zone::LandingZone;
use crate::changing::ServiceCalls;
use crate::reading::{Operation, ReadFact, ReadPlace, Reader, text, unread};

pub(super) const UNITS: &str = "AWSControlTowerBaseline";
const IDENTITY_CENTER: &str = "IdentityCenterBaseline";
const ENABLED: Operation = ("controltower", "ListEnabledBaselines");
/// Minimum landing zone version and its baseline version, the newest first (AWS Control Tower User
/// Guide, "Compatibility of OU baselines and landing zone versions").
const VERSIONS: &[((u32, u32), &str)] = &[
    ((4, 0), "5.0"),
    ((3, 2), "4.0"),
    ((3, 0), "3.0"),
    ((2, 8), "2.0"),
    ((2, 0), "1.0"),
];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitBaseline {
    pub arn: String,
    pub version: String,
    /// ARN of the enabled Identity Center baseline, if Control Tower manages access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_center: Option<String>,
}

fn version(zone: &str) -> Option<&'static str> {
    let (major, minor) = zone.split_once('.')?;
    let zone: (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
    let mut all = VERSIONS.iter();
    all.find(|(from, _)| zone >= *from).map(|(_, it)| *it)
}

pub(crate) async fn unit_baseline(
    calls: &dyn ServiceCalls,
    zone: &LandingZone,
) -> ReadFact<UnitBaseline> {
    let home = Reader {
        calls,
        place: ReadPlace::default(),
    };
    let operation: Operation = ("controltower", "ListBaselines");
    let kinds = home.list(operation, json!({}), "baselines").await?;
    let named = |name: &str| {
        let found = kinds.iter().find(|it| text(it, "/name") == name);
        found.map(|it| text(it, "/arn").to_owned())
    };
    let Some(arn) = named(UNITS) else {
        return Err(unread(operation, format!("there is no baseline `{UNITS}`")));
    };
    let enabled = async |kind: &str| {
        let input = json!({ "filter": { "baselineIdentifiers": [kind] } });
        home.list(ENABLED, input, "enabledBaselines").await
    };
    let identity_center = match named(IDENTITY_CENTER) {
        Some(kind) => {
            let rows = enabled(&kind).await?;
            rows.first().map(|it| text(it, "/arn").to_owned())
        }
        None => None,
    };
    let others = enabled(&arn).await?;
    let others = others
        .iter()
        .filter(|it| text(it, "/targetIdentifier").contains(":ou/"));
    let others = others.map(|it| text(it, "/baselineVersion").to_owned());
    let known = others.filter(|it| !it.is_empty()).max();
    let known = known.or_else(|| version(&zone.version).map(str::to_owned));
    let version = known.ok_or_else(|| {
        let why = format!("no baseline is known for landing zone {}", zone.version);
        unread(operation, why)
    })?;
    Ok(UnitBaseline {
        arn,
        version,
        identity_center,
    })
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_of_baselines_go_by_the_landing_zone() {
        for (zone, baseline) in [
            ("2.7", Some("1.0")),
            ("2.9", Some("2.0")),
            ("3.1", Some("3.0")),
            ("3.3", Some("4.0")),
            ("3.10", Some("4.0")),
            ("4.0", Some("5.0")),
            ("1.9", None),
            ("new", None),
        ] {
            assert_eq!(version(zone), baseline, "{zone}");
        }
    }
}
