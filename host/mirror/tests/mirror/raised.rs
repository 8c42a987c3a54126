//! Alerts about what was compared are held back by all hosts together.

use std::time::Duration;

use crate::world::{T, World};

#[tokio::test]
async fn one_of_several_hosts_raises_an_alert() {
    let world = World::new("create table clients (id int primary key, phone text)", &[T]).await;
    let (one, other) = (&world.backends.new, &world.another_host().backends.new);
    assert_eq!(one.raised_ago("divergence_rate").await.unwrap(), None);
    let raised = tokio::join!(
        one.raise_alert("divergence_rate", 300),
        other.raise_alert("divergence_rate", 300)
    );
    let raised = [raised.0.unwrap(), raised.1.unwrap()];
    assert!(raised[0] != raised[1], "{raised:?}");
    assert!(other.raise_alert("divergence_many", 300).await.unwrap(), "another kind");
    assert!(
        other.raise_alert("divergence_rate", 0).await.unwrap(),
        "the window is over"
    );
    let ago = one.raised_ago("divergence_rate").await.unwrap().unwrap();
    assert!(ago < Duration::from_mins(1), "{ago:?}");
}
