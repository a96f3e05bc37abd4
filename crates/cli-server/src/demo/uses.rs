//! Uses a grant like a real user: a portal session, and calls with its keys. The simulated
//! CloudTrail records them automatically.

use std::net::SocketAddr;

use hallpass_app::host::named_calls::NamedCalls;
use hallpass_aws::{AwsClientSettings, Credentials, RoleToAssume};
use hallpass_org::{ReadCalls as _, ReadPlace, ServiceCalls as _};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::aws::Aws;

#[derive(Clone)]
pub struct DemoPortal {
    address: SocketAddr,
    region: String,
}

impl DemoPortal {
    pub fn of(sim: &Aws) -> Self {
        Self {
            address: sim.address,
            region: sim.facts.region.clone(),
        }
    }

    async fn enter(&self, user: &str, account: &str, set: &str) -> Option<NamedCalls> {
        let body = json!({"user": user, "account": account, "permission_set": set});
        let client = reqwest::Client::builder().no_proxy().build().ok()?;
        let answer = client
            .post(format!("http://{}/_sim/login", self.address))
            .body(body.to_string())
            .send()
            .await
            .ok()?;
        let given: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
        let text = |name: &str| given.get(name).and_then(Value::as_str).map(str::to_owned);
        let settings = AwsClientSettings {
            endpoint_url: Some(format!("http://{}", self.address)),
            credentials: Credentials::Static {
                access_key_id: text("AWS_ACCESS_KEY_ID")?,
                secret_access_key: SecretString::from(text("AWS_SECRET_ACCESS_KEY")?),
                session_token: text("AWS_SESSION_TOKEN").map(SecretString::from),
            },
            ..AwsClientSettings::new(self.region.clone())
        };
        NamedCalls::of(settings, RoleToAssume::default(), 1)
            .await
            .ok()
    }

    /// Reads, opens a public port, and tries a forbidden call.
    pub async fn work(&self, user: &str, account: &str, set: &str) -> Option<()> {
        let calls = self.enter(user, account, set).await?;
        let place = ReadPlace::default();
        let nothing = json!({});
        let looks = [
            "DescribeInstances",
            "DescribeSecurityGroups",
            "DescribeVpcs",
        ];
        let mut vpcs = Value::Null;
        for operation in looks {
            if let Ok((answer, _)) = calls.call(&place, ("ec2", operation), &nothing).await {
                vpcs = answer;
            }
        }
        let vpc = vpcs.pointer("/Vpcs/0/VpcId").cloned()?;
        let group = json!({"GroupName": "runner-ssh", "Description": "to look at the runner", "VpcId": vpc});
        let made = calls
            .send(&place, ("ec2", "CreateSecurityGroup"), &group)
            .await;
        if let Some(id) = made.ok().and_then(|it| it.get("GroupId").cloned()) {
            let open = json!({"GroupId": id, "IpPermissions": [{
                "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            }]});
            let opened = ("ec2", "AuthorizeSecurityGroupIngress");
            let _ = calls.send(&place, opened, &open).await;
        }
        // forbidden for a power user
        let user = json!({"UserName": "runner"});
        let _ = calls.send(&place, ("iam", "CreateUser"), &user).await;
        Some(())
    }
}
