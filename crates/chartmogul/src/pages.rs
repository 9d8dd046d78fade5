//! Lists of any length, a page at a time.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use chartmogul_api::{
    Error, List,
    request::{self, ListRequest, Page as _},
};
use futures_core::Stream;
use serde_json::Value;
use tokio::runtime::Handle;

use crate::{Async, Client, call::Call};

/// How many pages in a row may have no entry before [`Items`] ends with an error.
///
/// Without this limit, a list would never end if its server keeps sending new cursors but no entries.
pub const MAX_EMPTY_PAGES: u32 = 100;

/// The entries of a page, the cursor of the next page, and whether there is one; `None` if the response does not say.
type Page<T> = (List<T>, Option<String>, Option<bool>);

type Fetch<T> = Pin<Box<dyn Future<Output = Result<Page<T>, Error>> + Send>>;

/// Fetches the page with a cursor.
type FetchAt<T> = dyn Fn(chartmogul_api::Client, Option<String>) -> Fetch<T> + Send + Sync;

/// All entries of a list, over all pages; returned by `items` of a list's builder.
///
/// It is a [`Stream`], with [`try_next`](Self::try_next) for use without a trait; with a blocking client it is an
/// [`Iterator`]. It holds one page in memory, two with [`prefetch`](Self::prefetch). It ends after the last entry or after the
/// first error, and stays ended. A page that fails is retried as the client's [`Retry`](crate::Retry) says; if that does not
/// help, [`resume_from`](Self::resume_from) returns where another stream can continue.
///
/// The list ends where the server reports `has_more: false`, whether or not it sends a cursor. A cursor that leads back to
/// a page which was read already is an error, not an endless list, and so are [`MAX_EMPTY_PAGES`] pages in a row without an
/// entry.
///
/// The list is not a snapshot: objects that are added, changed or removed while it is read may or may not be seen.
#[must_use = "nothing is sent until the first entry is requested"]
pub struct Items<T, M = Async> {
    client: Client<M>,
    fetch: Arc<FetchAt<T>>,
    /// The cursor of the page that is being read.
    page: Option<String>,
    entries: vec::IntoIter<T>,
    unexpected: Unexpected,
    /// Pages without an entry, in a row.
    empty: u32,
    next: Next<T>,
    cursors: Cursors,
    prefetch: bool,
}

/// What follows the entries of this page.
enum Next<T> {
    /// The page with this cursor, which is not requested yet.
    Request(Option<String>),
    /// The page with this cursor, which is requested.
    Requested(Option<String>, Fetch<T>),
    /// An error.
    Fails(Error),
    /// Nothing.
    End,
}

// The only future in it is boxed.
impl<T, M> Unpin for Items<T, M> {}

