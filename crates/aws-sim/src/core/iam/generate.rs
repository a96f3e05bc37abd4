//! Generates IAM of an account missing in the organization file: a function of the seed, the
//! account and two facts. Includes varied defects.

use crate::base::{Millis, Random};
use serde_json::{Map, Value, json};

use super::DEFAULT_USER;
use crate::{
    core::{entities::Account, instants::written, issue::key_id, state::SimState},
    organization::{
        DOMAIN, FAMILY, GIVEN, Iam, IamDelegationRequest, IamDelegationState, IamGroup, IamKey,
        IamManagedPolicy, IamMfaDevice, IamMfaKind, IamPassword, IamPolicies, IamRole, IamRoot,
        IamUser, address,
    },
};

const DAY: Millis = 86_400_000;
const HOUR: Millis = 3_600_000;
const PARTNER: &str = "900000000009";
/// Days without use that count as unused; generated values avoid the limit, so that a day more or
/// less changes nothing.
const RECENT: u64 = 60;
const FORGOTTEN: u64 = 100;

const PROGRAMS: &[(&str, &str)] = &[
    ("ci-deploy", "releases"),
    ("backup-agent", "backups"),
    ("metrics-exporter", "monitoring"),
    ("smtp-relay", "mail"),
    ("legacy-import", "nightly imports"),
    ("report-builder", "reports"),
];
const PLACES: &[(&str, &str)] = &[
    ("s3", "eu-west-1"),
    ("ec2", "eu-central-1"),
    ("sts", "us-east-1"),
    ("ses", "eu-west-1"),
    ("dynamodb", "eu-west-1"),
];
const SERVICES: &[(&str, &str, &str)] = &[
    ("ec2.amazonaws.com", "app-server", "ReadOnlyAccess"),
    (
        "lambda.amazonaws.com",
        "event-handler",
        "AWSLambda_ReadOnlyAccess",
    ),
    ("ecs-tasks.amazonaws.com", "task-runner", "PowerUserAccess"),
];
const DEVELOPERS: &str = "developers";
const UPLOADS: &str = "UploadArtifacts";

struct IamDraw<'a> {
    random: Random,
    account: &'a Account,
    people: &'a [String],
    as_of: Millis,
    age: u64,
}

pub(super) fn iam(state: &SimState, account: &Account) -> Iam {
    let as_of = state.inventory.as_of();
    let age = u64::try_from((as_of - account.joined) / DAY).unwrap_or(0);
    let mut draw = IamDraw {
        random: Random::new(state.seed, &format!("iam/{}", account.id)),
        account,
        people: &state.inventory.people,
        as_of,
        age: age.max(1),
    };
    let mut users = draw.programs();
    users.extend(draw.persons());
    Iam {
        users,
        groups: vec![developers()],
        roles: draw.roles(),
        managed: vec![uploads(&account.id)],
        root: Some(draw.root()),
        password_policy: draw.chance(60).then(password_policy),
        delegation_requests: delegations(state, account),
        ..Iam::default()
    }
}

fn delegations(state: &SimState, account: &Account) -> Vec<IamDelegationRequest> {
    let mut random = Random::new(state.seed, &format!("iam/{}/delegations", account.id));
    let as_of = state.inventory.as_of();
    let (state, hours) = match random.below(8) {
        0 => (IamDelegationState::Finalized, 1),
        1 => (IamDelegationState::Assigned, 5),
        _ => return Vec::new(),
    };
    let owner = format!("arn:aws:iam::{}:user/{DEFAULT_USER}", account.id);
    let is_final = state == IamDelegationState::Finalized;
    let at = |hours: Millis| written(as_of - as_of.rem_euclid(1000) - hours * HOUR);
    vec![IamDelegationRequest {
        id: format!("request-{}", random.hex(16)),
        state,
        requestor: PARTNER.to_owned(),
        requestor_name: Some("Example Observability".to_owned()),
        description: Some("Sets up the collection of metrics.".to_owned()),
        approver: is_final.then(|| owner.clone()),
        owner: Some(owner),
        policy: Some(document("cloudwatch:PutMetricStream", "*")),
        session_duration: Some(12 * 3_600),
        created: Some(at(hours + 1)),
        updated: Some(at(hours)),
        expires: Some(at(hours - 7 * 24)),
        ..IamDelegationRequest::default()
    }]
}

