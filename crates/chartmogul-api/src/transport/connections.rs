//! Which connections a request may use. A connection belongs to the runtime that opened it, and is no longer used when the
//! server may have closed it.

use std::{
    panic::catch_unwind,
    sync::{PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use http::{HeaderMap, HeaderName};
use tokio::runtime::{Handle, Id};
use tracing::warn;

use crate::Error;

/// How long a connection may be idle and still be used: 4 seconds, or four fifths of what the server announces
/// (`Keep-Alive: timeout=N`), if that is less.
///
/// Servers close idle connections, common ones after 5 seconds (Apache, Node.js), and some proxies in between do so silently. A
/// request on such a connection gets no response, so it is unknown whether a `POST` was processed. A new connection costs a few
/// round trips.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Maximum number of runtimes for which a client keeps connections; beyond it, those of the oldest are dropped. Servers with a
/// runtime for each processor have far fewer.
const MOST_RUNTIMES: usize = 256;

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Builds an HTTP client whose connections may be idle for so long.
pub(crate) type Build = dyn Fn(Duration) -> Result<reqwest::Client, Error> + Send + Sync;

/// The HTTP clients: one, with its pool of connections, for each runtime.
///
/// The task that reads from a connection belongs to the runtime that opened it. Another runtime must not send on it: if the
/// first one is not running, the response would not be read.
pub(crate) struct Connections {
    /// The first one, which was built with our client.
    first: reqwest::Client,
    /// Builds the others; `None` if the first one is the user's own.
    build: Option<Box<Build>>,
    pools: RwLock<Pools>,
}

struct Pools {
    /// How long a connection may be idle.
    idle: Duration,
    /// Which runtime the first client is for.
    first: Option<Id>,
    of: Vec<(Id, Result<reqwest::Client, Missing>)>,
}

impl Connections {
    pub(crate) fn new(first: reqwest::Client, build: Option<Box<Build>>) -> Self {
        let pools = RwLock::new(Pools {
            idle: IDLE_TIMEOUT,
            first: None,
            of: Vec::new(),
        });
        Self { first, build, pools }
    }

    /// Whether the HTTP client is the user's own.
    pub(super) fn is_own(&self) -> bool {
        self.build.is_none()
    }

    /// The HTTP client of the current runtime.
    pub(super) fn here(&self) -> Result<reqwest::Client, Error> {
        let runtime = Handle::try_current().map_err(|_| Missing::Runtime.error())?.id();
        let known = self.read().get(runtime);
        let client = known.unwrap_or_else(|| self.enter(runtime));
        client.map_err(Missing::error)
    }

    fn read(&self) -> RwLockReadGuard<'_, Pools> {
        // A panic can't leave the pools inconsistent.
        self.pools.read().unwrap_or_else(PoisonError::into_inner)
    }

    #[cold]
    fn enter(&self, runtime: Id) -> Result<reqwest::Client, Missing> {
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pools.get(runtime) {
            return known; // another call was here first
        }
        let client = missing().map(|()| self.for_runtime(&mut pools, runtime));
        if pools.of.len() >= MOST_RUNTIMES {
            drop(pools.of.remove(0));
        }
        pools.of.push((runtime, client.clone()));
        client
    }

    fn for_runtime(&self, pools: &mut Pools, runtime: Id) -> reqwest::Client {
        let Some(build) = &self.build else {
            return self.first.clone();
        };
        if pools.idle == IDLE_TIMEOUT && *pools.first.get_or_insert(runtime) == runtime {
            return self.first.clone();
        }
        build(pools.idle).unwrap_or_else(|error| {
            // The first client was built with the same settings, so something changed: a certificate file is gone, for
            // example. Use the first.
            warn!(
                error = &error as &dyn std::error::Error,
                "connections are shared with another runtime, or kept for longer than the server announces"
            );
            self.first.clone()
        })
    }

    /// Applies the idle time that the server announces.
    pub(super) fn announced(&self, headers: &HeaderMap) {
        if let Some(value) = headers.get(&KEEP_ALIVE)
            && let Some(kept) = value.to_str().ok().and_then(kept)
            && kept < self.read().idle
            && !self.is_own()
        {
            let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
            pools.idle = pools.idle.min(kept);
            pools.of.clear(); // requests in flight continue; idle connections are closed
        }
    }
}

impl Pools {
    fn get(&self, runtime: Id) -> Option<Result<reqwest::Client, Missing>> {
        let pool = self.of.iter().find(|(other, _)| *other == runtime);
        pool.map(|(_, client)| client.clone())
    }
}

/// How long a connection may be idle by `Keep-Alive: timeout=5, max=100`. A fifth is kept for the request's way to the
/// server.
fn kept(announcement: &str) -> Option<Duration> {
    let timeout = announcement.split(',').find_map(|parameter| {
        let (name, seconds) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("timeout").then_some(seconds.trim())
    })?;
    let seconds: u32 = timeout.trim_matches('"').parse().ok()?;
    Some(Duration::from_secs(seconds.into()) * 4 / 5)
}

/// What a runtime lacks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Missing {
    Runtime,
    Timers,
    Io,
}

