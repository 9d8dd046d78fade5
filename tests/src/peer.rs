//! A scripted server: it responds with any bytes, slowly, with too many or none, and ends connections in every possible way.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

/// What the server does with one request: what it writes, and then what it does with the connection.
#[derive(Debug, Clone)]
pub struct Act {
    parts: Vec<Part>,
    end: End,
    unread: bool,
}

#[derive(Debug, Clone)]
enum Part {
    Bytes(Bytes),
    /// Bytes, written one by one with a pause after each.
    Slowly(Bytes, Duration),
    /// The same bytes many times, without keeping all of them in memory.
    Times(Bytes, usize),
    Pause(Duration),
    /// Waits until the semaphore is closed, which releases all waiters.
    Held(Arc<Semaphore>),
}

#[derive(Debug, Clone, Copy)]
enum End {
    /// Keeps the connection for the next request.
    Keep,
    /// Closes the connection in an orderly way.
    Fin,
    /// Resets the connection.
    Reset,
    /// Does nothing until the client closes the connection.
    Hang,
}

impl Act {
    /// Writes these bytes and keeps the connection.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self {
            parts: vec![Part::Bytes(bytes.into())],
            end: End::Keep,
            unread: false,
        }
    }

    /// Writes nothing.
    pub fn nothing() -> Self {
        Self {
            parts: Vec::new(),
            end: End::Keep,
            unread: false,
        }
    }

    /// A complete response.
    pub fn http(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let length = body.as_ref().len().to_string();
        Self::head(status, headers)
            .more(format!("content-length: {length}\r\n\r\n"))
            .more(body.as_ref().to_vec())
    }

    /// A complete response with JSON.
    pub fn json(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self::http(status, &[("content-type", "application/json")], body)
    }

    /// Status line and headers, without the empty line.
    pub fn head(status: u16, headers: &[(&str, &str)]) -> Self {
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        Self::bytes(format!("HTTP/1.1 {status} Status\r\n{headers}"))
    }

    fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// Then writes these bytes.
    #[must_use]
    pub fn more(self, bytes: impl Into<Bytes>) -> Self {
        self.part(Part::Bytes(bytes.into()))
    }

    /// Then does this too.
    #[must_use]
    pub fn and(mut self, then: Self) -> Self {
        self.parts.extend(then.parts);
        self.end = then.end;
        self
    }

    /// Then writes these bytes one by one, with a pause after each.
    #[must_use]
    pub fn slowly(self, bytes: impl Into<Bytes>, pause: Duration) -> Self {
        self.part(Part::Slowly(bytes.into(), pause))
    }

    /// Then writes the same bytes many times.
    #[must_use]
    pub fn times(self, bytes: impl Into<Bytes>, count: usize) -> Self {
        self.part(Part::Times(bytes.into(), count))
    }

    /// Then waits.
    #[must_use]
    pub fn pause(self, time: Duration) -> Self {
        self.part(Part::Pause(time))
    }

    /// Waits first until the gate is closed.
    #[must_use]
    pub fn held(mut self, gate: &Arc<Semaphore>) -> Self {
        self.parts.insert(0, Part::Held(Arc::clone(gate)));
        self
    }

    /// Then closes the connection in an orderly way.
    #[must_use]
    pub fn fin(mut self) -> Self {
        self.end = End::Fin;
        self
    }

    /// Then resets the connection, after a moment, because the reset may overtake written bytes.
    #[must_use]
    pub fn reset(mut self) -> Self {
        if !self.parts.is_empty() {
            self.parts.push(Part::Pause(Duration::from_millis(50)));
        }
        self.end = End::Reset;
        self
    }

    /// Then keeps the connection open and does nothing.
    #[must_use]
    pub fn hang(mut self) -> Self {
        self.end = End::Hang;
        self
    }

    /// Does not wait for a complete request, but only for its first bytes. The request is not counted.
    #[must_use]
    pub fn unread(mut self) -> Self {
        self.unread = true;
        self
    }

    /// Replaces a text in bytes that are written at once.
    #[must_use]
    pub fn with(mut self, placeholder: &str, value: &str) -> Self {
        for part in &mut self.parts {
            if let Part::Bytes(bytes) = part
                && let Ok(text) = std::str::from_utf8(bytes)
                && text.contains(placeholder)
            {
                *bytes = text.replace(placeholder, value).into();
            }
        }
        self
    }

    /// Whether a server that responds like this has processed the request, or may have: with every status except redirects
    /// and rejections.
    fn is_done(&self) -> bool {
        let Some(Part::Bytes(first)) = self.parts.first() else {
            return true;
        };
        let status = first
            .strip_prefix(b"HTTP/1.")
            .and_then(|rest| std::str::from_utf8(rest.get(2..5)?).ok());
        // 408 may come from an edge whose own server did not respond in time.
        !status.is_some_and(|status| status.starts_with(['3', '4']) && status != "408" || status == "503")
    }
}

