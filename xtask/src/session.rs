//! One run of QEMU from start to end: its console and its log on a screen, bounded in time if asked.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::board::Board;
use crate::log::{Decoder, Frames};
use crate::process;
use crate::qemu::{Boot, MachineArgs, QEMU};
use crate::scratch::Scratch;
use crate::screen::{OnLine, Screen};
use crate::stop::Stop;
use crate::symbolise::Symboliser;

const POLL: Duration = Duration::from_millis(20);

/// How init ended, on the console.
const INIT_ENDED: &str = "jacinth: init exited with status ";
/// How a panic of the kernel begins, on the console.
const PANIC: &str = "KERNEL PANIC";
/// QEMU's exit status after a panic, by semihosting.
const PANIC_CODE: i32 = 101;

/// How to run, and for whom.
pub(crate) struct Session<'a> {
    pub(crate) machine: &'a MachineArgs,
    pub(crate) boot: &'a Boot,
    /// The ELF files whose log strings and symbols may be needed.
    pub(crate) elves: &'a [PathBuf],
    pub(crate) symboliser: Symboliser,
    /// Somebody sits at the terminal: standard input goes to the console, QEMU's messages are theirs.
    pub(crate) interactive: bool,
    pub(crate) limit: Option<Duration>,
    /// What somebody between the kernel and the console puts before each of its lines.
    pub(crate) prefix: &'static str,
    pub(crate) stop: &'a Stop,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ended {
    /// QEMU's exit status; `None` when it was ended from here.
    pub(crate) status: Option<ExitStatus>,
    /// Every line of console and log, in the order shown.
    pub(crate) transcript: Vec<String>,
    /// QEMU's own messages, but for those that the board's machine has at each start.
    pub(crate) complaints: String,
    pub(crate) took: Duration,
}

/// What the run means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Init ended with this status.
    Init(i64),
    /// The kernel panicked.
    Panic,
    /// The time was over.
    TimedOut,
    /// QEMU ended with this status, and nothing else is known; `None` for a signal.
    Qemu(Option<i32>),
}

impl Ended {
    /// Reads the result out of console and exit status. A panic outweighs all else.
    pub(crate) fn verdict(&self) -> Verdict {
        let code = self.status.and_then(|status| status.code());
        if self.transcript.iter().any(|line| line.starts_with(PANIC)) || code == Some(PANIC_CODE) {
            return Verdict::Panic;
        }
        let status =
            self.transcript.iter().rev().find_map(|line| line.strip_prefix(INIT_ENDED)?.trim().parse().ok());
        match (status, self.status) {
            (Some(status), _) => Verdict::Init(status),
            (None, Some(_)) => Verdict::Qemu(code),
            (None, None) => Verdict::TimedOut,
        }
    }
}

impl Session<'_> {
    /// Runs QEMU to its end. The console and the log go to `sink`; `on_line` hears each console line.
    pub(crate) fn run(self, sink: Box<dyn Write + Send>, on_line: OnLine) -> Result<Ended> {
        let scratch = Scratch::new()?;
        let socket = scratch.path().join("log");
        let wire = Wire::listen(&socket)?;
        let mut command = Command::new(QEMU);
        command
            .args(self.machine.arguments(self.boot, &socket))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !self.interactive {
            command.stdin(Stdio::null());
        }
        if self.stop.keeps_interrupt {
            // The terminal sends Ctrl-C to the whole group in the foreground.
            command.process_group(0);
        }
        let started = Instant::now();
        let child =
            command.spawn().with_context(|| format!("cannot start `{}`", process::shown(&command)))?;
        let mut child = Guard(child);
        let screen = Arc::new(Mutex::new(Screen::new(sink, self.symboliser, on_line).behind(self.prefix)));
        let console = child.0.stdout.take().map(|pipe| spawn_console(pipe, screen.clone()));
        let (board, shown) = (self.machine.board(), self.interactive);
        let complaints = child.0.stderr.take().map(|pipe| spawn_reader(pipe, board, shown));
        let log = wire.spawn(Decoder::load(self.elves), screen.clone());
        let end = self.limit.map(|limit| started + limit);
        let status = watch(&mut child.0, end, self.stop, &screen)?;
        join(console);
        log.end();
        let transcript = lock(&screen).finish();
        ensure!(!self.stop.was_signalled(), "ended by a signal");
        Ok(Ended {
            status,
            transcript,
            complaints: complaints.and_then(|thread| thread.join().ok()).unwrap_or_default(),
            took: started.elapsed(),
        })
    }
}

