//! What a rule file that is not in force would make of live grants.

use crate::wording::lists::count;

/// How many live grants were held against a rule file, and what becomes of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveGrants {
    /// How many were looked at.
    pub looked_at: usize,
    /// How many would end.
    pub ends: usize,
    /// How many would stay and be reported.
    pub reported: usize,
    /// Of how many that cannot be told.
    pub unread: usize,
}

/// What would become of them, where all of them were looked at.
pub fn live_grants(found: &LiveGrants) -> String {
    let are = match found.looked_at {
        0 => return "no grant is live".to_owned(),
        1 => "1 grant is live".to_owned(),
        more => format!("{} are live", count(more, "grant")),
    };
    format!("{are}: {}", outcome(found))
}

/// The same where older ones were not looked at.
pub fn newest_live_grants(found: &LiveGrants) -> String {
    let newest = count(found.looked_at, "live grant");
    format!(
        "the newest {newest} were looked at: {}; there may be older ones",
        outcome(found)
    )
}

/// That not all of those are listed of which something would become.
pub fn first_listed(listed: usize) -> String {
    format!("the first {listed} of these grants are listed")
}

fn outcome(found: &LiveGrants) -> String {
    let LiveGrants {
        ends,
        reported,
        unread,
        ..
    } = *found;
    if ends + reported + unread == 0 {
        return "the file would end none of them".to_owned();
    }
    let ends = match ends {
        0 => "none".to_owned(),
        more => more.to_string(),
    };
    let mut told = vec![format!("the file would end {ends} of them")];
    if reported > 0 {
        told.push(format!(
            "{reported} would stay until their end and be reported, as the rules refuse them"
        ));
    }
    if unread > 0 {
        told.push(format!(
            "{unread} cannot be judged before the file is in force"
        ));
    }
    told.join(", and ")
}

/// That a grant would end, by this decision of the file.
pub fn ends(decision: &str) -> String {
    format!("ends: {decision}")
}

/// That it would end, for its holder left a group by which a rule of the file gives it.
pub const ENDS_BY_GROUP: &str = "ends: the holder left the group by which the rule gives it";

/// That it would stay, although the file decides so.
pub fn reported(decision: &str) -> String {
    format!("stays, and is reported: {decision}")
}

/// That it cannot be told, and why, a sentence each.
pub fn unread(what: &[String]) -> String {
    format!("cannot be judged: {}", what.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_live_grants_is_told_in_one_line() {
        let table = [
            ((0, 0, 0, 0), "no grant is live"),
            (
                (1, 0, 0, 0),
                "1 grant is live: the file would end none of them",
            ),
            (
                (120, 14, 0, 0),
                "120 grants are live: the file would end 14 of them",
            ),
            (
                (3, 0, 2, 0),
                "3 grants are live: the file would end none of them, and 2 would stay until their end and be reported, \
                 as the rules refuse them",
            ),
            (
                (4, 1, 0, 2),
                "4 grants are live: the file would end 1 of them, and 2 cannot be judged before the file is in force",
            ),
        ];
        for ((looked_at, ends, reported, unread), due) in table {
            let found = LiveGrants {
                looked_at,
                ends,
                reported,
                unread,
            };
            assert_eq!(live_grants(&found), due);
        }
        let found = LiveGrants {
            looked_at: 5_120,
            ends: 3,
            ..LiveGrants::default()
        };
        let due = "the newest 5120 live grants were looked at: the file would end 3 of them; there may be older ones";
        assert_eq!(newest_live_grants(&found), due);
    }
}
