//! Generates past activity: an organization trail with 100 days of sign-ins, passwords and work.
//! Deterministic, derived from names and days.

use hallpass_aws_sim::Simulator;
use hallpass_aws_sim::organization::{OrganizationFile, StatedTrail, User};
use hallpass_base::{TimeSpan, Timestamp};
use serde_json::{Value, json};

pub const BUCKET: &str = "example-trail";
/// Beyond the 90 day limits of passwords and accounts.
const DAYS: u64 = 100;
/// Daily work by permission set: service, event, whether read-only.
type Work = &'static [(&'static str, &'static str, bool)];

const DEPLOYING: Work = &[
    ("ecs", "RegisterTaskDefinition", false),
    ("ecs", "UpdateService", false),
];
const OPERATING: Work = &[
    ("rds", "DescribeDBInstances", true),
    ("rds", "CreateDBSnapshot", false),
    ("rds", "RebootDBInstance", false),
    ("cloudwatch", "DescribeAlarms", true),
];
const BUILDING: Work = &[
    ("ec2", "DescribeInstances", true),
    ("ec2", "RunInstances", false),
    ("sqs", "CreateQueue", false),
    ("logs", "DescribeLogGroups", true),
    ("dynamodb", "CreateTable", false),
];
const LOOKING: Work = &[
    ("ec2", "DescribeInstances", true),
    ("s3", "ListBuckets", true),
    ("cloudwatch", "DescribeAlarms", true),
];

const WORK: [(&str, &str, &str, u64, Work); 7] = [
    (
        "mara.lindqvist@example.com",
        "payments-dev",
        "payments-Deploy",
        2,
        DEPLOYING,
    ),
    (
        "ines.moreau@example.com",
        "payments-prod",
        "payments-Deploy",
        5,
        DEPLOYING,
    ),
    (
        "priya.raman@example.com",
        "payments-prod",
        "DatabaseOperator",
        6,
        OPERATING,
    ),
    (
        "priya.raman@example.com",
        "payments-dev",
        "PowerUser",
        3,
        BUILDING,
    ),
    (
        "tomasz.wilk@example.com",
        "payments-dev",
        "PowerUser",
        7,
        BUILDING,
    ),
    (
        "mara.lindqvist@example.com",
        "payments-prod",
        "ReadOnly",
        2,
        LOOKING,
    ),
    (
        "noor.haddad@example.com",
        "edge-prod",
        "ReadOnly",
        4,
        LOOKING,
    ),
];

/// One user in twenty: days since the password was set and since last activity; 0 = normal.
const UNUSUAL: [(usize, u64, u64); 5] = [
    (4, 87, 0),
    (7, 0, 88),
    (11, 93, 0),
    (13, 0, 97),
    (17, 88, 91),
];

pub fn add_trail(organization: &mut OrganizationFile) {
    organization.trails.push(StatedTrail {
        name: "organization".to_owned(),
        account: organization.organization.management_account.clone(),
        region: organization.identity_center.home_region.clone(),
        bucket: BUCKET.to_owned(),
        organization: true,
        ..StatedTrail::default()
    });
}

pub fn live(simulator: &Simulator, now: Timestamp) -> Result<usize, String> {
    let organization = simulator.organization();
    let lives = Lives {
        region: organization.identity_center.home_region.clone(),
        store: organization.identity_center.identity_store_id.clone(),
        management: simulator.identity_center().management_account,
        organization: &organization,
        now,
    };
    simulator.add_events(&lives.records())
}

struct Lives<'a> {
    organization: &'a OrganizationFile,
    region: String,
    store: String,
    management: String,
    now: Timestamp,
}