impl IamDraw<'_> {
    fn chance(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    /// A whole second within that many days ago.
    fn days_ago(&mut self, from: u64, to: u64) -> Millis {
        let days = from + self.random.below(to.saturating_sub(from).max(1));
        let second = self.random.below(86_400);
        let back = i64::try_from(days * 86_400 + second).unwrap_or(0) * 1000;
        let at = self.as_of - back;
        at - at.rem_euclid(1000)
    }

    fn made(&mut self) -> u64 {
        self.age / 4 + self.random.below(self.age * 3 / 4 + 1)
    }

    fn used(&mut self, made: u64) -> Option<Millis> {
        match self.random.below(10) {
            0..=4 => Some(self.days_ago(0, RECENT.min(made + 1))),
            5..=7 if made > FORGOTTEN => Some(self.days_ago(FORGOTTEN, made)),
            5..=7 => Some(self.days_ago(0, made)),
            _ => None,
        }
    }

    fn key(&mut self, made: u64) -> IamKey {
        let used = self.used(made);
        let (service, region) = self.random.pick(PLACES).copied().unwrap_or_default();
        let last = |text: &str| used.map(|_| text.to_owned());
        IamKey {
            id: key_id("AKIA", &self.account.id, &mut self.random),
            status: self.chance(20).then(|| "Inactive".to_owned()),
            created: Some(written(self.days_ago(made, made + 1))),
            last_used: used.map(written),
            last_used_service: last(service),
            last_used_region: last(region),
        }
    }

    fn keys(&mut self, made: u64, one: u64) -> Vec<IamKey> {
        if !self.chance(one) {
            return Vec::new();
        }
        let mut keys = vec![self.key(made)];
        if self.chance(30) {
            let age = self.random.below(RECENT.min(made) + 1);
            keys.push(self.key(age));
        }
        keys
    }

    fn person(&mut self) -> Option<String> {
        self.random.pick(self.people).cloned()
    }

    fn programs(&mut self) -> Vec<IamUser> {
        let number = 1 + self.random.below(3);
        let first = usize::try_from(self.random.below(6)).unwrap_or(0);
        let rows = PROGRAMS.iter().cycle().skip(first);
        let rows = rows.take(usize::try_from(number).unwrap_or(1));
        rows.map(|(name, purpose)| {
            let made = self.made();
            let mut user = IamUser {
                name: (*name).to_owned(),
                path: self.chance(30).then(|| "/programs/".to_owned()),
                created: Some(written(self.days_ago(made + 1, made + 2))),
                keys: self.keys(made, 90),
                permissions: self.permissions(),
                ..IamUser::default()
            };
            user.tags
                .insert("purpose".to_owned(), (*purpose).to_owned());
            if let Some(creator) = self.person().filter(|_| self.chance(60)) {
                user.tags.insert("creator".to_owned(), creator);
            }
            user
        })
        .collect()
    }

    fn permissions(&mut self) -> IamPolicies {
        let own = format!("arn:aws:iam::{}:policy/{UPLOADS}", self.account.id);
        let mut held = IamPolicies::default();
        match self.random.below(4) {
            0 => held.policies.push("ReadOnlyAccess".to_owned()),
            1 => held.inline.push(document("s3:GetObject", "*")),
            _ => held.policies.push(own),
        }
        held
    }

    fn owner(&mut self) -> String {
        let leaver = self.chance(35);
        let (given, family) = (self.random.pick(GIVEN), self.random.pick(FAMILY));
        let left = address(
            given.copied().unwrap_or("Alex"),
            family.copied().unwrap_or("Doe"),
            DOMAIN,
        );
        self.person().filter(|_| !leaver).unwrap_or(left)
    }

    fn persons(&mut self) -> Vec<IamUser> {
        let mut users: Vec<IamUser> = Vec::new();
        for _ in 0..self.random.below(4) {
            let owner = self.owner();
            let made = self.made();
            let password = self.chance(75).then(|| IamPassword {
                changed: Some(written(self.days_ago(made / 2, made + 1))),
                last_used: self.used(made / 2).map(written),
                reset_required: false,
            });
            let mfa = password.is_some() && self.chance(60);
            let name = owner.split('@').next().unwrap_or_default().to_owned();
            let mut user = IamUser {
                name,
                created: Some(written(self.days_ago(made + 1, made + 2))),
                mfa: mfa.then(|| self.device(made)),
                password,
                groups: vec![DEVELOPERS.to_owned()],
                keys: self.keys(made, 70),
                ..IamUser::default()
            };
            match self.random.below(10) {
                0 => {}
                1 => drop(user.tags.insert("Email".to_owned(), owner)),
                _ => drop(user.tags.insert("email".to_owned(), owner)),
            }
            if users.iter().all(|other| other.name != user.name) {
                users.push(user);
            }
        }
        users
    }

    fn device(&mut self, made: u64) -> IamMfaDevice {
        let kind = match self.random.below(5) {
            0 => IamMfaKind::Hardware,
            1 => IamMfaKind::Webauthn,
            _ => IamMfaKind::Virtual,
        };
        IamMfaDevice {
            kind,
            enabled: Some(written(self.days_ago(made / 2, made + 1))),
        }
    }

    fn roles(&mut self) -> Vec<IamRole> {
        let mut roles = Vec::new();
        for (principal, name, policy) in SERVICES {
            if !self.chance(60) {
                continue;
            }
            let made = self.made();
            let mut role = IamRole {
                name: (*name).to_owned(),
                created: Some(written(self.days_ago(made, made + 1))),
                trust: vec![(*principal).to_owned()],
                last_used: self.used(made).map(written),
                ..IamRole::default()
            };
            role.permissions.policies.push((*policy).to_owned());
            if self.chance(50) {
                role.tags.insert("team".to_owned(), "platform".to_owned());
            }
            roles.push(role);
        }
        roles
    }

    /// A few root users have no MFA, and fewer have keys.
    fn root(&mut self) -> IamRoot {
        let made = self.age;
        let mfa = self.chance(85).then(|| IamMfaDevice {
            kind: IamMfaKind::Virtual,
            enabled: Some(written(self.days_ago(made / 2, made + 1))),
        });
        let keys = if self.chance(5) {
            vec![self.key(made)]
        } else {
            Vec::new()
        };
        IamRoot {
            mfa,
            password_last_used: self.used(made).map(written),
            keys,
        }
    }
}

