//! Control Tower: baselines of units and accounts, and controls without a baseline (`simulator.md`
//! §2.7).

use hallpass_aws_sim::organization::{ControlTowerBasis, UnitControl};
use serde_json::{Value, json};

use crate::bench::{Bench, options};

async fn listed(bench: &Bench, operation: &str, input: Value) -> Value {
    let call = format!("controltower/{operation}");
    let answer = bench.rest(&bench.signer, &call, input).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

fn landing_zone() -> ControlTowerBasis {
    ControlTowerBasis {
        version: "4.0".to_owned(),
        home_region: "eu-west-1".to_owned(),
        governed_regions: vec!["eu-west-1".to_owned()],
        log_archive: "log-archive".to_owned(),
        audit: "audit".to_owned(),
        ..ControlTowerBasis::default()
    }
}

/// `drifted_units`: until the reset, and visible to list filters.
#[tokio::test]
async fn a_baseline_drifts_from_the_landing_zone_until_it_is_reset() {
    let mut given = options();
    given.organization.control_tower = Some(ControlTowerBasis {
        units: vec!["Commerce".to_owned(), "Development".to_owned()],
        drifted_units: vec!["Commerce".to_owned()],
        ..landing_zone()
    });
    let bench = Bench::new(given).await;
    let drifted = async || {
        let input = json!({ "filter": { "sourceDriftStatuses": ["DRIFTED"] } });
        let found = listed(&bench, "list-enabled-baselines", input).await;
        found["enabledBaselines"].as_array().unwrap().clone()
    };
    let found = drifted().await;
    assert_eq!(found.len(), 1, "{found:?}");
    let unit = bench.unit("Commerce");
    let target = found[0]["targetIdentifier"].as_str().unwrap();
    assert!(target.ends_with(&unit), "{target}");
    let input = json!({ "enabledBaselineIdentifier": found[0]["arn"] });
    listed(&bench, "reset-enabled-baseline", input).await;
    bench.advance(24.0 * 3600.0).await;
    assert_eq!(drifted().await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_account_may_have_the_config_baseline_alone_or_controls_alone() {
    let mut given = options();
    given.organization.control_tower = Some(ControlTowerBasis {
        units: vec!["Commerce".to_owned()],
        config_units: vec!["Commerce".to_owned()],
        controls: vec![UnitControl {
            unit: "Development".to_owned(),
            control: "AWS-GR_RESTRICT_ROOT_USER".to_owned(),
        }],
        ..landing_zone()
    });
    let bench = Bench::new(given).await;
    let (config, controlled) = (
        bench.account("payments-prod"),
        bench.account("checkout-dev"),
    );
    let kinds = listed(&bench, "list-baselines", json!({})).await;
    let kinds = kinds["baselines"].as_array().unwrap().clone();
    let kind = kinds.iter().find(|it| it["name"] == "ConfigBaseline");
    let input = json!({ "includeChildren": true });
    let baselines = listed(&bench, "list-enabled-baselines", input.clone()).await;
    let controls = listed(&bench, "list-enabled-controls", input).await;
    let of = |rows: &Value, account: &str| -> Vec<Value> {
        let rows = rows.as_array().unwrap().iter();
        let is_of = |it: &&Value| it["targetIdentifier"].as_str().unwrap().ends_with(account);
        rows.filter(is_of).cloned().collect()
    };
    let own = of(&baselines["enabledBaselines"], &config);
    assert_eq!(own.len(), 1, "{baselines}");
    assert_eq!(own[0]["baselineIdentifier"], kind.unwrap()["arn"]);
    assert_eq!(
        of(&controls["enabledControls"], &config),
        Vec::<Value>::new()
    );
    assert_eq!(
        of(&baselines["enabledBaselines"], &controlled),
        Vec::<Value>::new()
    );
    let own = of(&controls["enabledControls"], &controlled);
    assert_eq!(own.len(), 1, "{controls}");
    assert_eq!(own[0]["statusSummary"]["status"], "SUCCEEDED");
}
