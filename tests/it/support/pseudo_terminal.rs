//! A terminal with a command at it, which gets what is typed, the signals of its keys included, from the kernel.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::termios::{Termios, tcgetattr};

use super::command::begun_by;
use super::emulators::{Emulators, Screens};

/// Until something must be on the screen: far longer than it ever takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// What is written when the command has ended, so that whatever it wrote is read before.
const END: &str = "that was all\n";

/// The byte that Ctrl-C sends: the kernel makes a SIGINT of it, to every process in the foreground.
const INTERRUPT: u8 = 3;

/// A command in a session of its own, whose terminal this is.
pub(crate) struct PseudoTerminal {
    keyboard: File,
    /// Kept open, so that the settings can be looked at when the command has ended.
    own_end: OwnedFd,
    settings: Termios,
    shown: Arc<Mutex<Shown>>,
    /// While this is open, the screen is read.
    reading: PipeWriter,
    reader: JoinHandle<()>,
    pub(crate) child: Child,
}

/// What the command has written: as it is, and as terminals show it.
struct Shown {
    bytes: Vec<u8>,
    emulators: Emulators,
}

impl PseudoTerminal {
    /// Starts the command, with its arguments, folder and environment, as a shell of that terminal would.
    pub(crate) fn start(command: &Command) -> Self {
        Self::start_sized(command, 24, 200)
    }

    /// Starts the command at a terminal of this size.
    pub(crate) fn start_sized(command: &Command, rows: u16, columns: u16) -> Self {
        let size = winsize(rows, columns);
        let pair = openpty(Some(&size), None).unwrap();
        // The command gets its end as stdin, stdout and stderr alone: with a copy of ours, the terminal would never be gone.
        for end in [&pair.master, &pair.slave] {
            rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC).unwrap();
        }
        let end = || Stdio::from(pair.slave.try_clone().unwrap());
        let mut session = begun_by("setsid", &["--ctty"], command);
        session.stdin(end()).stdout(end()).stderr(end());
        if command.get_envs().all(|(name, _)| name != "TERM") {
            session.env("TERM", "xterm");
        }
        // A shell changes them as soon as it begins.
        let settings = tcgetattr(&pair.slave).unwrap();
        let child = session.spawn().unwrap();
        let shown = Arc::new(Mutex::new(Shown {
            bytes: Vec::new(),
            emulators: Emulators::new(rows, columns),
        }));
        let screen = Arc::clone(&shown);
        let mut output = File::from(pair.master.try_clone().unwrap());
        let (closed, reading) = std::io::pipe().unwrap();
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while is_readable(&output, &closed)
                && let Ok(count @ 1..) = output.read(&mut buffer)
            {
                let mut screen = screen.lock().unwrap();
                screen.bytes.extend_from_slice(&buffer[..count]);
                screen.emulators.feed(&buffer[..count]);
            }
        });
        Self {
            keyboard: pair.master.into(),
            settings,
            own_end: pair.slave,
            shown,
            reading,
            reader,
            child,
        }
    }

    /// Closes the terminal while the command is at it, and waits for the command's end. Answers its exit code.
    pub(crate) fn closed(mut self) -> Option<i32> {
        drop((self.keyboard, self.own_end, self.reading));
        self.reader.join().unwrap();
        self.child.wait().unwrap().code()
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&mut self) {
        self.keyboard.write_all(&[INTERRUPT]).unwrap();
    }

    /// Types text.
    pub(crate) fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// What was shown so far.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap().bytes).into_owned()
    }

    /// Gives the terminal another size, as a person does who moves the edge of a window.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let mut shown = self.shown.lock().unwrap();
        let size = rustix::termios::Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&self.keyboard, size).unwrap();
        shown.emulators.resize(rows, columns);
    }

    /// What terminals show now.
    pub(crate) fn screens(&self) -> Screens {
        self.shown.lock().unwrap().emulators.screens()
    }

    /// Waits until terminals show what is looked for. The command must not have ended before.
    #[track_caller]
    pub(crate) fn until(&mut self, looked_for: impl Fn(&Screens) -> bool) -> Screens {
        let begun = Instant::now();
        loop {
            let screens = self.screens();
            if looked_for(&screens) {
                return screens;
            }
            let ended = self.child.try_wait().unwrap();
            let is_late = begun.elapsed() > PATIENCE || ended.is_some();
            assert!(
                !is_late,
                "it is not on the screens (ended: {ended:?}):\n{:?}",
                self.screens()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until this is on the screen; the command must not have ended before.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.shown().contains(text) {
            let ended = self.child.try_wait().unwrap();
            let is_late = begun.elapsed() > PATIENCE || ended.is_some() && !self.shown().contains(text);
            assert!(
                !is_late,
                "`{text}` is not on the screen (ended: {ended:?}):\n{}",
                self.shown()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the command's end, and sees that its terminal is as it was. Answers its exit code and what it showed.
    #[track_caller]
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        assert_eq!(
            tcgetattr(&self.own_end).unwrap(),
            self.settings,
            "the terminal's settings changed"
        );
        self.read_to_end();
        let shown = self.shown();
        let (shown, _) = shown.rsplit_once(END.trim_end()).expect("the screen has it");
        let hidden = shown.rfind("\u{1b}[?25l").unwrap_or(0);
        assert!(
            hidden == 0 || shown[hidden..].contains("\u{1b}[?25h"),
            "the cursor stays hidden:\n{shown}"
        );
        let line = shown.rsplit('\n').next().unwrap_or_default();
        let drawn = line.rsplit('\r').next().unwrap_or_default().replace("\u{1b}[J", "");
        assert_eq!(drawn, "", "the next prompt would not begin a line:\n{shown}");
        (code, shown.to_owned())
    }

    /// Waits for the command's end. Answers its exit code and what terminals show then, with a last row of this test's.
    pub(crate) fn ended_with_screens(mut self) -> (Option<i32>, Screens) {
        let code = self.child.wait().unwrap().code();
        self.read_to_end();
        (code, self.screens())
    }

    /// Waits until all is read that the command wrote, which has ended.
    fn read_to_end(&self) {
        File::from(self.own_end.try_clone().unwrap())
            .write_all(END.as_bytes())
            .unwrap();
        let begun = Instant::now();
        while !self.shown().contains(END.trim_end()) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn winsize(rows: u16, columns: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// Waits until there is something to read; answers whether the terminal is still to be read.
fn is_readable(terminal: &File, closed: &PipeReader) -> bool {
    let mut both = [terminal.as_fd(), closed.as_fd()].map(|end| PollFd::new(end, PollFlags::POLLIN));
    poll(&mut both, PollTimeout::NONE).unwrap();
    both[1].any() != Some(true)
}
