//! Networks of an account in a Region and their resources: computed from the seed, so not stored.

use crate::base::Random;
use serde_json::{Value, json};

use super::state::SimState;

const DEFAULT_KEPT: u64 = 70;
const OWN_MAX: u64 = 3;
const ELSEWHERE: u64 = 8;
const INTERFACES_MORE: u64 = 6;
const UNUSED_ADDRESS: u64 = 30;

pub(crate) struct Vpc {
    pub id: String,
    pub cidr: String,
    pub is_default: bool,
    pub dhcp: String,
    pub association: String,
    pub main_table: String,
    /// Its internet gateway.
    pub gateway: Option<String>,
    pub has_ipv6: bool,
}

pub(crate) fn vpcs(state: &SimState, account: &str, region: &str) -> Vec<Vpc> {
    let mut random = Random::new(state.seed, &format!("vpcs {account} {region}"));
    let dhcp = format!("dopt-{}", random.hex(17));
    let keeps_default = random.below(100) < DEFAULT_KEPT;
    let own = random.below(OWN_MAX);
    let mut all = Vec::new();
    for number in 0..=own {
        let is_default = number == 0;
        let second = random.below(256);
        let (has_gateway, has_ipv6) = (random.below(2) == 0, random.below(3) == 0);
        let vpc = Vpc {
            id: format!("vpc-{}", random.hex(17)),
            cidr: if is_default {
                "172.31.0.0/16".to_owned()
            } else {
                format!("10.{second}.0.0/16")
            },
            is_default,
            dhcp: dhcp.clone(),
            association: format!("vpc-cidr-assoc-{}", random.hex(17)),
            main_table: random.hex(17),
            gateway: (is_default || has_gateway).then(|| format!("igw-{}", random.hex(17))),
            has_ipv6: has_ipv6 && !is_default,
        };
        if !is_default || keeps_default {
            all.push(vpc);
        }
    }
    all
}

#[derive(Debug, Clone)]
pub(crate) struct PublicAddress {
    pub ip: String,
    pub dns: String,
    pub owner: String,
    pub allocation: Option<String>,
}

/// The first is the primary one.
#[derive(Debug, Clone)]
pub(crate) struct PrivateAddress {
    pub ip: String,
    pub public: Option<PublicAddress>,
}

#[derive(Debug, Clone)]
pub(crate) struct InterfaceAttachment {
    pub id: String,
    /// The account, or the service that made it.
    pub owner: String,
    pub instance: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct NetworkInterface {
    pub id: String,
    pub vpc: String,
    pub subnet: String,
    pub zone: String,
    pub mac: String,
    pub group: String,
    /// `interface`, `nat_gateway`, `lambda`, …
    pub kind: &'static str,
    pub description: String,
    pub attachment: Option<InterfaceAttachment>,
    pub addresses: Vec<PrivateAddress>,
    pub ipv6: Vec<String>,
}

impl NetworkInterface {
    /// In EC2's terms.
    pub(crate) fn status(&self) -> &'static str {
        if self.attachment.is_some() {
            "in-use"
        } else {
            "available"
        }
    }

    pub(crate) fn ipv6_shown(&self) -> Vec<Value> {
        let shown = |ip: &String| json!({ "ipv6Address": ip });
        self.ipv6.iter().map(shown).collect()
    }

    pub(crate) fn public(&self) -> Option<&PublicAddress> {
        self.addresses.first()?.public.as_ref()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct UnusedAddress {
    pub allocation: String,
    pub ip: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct RegionResources {
    pub interfaces: Vec<NetworkInterface>,
    pub unused: Vec<UnusedAddress>,
}

#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// A machine with an address assigned by AWS.
    Server,
    /// A machine with an elastic address.
    FixedServer,
    /// A machine without a public address.
    Inner,
    /// A machine whose second address alone is public.
    SecondAddress,
    NatGateway,
    LoadBalancer,
    Function,
    Unattached,
}

const PURPOSES: &[Purpose] = &[
    Purpose::Server,
    Purpose::FixedServer,
    Purpose::Inner,
    Purpose::Inner,
    Purpose::SecondAddress,
    Purpose::NatGateway,
    Purpose::LoadBalancer,
    Purpose::Function,
    Purpose::Unattached,
];

/// Empty for an unused Region.
pub(crate) fn resources(state: &SimState, account: &str, region: &str) -> RegionResources {
    let mut random = Random::new(state.seed, &format!("interfaces {account} {region}"));
    let row = state.account(account).filter(|row| row.is_active());
    let own = row.is_some_and(|row| row.regions.iter().any(|one| one == region));
    let used = own || region == state.center.home_region || random.below(100) < ELSEWHERE;
    let vpcs = vpcs(state, account, region);
    if row.is_none() || !used || vpcs.is_empty() {
        return RegionResources::default();
    }
    let mut draw = InterfaceDraw {
        random,
        account,
        region,
        vpcs: &vpcs,
    };
    let number = 2 + draw.random.below(INTERFACES_MORE);
    let interfaces = (0..number).filter_map(|_| draw.interface()).collect();
    let unused = draw.random.below(100) < UNUSED_ADDRESS;
    let unused = unused.then(|| UnusedAddress {
        allocation: draw.id("eipalloc"),
        ip: draw.public_ip(),
    });
    RegionResources {
        interfaces,
        unused: unused.into_iter().collect(),
    }
}

struct InterfaceDraw<'a> {
    random: Random,
    account: &'a str,
    region: &'a str,
    vpcs: &'a [Vpc],
}

impl InterfaceDraw<'_> {
    fn id(&mut self, kind: &str) -> String {
        format!("{kind}-{}", self.random.hex(17))
    }