/// A request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Method and path.
    pub line: String,
    /// The header with the key.
    pub authorization: Option<String>,
    /// The complete request with its body.
    pub whole: String,
}

/// A server on a loopback port; ends when dropped.
pub struct Peer {
    address: SocketAddr,
    shared: Arc<Shared>,
    door: Mutex<Door>,
}

struct Shared {
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
    done: AtomicUsize,
    connections: AtomicUsize,
    tls: Mutex<Option<Arc<ServerConfig>>>,
}

struct Script {
    next: VecDeque<Act>,
    then: Act,
}

enum Door {
    Open(JoinHandle<()>),
    /// The port is bound, but refuses connections.
    Refusing(TcpSocket),
    /// The backlog is full of connections that are not accepted.
    #[allow(dead_code)]
    Crowded(TcpListener, Vec<TcpStream>),
    /// A state during a change between two others.
    Moving,
}

impl Peer {
    /// Does with the requests, in order, what `acts` says, and with all later ones what `then` says.
    pub async fn script(acts: impl IntoIterator<Item = Act>, then: Act) -> Self {
        let peer = Self::refusing(acts, then);
        peer.open();
        // The port is open already; this lets the server task start.
        tokio::task::yield_now().await;
        peer
    }

    /// Responds to every connection with these bytes once the request has arrived, and closes it.
    pub async fn responding(response: impl Into<Vec<u8>>) -> Self {
        Self::script([], Act::bytes(response.into()).fin()).await
    }

