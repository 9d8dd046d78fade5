//! A server that records the order and number of the updates that arrive, and the resulting opportunities.

use crate::opportunity;
use std::{
    collections::BTreeMap,
    io::{self, Read as _},
    net::{Shutdown, SocketAddr},
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use serde_json::{Map, Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use crate::peer;

/// What the server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Makes the update.
    Apply,
    /// Responds with this status without making the update.
    Refuse(u16),
    /// Makes the update, but responds with this status.
    ApplyAndRespond(u16),
    /// Resets the connection.
    Reset,
    /// Makes the update, then resets the connection.
    ApplyAndReset,
}

/// A request that arrived completely.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The index of the update, which is its amount.
    pub index: u64,
    /// The opportunity that it updates.
    pub uuid: String,
    /// Whether the response was sent completely.
    pub has_response: bool,
}

/// The server; ends when dropped.
pub struct Ledger {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    books: Mutex<Books>,
    /// Delay of each response, in milliseconds.
    delay: Range<u64>,
    connections: AtomicUsize,
    /// `true` unless requests are held back.
    gate: watch::Sender<bool>,
    /// Number of requests that arrived and have no response yet.
    busy: AtomicUsize,
}

struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Books {
    receipts: Vec<Receipt>,
    objects: BTreeMap<String, Entry>,
    rng: Rng,
    reply: Box<Decide>,
    /// What is done with all requests, if set.
    outage: Option<Reply>,
}

/// Decides by the index of the update, and by how often it arrived before.
type Decide = dyn Fn(u64, usize) -> Reply + Send;

/// An opportunity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The amount of the last update.
    pub amount: Option<u64>,
    /// Number of changes of the amount. Making the same update twice is one change.
    pub changes: u64,
    /// The custom attributes, if they were updated.
    pub custom: Option<Map<String, Value>>,
}

impl Entry {
    fn opportunity(&self, uuid: &str) -> Value {
        let mut opportunity = opportunity(uuid);
        if let Some(amount) = self.amount {
            opportunity["amount_in_cents"] = json!(amount);
        }
        if let Some(custom) = &self.custom {
            opportunity["custom"] = json!(custom);
        }
        opportunity
    }
}

