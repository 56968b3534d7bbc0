mod layers;
mod runtime;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Facts, GuaranteeReport, Item, RequestedContainer, compare};
use crate::sandbox::spec::Runtime;

/// What a sealed container on Docker Engine 20.10 reported, with control groups of version 1; shortened.
const DOCKER: &str = "\
== process
pid 7
parent 1
init docker-init
== version
Linux version 6.1.0-18-amd64 (builder) #1 SMP PREEMPT_DYNAMIC
== status
Name:\tcat
Uid:\t1000\t1000\t1000\t1000
Gid:\t1000\t1000\t1000\t1000
Groups:\t1000 
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
== uid_map
         0          0 4294967295
== mountinfo
77 51 0:39 / / ro,relatime master:2 - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
78 77 0:42 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
79 77 0:43 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
80 79 0:44 / /dev/pts rw,nosuid,noexec,relatime - devpts devpts rw,gid=5,mode=620,ptmxmode=666
81 77 0:45 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro
82 81 0:46 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755
83 82 0:32 /docker/72fe /sys/fs/cgroup/memory ro,nosuid,nodev,noexec,relatime - cgroup cgroup rw,memory
92 79 0:41 / /dev/mqueue rw,nosuid,nodev,noexec,relatime - mqueue mqueue rw
93 79 0:47 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=65536k
94 77 254:0 /usr/bin/tini-static /usr/sbin/docker-init ro,relatime - ext4 /dev/vda rw,discard
95 77 254:0 /srv/slot /workspace rw,relatime - ext4 /dev/vda rw,discard
96 77 0:48 / /tmp rw,nosuid,nodev,relatime - tmpfs tmpfs rw,size=262144k
97 77 254:0 /var/lib/docker/containers/72fe/hosts /etc/hosts ro,relatime - ext4 /dev/vda rw,discard
101 77 254:0 /srv/gateway /run/cordwainer/gateway ro,relatime - ext4 /dev/vda rw,discard
55 78 0:42 /sys /proc/sys ro,nosuid,nodev,noexec,relatime - proc proc rw
56 78 0:50 / /proc/acpi ro,relatime - tmpfs tmpfs ro
58 78 0:43 /null /proc/keys rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
== limits
Limit                     Soft Limit           Hard Limit           Units
Max processes             32768                32768                processes
Max open files            20000                20000                files
== net/dev
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets
    lo:       0       0    0    0    0     0          0         0        0       0
== net/route
Iface\tDestination\tGateway \tFlags
== net/fib_trie
Local:
  +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.1
           /32 host LOCAL
== net/if_inet6
00000000000000000000000000000001 01 80 10 80       lo
== net/ipv6_route
00000000000000000000000000000000 00 00000000000000000000000000000000 00 ffffffff 00200200       lo
== usable
worktree yes
git yes
home yes
temporary yes
== memory.limit_in_bytes
1073741824
== memory.memsw.limit_in_bytes
1073741824
== cpu.cfs_quota_us
150000
== cpu.cfs_period_us
100000
== pids.max
512
";

fn asked() -> RequestedContainer {
    RequestedContainer {
        user: Some((1000, 1000)),
        rootless: false,
        read_only_root: true,
        tmpfs: [("/tmp".to_owned(), 256 << 20), ("/dev/shm".to_owned(), 64 << 20)].into(),
        mounts: [
            ("/workspace".to_owned(), true),
            ("/run/cordwainer/gateway".to_owned(), false),
        ]
        .into(),
        layers: BTreeMap::new(),
        overlays: BTreeMap::new(),
        runtime: Some(Runtime::Runc),
        kernel: "6.1.0-18-amd64".to_owned(),
        engine_socket: "/run/engine/e.sock".to_owned(),
        memory: Some(1 << 30),
        cpus: Some(1.5),
        pids: Some(512),
        open_files: 20_000,
        usable: [Item::Worktree, Item::Git, Item::Home, Item::Temporary].into(),
        relax: BTreeSet::new(),
    }
}

