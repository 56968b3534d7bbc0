//! Git as an agent finds it in the container: like a fresh clone of the tip, and without a trace on the host.

use std::process::Command;

use cordwainer::engine::{ContainerSpec, EngineKind, Mount};

use super::slots::pool;
use crate::support::engines::{TestEngine, absent, labels, run};
use crate::support::repository::TestRepository;

/// The Claude image that the test command built.
const IMAGE: &str = "localhost/cordwainer-claude:latest";

/// What an agent does with git; what it says does not depend on where it is done.
const SESSION: &str = r"set -e
git status --porcelain --branch
git log --format='%H %s'
git blame -s few/1
git diff --exit-code
echo changed >> few/1
echo new > few/new
git diff --stat
git status --porcelain
git stash --quiet --include-untracked
git status --porcelain
git stash pop --quiet
git add --all
git -c user.name=a -c user.email=a@b.c commit --quiet --message inside
git log -2 --format=%s
git show --stat --format=%s
git checkout --quiet -b other HEAD~1
git merge --quiet --ff-only @{-1}
git reset --quiet --hard HEAD~1
git status --porcelain --branch
git log -1 --format=%H
";

fn mount(source: impl Into<std::path::PathBuf>, target: impl Into<String>, read_only: bool) -> Mount {
    Mount {
        source: source.into(),
        target: target.into(),
        read_only,
    }
}

/// What the session says in a container of this engine, in a repository with so many files; with what it says in a clone.
async fn sessions(kind: EngineKind, files: usize) -> Option<(String, String)> {
    let engine = TestEngine::find(kind)?.connect().await;
    if engine.image_id(IMAGE).await.unwrap().is_none() {
        absent("Claude image");
        return None;
    }
    let repository = TestRepository::new();
    repository.write("few/1", "one\n");
    for number in 0..files {
        repository.write(format!("many/{}/{number}", number % 100), number.to_string());
    }
    let tip = repository.commit("files");
    let owner = Some(engine.slot_owner());
    let pool = pool(&repository);
    let mut slot = pool.acquire("test").unwrap();
    slot.restore(tip, owner).unwrap();
    let folder = pool.private_folder(slot.number());
    let private = slot.private_repository(&folder, "generation-one", tip, owner).unwrap();
    let before = (repository.git(&["for-each-ref"]), repository.snapshot_of_everything());
    let mut mounts = vec![
        mount(slot.path(), "/workspace", false),
        mount(private.pointer_file, "/workspace/.git", true),
        mount(private.git_dir, "/run/cordwainer/git", false),
    ];
    let objects = private.objects.into_iter();
    mounts.extend(objects.map(|objects| mount(objects.host, objects.container, true)));
    let spec = ContainerSpec {
        image: IMAGE.into(),
        command: ["sh", "-c", SESSION].map(String::from).into(),
        working_dir: Some("/workspace".into()),
        network: Some("none".into()),
        mounts,
        read_only_root: true,
        tmpfs: [("/tmp".to_owned(), "rw,mode=1777".to_owned())].into(),
        labels: labels("git-inside"),
        ..ContainerSpec::default()
    };
    let ran = run(&engine, &spec, b"").await;
    assert_eq!((ran.stderr.as_str(), ran.exit.code), ("", Some(0)), "{}", ran.stdout);
    let after = (repository.git(&["for-each-ref"]), repository.snapshot_of_everything());
    assert_eq!(before, after, "the host's repository changed");
    slot.release().unwrap();
    Some((ran.stdout, in_a_clone(&repository)))
}

/// What the same session says in a fresh clone of the tip.
fn in_a_clone(repository: &TestRepository) -> String {
    repository.git(&["branch", "generation-one"]);
    repository.git(&["clone", "--quiet", "--branch=generation-one", ".", "../clone"]);
    let clone = repository.outside().join("clone");
    repository.git_in(&clone, &["branch", "--unset-upstream"]);
    repository.git_in(&clone, &["config", "user.name", "agent"]);
    repository.git_in(&clone, &["config", "user.email", "agent@cordwainer.invalid"]);
    let output = Command::new("sh")
        .args(["-c", SESSION])
        .current_dir(clone)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", repository.outside().join("home"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn check(kind: EngineKind, files: usize) {
    if let Some((inside, clone)) = sessions(kind, files).await {
        assert_eq!(inside, clone);
    }
}

#[tokio::test]
async fn git_in_podman_is_like_a_fresh_clone() {
    check(EngineKind::Podman, 10).await;
}

#[tokio::test]
async fn git_in_docker_is_like_a_fresh_clone() {
    check(EngineKind::Docker, 10).await;
}

#[tokio::test]
async fn git_in_a_container_is_like_a_fresh_clone_of_many_files() {
    check(EngineKind::Podman, 2_000).await;
}
