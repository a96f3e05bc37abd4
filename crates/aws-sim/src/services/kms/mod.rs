use crate::base::Millis;
use hallpass_iam::{Policy, PolicyType};
use serde_json::{Value, json};

use super::{
    OperationHandler::{Reads, Writes},
    ServiceDescriptor,
};
use crate::core::{
    call::{Output, input_text, seconds},
    context::{Context, HandlerResult},
    document::Document,
    errors::{self, ApiError, ErrorForms},
    kms::{KeyRotation, SYMMETRIC, SimKey, SimKeyState, default_policy, find},
    service::{BucketSharing, CallRate, CallRates, PolicyFacts, SimService},
    windows::Window,
};

const NAME: &str = "kms";
/// Default days between rotations, and until a key is deleted (the same, `EnableKeyRotation`,
/// `ScheduleKeyDeletion`).
const ROTATION_DAYS: i64 = 365;
const DELETION_DAYS: i64 = 30;
const DAY: Millis = 86_400_000;
const POLICY_NAME: &str = "default";

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        // AWS KMS Developer Guide, "Request quotas": those of `ListKeys` and `EnableKeyRotation`
        rates: CallRates::Split {
            reads: CallRate {
                shared: BucketSharing::AccountAndRegion,
                rate: 500.0,
                burst: 500.0,
            },
            writes: CallRate {
                shared: BucketSharing::AccountAndRegion,
                rate: 15.0,
                burst: 15.0,
            },
        },
        errors: ErrorForms {
            page_token: || ApiError::new("InvalidMarkerException", "Could not deserialize marker"),
            internal: |text| ApiError::new("KMSInternalException", text),
            ..errors::JSON
        },
        policies: Some(PolicyFacts {
            resources: |state, caller, _, input| {
                let named = input_text(input, "KeyId").unwrap_or_default();
                let key = find(&state.keys, &caller.account, named);
                key.map(SimKey::arn).into_iter().collect()
            },
            ..PolicyFacts::BY_NAME
        }),
        ..SimService::named("Kms", NAME)
    },
    begin: |call| call.admit(),
    operations: &[&[
        ("CreateKey", Writes(create)),
        ("DescribeKey", Reads(describe)),
        ("ListKeys", Reads(list)),
        ("GetKeyPolicy", Reads(get_policy)),
        ("PutKeyPolicy", Writes(put_policy)),
        ("EnableKey", Writes(enable)),
        ("DisableKey", Writes(disable)),
        ("ScheduleKeyDeletion", Writes(schedule_deletion)),
        ("GetKeyRotationStatus", Reads(rotation_status)),
        ("EnableKeyRotation", Writes(enable_rotation)),
        ("DisableKeyRotation", Writes(disable_rotation)),
    ]],
};

fn named<'a>(context: &'a Context<'_>) -> Result<&'a SimKey, ApiError> {
    let name = context.text("KeyId");
    let found = find(&context.state.keys, &context.caller.account, name);
    let here = found.filter(|it| it.region == context.call.region);
    here.ok_or_else(|| {
        let (region, account) = (&context.call.region, &context.caller.account);
        let arn = if name.starts_with("arn:") {
            name.to_owned()
        } else {
            format!("arn:aws:kms:{region}:{account}:key/{name}")
        };
        ApiError::new("NotFoundException", format!("Key '{arn}' does not exist"))
    })
}

fn change(context: &mut Context<'_>, change: impl FnOnce(&mut SimKey)) -> Result<(), ApiError> {
    let id = named(context)?.id.clone();
    if let Some(key) = context.state.keys.get_mut(&id) {
        change(key);
    }
    context.write(Window::Immediate);
    Ok(())
}

/// A key pending deletion accepts no change.
fn not_pending(key: &SimKey) -> Result<(), ApiError> {
    match key.state {
        SimKeyState::PendingDeletion(_) => {
            let text = format!("{} is pending deletion.", key.arn());
            Err(ApiError::new("KMSInvalidStateException", text))
        }
        SimKeyState::Enabled | SimKeyState::Disabled => Ok(()),
    }
}

