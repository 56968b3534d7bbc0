//! Where the configuration comes from: which file, and what is set beside it.

use crate::support::command::{Called, cordwainer};
use crate::support::repository::TestRepository;

const FOREIGN: &str = "homeassistant:\n  name: Home\nautomation: !include automations.yaml\n";

fn show(repository: &TestRepository, words: &[&str]) -> Called {
    let words: Vec<&str> = ["config", "show"].iter().chain(words).copied().collect();
    cordwainer(repository, &words).run()
}

/// Returns the line about a key.
fn line(shown: &str, key: &str) -> String {
    let line = shown.lines().find(|line| line.starts_with(&format!("{key}:")));
    let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    words.join(" ")
}

#[test]
fn each_value_says_where_it_comes_from() {
    let repository = TestRepository::new();
    repository.write(
        "configuration.yaml",
        "gates: [exit 0]\nmax_issues: 3\nstitch: {model: opus, effort: high}\n",
    );
    let words = [
        "config",
        "show",
        "--origin",
        "--set",
        "stitch.model=haiku",
        "--set",
        "container.env.A_TOKEN=sk-hush",
    ];
    let shown = cordwainer(&repository, &words)
        .env("CORDWAINER_STITCH_MODEL", "sonnet")
        .env("CORDWAINER_BUDGET_RUN_USD", "2.5")
        .run()
        .done();
    for (key, expect) in [
        (
            "gates",
            "gates: [{\"command\":\"exit 0\",\"name\":\"exit 0\",\"timeout\":\"30m\"}] # configuration.yaml:1",
        ),
        ("max_issues", "max_issues: 3 # configuration.yaml:2"),
        ("stitch.effort", "stitch.effort: high # configuration.yaml:3"),
        ("stitch.model", "stitch.model: haiku # --set"),
        ("budget.run_usd", "budget.run_usd: 2.5 # CORDWAINER_BUDGET_RUN_USD"),
        ("container.env", "container.env: {\"A_TOKEN\":\"<set>\"} # --set"),
        ("cycles", "cycles: 1 # default"),
        ("measure.model", "measure.model: # default"),
    ] {
        assert_eq!(line(&shown, key), expect);
    }
    assert!(!shown.contains("sk-hush"), "{shown}");
    let json = show(&repository, &["--origin", "--json"]).done();
    let values: serde_json::Value = serde_json::from_str(&json).unwrap();
    let of = |key: &str| {
        values
            .as_array()
            .unwrap()
            .iter()
            .find(|value| value["key"] == key)
            .unwrap()
    };
    let expect =
        serde_json::json!({"key": "max_issues", "value": 3, "from": "file", "file": "configuration.yaml", "line": 2});
    assert_eq!(*of("max_issues"), expect);
    assert_eq!(of("cycles")["from"], "default");
}

#[test]
fn the_file_has_a_name_of_its_own_or_is_named() {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", FOREIGN);
    let missing = "error: there is no configuration at `[T]/project/cordwainer.yaml`, and `configuration.yaml` belongs to \
                   another program\n\nhint: run `cordwainer init` to write one\n";
    let refused = cordwainer(&repository, &["config", "show"]).run();
    assert_eq!((refused.code, refused.stderr.as_str()), (3, missing));
    repository.write("cordwainer.yaml", "max_issues: 4\n");
    let shown = show(&repository, &["--origin"]).done();
    assert_eq!(line(&shown, "max_issues"), "max_issues: 4 # cordwainer.yaml:1");
    assert_eq!(
        cordwainer(&repository, &["config", "check"])
            .run()
            .stderr
            .lines()
            .last(),
        Some("cordwainer.yaml is valid.")
    );

    repository.write("configuration.yaml", "max_issues: 5\n");
    let both = "error: both `cordwainer.yaml` and `configuration.yaml` are there\n\n\
                hint: keep one of the two, or name the one that holds with `--config FILE`\n";
    show(&repository, &[]).refused(3, both);
    let shown = show(&repository, &["--origin", "--config", "configuration.yaml"]).done();
    assert_eq!(line(&shown, "max_issues"), "max_issues: 5 # configuration.yaml:1");

    repository.write("ci/night.yaml", "max_issues: 6\n");
    let named = cordwainer(&repository, &["config", "show", "--origin"]).env("CORDWAINER_CONFIG", "ci/night.yaml");
    assert_eq!(
        line(&named.run().done(), "max_issues"),
        "max_issues: 6 # ci/night.yaml:1"
    );
    // The option has precedence, and a path begins where `-C` leads.
    let words = ["config", "-C", "ci", "show", "--origin", "--config", "night.yaml"];
    let named = cordwainer(&repository, &words).env("CORDWAINER_CONFIG", "cordwainer.yaml");
    assert_eq!(
        line(&named.run().done(), "max_issues"),
        "max_issues: 6 # ci/night.yaml:1"
    );
    let lost = show(&repository, &["--config", "lost.yaml"]);
    assert_eq!(lost.code, 3);
    assert!(
        lost.stderr
            .contains("there is no configuration at `[T]/project/lost.yaml`"),
        "{}",
        lost.stderr
    );
}

#[test]
fn a_missing_base_branch_hides_nothing_else() {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "base_branch: trunk\nsource_dirs: [nowhere]\n");
    let checked = cordwainer(&repository, &["config", "check"]).run();
    assert_eq!(checked.code, 0, "{checked:?}");
    for told in [
        "Warning: `base_branch`: there is no branch `trunk`.",
        "Warning: `source_dirs`: there is no folder `nowhere`.",
    ] {
        assert!(checked.stderr.contains(told), "{}", checked.stderr);
    }
}

#[test]
fn what_is_wrong_with_a_setting_is_told_with_what_set_it() {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "gates: []\n");
    let words = ["config", "check", "--set", "stitch.modle=opus"];
    let refused = cordwainer(&repository, &words)
        .env("CORDWAINER_MAX_ISSUES", "many")
        .run();
    let told = "CORDWAINER_MAX_ISSUES: max_issues: expected a whole number from 1 to 1000, found `many`\n\
                --set stitch.modle: stitch.modle: unknown key (did you mean `model`?)\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (3, told));
    let refused = show(&repository, &["--set", "stitch"]);
    let told = "error: cannot read a value of `--set`: expected KEY=VALUE\n\n\
                hint: for example `--set stitch.model=opus` or `--set 'gates=[cargo test]'`\n";
    refused.refused(2, told);
    // Of the option in two places, clap would keep one without a word.
    let words = ["--set", "max_issues=3", "config", "show", "--set", "cycles=2"];
    let refused = cordwainer(&repository, &words).run();
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("`--set` stands in several places"),
        "{}",
        refused.stderr
    );
    for words in [
        ["--set", "max_issues=3", "config", "show", "--origin"],
        ["config", "show", "--origin", "--set", "max_issues=3"],
    ] {
        assert_eq!(
            line(&cordwainer(&repository, &words).run().done(), "max_issues"),
            "max_issues: 3 # --set"
        );
    }
    let refused = cordwainer(&repository, &["generator", "run", "--budget-usd", "lots"]).run();
    assert_eq!(refused.code, 3);
    assert!(
        refused.stderr.contains("--budget-usd: budget.run_usd: expected"),
        "{}",
        refused.stderr
    );
}
