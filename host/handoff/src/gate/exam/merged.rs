use std::iter::Peekable;
use std::vec::IntoIter;

use futures::future::try_join_all;
use turnout_backends::{Error, SubjectPages};

/// The subjects that several sides have, each once, in their order.
#[derive(Default)]
pub(super) struct Merged<'d>(Vec<Source<'d>>);

struct Source<'d> {
    pages: SubjectPages<'d>,
    page: Page,
}

/// What is left of a page; `None` after the last.
type Page = Option<Peekable<IntoIter<String>>>;

impl<'d> Merged<'d> {
    pub(super) fn add(&mut self, pages: SubjectPages<'d>) {
        let page = Some(Vec::new().into_iter().peekable());
        self.0.push(Source { pages, page });
    }

    /// As many as can be told without another page; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<String>>, Error> {
        try_join_all(self.0.iter_mut().map(Source::fill)).await?;
        let taken = in_order(self.0.iter_mut().map(|source| &mut source.page).collect());
        Ok((!taken.is_empty()).then_some(taken))
    }

    pub(super) async fn close(self) {
        for source in self.0 {
            source.pages.close().await;
        }
    }
}

impl Source<'_> {
    async fn fill(&mut self) -> Result<(), Error> {
        if self.page.as_mut().is_some_and(|page| page.peek().is_none()) {
            let page = self.pages.next().await?;
            self.page = (!page.is_empty()).then(|| page.into_iter().peekable());
        }
        Ok(())
    }
}

/// What pages hold up to the end of the one that ends first, in order, each text once.
fn in_order(mut pages: Vec<&mut Page>) -> Vec<String> {
    let mut taken = Vec::new();
    loop {
        let mut least: Option<String> = None;
        for page in pages.iter_mut().filter_map(|page| page.as_mut()) {
            let Some(text) = page.peek() else { return taken };
            if least.as_ref().is_none_or(|least| text < least) {
                least = Some(text.clone());
            }
        }
        let Some(text) = least else { return taken };
        for page in pages.iter_mut().filter_map(|page| page.as_mut()) {
            page.next_if_eq(&text);
        }
        taken.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(texts: &[&str]) -> Peekable<IntoIter<String>> {
        let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
        texts.into_iter().peekable()
    }

    #[test]
    fn two_pages_are_merged_up_to_the_end_of_the_first() {
        let (mut old, mut new) = (Some(page(&["1", "2", "5"])), Some(page(&["2", "3", "7", "9"])));
        assert_eq!(in_order(vec![&mut old, &mut new]), ["1", "2", "3", "5"]);
        old = None;
        assert_eq!(in_order(vec![&mut old, &mut new]), ["7", "9"]);
        new = None;
        assert!(in_order(vec![&mut old, &mut new]).is_empty());
    }
}
