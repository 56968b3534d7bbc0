//! Runtimes: the kernels that they give, and what gVisor hides.

use super::{DOCKER, asked, weak};
use crate::sandbox::guarantee::{Facts, Item, RequestedContainer, compare};
use crate::sandbox::spec::Runtime;

/// What a container of runsc on Docker Engine 20.10 reported; shortened.
const GVISOR: &str = "\
== process
pid 2
parent 1
init docker-init
== version
Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016
== status
Uid:\t1000\t1000\t1000\t1000
Gid:\t1000\t1000\t1000\t1000
Groups:\t 1000 
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
Seccomp:\t0
== uid_map
         0          0 4294967295
== mountinfo
8 8 0:8 / / ro  - 9p none ro,trans=fd,rfdno=4,wfdno=4
10 8 0:10 / /tmp rw,noexec  - tmpfs none rw,mode=1777,size=65536k
11 8 0:11 / /sys ro,noexec  - sysfs none ro,dentry_cache_limit=1000
12 8 0:6 / /dev rw  - tmpfs none rw,mode=0755
13 8 0:12 / /proc rw,noexec  - proc none rw,dentry_cache_limit=1000
14 12 0:13 / /dev/pts rw,noexec  - devpts none rw
15 12 0:14 / /dev/shm rw,noexec  - tmpfs none rw,mode=1777,size=67108864
16 8 0:15 / /workspace rw  - 9p none rw,trans=fd,rfdno=6,wfdno=6
17 8 0:16 / /run/cordwainer/gateway ro  - 9p none ro,trans=fd,rfdno=7,wfdno=7
18 8 0:17 / /etc/hosts ro  - 9p none ro,trans=fd,rfdno=10,wfdno=10
== net/dev
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets
    lo:       0       0    0    0    0     0          0         0        0       0
== net/route
Iface\tDestination\tGateway\tFlags
== usable
worktree yes
git yes
home yes
temporary yes
";

/// What gVisor does not show.
const HIDDEN: [&str; 7] = [
    "no_new_privileges",
    "seccomp",
    "kernel_files",
    "memory",
    "cpus",
    "pids",
    "open_files",
];

fn of_runtime(runtime: Runtime) -> RequestedContainer {
    RequestedContainer {
        runtime: Some(runtime),
        ..asked()
    }
}

#[test]
fn what_gvisor_hides_must_be_relaxed_by_name() {
    let report = compare(&of_runtime(Runtime::Runsc), &Facts::parse(GVISOR));
    assert_eq!(weak(&report), HIDDEN);
    let refusal = report.refusal("Docker Engine").unwrap();
    assert_eq!(
        refusal
            .matches("found: gVisor does not show it; fix: name it in")
            .count(),
        HIDDEN.len()
    );
    let relaxed = RequestedContainer {
        relax: HIDDEN.iter().filter_map(|name| Item::named(name)).collect(),
        ..of_runtime(Runtime::Runsc)
    };
    let report = compare(&relaxed, &Facts::parse(GVISOR));
    assert_eq!(report.refusal("Docker Engine"), None);
    assert_eq!(report.relaxed().count(), HIDDEN.len(), "each is told");
    // A weakness that gVisor does show is none of them.
    let capable = GVISOR.replace("CapInh:\t0000000000000000", "CapInh:\t0000000000000001");
    let report = compare(&relaxed, &Facts::parse(&capable));
    assert_eq!(weak(&report), ["capabilities"]);
}

#[test]
fn a_runtime_is_known_by_the_kernel_inside() {
    let machine = DOCKER.replace("6.1.0-18-amd64", "6.12.1-kata");
    let newer = DOCKER.replace("6.1.0-18-amd64", "4.19.0-gvisor");
    for (runtime, facts, holds) in [
        (Runtime::Runc, DOCKER, true),
        (Runtime::Crun, DOCKER, true),
        (Runtime::Runsc, DOCKER, false),
        (Runtime::Kata, DOCKER, false),
        (Runtime::Krun, DOCKER, false),
        (Runtime::Runc, GVISOR, false),
        (Runtime::Runsc, GVISOR, true),
        (Runtime::Runsc, newer.as_str(), true),
        (Runtime::Kata, GVISOR, false),
        (Runtime::Runc, machine.as_str(), false),
        (Runtime::Runsc, machine.as_str(), false),
        (Runtime::Kata, machine.as_str(), true),
        (Runtime::Krun, machine.as_str(), true),
    ] {
        let report = compare(&of_runtime(runtime), &Facts::parse(facts));
        assert_eq!(!weak(&report).contains(&"runtime"), holds, "{runtime}: {facts}");
    }
}
