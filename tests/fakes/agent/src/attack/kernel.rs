//! Attacks on the kernel's rules.

use std::ffi::CStr;
use std::fs::{self, OpenOptions};
use std::io;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};
use rustix::net::{AddressFamily, SocketType, ipproto, socket};
use rustix::process::Uid;
use rustix::thread::set_thread_uid;

use super::{Arguments, Outcome};

/// Tries it; `None` where it is none of these.
pub(super) fn attempt(name: &str, given: &Arguments<'_>) -> Option<Outcome> {
    Some(match name {
        "capabilities" => capabilities(),
        "privileges" => status_is("NoNewPrivs", "0"),
        "seccomp" => status_is("Seccomp", "0"),
        "become-root" => become_root(),
        "setuid-program" => given.word(0).and_then(setuid_program),
        "mount" => given.word(0).and_then(|path| {
            let mounted = mount("none", path, "tmpfs", MountFlags::empty(), None);
            plain(mounted)
        }),
        "remount" => given
            .word(0)
            .and_then(|path| plain(mount_remount(path, MountFlags::empty(), ""))),
        "hostname" => given
            .word(0)
            .and_then(|name| plain(rustix::system::sethostname(name.as_bytes()))),
        "module" => module(),
        "raw-socket" => plain(socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP)).map(drop)),
        "vsock" => plain(socket(AddressFamily::VSOCK, SocketType::STREAM, None).map(drop)),
        "release-agent" => given.word(0).and_then(release_agent),
        "device" => device(given),
        _ => return None,
    })
}

fn plain(done: Result<(), Errno>) -> Outcome {
    Ok(done.map(|()| String::new())?)
}

/// A line of this process's own status, by its name.
fn status(name: &str) -> io::Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    value
        .map(str::to_owned)
        .ok_or_else(|| io::Error::other(format!("no `{name}` in the status")))
}

fn status_is(name: &str, weak: &str) -> Outcome {
    let value = status(name)?;
    refuse_unless(value == weak, &format!("{name} {value}"))
}

fn refuse_unless(done: bool, what: &str) -> Outcome {
    if done {
        Ok(what.to_owned())
    } else {
        Err(io::Error::other(what))
    }
}

fn capabilities() -> Outcome {
    let mut sets = Vec::new();
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        sets.push(status(name)?);
    }
    let any = sets.iter().any(|set| set.chars().any(|digit| digit != '0'));
    refuse_unless(any, &sets.join(" "))
}

/// In a thread of its own: what follows goes on as before.
fn become_root() -> Outcome {
    let become_it = || set_thread_uid(Uid::ROOT);
    let done = std::thread::spawn(become_it).join();
    plain(done.map_err(|_| io::Error::other("the thread died"))?)
}

fn setuid_program(path: &str) -> Outcome {
    let output = Command::new(path).arg("id").output()?;
    let user = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    refuse_unless(user.starts_with("0:"), &user)
}

/// What is no module is refused by its form where loading is allowed, and unseen where it is not.
fn module() -> Outcome {
    match rustix::system::init_module(b"no module at all", c"") {
        Ok(()) => Ok("loaded".to_owned()),
        Err(error) if error == Errno::NOEXEC || error == Errno::INVAL => Ok(error.to_string()),
        Err(error) => Err(error.into()),
    }
}

/// Mounts control groups of version 1, whose root has a program that the kernel runs on the host, and opens that.
fn release_agent(path: &str) -> Outcome {
    const CONTROLLERS: [&CStr; 4] = [c"pids", c"freezer", c"memory", c"cpu"];
    fs::create_dir_all(path)?;
    let mounted = CONTROLLERS.iter().find_map(|controller| {
        let done = mount("cgroup", path, "cgroup", MountFlags::empty(), Some(*controller));
        done.is_ok().then_some(*controller)
    });
    let Some(controller) = mounted else {
        return Err(io::Error::other("no control groups can be mounted"));
    };
    let opened = OpenOptions::new().write(true).open(format!("{path}/release_agent"));
    unmount(path, UnmountFlags::DETACH)?;
    opened.map(|_| controller.to_string_lossy().into_owned())
}

fn device(given: &Arguments<'_>) -> Outcome {
    let path = given.word(0)?;
    let number = makedev(given.number(1)?, given.number(2)?);
    mknodat(CWD, path, FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, number)?;
    let opened = OpenOptions::new().read(true).open(path);
    fs::remove_file(path)?;
    opened.map(|_| String::new())
}