/// Does not check whether the policy locks its writer out.
fn policy(text: &str) -> Result<Document, ApiError> {
    Policy::parse(text, PolicyType::Resource).map_err(|error| {
        let text = format!("Policy could not be read: {error}");
        ApiError::new("MalformedPolicyDocumentException", text)
    })?;
    Ok(Document::new(text))
}

/// `CreateKey`: single-Region, with AWS key material.
fn create(context: &mut Context<'_>) -> HandlerResult {
    let input = &context.call.input;
    let unsupported = |what: &str| {
        let text = format!("{what} are not simulated.");
        Err(ApiError::new("UnsupportedOperationException", text))
    };
    if input.get("MultiRegion") == Some(&Value::Bool(true)) {
        return unsupported("Multi-Region keys");
    }
    if context.optional("Origin").is_some_and(|it| it != "AWS_KMS") {
        return unsupported("Keys with material from elsewhere");
    }
    let spec = context.optional("KeySpec");
    let spec = spec.or_else(|| context.optional("CustomerMasterKeySpec"));
    let spec = spec.unwrap_or(SYMMETRIC).to_owned();
    let usage = context.optional("KeyUsage").unwrap_or("ENCRYPT_DECRYPT");
    if spec == SYMMETRIC && usage != "ENCRYPT_DECRYPT" {
        let text = format!("KeyUsage {usage} is not compatible with KeySpec {spec}");
        return Err(ApiError::new("ValidationException", text));
    }
    let account = context.caller.account.clone();
    let given = context.optional("Policy").map(policy).transpose()?;
    let rows = input.get("Tags").and_then(Value::as_array);
    let tags = rows.into_iter().flatten().filter_map(|it| {
        let key = input_text(it, "TagKey")?.to_owned();
        Some((key, input_text(it, "TagValue")?.to_owned()))
    });
    let key = SimKey {
        policy: given.unwrap_or_else(|| Document::new(default_policy(&account))),
        account,
        region: context.call.region.clone(),
        id: context.random().uuid(),
        description: context.text("Description").to_owned(),
        created: context.now,
        spec,
        usage: usage.to_owned(),
        tags: tags.collect(),
        ..SimKey::default()
    };
    let answer = json!({ "KeyMetadata": metadata(&key) });
    context.write(Window::Immediate);
    context.state.keys.insert(key.id.clone(), key);
    Ok(Output::Members(answer))
}