impl Ledger {
    /// Starts on the current runtime. `reply` decides by the index of an update, and by how often it arrived before.
    pub async fn start(delay: Range<u64>, seed: u64, reply: impl Fn(u64, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
        let shared = Arc::new(Shared {
            books: Mutex::new(Books {
                receipts: Vec::new(),
                objects: BTreeMap::new(),
                rng: Rng::with_seed(seed),
                reply: Box::new(reply),
                outage: None,
            }),
            delay,
            connections: AtomicUsize::new(0),
            gate: watch::channel(true).0,
            busy: AtomicUsize::new(0),
        });
        Self {
            address: listener.local_addr().expect("an address"),
            shared: Arc::clone(&shared),
            task: tokio::spawn(accept(listener, shared)),
        }
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests, in the order of their arrival.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.shared.books.lock().unwrap().receipts.clone()
    }

    /// How many requests arrived.
    pub fn requests(&self) -> usize {
        self.shared.books.lock().unwrap().receipts.len()
    }

    /// How often each update arrived.
    pub fn times(&self) -> BTreeMap<u64, usize> {
        let mut times = BTreeMap::new();
        for receipt in &self.shared.books.lock().unwrap().receipts {
            *times.entry(receipt.index).or_default() += 1;
        }
        times
    }

    /// Forgets the requests, but keeps their effects.
    pub fn forget_requests(&self) {
        self.shared.books.lock().unwrap().receipts.clear();
    }

    /// Holds back requests from now on, or no longer: they arrive, but are not processed.
    pub fn hold(&self, back: bool) {
        self.shared.gate.send_replace(!back);
    }

    /// Sets what is done with every request from now on, including reads; `None` ends the outage.
    pub fn outage(&self, reply: Option<Reply>) {
        self.shared.books.lock().unwrap().outage = reply;
    }

    /// The opportunities as they are now.
    pub fn objects(&self) -> BTreeMap<String, Entry> {
        self.shared.books.lock().unwrap().objects.clone()
    }

    /// Waits until all requests of a client on the same thread are processed; it may keep its connections.
    pub async fn settle_here(&self) {
        // While this waits, other tasks and the network make progress.
        for _ in 0..2 {
            sleep(Duration::from_millis(2)).await;
            while self.shared.busy.load(Ordering::SeqCst) > 0 {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Blocks until all requests of clients that are gone have been read and processed.
    pub fn settle(&self) {
        // Connections are accepted in order, so all earlier ones have been accepted.
        let mut last = std::net::TcpStream::connect(self.address).expect("a connection");
        last.shutdown(Shutdown::Write).expect("a connection");
        assert_eq!(last.read(&mut [0]).expect("an orderly end"), 0);
        while self.shared.connections.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, which ends the connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        shared.connections.fetch_add(1, Ordering::SeqCst);
        connections.spawn(async move {
            // Errors are ignored: the client may close the connection at any time.
            let _ = serve(stream, &shared).await;
            shared.connections.fetch_sub(1, Ordering::SeqCst);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let request = peer::request(&mut stream, &mut buffer).await?;
        let uuid = request.line.rsplit('/').next().unwrap().to_owned();
        if request.line.starts_with("GET") {
            let _busy = Busy::new(&shared.busy);
            let _ = shared.gate.subscribe().wait_for(|open| *open).await;
            match shared.read(&uuid) {
                Some(response) => stream.write_all(response.as_bytes()).await?,
                None => return stream.set_zero_linger(),
            }
            continue;
        }
        let (_, body) = request.whole.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let index = body["amount_in_cents"].as_u64().unwrap();
        let (place, reply, before, after) = shared.receive(index, &uuid);
        let _busy = Busy::new(&shared.busy);
        sleep(before).await;
        let _ = shared.gate.subscribe().wait_for(|open| *open).await;
        let response = shared.make(&uuid, &body, reply);
        sleep(after).await;
        if matches!(reply, Reply::Reset | Reply::ApplyAndReset) {
            return stream.set_zero_linger();
        }
        stream.write_all(response.as_bytes()).await?;
        if let Some(receipt) = shared.books.lock().unwrap().receipts.get_mut(place) {
            receipt.has_response = true;
        }
    }
}

impl Shared {
    fn receive(&self, index: u64, uuid: &str) -> (usize, Reply, Duration, Duration) {
        let books = &mut *self.books.lock().unwrap();
        let known = books.receipts.iter().filter(|receipt| receipt.index == index).count();
        let reply = books.outage.unwrap_or_else(|| (books.reply)(index, known));
        books.receipts.push(Receipt {
            index,
            uuid: uuid.to_owned(),
            has_response: false,
        });
        let delay = if self.delay.is_empty() {
            0
        } else {
            books.rng.u64(self.delay.clone())
        };
        let before = books.rng.u64(0..=delay);
        let [before, after] = [before, delay - before].map(Duration::from_millis);
        (books.receipts.len() - 1, reply, before, after)
    }

    /// The response to a read; `None` resets the connection.
    fn read(&self, uuid: &str) -> Option<String> {
        let books = &*self.books.lock().unwrap();
        match books.outage {
            Some(Reply::Reset | Reply::ApplyAndReset) => None,
            Some(Reply::Refuse(status) | Reply::ApplyAndRespond(status)) => Some(response(status, &refusal(status))),
            Some(Reply::Apply) | None => {
                let object = books.objects.get(uuid).cloned().unwrap_or_default();
                Some(response(200, &object.opportunity(uuid)))
            }
        }
    }

    /// Makes an update, and returns the response.
    fn make(&self, uuid: &str, body: &Value, reply: Reply) -> String {
        let status = match reply {
            Reply::Refuse(status) => return response(status, &refusal(status)),
            Reply::Reset => return String::new(),
            Reply::Apply | Reply::ApplyAndReset => 200,
            Reply::ApplyAndRespond(status) => status,
        };
        let books = &mut *self.books.lock().unwrap();
        let object = books.objects.entry(uuid.to_owned()).or_default();
        let amount = body["amount_in_cents"].as_u64();
        if object.amount != amount {
            object.amount = amount;
            object.changes += 1;
        }
        if let Some(custom) = body["custom"].as_array() {
            let pair = |attribute: &Value| {
                (
                    attribute["key"].as_str().unwrap().to_owned(),
                    attribute["value"].clone(),
                )
            };
            object.custom = Some(custom.iter().map(pair).collect());
        }
        if status != 200 {
            return response(status, &refusal(status));
        }
        let mut opportunity = object.opportunity(uuid);
        opportunity["changes"] = json!(object.changes); // an unknown field
        response(200, &opportunity)
    }
}

fn refusal(status: u16) -> Value {
    json!({ "code": status, "message": "no", "param": "amount_in_cents" })
}

fn response(status: u16, body: &Value) -> String {
    if status == 304 {
        return "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned();
    }
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
