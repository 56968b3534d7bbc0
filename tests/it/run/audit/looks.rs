//! Looking before files are read, and modes that write.

use super::*;

engine_tests! {
    podman: a_dry_run_says_what_would_be_read_and_makes_no_call,
        a_mode_that_writes_has_findings_fixed,
        a_mode_that_looks_reports_alone;
}

fn a_dry_run_says_what_would_be_read_and_makes_no_call(engine: TestEngine) {
    let repository = three_parts();
    repository.write("Cargo.lock", "# written by a tool\n");
    let project = project(engine, repository, &finds(&[]));
    let json =
        |arguments: &[&str]| -> Value { serde_json::from_str(&project.run(arguments).expect(0).stdout).unwrap() };
    let planned = json(&["audit", "--dry-run", "--json"]);
    let estimate = json(&["audit", "--estimate", "--json"]);
    assert_eq!(planned["estimate"], estimate);
    assert_eq!(
        (&planned["mode"], &planned["then"]),
        (&json!("audit"), &json!("report"))
    );
    let parts = planned["parts"].as_array().unwrap();
    assert_eq!(json!(parts.len()), estimate["parts"]);
    let files: Vec<&str> = parts
        .iter()
        .flat_map(|part| part["files"].as_array().unwrap())
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert!(
        files.contains(&"src/a.txt") && !files.contains(&"Cargo.lock"),
        "{files:?}"
    );
    let not_read = &planned["not_read"][0];
    assert_eq!(not_read["path"], "Cargo.lock", "{planned:#}");
    // The first part is that of `--prompt`, byte for byte.
    let prompt = json(&["audit", "--prompt", "--json"]);
    assert_eq!(parts[0]["bytes"], prompt["prompt"].as_str().unwrap().len());
    let sum: f64 = parts
        .iter()
        .map(|part| part["takes"]["median"]["cost_usd"].as_f64().unwrap())
        .sum();
    let total = estimate["total"]["median"]["cost_usd"].as_f64().unwrap();
    assert!((sum - total).abs() < 1e-6, "{sum} {total}");
    let _ = project
        .run(&["review", "--dry-run", "src", "--file-issues"])
        .expect(0)
        .says("2 files would be read at ")
        .says("by `review`, in 1 part: src.")
        .says("src/a.txt (")
        .says("each become a task that is held for you. No call was made.");
    let _ = project
        .run(&["review", "--dry-run", "--since", "HEAD"])
        .expect(4)
        .says("0 files would be read");
    let _ = project
        .run(&["audit", "--dry-run", "--estimate"])
        .expect(2)
        .says("cannot be used with");
    assert!(!project.state().join("runs").exists());
    assert_eq!(generations(&project)["open"], json!([]));
    assert_eq!(project.containers(), Vec::<String>::new());
}

fn a_mode_that_writes_has_findings_fixed(engine: TestEngine) {
    let fix = scripted("write src/a.txt one");
    let script = finds(&[finding("high", "src/a.txt", 2, "Has two", &fix)]);
    let project = project(engine, repository(), &script);
    configure(&project, "modes: {audit: {writes: true}}\n");
    let _ = project
        .run(&["audit", "--fail-on", "low"])
        .expect(2)
        .says("`--fail-on` is about a report, and `modes.audit.writes` has findings fixed");
    let _ = project
        .run(&["audit", "--dry-run"])
        .expect(0)
        .says("The fixes are not in this estimate.")
        .says("each become a task that is done. No call was made.");
    let _ = project.run(&["audit"]).expect(0).says("cw-1: merged");
    // A mode of the project's own, too.
    let project = super::project(engine, repository(), &script);
    configure(&project, "modes: {mend: {extends: review, writes: true}}\n");
    project.run(&["start", "--mode", "mend"]).expect(0);
    let _ = project.run(&["run"]).expect(0).says("cw-1: merged");
}

fn a_mode_that_looks_reports_alone(engine: TestEngine) {
    let script = finds(&[finding("high", "src/a.txt", 2, "Has two", "It has.")]);
    let project = project(engine, repository(), &script);
    configure(&project, "modes: {look: {extends: audit, writes: false}}\n");
    project.run(&["start", "--mode", "look"]).expect(0);
    let _ = project.run(&["run"]).expect(0).says("Found 1 finding (1 high)");
    assert_eq!(generations(&project)["open"], json!([]));
    let shown = project.run(&["config", "show", "--mode", "look"]).expect(0).stdout;
    assert!(shown.contains("writes: false"), "{shown}");
}

/// Adds to the configuration.
fn configure(project: &Project, more: &str) {
    let path = project.repository.path().join("configuration.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + more).unwrap();
    project.repository.commit("configures");
}
