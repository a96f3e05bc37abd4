//! Any address that answers `{"on_call": ["ana@example.com"]}`.

use async_trait::async_trait;
use hallpass_access::{OnCallFault, OnCallSource};
use hallpass_base::Email;

use super::{
    OnCallSettings, OutsideService, OutsideSettingsError, address, few, get, list, service, wrong,
};

pub(super) struct JsonAddress {
    service: OutsideService,
}

impl JsonAddress {
    pub(super) fn new(settings: &OnCallSettings) -> Result<Self, OutsideSettingsError> {
        if !settings.schedules.is_empty() {
            return Err(wrong(
                "schedules",
                "is not possible here: write it into `url`",
            ));
        }
        let service = service(settings, None, "Bearer ")?;
        Ok(Self { service })
    }
}

#[async_trait]
impl OnCallSource for JsonAddress {
    async fn on_call(&self) -> Result<Vec<Email>, OnCallFault> {
        let answer = get(&self.service, "", &[]).await?;
        let people = list(&answer, "on_call")?.iter();
        few(people
            .map(|it| address(Some(it)))
            .collect::<Result<_, _>>()?)
    }
}
