//! A real terminal, by tmux.

use std::time::{Duration, Instant};

use super::*;

struct Terminal {
    name: String,
}

impl Terminal {
    /// `None` where there is no tmux.
    fn start(folder: &Folder) -> Option<Self> {
        let name = format!("chartmogul-{}-{}", std::process::id(), fastrand::u32(..));
        let started = Command::new("tmux")
            .args([
                "-L",
                &name,
                "-f",
                "/dev/null",
                "new-session",
                "-d",
                "-x",
                "120",
                "-y",
                "40",
                "-c",
            ])
            .arg(folder.folder.path())
            .arg("sh")
            .status();
        match started {
            Ok(status) if status.success() => Some(Self { name }),
            _ => {
                eprintln!("skipped: there is no tmux");
                None
            }
        }
    }

    fn tmux(&self, words: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-L", &self.name])
            .args(words)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn send(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-S", "-"])
    }

    /// Nothing of what was there before.
    fn clear(&self) {
        self.send(&["clear", "Enter"]);
        let begun = Instant::now();
        while self.screen().trim().len() > 10 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", self.screen());
            self.tmux(&["clear-history"]);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for(&self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if screen.contains(text) {
                return screen;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "no {text:?} on the screen:\n{screen}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn progress_is_shown_and_ctrl_c_stops_it() {
    let fake = server(600);
    let row = |number| format!("{},61\n", uuid(number));
    let folder = Folder::new("uuid,win_likelihood\n".to_owned() + &(0..600).map(row).collect::<String>());
    let Some(terminal) = Terminal::start(&folder) else {
        return;
    };
    let words = |rate: &str| {
        format!(
            "CHARTMOGUL_API_KEY={} CHARTMOGUL_BASE_URL={} {} opportunities bulk-update deals.csv --rate {rate}; echo code:$?",
            fake.api_key(),
            fake.url(),
            env!("CARGO_BIN_EXE_chartmogul"),
        )
    };
    terminal.send(&[&words("60"), "Enter"]);
    let screen = terminal.wait_for("/600  ");
    let shown = terminal.wait_for("left  ");
    assert!(shown.contains("updated, 0 unchanged, 0 failed"), "{screen}\n{shown}");
    while writes(&fake) < 100 {
        std::thread::sleep(Duration::from_millis(5));
    }
    terminal.send(&["C-c"]);
    let screen = terminal.wait_for("code:130");
    for part in [
        "Stopping: waiting for the requests in flight",
        "rows not sent",
        "Run the same command again to continue",
    ] {
        assert!(screen.contains(part), "{part}:\n{screen}");
    }
    terminal.send(&["clear", "Enter"]);
    terminal.send(&[&words("100000"), "Enter"]);
    let screen = terminal.wait_for("code:0");
    assert!(
        screen.contains("were made earlier") && screen.contains("600 rows: 600 updated"),
        "{screen}"
    );
    assert_eq!(writes(&fake), 600);
}

/// Who is asked sees the question, and nobody sees the key.
#[test]
fn questions_are_asked_and_a_key_is_not_shown() {
    let fake = server(1);
    let folder = Folder::new("");
    let Some(terminal) = Terminal::start(&folder) else {
        return;
    };
    let run = |key: &str, words: &str| {
        let variables = format!(
            "CHARTMOGUL_API_KEY={key} CHARTMOGUL_CONFIG_DIR=config CHARTMOGUL_BASE_URL={}",
            fake.url()
        );
        let line = format!("{variables} {} {words}; echo code:$?", env!("CARGO_BIN_EXE_chartmogul"));
        terminal.clear();
        terminal.send(&[&line, "Enter"]);
    };
    let delete = format!("opportunities delete {}", uuid(0));
    for (answer, code, left) in [("n", "code:2", 1), ("", "code:2", 1), ("y", "code:0", 0)] {
        run(fake.api_key(), &delete);
        let screen = terminal.wait_for("[y/N]");
        assert!(screen.contains("This can't be undone."), "{screen}");
        terminal.send(&[answer, "Enter"]);
        terminal.wait_for(code);
        assert_eq!(fake.collection("opportunities").len(), left, "{answer}");
    }

    run("", "auth login");
    terminal.wait_for("it is not shown");
    terminal.send(&["a-wrong-key", "Enter"]);
    terminal.wait_for("code:4");
    run("", "auth login");
    terminal.wait_for("it is not shown");
    fake.respond_next(chartmogul_fake::Canned::new(200).json(r#"{"data":"pong!"}"#));
    terminal.send(&[fake.api_key(), "Enter"]);
    let screen = terminal.wait_for("code:0");
    for shown in ["a-wrong-key", fake.api_key()] {
        assert!(!screen.contains(shown), "{screen}");
    }
    run("", "opportunities list --output json");
    terminal.wait_for("code:0");
}
