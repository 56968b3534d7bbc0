//! Images of services: what is wrong with one is one error; and those that a configuration describes.

use crate::support::engines::{self, TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::services::{IMAGE, QUEUE, configuration};

engine_tests! {
    podman first: what_is_wrong_with_an_image_is_one_error;
    docker first: doctor_and_the_check_of_the_image_try_services;
}

fn what_is_wrong_with_an_image_is_one_error(engine: TestEngine) {
    let mut project = Project::new(engine, "");
    project.add("a change", "write src/a.txt x");
    let service = |image: &str, more: &str| format!("  odd:\n    image: {image}\n    ports: [7000]\n{more}");
    let base = "localhost/cordwainer-test-services-base:1";
    for (services, code, says, hint) in [
        (
            service("localhost/cordwainer-no-such-image:1", ""),
            5,
            "there is no image `localhost/cordwainer-no-such-image:1`",
            "correct the name of its image",
        ),
        (
            service("{build: {packages: [jq]}}", ""),
            5,
            "there is no image `localhost/cordwainer-service:",
            "cordwainer image build",
        ),
        // Without the entrypoint.
        (
            service(base, "    user: postgres\n    command: 'true'\n"),
            9,
            "does not run `/usr/local/bin/cordwainer-entrypoint`",
            "write `image: {build: {base: localhost/cordwainer-test-services-base:1}}`",
        ),
        // Its user is root, as an image's is that says nothing of it.
        (
            service(IMAGE, "    user: \"1000:0\"\n    command: 'true'\n"),
            9,
            "the service `odd` is refused: ",
            "`services.odd.user` as a number other than 0",
        ),
    ] {
        project.reconfigure(None, &configuration(&services, ""));
        let ran = project.run(&["generator", "stitch"]).expect(code);
        let _ = ran.says(says).says(hint);
        project.expect_tidy();
    }
    // Without a shell; what its entry point is does not count.
    let text = configuration(&service(engines::IMAGE, "    command: 'true'\n    within: 3s\n"), "");
    project.reconfigure(None, &text);
    let ran = project.run(&["generator", "stitch"]);
    assert_ne!(ran.code, Some(0));
    let _ = ran.says("the service `odd` ");
    project.expect_tidy();
}

fn doctor_and_the_check_of_the_image_try_services(engine: TestEngine) {
    let mut project = Project::new(engine, &configuration(QUEUE, ""));
    let doctor = project.run(&["doctor"]);
    let _ = doctor.says("service queue").says("is ready after ");
    let _ = project
        .run(&["image", "check"])
        .says("service queue")
        .says("is ready after ");
    let broken = QUEUE.replace("redis-cli ping", "'exit 7'") + "    within: 2s\n";
    project.reconfigure(None, &configuration(&broken, ""));
    let says = "the service `queue` was not ready within 2 s (`services.queue.within`); its last answer: 7";
    project.run(&["doctor"]).expect(9).says(says);
    project.run(&["image", "check"]).expect(5).says("FAILED").says(says);
    project.expect_tidy();
}
