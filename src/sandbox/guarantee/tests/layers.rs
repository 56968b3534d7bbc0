//! Layers: folders that are written elsewhere.

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
