use hallpass_base::AccountId;
use serde::Deserialize;

use crate::judging::Attestations;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PayerSide {
    /// The payer: billing, and the root user's password.
    Partner,
    /// The user of the organization: everything except billing, and the root user's second factor.
    Customer,
}

impl PayerSide {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Customer => "customer",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayerParty {
    /// An account of the party, allowed to receive alerts.
    pub account: AccountId,
    pub email_domain: String,
    pub roles: Vec<String>,
    #[serde(default)]
    pub phones: Vec<String>,
    /// Addresses notified of root user sign-ins.
    #[serde(default)]
    pub notify: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayerFile {
    pub payer: AccountId,
    pub partner: PayerParty,
    pub customer: PayerParty,
    /// ARN of Hallpass's event queue: its events are reported to everyone in `notify`.
    #[serde(default)]
    pub hallpass_queue: Option<String>,
    /// Folder of required policies.
    #[serde(default)]
    pub scp_baseline: Option<String>,
    #[serde(default)]
    pub attestations: Attestations,
}

impl PayerFile {
    /// Parses YAML or JSON.
    ///
    /// # Errors
    /// The problem with its position.
    pub fn read(text: &str) -> Result<Self, String> {
        let file: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        for side in [PayerSide::Partner, PayerSide::Customer] {
            let party = file.party(side);
            if party.roles.is_empty() {
                return Err(format!("`{}.roles` names no role", side.name()));
            }
            if party.email_domain.is_empty() || party.email_domain.contains('@') {
                let name = side.name();
                return Err(format!(
                    "`{name}.email_domain` is a domain, as `partner.example`"
                ));
            }
        }
        if let Some(queue) = &file.hallpass_queue
            && !matches!(
                queue.split(':').collect::<Vec<_>>().as_slice(),
                ["arn", _, "sqs", _, _, _]
            )
        {
            return Err(format!(
                "`hallpass_queue` is `{queue}`, and no ARN of a queue, as `arn:aws:sqs:us-east-1:111111111111:hallpass-events`"
            ));
        }
        Ok(file)
    }

    pub fn party(&self, side: PayerSide) -> &PayerParty {
        match side {
            PayerSide::Partner => &self.partner,
            PayerSide::Customer => &self.customer,
        }
    }
}
