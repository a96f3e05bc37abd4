//! Limits leader metrics to the leading node: a stale gauge would keep an alert elsewhere.

/// Gauges of leader loops. `hallpass_alarm` is 0 at the end of a term, so that it always exists.
const OF_TERM: [&str; 20] = [
    "hallpass_audit_export_age_seconds",
    "hallpass_audit_head_age_seconds",
    "hallpass_audit_unexported_records",
    "hallpass_events_lag_seconds",
    "hallpass_group_sync_at_work",
    "hallpass_group_sync_looked_at_seconds",
    "hallpass_group_sync_manual",
    "hallpass_group_sync_members",
    "hallpass_group_sync_refused",
    "hallpass_group_sync_unknown",
    "hallpass_guard_alarms",
    "hallpass_guard_ended",
    "hallpass_guard_heard_age_seconds",
    "hallpass_guard_overdue",
    "hallpass_sweep_items",
    "hallpass_sweep_items_at_work",
    "hallpass_sweep_items_stuck",
    "hallpass_sweep_looked_at_seconds",
    "hallpass_sweep_unread",
    "hallpass_sweep_waiting",
];

pub(super) fn shown(measured: String, leads: bool) -> String {
    if leads {
        return measured;
    }
    measured
        .split_inclusive('\n')
        .filter(|line| !OF_TERM.contains(&family(line.trim_end())))
        .collect()
}

fn family(line: &str) -> &str {
    let named = line
        .strip_prefix("# HELP ")
        .or_else(|| line.strip_prefix("# TYPE "))
        .unwrap_or(line);
    let end = named.find(['{', ' ']).unwrap_or(named.len());
    named.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_term_measured_is_shown_by_whoever_leads() {
        let measured = "# TYPE hallpass_guard_alarms gauge\nhallpass_guard_alarms 2\n\n\
                        # TYPE hallpass_sweep_items gauge\nhallpass_sweep_items{kind=\"unknown\"} 3\n\n\
                        # TYPE hallpass_sweep_runs_total counter\nhallpass_sweep_runs_total 4\n\
                        # HELP hallpass_leader x\nhallpass_leader 0\n";
        assert_eq!(shown(measured.to_owned(), true), measured);
        let left = "\n\n# TYPE hallpass_sweep_runs_total counter\nhallpass_sweep_runs_total 4\n\
                    # HELP hallpass_leader x\nhallpass_leader 0\n";
        assert_eq!(shown(measured.to_owned(), false), left);
    }

    #[test]
    fn every_gauge_of_a_loop_of_a_term_is_among_them() {
        let loops = [
            include_str!("events.rs"),
            include_str!("../../../app/src/loops/exporting.rs"),
            include_str!("../../../app/src/loops/group_sync.rs"),
            include_str!("guards.rs"),
            include_str!("sweeping.rs"),
        ];
        let mut set: Vec<&str> = loops
            .iter()
            .flat_map(|text| text.split("metrics::gauge!(\"").skip(1))
            .filter_map(|rest| rest.split('"').next())
            .collect();
        set.sort_unstable();
        assert_eq!(set, OF_TERM);
    }
}
