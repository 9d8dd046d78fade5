//! How time and memory grow with the document: `cargo bench -p xtask` prints the tables of `docs/performance.md`.
//!
//! `cargo bench -p xtask -- --document 100` prints the document of 100 operations instead, to test the commands with it;
//! `-- --sketch FOLDER` writes the document of all 119 operations of the API (`sketch.rs`) to a folder, and the generated
//! code if the folder contains the crates.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a program that nobody depends on

mod sketch;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use camino::Utf8Path;
use peak_alloc::PeakAlloc;
use serde_json::{Map, Value, json};
use xtask::{Spec, diff::Diff, lint, lower};

/// Counts allocations. That takes some time, so the real times are a little shorter.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SIZES: [usize; 3] = [10, 100, 1000];
/// Short steps run more often: until they have taken this long in total.
const RUNS: usize = 5;
const LEAST: Duration = Duration::from_millis(500);
const STEPS: [&str; 4] = ["lint", "lower", "generate", "diff"];

fn main() {
    let file = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(xtask::BUNDLE);
    let text = std::fs::read_to_string(file).unwrap();
    let real = Spec::parse(xtask::DOCUMENT, &text).unwrap();

    let arguments: Vec<_> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--document") {
        let operations = arguments.get(at + 1).and_then(|count| count.parse().ok());
        println!("{:#}", document(real.root(), operations.unwrap()));
        return;
    }

    if let Some(at) = arguments.iter().position(|argument| argument == "--sketch") {
        let folder = Utf8Path::new(&arguments[at + 1]);
        for (path, text) in sketch::files(&Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("..")) {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        if folder.join("crates").exists() {
            xtask::write(folder).unwrap_or_else(|error| panic!("{error}"));
        }
        return;
    }

    println!("| document | step | time | per operation | memory | per operation |");
    println!("|---|---|--:|--:|--:|--:|");
    report("this one", 1, &text, real.root());
    let measured = SIZES.map(|operations| {
        let document = document(real.root(), operations);
        let text = format!("{document:#}");
        report(&format!("{operations} operations"), operations, &text, &document)
    });

    println!("\n| step | time per operation, 1,000 to 100 | memory per operation, 1,000 to 100 |");
    println!("|---|--:|--:|");
    for ((step, hundred), thousand) in STEPS.iter().zip(&measured[1]).zip(&measured[2]) {
        let time = thousand.time.as_secs_f64() / hundred.time.as_secs_f64() / 10.0;
        let memory = thousand.memory / hundred.memory / 10.0;
        println!("| {step} | {time:.2} | {memory:.2} |");
    }
}

/// A document with this many copies of one real operation, five per resource; each has its own request and response,
/// each resource its own enums.
fn document(real: &Value, operations: usize) -> Value {
    let schemas = &real["components"]["schemas"];
    let operation = &real["paths"]["/v1/opportunities/{opportunity_uuid}"]["patch"];
    let mut document = real.clone();
    let mut paths = Map::new();
    for number in 0..operations {
        let resource = number / 5;
        let own = [
            ("Opportunity", number),
            ("OpportunityUpdate", number),
            ("OpportunityType", resource),
            ("ForecastCategory", resource),
        ];
        let renamed = |value: &Value| -> Value {
            let text = own.iter().fold(value.to_string(), |text, (name, number)| {
                text.replace(&format!("/{name}\""), &format!("/{name}{number}\""))
            });
            serde_json::from_str(&text).unwrap()
        };
        for (name, number) in own {
            document["components"]["schemas"][format!("{name}{number}")] = renamed(&schemas[name]);
        }
        let mut operation = renamed(operation);
        operation["operationId"] = json!(format!("update_opportunity_{number}"));
        operation["tags"] = json!([format!("resource_{resource}")]);
        let path = format!("/v1/resource_{resource}/{{opportunity_uuid}}/part_{number}");
        paths.insert(path, json!({ "patch": operation }));
    }
    document["paths"] = paths.into();
    document
}

/// The same document with one more property in every response, and changed descriptions.
fn changed(document: &Value) -> Value {
    let mut document = document.clone();
    reword(&mut document);
    for (name, schema) in document["components"]["schemas"].as_object_mut().unwrap() {
        let number = name.strip_prefix("Opportunity");
        if number.is_some_and(|number| number.chars().all(|c| c.is_ascii_digit())) {
            schema["properties"]["probability_source"] =
                json!({ "type": "string", "description": "Where the win likelihood comes from.", "example": "stage" });
        }
    }
    document
}

fn reword(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == "description" => text.push_str(" See the reference."),
                    _ => reword(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(reword),
        _ => {}
    }
}

/// Measures the steps on one document and prints a row for each.
fn report(name: &str, operations: usize, text: &str, document: &Value) -> [Measured; STEPS.len()] {
    let parse = |text: &str| Spec::parse(xtask::DOCUMENT, text).unwrap();
    let spec = parse(text);
    let api = lint::check(&spec).unwrap();
    let new = parse(&changed(document).to_string());
    let measured = [
        measure(|| lint::check(&parse(text)).unwrap()),
        measure(|| lower::lower(&api)),
        measure(|| xtask::generate(&spec).unwrap()),
        measure(|| Diff::between(&spec, &new, ["0.1.0"; 2]).unwrap()),
    ];
    #[allow(clippy::cast_precision_loss)] // a thousand at most
    let count = operations as f64;
    for (step, Measured { time, memory }) in STEPS.iter().zip(&measured) {
        let milliseconds = time.as_secs_f64() * 1e3;
        println!(
            "| {name} | {step} | {milliseconds:.1} ms | {:.2} ms | {memory:.1} MiB | {:.0} KiB |",
            milliseconds / count,
            memory * 1024.0 / count,
        );
    }
    measured
}

struct Measured {
    time: Duration,
    /// Peak memory above that at the start, in MiB.
    memory: f64,
}

/// The median of some runs.
fn measure<T>(step: impl Fn() -> T) -> Measured {
    let mut times = Vec::new();
    let mut memory = Vec::new();
    while times.len() < RUNS || times.iter().sum::<Duration>() < LEAST {
        MEMORY.reset_peak_usage();
        let before = f64::from(MEMORY.current_usage_as_mb());
        let start = Instant::now();
        let result = black_box(step());
        times.push(start.elapsed());
        memory.push(f64::from(MEMORY.peak_usage_as_mb()) - before);
        drop(result);
    }
    times.sort();
    memory.sort_by(f64::total_cmp);
    Measured {
        time: times[times.len() / 2],
        memory: memory[memory.len() / 2],
    }
}
