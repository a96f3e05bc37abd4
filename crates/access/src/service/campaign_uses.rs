//! Reads from the activity logs when the access of a campaign's lines was last used.

use std::collections::{BTreeMap, HashMap};

use hallpass_activity::{AccountActivity, LastUses};
use hallpass_base::{AccountId, GroupId, Target, TargetNames, TimeSpan, UserId};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Access;
use crate::{CampaignLine, LineUse, NamedGroupAssignment, USE_DAYS};

/// The use in accounts that were not read by then is unknown: a call has to be answered.
const READ_WITHIN: TimeSpan = TimeSpan::seconds(12);

/// A line and the permission set that it gives in an account.
type SetOfLine<'a> = (&'a CampaignLine, &'a str);

impl Access {
    pub(super) async fn read_uses(
        &self,
        lines: &mut [CampaignLine],
        groups: &[NamedGroupAssignment],
    ) {
        let Some(logs) = &self.activity else {
            return;
        };
        let began = self.now();
        let date = |at: hallpass_base::Timestamp| at.to_zoned(TimeZone::UTC).date();
        let days = date(TimeSpan::hours(24 * u64::from(USE_DAYS)).before(began))..=date(began);
        let every_day = days.start().series(jiff::Span::new().days(1));
        let every_day: Vec<Date> = every_day.take_while(|it| it <= days.end()).collect();
        let names = self.session_names(lines);
        let mut by_line: HashMap<u32, LineUse> = HashMap::new();
        for (account, theirs) in sets_by_account(lines, groups) {
            let activity = if READ_WITHIN.after(began) < self.now() {
                AccountActivity::default()
            } else {
                logs.of(account, &every_day).await.unwrap_or_else(|error| {
                    tracing::warn!(%account, error, "the activity of an account cannot be read");
                    AccountActivity::default()
                })
            };
            let in_account = LastUses::of(&activity, &days);
            for (line, set) in theirs {
                let user = &line.key.user;
                let names = names.get(user).map_or(&[][..], Vec::as_slice);
                let found = match in_account.last(set, user.as_str(), names) {
                    Some(last) => LineUse::Used { last },
                    None if in_account.is_whole() => LineUse::Never,
                    None => LineUse::Unknown,
                };
                let known = by_line.entry(line.number).or_insert(found);
                *known = known.and(found);
            }
        }
        for line in lines {
            line.used = by_line.get(&line.number).copied().unwrap_or_default();
        }
    }

    /// Possible session names of the holders, in lower case.
    fn session_names(&self, lines: &[CampaignLine]) -> HashMap<UserId, Vec<String>> {
        let directory = self.directory();
        let of = |user: &UserId| {
            let person = directory.person(user)?;
            let emails = person.emails.iter().map(ToString::to_string);
            let names = [person.user_name.clone()].into_iter().chain(emails);
            let names = names.map(|it| it.to_ascii_lowercase());
            Some((user.clone(), names.collect()))
        };
        lines.iter().filter_map(|it| of(&it.key.user)).collect()
    }
}

/// What the lines give in each account; a group gives its account assignments.
fn sets_by_account<'a>(
    lines: &'a [CampaignLine],
    groups: &'a [NamedGroupAssignment],
) -> BTreeMap<&'a AccountId, Vec<SetOfLine<'a>>> {
    let mut of_groups: HashMap<&GroupId, Vec<(&AccountId, &TargetNames)>> = HashMap::new();
    for it in groups {
        let theirs = of_groups.entry(&it.row.key.group).or_default();
        theirs.push((&it.row.key.account, &it.names));
    }
    let mut sets: BTreeMap<&AccountId, Vec<SetOfLine<'_>>> = BTreeMap::new();
    let mut add = |line: &'a CampaignLine, account: &'a AccountId, names: &'a TargetNames| {
        if let TargetNames::Account { permission_set, .. } = names {
            sets.entry(account)
                .or_default()
                .push((line, permission_set));
        }
    };
    for line in lines {
        match &line.key.target {
            Target::Account { account, .. } => add(line, account, &line.names),
            Target::Group { group } => {
                for (account, names) in of_groups.get(group).into_iter().flatten() {
                    add(line, account, names);
                }
            }
        }
    }
    sets
}
