//! A program whose output is read line by line, and that ends with the test.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

/// A running program.
pub struct Program {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Program {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let read = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            let mut line = Vec::new();
            // A line that is not complete says nothing.
            while output.read_until(b'\n', &mut line).is_ok() && line.pop() == Some(b'\n') {
                let text = String::from_utf8(std::mem::take(&mut line)).expect("text");
                read.lock().unwrap().push(text);
            }
        });
        Self {
            child,
            lines,
            reader: Some(reader),
        }
    }

    /// How many lines it has written.
    pub fn written(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Ends it at once, with `SIGKILL`.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child");
    }

    /// Waits for its end. How it ended, and all that it wrote.
    pub fn finish(mut self) -> (ExitStatus, Vec<String>) {
        let status = self.child.wait().expect("a child");
        self.reader.take().expect("a reader").join().expect("a reader");
        (status, std::mem::take(&mut *self.lines.lock().unwrap()))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
