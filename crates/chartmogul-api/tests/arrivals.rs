//! Requests as a server counts them: where they arrive, however long it takes to connect. Time is paused, so it moves only
//! when all wait for it.
#![allow(clippy::unwrap_used)] // tests

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use chartmogul_api::{BoxError, Client, Method};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep},
};
use tower_layer::Layer;
use tower_service::Service;

const SECOND: Duration = Duration::from_secs(1);
/// What an account has.
const RATE: usize = 40;

/// Makes connecting take this long, or up to that if it is random.
#[derive(Clone, Copy)]
struct Slow {
    time: Duration,
    random: bool,
}

#[derive(Clone)]
struct SlowConnector<S>(S, Slow);

impl<S> Layer<S> for Slow {
    type Service = SlowConnector<S>;

    fn layer(&self, connector: S) -> SlowConnector<S> {
        SlowConnector(connector, *self)
    }
}

impl<S, R> Service<R> for SlowConnector<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, target: R) -> Self::Future {
        let Slow { time, random } = self.1;
        let time = if random { time.mul_f64(fastrand::f64()) } else { time };
        let connection = self.0.call(target);
        Box::pin(async move {
            sleep(time).await;
            connection.await
        })
    }
}

type Arrivals = Arc<Mutex<Vec<Instant>>>;

/// Responds to each request after 50 ms; `each` says after how many a connection is closed.
async fn serve(listener: TcpListener, arrivals: Arrivals, each: usize) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(connection(stream, Arc::clone(&arrivals), each));
    }
}

async fn connection(mut stream: TcpStream, arrivals: Arrivals, each: usize) {
    let mut buffer = [0; 4096];
    for number in 1..=each {
        let mut length = 0;
        while !buffer[..length].ends_with(b"\r\n\r\n") {
            match stream.read(&mut buffer[length..]).await {
                Ok(read) if read > 0 => length += read,
                _ => return,
            }
        }
        arrivals.lock().unwrap().push(Instant::now());
        sleep(Duration::from_millis(50)).await;
        let close = if number == each { "connection: close\r\n" } else { "" };
        let response = format!("HTTP/1.1 200 OK\r\n{close}content-length: 2\r\n\r\n{{}}");
        stream.write_all(response.as_bytes()).await.unwrap();
    }
}

/// Makes the calls, and gives back when they arrived.
async fn arrivals(calls: usize, connect: Slow, each: usize) -> Vec<Instant> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let arrivals = Arrivals::default();
    let server = tokio::spawn(serve(listener, Arc::clone(&arrivals), each));
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connector_layer(connect)
        .build()
        .unwrap();
    let client: Client = Client::builder()
        .api_key("key")
        .base_url(url)
        .http_client(http)
        .build()
        .unwrap();
    let mut running = JoinSet::new();
    for _ in 0..calls {
        let call = client.request(Method::GET, "/v1/ping").send_any();
        running.spawn(async move { call.await.unwrap() });
    }
    running.join_all().await;
    server.abort();
    let arrivals = arrivals.lock().unwrap();
    arrivals.clone()
}

fn fullest_second(arrivals: &[Instant]) -> usize {
    let within = |first: &Instant| {
        arrivals
            .iter()
            .filter(|at| *at >= first && **at < *first + SECOND)
            .count()
    };
    arrivals.iter().map(within).max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_arrive_than_the_account_has() {
    for (milliseconds, random) in [
        (0, false),
        (50, false),
        (150, false),
        (450, false),
        (900, false),
        (900, true),
    ] {
        for each in [usize::MAX, 3, 1] {
            let time = Duration::from_millis(milliseconds);
            let arrived = arrivals(200, Slow { time, random }, each).await;
            assert_eq!(arrived.len(), 200);
            let most = fullest_second(&arrived);
            assert!(
                most <= RATE,
                "{most} in a second, connecting takes {time:?}, {each} to a connection"
            );
        }
    }
}
