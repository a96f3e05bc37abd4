//! Suspends people at their identity provider, Okta or SCIM: look, one write, read back
//! (`inventory.md` H-43).

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_base::{Clock, TimeSpan, UserId};
use hallpass_plans::{
    Class, Lane, PlanDraft, PlanLimits, PlanStep, StepError, StepExecutor, StepProbe, StepTarget,
    Undo, Verify, WriteAnswer,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::choose::StalePerson;
use super::read_back::ReadBack;
use crate::steps::{StepKind as _, no_undo_of_unknown, step_kinds, stored};

pub const OKTA_PLAN_KIND: &str = "pci.okta";
pub const SCIM_PLAN_KIND: &str = "pci.scim";

step_kinds! {
    enum ProviderStepKind {
        /// A person may not sign in at their provider: [`ProviderUser`].
        Suspend = "provider.suspend",
        /// A person may sign in at their provider again: [`ProviderUser`].
        Resume = "provider.resume",
    }
}

/// Step timeout, including pauses that a provider requests.
const TIMEOUT: TimeSpan = TimeSpan::minutes(5);

/// True for steps of [`ProviderStepExecutor`].
pub fn is_provider_step(kind: &str) -> bool {
    kind.starts_with("provider.")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeopleProvider {
    /// Okta's API (Okta Users API, "User Lifecycle").
    Okta,
    /// The SCIM endpoint of the instance (AWS IAM Identity Center SCIM implementation,
    /// "`PatchUser`").
    Scim,
}

impl PeopleProvider {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Okta => "okta",
            Self::Scim => "scim",
        }
    }

    const fn plan_kind(self) -> &'static str {
        match self {
            Self::Okta => OKTA_PLAN_KIND,
            Self::Scim => SCIM_PLAN_KIND,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderState {
    /// May sign in, possibly after an activation.
    Active,
    /// May not sign in until resumed.
    Suspended,
    /// Left; cannot be resumed here.
    Left,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderPerson {
    pub id: String,
    pub names: Vec<String>,
    pub state: ProviderState,
}

impl ProviderPerson {
    /// Case-insensitive.
    pub fn is_called(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.names.iter().any(|it| it.to_lowercase() == name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ProviderFault {
    pub code: String,
    /// Never contains a token.
    pub message: String,
    /// A retry may succeed. A write may have been applied.
    pub passing: bool,
}

#[async_trait]
pub trait ProviderPeople: Send + Sync {
    /// Address without a token, stored in plans so that they never run elsewhere.
    fn base(&self) -> &str;

    /// Finds a person by id; `None` if missing. May be repeated.
    ///
    /// # Errors
    /// The provider's error.
    async fn person(&self, id: &str) -> Result<Option<ProviderPerson>, ProviderFault>;

    /// Suspends a person. May be repeated; a repetition's result has no meaning.
    ///
    /// # Errors
    /// A refusal, or an unknown result.
    async fn suspend(&self, id: &str) -> Result<(), ProviderFault>;

    /// Resumes a person. May be repeated; a repetition's result has no meaning.
    ///
    /// # Errors
    /// A refusal, or an unknown result.
    async fn resume(&self, id: &str) -> Result<(), ProviderFault>;
}

/// A person with their provider identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvidedPerson {
    pub person: StalePerson,
    pub id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ProviderUser {
    provider: PeopleProvider,
    base: String,
    id: String,
    user_id: UserId,
    user_name: String,
}

/// Suspends people at their provider (`inventory.md` H-17 ① ②).
pub fn suspend_plan(
    provider: PeopleProvider,
    base: &str,
    organization: &str,
    people: &[ProvidedPerson],
) -> PlanDraft {
    let limits = PlanLimits {
        changes_max: people.len(),
        ..PlanLimits::DESTRUCTIVE
    };
    let mut draft = PlanDraft::new(provider.plan_kind(), organization, limits);
    for ProvidedPerson { person, id } in people {
        let wish = ProviderUser {
            provider,
            base: base.to_owned(),
            id: id.clone(),
            user_id: person.user_id.clone(),
            user_name: person.user_name.clone(),
        };
        let target = StepTarget::global("", format!("user {}", person.user_name));
        let lane = Lane::serial(format!("{}-write", provider.name()));
        let step = draft.step(target, ProviderStepKind::Suspend, stored(&wish), lane, &[]);
        draft.set_timeout(&step, TIMEOUT);
    }
    draft
}

#[derive(Clone, Default)]
pub struct Providers {
    pub okta: Option<Arc<dyn ProviderPeople>>,
    pub scim: Option<Arc<dyn ProviderPeople>>,
}

pub struct ProviderStepExecutor {
    providers: Providers,
    read_back: ReadBack,
}

fn unsaid(fault: &ProviderFault) -> StepError {
    if fault.passing {
        StepError::later(Class::Throttle, fault.to_string())
    } else {
        StepError::failed(&fault.code, &fault.message)
    }
}

impl ProviderStepExecutor {
    pub fn new(providers: Providers, clock: Arc<dyn Clock>) -> Self {
        Self {
            providers,
            read_back: ReadBack::new(clock),
        }
    }

    /// The plan's provider, if configured.
    fn of(&self, wish: &ProviderUser) -> Result<&dyn ProviderPeople, StepError> {
        let found = match wish.provider {
            PeopleProvider::Okta => self.providers.okta.as_deref(),
            PeopleProvider::Scim => self.providers.scim.as_deref(),
        };
        let name = wish.provider.name();
        let found = found.ok_or_else(|| {
            StepError::failed(
                "no_provider",
                &format!(
                    "`{name}` is not set up here: the plan is about `{}`",
                    wish.base
                ),
            )
        })?;
        if found.base() != wish.base {
            let (plan, here) = (&wish.base, found.base());
            let text = format!("the plan is about `{plan}`, and here `{name}` is `{here}`");
            return Err(StepError::failed("other_provider", &text));
        }
        Ok(found)
    }

    async fn look(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        let wish: ProviderUser = step.wish()?;
        let seen = self.of(&wish)?.person(&wish.id).await;
        let seen = seen.map_err(|it| unsaid(&it))?;
        if let Some(person) = seen.as_ref().filter(|it| !it.is_called(&wish.user_name)) {
            let (name, theirs) = (&wish.user_name, person.names.join(", "));
            return Ok(StepProbe::Blocked {
                reason: format!("`{}` is not `{name}` there, but `{theirs}`", wish.id),
            });
        }
        let state = seen.map_or(ProviderState::Left, |it| it.state);
        Ok(match (ProviderStepKind::of(step)?, state) {
            (ProviderStepKind::Suspend, ProviderState::Active)
            | (ProviderStepKind::Resume, ProviderState::Suspended) => StepProbe::Differs {
                old: json!({ "person": wish }),
            },
            // a person who left cannot sign in
            (ProviderStepKind::Suspend, ProviderState::Suspended | ProviderState::Left)
            | (ProviderStepKind::Resume, ProviderState::Active) => StepProbe::Satisfied,
            (ProviderStepKind::Resume, ProviderState::Left) => StepProbe::Blocked {
                reason: format!("`{}` left `{}`", wish.user_name, wish.base),
            },
        })
    }

    async fn send(&self, step: &PlanStep) -> Result<WriteAnswer, StepError> {
        let wish: ProviderUser = step.wish()?;
        let provider = self.of(&wish)?;
        let sent = match ProviderStepKind::of(step)? {
            ProviderStepKind::Suspend => provider.suspend(&wish.id).await,
            ProviderStepKind::Resume => provider.resume(&wish.id).await,
        };
        sent.map_err(|it| unsaid(&it))?;
        Ok(self.read_back.taken())
    }
}

#[async_trait]
impl StepExecutor for ProviderStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.look(step).await
    }

    async fn act(&self, step: &PlanStep, _: &StepProbe) -> WriteAnswer {
        self.send(step).await.unwrap_or_else(WriteAnswer::Setback)
    }

    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify {
        self.read_back.verify(step, remote, self.look(step).await)
    }

    fn undo(&self, step: &PlanStep, _: &Value, _: &Value) -> Undo {
        let back = match ProviderStepKind::named(&step.kind) {
            Some(ProviderStepKind::Suspend) => ProviderStepKind::Resume,
            Some(ProviderStepKind::Resume) => ProviderStepKind::Suspend,
            None => return no_undo_of_unknown(step),
        };
        Undo::By(vec![(back.into(), step.desired.clone())])
    }
}
