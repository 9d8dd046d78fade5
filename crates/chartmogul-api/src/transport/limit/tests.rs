use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{task::JoinSet, time::timeout};

use super::*;
use crate::transport::leaving::Leaving;

/// With paused time: the limiter uses tokio's clock.
#[tokio::test(start_paused = true)]
async fn send_slots_are_taken_in_order_and_a_cancelled_one_is_returned() {
    let limiter = RateLimiter::new(4, 20);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut calls = JoinSet::new();
    let mut cancelled = Vec::new();
    for number in 0..40 {
        let (limiter, order) = (limiter.clone(), Arc::clone(&order));
        let call = calls.spawn(async move {
            let _permit = limiter.acquire().await.unwrap();
            limiter.ready().await.unwrap();
            order.lock().unwrap().push(number);
        });
        if number % 2 == 1 {
            cancelled.push(call);
        }
        tokio::task::yield_now().await; // in the queue
    }
    cancelled.iter().for_each(tokio::task::AbortHandle::abort);
    let started = Instant::now();
    while calls.join_next().await.is_some() {}
    let went = order.lock().unwrap().clone();
    let even: Vec<_> = went.iter().copied().filter(|number| number % 2 == 0).collect();
    assert_eq!(even, (0..40).step_by(2).collect::<Vec<_>>(), "first come, first served");
    // 20 calls at 4 per second; the cancelled ones, except a few at the very start, took no slot.
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

/// A newcomer does not get a free send slot before waiters that have not been polled yet.
#[tokio::test]
async fn nobody_jumps_the_queue() {
    let limiter = RateLimiter::new(2, 20);
    limiter.ready().await.unwrap();
    let first = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.ready().await.unwrap() }
    });
    tokio::task::yield_now().await; // in the queue
    std::thread::sleep(Duration::from_millis(600)); // the slot is free, but no task has run
    assert!(!limiter.try_ready(), "jumped the queue");
    tokio::select! {
        biased;
        _ = limiter.ready() => panic!("jumped the queue"),
        () = std::future::ready(()) => {}
    }
    first.await.unwrap();
}

