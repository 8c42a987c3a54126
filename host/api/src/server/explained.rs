//! Gives the errors that hyper answers with by itself the body that every other error has. Hyper refuses some requests before the router
//! sees them, such as one with an unencoded `"` in its URL, and answers with a status alone.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turnout_postgrest::Refusal;

/// The longest answer to look into, in bytes. Hyper's own answers are shorter.
const LONGEST: usize = 256;

/// A connection on which every error has a body.
pub(super) struct Explained<I> {
    io: I,
    /// The bytes that are sent in place of hyper's answer.
    answer: Vec<u8>,
    sent: usize,
}

impl<I> Explained<I> {
    pub(super) fn new(io: I) -> Self {
        Self {
            io,
            answer: Vec::new(),
            sent: 0,
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Explained<I> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Explained<I> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let Self { io, answer, sent } = self.get_mut();
        if answer.is_empty() {
            match explained(bytes) {
                Some(explained) => *answer = explained,
                None => return Pin::new(io).poll_write(context, bytes),
            }
        }
        while *sent < answer.len() {
            match ready!(Pin::new(&mut *io).poll_write(context, &answer[*sent..]))? {
                0 => return Poll::Ready(Err(Error::from(ErrorKind::WriteZero))),
                written => *sent += written,
            }
        }
        answer.clear();
        *sent = 0;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        match parts {
            [first, ..] if !self.answer.is_empty() || explained(first).is_some() => self.poll_write(context, first),
            _ => Pin::new(&mut self.io).poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// The answer with a body, if `bytes` are an answer of hyper's own: an error without a body and so without a content type.
fn explained(bytes: &[u8]) -> Option<Vec<u8>> {
    let bytes = bytes.get(..LONGEST.min(bytes.len()))?;
    let status = StatusCode::from_bytes(bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?).ok()?;
    let refusal = Refusal::unreadable(status)?;
    let text = std::str::from_utf8(bytes).ok()?;
    if !text.contains("\r\ncontent-length: 0\r\n") || text.contains("\r\ncontent-type:") {
        return None;
    }
    let body = refusal.into_response().into_body();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Some([head.as_bytes(), &body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_without_a_body_gets_one() {
        let own = "HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let answer = String::from_utf8(explained(own.as_bytes()).unwrap()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 414 URI Too Long\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!(body.contains("TURNOUT_HTTP"), "{body}");
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 4",
            "",
        ] {
            assert_eq!(explained(other.as_bytes()), None, "{other}");
        }
    }
}
