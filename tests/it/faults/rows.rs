//! The faults.

use std::{
    io::Write as _,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chartmogul::{ClientBuilder, Limiter, LimiterFuture, Permit, Unlimited};
use chartmogul_tests::{UUID, bodies::BODIES, opportunity, peer::Act, tls::Authority};
use flate2::{Compression, write::GzEncoder};
use reqwest::{
    dns,
    redirect::{Attempt, Policy},
};

use super::case::{Before, KEY, Row, Server, both, create, good, quick, update};

const MIB: usize = 1024 * 1024;
const TICK: Duration = Duration::from_millis(20);
const SHORT: Duration = Duration::from_millis(500);
const LONGER: Duration = Duration::from_secs(2);

pub(super) fn sections() -> Vec<(&'static str, Vec<Row>)> {
    vec![
        ("Too many requests", throttled()),
        ("Trouble on the server", trouble()),
        ("Refusals", refusals()),
        ("No connection", no_connection()),
        ("TLS", tls()),
        ("Connections that break", broken()),
        ("Slow, or no response", slow()),
        ("A success that is none", unfit()),
        ("Large, and compressed", large()),
        ("Unusual, but valid", odd()),
        ("Redirects", redirects()),
        ("An HTTP client of your own", own_client()),
        ("The limits of a call", limits()),
    ]
}

/// An HTML page of a proxy.
fn page(status: u16) -> Act {
    let body =
        format!("<html><head><title>{status} from the edge</title></head><body>customer@example.com</body></html>");
    Act::http(status, &[("content-type", "text/html")], body)
}

fn text(status: u16, body: &str) -> Act {
    Act::http(status, &[("content-type", "text/plain")], body)
}

/// Shorter time limits, and two attempts, for rows without a response.
fn impatient(builder: ClientBuilder) -> ClientBuilder {
    builder
        .connect_timeout(SHORT)
        .attempt_timeout(SHORT)
        .retry(quick().max_attempts(2))
}

fn throttled() -> Vec<Row> {
    let message = r#"{"code":429,"message":"Your request rate has exceeded our rate limit.","param":null}"#;
    let refused = || Act::json(429, message);
    let refused_until = |headers: &[(&str, &str)]| Act::http(429, headers, message);
    let busy = || text(503, "Service unavailable");
    let by_date = [
        ("date", "Tue, 31 Mar 2026 15:00:00 GMT"),
        ("retry-after", "Tue, 31 Mar 2026 15:00:02 GMT"),
    ];
    let mut rows = Vec::new();
    rows.extend(both("429 without `Retry-After`, then success", |row| {
        row.first([refused()]).at_least(Duration::from_millis(900))
    }));
    rows.extend(both("429 with `Retry-After: 2`, then success", |row| {
        row.first([refused_until(&[("retry-after", "2")])]).at_least(LONGER)
    }));
    rows.push(
        update("429 with a date as `Retry-After`, 2 seconds after its `Date`, then success")
            .first([refused_until(&by_date)])
            .at_least(LONGER),
    );
    rows.push(
        update("429 with a `Retry-After` that can't be read, then success")
            .first([refused_until(&[("retry-after", "soon")])]),
    );
    rows.extend(both("429 with a `Retry-After` beyond the call's time limit", |row| {
        row.always(refused_until(&[("retry-after", "2")]))
            .client(|client| client.call_timeout(Duration::from_secs(1)))
    }));
    rows.push(
        update("the next call of the same client, with less time than the server asked to wait")
            .before(Before::Refused(refused_until(&[("retry-after", "2")])))
            .client(|client| client.call_timeout(SHORT)),
    );
    rows.push(
        update("429 with a date as `Retry-After`, beyond the call's time limit")
            .always(refused_until(&by_date))
            .client(|client| client.call_timeout(Duration::from_secs(1))),
    );
    rows.extend(both("429 every time", |row| {
        row.always(refused())
            .client(|client| client.retry(quick().max_attempts(2)))
    }));
    rows.push(
        update("429 whose body never ends, then success")
            .first([Act::head(429, &[("content-length", "100")]).more("\r\n{").hang()])
            .client(|client| client.attempt_timeout(Duration::from_secs(1))),
    );
    rows.extend(both("503, then success", |row| row.first([busy()])));
    rows.push(
        update("503 every time")
            .always(busy())
            .client(|client| client.retry(quick().max_attempts(2))),
    );
    rows
}

fn trouble() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(both("500 every time, although 8 attempts are allowed", |row| {
        row.always(Act::json(500, r#"{"error":"Internal Server Error"}"#))
            .client(|client| client.retry(quick().max_attempts(8)))
    }));
    rows.push(update("500 without a body, then success").first([Act::json(500, "")]));
    rows.push(create("500 without a body").always(Act::json(500, "")));
    rows.push(update("502 with an HTML page, then success").first([page(502)]));
    rows.extend(both("502 with an HTML page, every time", |row| row.always(page(502))));
    rows.push(update("504 with plain text, then success").first([text(504, "504 Gateway Timeout Error")]));
    rows.extend(both("504 with plain text, every time", |row| {
        row.always(text(504, "504 Gateway Timeout Error"))
    }));
    rows.extend(both("520 of a CDN", |row| row.always(page(520))));
    rows.extend(both("521 of a CDN, then success", |row| row.first([page(521)])));
    rows.extend(both("408, then success", |row| row.first([page(408)])));
    rows.push(
        create("500 with 100 MiB").always(
            Act::head(500, &[("content-length", "104857600")])
                .more("\r\n")
                .times(vec![b' '; MIB], 100),
        ),
    );
    rows.push(
        create("500 whose body never ends")
            .always(Act::head(500, &[("content-length", "100")]).more("\r\nInternal").hang())
            .client(impatient),
    );
    rows.push(
        create("500 whose body comes in pieces and never ends")
            .always(
                Act::head(500, &[("content-length", "100")])
                    .more("\r\n")
                    .slowly("Internal", TICK)
                    .hang(),
            )
            .client(impatient),
    );
    rows.push(
        update("502, then 404")
            .first([page(502)])
            .always(text(404, "Not found")),
    );
    rows.push(
        update("connection closed before the response, then 429 with a `Retry-After` beyond the call's time limit")
            .first([Act::nothing().fin()])
            .always(Act::http(429, &[("retry-after", "2")], ""))
            .client(|client| client.call_timeout(Duration::from_secs(1))),
    );
    rows.push(update("501").always(text(501, "Not Implemented")));
    rows
}

fn refusals() -> Vec<Row> {
    const FAULTS: [(u16, &str); 5] = [
        (400, "400, with a body of each recorded shape"),
        (401, "401, with a body of each recorded shape"),
        (403, "403, with a body of each recorded shape"),
        (404, "404, with a body of each recorded shape"),
        (422, "422, with a body of each recorded shape"),
    ];
    let mut rows = Vec::new();
    for (status, fault) in FAULTS {
        for (shape, _, content_type, body) in BODIES {
            if shape.starts_with("shape") {
                let act = Act::http(status, &[("content-type", content_type)], body);
                rows.push(update(fault).always(act).without_message());
            }
        }
    }
    let repeats_key = r#"{"code":401,"message":"No such key: {key}","param":"{key}"}"#;
    rows.extend(both("401 that repeats the key", |row| {
        // The length after the placeholder is replaced.
        let length = repeats_key.replace("{key}", &format!("{KEY}000")).len().to_string();
        row.always(
            Act::head(401, &[("content-length", &length)])
                .more("\r\n")
                .more(repeats_key),
        )
    }));
    let mut odd = br#"{"error":"Not "#.to_vec();
    odd.extend(b"\xff\xfe found\"}");
    rows.push(update("422 with invalid UTF-8").always(Act::json(422, odd)));
    rows.push(update("422 with JSON nested 100,000 deep").always(Act::json(422, "[".repeat(100_000))));
    rows.push(update("405").always(text(405, "")));
    rows
}

fn no_connection() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(both("connection refused", |row| {
        row.server(Server::Refusing(usize::MAX))
    }));
    rows.extend(both("connection refused, then success", |row| {
        row.server(Server::Refusing(1))
    }));
    rows.extend(both("connect timeout", |row| {
        row.server(Server::Crowded(usize::MAX))
            .client(|client| client.connect_timeout(SHORT).retry(quick().max_attempts(2)))
    }));
    rows.push(
        create("connect timeout, then success")
            .server(Server::Crowded(1))
            .client(|client| client.connect_timeout(SHORT)),
    );
    rows.push(
        create("no connection within half of the attempt's time")
            .server(Server::Crowded(usize::MAX))
            .client(|client| client.attempt_timeout(SHORT).retry(quick().max_attempts(2))),
    );
    // A label that is too long for DNS, so that no name server is asked.
    rows.extend(both("host name that does not exist", |row| {
        row.server(Server::At(format!("https://{}.invalid", "x".repeat(64))))
            .client(ClientBuilder::no_proxy)
            .hopeless()
    }));
    rows.push(
        create("DNS failure, then success")
            .server(Server::At("http://chartmogul.invalid:{port}".to_owned()))
            .client_of(|client, peer| {
                let resolver = Resolver {
                    port: peer.port(),
                    asked: AtomicBool::new(false),
                };
                client
                    .allow_plain_http()
                    .http_client(http(Policy::none(), |http| http.dns_resolver(resolver)))
            }),
    );
    rows
}

/// Fails the first time.
struct Resolver {
    port: u16,
    asked: AtomicBool,
}

impl dns::Resolve for Resolver {
    fn resolve(&self, _: dns::Name) -> dns::Resolving {
        let known = self.asked.swap(true, Ordering::SeqCst);
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        Box::pin(async move {
            if known {
                Ok(Box::new(std::iter::once(address)) as dns::Addrs)
            } else {
                Err("no DNS server responds".into())
            }
        })
    }
}

fn tls() -> Vec<Row> {
    const HERE: &str = "127.0.0.1";
    let authority = Authority::new("somebody");
    let known = authority.server(HERE);
    let pem = authority.pem().to_owned();
    let with = |row: Row, server| {
        let pem = pem.clone();
        row.server(server)
            .client(move |client| {
                client
                    .no_proxy()
                    .root_certificate(pem)
                    .connect_timeout(Duration::from_secs(5))
            })
            .mended_by(&known)
    };
    let mut rows = Vec::new();
    rows.extend(both("certificate of an authority that the client trusts", |row| {
        with(row, Server::Tls(Arc::clone(&known)))
    }));
    let stranger = Authority::new("nobody").server(HERE);
    rows.extend(both("certificate of an unknown authority", |row| {
        with(row, Server::Tls(Arc::clone(&stranger))).because("UnknownIssuer")
    }));
    let expired = authority.expired_server(HERE);
    rows.extend(both("certificate that expired", |row| {
        with(row, Server::Tls(Arc::clone(&expired))).because("certificate expired")
    }));
    let other = authority.server("api.example.com");
    rows.extend(both("certificate of another host", |row| {
        with(row, Server::Tls(Arc::clone(&other))).because("not valid for name")
    }));
    rows.push(with(update("plain HTTP where TLS is expected"), Server::NoTls).always(text(400, "TLS?").unread().fin()));
    rows.push(
        with(create("connection closed in the TLS handshake"), Server::NoTls).always(Act::nothing().unread().fin()),
    );
    rows.push(
        with(create("no response in the TLS handshake"), Server::NoTls)
            .always(Act::nothing().unread().hang())
            .client(|client| client.connect_timeout(SHORT).retry(quick().max_attempts(2))),
    );
    let half = half_of_the_good_response();
    rows.push(
        with(
            update("TLS connection closed in the middle of a body without length"),
            Server::Tls(Arc::clone(&known)),
        )
        .always(Act::head(200, &[("connection", "close")]).more("\r\n").more(half).fin()),
    );
    rows
}

fn half_of_the_good_response() -> String {
    let whole = opportunity(UUID).to_string();
    whole[..whole.len() / 2].to_owned()
}

fn broken() -> Vec<Row> {
    let half = half_of_the_good_response();
    let cut = || {
        Act::head(200, &[("content-length", "1000")])
            .more("\r\n")
            .more(half.clone())
    };
    let chunked = || {
        Act::head(200, &[("transfer-encoding", "chunked")])
            .more(format!("\r\n{:x}\r\n{half}\r\n", half.len()))
            .fin()
    };
    let mut rows = Vec::new();
    rows.push(update("reset before the response, then success").first([Act::nothing().reset()]));
    rows.extend(both("reset before the response, every time", |row| {
        row.always(Act::nothing().reset())
    }));
    rows.extend(both("reset in the middle of the headers", |row| {
        row.always(Act::bytes("HTTP/1.1 200 OK\r\ncontent-").reset())
    }));
    rows.push(update("reset in the middle of the body, then success").first([cut().reset()]));
    rows.extend(both("reset in the middle of the body, every time", |row| {
        row.always(cut().reset())
    }));
    rows.extend(both("closed (FIN) before the response", |row| {
        row.always(Act::nothing().fin())
    }));
    rows.extend(both("closed (FIN) in the middle of the headers", |row| {
        row.always(Act::bytes("HTTP/1.1 200 OK\r\ncontent-").fin())
    }));
    rows.push(update("closed (FIN) in the middle of the body, then success").first([cut().fin()]));
    rows.extend(both(
        "closed (FIN) in the middle of the body (content length too large), every time",
        |row| row.always(cut().fin()),
    ));
    rows.extend(both("closed (FIN) between two chunks of the body", |row| {
        row.always(chunked())
    }));
    rows.extend(both("keep-alive connection closed (FIN) between two calls", |row| {
        row.before(Before::Call(good().fin()))
    }));
    rows.extend(both("keep-alive connection reset between two calls", |row| {
        row.before(Before::Call(good().reset()))
    }));
    rows.push(
        update("an unsolicited response after that to the previous call").before(Before::Call(
            good().more("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"),
        )),
    );
    rows
}

fn slow() -> Vec<Row> {
    let endless = || "x".repeat(100_000);
    let headers = move || Act::bytes("HTTP/1.1 200 OK\r\nx-slow: ").slowly(endless(), TICK);
    let body = move || {
        Act::head(200, &[("content-length", "100000")])
            .more("\r\n")
            .slowly(endless(), TICK)
    };
    let call_limit = |client: ClientBuilder| client.call_timeout(SHORT);
    let mut rows = Vec::new();
    rows.extend(both("headers byte by byte", |row| {
        row.always(headers()).client(impatient)
    }));
    rows.extend(both("body byte by byte", |row| row.always(body()).client(impatient)));
    rows.extend(both(
        "body byte by byte, and less time for the call than for an attempt",
        |row| row.always(body()).client(call_limit),
    ));
    rows.push(
        update("no response, then success")
            .first([Act::nothing().hang()])
            .client(|client| client.attempt_timeout(Duration::from_secs(1))),
    );
    rows.extend(both("no response", |row| {
        row.always(Act::nothing().hang()).client(impatient)
    }));
    rows.extend(both(
        "no response, and less time for the call than for an attempt",
        |row| row.always(Act::nothing().hang()).client(call_limit),
    ));
    rows
}

fn unfit() -> Vec<Row> {
    let half = half_of_the_good_response();
    let whole = opportunity(UUID).to_string();
    let deep = format!(r#"{{"owner":"{CUSTOMERS}","custom":{}1"#, "[".repeat(100_000));
    let length = |value: &str| {
        Act::head(200, &[("content-length", value)])
            .more("\r\n")
            .more(whole.clone())
    };
    let mut rows = Vec::new();
    rows.push(update("200 with truncated JSON, then success").first([Act::json(200, &half)]));
    rows.extend(both("200 with truncated JSON, every time", |row| {
        row.always(Act::json(200, &half))
    }));
    rows.extend(both("200 with HTML", |row| row.always(page(200))));
    rows.extend(both("200 with JSON nested 100,000 deep", |row| {
        row.always(Act::json(200, &deep))
    }));
    rows.push(update("200 with another kind of JSON").always(Act::json(200, format!(r#"["{CUSTOMERS}"]"#))));
    rows.extend(both("content length too small", |row| row.always(length("100").fin())));
    rows.push(update("content length that is not a number").always(length("many").fin()));
    rows.push(
        create("two content lengths").always(
            Act::head(200, &[("content-length", "100"), ("content-length", "1000")])
                .more("\r\n")
                .more(whole.clone())
                .fin(),
        ),
    );
    rows.push(
        update("invalid chunks").always(
            Act::head(200, &[("transfer-encoding", "chunked")])
                .more("\r\n")
                .more(whole.clone())
                .fin(),
        ),
    );
    rows.extend(both("not HTTP", |row| {
        row.always(Act::bytes("SSH-2.0-OpenSSH_9.6\r\n\r\n").fin())
    }));
    rows
}

const CUSTOMERS: &str = "customer@example.com";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn large() -> Vec<Row> {
    const GZIP: (&str, &str) = ("content-encoding", "gzip");
    let spaces = vec![b' '; MIB];
    let chunk = [b"100000\r\n", &*spaces, b"\r\n"].concat();
    let with_length = || {
        Act::head(200, &[("content-length", "104857600")])
            .more("\r\n")
            .times(spaces.clone(), 100)
    };
    let packed = gzip(opportunity(UUID).to_string().as_bytes());
    let cut = packed[..packed.len() / 2].to_vec();
    let bomb = gzip(&vec![b' '; 16 * MIB]);
    assert!(bomb.len() < MIB / 32);
    let mut rows = Vec::new();
    rows.extend(both("100 MiB, announced", |row| row.always(with_length())));
    rows.push(
        update("100 MiB, not announced").always(
            Act::head(200, &[("transfer-encoding", "chunked")])
                .more("\r\n")
                .times(chunk, 100),
        ),
    );
    rows.push(
        update("headers of 100 MiB").always(Act::bytes("HTTP/1.1 200 OK\r\nx-large: ").times(vec![b'x'; MIB], 100)),
    );
    rows.push(update("gzip").always(Act::http(200, &[GZIP], &packed)));
    rows.push(
        update("gzip of 16 KiB that unpacks to 16 MiB, with a limit of 1 MiB")
            .always(Act::http(200, &[GZIP], bomb))
            .client(|client| client.max_body(MIB)),
    );
    rows.push(update("truncated gzip, then success").first([Act::http(200, &[GZIP], &cut)]));
    rows.extend(both("truncated gzip, every time", |row| {
        row.always(Act::http(200, &[GZIP], &cut))
    }));
    rows.extend(both("200 with invalid gzip", |row| {
        row.always(Act::http(200, &[GZIP], opportunity(UUID).to_string()))
    }));
    rows
}

fn odd() -> Vec<Row> {
    let whole = opportunity(UUID).to_string();
    let old = |body: &str| {
        Act::bytes(format!(
            "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{body}"
        ))
        .fin()
    };
    let half = half_of_the_good_response();
    let mut rows = Vec::new();
    rows.extend(both("HTTP/1.0 response, without length", |row| row.always(old(&whole))));
    rows.extend(both("HTTP/1.0 response, truncated", |row| row.always(old(&half))));
    rows.push(
        create("an informational response (103) first")
            .always(Act::bytes("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n").and(good())),
    );
    rows.push(
        update("headers byte by byte, but in time").always(
            Act::bytes("HTTP/1.1 200 OK\r\n")
                .slowly(
                    format!("content-length: {}\r\n\r\n", whole.len()),
                    Duration::from_millis(5),
                )
                .more(whole.clone()),
        ),
    );
    rows
}

fn moved(status: u16, to: &str) -> Act {
    Act::http(status, &[("location", to)], "")
}

fn redirects() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(both("302 to another host", |row| {
        row.always(moved(302, "{elsewhere}/v1/opportunities"))
    }));
    rows.extend(both("307 to another host", |row| {
        row.always(moved(307, "{elsewhere}/v1/opportunities"))
    }));
    rows.extend(both("302 to another path of the same host", |row| {
        row.always(moved(302, "/v2/opportunities"))
    }));
    rows.extend(both("307 to another path of the same host", |row| {
        row.always(moved(307, "/v2/opportunities"))
    }));
    rows.push(create("303 to itself").always(moved(303, "/v1/opportunities")));
    rows
}

/// A user's own HTTP client.
fn http(redirects: Policy, with: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().redirect(redirects);
    with(builder).build().expect("a client")
}

fn own_client() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, policy) in [
        (
            "follows redirects, as reqwest's clients do by default",
            Policy::default(),
        ),
        ("follows one redirect", Policy::limited(1)),
        (
            "decides about redirects by itself",
            Policy::custom(|attempt: Attempt<'_>| attempt.follow()),
        ),
    ] {
        let http = http(policy, |http| http);
        rows.push(create(name).client(move |client| client.http_client(http)));
    }
    rows.extend(both("302 to another host", |row| {
        row.always(moved(302, "{elsewhere}/v1/opportunities"))
            .client(|client| client.http_client(http(Policy::none(), |http| http)))
    }));
    rows.push(
        update("its own connect timeout is reached")
            .server(Server::Crowded(usize::MAX))
            .client(|client| client.http_client(http(Policy::none(), |http| http.connect_timeout(SHORT)))),
    );
    rows.push(
        update("its own timeout is reached")
            .always(Act::nothing().hang())
            .because("operation timed out")
            .client(|client| client.http_client(http(Policy::none(), |http| http.timeout(SHORT)))),
    );
    rows
}

fn limits() -> Vec<Row> {
    let centuries = Duration::from_secs(10_000_000_000);
    vec![
        update("502 every time, and no time for the next attempt")
            .always(page(502))
            .client(move |client| client.retry(quick().backoff(centuries, centuries))),
        update("502 every time, and a retry budget of 1")
            .always(page(502))
            .client(|client| client.retry(quick().budget(1))),
        update("502 every time, and `Retry::never()`")
            .always(page(502))
            .client(|client| client.retry(chartmogul::Retry::never())),
        update("all permits taken by calls in flight")
            .before(Before::NoResponse)
            .client(|client| client.call_timeout(SHORT)),
        update("all requests of this second used up").client(|client| {
            let limiter = LateSlot::default();
            client.limiter(limiter).call_timeout(Duration::from_millis(300))
        }),
    ]
}

/// Never gives a send slot to the first call, however slowly that begins.
#[derive(Debug, Default)]
struct LateSlot(AtomicBool);

impl Limiter for LateSlot {
    fn acquire(&self) -> LimiterFuture<'_, Permit> {
        Unlimited.acquire()
    }

    fn ready(&self) -> LimiterFuture<'_, ()> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Box::pin(async { Ok(()) });
        }
        Box::pin(std::future::pending())
    }

    fn throttled(&self, _: Option<Duration>) {}
}