/// A slot that is taken without waiting counts like one that was waited for.
#[tokio::test(start_paused = true)]
async fn a_free_resource_is_taken_at_once() {
    let limiter: Arc<dyn Limiter> = Arc::new(RateLimiter::new(4, 2)); // `Arc` forwards to the limiter
    let burst = (0..10).filter(|_| limiter.try_ready()).count();
    assert_eq!(burst, 2, "half of the rate, and no more at the same moment");
    let before = Instant::now();
    limiter.ready().await.unwrap();
    assert!(before.elapsed() >= SECOND / 4, "{:?}", before.elapsed());

    let permits = (limiter.try_acquire().unwrap(), limiter.acquire().await.unwrap());
    assert!(limiter.try_acquire().is_none(), "both are taken");
    let mut waiting = limiter.acquire();
    assert!(timeout(Duration::from_millis(1), &mut waiting).await.is_err());
    drop(permits.0);
    assert!(limiter.try_acquire().is_none(), "the free one is for who waits");
    let _first = waiting.await.unwrap();
    drop(permits.1);
    assert!(limiter.try_acquire().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_permit_is_free_again() {
    let limiter = RateLimiter::new(1_000_000, 3);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut calls = JoinSet::new();
    for number in 0..100 {
        let (limiter, now, most) = (limiter.clone(), Arc::clone(&now), Arc::clone(&most));
        calls.spawn(async move {
            let permit = limiter.acquire();
            if number % 3 == 0 {
                let _ = timeout(Duration::from_millis(1), permit).await; // times out, with or without a permit
                return;
            }
            let _permit = permit.await.unwrap();
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(10)).await;
            now.fetch_sub(1, Ordering::SeqCst);
        });
    }
    while let Some(ended) = calls.join_next().await {
        ended.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(limiter.limits.with(|state| state.free), 3, "none is lost");
}

/// A rejection also stops those that already wait, not only newcomers.
#[tokio::test(start_paused = true)]
async fn a_pause_also_stops_those_that_already_wait() {
    let limiter = RateLimiter::new(1, 20);
    limiter.ready().await.unwrap();
    let waiting = tokio::spawn({
        let limiter = limiter.clone();
        async move {
            limiter.ready().await.unwrap();
            Instant::now()
        }
    });
    tokio::task::yield_now().await;
    let refused = Instant::now();
    limiter.throttled(Some(Duration::from_secs(30)));
    assert!(waiting.await.unwrap() >= refused + Duration::from_secs(30));
}

/// Polls a future once; returns whether it waits.
async fn waits<T>(future: &mut LimiterFuture<'_, T>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

/// A waiter that is never polled again delays no other, wherever it is in the queue.
#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_not_polled_is_passed() {
    let limiter = RateLimiter::new(4, 1);
    let permit = limiter.acquire().await.unwrap();
    for count in [1, 2, 50, 1000] {
        let mut abandoned = Vec::new();
        while limiter.try_ready() {}
        for _ in 0..count {
            let mut both = (limiter.acquire(), limiter.ready());
            assert!(waits(&mut both.0).await);
            assert!(waits(&mut both.1).await);
            abandoned.push(both);
        }
        let started = Instant::now();
        limiter.ready().await.unwrap();
        assert!(started.elapsed() < SECOND * 2, "{:?} behind {count}", started.elapsed());
        // Now the permit would be theirs.
        let mut waiting = limiter.acquire();
        assert!(waits(&mut waiting).await);
        drop(waiting);
    }
    let mut abandoned: Vec<_> = (0..1000).map(|_| limiter.acquire()).collect();
    for waiting in &mut abandoned {
        assert!(waits(waiting).await);
    }
    drop(permit);
    let started = Instant::now();
    let permit = limiter.acquire().await.unwrap();
    assert!(started.elapsed() < SECOND, "{:?}", started.elapsed());
    // The first of them is polled again, and has its old position.
    let mut late = limiter.acquire();
    assert!(waits(&mut late).await);
    let mut first = abandoned.swap_remove(0);
    assert!(waits(&mut first).await);
    drop(permit);
    let _permit = first.await.unwrap();
    assert!(waits(&mut late).await);
}

/// A server, and what it has seen.
#[derive(Default)]
struct Server {
    arrivals: Vec<Instant>,
    in_flight: usize,
    most_in_flight: usize,
}

/// A request that the server handles; ends when dropped.
struct Request(Arc<Mutex<Server>>, bool);

impl Request {
    fn end(&mut self) {
        if mem::take(&mut self.1) {
            self.0.lock().unwrap().in_flight -= 1;
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.end();
    }
}

/// Polls work as that of a call; all of it may wait for the limiter.
async fn watched(polling: &Arc<Polling>, work: impl Future<Output = ()>) {
    let work = pin!(polling.scope(work));
    polling.watch(work).await;
}

async fn request(server: &Arc<Mutex<Server>>, connect: Duration, latency: Duration) {
    let body = Leaving::body(&Polling::current().unwrap(), None);
    if !connect.is_zero() {
        tokio::time::sleep(connect).await;
    }
    drop(body); // the request is sent
    {
        let mut server = server.lock().unwrap();
        server.arrivals.push(Instant::now());
        server.in_flight += 1;
        server.most_in_flight = server.most_in_flight.max(server.in_flight);
    }
    let request = Arc::new(Mutex::new(Request(Arc::clone(server), true)));
    let (respond, response) = tokio::sync::oneshot::channel();
    tokio::spawn({
        let request = Arc::downgrade(&request);
        async move {
            tokio::time::sleep(latency).await;
            if let Some(request) = request.upgrade() {
                request.lock().unwrap().end();
            }
            let _ = respond.send(());
        }
    });
    let _ = response.await;
}

/// What each call that is always polled waits for, by its number.
type Waits = Arc<Mutex<std::collections::BTreeMap<usize, Resource>>>;

/// Durations of an attempt, in milliseconds: to connect, until the response, until the next attempt; and until the response
/// to the read before it, if there is one.
type Plan = (u64, u64, u64, Option<u64>);

/// What `call.rs` does, without HTTP.
async fn call(
    limiter: RateLimiter,
    server: Arc<Mutex<Server>>,
    number: usize,
    waits: Option<Waits>,
    attempts: Vec<Plan>,
) {
    let wait = |what| {
        if let Some(waits) = &waits {
            waits.lock().unwrap().insert(number, what);
        }
    };
    // Calls that are always polled are served in order.
    let served = |what| {
        if let Some(waits) = &waits {
            let mut waits = waits.lock().unwrap();
            waits.remove(&number);
            let before = waits.iter().find(|(other, waits)| **other < number && **waits == what);
            assert!(before.is_none(), "{number} got its {what:?} before {before:?}");
        }
    };
    let polling = Polling::current().unwrap();
    let mut permit = None;
    let take = async |permit: &mut Option<Permit>| {
        if permit.is_none() {
            *permit = limiter.try_begin(Caller(&polling));
            if permit.is_some() {
                served(Resource::Permit);
                served(Resource::Slot);
                return;
            }
        }
        loop {
            if permit.is_none() || polling.is_revoked() {
                *permit = None;
                wait(Resource::Permit);
                *permit = match limiter.try_acquire() {
                    Some(permit) => Some(permit),
                    None => Some(limiter.acquire().await.unwrap()),
                };
                served(Resource::Permit);
            }
            wait(Resource::Slot);
            if !limiter.try_ready() {
                limiter.ready().await.unwrap();
            }
            if !polling.is_revoked() {
                served(Resource::Slot);
                break;
            }
        }
    };
    for (connect, latency, pause, read) in attempts {
        loop {
            take(&mut permit).await;
            let Some(latency) = read else { break };
            let mut write = Reserved::begin(&Polling::current().unwrap()).unwrap();
            take(&mut permit).await;
            while !write.hold() {
                write = Reserved::begin(&Polling::current().unwrap()).unwrap();
                take(&mut permit).await;
            }
            request(&server, Duration::ZERO, Duration::from_millis(latency)).await;
            if !polling.is_revoked() {
                write.leave();
                break;
            }
        }
        let [connect, latency, pause] = [connect, latency, pause].map(Duration::from_millis);
        let mut sending = pin!(request(&server, connect, latency));
        while poll_fn(|context| {
            if polling.is_unsent() {
                return Poll::Ready(true);
            }
            sending.as_mut().poll(context).map(|()| false)
        })
        .await
        {
            take(&mut permit).await;
        }
        tokio::time::sleep(pause).await;
    }
}

#[derive(Default)]
struct Flag(std::sync::atomic::AtomicBool);

impl std::task::Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Flag>,
    /// Whether it is polled.
    polled: bool,
    /// Its number, if it is always polled.
    loyal: Option<usize>,
}

impl Task {
    /// Begins a call, so that it is in the queue.
    fn begin(
        limiter: &RateLimiter,
        server: &Arc<Mutex<Server>>,
        (number, waits): (usize, Option<&Waits>),
        attempts: Vec<Plan>,
    ) -> Self {
        let polling = Polling::new();
        let work = call(limiter.clone(), Arc::clone(server), number, waits.cloned(), attempts);
        let mut task = Self {
            future: Box::pin(async move {
                watched(&polling, work).await;
            }),
            woken: Arc::default(),
            polled: true,
            loyal: waits.map(|_| number),
        };
        assert!(!task.poll());
        task
    }

    /// Whether it has ended.
    fn poll(&mut self) -> bool {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = std::task::Context::from_waker(&waker);
        self.future.as_mut().poll(&mut context).is_ready()
    }
}

/// A call that is not polled while it connects loses its permit and send slot; it sends nothing until it has both again.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_not_polled_while_connecting_waits_again() {
    let server = Arc::<Mutex<Server>>::default();
    let limiter = RateLimiter::new(100, 1);
    let mut connecting = Task::begin(&limiter, &server, (0, None), vec![(5, 5, 0, None)]);
    let mut other = Task::begin(&limiter, &server, (1, None), vec![(0, 500, 0, None)]);
    for millisecond in 0..1000 {
        tokio::time::advance(Duration::from_millis(1)).await;
        let _ = other
            .future
            .as_mut()
            .poll(&mut std::task::Context::from_waker(Waker::noop()));
        if server.lock().unwrap().in_flight == 1 {
            assert!(millisecond < 100, "when the first one was seen not to be polled");
            break;
        }
    }
    assert_eq!(
        limiter.limits.with(|state| state.pace.next(Instant::now())),
        Some(Instant::now())
    );
    for _ in 0..100 {
        assert!(!connecting.poll(), "it has no permit");
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert_eq!(server.lock().unwrap().arrivals.len(), 1);
    drop(other);
    while !connecting.poll() {
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    let server = server.lock().unwrap();
    assert_eq!((server.arrivals.len(), server.most_in_flight), (2, 1));
}

/// Each of them has a send slot for its write.
#[tokio::test(start_paused = true)]
async fn calls_that_are_not_polled_after_their_read_delay_no_other() {
    let server = Arc::<Mutex<Server>>::default();
    let limiter = RateLimiter::new(3, 20);
    let begin = |number| Task::begin(&limiter, &server, (number, None), vec![(0, 5, 0, Some(60_000))]);
    let mut tasks: Vec<_> = (0..2).map(begin).collect();
    while server.lock().unwrap().in_flight < 2 {
        tokio::time::advance(Duration::from_millis(10)).await;
        for task in &mut tasks {
            assert!(!task.poll());
        }
    }
    tokio::task::yield_now().await; // the server begins to work
    tokio::time::advance(Duration::from_secs(60)).await;
    for _ in 0..10 {
        limiter.ready().await.unwrap();
    }
    assert!(
        !limiter.limits.with(|state| state.pace.is_open()),
        "requests that will not leave count"
    );
    // Calls whose send slots were revoked read again.
    while !tasks.is_empty() {
        tokio::time::advance(Duration::from_millis(10)).await;
        tasks.retain_mut(|task| !task.poll());
    }
    assert_eq!(server.lock().unwrap().arrivals.len(), 6);
    assert!(!limiter.limits.with(|state| state.pace.is_open()));
}

/// An attempt that ends while it connects does not delay others.
#[tokio::test(start_paused = true)]
async fn a_request_whose_connection_fails_no_longer_counts() {
    let limiter = RateLimiter::new(1, 20);
    let mut task = {
        let limiter = limiter.clone();
        Box::pin(async move {
            let work = async {
                let _permit = limiter.acquire().await.unwrap();
                limiter.ready().await.unwrap();
                drop(Leaving::body(&Polling::current().unwrap(), None)); // then the call waits for its next attempt
                std::future::pending::<()>().await;
            };
            watched(&Polling::new(), work).await;
        })
    };
    assert!(poll_fn(|context| Poll::Ready(task.as_mut().poll(context).is_pending())).await);
    timeout(SECOND * 2, limiter.ready()).await.unwrap().unwrap();
}

/// Calls that read and then write, among others: each request counts when it arrives, however long the read takes.
#[tokio::test(start_paused = true)]
async fn the_write_after_a_read_counts_when_it_arrives() {
    const RATE: usize = 40;
    let limiter = RateLimiter::new(40, 20);
    let arrivals = Arc::<Mutex<Vec<Instant>>>::default();
    let mut calls = JoinSet::new();
    for number in 0..300_u64 {
        let (limiter, arrivals) = (limiter.clone(), Arc::clone(&arrivals));
        calls.spawn(async move {
            let work = async {
                let _permit = limiter.acquire().await.unwrap();
                limiter.ready().await.unwrap();
                let arrive = || arrivals.lock().unwrap().push(Instant::now());
                if number / 50 % 2 == 0 {
                    let write = Reserved::begin(&Polling::current().unwrap()).unwrap();
                    limiter.ready().await.unwrap();
                    assert!(write.hold());
                    arrive();
                    tokio::time::sleep(Duration::from_millis(number * 37 % 900)).await;
                    match number % 10 {
                        0 => return, // there was nothing to write
                        _ => write.leave(),
                    }
                }
                arrive();
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            watched(&Polling::new(), work).await;
        });
        tokio::task::yield_now().await; // in the queue
    }
    while calls.join_next().await.is_some() {}
    let arrivals = arrivals.lock().unwrap();
    assert_eq!(arrivals.len(), 300 + 150 - 15);
    let within = |from: &Instant| {
        arrivals
            .iter()
            .filter(|at| *at >= from && **at < *from + SECOND)
            .count()
    };
    let fullest = arrivals.iter().map(within).max();
    assert!(fullest <= Some(RATE), "{fullest:?}");
    assert!(!limiter.limits.with(|state| state.pace.is_held_up()));
}

/// Random schedules: calls begin, and are polled properly, not for a while, never again, or dropped. Those that are polled
/// end, in their order; the limits are kept; no permit or slot is lost.
#[tokio::test(start_paused = true)]
async fn calls_that_are_polled_make_progress() {
    let seed = fastrand::u64(..);
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    for round in 0..rounds.unwrap_or(100) {
        schedule(seed.wrapping_add(round)).await;
    }
}

async fn schedule(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (rate, permits) = (random.u32(2..60), random.u32(1..12));
    let limiter = RateLimiter::new(rate, permits);
    let (server, waits) = (Arc::<Mutex<Server>>::default(), Waits::default());
    let mut tasks: Vec<Task> = Vec::new();
    let calls = random.usize(1..80);
    let mut number = 0;
    let step = async |tasks: &mut Vec<Task>, random: &mut fastrand::Rng| {
        // Runs all woken tasks before time advances, so that no polled task is late.
        loop {
            tokio::task::yield_now().await;
            let mut woken: Vec<_> = (0..tasks.len())
                .filter(|index| tasks[*index].polled && tasks[*index].woken.0.swap(false, Ordering::SeqCst))
                .collect();
            if woken.is_empty() {
                break;
            }
            random.shuffle(&mut woken);
            let mut ended = Vec::new();
            for index in woken {
                if tasks[index].poll() {
                    ended.push(index);
                }
            }
            ended.sort_unstable();
            for index in ended.into_iter().rev() {
                tasks.swap_remove(index);
            }
        }
        tokio::time::advance(Duration::from_millis(random.u64(1..8))).await;
    };
    while number < calls {
        for _ in 0..random.usize(0..6) {
            let waits = random.bool().then_some(&waits);
            let reads = random.u8(..4) == 0;
            let attempts = (0..random.usize(1..3)).map(|_| {
                let mut sometimes = |most| if random.bool() { random.u64(1..most) } else { 0 };
                let (connect, latency, pause) = (sometimes(900), sometimes(300), sometimes(500));
                (connect, latency, pause, reads.then(|| random.u64(1..300)))
            });
            let attempts = attempts.collect();
            tasks.push(Task::begin(&limiter, &server, (number, waits), attempts));
            number += 1;
        }
        if let Some(task) = random.choice(&mut tasks)
            && task.loyal.is_none()
        {
            task.polled = !task.polled;
        }
        if !tasks.is_empty() && random.u8(..20) == 0 {
            let task = tasks.swap_remove(random.usize(..tasks.len()));
            if let Some(number) = task.loyal {
                waits.lock().unwrap().remove(&number);
            }
        }
        step(&mut tasks, &mut random).await;
    }
    // From now on, no task changes whether it is polled.
    let started = Instant::now();
    let enough = SECOND * 60 + SECOND * 4 * u32::try_from(calls).unwrap() / rate.min(permits);
    while tasks.iter().any(|task| task.polled) {
        step(&mut tasks, &mut random).await;
        assert!(
            started.elapsed() < enough,
            "seed {seed}: {} of {calls} stand still",
            tasks.len()
        );
    }
    let seen = server.lock().unwrap();
    let (most, arrivals) = (seen.most_in_flight, seen.arrivals.clone());
    drop(seen);
    assert!(
        most <= permits as usize,
        "seed {seed}: {most} in flight, {permits} allowed"
    );
    for (index, first) in arrivals.iter().enumerate() {
        let second = arrivals[index..].iter().filter(|at| **at < *first + SECOND).count();
        assert!(
            second <= rate as usize,
            "seed {seed}: {second} in a second, {rate} allowed"
        );
    }
    drop(tasks);
    limiter.limits.with(|state| {
        assert_eq!((state.free, state.holders.len()), (permits, 0), "seed {seed}: permits");
        assert_eq!((state.permits.len(), state.slots.len()), (0, 0), "seed {seed}: lines");
        assert!(!state.pace.is_held_up(), "seed {seed}: slots");
    });
}
