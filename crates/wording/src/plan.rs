//! The words of plans: where one is, and what became of its targets.

use hallpass_runner::{PlanState, StepEnd, Totals};

/// Where a plan is.
pub const fn state_word(state: PlanState) -> &'static str {
    match state {
        PlanState::Planned => "Planned",
        PlanState::Running => "Under way",
        PlanState::Paused => "Paused",
        PlanState::Aborted => "Aborted",
        PlanState::Partial => "Stopped",
        PlanState::Done => "Done",
    }
}

/// What became of a target or a step, or would become of it where its plan `is_planned`.
pub const fn outcome_word(end: StepEnd, is_planned: bool) -> &'static str {
    match end {
        StepEnd::Unchanged => "As it should be",
        StepEnd::Changed if is_planned => "Would change",
        StepEnd::Changed => "Changed",
        StepEnd::Failed => "Failed",
        StepEnd::Skipped => "Not begun",
        StepEnd::Blocked => "Blocked",
        StepEnd::Drifted => "Drifted",
        StepEnd::InProgress => "Under way",
    }
}

/// The same in a table of the command line: the name that `--output json` gives it, but for what would change.
pub const fn outcome_cell(end: StepEnd, is_planned: bool) -> &'static str {
    match end {
        StepEnd::Changed if is_planned => "would change",
        other => other.name(),
    }
}

/// How many targets ended how: "3 would change, 2 as they should be"; empty where there are none.
pub fn totals(totals: &Totals, is_planned: bool) -> String {
    let Totals {
        unchanged,
        changed,
        failed,
        skipped,
        blocked,
        drifted,
        in_progress,
    } = *totals;
    let change = if is_planned {
        "would change"
    } else {
        "changed"
    };
    let counted = [
        (failed, "failed"),
        (blocked, "blocked"),
        (drifted, "drifted"),
        (in_progress, "under way"),
        (changed, change),
        (unchanged, "as they should be"),
        (skipped, "not begun"),
    ];
    let parts = counted.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_way_comes_first_and_nothing_is_counted_that_is_not_there() {
        assert_eq!(totals(&Totals::default(), true), "");
        let mixed = Totals {
            unchanged: 2,
            changed: 3,
            failed: 1,
            ..Totals::default()
        };
        let (planned, done) = (totals(&mixed, true), totals(&mixed, false));
        assert_eq!(planned, "1 failed, 3 would change, 2 as they should be");
        assert_eq!(done, "1 failed, 3 changed, 2 as they should be");
    }

    #[test]
    fn only_what_is_not_done_yet_has_other_words_while_it_is_planned() {
        for end in [
            StepEnd::Unchanged,
            StepEnd::Skipped,
            StepEnd::Blocked,
            StepEnd::Drifted,
            StepEnd::Failed,
        ] {
            assert_eq!(outcome_word(end, true), outcome_word(end, false));
            assert_eq!(outcome_cell(end, true), end.name());
        }
        assert_ne!(
            outcome_word(StepEnd::Changed, true),
            outcome_word(StepEnd::Changed, false)
        );
        assert_eq!(outcome_cell(StepEnd::Changed, false), "changed");
        assert_eq!(outcome_cell(StepEnd::Changed, true), "would change");
    }
}
