//! The binary under test as a child process that never outlives its test.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// A command for the `fewer` that this test run built.
pub fn fewer() -> Command {
    let mut path: PathBuf = std::env::current_exe().expect("a test has a path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.push("fewer");
    assert!(path.exists(), "{} is missing: cargo build -p cli", path.display());
    Command::new(path)
}

/// A loopback port that nobody listened on a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback works");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// True when tests that need the kernel's favour can run.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A child whose output is kept, and which is killed with its test.
pub struct Running {
    child: Child,
    output: Arc<Mutex<String>>,
}

impl Running {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let output = Arc::new(Mutex::new(String::new()));
        keep(child.stdout.take().expect("stdout is piped"), output.clone());
        keep(child.stderr.take().expect("stderr is piped"), output.clone());
        Self { child, output }
    }

    /// Process id of the child.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it has printed so far.
    pub fn output(&self) -> String {
        self.output.lock().expect("no reader panicked").clone()
    }

    /// Waits until `ready` says so; panics with the child's output when it takes too long or the child ends.
    pub fn wait_until(&mut self, what: &str, timeout: Duration, mut ready: impl FnMut() -> bool) {
        let started = Instant::now();
        while !ready() {
            let ended = self.child.try_wait().expect("the child can be waited for");
            assert!(
                ended.is_none() && started.elapsed() < timeout,
                "{what} did not happen ({ended:?}, {:?}); it printed:\n{}",
                started.elapsed(),
                self.output()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the child as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("the child can be killed");
        self.child.wait().expect("the child can be waited for");
    }

    /// Asks the child to stop, as a terminal does, and waits for it.
    pub fn interrupt(mut self) -> (ExitStatus, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the child can be signalled");
        let status = self.child.wait().expect("the child can be waited for");
        (status, self.output())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(stream: impl Read + Send + 'static, output: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut output = output.lock().expect("no reader panicked");
            output.push_str(&line);
            output.push('\n');
        }
    });
}