    /// A benchmarking address (RFC 2544), assigned to no host.
    fn public_ip(&mut self) -> String {
        let mut part = |bound| self.random.below(bound);
        format!("198.{}.{}.{}", 18 + part(2), part(256), 1 + part(254))
    }

    fn public(&mut self, owner: &str) -> PublicAddress {
        let ip = self.public_ip();
        let elastic = owner == self.account;
        PublicAddress {
            dns: format!(
                "ec2-{}.{}.compute.amazonaws.com",
                ip.replace('.', "-"),
                self.region
            ),
            owner: owner.to_owned(),
            allocation: elastic.then(|| self.id("eipalloc")),
            ip,
        }
    }

    fn interface(&mut self) -> Option<NetworkInterface> {
        let purpose = self.random.pick(PURPOSES).copied()?;
        let vpc = self.random.pick(self.vpcs)?;
        let network = vpc.cidr.split('.').take(2).collect::<Vec<_>>().join(".");
        let (kind, description, attachment) = self.attached(purpose);
        let account = self.account.to_owned();
        let owner = match purpose {
            Purpose::Server => Some("amazon"),
            Purpose::LoadBalancer => Some("amazon-elb"),
            Purpose::FixedServer | Purpose::NatGateway => Some(account.as_str()),
            Purpose::Inner | Purpose::SecondAddress | Purpose::Function | Purpose::Unattached => {
                None
            }
        };
        let mut addresses = vec![PrivateAddress {
            ip: self.private_ip(&network),
            public: owner.map(|owner| self.public(owner)),
        }];
        if matches!(purpose, Purpose::SecondAddress) {
            addresses.push(PrivateAddress {
                ip: self.private_ip(&network),
                public: Some(self.public(&account)),
            });
        }
        let has_ipv6 = vpc.has_ipv6 && self.random.below(2) == 0;
        let ipv6 =
            has_ipv6.then(|| format!("2001:db8:{}::{}", self.random.hex(4), self.random.hex(4)));
        let zone = ["a", "b", "c"];
        let zone = self.random.pick(&zone).copied().unwrap_or("a");
        Some(NetworkInterface {
            id: self.id("eni"),
            vpc: vpc.id.clone(),
            subnet: self.id("subnet"),
            zone: format!("{}{zone}", self.region),
            mac: format!(
                "02:{}:{}:{}:00:01",
                self.random.hex(2),
                self.random.hex(2),
                self.random.hex(2)
            ),
            group: self.id("sg"),
            kind,
            description,
            attachment,
            addresses,
            ipv6: ipv6.into_iter().collect(),
        })
    }

    fn private_ip(&mut self, network: &str) -> String {
        format!(
            "{network}.{}.{}",
            self.random.below(256),
            4 + self.random.below(250)
        )
    }

    fn attached(
        &mut self,
        purpose: Purpose,
    ) -> (&'static str, String, Option<InterfaceAttachment>) {
        let by = |owner: &str, id: String, instance: Option<String>| {
            Some(InterfaceAttachment {
                id,
                owner: owner.to_owned(),
                instance,
            })
        };
        let (account, id) = (self.account, self.id("eni-attach"));
        match purpose {
            Purpose::Server | Purpose::FixedServer | Purpose::Inner | Purpose::SecondAddress => {
                let instance = self.id("i");
                ("interface", String::new(), by(account, id, Some(instance)))
            }
            Purpose::NatGateway => {
                let text = format!("Interface for NAT Gateway {}", self.id("nat"));
                ("nat_gateway", text, by("amazon-aws", id, None))
            }
            Purpose::LoadBalancer => {
                let text = format!("ELB app/shop/{}", self.random.hex(16));
                ("interface", text, by("amazon-elb", id, None))
            }
            Purpose::Function => {
                let text = format!("AWS Lambda VPC ENI-handler-{}", self.random.uuid());
                ("lambda", text, by("amazon-aws", id, None))
            }
            Purpose::Unattached => ("interface", "left over".to_owned(), None),
        }
    }
}
