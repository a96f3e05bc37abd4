//! The networks of an account in a Region: a function of the seed, so that they need not be stored.

use hallpass_sim_base::Random;

use crate::core::context::Context;

/// Of a hundred default VPCs, so many were kept.
const DEFAULT_KEPT: u64 = 70;
/// Networks beside the default one are fewer than this.
const OWN_MAX: u64 = 3;

/// A VPC.
pub(super) struct Vpc {
    pub(super) id: String,
    pub(super) cidr: String,
    pub(super) is_default: bool,
    pub(super) dhcp: String,
    pub(super) association: String,
    pub(super) main_table: String,
    /// Its way to the internet, if it has one.
    pub(super) gateway: Option<String>,
    /// The same way for IPv6.
    pub(super) has_ipv6: bool,
}

/// The VPCs of the caller's account in the Region of the call.
pub(super) fn vpcs(context: &Context<'_>) -> Vec<Vpc> {
    let place = format!("vpcs {} {}", context.caller.account, context.call.region);
    let mut random = Random::new(context.state.seed, &place);
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