impl Missing {
    #[cold]
    fn error(self) -> Error {
        let what = match self {
            Self::Runtime => "no tokio runtime: await this inside one that is built with `enable_all`",
            Self::Timers => "the tokio runtime has no timers: build it with `enable_all`, or `enable_time`",
            Self::Io => "the tokio runtime has no IO: build it with `enable_all`, or `enable_io`",
        };
        Error::internal(what, None)
    }
}

/// Reports what the runtime lacks, if it can't make calls. For code that needs a runtime but is not a call: bulk runs, fakes.
///
/// # Errors
/// [`Error::Internal`].
#[doc(hidden)]
pub fn check_runtime() -> Result<(), Error> {
    missing().map_err(Missing::error)
}

/// The same, for code that only needs timers.
pub(super) fn check_timers() -> Result<(), Error> {
    timers().map_err(Missing::error)
}

/// Checks the current runtime.
///
/// The only way to find out whether a runtime has timers and IO is to use them; without them, that panics. So it is done here,
/// once for each runtime, and not in the middle of a call. (A panic is caught, but the program's panic hook sees it.)
fn missing() -> Result<(), Missing> {
    timers()?;
    // Bound to a random port, and closed at once. If there is no free port, connecting will report it.
    if let Ok(socket) = std::net::UdpSocket::bind(("127.0.0.1", 0))
        && socket.set_nonblocking(true).is_ok()
    {
        catch_unwind(|| drop(tokio::net::UdpSocket::from_std(socket))).map_err(|_| Missing::Io)?;
    }
    Ok(())
}

