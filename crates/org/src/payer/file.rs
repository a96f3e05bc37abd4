//! What the two parties agreed on.

use hallpass_base::AccountId;
use serde::Deserialize;

use crate::judging::Attestations;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PayerSide {
    /// Who pays: billing, and the password of the root user.
    Partner,
    /// Who uses the organization: everything but billing, and the second factor of the root user.
    Customer,
}

impl PayerSide {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Customer => "customer",
        }
    }
}

/// One of the parties.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayerParty {
    /// An account of theirs, to which alerts may go.
    pub account: AccountId,
    /// The domain of their mail addresses.
    pub email_domain: String,
    /// Their roles in the payer account, by name.
    pub roles: Vec<String>,
    /// Their telephone numbers.
    #[serde(default)]
    pub phones: Vec<String>,
    /// Addresses that are told of sign-ins of the root user.
    #[serde(default)]
    pub notify: Vec<String>,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayerFile {
    /// The account that pays.
    pub payer: AccountId,
    /// Who pays.
    pub partner: PayerParty,
    /// Who uses it.
    pub customer: PayerParty,
    /// The ARN of the queue that Hallpass takes events from: what reaches it is told to everybody in `notify`.
    #[serde(default)]
    pub hallpass_queue: Option<String>,
    /// A folder of policies that the organization should have.
    #[serde(default)]
    pub scp_baseline: Option<String>,
    /// What somebody vouches for, by the id of its check.
    #[serde(default)]
    pub attestations: Attestations,
}

impl PayerFile {
    /// Reads a file: YAML, or JSON, which is part of it.
    ///
    /// # Errors
    /// What is wrong with it, with its place.
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

    /// One of the parties.
    pub fn party(&self, side: PayerSide) -> &PayerParty {
        match side {
            PayerSide::Partner => &self.partner,
            PayerSide::Customer => &self.customer,
        }
    }
}