impl<T: Send + 'static, M> Items<T, M> {
    /// Begins at the cursor of the request.
    pub(crate) fn new<R: ListRequest<Response: request::Page<Entry = T>>>(call: Call<R, M>) -> Self {
        let Call { client, mut request } = call;
        let cursor = request.cursor().take();
        let fetch = move |client, cursor| -> Fetch<T> {
            let mut request = request.clone();
            *request.cursor() = cursor;
            Box::pin(async move { Ok(request.send(&client).await?.into_value().into_parts()) })
        };
        Self {
            client,
            fetch: Arc::new(fetch),
            page: cursor.clone(),
            entries: Vec::new().into_iter(),
            unexpected: Unexpected::default(),
            empty: 0,
            next: Next::Request(cursor),
            cursors: Cursors::default(),
            prefetch: false,
        }
    }

    /// Fetches the next page while the entries of this one are read, so that reading does not wait for the server at the
    /// end of each page.
    pub fn prefetch(mut self) -> Self {
        self.prefetch = true;
        self
    }

    /// The cursor from which another stream of the same list continues where this one is: pass it to `cursor` of the list's
    /// builder. `None` at the beginning.
    ///
    /// It is the cursor of the page that holds the next entry, so entries of that page which were read already come again;
    /// after an error, it is the cursor of the page that failed. It is also `None` after the server rejected the cursor (400,
    /// 404, 410 or 422), for example because it has expired: start over then.
    pub fn resume_from(&self) -> Option<&str> {
        match &self.next {
            Next::Request(cursor) | Next::Requested(cursor, _) if self.entries.len() == 0 => cursor.as_deref(),
            _ => self.page.as_deref(),
        }
    }

    /// Entries that are not objects, as they were received. They do not affect the other entries.
    ///
    /// At most the first 100 values of all pages so far, and at most 1 MiB of them;
    /// [`unexpected_count`](Self::unexpected_count) is how many there were.
    pub fn unexpected(&self) -> &[Value] {
        &self.unexpected.kept
    }

    /// How many entries so far were not objects, whether [`unexpected`](Self::unexpected) has them or not.
    pub fn unexpected_count(&self) -> u64 {
        self.unexpected.count
    }

    fn fetch(&self, cursor: Option<String>) -> Fetch<T> {
        (self.fetch)(self.client.low_level.clone(), cursor)
    }

    /// Handles a page, or the error of fetching it.
    fn receive(&mut self, cursor: Option<String>, page: Result<Page<T>, Error>) {
        self.page = cursor;
        self.next = match page {
            Err(error) => {
                if is_rejection(&error) {
                    self.page = None;
                }
                Next::Fails(error)
            }
            Ok((entries, cursor, has_more)) => {
                self.unexpected.add(entries.unexpected());
                self.empty = if entries.is_empty() { self.empty + 1 } else { 0 };
                self.entries = entries.into_iter();
                self.after(has_more, cursor)
            }
        };
    }

    fn after(&mut self, has_more: Option<bool>, cursor: Option<String>) -> Next<T> {
        match has_more {
            Some(true) => {}
            Some(false) => return Next::End,
            // A page without `has_more` must not look like the end of the list.
            None => {
                return Next::Fails(Error::pagination(
                    "the page does not say whether there is another one (`has_more`)",
                ));
            }
        }
        if self.empty >= MAX_EMPTY_PAGES {
            return Next::Fails(Error::pagination(format!(
                "`has_more` is true, but {MAX_EMPTY_PAGES} pages in a row had no entry"
            )));
        }
        let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else {
            return Next::Fails(Error::pagination("`has_more` is true, but there is no cursor"));
        };
        if self.page.as_ref() == Some(&cursor) || !self.cursors.is_new(&cursor) {
            return Next::Fails(Error::pagination(
                "the cursor leads back to a page that was read already",
            ));
        }
        let cursor = Some(cursor);
        // Outside a runtime, nothing can be spawned: the page is requested when it is needed.
        if self.prefetch
            && let Ok(runtime) = Handle::try_current()
        {
            let fetch = spawn(&runtime, self.fetch(cursor.clone()));
            return Next::Requested(cursor, fetch);
        }
        Next::Request(cursor)
    }
}

/// Whether the server rejects the cursor itself, so that a retry would not help.
fn is_rejection(error: &Error) -> bool {
    error
        .status()
        .is_some_and(|status| matches!(status.as_u16(), 400 | 404 | 410 | 422))
}

/// Entries that are not objects, as far as they are kept.
#[derive(Debug, Default)]
struct Unexpected {
    kept: Vec<Value>,
    bytes: usize,
    count: u64,
}

impl Unexpected {
    const MOST: usize = 100;
    const MOST_BYTES: usize = 1024 * 1024;

    fn add(&mut self, found: &[(usize, Value)]) {
        for (_, json) in found {
            self.count += 1;
            if self.kept.len() < Self::MOST && self.bytes < Self::MOST_BYTES {
                self.bytes += json.to_string().len();
                if self.bytes <= Self::MOST_BYTES {
                    self.kept.push(json.clone());
                }
            }
        }
    }
}

