//! Step kinds and their names in stored plans. Each names the form of its wanted state.

use crate::control_tower::FactoryStepKind;
use crate::steps::{StepKind, step_kinds};

step_kinds! {
    pub(crate) enum EnrolmentStepKind {
        /// The account is in its unit: `DesiredMove`.
        Move = "enrolment.move",
        /// Automatic enrolment is complete: `UnitMove`.
        Wait = "enrolment.wait",
        /// Enrolment by a baseline reset is complete: `UnitMove`.
        Reset = "enrolment.reset-baseline",
        /// The unit's controls are effective in the account: `DesiredControls`.
        Controls = "enrolment.reset-controls",
        /// The unit is registered: `DesiredRegistration`.
        Register = "enrolment.register",
        /// The role exists: `DesiredRole`.
        CreateRole = "enrolment.create-role",
        /// It has full permissions: `DesiredRole`.
        GrantRole = "enrolment.grant-role",
        /// The stack set exists: `DesiredStackSet`.
        StackSet = "enrolment.create-stack-set",
        /// The role exists in an account and is accessible: `DesiredStackInstance`.
        StackInstance = "enrolment.create-stack-instance",
        /// A newly accessible account has no obstacles: `InsideCheck`.
        Inside = "enrolment.look-inside",
    }
}

step_kinds! {
    pub(crate) enum ConfigStepKind {
        /// The recorder is stopped: `DesiredConfig`.
        StopRecorder = "enrolment.stop-recorder",
        /// The delivery channel is deleted: `DesiredConfig`.
        DeleteChannel = "enrolment.delete-channel",
        /// The recorder is deleted: `DesiredConfig`.
        DeleteRecorder = "enrolment.delete-recorder",
        /// The recorder is restored: `DesiredConfig`.
        PutRecorder = "enrolment.put-recorder",
        /// The delivery channel is restored: `DesiredConfig`.
        PutChannel = "enrolment.put-channel",
        /// The recorder is restarted: `DesiredConfig`.
        StartRecorder = "enrolment.start-recorder",
    }
}

/// Every kind of step of [`EnrolmentStepExecutor`](super::EnrolmentStepExecutor).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnyStepKind {
    Enrolment(EnrolmentStepKind),
    Config(ConfigStepKind),
    Factory(FactoryStepKind),
}

impl StepKind for AnyStepKind {
    fn named(name: &str) -> Option<Self> {
        let enrolment = EnrolmentStepKind::named(name).map(Self::Enrolment);
        let config = || ConfigStepKind::named(name).map(Self::Config);
        let factory = || FactoryStepKind::named(name).map(Self::Factory);
        enrolment.or_else(config).or_else(factory)
    }
}
