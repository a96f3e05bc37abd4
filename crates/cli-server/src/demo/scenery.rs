//! Sets up accounts for the demo by API calls: Security Hub, the remediation role, open resources
//! and their findings.

use std::sync::Arc;
use std::time::Duration;

use hallpass_aws::{AwsClientSettings, OrganizationCalls, RoleToAssume};
use hallpass_aws_sim::organization::OrganizationFile;
use hallpass_base::AccountId;
use hallpass_base::clock::SystemClock;
use hallpass_enforcement::OrganizationFault;
use hallpass_inventory::collect::CallPlace;
use serde_json::{Value, json};

use super::aws::Aws;
use super::chores::{ACCESS_ROLE, EXTERNAL_ID, SHOP, account, has_story, is_active};

const ROLE: &str = "HallpassRemediation";
/// Upper limit; each session is limited to one action.
const ROLE_MAY: [&str; 2] = ["AmazonS3FullAccess", "AmazonEC2FullAccess"];
const WITHOUT_ROLE: &str = "ci-runners";
/// Open buckets: remediated automatically, ignored, and without a finding yet.
const BUCKETS: [&str; 3] = [
    "example-receipts",
    "example-status-page",
    "example-invoices",
];
const OPEN_PORTS: &str = "edge-prod";
const VOLUMES: &str = "orders-dev";
const TRIES: u32 = 8;
const LOOKS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);

pub struct Scenery {
    calls: OrganizationCalls,
    organization: OrganizationFile,
    region: String,
}

struct OpenPlace<'a> {
    account: &'a str,
    control: &'static str,
    title: &'static str,
    resource: String,
    kind: &'static str,
    severity: &'static str,
}

impl Scenery {
    pub async fn of(sim: &Aws, client: AwsClientSettings) -> Result<Self, String> {
        let seed = fastrand::u64(..);
        let clock = Arc::new(SystemClock);
        let role = RoleToAssume {
            name: ACCESS_ROLE.to_owned(),
            session_name: "platform".to_owned(),
            ..RoleToAssume::default()
        };
        Ok(Self {
            calls: OrganizationCalls::new(client, role, 2, seed, clock).await?,
            organization: sim.facts.organization.clone(),
            region: sim.facts.region.clone(),
        })
    }

    /// Runs the setup, once per stored state. Logs failures and continues.
    pub async fn set_up(self) {
        if !has_story(&self.organization) {
            return;
        }
        if let Err(why) = self.tell_it().await {
            tracing::warn!(why, "the demo's accounts are not as they should be");
        }
    }

    async fn tell_it(&self) -> Result<(), String> {
        if self.has_findings().await? {
            return Ok(());
        }
        let management = &self.organization.organization.management_account;
        let accounts = self.organization.accounts.iter();
        let accounts: Vec<_> = accounts.filter(|it| is_active(it)).collect();
        for it in &accounts {
            let inside = self.inside(&it.id)?;
            let hub = json!({ "EnableDefaultStandards": true });
            self.made(&inside, ("securityhub", "EnableSecurityHub"), &hub)
                .await?;
            if it.id != *management && it.name != WITHOUT_ROLE {
                self.make_role(&inside, management).await?;
            }
        }
        let open = self.open_places().await?;
        self.wait_for_role(self.named(OPEN_PORTS)?).await?;
        for (number, it) in open.iter().enumerate() {
            let body = json!({ "Findings": [self.finding(number, it)] });
            let inside = self.inside(it.account)?;
            self.sent(&inside, ("securityhub", "BatchImportFindings"), &body)
                .await?;
        }
        Ok(())
    }

    fn named(&self, name: &str) -> Result<&str, String> {
        let found = account(&self.organization, name);
        found.ok_or_else(|| format!("there is no account `{name}`"))
    }

    fn inside(&self, account: &str) -> Result<CallPlace, String> {
        if account == self.organization.organization.management_account {
            return Ok(CallPlace::Home);
        }
        let account = AccountId::new(account).map_err(|error| error.to_string())?;
        Ok(CallPlace::Inside(account))
    }

    async fn has_findings(&self) -> Result<bool, String> {
        let title = "Security groups should not allow unrestricted access to ports with high risk";
        let wanted =
            json!({ "Filters": { "Title": [{ "Value": title, "Comparison": "EQUALS" }] } });
        let call = ("securityhub", "GetFindings");
        let home = CallPlace::Home;
        let found = self
            .calls
            .call_in(&home, Some(&self.region), call, &wanted)
            .await;
        match found {
            Ok(page) => {
                let rows = page.answer.get("Findings").and_then(Value::as_array);
                Ok(rows.is_some_and(|rows| !rows.is_empty()))
            }
            Err(failure) if failure.code == "InvalidAccessException" => Ok(false),
            Err(failure) => Err(failure.message),
        }
    }

    async fn try_send(
        &self,
        place: &CallPlace,
        call: (&'static str, &'static str),
        input: &Value,
    ) -> Result<Value, OrganizationFault> {
        let mut tries = 1;
        loop {
            let sent = self
                .calls
                .send_in(place, Some(&self.region), call, input)
                .await;
            match sent {
                Err(OrganizationFault::Throttled { .. }) if tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                sent => return sent,
            }
        }
    }

    async fn sent(
        &self,
        place: &CallPlace,
        call: (&'static str, &'static str),
        input: &Value,
    ) -> Result<Value, String> {
        let sent = self.try_send(place, call, input).await;
        sent.map_err(|fault| format!("{}: {fault}", call.1))
    }

