//! A server follows growing journals, and trusts only complete chains.

use std::io::Write as _;

use hallpass_assignments::RemovalStage;
use hallpass_audit::{Draft, Event, Head, Origin, seal};
use hallpass_base::{AuditId, GroupId, HoldKey, Target, TimeSpan, Timestamp, UserId};

use super::*;

fn at(seconds: u64) -> Timestamp {
    TimeSpan::seconds(seconds).after(Timestamp::from_second(1_780_000_000).unwrap())
}

fn key(n: u64) -> HoldKey {
    HoldKey {
        user: UserId::new(format!("{n:08x}-0000-4000-8000-000000000000")).unwrap(),
        target: Target::Group {
            group: GroupId::new("00000002-0000-4000-8000-000000000000").unwrap(),
        },
    }
}

fn head(record: &Record) -> Head {
    Head {
        seq: record.seq(),
        hash: record.hash().to_owned(),
        time: at(0),
    }
}

fn ended(n: u64, event: Event, before: Option<&Record>) -> Record {
    let next = before.map_or(1, |before| before.seq() + 1);
    let id = AuditId::new(uuid::Uuid::from_u128(7 << 76 | 1 << 63 | u128::from(next)));
    let draft = Draft::new(id, event, at(next), "g", Origin::System)
        .guarded(&key(n), at(0), n, &[])
        .removed(true, "removed");
    seal(draft, before.map(head).as_ref()).unwrap()
}

struct Folder {
    folder: tempfile::TempDir,
    journals: Journals,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journals = Journals::new(folder.path().join("guard"));
        Self { folder, journals }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("guard/g.jsonl")
    }

    fn append(&self, text: &str) {
        fs::create_dir_all(self.path().parent().unwrap()).unwrap();
        let mut options = fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(self.path()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    async fn removals(&self) -> Arc<Removals> {
        self.journals.removals(Duration::ZERO).await
    }
}

#[tokio::test]
async fn a_journal_is_followed_as_it_grows() {
    let folder = Folder::new();
    assert_eq!(folder.removals().await.revision(), 0);
    assert_eq!(folder.journals.faults(), [""; 0]);
    let begun = ended(1, Event::GuardEnding, None);
    folder.append(&format!("{}\n", begun.canonical()));
    let first = folder.removals().await;
    assert_eq!(first.of(&key(1)).unwrap().stage, RemovalStage::Begun);
    // an incomplete line is not read yet
    let seen = ended(1, Event::GuardEnded, Some(&begun));
    let (half, rest) = seen.canonical().split_at(40);
    folder.append(half);
    assert_eq!(folder.removals().await.revision(), first.revision());
    folder.append(&format!("{rest}\n"));
    let second = folder.removals().await;
    assert_eq!(second.of(&key(1)).unwrap().stage, RemovalStage::Seen);
    assert!(second.revision() > first.revision());
    let other = ended(2, Event::GuardEnded, Some(&seen));
    folder.append(&format!("{}\n", other.canonical()));
    assert_eq!(folder.removals().await.iter().count(), 2);
}

#[tokio::test]
async fn what_breaks_the_chain_is_not_believed_and_said() {
    let folder = Folder::new();
    let first = ended(1, Event::GuardEnded, None);
    folder.append(&format!("{}\n", first.canonical()));
    let forged = ended(2, Event::GuardEnded, Some(&first));
    let forged = forged.canonical().replace("removed", "moved");
    folder.append(&format!("{forged}\n"));
    let third = ended(3, Event::GuardEnded, Some(&first));
    folder.append(&format!("{}\n", third.canonical()));
    let found = folder.removals().await;
    assert!(found.of(&key(1)).is_some());
    assert!(found.of(&key(2)).is_none() && found.of(&key(3)).is_none());
    let faults = folder.journals.faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(folder.removals().await.of(&key(3)).is_none());
}

#[tokio::test]
async fn a_journal_that_begins_anew_is_read_from_its_beginning() {
    let folder = Folder::new();
    let mut last = ended(1, Event::GuardEnded, None);
    folder.append(&format!("{}\n", last.canonical()));
    last = ended(2, Event::GuardEnded, Some(&last));
    folder.append(&format!("{}\n", last.canonical()));
    assert_eq!(folder.removals().await.iter().count(), 2);
    fs::remove_file(folder.path()).unwrap();
    let anew = ended(3, Event::GuardEnded, None);
    folder.append(&format!("{}\n", anew.canonical()));
    let found = folder.removals().await;
    assert!(found.of(&key(3)).is_some());
    assert!(found.of(&key(1)).is_some());
}

#[tokio::test]
async fn of_two_guards_the_one_that_did_it_counts() {
    let folder = Folder::new();
    let begun = ended(1, Event::GuardEnding, None);
    let seen = ended(1, Event::GuardEnded, Some(&begun));
    folder.append(&format!("{}\n{}\n", begun.canonical(), seen.canonical()));
    // the other started later and found it missing
    let lines: Vec<String> = {
        let mut chain: Vec<Record> = Vec::new();
        for _ in 0..3 {
            chain.push(ended(1, Event::GuardEnding, chain.last()));
        }
        chain.iter().map(|it| it.canonical().to_owned()).collect()
    };
    fs::write(
        folder.path().with_file_name("h.jsonl"),
        lines.join("\n") + "\n",
    )
    .unwrap();
    let found = folder.removals().await;
    assert_eq!(found.of(&key(1)).unwrap().stage, RemovalStage::Seen);
}

#[tokio::test]
async fn what_guards_say_of_themselves_is_read() {
    let folder = Folder::new();
    assert_eq!(folder.journals.statuses().await.unwrap().len(), 0);
    folder.append("");
    fs::write(folder.path().with_file_name("h.status"), "{").unwrap();
    let heard = folder.journals.statuses().await.unwrap();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].name, "h");
    assert!(heard[0].said.is_err());
}

