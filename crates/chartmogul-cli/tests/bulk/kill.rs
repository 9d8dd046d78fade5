//! Runs that are killed at any moment. `CHARTMOGUL_CLI_KILLS` says how many times; 50 by default.

use std::time::Duration;

use super::*;

const ROWS: usize = 120;

#[test]
fn nothing_is_lost_when_it_is_killed_at_any_moment() {
    let kills = std::env::var("CHARTMOGUL_CLI_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(50);
    let (mut killed, mut round) = (0, 0);
    while killed < kills {
        round += 1;
        let fake = server(ROWS);
        let likelihood = round % 100;
        let row = |number: usize| match number % 20 {
            7 => format!("{number:08x}-0000-4000-8000-000000000000,{likelihood},{number}\n"),
            _ => format!("{},{likelihood},{number}\n", uuid(number)),
        };
        let folder =
            Folder::new("uuid,win_likelihood,custom.row\n".to_owned() + &(0..ROWS).map(row).collect::<String>());
        let mut longest = 400; // milliseconds; more, if it gets nowhere
        let code = loop {
            let mut child = folder.command(&fake, &["--results", "done.jsonl", "--rate", "400"]);
            let stderr = std::fs::File::create(folder.path("stderr")).unwrap();
            let mut child = child.stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(fastrand::u64(0..longest)));
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            longest += 10;
            if killed >= kills {
                break Some(folder.run(&fake, &["--results", "done.jsonl"]).code);
            }
        };
        assert_eq!(code, Some(3), "round {round}: {}", folder.read("stderr"));
        let done: Vec<Value> = folder
            .read("done.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(done.len(), ROWS, "round {round}");
        for (number, line) in done.iter().enumerate() {
            let expected = if number % 20 == 7 { "failed" } else { "updated" };
            assert_eq!(
                (&line["row"], &line["outcome"]),
                (&json!(number + 2), &json!(expected)),
                "round {round}: {line}"
            );
            if number % 20 != 7 {
                let deal = deal(&fake, number);
                assert_eq!(deal["win_likelihood"], likelihood, "round {round}");
                assert_eq!(deal["custom"], json!({ "own": number, "row": number }), "round {round}");
            }
        }
        assert_eq!(
            folder.read("deals.failed.csv").lines().count(),
            1 + ROWS / 20,
            "round {round}"
        );
    }
}