impl Lives<'_> {
    fn records(&self) -> Vec<Value> {
        let users = &self.organization.identity_center.users;
        let enabled = users
            .iter()
            .filter(|it| it.status.as_deref() != Some("DISABLED"));
        let mut records = Vec::new();
        for (number, user) in enabled.enumerate() {
            let unusual = UNUSUAL.iter().find(|it| it.0 == number % 20);
            let (password, absent) = unusual.map_or((0, 0), |it| (it.1, it.2));
            let number = number as u64;
            records.push(match password {
                0 => self.password(user, 10 + number * 7 % 70),
                days => self.password(user, days),
            });
            let every = 4 + number % 5;
            let days = (absent.max(number % 3)..DAYS).step_by(usize::try_from(every).unwrap_or(1));
            records.extend(
                days.filter(|it| *it > 0)
                    .flat_map(|day| self.sign_in(user, day)),
            );
        }
        for (who, account, set, every, work) in WORK {
            let user = users.iter().find(|it| it.user_name == who);
            let account = self
                .organization
                .accounts
                .iter()
                .find(|it| it.name == account);
            if let (Some(user), Some(account)) = (user, account) {
                let days = (1..DAYS).filter(|day| day % every == 0);
                records.extend(days.flat_map(|day| self.work(user, &account.id, set, day, work)));
            }
        }
        // every day has a file, even without activity
        records.extend((1..DAYS).map(|day| self.record("health", "DescribeEvents", day, "nobody")));
        records
    }

    /// A management account event; `what` makes it unique.
    fn record(&self, service: &str, event: &str, day: u64, what: &str) -> Value {
        let date = TimeSpan::hours(24 * day).before(self.now);
        let date = date.strftime("%Y-%m-%d").to_string();
        let digits = fingerprint(&format!("{service} {event} {date} {what}"));
        let minutes = u64::from_str_radix(digits.get(..4).unwrap_or_default(), 16).unwrap_or(0);
        // in working hours, and yesterday not later than now
        let (hour, minute) = (minutes % 8, minutes % 60);
        let part = |range| digits.get(range).unwrap_or_default();
        json!({
            "eventVersion": "1.11",
            "userIdentity": {"type": "AWSService", "invokedBy": "health.amazonaws.com"},
            "eventTime": format!("{date}T{hour:02}:{minute:02}:00Z"),
            "eventSource": format!("{service}.amazonaws.com"),
            "eventName": event,
            "awsRegion": self.region,
            "sourceIPAddress": "198.51.100.20",
            "userAgent": "Mozilla/5.0",
            "requestParameters": null,
            "responseElements": null,
            "eventID": format!("{}-{}-4{}-8{}-{}", part(0..8), part(8..12), part(12..15), part(15..18), part(18..30)),
            "readOnly": true,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": self.management,
            "eventCategory": "Management",
        })
    }

    fn person(&self, user: &User) -> Value {
        let management = &self.management;
        let arn = format!(
            "arn:aws:identitystore::{management}:identitystore/{}",
            self.store
        );
        json!({
            "type": "IdentityCenterUser", "accountId": management,
            "onBehalfOf": {"userId": user.id, "identityStoreArn": arn},
            "credentialId": fingerprint(&user.id),
        })
    }

    fn password(&self, user: &User, day: u64) -> Value {
        let mut record = self.record("sso-directory", "UpdatePassword", day, &user.id);
        put(
            &mut record,
            "userIdentity",
            json!({"type": "Unknown", "accountId": self.management, "userName": "service-desk"}),
        );
        put(
            &mut record,
            "requestParameters",
            json!({
                "identityStoreId": self.store, "userId": user.id, "passwordMode": "OTP",
            }),
        );
        put(&mut record, "readOnly", json!(false));
        record
    }

    fn sign_in(&self, user: &User, day: u64) -> [Value; 2] {
        ["signin", "sso"].map(|service| {
            let event = if service == "signin" { "UserAuthentication" } else { "Authenticate" };
            let mut record = self.record(service, event, day, &user.id);
            put(&mut record, "userIdentity", self.person(user));
            put(&mut record, "additionalEventData", json!({
                "LoginTo": format!("https://{}.awsapps.com/start", self.store), "CredentialType": "PASSWORD",
            }));
            put(&mut record, "serviceEventDetails", json!({event: "Success"}));
            put(&mut record, "readOnly", json!(false));
            record
        })
    }

    fn work(&self, user: &User, account: &str, set: &str, day: u64, work: Work) -> Vec<Value> {
        let role = format!(
            "AWSReservedSSO_{set}_{}",
            fingerprint(set).get(..16).unwrap_or_default()
        );
        let path = format!("aws-reserved/sso.amazonaws.com/{}", self.region);
        let each = work.iter().map(|(service, event, reads)| {
            let mut record =
                self.record(service, event, day, &format!("{} {account} {set}", user.id));
            let began = record.get("eventTime").cloned().unwrap_or_default();
            let mut who = self.person(user);
            put(&mut who, "type", json!("AssumedRole"));
            put(&mut who, "accountId", json!(account));
            put(
                &mut who,
                "principalId",
                json!(format!("AROAEXAMPLE:{}", user.user_name)),
            );
            put(
                &mut who,
                "arn",
                json!(format!(
                    "arn:aws:sts::{account}:assumed-role/{role}/{}",
                    user.user_name
                )),
            );
            put(
                &mut who,
                "sessionContext",
                json!({
                    "sessionIssuer": {
                        "type": "Role", "accountId": account, "userName": role,
                        "arn": format!("arn:aws:iam::{account}:role/{path}/{role}"),
                    },
                    "attributes": {"creationDate": began, "mfaAuthenticated": "false"},
                }),
            );
            put(&mut record, "userIdentity", who);
            put(&mut record, "recipientAccountId", json!(account));
            put(&mut record, "readOnly", json!(reads));
            record
        });
        each.collect()
    }
}

fn put(of: &mut Value, name: &str, value: Value) {
    if let Some(members) = of.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn fingerprint(text: &str) -> String {
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    hex::encode(sum)
}
