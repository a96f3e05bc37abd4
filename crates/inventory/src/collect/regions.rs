use std::io;

use hallpass_base::AccountId;
use serde_json::{Value, json};

use crate::collect::collector::{Collected, Collector};
use crate::collect::documents::{listed, member, needed, text};
use crate::collect::ports::CallPlace;

const TABLE: &str = "aws_regions";

impl Collector<'_> {
    /// Reads an account's Regions from the account service, or else from EC2 inside.
    pub(crate) async fn regions(&self, account: &AccountId) -> io::Result<()> {
        if !self.wants(TABLE, Some(account)) {
            return Ok(());
        }
        let started = self.now();
        let rows = async {
            match self.regions_from_outside(account).await {
                Ok(rows) => Ok(rows),
                Err(_) => self.regions_from_inside(account).await,
            }
        };
        self.keep(TABLE, Some(account), started, rows.await)
    }

    async fn regions_from_outside(&self, account: &AccountId) -> Collected<Vec<Value>> {
        let operation = "ListRegions";
        let input = json!({ "AccountId": account });
        let home = CallPlace::Home;
        let regions = self.list(&home, "account", operation, input);
        let row = |region: &Value| {
            let status = needed(operation, region, "RegionOptStatus")?;
            Ok(json!({
                "account_id": account,
                "region": member(region, "RegionName"),
                "opt_status": status,
                "enabled": matches!(status, "ENABLED" | "ENABLED_BY_DEFAULT"),
            }))
        };
        regions.await?.iter().map(row).collect()
    }

    async fn regions_from_inside(&self, account: &AccountId) -> Collected<Vec<Value>> {
        let place = CallPlace::Inside(account.clone());
        let input = json!({ "AllRegions": true });
        let operation = "DescribeRegions";
        let pages = self.pages(&place, "ec2", operation, input).await?;
        let regions = listed(operation, &pages, "Regions")?;
        let row = |region: &Value| {
            // the account service's terms, for both sources
            let status = match text(region, "OptInStatus") {
                Some("opted-in") => "ENABLED",
                Some("not-opted-in") => "DISABLED",
                _ => "ENABLED_BY_DEFAULT",
            };
            json!({
                "account_id": account,
                "region": member(region, "RegionName"),
                "opt_status": status,
                "enabled": status != "DISABLED",
            })
        };
        Ok(regions.iter().map(row).collect())
    }
}