/// Returns the facts with control groups of version 2.
fn unified() -> String {
    let old = DOCKER.find("== memory.limit_in_bytes").unwrap();
    format!(
        "{}== memory.max\n1073741824\n== memory.swap.max\n0\n== cpu.max\n150000 100000\n== pids.max\n512\n",
        &DOCKER[..old]
    )
}

fn weak(report: &GuaranteeReport) -> Vec<&'static str> {
    report.refused().map(|guarantee| guarantee.item.name()).collect()
}

#[test]
fn what_a_sealed_container_says_holds() {
    for text in [DOCKER.to_owned(), unified()] {
        let report = compare(&asked(), &Facts::parse(&text));
        assert!(report.holds(), "{:#?}", report.refused().collect::<Vec<_>>());
        assert_eq!(report.refusal("podman"), None);
    }
}

#[test]
fn files_below_their_paths_are_read_as_those_below_their_names() {
    let below = |name: &str| match name {
        "version" | "net/dev" | "net/route" | "net/fib_trie" | "net/if_inet6" | "net/ipv6_route" => "/proc/",
        "status" | "uid_map" | "mountinfo" | "limits" => "/proc/self/",
        _ => "/sys/fs/cgroup/memory/",
    };
    for text in [DOCKER.to_owned(), unified()] {
        let lines = text.lines().map(|line| match line.strip_prefix("== ") {
            Some(name) if !["process", "usable"].contains(&name) => format!("\n==> {}{name} <==\n", below(name)),
            _ => format!("{line}\n"),
        });
        let by_paths: String = lines.collect();
        assert!(by_paths.contains("\n==> /proc/net/dev <==\n"));
        let report = compare(&asked(), &Facts::parse(&by_paths));
        assert_eq!(report, compare(&asked(), &Facts::parse(&text)));
        assert!(report.holds(), "{:#?}", report.refused().collect::<Vec<_>>());
        check(&by_paths, "NoNewPrivs:\t1", "NoNewPrivs:\t0", &["no_new_privileges"]);
    }
}

/// Weakens one fact, which must be found, and nothing else.
#[track_caller]
fn check(text: &str, from: &str, to: &str, expect: &[&str]) {
    assert!(text.contains(from), "{from} is in the facts");
    let report = compare(&asked(), &Facts::parse(&text.replacen(from, to, 1)));
    assert_eq!(weak(&report), expect, "{from} → {to}");
    assert!(!report.holds());
}

#[test]
fn each_weaker_fact_of_a_process_is_found() {
    check(DOCKER, "Uid:\t1000\t1000\t1000\t1000", "Uid:\t0\t0\t0\t0", &["user"]);
    check(
        DOCKER,
        "Uid:\t1000\t1000\t1000\t1000",
        "Uid:\t1000\t1000\t0\t1000",
        &["user"],
    );
    check(
        DOCKER,
        "Uid:\t1000\t1000\t1000\t1000",
        "Uid:\t1001\t1001\t1001\t1001",
        &["user"],
    );
    check(
        DOCKER,
        "Uid:\t1000\t1000\t1000\t1000",
        "Uid:\t1000\t1000\t1000",
        &["user"],
    );
    check(DOCKER, "Gid:\t1000\t1000\t1000\t1000", "Gid:\t0\t0\t0\t0", &["user"]);
    check(DOCKER, "Groups:\t1000 ", "Groups:\t1000 0", &["user"]);
    check(DOCKER, "Groups:\t1000 ", "", &["user"]);
    check(DOCKER, "0          0 4294967295", "1000          0 1", &["user"]);
    check(DOCKER, "0          0 4294967295", "2000          1000 1", &["user"]);
    for set in ["Inh", "Prm", "Eff", "Bnd", "Amb"] {
        let line = format!("Cap{set}:\t0000000000000000");
        check(
            DOCKER,
            &line,
            &format!("Cap{set}:\t0000000000000400"),
            &["capabilities"],
        );
        check(DOCKER, &line, "", &["capabilities"]);
    }
    check(DOCKER, "NoNewPrivs:\t1", "NoNewPrivs:\t0", &["no_new_privileges"]);
    check(DOCKER, "NoNewPrivs:\t1", "", &["no_new_privileges"]);
    check(DOCKER, "Seccomp:\t2", "Seccomp:\t0", &["seccomp"]);
    check(DOCKER, "Seccomp:\t2", "Seccomp:\t1", &["seccomp"]);
    check(DOCKER, "Seccomp:\t2", "", &["seccomp"]);
    check(DOCKER, "pid 7\nparent 1\n", "pid 1\nparent 0\n", &["init"]);
    check(DOCKER, "parent 1\n", "parent 4711\n", &["init"]);
    check(DOCKER, "init docker-init", "init sh", &["init"]);
    check(DOCKER, "init docker-init", "", &["init"]);
}

