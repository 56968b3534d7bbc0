//! An image with the programs of several languages from Debian's packages, for tests that need real ones.

use cordwainer::engine::BuildRequest;
use cordwainer::image::{self, BuildOptions};

use super::command::cordwainer;
use super::engines::{IMAGE, TestEngine, absent, build_request};
use super::repository::TestRepository;

/// The image: cargo, npm and pip beside git and the Claude image's own, and the scripted agent.
pub(crate) const TOOLS: &str = "localhost/cordwainer-test-tools:1";
/// How often the build is tried: what it downloads comes from registries that now and then fail for a moment.
const TRIES: usize = 3;

/// Gives an engine the image, unless an earlier test has; returns whether it has it, which it has not without the Claude
/// image. Panics with what the builds printed last where none succeeds.
pub(crate) async fn provide(engine: TestEngine) -> bool {
    let engine = engine.connect().await;
    let base = image::tag(&BuildOptions::default());
    if engine.image_id(TOOLS).await.unwrap().is_some() {
        return true;
    }
    if engine.image_id(&base).await.unwrap().is_none() {
        absent("Claude image");
        return false;
    }
    let containerfile = format!(
        "FROM {base}\nUSER root\nRUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes \
         --no-install-recommends cargo gcc libc6-dev nodejs npm python3-pip\n\
         COPY --from={IMAGE} /claude /usr/local/bin/scripted-agent\nUSER 1000:1000\n"
    );
    let mut failures = Vec::new();
    while failures.len() < TRIES {
        let request = BuildRequest {
            // The Docker Engine of the tests has no bridge.
            network: Some("host".to_owned()),
            ..build_request(&containerfile, TOOLS)
        };
        let mut lines = Vec::new();
        match engine
            .build_image(request, &mut |line| lines.push(line.to_owned()))
            .await
        {
            Ok(_) => return true,
            Err(error) => {
                let last = lines.split_off(lines.len().saturating_sub(20));
                failures.push(format!("{error:#}\n{}", last.join("\n")));
            }
        }
    }
    panic!("the image with tools cannot be built: {}", failures.join("\n"));
}

/// Builds the image that a repository's configuration describes, as a person would, and on it one whose client is the scripted
/// agent. Returns the latter's name; says that the test is skipped where there is no Claude image to build upon.
pub(crate) fn of_the_configuration(engine: TestEngine, repository: &TestRepository, name: &str) -> Option<String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let base = image::tag(&BuildOptions::default());
    let has_base = runtime.block_on(async { engine.connect().await.image_id(&base).await.unwrap().is_some() });
    if !has_base {
        absent("Claude image");
        return None;
    }
    // The Docker Engine of the tests has no bridge.
    let built = cordwainer(repository, &["image", "build", "--network", "host", "--json"]).run();
    assert_eq!(built.code, 0, "{built:#?}");
    let tag = built.json()["tag"].as_str().unwrap().to_owned();
    let ours = format!("localhost/cordwainer-test-example-{name}:1");
    let containerfile = format!("FROM {tag}\nCOPY --from={IMAGE} /claude /usr/local/bin/claude\n");
    let request = BuildRequest {
        network: Some("host".to_owned()),
        ..build_request(&containerfile, &ours)
    };
    runtime.block_on(async { engine.connect().await.build_image(request, &mut |_| {}).await.unwrap() });
    Some(ours)
}
