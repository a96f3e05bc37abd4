//! Handshakes that wait for an answer: what one organization asked an account, or another organization, for.

use serde_json::{Value, json};

use crate::reading::{ReadFact, Reader, text};

/// An account is asked to come into an organization.
const INVITE: &str = "INVITE";

/// An invitation of another organization that an account can accept. The account leaves its own by that (AWS: direct account
/// transfers), and its management account is shown nothing of it before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountInvitation {
    /// `h-…`
    pub id: String,
    /// Who sent it: `o-…`; none where the answer names nobody.
    pub organization: Option<String>,
    /// The management account of those.
    pub management: Option<String>,
    /// Until when it can be accepted, as AWS says it.
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

/// Handshakes of an action that can still be answered, as a listing has them.
///
/// # Errors
/// What could not be read.
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

/// Open invitations of other organizations to the account that is read; `own` is the organization that it is in, and where that is
/// not known every invitation counts.
///
/// # Errors
/// What could not be read.
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
    // where nothing names it: ARNs of handshakes are those of the management account that sent them
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