#[test]
fn each_weaker_mount_is_found() {
    check(DOCKER, "/ / ro,relatime", "/ / rw,relatime", &["read_only_root"]);
    check(DOCKER, "size=262144k", "size=262148k", &["tmpfs"]);
    check(DOCKER, "rw,size=262144k", "rw", &["tmpfs"]);
    check(
        DOCKER,
        "- tmpfs shm rw,size=65536k",
        "- tmpfs shm rw,size=65537k",
        &["tmpfs"],
    );
    check(DOCKER, "/ /tmp rw,", "/ /temporary rw,", &["tmpfs", "mounts"]);
    check(
        DOCKER,
        "- tmpfs tmpfs rw,size=262144k",
        "- ext4 /dev/vdb rw",
        &["tmpfs", "mounts"],
    );
    check(DOCKER, "/srv/slot /workspace", "/srv/slot /work", &["mounts"]);
    check(
        DOCKER,
        "/run/cordwainer/gateway ro",
        "/run/cordwainer/gateway rw",
        &["mounts"],
    );
    check(DOCKER, "/etc/hosts ro", "/etc/hosts rw", &["mounts"]);
    check(DOCKER, "/etc/hosts ro", "/etc ro", &["mounts"]);
    check(
        DOCKER,
        "/ /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755",
        "/ /dev rw - devtmpfs none rw",
        &["mounts"],
    );
    check(
        DOCKER,
        "/srv/slot /workspace",
        "/run/docker.sock /workspace",
        &["engine_socket"],
    );
    check(
        DOCKER,
        "/srv/slot /workspace",
        "/engine/e.sock /workspace",
        &["engine_socket"],
    );
    check(
        DOCKER,
        "/srv/slot /workspace",
        "/run/engine /workspace",
        &["engine_socket"],
    );
    check(
        DOCKER,
        "/sys /proc/sys ro",
        "/sys /proc/sys rw",
        &["mounts", "kernel_files"],
    );
    check(
        DOCKER,
        "/ /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro",
        "/ /sys rw - sysfs sysfs rw",
        &["kernel_files"],
    );
    check(
        DOCKER,
        "/sys/fs/cgroup/memory ro",
        "/sys/fs/cgroup/memory rw",
        &["mounts", "kernel_files"],
    );
    let all = ["read_only_root", "tmpfs", "mounts", "engine_socket", "kernel_files"];
    check(DOCKER, "95 77 254:0 /srv/slot", "95 77", &all);
}