fn developers() -> IamGroup {
    IamGroup {
        name: DEVELOPERS.to_owned(),
        permissions: IamPolicies {
            policies: vec!["ViewOnlyAccess".to_owned()],
            inline: vec![document("s3:ListAllMyBuckets", "*")],
            boundary: None,
        },
        ..IamGroup::default()
    }
}

fn document(action: &str, resource: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement":
        [{ "Effect": "Allow", "Action": action, "Resource": resource }] })
}

fn uploads(account: &str) -> IamManagedPolicy {
    IamManagedPolicy {
        name: UPLOADS.to_owned(),
        description: Some("Store builds for the rollout.".to_owned()),
        document: document(
            "s3:PutObject",
            &format!("arn:aws:s3:::artifacts-{account}/*"),
        ),
        ..IamManagedPolicy::default()
    }
}

fn password_policy() -> Map<String, Value> {
    let policy = json!({
        "MinimumPasswordLength": 14, "RequireSymbols": true, "RequireNumbers": true,
        "RequireUppercaseCharacters": true, "RequireLowercaseCharacters": true,
        "AllowUsersToChangePassword": true, "ExpirePasswords": true, "MaxPasswordAge": 90,
        "PasswordReusePrevention": 24, "HardExpiry": false,
    });
    policy.as_object().cloned().unwrap_or_default()
}
