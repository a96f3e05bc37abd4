//! What AWS itself did about an end: the instant that was armed there, and whether it refused before the access was gone.

use hallpass_access::CredentialsAfterEnd;
use hallpass_audit::Record;
use hallpass_model::Timestamp;
use hallpass_wording::grants;

use super::Teller;

/// From when on AWS refuses, as the records told so far have it.
#[derive(Debug, Default)]
pub(super) struct ArmedInstant(Option<Timestamp>);

impl ArmedInstant {
    /// Hears of the next record: its event, and the instant that it names.
    pub(super) fn note(&mut self, event: &str, at: impl FnOnce() -> Option<Timestamp>) {
        match event {
            "end.armed" | "end.rearmed" | "end.denied" => self.0 = at(),
            "end.disarmed" => self.0 = None,
            _ => {}
        }
    }
}

/// The instant that a record has put in force.
pub(super) fn refuses_from(record: &Record) -> Option<Timestamp> {
    let after = record.fields().get("after")?;
    after.get("refuses_after")?.as_str()?.parse().ok()
}

impl Teller<'_> {
    /// From when on AWS refuses by its own clock.
    pub(super) fn refuses_after(&self, record: &Record) -> String {
        let at = refuses_from(record);
        let at = at.map_or_else(|| "its end".to_owned(), |at| self.view.words(at));
        format!("AWS itself refuses after {at}, whatever becomes of Hallpass.")
    }

    /// That the access is gone, who ended it, and until when what was taken of it may still work.
    pub(super) fn gone(&self, at: Timestamp) -> String {
        let mut said = vec!["AWS confirmed that the access is gone.".to_owned()];
        let refused = self.armed.0.and_then(|from| {
            let shown = self.view.words(from);
            grants::ended_by_aws(from, at, &shown)
        });
        said.extend(refused);
        let after = match self.grant {
            None => CredentialsAfterEnd::NotSaid,
            Some(grant) if grant.end_sessions => CredentialsAfterEnd::Stop,
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
        for (events, expected) in [
            (&[("grant.succeeded", first)][..], None),
            (&[("end.armed", first)], first),
            (&[("end.armed", first), ("end.rearmed", later)], later),
            (&[("end.armed", first), ("end.disarmed", None)], None),
            (&[("end.armed", first), ("end.arm_failed", None)], first),
            (&[("end.denied", first)], first),
        ] {
            let mut armed = ArmedInstant::default();
            for (event, at) in events {
                armed.note(event, || *at);
            }
            assert_eq!(armed.0, expected, "{events:?}");
        }
    }
}
