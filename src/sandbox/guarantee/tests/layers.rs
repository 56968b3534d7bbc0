//! Layers: folders that are written elsewhere.

use std::collections::BTreeSet;

use super::{DOCKER, asked, weak};
use crate::sandbox::guarantee::{Facts, RequestedContainer, compare};
use crate::sandbox::spec::LayeredMount;

#[test]
fn a_layer_is_the_requested_one_or_nothing_begins() {
    let layer = LayeredMount {
        lower: "/srv/layers/k/worktree/target".into(),
        upper: "/srv/tops/1/1/upper".into(),
        work: "/srv/tops/1/1/work".into(),
        target: "/workspace/target".to_owned(),
    };
    let asked = |rootless| RequestedContainer {
        layers: [(layer.target.clone(), layer.clone())].into(),
        rootless,
        ..asked()
    };
    let said = |line: &str| Facts::parse(&DOCKER.replace("== limits", &format!("{line}\n== limits")));
    let of = |lower: &str, upper: &str| {
        format!(
            "115 95 0:41 / /workspace/target rw,relatime - overlay overlay rw,lowerdir={lower},upperdir={upper},workdir=/w"
        )
    };
    let good = of("/srv/layers/k/worktree/target", "/srv/tops/1/1/upper");
    assert!(compare(&asked(false), &said(&good)).holds());
    for bad in [
        "",
        "115 95 254:0 /srv/layers/k/worktree/target /workspace/target rw - ext4 /dev/vda rw",
        "115 95 0:41 / /workspace/target rw - tmpfs tmpfs rw,size=64k",
        "115 95 0:41 / /workspace/target rw - fuse.fuse-overlayfs fuse-overlayfs rw",
        &of("/srv/layers/other/worktree/target", "/srv/tops/1/1/upper"),
        &of("/srv/layers/k/worktree/target", "/srv/tops/2/1/upper"),
        &of("/srv/layers/k/worktree/target", "/srv/layers/k/worktree/target"),
        &good.replace("0:41 / ", "0:41 /below "),
    ] {
        assert_eq!(weak(&compare(&asked(false), &said(bad))), ["mounts"], "{bad}");
    }
    assert_eq!(
        weak(&compare(&super::asked(), &said(&good))),
        ["mounts"],
        "nobody asked for it"
    );
    let fuse = "115 95 0:41 / /workspace/target rw - fuse.fuse-overlayfs fuse-overlayfs rw";
    let rootless = said(fuse);
    assert!(!weak(&compare(&asked(true), &rootless)).contains(&"mounts"));
}

#[test]
fn a_worktree_that_is_only_read_is_the_requested_overlay_or_nothing_begins() {
    let line = |text: &str| format!("120 95 {text}");
    let good = "0:43 / /workspace ro,nodev - overlay overlay ro,lowerdir=/srv/uppers/2:/srv/checkouts/a/files";
    let plain = DOCKER.lines().find(|line| line.contains(" /workspace ")).unwrap();
    let asked = RequestedContainer {
        mounts: [
            ("/workspace".to_owned(), false),
            ("/run/cordwainer/gateway".to_owned(), false),
        ]
        .into(),
        overlays: [(
            "/workspace".to_owned(),
            ["/srv/uppers/2".into(), "/srv/checkouts/a/files".into()],
        )]
        .into(),
        usable: BTreeSet::new(),
        ..asked()
    };
    let said = |text: &str| Facts::parse(&DOCKER.replace(plain, &line(text)));
    assert_eq!(weak(&compare(&asked, &said(good))), [] as [&str; 0]);
    for bad in [
        // What an engine shows that does not see the host's mounts.
        "254:0 /srv/uppers/2.view /workspace ro - ext4 /dev/vda rw",
        &good.replace("/srv/uppers/2:", ""),
        &good.replace("checkouts/a", "checkouts/b"),
        &good.replace(" / /workspace", " /below /workspace"),
        &good.replace("ro,", "rw,"),
    ] {
        assert_eq!(weak(&compare(&asked, &said(bad))), ["mounts"], "{bad}");
    }
}
