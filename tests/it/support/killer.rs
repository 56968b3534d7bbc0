//! A process killed at a chosen system call, by ptrace: the call itself is not made any more.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::command::begun_by;

/// The calls after which a file is known by another name, gone, or durable.
#[cfg(target_arch = "x86_64")]
const CALLS: [i64; 10] = [
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_link,
    libc::SYS_linkat,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_rmdir,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
];

/// How a traced process ended, and how many of the calls it came to.
pub(crate) struct Traced {
    pub(crate) status: ExitStatus,
    pub(crate) calls: usize,
}

impl Traced {
    /// Whether it was killed, as it was to be.
    pub(crate) fn was_killed(&self) -> bool {
        self.status.signal() == Some(libc::SIGKILL)
    }
}

/// Runs a command, and kills it right before the call with this number (from 1), in whichever thread. What it says goes
/// to a file. The command's environment is what was set of it, and nothing else.
#[expect(clippy::zombie_processes, reason = "it is waited for as what is traced")]
pub(crate) fn run(command: &Command, kill_at: Option<usize>, said: &Path) -> Traced {
    let said = File::create(said).unwrap();
    // It waits until it is watched.
    let mut shell = begun_by("/bin/sh", &["-c", "kill -STOP $$; exec \"$0\" \"$@\""], command);
    shell
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said);
    let child = shell.spawn().unwrap();
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let stopped = waitpid(process, Some(WaitPidFlag::WUNTRACED)).unwrap();
    assert!(matches!(stopped, WaitStatus::Stopped(..)), "{stopped:?}");
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(process, options).expect("this machine lets a process trace its child (ptrace)");
    kill(process, Signal::SIGCONT).unwrap();
    watch(process, kill_at)
}

/// Follows every thread of a process until its end.
fn watch(process: Pid, kill_at: Option<usize>) -> Traced {
    let mut calls = 0;
    loop {
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        let (thread, signal) = match waitpid(Pid::from_raw(-1), Some(flags)).unwrap() {
            WaitStatus::Exited(thread, code) if thread == process => {
                let status = ExitStatus::from_raw(code << 8);
                return Traced { status, calls };
            }
            WaitStatus::Signaled(thread, signal, _) if thread == process => {
                let status = ExitStatus::from_raw(signal as i32);
                return Traced { status, calls };
            }
            WaitStatus::PtraceSyscall(thread) => {
                calls += usize::from(begins_call(thread));
                if Some(calls) == kill_at {
                    kill(process, Signal::SIGKILL).unwrap();
                    continue;
                }
                (thread, None)
            }
            WaitStatus::PtraceEvent(thread, ..) => (thread, None),
            WaitStatus::Stopped(thread, signal) => {
                let ours = [Signal::SIGTRAP, Signal::SIGSTOP].contains(&signal);
                (thread, (!ours).then_some(signal))
            }
            _ => continue,
        };
        // A thread that was killed meanwhile is told of next.
        let _ = ptrace::syscall(thread, signal);
    }
}

/// Whether a thread is about to make one of the calls.
#[cfg(target_arch = "x86_64")]
fn begins_call(thread: Pid) -> bool {
    let Ok(registers) = ptrace::getregs(thread) else {
        return false;
    };
    // What the kernel puts there before a call, and only then.
    let begins = registers.rax.cast_signed() == -i64::from(libc::ENOSYS);
    begins && CALLS.contains(&registers.orig_rax.cast_signed())
}
