//! Console and log on one terminal: the console as it comes, log lines whole, addresses with names.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::symbolise::Symboliser;

/// How long a log line waits for an unfinished console line before it is put above it.
const PATIENCE: Duration = Duration::from_millis(100);

/// Called with each complete line of the console.
pub(crate) type OnLine = Box<dyn FnMut(&str) + Send>;

/// The terminal of a run and the record of what was shown.
pub(crate) struct Screen {
    sink: Box<dyn Write + Send>,
    symboliser: Symboliser,
    on_line: OnLine,
    /// The console's unfinished line.
    line: Vec<u8>,
    /// A carriage return that may belong to a line's end.
    carriage_return: bool,
    touched: Option<Instant>,
    waiting: Vec<String>,
    transcript: Vec<String>,
    /// What somebody between the kernel and the wire puts before each of its lines.
    prefix: &'static str,
}

impl Screen {
    /// Shows on `sink`; `on_line` hears every console line.
    pub(crate) fn new(sink: Box<dyn Write + Send>, symboliser: Symboliser, on_line: OnLine) -> Self {
        Self {
            sink,
            symboliser,
            on_line,
            line: Vec::new(),
            carriage_return: false,
            touched: None,
            waiting: Vec::new(),
            transcript: Vec::new(),
            prefix: "",
        }
    }

    /// The same, where each line of the kernel's begins with `prefix`, which it did not write.
    pub(crate) fn behind(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    /// Bytes from the console.
    pub(crate) fn console(&mut self, bytes: &[u8], now: Instant) {
        for byte in bytes {
            self.byte(*byte);
        }
        self.touched = Some(now);
        self.flush();
    }

    /// A line of the log.
    pub(crate) fn log(&mut self, line: String) {
        self.waiting.push(line);
        if self.line.is_empty() {
            self.show_waiting();
        }
        self.flush();
    }

    /// Time passes: log lines that waited long enough go above the unfinished line.
    pub(crate) fn tick(&mut self, now: Instant) {
        let idle = self.touched.is_none_or(|touched| now.duration_since(touched) >= PATIENCE);
        if self.waiting.is_empty() || !idle {
            return;
        }
        if self.line.is_empty() {
            self.show_waiting();
        } else {
            self.emit(b"\n");
            self.show_waiting();
            let line = std::mem::take(&mut self.line);
            self.emit(&line);
            self.line = line;
        }
        self.flush();
    }

    /// The end: what is unfinished is shown as it is. Returns every line shown.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.show_waiting();
        self.flush();
        std::mem::take(&mut self.transcript)
    }

    fn byte(&mut self, byte: u8) {
        // Some that pass a line on add another.
        if std::mem::take(&mut self.carriage_return) && !matches!(byte, b'\n' | b'\r') {
            // Not a line's end: the console writes over its own line.
            self.emit(b"\r");
            self.line.clear();
        }
        match byte {
            b'\r' => self.carriage_return = true,
            b'\n' => self.end_line(),
            _ => {
                self.line.push(byte);
                self.emit(&[byte]);
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        let mut text = line.strip_prefix(self.prefix).unwrap_or(&line).to_owned();
        (self.on_line)(&text);
        if let Some(annotation) = self.symboliser.annotation(&text) {
            self.emit(annotation.as_bytes());
            text.push_str(&annotation);
        }
        self.emit(b"\n");
        self.transcript.push(text);
        self.show_waiting();
    }

    fn show_waiting(&mut self) {
        for line in std::mem::take(&mut self.waiting) {
            self.emit(line.as_bytes());
            self.emit(b"\n");
            self.transcript.push(line);
        }
    }

    // A terminal that went away is no reason to stop: the record is still complete.
    fn emit(&mut self, bytes: &[u8]) {
        let _ = self.sink.write_all(bytes);
    }

    fn flush(&mut self) {
        let _ = self.sink.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Shared {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn screen() -> (Screen, Shared, Arc<Mutex<Vec<String>>>) {
        let (shared, heard) = (Shared::default(), Arc::new(Mutex::new(Vec::new())));
        let listener = heard.clone();
        let on_line = Box::new(move |line: &str| listener.lock().unwrap().push(line.to_owned()));
        (Screen::new(Box::new(shared.clone()), Symboliser::default(), on_line), shared, heard)
    }

    #[test]
    fn the_console_is_shown_at_once() {
        let (mut screen, shown, heard) = screen();
        screen.console(b"$ l", Instant::now());
        assert_eq!(shown.text(), "$ l");
        screen.console(b"s\r\n", Instant::now());
        assert_eq!(shown.text(), "$ ls\n");
        assert_eq!(*heard.lock().unwrap(), ["$ ls"]);
    }

    #[test]
    fn a_log_line_waits_for_the_end_of_the_console_line() {
        let (mut screen, shown, _) = screen();
        let now = Instant::now();
        screen.log("log 1".into());
        screen.console(b"half", now);
        screen.log("log 2".into());
        screen.tick(now);
        assert_eq!(shown.text(), "log 1\nhalf");
        screen.console(b" whole\n", now);
        assert_eq!(shown.text(), "log 1\nhalf whole\nlog 2\n");
        assert_eq!(screen.finish(), ["log 1", "half whole", "log 2"]);
    }

    #[test]
    fn a_prompt_does_not_hold_the_log_up() {
        let (mut screen, shown, _) = screen();
        let now = Instant::now();
        screen.console(b"$ ", now);
        screen.log("log".into());
        screen.tick(now + PATIENCE);
        assert_eq!(shown.text(), "$ \nlog\n$ ");
        screen.console(b"x\n", now + PATIENCE);
        assert_eq!(shown.text(), "$ \nlog\n$ x\n");
    }

    #[test]
    fn a_carriage_return_alone_starts_the_line_anew() {
        let (mut screen, shown, heard) = screen();
        screen.console(b"10%\r20%\r\n", Instant::now());
        assert_eq!(shown.text(), "10%\r20%\n");
        screen.console(b"30%\r\r\n", Instant::now());
        assert_eq!(*heard.lock().unwrap(), ["20%", "30%"]);
    }

    #[test]
    fn what_another_puts_before_a_line_is_not_the_kernels() {
        let (screen, _, heard) = screen();
        let mut screen = screen.behind("(XEN) DOM1: ");
        screen.console(b"(XEN) DOM1: hello\n(XEN) 3... 2...\n", Instant::now());
        assert_eq!(*heard.lock().unwrap(), ["hello", "(XEN) 3... 2..."]);
    }

    #[test]
    fn what_is_unfinished_at_the_end_is_kept() {
        let (mut screen, shown, _) = screen();
        screen.console(b"KERNEL PANIC", Instant::now());
        assert_eq!(screen.finish(), ["KERNEL PANIC"]);
        assert_eq!(shown.text(), "KERNEL PANIC\n");
    }
}