fn metadata(key: &SimKey) -> Value {
    let (state, deletion) = match key.state {
        SimKeyState::Enabled => ("Enabled", None),
        SimKeyState::Disabled => ("Disabled", None),
        SimKeyState::PendingDeletion(at) => ("PendingDeletion", Some(at)),
    };
    let mut row = json!({
        "AWSAccountId": key.account, "KeyId": key.id, "Arn": key.arn(), "CreationDate": seconds(key.created),
        "Enabled": key.state == SimKeyState::Enabled, "Description": key.description, "KeyUsage": key.usage,
        "KeyState": state, "Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec, "MultiRegion": false,
    });
    if let Some(members) = row.as_object_mut() {
        if key.spec == SYMMETRIC {
            members.insert("EncryptionAlgorithms".to_owned(), json!([SYMMETRIC]));
        }
        if let Some(at) = deletion {
            members.insert("DeletionDate".to_owned(), seconds(at));
        }
    }
    row
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let key = metadata(named(context)?);
    Ok(Output::Members(json!({ "KeyMetadata": key })))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let (account, region) = (&context.caller.account, &context.call.region);
    let own = context.state.keys.values();
    let own = own.filter(|it| it.account == *account && it.region == *region);
    let mut rows: Vec<(u64, String, Value)> = own
        .map(|it| {
            let row = json!({ "KeyId": it.id, "KeyArn": it.arn() });
            (context.state.order(&it.id), it.id.clone(), row)
        })
        .collect();
    rows.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let after = page.after.clone();
    let rows = rows.into_iter().filter(|(order, id, _)| {
        after
            .as_ref()
            .is_none_or(|(last, last_id)| (order, id) > (last, last_id))
    });
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn check_policy_name(context: &Context<'_>) -> Result<(), ApiError> {
    match context.optional("PolicyName") {
        None | Some(POLICY_NAME) => Ok(()),
        Some(_) => Err(ApiError::new("NotFoundException", "No such policy exists")),
    }
}

fn get_policy(context: &Context<'_>) -> HandlerResult {
    let key = named(context)?;
    check_policy_name(context)?;
    let answer = json!({ "Policy": key.policy.text(), "PolicyName": POLICY_NAME });
    Ok(Output::Members(answer))
}

fn put_policy(context: &mut Context<'_>) -> HandlerResult {
    check_policy_name(context)?;
    not_pending(named(context)?)?;
    let given = policy(context.text("Policy"))?;
    change(context, |key| key.policy = given)?;
    Ok(Output::Nothing)
}

fn enable(context: &mut Context<'_>) -> HandlerResult {
    not_pending(named(context)?)?;
    change(context, |key| key.state = SimKeyState::Enabled)?;
    Ok(Output::Nothing)
}

fn disable(context: &mut Context<'_>) -> HandlerResult {
    not_pending(named(context)?)?;
    change(context, |key| key.state = SimKeyState::Disabled)?;
    Ok(Output::Nothing)
}

/// `ScheduleKeyDeletion`: the key stays, pending.
fn schedule_deletion(context: &mut Context<'_>) -> HandlerResult {
    let key = named(context)?;
    not_pending(key)?;
    let arn = key.arn();
    let days = context.call.input.get("PendingWindowInDays");
    let days = days.and_then(Value::as_i64).unwrap_or(DELETION_DAYS);
    let at = context.now + days * DAY;
    change(context, |key| key.state = SimKeyState::PendingDeletion(at))?;
    Ok(Output::Members(json!({
        "KeyId": arn, "DeletionDate": seconds(at), "KeyState": "PendingDeletion", "PendingWindowInDays": days,
    })))
}

/// Only symmetric keys rotate (AWS KMS API Reference, `EnableKeyRotation`); the wording is not
/// AWS's (?).
fn rotates(key: &SimKey) -> Result<(), ApiError> {
    if key.spec == SYMMETRIC {
        return Ok(());
    }
    let text = format!("{} is not a symmetric encryption key.", key.arn());
    Err(ApiError::new("UnsupportedOperationException", text))
}

fn rotation_status(context: &Context<'_>) -> HandlerResult {
    let key = named(context)?;
    rotates(key)?;
    let pending = not_pending(key).is_err();
    let mut answer = json!({ "KeyId": key.arn(), "KeyRotationEnabled": false });
    if let (Some(rotation), false, Some(members)) = (key.rotation, pending, answer.as_object_mut())
    {
        let next = rotation.since + rotation.days * DAY;
        members.insert("KeyRotationEnabled".to_owned(), true.into());
        members.insert("RotationPeriodInDays".to_owned(), rotation.days.into());
        members.insert("NextRotationDate".to_owned(), seconds(next));
    }
    Ok(Output::Members(answer))
}

/// Only a usable key's rotation can change.
fn rotatable(context: &Context<'_>) -> Result<(), ApiError> {
    let key = named(context)?;
    rotates(key)?;
    not_pending(key)?;
    if key.state == SimKeyState::Disabled {
        let text = format!("{} is disabled.", key.arn());
        return Err(ApiError::new("DisabledException", text));
    }
    Ok(())
}

fn enable_rotation(context: &mut Context<'_>) -> HandlerResult {
    rotatable(context)?;
    let days = context.call.input.get("RotationPeriodInDays");
    let days = days.and_then(Value::as_i64).unwrap_or(ROTATION_DAYS);
    let since = context.now;
    change(context, |key| {
        key.rotation = Some(KeyRotation { days, since });
    })?;
    Ok(Output::Nothing)
}

fn disable_rotation(context: &mut Context<'_>) -> HandlerResult {
    rotatable(context)?;
    change(context, |key| key.rotation = None)?;
    Ok(Output::Nothing)
}
