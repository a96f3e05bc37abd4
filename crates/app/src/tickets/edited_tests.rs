use hallpass_rules::Assignee;

use super::tests::{KINDS, forms, good_text, made, settings};
use crate::outside_service::test_service::{fake, texts, with_edits};

#[tokio::test]
async fn a_ticket_of_an_edited_answer_says_only_what_the_answer_does() {
    for kind in KINDS {
        let (sample, _) = forms(kind).remove(0);
        let (mut read, mut refused) = (0, 0);
        for answers in with_edits(&sample) {
            let (_, url) = fake(answers.clone()).await;
            let source = made(&settings(kind, &url));
            let Ok(Some(ticket)) = source.ticket(good_text(kind)).await else {
                refused += 1;
                continue;
            };
            read += 1;
            let texts = texts(&answers);
            let state = ticket.state.to_lowercase();
            assert!(texts.contains(&state), "{ticket:?}, {answers:?}");
            if let Assignee::Person(address) = &ticket.assignee {
                assert!(texts.contains(address.as_str()), "{ticket:?}, {answers:?}");
            }
            let is_web = |it: &String| it.starts_with("https://") || it.starts_with("http://");
            assert!(ticket.url.iter().all(is_web), "{ticket:?}");
        }
        assert!(
            read > 0 && refused > 0,
            "{kind:?}: {read} read, {refused} refused"
        );
    }
}