#[test]
fn each_weaker_limit_is_found() {
    check(
        DOCKER,
        "limit_in_bytes\n1073741824",
        "limit_in_bytes\n9223372036854771712",
        &["memory"],
    );
    check(
        DOCKER,
        "memsw.limit_in_bytes\n1073741824",
        "memsw.limit_in_bytes\n2147483648",
        &["memory"],
    );
    check(DOCKER, "== memory.limit_in_bytes", "== memory.other", &["memory"]);
    check(DOCKER, "cpu.cfs_quota_us\n150000", "cpu.cfs_quota_us\n-1", &["cpus"]);
    check(
        DOCKER,
        "cpu.cfs_quota_us\n150000",
        "cpu.cfs_quota_us\n152000",
        &["cpus"],
    );
    check(DOCKER, "cpu.cfs_period_us\n100000", "cpu.cfs_period_us\n0", &["cpus"]);
    check(DOCKER, "pids.max\n512", "pids.max\nmax", &["pids"]);
    check(DOCKER, "pids.max\n512", "pids.max\n513", &["pids"]);
    check(
        DOCKER,
        "20000                20000",
        "20000                1048576",
        &["open_files"],
    );
    check(
        DOCKER,
        "20000                20000",
        "20000                unlimited",
        &["open_files"],
    );
    check(DOCKER, "Max open files", "Max files", &["open_files"]);
    let unified = unified();
    check(&unified, "memory.max\n1073741824", "memory.max\nmax", &["memory"]);
    check(&unified, "memory.swap.max\n0", "memory.swap.max\nmax", &["memory"]);
    check(&unified, "cpu.max\n150000", "cpu.max\nmax", &["cpus"]);
    check(&unified, "== cpu.max", "== cpu.weight", &["cpus"]);
}

#[test]
fn each_way_out_of_the_container_is_found() {
    check(DOCKER, "    lo:", "  eth0: 1\n    lo:", &["network"]);
    check(DOCKER, "    lo:", "    no:", &["network"]);
    check(
        DOCKER,
        "Flags\n",
        "Flags\neth0\t00000000\t010011AC\t0003\n",
        &["network"],
    );
    check(DOCKER, "127.0.0.1\n", "172.17.0.2\n", &["network"]);
    check(DOCKER, "01 01 80 10 80", "02 01 80 10 80", &["network"]);
    check(
        DOCKER,
        "ffffffff 00200200       lo",
        "ffffffff 00200200     eth0",
        &["network"],
    );
    check(DOCKER, "== net/dev", "== net/devices", &["network"]);
    check(DOCKER, "== net/route", "== net/routes", &["network"]);
}

#[test]
fn a_section_that_comes_twice_is_not_believed() {
    check(DOCKER, "== limits", "== pids.max\n7\n== limits", &["pids"]);
}

#[test]
fn what_is_relaxed_is_told_and_not_refused() {
    let asked = RequestedContainer {
        relax: [Item::Seccomp, Item::Pids].into(),
        ..asked()
    };
    let report = compare(&asked, &Facts::parse(&DOCKER.replace("Seccomp:\t2", "Seccomp:\t0")));
    assert_eq!(report.refusal("podman"), None);
    assert!(!report.holds());
    let relaxed: Vec<_> = report.relaxed().map(|guarantee| guarantee.item).collect();
    assert_eq!(relaxed, [Item::Seccomp], "pids hold, whether they need to or not");
}

#[test]
fn what_was_not_asked_for_is_not_missed() {
    let asked = RequestedContainer {
        user: None,
        memory: None,
        cpus: None,
        pids: None,
        ..asked()
    };
    let text = &DOCKER[..DOCKER.find("== memory.limit_in_bytes").unwrap()];
    assert!(compare(&asked, &Facts::parse(text)).holds());
    let other = text.replace("Uid:\t1000\t1000\t1000\t1000", "Uid:\t7\t7\t7\t7");
    assert!(compare(&asked, &Facts::parse(&other)).holds());
}

#[test]
fn where_no_work_is_possible_nothing_begins() {
    let said = |from: &str, to: &str| Facts::parse(&DOCKER.replace(from, to));
    for (from, to, weaker) in [
        ("worktree yes", "worktree cannot write `/workspace`", vec!["worktree"]),
        (
            "git yes",
            "git cannot read objects: fatal: not a tree object",
            vec!["git"],
        ),
        ("home yes\n", "", vec!["home"]),
        ("temporary yes", "temporary yes?", vec!["temporary"]),
        ("git yes", "git none", vec![]),
        ("worktree yes", "worktree none", vec!["worktree"]),
    ] {
        assert_eq!(weak(&compare(&asked(), &said(from, to))), weaker, "{to}");
    }
    // In a worktree that an agent has had already, it may have locked itself out.
    let later = RequestedContainer {
        usable: [Item::Home].into(),
        ..asked()
    };
    assert!(compare(&later, &said("worktree yes", "worktree cannot write `/workspace`")).holds());
    assert!(!compare(&later, &said("home yes", "home cannot write `/home/agent`")).holds());
}

