//! A server for one operation in another process, so that its work is not measured with the client's.
//!
//! The process is this program, started again. It prints its address, responds to each line on its standard input with its
//! counts, and ends with its standard input.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use chartmogul_tests::{UUID, opportunity};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls};

const SERVE: &str = "--serve";
/// The limits of an account.
const PER_SECOND: usize = 40;
const IN_FLIGHT: usize = 20;

/// The address of a server.
pub(crate) struct Address {
    pub(crate) url: String,
    /// The root certificate to trust, as PEM; empty for plain HTTP.
    pub(crate) root: String,
}

/// The server process.
pub(crate) struct Server {
    pub(crate) address: Address,
    child: Child,
    questions: Option<ChildStdin>,
    responses: BufReader<ChildStdout>,
}

/// The counts of the server.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) most_connections: usize,
    pub(crate) responses: usize,
    pub(crate) refused_429: usize,
    pub(crate) refused_503: usize,
}

impl Server {
    /// Responds at once and without limits.
    pub(crate) fn unlimited(scheme: &str) -> Self {
        Self::start(&[scheme, "0", "0", "unlimited"])
    }

    /// Takes this long for each response, and rejects requests beyond the documented limits of ChartMogul.
    pub(crate) fn strict(latency: Duration) -> Self {
        Self::start(&["http", &latency.as_millis().to_string(), "0", "strict"])
    }

    /// The same over TLS, and takes this long to accept a connection.
    pub(crate) fn far(connect: Duration, latency: Duration) -> Self {
        let milliseconds = |time: Duration| time.as_millis().to_string();
        Self::start(&["https", &milliseconds(latency), &milliseconds(connect), "strict"])
    }

    fn start(options: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(SERVE)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut responses = BufReader::new(child.stdout.take().unwrap());
        let started = read(&mut responses);
        let text = |name: &str| started[name].as_str().unwrap().to_owned();
        Self {
            address: Address {
                url: text("url"),
                root: text("root"),
            },
            questions: child.stdin.take(),
            child,
            responses,
        }
    }

    pub(crate) fn seen(&mut self) -> Seen {
        let mut questions = self.questions.as_ref().unwrap();
        questions.write_all(b"\n").unwrap();
        let seen = read(&mut self.responses);
        let count = |name: &str| seen[name].as_u64().unwrap().try_into().unwrap();
        Seen {
            connections: count("connections"),
            most_connections: count("most_connections"),
            responses: count("responses"),
            refused_429: count("refused_429"),
            refused_503: count("refused_503"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}

fn read(responses: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    responses.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// Runs the server if this process was started for it; returns whether it was.
pub(crate) fn was_the_server() -> bool {
    let mut arguments = std::env::args().skip_while(|argument| argument != SERVE).skip(1);
    let Some(scheme) = arguments.next() else {
        return false;
    };
    let mut time = || Duration::from_millis(arguments.next().unwrap().parse().unwrap());
    let (latency, connect) = (time(), time());
    let strict = arguments.next().as_deref() == Some("strict");
    super::one_thread().block_on(serve(&scheme, connect, Account::new(latency, strict)));
    true
}

async fn serve(scheme: &str, connect: Duration, account: Arc<Account>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    let (acceptor, root) = match scheme {
        "https" => {
            let (acceptor, root) = tls();
            (Some(acceptor), root)
        }
        _ => (None, String::new()),
    };
    print(&json!({ "url": url, "root": root }));

    let asked = Arc::clone(&account);
    std::thread::spawn(move || {
        for _ in std::io::stdin().lines().map_while(Result::ok) {
            print(&asked.seen());
        }
        std::process::exit(0); // the parent is gone
    });
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (acceptor, account) = (acceptor.clone(), Arc::clone(&account));
        tokio::spawn(async move {
            match acceptor {
                Some(acceptor) => {
                    tokio::time::sleep(connect).await;
                    connection(acceptor.accept(stream).await.unwrap(), account).await;
                }
                None => connection(stream, account).await,
            }
        });
    }
}

fn print(what: &Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}").unwrap();
    out.flush().unwrap();
}

/// A self-signed certificate.
fn tls() -> (TlsAcceptor, String) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let root = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64_STANDARD.encode(cert.der())
    );
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), root)
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, account: Arc<Account>) {
    account.opened();
    let service = service_fn(|request| response(request, &account));
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    account.closed();
}

async fn response(request: Request<Incoming>, account: &Account) -> Result<Response<Full<Bytes>>, Infallible> {
    let arrival = account.arrived();
    let _ = request.into_body().collect().await;
    let (status, body) = match arrival {
        Ok(()) => {
            if !account.latency.is_zero() {
                tokio::time::sleep(account.latency).await;
            }
            account.left();
            (200, account.opportunity.clone())
        }
        Err(status) => (status, Bytes::from_static(br#"{"message":"Too many requests"}"#)),
    };
    Ok(Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .unwrap())
}

/// The account of all requests.
struct Account {
    latency: Duration,
    strict: bool,
    opportunity: Bytes,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    /// All arrivals within the last second, including rejected ones.
    arrivals: VecDeque<Instant>,
    in_flight: usize,
    open: usize,
    seen: Seen,
}

impl Account {
    fn new(latency: Duration, strict: bool) -> Arc<Self> {
        Arc::new(Self {
            latency,
            strict,
            opportunity: opportunity(UUID).to_string().into(),
            now: Mutex::default(),
        })
    }

    fn arrived(&self) -> Result<(), u16> {
        let mut now = self.now.lock().unwrap();
        if self.strict {
            let time = Instant::now();
            while now
                .arrivals
                .front()
                .is_some_and(|earlier| time - *earlier >= Duration::from_secs(1))
            {
                now.arrivals.pop_front();
            }
            now.arrivals.push_back(time);
            if now.arrivals.len() > PER_SECOND {
                now.seen.refused_429 += 1;
                return Err(429);
            }
            if now.in_flight >= IN_FLIGHT {
                now.seen.refused_503 += 1;
                return Err(503);
            }
        }
        now.in_flight += 1;
        Ok(())
    }

    fn left(&self) {
        let mut now = self.now.lock().unwrap();
        now.in_flight -= 1;
        now.seen.responses += 1;
    }

    fn opened(&self) {
        let mut now = self.now.lock().unwrap();
        now.open += 1;
        now.seen.connections += 1;
        now.seen.most_connections = now.seen.most_connections.max(now.open);
    }

    fn closed(&self) {
        self.now.lock().unwrap().open -= 1;
    }

    fn seen(&self) -> Value {
        let seen = self.now.lock().unwrap().seen;
        json!({
            "connections": seen.connections,
            "most_connections": seen.most_connections,
            "responses": seen.responses,
            "refused_429": seen.refused_429,
            "refused_503": seen.refused_503,
        })
    }
}