    /// Refuses connections until [`Peer::open`].
    pub fn refusing(acts: impl IntoIterator<Item = Act>, then: Act) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a loopback port");
        Self {
            address: socket.local_addr().expect("an address"),
            shared: Arc::new(Shared {
                script: Mutex::new(Script {
                    next: acts.into_iter().collect(),
                    then,
                }),
                seen: Mutex::default(),
                done: AtomicUsize::new(0),
                connections: AtomicUsize::new(0),
                tls: Mutex::default(),
            }),
            door: Mutex::new(Door::Refusing(socket)),
        }
    }

    /// Lets no connection be established until [`Peer::open`]: the backlog is full.
    pub async fn crowded(acts: impl IntoIterator<Item = Act>, then: Act) -> Self {
        let peer = Self::refusing(acts, then);
        let Door::Refusing(socket) = std::mem::replace(&mut *peer.door.lock().unwrap(), Door::Moving) else {
            unreachable!("it was made above");
        };
        let listener = socket.listen(1).expect("a listener");
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(100), TcpStream::connect(peer.address)).await {
            waiting.push(stream);
        }
        *peer.door.lock().unwrap() = Door::Crowded(listener, waiting);
        peer
    }

    /// Accepts connections from now on.
    pub fn open(&self) {
        let mut door = self.door.lock().unwrap();
        let listener = match std::mem::replace(&mut *door, Door::Moving) {
            Door::Open(task) => {
                *door = Door::Open(task);
                return;
            }
            Door::Refusing(socket) => socket.listen(1024).expect("a listener"),
            Door::Crowded(listener, _) => listener,
            Door::Moving => unreachable!("nobody else has the lock"),
        };
        *door = Door::Open(tokio::spawn(accept(listener, Arc::clone(&self.shared))));
    }

    /// Speaks TLS from now on.
    pub fn speak_tls(&self, config: Arc<ServerConfig>) {
        *self.shared.tls.lock().unwrap() = Some(config);
    }

    /// From now on does this with every request.
    pub fn now(&self, then: Act) {
        *self.shared.script.lock().unwrap() = Script {
            next: VecDeque::new(),
            then,
        };
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL for TLS.
    pub fn tls_url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many requests arrived.
    pub fn requests(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }

    /// The requests that arrived.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Number of requests that a server with these responses has processed, or may have.
    pub fn done(&self) -> usize {
        self.shared.done.load(Ordering::SeqCst)
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until this many requests have arrived.
    pub async fn has_seen(&self, requests: usize) {
        while self.requests() < requests {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Door::Open(task) = &*self.door.lock().unwrap() {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, which ends the connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let config = shared.tls.lock().unwrap().clone();
            // Errors are ignored: the client may close the connection at any time.
            let _: io::Result<()> = match config {
                None => serve(stream, &shared).await,
                Some(config) => match TlsAcceptor::from(config).accept(stream).await {
                    Ok(stream) => serve(stream, &shared).await,
                    Err(error) => Err(error),
                },
            };
        });
    }
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

async fn serve(mut stream: impl Stream, shared: &Shared) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let unread = shared.script.lock().unwrap().coming().unread;
        if unread {
            stream.read_buf(&mut buffer).await?;
        } else {
            let request = request(&mut stream, &mut buffer).await?;
            shared.seen.lock().unwrap().push(request);
        }
        let act = shared.script.lock().unwrap().take();
        if !unread && act.is_done() {
            shared.done.fetch_add(1, Ordering::SeqCst);
        }
        for part in act.parts {
            write(&mut stream, part).await?;
        }
        match act.end {
            End::Keep => {}
            End::Fin => return stream.shutdown().await,
            End::Reset => return stream.tcp().set_zero_linger(),
            End::Hang => loop {
                if stream.read_u8().await.is_err() {
                    return Ok(());
                }
            },
        }
    }
}

impl Script {
    fn coming(&self) -> &Act {
        self.next.front().unwrap_or(&self.then)
    }

    fn take(&mut self) -> Act {
        self.next.pop_front().unwrap_or_else(|| self.then.clone())
    }
}

async fn write(stream: &mut impl Stream, part: Part) -> io::Result<()> {
    match part {
        Part::Bytes(bytes) => stream.write_all(&bytes).await?,
        Part::Slowly(bytes, pause) => {
            for byte in bytes {
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
                sleep(pause).await;
            }
        }
        Part::Times(bytes, count) => {
            for _ in 0..count {
                stream.write_all(&bytes).await?;
            }
        }
        Part::Pause(time) => sleep(time).await,
        Part::Held(gate) => drop(gate.acquire().await),
    }
    stream.flush().await
}

/// Reads a request with its body. Bytes after it stay in the buffer.
pub(crate) async fn request(stream: &mut impl Stream, buffer: &mut Vec<u8>) -> io::Result<Seen> {
    let end_of_head = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        read(stream, buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..end_of_head]).into_owned();
    let header = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    let length: usize = header("content-length").map_or(0, |length| length.parse().expect("a length"));
    while buffer.len() < end_of_head + length {
        read(stream, buffer).await?;
    }
    let whole: Vec<u8> = buffer.drain(..end_of_head + length).collect();
    let first = head.lines().next().unwrap_or_default();
    Ok(Seen {
        line: first.trim_end_matches(" HTTP/1.1").to_owned(),
        authorization: header("authorization"),
        whole: String::from_utf8_lossy(&whole).into_owned(),
    })
}

async fn read(stream: &mut impl Stream, buffer: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