#[tokio::test]
async fn a_read_is_as_old_as_its_beginning_and_no_older_than_asked_for() {
    let folder = Folder::new();
    let first = ended(1, Event::GuardEnded, None);
    folder.append(&format!("{}\n", first.canonical()));
    folder.removals().await;
    let second = ended(2, Event::GuardEnded, Some(&first));
    folder.append(&format!("{}\n", second.canonical()));
    let of_a_while_ago = folder.journals.removals(Duration::from_mins(1)).await;
    assert!(of_a_while_ago.of(&key(2)).is_none());
    // waits for the current reader, then continues there
    let reading = folder.journals.known.clone().lock_owned().await;
    let waits = folder.journals.removals(Duration::ZERO);
    let lets_go = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(reading);
    };
    let (found, ()) = tokio::join!(waits, lets_go);
    assert!(found.of(&key(2)).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_hangs_is_waited_for_once_and_read_when_it_answers() {
    let folder = Folder::new();
    let first = ended(1, Event::GuardEnded, None);
    folder.append(&format!("{}\n", first.canonical()));
    let hangs = folder.journals.known.clone().lock_owned().await;
    let waited = async || {
        let began = tokio::time::Instant::now();
        let found = folder.journals.removals(Duration::ZERO).await;
        (began.elapsed().as_secs(), found.iter().count())
    };
    assert_eq!(waited().await, (FILE_PATIENCE.as_secs(), 0));
    for _ in 0..3 {
        assert_eq!(waited().await, (0, 0));
    }
    drop(hangs);
    while waited().await.1 == 0 {
        tokio::task::yield_now().await;
    }
    let second = ended(2, Event::GuardEnded, Some(&first));
    folder.append(&format!("{}\n", second.canonical()));
    assert_eq!(waited().await, (0, 2));
}

/// Like a folder of a dead machine: opening blocks.
#[cfg(unix)]
#[tokio::test]
async fn what_guards_say_in_a_folder_that_hangs_is_not_waited_for() {
    let folder = Folder::new();
    let inside = folder.path().parent().unwrap().to_path_buf();
    fs::create_dir_all(&inside).unwrap();
    let pipe = inside.join("night.status");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let ask = || folder.journals.statuses();
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    for said in [first, second, third] {
        assert_eq!(said.unwrap_err(), "no answer within 3 s");
    }
    // it responds: the stuck thread finishes, and the next one reads
    fs::write(&pipe, "{").unwrap();
    fs::remove_file(&pipe).unwrap();
    assert_eq!(folder.journals.statuses().await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_hangs_keeps_one_thread_however_often_it_is_asked() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (one, begun) = (OneAtATime::default(), Arc::new(AtomicUsize::new(0)));
    let (answer, wait) = std::sync::mpsc::channel::<()>();
    let hang = {
        let begun = Arc::clone(&begun);
        move || {
            begun.fetch_add(1, Ordering::SeqCst);
            wait.recv().unwrap();
        }
    };
    let next = || {
        let begun = Arc::clone(&begun);
        one.within(move || begun.fetch_add(1, Ordering::SeqCst))
    };
    let (first, second, third) = tokio::join!(one.within(hang), next(), next());
    assert!(first.is_err() && second.is_err() && third.is_err());
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    answer.send(()).unwrap();
    assert_eq!(next().await, Ok(1));
}
