//! A child process whose output is read line by line; it is killed when the test ends.

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
            // An incomplete line is ignored.
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

    /// Number of lines that it has written.
    pub fn written(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Kills it with `SIGKILL`.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child");
    }

    /// Waits for its end; returns its status and all lines.
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
