//! Images that agents cannot work in: one clear error each, before anything is paid for.

use crate::support::engines::{self, TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    both: what_is_wrong_with_an_image_is_one_error_and_costs_nothing, an_entry_point_of_the_image_does_not_count;
}

/// Where an image has the entrypoint.
const ENTRYPOINT: &str = "/usr/local/bin/cordwainer-entrypoint";

/// The begin of a program for a machine of another kind: ELF of 64 bits, and nothing that any machine is.
fn of_another_machine() -> Vec<u8> {
    let mut header = vec![0; 4096];
    header[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xf3\0");
    header
}

/// Builds an image from that of the tests, with these lines and one file.
async fn build(engine: TestEngine, tag: &str, lines: &str, file: &[u8]) {
    let text = format!("FROM {}\n{lines}\n", engines::IMAGE);
    let request = engines::build_request_with(&text, tag, &[("file", file)]);
    let engine = engine.connect().await;
    engine.build_image(request, &mut |_| {}).await.unwrap();
}

fn built(engine: TestEngine, tag: &str, lines: &str, file: &[u8]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(build(engine, tag, lines, file));
}

fn what_is_wrong_with_an_image_is_one_error_and_costs_nothing(engine: TestEngine) {
    let over = format!("COPY file {ENTRYPOINT}");
    let (machine, junk) = (of_another_machine(), b"no program".to_vec());
    let mut project = Project::new(engine, "");
    project.add("a change", "write src/a.txt x");
    let mut tries = 0;
    for (name, file) in [("machine", machine.as_slice()), ("junk", junk.as_slice())] {
        let tag = format!("localhost/cordwainer-test-{name}:1");
        built(engine, &tag, &over, file);
        // A second try would wait for so long that the test fails.
        project.use_image(&tag, "retry: {count: 5, initial: 1h, ceiling: 1h}\n");
        let ran = project.run(&["generator", "stitch"]);
        assert_eq!(ran.code, Some(5), "{name}: {}\n{}", ran.stdout, ran.stderr);
        let _ = ran
            .says(" before it began (")
            .says("another architecture")
            .says("cordwainer image build");
        tries += 1;
        assert_eq!(project.outcomes("cw-1"), vec!["infrastructure_failed"; tries], "{name}");
        assert_eq!(project.status()["usage"]["output"], 0, "{name}");
        project.expect_tidy();
    }
    project.use_image("localhost/cordwainer-no-such-image:1", "");
    let ran = project.run(&["generator", "stitch"]).expect(5);
    let _ = ran
        .says("there is no image `localhost/cordwainer-no-such-image:1`")
        .says("cordwainer image build");
    project.expect_tidy();
}

fn an_entry_point_of_the_image_does_not_count(engine: TestEngine) {
    let tag = "localhost/cordwainer-test-entry-point:1";
    built(
        engine,
        tag,
        "ENTRYPOINT [\"/probe\", \"exit=7\"]\nCMD [\"exit=8\"]",
        b"",
    );
    let mut project = Project::new(engine, "");
    project.use_image(tag, "gates: [cat=src/old.txt]\n");
    project.add("a change", "write src/a.txt x");
    project.run(&["generator", "stitch"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    project.expect_tidy();
}