#[test]
fn the_user_of_a_rootless_engine_is_root_in_its_own_namespace_alone() {
    let rootless = RequestedContainer {
        rootless: true,
        ..asked()
    };
    let text = DOCKER.replace("0          0 4294967295", "0 1 1000\n 1000 0 1\n 1001 1001 64536");
    assert!(compare(&rootless, &Facts::parse(&text)).holds());
    assert_eq!(weak(&compare(&asked(), &Facts::parse(&text))), ["user"]);
    // The kernel's files are covered by the host's own device, and by nothing else of the host.
    let keys = "/null /proc/keys rw,nosuid - tmpfs tmpfs";
    let of_host = text.replace(keys, "/null /proc/keys rw,relatime - devtmpfs devtmpfs");
    assert_ne!(of_host, text);
    assert!(compare(&rootless, &Facts::parse(&of_host)).holds());
    let other = of_host.replace("/null /proc/keys", "/vda /proc/keys");
    assert_eq!(weak(&compare(&rootless, &Facts::parse(&other))), ["mounts"]);
}

#[test]
fn a_refusal_names_engine_item_and_mend() {
    let report = compare(&asked(), &Facts::parse(&DOCKER.replace("Seccomp:\t2", "Seccomp:\t0")));
    let expect = "podman 4.3.1 gave a container less than requested: `seccomp` (requested: a filter; found: none; fix: restore \
                  the engine's default seccomp profile, and use a kernel with seccomp)";
    assert_eq!(report.refusal("podman 4.3.1").as_deref(), Some(expect));
}

#[test]
fn names_are_one_to_one() {
    for item in Item::ALL {
        assert_eq!(Item::named(item.name()), Some(item));
        assert_eq!(serde_json::to_value(item).unwrap(), item.name());
    }
    assert_eq!(Item::named("everything"), None);
}

/// Generates a line of the facts as it is, gone, or with one character that is another.
fn damaged() -> impl Strategy<Value = String> {
    let lines = DOCKER.lines().count();
    (0..lines, any::<prop::sample::Index>(), prop::option::of(any::<char>())).prop_map(|(line, at, to)| {
        let mut lines: Vec<String> = DOCKER.lines().map(str::to_owned).collect();
        let mut characters: Vec<char> = lines[line].chars().collect();
        match to {
            Some(to) if !characters.is_empty() => {
                let at = at.index(characters.len());
                characters[at] = to;
                lines[line] = characters.into_iter().collect();
            }
            _ => drop(lines.remove(line)),
        }
        lines.join("\n")
    })
}

proptest! {
    #[test]
    fn no_text_at_random_holds(text in "(== [a-z/._]{1,12}\n|[ -~\n\t]{0,40}|\\PC{0,20})*") {
        prop_assert!(!compare(&asked(), &Facts::parse(&text)).holds());
    }

    #[test]
    fn damage_to_a_line_breaks_nothing_but_guarantees(text in damaged()) {
        let report = compare(&asked(), &Facts::parse(&text));
        prop_assert_eq!(report.items.len(), Item::ALL.len());
        prop_assert_eq!(report.refusal("x").is_none(), report.holds());
    }

    /// Without any one section, something does not hold, unless it is one that only adds to others.
    #[test]
    fn no_section_can_be_left_out(index in any::<prop::sample::Index>()) {
        let sections: Vec<&str> = DOCKER.split_inclusive("\n== ").collect();
        let left_out = index.index(sections.len());
        let name = sections[left_out].lines().next().unwrap_or_default().trim_start_matches("== ");
        let adds_only = ["net/fib_trie", "net/if_inet6", "net/ipv6_route", "memory.memsw.limit_in_bytes"];
        let mut kept = sections.clone();
        kept.remove(left_out);
        let text = kept.concat();
        let held = compare(&asked(), &Facts::parse(&text)).holds();
        prop_assert_eq!(held, adds_only.contains(&name), "{}", name);
    }
}
