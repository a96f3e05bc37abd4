//! The instance's customer managed key: required to use data of Identity Center and its identity
//! store (IAM Identity Center User Guide, "Encryption at rest", "Baseline KMS key and IAM policy
//! statements").

use super::{
    authorize,
    context::Context,
    errors::ApiError,
    keyed_data::KeyedData,
    kms::{SimKey, SimKeyState},
    state::SimState,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyTrouble {
    Denied,
    Missing,
    Disabled,
    InvalidState,
}

fn named(data: KeyedData, trouble: KeyTrouble) -> (&'static str, &'static str) {
    let (code, instance, store) = match trouble {
        KeyTrouble::Denied => (
            "AccessDeniedException",
            "KMS_AccessDeniedException",
            "KMS_ACCESS_DENIED",
        ),
        KeyTrouble::Missing => (
            "ResourceNotFoundException",
            "KMS_NotFoundException",
            "KMS_KEY_NOT_FOUND",
        ),
        KeyTrouble::Disabled => (
            "ValidationException",
            "KMS_DisabledException",
            "KMS_DISABLED",
        ),
        KeyTrouble::InvalidState => (
            "ValidationException",
            "KMS_InvalidStateException",
            "KMS_INVALID_STATE",
        ),
    };
    let reason = match data {
        KeyedData::Instance => instance,
        KeyedData::Store => store,
    };
    (code, reason)
}

/// Fails when the call's data is encrypted with a key that is unusable, or unusable by the caller.
pub(crate) fn check(context: &Context<'_>, data: KeyedData) -> Result<(), ApiError> {
    let Some(arn) = &context.state.center.key else {
        return Ok(());
    };
    usable(context, data, arn).map_err(|trouble| {
        let (code, reason) = named(data, trouble);
        let text = match trouble {
            KeyTrouble::Denied => format!("{} may not use the KMS key {arn}", context.caller.arn),
            KeyTrouble::Missing => format!("The KMS key {arn} does not exist"),
            KeyTrouble::Disabled => format!("The KMS key {arn} is disabled"),
            KeyTrouble::InvalidState => format!("The KMS key {arn} is pending deletion"),
        };
        let error = match trouble {
            KeyTrouble::Denied => ApiError::denied(code, text),
            KeyTrouble::Missing | KeyTrouble::Disabled | KeyTrouble::InvalidState => {
                ApiError::new(code, text)
            }
        };
        error.with("Reason", reason)
    })
}

fn usable(context: &Context<'_>, data: KeyedData, arn: &str) -> Result<(), KeyTrouble> {
    let key = find(context.state, arn).ok_or(KeyTrouble::Missing)?;
    match key.state {
        SimKeyState::Enabled => {}
        SimKeyState::Disabled => return Err(KeyTrouble::Disabled),
        SimKeyState::PendingDeletion(_) => return Err(KeyTrouble::InvalidState),
    }
    if authorize::may_decrypt(context.state, context.call, context.caller, key, data) {
        Ok(())
    } else {
        Err(KeyTrouble::Denied)
    }
}

pub(crate) fn find<'a>(state: &'a SimState, arn: &str) -> Option<&'a SimKey> {
    let id = arn.rsplit('/').next()?;
    state.keys.get(id).filter(|key| key.arn() == arn)
}