fn timers() -> Result<(), Missing> {
    Handle::try_current().map_err(|_| Missing::Runtime)?;
    catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).map_err(|_| Missing::Timers)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    };

    use http::Method;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
        runtime::Builder,
        time::Instant,
    };

    use super::*;
    use crate::{Client, Retry, Unlimited};

    /// A server that says with each response how long it keeps connections, and closes one that was idle for longer when the
    /// next request arrives, without reading or responding to it.
    struct Server {
        url: String,
        connections: Arc<AtomicUsize>,
    }

    impl Server {
        async fn new(announcement: &'static str, keeps: Duration) -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let connections = Arc::new(AtomicUsize::new(0));
            let accepted = Arc::clone(&connections);
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    accepted.fetch_add(1, SeqCst);
                    tokio::spawn(serve(stream, announcement, keeps));
                }
            });
            Self { url, connections }
        }

        fn connections(&self) -> usize {
            self.connections.load(SeqCst)
        }
    }

    async fn serve(mut stream: TcpStream, announcement: &str, keeps: Duration) {
        let mut buffer = [0; 4096];
        let mut idle_since = Instant::now();
        while let Ok(read) = stream.read(&mut buffer).await
            && read > 0
            && idle_since.elapsed() <= keeps
        {
            let response = format!("HTTP/1.1 200 OK\r\n{announcement}content-length: 2\r\n\r\n{{}}");
            stream.write_all(response.as_bytes()).await.unwrap();
            idle_since = Instant::now();
        }
    }

    fn client(url: &str) -> Client {
        let builder = Client::builder().api_key("key").base_url(url).limiter(Unlimited);
        builder.retry(Retry::never()).build().unwrap()
    }

    async fn create(client: &Client) {
        client.request(Method::POST, "/v1/things").send_any().await.unwrap();
        tokio::task::yield_now().await; // the connection goes back to its pool
    }

    /// Lets connections be idle for this long.
    async fn idle(time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }

    #[tokio::test]
    async fn a_connection_that_the_server_may_have_closed_is_not_used() {
        for (announcement, keeps) in [
            ("", 5),
            ("keep-alive: timeout=5\r\n", 5),
            ("Keep-Alive: max=100, Timeout=2\r\n", 2),
            ("keep-alive: timeout=1\r\n", 1),
        ] {
            let keeps = Duration::from_secs(keeps);
            let server = Server::new(announcement, keeps).await;
            let client = client(&server.url);
            create(&client).await; // from here on, the client knows the announced timeout
            for _ in 0..3 {
                let before = server.connections();
                create(&client).await;
                create(&client).await;
                assert!(
                    server.connections() <= before + 1,
                    "{announcement}: one is enough for both"
                );
                idle(keeps + Duration::from_millis(10)).await;
            }
        }
    }

    /// A call that waited for its send slot respects a timeout that the server announced meanwhile.
    #[tokio::test]
    async fn a_call_that_has_waited_knows_the_announcement() {
        let server = Server::new("keep-alive: timeout=1\r\n", Duration::from_secs(1)).await;
        let builder = Client::builder().api_key("key").base_url(&*server.url).rate_limit(1);
        let client: Client = builder.retry(Retry::never()).build().unwrap();
        tokio::join!(create(&client), create(&client)); // one now, the other in a second
        assert_eq!(server.connections(), 2);
    }

    #[test]
    fn announcements_are_read() {
        for (text, seconds) in [
            ("timeout=5", Some(4.0)),
            ("timeout=5, max=100", Some(4.0)),
            ("max=100,TIMEOUT = 1", Some(0.8)),
            ("timeout=\"10\"", Some(8.0)),
            ("timeout=0", Some(0.0)),
            ("max=100", None),
            ("timeout", None),
            ("timeout=", None),
            ("timeout=-1", None),
            ("timeout=soon", None),
            ("timeout=99999999999999999999", None),
        ] {
            assert_eq!(kept(text), seconds.map(Duration::from_secs_f64), "{text}");
        }
    }

    #[test]
    fn each_runtime_has_its_own_client_up_to_a_maximum() {
        let built = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&built);
        let http = reqwest::Client::new();
        let another = http.clone();
        let build = move |_| {
            counting.fetch_add(1, SeqCst);
            Ok(another.clone())
        };
        let connections = Connections::new(http, Some(Box::new(build)));
        for number in 0..MOST_RUNTIMES + 10 {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            for _ in 0..2 {
                runtime.block_on(async { connections.here() }).unwrap();
            }
            assert_eq!(built.load(SeqCst), number, "the first has that of the builder");
        }
        assert_eq!(connections.read().of.len(), MOST_RUNTIMES);
    }

    /// If another client can't be built, the runtimes share the first.
    #[tokio::test]
    async fn a_client_that_can_not_be_built_again_is_shared() {
        let build = |_| Err(Error::configuration("the certificates are gone", None));
        let connections = Connections::new(reqwest::Client::new(), Some(Box::new(build)));
        connections.here().unwrap();
        connections.announced(
            &[(KEEP_ALIVE.clone(), "timeout=1".parse().unwrap())]
                .into_iter()
                .collect(),
        );
        connections.here().unwrap();
    }

    #[test]
    fn a_runtime_that_can_not_make_calls_is_told_what_it_lacks() {
        let says = |runtime: &mut Builder| {
            let runtime = runtime.build().unwrap();
            let first = runtime.block_on(async { check_runtime() });
            first.map_or_else(|error| error.to_string(), |()| "nothing".to_owned())
        };
        assert!(check_runtime().unwrap_err().to_string().starts_with("no tokio runtime"));
        assert!(says(Builder::new_current_thread().enable_io()).contains("no timers"));
        assert!(says(Builder::new_current_thread().enable_time()).contains("no IO"));
        assert_eq!(says(Builder::new_current_thread().enable_all()), "nothing");
    }
}
