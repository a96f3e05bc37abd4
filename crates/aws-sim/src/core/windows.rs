//! Delays until readers see a write (`simulator.md` C-2).

use crate::base::{Millis, Random};

use crate::organization::Consistency;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    /// 0 to 1 s.
    Assignment,
    /// 0 to 2 s.
    Directory,
    /// 0 to 3 s.
    Iam,
    /// 0 to 5 s: until an organization policy is effective.
    Policy,
    /// 0 to 5 s: until lists contain a new account.
    Account,
    Immediate,
}

pub(crate) fn window_ms(consistency: Consistency, window: Window, random: &mut Random) -> Millis {
    let longest = match window {
        Window::Assignment => 1_000,
        Window::Directory => 2_000,
        Window::Iam => 3_000,
        Window::Policy | Window::Account => 5_000,
        Window::Immediate => 0,
    };
    let factor = match consistency {
        Consistency::Strong => 0,
        Consistency::Typical => 1,
        Consistency::Hard => 5,
    };
    Millis::try_from(random.below(longest * factor + 1)).unwrap_or(0)
}
