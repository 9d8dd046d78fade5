//! The fake as a program, for clients that are not written in Rust: `cargo run -p chartmogul-fake -- --help`.

use std::{
    error::Error,
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr},
    process::ExitCode,
};

use chartmogul_fake::{Fake, Stage};

const USAGE: &str = "\
A fake ChartMogul on a loopback port.

Usage: chartmogul-fake [OPTION]...

  --port N               port to listen on; 0, the default, takes a free one
  --host ADDRESS         address to listen on; the default is 127.0.0.1
  --sample KIND=KEY      holds the document's example with this key, such as plans=pl_1; can be repeated
  --stage PIPELINE/STAGE=CATEGORY,PERCENT
                         adds a stage with the forecast category and win likelihood of opportunities in it, or replaces it,
                         such as 'New Business/Demo=best_case,40'; can be repeated
  --lenient              ignores unknown parameters and fields, takes unknown words
  --log                  writes a line for each request to standard error
  --until-stdin-closes   ends when standard input ends, too
  --help                 prints this

Prints where it listens and which API key it accepts:

  url: http://127.0.0.1:49152
  api_key: fake-api-key

Ends on SIGINT (ctrl-c) or SIGTERM.
";

#[derive(Debug, PartialEq)]
struct Arguments {
    port: u16,
    host: IpAddr,
    samples: Vec<(String, String)>,
    stages: Vec<String>,
    lenient: bool,
    log: bool,
    until_stdin_closes: bool,
}

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            complain(&format!("{wrong}\n\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    let done = match arguments {
        Some(arguments) => run(&arguments),
        None => io::stdout().write_all(USAGE.as_bytes()).map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            complain(&format!("{error}{cause}\n"));
            ExitCode::FAILURE
        }
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            port: 0,
            host: Ipv4Addr::LOCALHOST.into(),
            samples: Vec::new(),
            stages: Vec::new(),
            lenient: false,
            log: false,
            until_stdin_closes: false,
        }
    }
}

impl Arguments {
    /// `None` if help is asked for.
    fn read(mut given: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut arguments = Self::default();
        while let Some(argument) = given.next() {
            let (name, attached) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let flag = || match &attached {
                Some(_) => Err(format!("{name} takes no value")),
                None => Ok(true),
            };
            let mut value = || {
                attached
                    .clone()
                    .or_else(|| given.next())
                    .ok_or(format!("{name} needs a value"))
            };
            match name {
                "--help" | "-h" => return Ok(None),
                "--lenient" => arguments.lenient = flag()?,
                "--log" => arguments.log = flag()?,
                "--until-stdin-closes" => arguments.until_stdin_closes = flag()?,
                "--port" => {
                    let port = value()?;
                    let wrong = |_| format!("--port {port}: a port is a number from 0 to {}", u16::MAX);
                    arguments.port = port.parse().map_err(wrong)?;
                }
                "--host" => {
                    let host = value()?;
                    arguments.host = host.parse().map_err(|_| format!("--host {host}: not an IP address"))?;
                }
                "--sample" => {
                    let sample = value()?;
                    let parts = sample
                        .split_once('=')
                        .ok_or(format!("--sample {sample}: not of the form KIND=KEY"))?;
                    arguments.samples.push((parts.0.to_owned(), parts.1.to_owned()));
                }
                "--stage" => {
                    let text = value()?;
                    if stage(&text).is_none() {
                        return Err(format!(
                            "--stage {text}: not of the form PIPELINE/STAGE=CATEGORY,PERCENT"
                        ));
                    }
                    arguments.stages.push(text);
                }
                _ => return Err(format!("{argument} is not an option")),
            }
        }
        Ok(Some(arguments))
    }
}

fn stage(text: &str) -> Option<Stage<'_>> {
    let (place, defaults) = text.rsplit_once('=')?;
    let (pipeline, name) = place.split_once('/')?;
    let (forecast_category, percent) = defaults.split_once(',')?;
    Some(Stage {
        pipeline,
        name,
        forecast_category,
        win_likelihood: percent.parse().ok()?,
    })
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut fake = Fake::builder().port(arguments.port).host(arguments.host);
    if arguments.lenient {
        fake = fake.lenient();
    }
    if arguments.log {
        fake = fake.log();
    }
    runtime.block_on(async {
        let end = end()?; // from here on, a signal ends the program in an orderly way
        let fake = fake.start()?;
        for (kind, key) in &arguments.samples {
            fake.collection(kind).insert_sample(key)?;
        }
        for stage in arguments.stages.iter().filter_map(|text| stage(text)) {
            fake.set_stage(stage);
        }
        let mut stdout = io::stdout();
        writeln!(stdout, "url: {}\napi_key: {}", fake.url(), fake.api_key())?;
        stdout.flush()?; // a script waits for these lines, which a pipe would buffer

        let stdin = stdin_closes(arguments.until_stdin_closes);
        tokio::select! {
            () = end => {}
            () = stdin => {}
        }
        Ok(())
    })
}

/// Waits for SIGINT or SIGTERM.
fn end() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Waits for the end of standard input; without the option, forever.
async fn stdin_closes(asked_for: bool) {
    let (closed, end) = tokio::sync::oneshot::channel();
    if !asked_for {
        return std::future::pending().await;
    }
    // A detached thread: reading can't be cancelled.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = closed.send(());
    });
    let _ = end.await;
}

/// Not `eprintln!`, which panics if standard error is closed.
fn complain(text: &str) {
    let _ = io::stderr().write_all(format!("chartmogul-fake: {text}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    fn read(line: &str) -> Result<Option<Arguments>, String> {
        Arguments::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read() {
        assert_eq!(read(""), Ok(Some(Arguments::default())));
        let line = "--sample plans=a --port=8080 --host ::1 --log --sample=opportunities=b --stage A/B=won,99";
        let arguments = read(line).unwrap();
        let samples = [("plans", "a"), ("opportunities", "b")].map(|(kind, key)| (kind.to_owned(), key.to_owned()));
        let expected = Arguments {
            port: 8080,
            host: "::1".parse().unwrap(),
            samples: samples.to_vec(),
            stages: vec!["A/B=won,99".to_owned()],
            log: true,
            ..Arguments::default()
        };
        assert_eq!(arguments, Some(expected));
        assert_eq!(read("--log -h"), Ok(None));
    }

    #[test]
    fn invalid_arguments_are_named() {
        for (line, message) in [
            ("--port", "--port needs a value"),
            ("--port 65536", "--port 65536: a port is a number from 0 to 65535"),
            ("--host localhost", "--host localhost: not an IP address"),
            ("--sample plans", "--sample plans: not of the form KIND=KEY"),
            (
                "--stage A/B=won",
                "--stage A/B=won: not of the form PIPELINE/STAGE=CATEGORY,PERCENT",
            ),
            ("--log=yes", "--log takes no value"),
            ("8080", "8080 is not an option"),
        ] {
            assert_eq!(read(line), Err(message.to_owned()));
        }
    }
}
