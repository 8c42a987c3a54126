use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use super::pulse::{Phase, Pulse};

/// The body of a request. It tells the pulse of its connection when it has arrived or the handler dropped it.
pub(super) struct Arriving {
    body: Incoming,
    pulse: Arc<Pulse>,
}

impl Arriving {
    /// `body` is that of a request whose head has arrived.
    pub(super) fn new(body: Incoming, pulse: Arc<Pulse>) -> Self {
        pulse.enter(if body.is_end_stream() { Phase::Work } else { Phase::Body });
        Self { body, pulse }
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if self.body.is_end_stream() || !matches!(frame, Some(Ok(_))) {
            self.pulse.turn(Phase::Body, Phase::Work);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.pulse.turn(Phase::Body, Phase::Work);
    }
}
