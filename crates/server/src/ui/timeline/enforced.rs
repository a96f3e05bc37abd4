//! Enforced expiry in the timeline: its instant, and whether AWS denied access before the removal.

use hallpass_access::CredentialsAfterEnd;
use hallpass_audit::Record;
use hallpass_base::Timestamp;
use hallpass_channels::wording::grants;

use super::Teller;

#[derive(Debug, Default)]
pub(super) struct ArmedInstant(Option<Timestamp>);

impl ArmedInstant {
    /// Applies the next record: event, time, and its instant. A past instant is enforced from the
    /// write on, or continues.
    pub(super) fn note(
        &mut self,
        event: &str,
        written: Timestamp,
        named: impl FnOnce() -> Option<Timestamp>,
    ) {
        match event {
            "end.armed" | "end.rearmed" | "end.denied" => {
                let refuses = self.0.filter(|from| *from <= written);
                self.0 = named().map(|from| match refuses {
                    Some(since) if from <= written => since,
                    Some(_) | None => from.max(written),
                });
            }
            "end.disarmed" => self.0 = None,
            _ => {}
        }
    }
}

pub(super) fn refuses_from(record: &Record) -> Option<Timestamp> {
    let after = record.fields().get("after")?;
    after.get("refuses_after")?.as_str()?.parse().ok()
}

/// Whether the newest news of ending the sessions is that AWS did not.
pub(super) fn sessions_continue(records: &[Record]) -> bool {
    let mut events = records.iter().rev().map(Record::event);
    events.find(|event| event.starts_with("sessions.cut")) == Some("sessions.cut_failed")
}

impl Teller<'_> {
    pub(super) fn refuses_after(&self, record: &Record) -> String {
        let at = refuses_from(record);
        let at = at.map_or_else(|| "its end".to_owned(), |at| self.view.words(at));
        format!("AWS itself refuses after {at}, even without Hallpass.")
    }

    pub(super) fn gone(&self, at: Timestamp) -> String {
        let mut said = vec!["AWS confirmed that the access is gone.".to_owned()];
        let refused = self.armed.0.and_then(|from| {
            let shown = self.view.words(from);
            grants::ended_by_aws(from, at, &shown)
        });
        said.extend(refused);
        let after = match self.grant {
            None => CredentialsAfterEnd::NotSaid,
            Some(grant) if grant.end_sessions && !self.sessions_continue => {
                CredentialsAfterEnd::Stop
            }
            Some(grant) => self.view.credentials_after(grant, at),
        };
        let is_over = matches!(after, CredentialsAfterEnd::WorkUntil(at) if at <= self.view.now);
        let after = grants::credentials_after(grants::CREDENTIALS_BEFORE, after, self.view);
        said.extend(after.filter(|_| !is_over));
        said.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_that_of_the_last_instant_in_force() {
        let at = |text: &str| text.parse::<Timestamp>().ok();
        let (first, later) = (at("2026-11-20T10:00:00Z"), at("2026-11-20T11:00:00Z"));
        let (before, after) = ("2026-11-20T09:00:00Z", "2026-11-20T10:30:00Z");
        for (events, expected) in [
            (&[("grant.succeeded", before, first)][..], None),
            (&[("end.armed", before, first)], first),
            (
                &[("end.armed", before, first), ("end.rearmed", before, later)],
                later,
            ),
            (
                &[("end.armed", before, first), ("end.disarmed", before, None)],
                None,
            ),
            (
                &[
                    ("end.armed", before, first),
                    ("end.arm_failed", before, first),
                ],
                first,
            ),
            (&[("end.denied", before, first)], first),
            (&[("end.denied", after, first)], at(after)),
            (
                &[("end.armed", before, later), ("end.rearmed", after, first)],
                at(after),
            ),
            (
                &[
                    ("end.armed", before, first),
                    ("end.rearmed", after, at(before)),
                ],
                first,
            ),
            (
                &[("end.armed", before, first), ("end.rearmed", after, later)],
                later,
            ),
        ] {
            let mut armed = ArmedInstant::default();
            for (event, written, named) in events {
                armed.note(event, at(written).unwrap(), || *named);
            }
            assert_eq!(armed.0, expected, "{events:?}");
        }
    }
}