/// Starts a fetch in the background; it is aborted when it is dropped.
fn spawn<T: Send + 'static>(runtime: &Handle, fetch: Fetch<T>) -> Fetch<T> {
    let mut task = tokio::task::JoinSet::new();
    task.spawn_on(fetch, runtime);
    Box::pin(async move {
        match task.join_next().await {
            Some(Ok(page)) => page,
            Some(Err(source)) => Err(Error::internal(
                "the task that fetches the next page has failed",
                Some(source.into()),
            )),
            None => Err(Error::internal("the task that fetches the next page is gone", None)),
        }
    })
}

impl<T: Send + 'static> Items<T> {
    /// The next entry; `None` after the last one.
    ///
    /// # Errors
    /// Those of fetching a page. The stream has ended then.
    pub async fn try_next(&mut self) -> Result<Option<T>, Error> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context))
            .await
            .transpose()
    }
}

impl<T: Send + 'static> Stream for Items<T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(entry) = this.entries.next() {
                return Poll::Ready(Some(Ok(entry)));
            }
            match std::mem::replace(&mut this.next, Next::End) {
                Next::Request(cursor) => this.next = Next::Requested(cursor.clone(), this.fetch(cursor)),
                Next::Requested(cursor, mut fetch) => match fetch.as_mut().poll(context) {
                    Poll::Ready(page) => this.receive(cursor, page),
                    Poll::Pending => {
                        this.next = Next::Requested(cursor, fetch);
                        return Poll::Pending;
                    }
                },
                Next::Fails(error) => return Poll::Ready(Some(Err(error))),
                Next::End => return Poll::Ready(None),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let here = self.entries.len();
        (here, matches!(self.next, Next::End).then_some(here))
    }
}

#[cfg(feature = "blocking")]
impl<T: Send + 'static> Iterator for Items<T, crate::blocking::Blocking> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Some(Ok(entry));
            }
            let (cursor, fetch) = match std::mem::replace(&mut self.next, Next::End) {
                Next::Request(cursor) => (cursor.clone(), self.fetch(cursor)),
                Next::Requested(cursor, fetch) => (cursor, fetch),
                Next::Fails(error) => return Some(Err(error)),
                Next::End => return None,
            };
            let mode = self.client.mode.clone();
            let page = mode.wait(fetch);
            mode.inside(|| self.receive(cursor, page));
        }
    }
}

/// Without the entries, which are customers' data.
impl<T, M> fmt::Debug for Items<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("here", &self.entries.len())
            .field("prefetch", &self.prefetch)
            .finish_non_exhaustive()
    }
}

/// Detects a cycle of cursors of any length, with one cursor in memory (Brent's algorithm).
#[derive(Debug, Default)]
struct Cursors {
    held: Option<String>,
    since: u64,
    limit: u64,
}

impl Cursors {
    fn is_new(&mut self, cursor: &str) -> bool {
        if self.held.as_deref() == Some(cursor) {
            return false;
        }
        self.since += 1;
        if self.since > self.limit {
            self.held = Some(cursor.to_owned());
            self.limit = (self.limit * 2).max(1);
            self.since = 0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Cursors;

    #[test]
    fn a_circle_of_cursors_is_found() {
        for (before, circle) in [(0, 1), (0, 2), (3, 1), (5, 7), (100, 13)] {
            let mut cursors = Cursors::default();
            let found = (0..10_000).find(|step| {
                let position = if *step < before {
                    *step
                } else {
                    before + (step - before) % circle
                };
                !cursors.is_new(&position.to_string())
            });
            assert!(
                found.is_some_and(|step| step <= 4 * (before + circle)),
                "{before} {circle} {found:?}"
            );
        }
        let mut cursors = Cursors::default();
        assert!((0..10_000).all(|step: i32| cursors.is_new(&step.to_string())));
    }
}
