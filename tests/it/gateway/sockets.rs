//! The socket's file, from its making to its end.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use cordwainer::budget::Allowance;
use cordwainer::error::ErrorKind;
use cordwainer::gateway::Gateway;

use super::scene::{Scene, ask, request, serve, used};

#[tokio::test]
async fn everybody_may_use_the_socket_and_only_its_owner_the_folder() {
    let scene = Scene::new();
    let gateway = scene.open("http://127.0.0.1:1");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let socket = scene.socket();
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o666, 0o755));
    gateway.close().await;
    assert!(!socket.exists() && socket.parent().unwrap().exists());
}

#[tokio::test]
async fn a_path_may_be_longer_than_the_address_of_a_socket() {
    let scene = Scene::new();
    let mut options = scene.options("http://127.0.0.1:1", Allowance::default());
    options.folder = scene.path().join("a-long-name-".repeat(12)).join("gateway");
    let socket = options.folder.join("gateway.sock");
    assert!(socket.as_os_str().len() > 108);
    let gateway = Gateway::open(options).unwrap();
    let answered = super::scene::send(&socket, request("HEAD", "/", None, ""))
        .await
        .unwrap();
    assert_eq!(answered.status(), 200);
    gateway.close().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_socket_that_a_killed_gateway_left_is_replaced() {
    let scene = Scene::new();
    let url = serve(|_| async { used(1, 1) }).await;
    fs::create_dir(scene.path().join("gateway")).unwrap();
    drop(UnixListener::bind(scene.socket()).unwrap());
    assert!(scene.socket().exists());
    let first = scene.open(&url);
    assert_eq!(scene.ask(&ask(1)).await.0, 200);
    // The end of the first one does not take the second one's socket.
    let second = scene.open(&url);
    first.close().await;
    assert_eq!(scene.ask(&ask(1)).await.0, 200);
    assert_eq!(second.close().await.metered.answers, 1);
    assert!(!scene.socket().exists());
}

#[tokio::test]
async fn what_is_no_socket_is_left_alone() {
    let scene = Scene::new();
    fs::create_dir(scene.path().join("gateway")).unwrap();
    let check = || {
        let opened = Gateway::open(scene.options("http://127.0.0.1:1", Allowance::default()));
        let error = opened.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Precondition);
        assert!(
            error.to_string().ends_with("gateway.sock` exists and is not a socket"),
            "{error}"
        );
    };
    fs::write(scene.socket(), "a person's").unwrap();
    check();
    assert_eq!(fs::read_to_string(scene.socket()).unwrap(), "a person's");
    fs::remove_file(scene.socket()).unwrap();
    symlink("elsewhere", scene.socket()).unwrap();
    check();
}

#[tokio::test]
async fn a_base_url_that_is_none_is_told_at_once() {
    let scene = Scene::new();
    let opened = Gateway::open(scene.options("ftp://somewhere", Allowance::default()));
    assert_eq!(opened.err().unwrap().kind(), ErrorKind::Configuration);
    assert!(!scene.socket().exists());
}
