use std::any::Any;
use std::panic::{self, Location};

use tokio::sync::mpsc::Sender;

use crate::{Alert, Cause, Component, Kind};

/// Notes every panic of this process from now on, beside what is done about panics already. The alerts are raised elsewhere, as who
/// panics may hold any lock.
pub(crate) fn report_to(noted: Sender<Alert>) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        // Where so many wait, one less tells no less.
        let _ = noted.try_send(of(panic.location(), panic.payload()));
        before(panic);
    }));
}

/// Only a message that stands in the source is repeated: one that was put together may hold what a row holds.
fn of(place: Option<&Location<'_>>, payload: &dyn Any) -> Alert {
    let place = place.map_or_else(
        || "an unknown place".to_owned(),
        |place| format!("{}:{}", place.file(), place.line()),
    );
    let why = match payload.downcast_ref::<&'static str>() {
        Some(message) => format!(": {message}"),
        None => "; standard error says why".to_owned(),
    };
    let message = format!("the host panicked at {place}{why}");
    Cause::new(Kind::Panic, Component::Host)
        .detail(place)
        .is_critical(message)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place_and_without_values() {
        let (noted, mut panics) = mpsc::channel(4);
        report_to(noted);
        let phone = "+79686484488".to_owned();
        assert!(thread::spawn(|| panic!("a constant")).join().is_err());
        assert!(thread::spawn(move || panic!("the row of {phone}")).join().is_err());
        let told = [panics.blocking_recv(), panics.blocking_recv()].map(|alert| alert.expect("a panic"));
        let [first, second] = told;
        assert!(first.message.ends_with(": a constant"), "{first:?}");
        assert!(second.message.contains("panics.rs:"), "{second:?}");
        assert!(!format!("{second:?}").contains("7968"), "{second:?}");
        assert_ne!(first.cause, second.cause);
    }
}
