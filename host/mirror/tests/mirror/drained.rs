//! What a handoff asks of the keys that are left.

use turnout_backends::Group;
use turnout_vocabulary::{Backend, Epoch};

use crate::world::{Table, World};

const T: Table = Table::called("clients").subject("phone");
const CLIENTS: &str = "create table clients (id int primary key, phone text)";

#[tokio::test]
async fn many_subjects_are_told_in_pages_each_once() {
    const PAGE: usize = 8_000;
    let world = World::new(CLIENTS, &[T]).await;
    world
        .old(
            "insert into turnout.held
                (repository, key, subjects, xids, epoch, behind, attempts, since, due, sqlstate, reason, parked_at)
             select number, n::text, array['8900' || n, null], '{}', 1, false, 12, now(), now(), '23505', 'one', now()
             from turnout.repository, generate_series(1, 20000) as n;
             insert into turnout.dirty (epoch, repository, behind, key, subject)
             select entry.epoch, number, false, 'k', entry.subject from turnout.repository,
                (values (1, ''), (1, '89005'), (2, 'of the epoch itself')) as entry (epoch, subject)",
        )
        .await;
    let (database, epoch) = (&world.backends.old, Epoch::new(2));
    let number = database.numbers().await.unwrap()[0].0;
    let mut groups: Vec<Group> = Vec::new();
    loop {
        let page = database
            .left_groups(epoch, &[number], groups.last(), PAGE)
            .await
            .unwrap();
        let is_whole = page.len() < PAGE;
        groups.extend(page);
        if is_whole {
            break;
        }
    }
    // Those that are parked, nobody, and the empty text.
    assert_eq!(groups.len(), 20_002);
    let mut subjects: Vec<_> = groups.iter().map(|group| group.subject.clone()).collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), groups.len());
    assert!(!subjects.contains(&Some("of the epoch itself".into())));

    let group = |subject: Option<&str>| Group {
        number,
        subject: subject.map(Into::into),
    };
    let left = database
        .left_of(epoch, &[group(Some("89005")), group(Some("")), group(Some("nobody's"))])
        .await
        .unwrap();
    let mut left: Vec<_> = left
        .into_iter()
        .map(|left| (left.group.subject, left.keys, left.parked, left.reason))
        .collect();
    left.sort();
    assert_eq!(
        left,
        [
            (Some(String::new()), 1, 0, None),
            (Some("89005".into()), 2, 1, Some("23505 one".into())),
        ]
    );
    assert_eq!(
        world
            .text(Backend::New, "select count(*)::text from turnout.held")
            .await,
        "0"
    );
}
