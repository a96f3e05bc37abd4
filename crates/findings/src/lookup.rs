//! Looks up account data (`organization.md` E-3).

use hallpass_base::AccountId;
use serde_json::{Value, json};

use crate::account::{AccountFacts, AccountTag, MemberAccount, SecurityContact};
use crate::ports::{CallRefusal, FindingCalls, RefusalKind};

const ROOT: &str = "ROOT";
/// An account has at most 50 tags.
const PAGES_MAX: usize = 20;

pub(crate) struct LookedUp {
    pub(crate) facts: AccountFacts,
    pub(crate) contact_denied: Option<CallRefusal>,
}

/// `own` is the account of the credentials.
pub(crate) async fn look_up(
    calls: &dyn FindingCalls,
    account: &AccountId,
    own: &AccountId,
) -> Result<LookedUp, CallRefusal> {
    let id = account.as_str();
    let Some(AccountPlace { name, unit }) = place(calls, id).await? else {
        return Ok(LookedUp {
            facts: AccountFacts::Outside,
            contact_denied: None,
        });
    };
    let tags = tags(calls, id).await?;
    let (contact, contact_denied) = match contact(calls, account, own).await {
        Ok(contact) => (contact, None),
        Err(refusal) if refusal.kind == RefusalKind::Denied => (None, Some(refusal)),
        Err(refusal) => return Err(refusal),
    };
    let facts = AccountFacts::Member(MemberAccount {
        name,
        unit,
        tags,
        contact,
    });
    Ok(LookedUp {
        facts,
        contact_denied,
    })
}

pub(crate) struct AccountPlace {
    name: String,
    pub(crate) unit: String,
}

/// Returns the account's OU; none outside the organization.
pub(crate) async fn place(
    calls: &dyn FindingCalls,
    id: &str,
) -> Result<Option<AccountPlace>, CallRefusal> {
    let described = organizations(calls, "DescribeAccount", &json!({ "AccountId": id })).await;
    let described = match described {
        Ok(answer) => answer,
        Err(refusal) if refusal.code == "AccountNotFoundException" => return Ok(None),
        Err(refusal) => return Err(refusal),
    };
    Ok(Some(AccountPlace {
        name: text(&described, "/Account/Name"),
        unit: unit(calls, id).await?,
    }))
}

async fn organizations(
    calls: &dyn FindingCalls,
    operation: &'static str,
    input: &Value,
) -> Result<Value, CallRefusal> {
    calls.call(None, "organizations", operation, input).await
}

async fn unit(calls: &dyn FindingCalls, id: &str) -> Result<String, CallRefusal> {
    let parents = organizations(calls, "ListParents", &json!({ "ChildId": id })).await?;
    if text(&parents, "/Parents/0/Type") != "ORGANIZATIONAL_UNIT" {
        return Ok(ROOT.to_owned());
    }
    let parent = text(&parents, "/Parents/0/Id");
    let input = json!({ "OrganizationalUnitId": parent });
    let unit = organizations(calls, "DescribeOrganizationalUnit", &input).await?;
    let name = text(&unit, "/OrganizationalUnit/Name");
    Ok(if name.is_empty() { parent } else { name })
}

pub(crate) async fn tags(
    calls: &dyn FindingCalls,
    id: &str,
) -> Result<Vec<AccountTag>, CallRefusal> {
    let mut tags = Vec::new();
    let mut input = json!({ "ResourceId": id });
    for _ in 0..PAGES_MAX {
        let page = organizations(calls, "ListTagsForResource", &input).await?;
        let rows = page.get("Tags").and_then(Value::as_array);
        let rows = rows.into_iter().flatten();
        tags.extend(rows.map(|row| AccountTag {
            key: text(row, "/Key"),
            value: text(row, "/Value"),
        }));
        match page
            .get("NextToken")
            .and_then(Value::as_str)
            .filter(|it| !it.is_empty())
        {
            Some(token) => input = json!({ "ResourceId": id, "NextToken": token }),
            None => break,
        }
    }
    Ok(tags)
}

async fn contact(
    calls: &dyn FindingCalls,
    account: &AccountId,
    own: &AccountId,
) -> Result<Option<SecurityContact>, CallRefusal> {
    let mut input = json!({ "AlternateContactType": "SECURITY" });
    if account != own
        && let Some(members) = input.as_object_mut()
    {
        // the service refuses the caller's own account id
        members.insert("AccountId".to_owned(), account.as_str().into());
    }
    match calls
        .call(None, "account", "GetAlternateContact", &input)
        .await
    {
        Ok(answer) => {
            let of = |name| text(&answer, &format!("/AlternateContact/{name}"));
            Ok(Some(SecurityContact {
                name: of("Name"),
                title: of("Title"),
                email: of("EmailAddress"),
                phone: of("PhoneNumber"),
            }))
        }
        Err(refusal) if refusal.code == "ResourceNotFoundException" => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// Text at a JSON pointer; default empty.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
