use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::companion_rows;

#[derive(Deserialize)]
struct InstanceRow {
    instance_regions: Value,
}

/// Returns the sign-in Regions, including the home Region; `None` if no snapshot has them.
pub fn instance_regions(folder: &Path) -> Option<BTreeSet<String>> {
    let sql = "SELECT instance_regions FROM aws_ssoadmin_instances";
    let found = companion_rows::rows::<InstanceRow>(folder, sql, &[]).ok()?;
    let rows = found.rows.iter();
    let regions: BTreeSet<String> = rows.flat_map(|it| active(&it.instance_regions)).collect();
    (!regions.is_empty()).then_some(regions)
}

fn active(regions: &Value) -> Vec<String> {
    let rows = regions.as_array().into_iter().flatten();
    let is_active = |it: &&Value| {
        let status = it.get("Status").and_then(Value::as_str);
        status.is_none_or(|status| status == "ACTIVE")
    };
    let names = rows.filter(is_active).filter_map(|it| {
        let name = it.get("RegionName").unwrap_or(it);
        name.as_str().map(str::to_owned)
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_sign_in_in_regions_that_are_active() {
        let listed = json!([
            {"RegionName": "eu-west-1", "Status": "ACTIVE", "IsPrimaryRegion": true},
            {"RegionName": "eu-central-1", "Status": "ACTIVE", "IsPrimaryRegion": false},
            {"RegionName": "us-east-1", "Status": "ADDING", "IsPrimaryRegion": false},
        ]);
        assert_eq!(active(&listed), ["eu-west-1", "eu-central-1"]);
        assert_eq!(active(&json!(["eu-west-1"])), ["eu-west-1"]);
        assert_eq!(active(&Value::Null), [""; 0]);
    }
}
