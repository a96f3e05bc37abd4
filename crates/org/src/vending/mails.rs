//! Due mails of a list (`organization.md` V-11): one per final row and reader, and one per reader
//! at the end. The plan's journal records sent mails.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Email;

use super::email::is_account_email;
use super::file::{AccountsFile, MANAGER_EMAIL, SSO_EMAIL, VendingRow};
use super::status::{RowResult, RowStatus};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueMail {
    pub to: Email,
    pub about: MailTopic,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailTopic {
    Row(usize, RowResult),
    Summary(BTreeMap<&'static str, usize>),
}

impl MailTopic {
    /// Stable key: an unchanged row result is not mailed twice.
    pub fn name(&self) -> String {
        match self {
            Self::Row(number, result) => format!("row-{number}-{}", result.status.name()),
            Self::Summary(counts) => {
                let parts = counts
                    .iter()
                    .map(|(status, count)| format!("{status}-{count}"));
                format!("summary-{}", parts.collect::<Vec<_>>().join("-"))
            }
        }
    }
}

impl DueMail {
    pub fn told(&self) -> String {
        format!("{} {}", self.about.name(), self.to)
    }
}

const fn is_final(status: RowStatus) -> bool {
    match status {
        RowStatus::Succeeded
        | RowStatus::Exists
        | RowStatus::Invalid
        | RowStatus::NotProvisioned
        | RowStatus::Failed
        | RowStatus::AssignFailed => true,
        RowStatus::Valid | RowStatus::Launching | RowStatus::UnderChange | RowStatus::Assigning => {
            false
        }
    }
}

/// Mails of final rows, and of the whole list once `is_over`. `readers` get all; people of a row
/// get its own.
pub fn due_mails(
    file: &AccountsFile,
    results: &BTreeMap<usize, RowResult>,
    readers: &[Email],
    told: &BTreeSet<String>,
    is_over: bool,
) -> Vec<DueMail> {
    let mut all = Vec::new();
    for row in file.rows() {
        let Some(result) = results.get(&row.number).filter(|it| is_final(it.status)) else {
            continue;
        };
        let about = MailTopic::Row(row.number, result.clone());
        let to: BTreeSet<Email> = people_of(&row, result.status)
            .chain(readers.iter().cloned())
            .collect();
        all.extend(to.into_iter().map(|to| DueMail {
            to,
            about: about.clone(),
        }));
    }
    if is_over {
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        for result in results.values() {
            *counts.entry(result.status.name()).or_default() += 1;
        }
        let about = MailTopic::Summary(counts);
        all.extend(readers.iter().map(|to| DueMail {
            to: to.clone(),
            about: about.clone(),
        }));
    }
    all.retain(|mail| !told.contains(&mail.told()));
    all
}

/// Valid addresses in the row; excludes the user of an invalid row.
fn people_of<'a>(row: &VendingRow<'a>, status: RowStatus) -> impl Iterator<Item = Email> + use<'a> {
    let person = (status != RowStatus::Invalid).then(|| row.cell(SSO_EMAIL));
    let named = [person, Some(row.cell(MANAGER_EMAIL))];
    named
        .into_iter()
        .flatten()
        .filter(|cell| is_account_email(cell))
        .filter_map(|cell| Email::new(cell).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "AccountName,SSOUserEmail,AccountEmail,SSOUserFirstName,SSOUserLastName,OrgUnit,ManagerEmail\n\
                        one,ana@acme.example,one@acme.example,A,X,Prod,boss@acme.example\n\
                        two,bo@acme.example,two@acme.example,B,X,Prod,nobody\n\
                        three,cai@acme.example,three@acme.example,C,X,Prod,boss@acme.example\n";

    fn results(rows: [RowStatus; 3]) -> BTreeMap<usize, RowResult> {
        (2..).zip(rows.map(RowResult::of)).collect()
    }

    fn due(rows: [RowStatus; 3], told: &BTreeSet<String>, is_over: bool) -> Vec<String> {
        let file = AccountsFile::read(LIST.as_bytes()).unwrap();
        let readers = [Email::new("ops@acme.example").unwrap()];
        let mails = due_mails(&file, &results(rows), &readers, told, is_over);
        mails.iter().map(DueMail::told).collect()
    }

    #[test]
    fn a_row_is_told_once_it_is_final_and_the_list_at_its_end() {
        use RowStatus::{Invalid, Succeeded, UnderChange};
        let mut told = BTreeSet::new();
        let first = due([Succeeded, UnderChange, Invalid], &told, false);
        assert_eq!(
            first,
            [
                "row-2-SUCCEEDED ana@acme.example",
                "row-2-SUCCEEDED boss@acme.example",
                "row-2-SUCCEEDED ops@acme.example",
                "row-4-INVALID boss@acme.example",
                "row-4-INVALID ops@acme.example",
            ]
        );
        told.extend(first);
        assert_eq!(
            due([Succeeded, UnderChange, Invalid], &told, false),
            [""; 0]
        );
        let rest = due([Succeeded, Succeeded, Invalid], &told, true);
        assert_eq!(
            rest,
            [
                "row-3-SUCCEEDED bo@acme.example",
                "row-3-SUCCEEDED ops@acme.example",
                "summary-INVALID-1-SUCCEEDED-2 ops@acme.example",
            ]
        );
        told.extend(rest);
        assert_eq!(due([Succeeded, Succeeded, Invalid], &told, true), [""; 0]);
    }

    #[test]
    fn a_row_that_is_tried_again_is_told_again_only_where_it_ends_otherwise() {
        use RowStatus::{Failed, Succeeded};
        let told: BTreeSet<String> = due([Failed, Succeeded, Succeeded], &BTreeSet::new(), true)
            .into_iter()
            .collect();
        assert_eq!(due([Failed, Succeeded, Succeeded], &told, true), [""; 0]);
        let again = due([Succeeded; 3], &told, true);
        assert_eq!(again.len(), 4, "{again:?}");
        assert!(again[3].starts_with("summary-SUCCEEDED-3 "), "{again:?}");
    }
}
