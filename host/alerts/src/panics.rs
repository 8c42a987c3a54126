use std::any::Any;
use std::panic::{self, Location};

use crate::{Alert, Cause, Component, Kind};

/// Has every panic of this process noted from now on, beside what is done about panics already.
pub(crate) fn report_to(note: impl Fn(Alert) + Send + Sync + 'static) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        note(of(panic.location(), panic.payload()));
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
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place_and_without_values() {
        let (noted, panics) = mpsc::channel();
        report_to(move |alert| noted.send(alert).expect("the test listens"));
        let phone = "+79686484488".to_owned();
        assert!(thread::spawn(|| panic!("a constant")).join().is_err());
        assert!(thread::spawn(move || panic!("the row of {phone}")).join().is_err());
        let told = [panics.recv(), panics.recv()].map(|alert| alert.expect("a panic"));
        let [first, second] = told;
        assert!(first.message.ends_with(": a constant"), "{first:?}");
        assert!(second.message.contains("panics.rs:"), "{second:?}");
        assert!(!format!("{second:?}").contains("7968"), "{second:?}");
        assert_ne!(first.cause, second.cause);
    }
}