/// Ends QEMU when the run is given up for whatever reason.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn watch(
    child: &mut Child,
    end: Option<Instant>,
    stop: &Stop,
    screen: &Mutex<Screen>,
) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let now = Instant::now();
        if stop.is_set() || end.is_some_and(|end| now >= end) {
            let _ = child.kill();
            child.wait()?;
            return Ok(None);
        }
        lock(screen).tick(now);
        std::thread::sleep(POLL);
    }
}

fn spawn_console(mut pipe: impl Read + Send + 'static, screen: Arc<Mutex<Screen>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            lock(&screen).console(&buffer[..count], Instant::now());
        }
    })
}

/// Gathers QEMU's messages, but for those that it has at each start of this board. Shows them to whoever sits there.
fn spawn_reader(
    pipe: impl Read + Send + 'static,
    board: Option<&'static Board>,
    shown: bool,
) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut gathered = String::new();
        let mut line = Vec::new();
        let mut pipe = BufReader::new(pipe);
        while let Ok(1..) = pipe.read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line).into_owned();
            line.clear();
            if board.is_some_and(|board| board.expects(text.trim_end())) {
                continue;
            }
            if shown {
                eprint!("{text}");
            }
            gathered.push_str(&text);
        }
        gathered
    })
}

/// The second serial port: a socket that QEMU connects to.
struct Wire(UnixListener);

struct Log {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Wire {
    fn listen(path: &Path) -> Result<Self> {
        let listener =
            UnixListener::bind(path).with_context(|| format!("cannot make the socket {}", path.display()))?;
        // QEMU may never connect: waiting for it must be able to end.
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    fn spawn(self, mut decoder: Decoder, screen: Arc<Mutex<Screen>>) -> Log {
        let over = Arc::new(AtomicBool::new(false));
        let is_over = over.clone();
        let thread = std::thread::spawn(move || {
            let Some(mut stream) = self.accept(&is_over) else { return };
            let mut frames = Frames::default();
            let mut buffer = [0; 4096];
            let mut show = |item| {
                for line in decoder.lines(&item) {
                    lock(&screen).log(line);
                }
            };
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                frames.push(&buffer[..count]).into_iter().for_each(&mut show);
            }
            frames.finish().into_iter().for_each(show);
        });
        Log { over, thread }
    }

    fn accept(&self, is_over: &AtomicBool) -> Option<UnixStream> {
        loop {
            match self.0.accept() {
                Ok((stream, _)) => return stream.set_nonblocking(false).ok().map(|()| stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock && !is_over.load(Ordering::Relaxed) => {
                    std::thread::sleep(POLL);
                }
                Err(_) => return None,
            }
        }
    }
}

impl Log {
    /// QEMU has ended: reads what is left on the wire.
    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        join(Some(self.thread));
    }
}

/// A reader that panicked has lost its lines; the run's other results still stand.
fn join(thread: Option<JoinHandle<()>>) {
    if let Some(thread) = thread {
        let _ = thread.join();
    }
}

fn lock(screen: &Mutex<Screen>) -> MutexGuard<'_, Screen> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn ended(code: Option<i32>, lines: &[&str]) -> Verdict {
        let transcript = lines.iter().map(|line| (*line).to_owned()).collect();
        let status = code.map(|code| ExitStatus::from_raw(code << 8));
        Ended { status, transcript, complaints: String::new(), took: Duration::ZERO }.verdict()
    }

    #[test]
    fn the_status_of_init_is_the_result() {
        assert_eq!(ended(Some(0), &["hello", "jacinth: init exited with status 0"]), Verdict::Init(0));
        assert_eq!(ended(Some(3), &["jacinth: init exited with status 3"]), Verdict::Init(3));
        assert_eq!(ended(Some(255), &["jacinth: init exited with status -1"]), Verdict::Init(-1));
        // Without semihosting the machine may fail to power off; the result is known all the same.
        assert_eq!(ended(None, &["jacinth: init exited with status 0"]), Verdict::Init(0));
    }

    #[test]
    fn a_panic_outweighs_what_was_said_before() {
        let lines = ["jacinth: init exited with status 0", "KERNEL PANIC at cpu 0"];
        assert_eq!(ended(Some(0), &lines), Verdict::Panic);
        assert_eq!(ended(Some(101), &[]), Verdict::Panic);
    }

    #[test]
    fn silence_is_no_success() {
        assert_eq!(ended(Some(0), &["boot"]), Verdict::Qemu(Some(0)));
        assert_eq!(ended(None, &["boot"]), Verdict::TimedOut);
    }
}
