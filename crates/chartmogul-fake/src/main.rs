//! The fake as a program, for what is not written in Rust: `cargo run -p chartmogul-fake -- --help`.

use std::{
    error::Error,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use chartmogul_fake::{Fake, samples};

const USAGE: &str = "\
A fake ChartMogul on a loopback port.

Usage: chartmogul-fake [--port N] [--opportunity UUID]...

  --port N            port to listen on; 0, the default, takes a free one
  --opportunity UUID  holds a made-up opportunity with this UUID; can be repeated
  --help              prints this

Prints where it listens and which API key it accepts:

  url: http://127.0.0.1:49152
  api_key: fake-api-key

Ends on ctrl-c, or when its standard input ends: give it a pipe, and it ends with the program that holds the other end.
";

#[derive(Debug, Default, PartialEq)]
struct Arguments {
    help: bool,
    port: u16,
    opportunities: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            complain(&format!("{wrong}\n\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            complain(&format!("{error}{cause}\n"));
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self::default();
        while let Some(name) = given.next() {
            let mut value = || given.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--help" | "-h" => arguments.help = true,
                "--port" => {
                    let port = value()?;
                    arguments.port = port
                        .parse()
                        .map_err(|_| format!("--port {port}: a port is a number from 0 to {}", u16::MAX))?;
                }
                "--opportunity" => arguments.opportunities.push(value()?),
                _ => return Err(format!("{name} is not an option")),
            }
        }
        Ok(arguments)
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.help {
        return Ok(io::stdout().write_all(USAGE.as_bytes())?);
    }
    let fake = Fake::start_on(arguments.port).await?;
    for uuid in &arguments.opportunities {
        fake.opportunities().add(samples::opportunity(uuid));
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "url: {}\napi_key: {}", fake.url(), fake.api_key())?;
    stdout.flush()?; // a script waits for these lines, and a pipe would keep them back

    // A program in the background that reads from its terminal would be stopped; there, ctrl-c is enough.
    if io::stdin().is_terminal() {
        std::future::pending::<()>().await;
    }
    tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await??;
    Ok(())
}

/// Not `eprintln!`, which panics where nobody listens.
fn complain(text: &str) {
    let _ = io::stderr().write_all(format!("chartmogul-fake: {text}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    fn read(line: &str) -> Result<Arguments, String> {
        Arguments::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read() {
        assert_eq!(read(""), Ok(Arguments::default()));
        let arguments = read("--opportunity a --port 8080 --opportunity b").unwrap();
        assert_eq!(
            (arguments.port, arguments.opportunities),
            (8080, vec!["a".to_owned(), "b".to_owned()])
        );
        assert!(read("-h").unwrap().help);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, message) in [
            ("--port", "--port needs a value"),
            ("--port 65536", "--port 65536: a port is a number from 0 to 65535"),
            ("--opportunity", "--opportunity needs a value"),
            ("8080", "8080 is not an option"),
        ] {
            assert_eq!(read(line), Err(message.to_owned()));
        }
    }
}
