//! Open handshakes: requests of an organization to an account or another organization.

use serde_json::{Value, json};

use crate::reading::{ReadFact, Reader, text};

const INVITE: &str = "INVITE";

/// Another organization's open invitation. Accepting it removes the account from its organization
/// (AWS: direct account transfers), without notice to the management account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountInvitation {
    /// `h-…`
    pub id: String,
    /// Sender `o-…`; `None` if missing.
    pub organization: Option<String>,
    pub management: Option<String>,
    pub expires: String,
}

impl std::fmt::Display for AccountInvitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "invitation {} of ", self.id)?;
        match &self.organization {
            Some(organization) => write!(f, "organization {organization}")?,
            None => f.write_str("an organization that AWS does not name")?,
        }
        if let Some(management) = &self.management {
            write!(f, " (management account {management})")?;
        }
        write!(f, ", open until {}", self.expires)
    }
}

/// Open handshakes of an action, from a listing.
///
/// # Errors
/// The failed read.
pub(crate) async fn waiting(
    reader: &Reader<'_>,
    operation: &'static str,
    action: &str,
) -> ReadFact<Vec<Value>> {
    let input = json!({ "Filter": { "ActionType": action } });
    let operation = ("organizations", operation);
    let mut rows = reader.list(operation, input, "Handshakes").await?;
    rows.retain(|row| {
        text(row, "/Action") == action && ["REQUESTED", "OPEN"].contains(&text(row, "/State"))
    });
    Ok(rows)
}

/// Open invitations of other organizations to the account; `own` is its organization, without which
/// every invitation counts.
///
/// # Errors
/// The failed read.
pub(crate) async fn invitations_of_others(
    inside: &Reader<'_>,
    own: Option<&str>,
) -> ReadFact<Vec<AccountInvitation>> {
    let rows = waiting(inside, "ListHandshakesForAccount", INVITE).await?;
    let found = rows.iter().map(invitation);
    let mut found: Vec<AccountInvitation> = found
        .filter(|it| it.organization.is_none() || it.organization.as_deref() != own)
        .collect();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(found)
}

fn invitation(row: &Value) -> AccountInvitation {
    let sender = |it: &&Value| text(it, "/Type") == "ORGANIZATION";
    let party = members(row, "Parties").find(sender);
    let resource = members(row, "Resources").find(sender);
    let organization = party.map(|it| text(it, "/Id"));
    let organization = organization.or_else(|| resource.map(|it| text(it, "/Value")));
    let about = resource.into_iter().flat_map(|it| members(it, "Resources"));
    let named = about.filter(|it| text(it, "/Type") == "MANAGEMENT_ACCOUNT");
    let named = named.map(|it| text(it, "/Value")).next();
    // fallback: handshake ARNs contain the sending management account
    let management = named.or_else(|| text(row, "/Arn").split(':').nth(4));
    let known = |it: Option<&str>| it.filter(|it| !it.is_empty()).map(str::to_owned);
    AccountInvitation {
        id: text(row, "/Id").to_owned(),
        organization: known(organization),
        management: known(management),
        expires: text(row, "/ExpirationTimestamp").to_owned(),
    }
}

fn members<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let found = value.get(name).and_then(Value::as_array);
    found.into_iter().flatten()
}
