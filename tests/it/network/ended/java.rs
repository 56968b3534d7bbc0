//! A real JVM, which trusts what it is told to and nothing else.

use std::process::{Command, Output};

use cordwainer::network::{TrustedCertificates, client_files};

use super::{HOST, PLACEHOLDER, SECRET, Scene};
use crate::support::engines::skip;

const PROGRAM: &str = "import java.net.*;
class Fetch {
    public static void main(String[] args) throws Exception {
        var connection = (HttpURLConnection) new URL(args[0]).openConnection();
        System.out.println(connection.getResponseCode());
        System.out.println(new String(connection.getInputStream().readAllBytes()));
    }
}
";

/// Fetches a path of the host with Java, through the gateway; with what containers have in `folder`, or without it.
fn fetch(scene: &Scene, folder: &std::path::Path, is_told: bool) -> Option<Output> {
    let proxy = scene.proxy.address();
    std::fs::write(folder.join("Fetch.java"), PROGRAM).unwrap();
    let mut command = Command::new("java");
    command
        .arg(format!("-Dhttps.proxyHost={}", proxy.ip()))
        .arg(format!("-Dhttps.proxyPort={}", proxy.port()))
        .arg(folder.join("Fetch.java"))
        .arg(format!("https://{}/index", scene.authority()))
        .env_remove("JAVA_TOOL_OPTIONS");
    if is_told {
        let trusted = TrustedCertificates {
            pem: scene.certificate.clone(),
            java: scene.java.clone(),
        };
        let told = client_files([], PLACEHOLDER, trusted, folder.to_str().unwrap());
        for (name, content) in told.files {
            std::fs::write(folder.join(name), content).unwrap();
        }
        command.envs(told.variables);
    }
    command.output().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn java_trusts_what_ends_tls_by_the_store_that_it_is_given() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().unwrap();
    let Some(ran) = tokio::task::block_in_place(|| fetch(&scene, folder.path(), true)) else {
        return skip("no Java");
    };
    let said = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(said, "200\ngot 0\n", "{ran:?}");
    let asked = scene.asked();
    assert!(asked.iter().any(|asked| asked.contains(SECRET)), "{asked:?}");
    // The control: without it, Java does not trust the gateway.
    let ran = tokio::task::block_in_place(|| fetch(&scene, folder.path(), false)).unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(
        said.contains("unable to find valid certification path"),
        "{HOST}: {said}"
    );
    assert_eq!(scene.asked().len(), asked.len());
}