    async fn made(
        &self,
        place: &CallPlace,
        call: (&'static str, &'static str),
        input: &Value,
    ) -> Result<(), String> {
        match self.try_send(place, call, input).await {
            Ok(_)
            | Err(OrganizationFault::AlreadyThere { .. } | OrganizationFault::Conflict { .. }) => {
                Ok(())
            }
            Err(fault) => Err(format!("{}: {fault}", call.1)),
        }
    }

    async fn make_role(&self, inside: &CallPlace, management: &str) -> Result<(), String> {
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{management}:root") },
            "Action": "sts:AssumeRole", "Condition": { "StringEquals": { "sts:ExternalId": EXTERNAL_ID } },
        }] });
        let role = json!({ "RoleName": ROLE, "AssumeRolePolicyDocument": trust.to_string() });
        self.made(inside, ("iam", "CreateRole"), &role).await?;
        for name in ROLE_MAY {
            let arn = format!("arn:aws:iam::aws:policy/{name}");
            let policy = json!({ "RoleName": ROLE, "PolicyArn": arn });
            self.made(inside, ("iam", "AttachRolePolicy"), &policy)
                .await?;
        }
        Ok(())
    }

    /// New IAM roles take seconds to appear.
    async fn wait_for_role(&self, account: &str) -> Result<(), String> {
        let arn = format!("arn:aws:iam::{account}:role/{ROLE}");
        let asked = json!({ "RoleArn": arn, "RoleSessionName": "demo", "ExternalId": EXTERNAL_ID });
        for _ in 0..LOOKS {
            let taken = self
                .try_send(&CallPlace::Home, ("sts", "AssumeRole"), &asked)
                .await;
            if taken.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(format!("`{arn}` cannot be assumed"))
    }

    async fn open_places(&self) -> Result<Vec<OpenPlace<'_>>, String> {
        let shop = self.named(SHOP)?;
        let inside = self.inside(shop)?;
        let at = json!({ "LocationConstraint": self.region });
        let open = json!({ "BlockPublicAcls": false, "IgnorePublicAcls": false, "BlockPublicPolicy": false,
            "RestrictPublicBuckets": false });
        for name in BUCKETS {
            let bucket = json!({ "Bucket": name, "CreateBucketConfiguration": at });
            self.made(&inside, ("s3", "CreateBucket"), &bucket).await?;
            let access = json!({ "Bucket": name, "PublicAccessBlockConfiguration": open });
            self.sent(&inside, ("s3", "PutPublicAccessBlock"), &access)
                .await?;
        }
        let bucket = |name: &str| OpenPlace {
            account: shop,
            control: "S3.8",
            title: "S3 general purpose buckets should block public access",
            resource: format!("arn:aws:s3:::{name}"),
            kind: "AwsS3Bucket",
            severity: "HIGH",
        };
        let [closed, left, _] = BUCKETS;
        let volumes = |account| OpenPlace {
            account,
            control: "EC2.7",
            title: "EBS default encryption should be enabled",
            resource: format!("AWS::::Account:{account}"),
            kind: "AwsAccount",
            severity: "MEDIUM",
        };
        let runners = self.named(WITHOUT_ROLE)?;
        let edge = self.named(OPEN_PORTS)?;
        let group = self.open_group(edge).await?;
        Ok(vec![
            bucket(closed),
            bucket(left),
            volumes(self.named(VOLUMES)?),
            OpenPlace {
                account: runners,
                resource: "arn:aws:s3:::example-build-cache".to_owned(),
                ..bucket(closed)
            },
            OpenPlace {
                account: edge,
                control: "EC2.19",
                title: "Security groups should not allow unrestricted access to ports with high risk",
                resource: format!("arn:aws:ec2:{}:{edge}:security-group/{group}", self.region),
                kind: "AwsEc2SecurityGroup",
                severity: "CRITICAL",
            },
        ])
    }

    async fn open_group(&self, account: &str) -> Result<String, String> {
        let inside = self.inside(account)?;
        let group =
            json!({ "GroupName": "edge-bastion", "Description": "While the VPN is being moved" });
        let made = self
            .sent(&inside, ("ec2", "CreateSecurityGroup"), &group)
            .await?;
        let id = made
            .get("GroupId")
            .and_then(Value::as_str)
            .ok_or("a group has no id")?;
        let port = |port: u16, why: &str| {
            json!({ "IpProtocol": "tcp", "FromPort": port, "ToPort": port,
                "IpRanges": [{ "CidrIp": "0.0.0.0/0", "Description": why }] })
        };
        let rules = json!({ "GroupId": id, "IpPermissions": [port(22, "until the VPN is back"), port(443, "the shop")] });
        self.sent(&inside, ("ec2", "AuthorizeSecurityGroupIngress"), &rules)
            .await?;
        Ok(id.to_owned())
    }

    fn finding(&self, number: usize, it: &OpenPlace<'_>) -> Value {
        let (region, now) = (&self.region, hallpass_base::clock::now().to_string());
        let account = it.account;
        let product = format!("arn:aws:securityhub:{region}:{account}:product/{account}/default");
        json!({
            "SchemaVersion": "2018-10-08", "Id": format!("{product}/example-{number}"), "ProductArn": product,
            "GeneratorId": format!("security-control/{}", it.control), "AwsAccountId": account,
            "Types": ["Software and Configuration Checks"], "CreatedAt": now, "UpdatedAt": now,
            "Severity": { "Label": it.severity }, "Title": it.title, "Description": it.title,
            "Compliance": { "Status": "FAILED", "SecurityControlId": it.control },
            "Resources": [{ "Type": it.kind, "Id": it.resource, "Region": region }],
        })
    }
}
