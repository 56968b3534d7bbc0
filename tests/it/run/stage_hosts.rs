//! What a stage of the project's own may reach: entries of `network.allow` can name it, as they name roles.

use crate::attacks::witness::Witness;
use crate::run::stages::{add, configured, project};
use crate::support::engines::{TestEngine, engine_tests};

engine_tests! {
    podman: a_stage_reaches_the_hosts_that_name_it_and_nobody_else_does;
}

fn a_stage_reaches_the_hosts_that_name_it_and_nobody_else_does(engine: TestEngine) {
    let hosts = [Witness::new(), Witness::new()];
    let allow = ["docs", "stitch"].iter().zip(&hosts);
    let allow = allow.map(|(role, host)| format!("{{host: \"127.0.0.1:{}\", roles: [{role}]}}", host.port));
    let allow = allow.collect::<Vec<_>>().join(", ");
    let project = project(engine, &format!("{}network: {{allow: [{allow}]}}\n", configured("")));
    let asks = |who: &str| {
        let one = |host: &Witness| {
            let port = host.port;
            format!(
                "attack request 127.0.0.1:8080 {who} <<END\nGET http://127.0.0.1:{port}/{who} HTTP/1.1\\r\\n\
                 Host: 127.0.0.1:{port}\\r\\nConnection: close\\r\\n\\r\\n\nEND\n"
            )
        };
        hosts.iter().map(one).collect::<String>()
    };
    let docs = asks("docs") + "write docs/a.md x";
    add(&project, &(asks("stitch") + "write src/a.txt one"), &[("docs", &docs)]);
    project.run(&["stitch"]).expect(0);
    for (role, host) in ["docs", "stitch"].iter().zip(&hosts) {
        let seen = host.take();
        let asked: Vec<_> = seen.iter().filter_map(|head| head.split(' ').nth(1)).collect();
        assert_eq!(asked, [format!("/{role}")], "{seen:?}");
    }
    // What each was refused would have needed an entry that names it, too.
    let suggested = project.run(&["network", "suggest"]).expect(0);
    let rule = |host: &Witness, role: &str| {
        let port = host.port;
        format!("{{host: \"127.0.0.1:{port}\", methods: [GET], paths: [/{role}], roles: [{role}]}}")
    };
    let _ = suggested
        .says(&rule(&hosts[0], "stitch"))
        .says(&rule(&hosts[1], "docs"));
    project.expect_tidy();
}
