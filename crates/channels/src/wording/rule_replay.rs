//! Effects of an inactive rule file on live grants.

use crate::wording::lists::count;

/// Counts of compared grants by effect.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveGrants {
    pub looked_at: usize,
    pub ends: usize,
    pub reported: usize,
    pub unread: usize,
}

pub fn live_grants(found: &LiveGrants) -> String {
    let are = match found.looked_at {
        0 => return "no grant is live".to_owned(),
        1 => "1 grant is live".to_owned(),
        more => format!("{} are live", count(more, "grant")),
    };
    format!("{are}: {}", outcome(found))
}

pub fn newest_live_grants(found: &LiveGrants) -> String {
    let newest = count(found.looked_at, "live grant");
    format!(
        "the newest {newest} were checked: {}; there may be older ones",
        outcome(found)
    )
}

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
        return "the file would end none".to_owned();
    }
    let mut told = vec![match ends {
        0 => "the file would end none".to_owned(),
        more => format!("the file would end {more} of them"),
    }];
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

pub fn ends(decision: &str) -> String {
    format!("ends: {decision}")
}

pub const ENDS_BY_GROUP: &str = "ends: the holder left the group by which the rule gives it";

pub fn reported(decision: &str) -> String {
    format!("stays, and is reported: {decision}")
}

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
            ((1, 0, 0, 0), "1 grant is live: the file would end none"),
            (
                (120, 14, 0, 0),
                "120 grants are live: the file would end 14 of them",
            ),
            (
                (3, 0, 2, 0),
                "3 grants are live: the file would end none, and 2 would stay until their end and be reported, \
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
        let due = "the newest 5120 live grants were checked: the file would end 3 of them; there may be older ones";
        assert_eq!(newest_live_grants(&found), due);
    }
}
