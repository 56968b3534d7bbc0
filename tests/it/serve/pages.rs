//! What pages have: everything of agents is text, and nothing of it markup.

use std::process::Command;

use cordwainer::attempt::Outcome;
use serde_json::{Value, json};

use super::{api, command_of, page, served, with_tasks};
use crate::by_hand::{attempted, generation, merged};
use crate::runs::records::{attempt, claimed, run_ended, started, write};
use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;
use crate::support::serve::{Served, serving};

/// What would do something, were it not text: markup, an end of what it stands in, characters that turn or hide a text.
const HOSTILE: &str = "</title></pre></textarea><script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg onload=alert(3)>{{ 7 * 7 }}\u{202e}\u{1b}]0;x\u{7}\u{0}";

/// What no page may have.
const MARKUP: [&str; 8] = [
    "<script",
    "<img",
    "<svg onload",
    "</title></pre>",
    "\u{202e}",
    "\u{1b}",
    "\u{7}",
    ">49<",
];

/// The run that tests write.
const RUN: &str = "20261130-120000000-7";

/// All pages, by their paths.
fn pages_of(served: &Served) -> Vec<(String, Value)> {
    let base = api(served).replacen("/api/v1", "", 1);
    let ends = ["", "/tasks", "/tasks/cw-1", "/tasks/cw-2", "/held", "/usage"];
    let paths = ends.iter().map(|end| format!("{base}{end}"));
    let paths = paths.chain([format!("{base}/runs/{RUN}"), "/".to_owned()]);
    paths.map(|path| (path.clone(), page(served, &path))).collect()
}

/// Writes a run that attempted a task and holds it, in which this is every text.
fn run_of(repository: &TestRepository, text: &str) {
    let mut claimed = claimed("cw-1");
    claimed["title"] = json!(text);
    let mut ended = attempt("cw-1", "gate_failed");
    ended["reason"] = json!(text);
    ended["title"] = json!(text);
    let held = json!({"type": "task_held", "task": "cw-1", "reason": text});
    let said = json!({"type": "warned", "what": text});
    let started = started(RUN, "generation-one");
    write(
        repository,
        RUN,
        &[started, claimed, said, ended, held, run_ended(text)],
        b"",
    );
}

#[test]
fn what_agents_wrote_is_text_on_every_page() {
    let repository = with_tasks();
    let add = |arguments: &[&str]| cordwainer(&repository, arguments).run().done();
    let title = HOSTILE.replace(['\u{0}', '\u{1b}', '\u{7}', '\u{202e}'], "");
    add(&["issues", "edit", "cw-1", "--title", &title, "--label", "a<b>"]);
    add(&[
        "issues",
        "edit",
        "cw-2",
        "--description",
        &title,
        "--proof",
        "true '<script>'",
    ]);
    let served = served(&repository, &[]);
    let of_task = format!("{}/tasks/cw-1", api(&served));
    served
        .post(
            &format!("{of_task}/comment"),
            &json!({"text": HOSTILE.replace('\u{0}', "")}),
        )
        .ask()
        .expect(200);
    drop(served);
    run_of(&repository, HOSTILE);
    for (path, content) in pages_of(&self::served(&repository, &[])) {
        // Both are set as text, which has no markup.
        for plain in ["title", "said"] {
            let text = content[plain].as_str().unwrap();
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{path}: {text}");
        }
        let text = content["html"].as_str().unwrap();
        for markup in MARKUP {
            assert!(!text.contains(markup), "{path} has {markup:?}: {text}");
        }
        assert!(!text.contains(" style=") && !text.contains(" onclick"), "{path}");
    }
}

/// Texts that were written before anybody knew that they are one.
#[test]
fn a_credential_is_on_no_page_whatever_has_it() {
    const SECRET: &str = "correct-horse-battery-staple";
    let repository = with_tasks();
    let add = |arguments: &[&str]| cordwainer(&repository, arguments).run().done();
    add(&[
        "issues",
        "edit",
        "cw-1",
        "--title",
        SECRET,
        "--label",
        SECRET,
        "--description",
        SECRET,
    ]);
    add(&["issues", "edit", "cw-2", "--title", SECRET, "--proof", SECRET]);
    add(&["issues", "comment", "cw-2", SECRET]);
    add(&["issues", "hold", "cw-2", "--reason", SECRET]);
    run_of(&repository, SECRET);
    let mut command = command_of(&repository);
    command.env("ANTHROPIC_API_KEY", SECRET);
    let knows = serving(command, &repository.outside().join("state"), &["serve"]);
    let shown = |served: &Served| {
        let pages = pages_of(served).into_iter();
        pages
            .map(|(path, content)| (path, content.to_string()))
            .collect::<Vec<_>>()
    };
    for ((path, text), (_, plain)) in shown(&knows).iter().zip(shown(&served(&repository, &[]))) {
        assert!(!text.contains(SECRET), "{path}: {text}");
        let count = plain.matches(SECRET).count();
        assert_eq!(
            text.matches("[redacted credential]").count(),
            count,
            "{path}: {text}\n{plain}"
        );
        assert_eq!(
            count > 0,
            !path.ends_with("/usage") && path != "/",
            "{path} has none of the texts: {plain}"
        );
    }
}

/// The attributes `id` of a page, each of which is there once, and what refers to them.
#[test]
fn each_part_of_a_page_has_a_name_of_its_own_and_each_field_a_label() {
    let repository = with_tasks();
    let events = [
        started(RUN, "generation-one"),
        claimed("cw-1"),
        attempt("cw-1", "merged"),
        run_ended("x"),
    ];
    write(&repository, RUN, &events, b"");
    for (path, content) in pages_of(&served(&repository, &[])) {
        let text = content["html"].as_str().unwrap();
        let values = |name: &str| -> Vec<&str> {
            let begin = format!(" {name}=\"");
            let parts = text.split(&*begin).skip(1);
            parts.map(|part| part.split('"').next().unwrap()).collect()
        };
        let ids = values("id");
        for id in &ids {
            assert_eq!(ids.iter().filter(|one| one == &id).count(), 1, "{path}: {id}");
        }
        for referred in values("for")
            .iter()
            .chain(&values("aria-labelledby"))
            .chain(&values("data-more"))
        {
            assert!(ids.contains(referred), "{path}: there is no {referred}");
        }
        let fields =
            text.matches("<input").count() + text.matches("<textarea").count() + text.matches("<select").count();
        let hidden = text.matches("type=\"hidden\"").count();
        assert!(text.matches("<label").count() >= fields - hidden, "{path}");
        assert_eq!(text.matches("<h1").count(), 1, "{path}");
        let forms = text.matches("data-post=").count();
        assert_eq!(text.matches("data-done=").count(), forms, "{path}");
        assert_eq!(text.matches("data-note").count(), forms, "{path}");
    }
}

#[test]
fn tasks_are_filtered_and_grouped_by_their_state() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let tasks = api(&served).replacen("/api/v1", "", 1) + "/tasks";
    let shown = |query: &str| {
        let content = page(&served, &format!("{tasks}{query}"));
        let html = content["html"].as_str().unwrap().to_owned();
        let board = html.split("id=\"region-graph\"").next().unwrap().to_owned();
        // A task of a generation that is named is one of that generation, wherever the link is followed.
        let generation = if query.starts_with("?generation") {
            "?generation=one"
        } else {
            ""
        };
        ["cw-1", "cw-2"].map(|id| board.contains(&format!("/tasks/{id}{generation}\"")))
    };
    for (query, expected) in [
        ("", [true, true]),
        ("?status=held", [true, false]),
        ("?status=open&status=held", [true, true]),
        ("?label=ui", [true, false]),
        ("?words=summary", [false, true]),
        ("?words=CLOTH+sizes", [true, false]),
        ("?words=none", [false, false]),
        ("?generation=one", [true, true]),
    ] {
        assert_eq!(shown(query), expected, "{query}");
    }
    served.get(&format!("{tasks}?status=gone")).ask().expect(400);
    let graph = page(&served, &tasks)["html"].to_string();
    assert!(
        graph.contains("region-graph") && graph.contains("aria-label=\\\"cw-2, open: Print a summary\\\""),
        "{graph}"
    );
}

/// A run that died says so of all that it was at; its tasks are those of its generation, whichever is the current one.
#[test]
fn a_run_that_died_was_at_work_and_its_links_lead_to_its_own_generation() {
    let repository = with_tasks();
    let started = started(RUN, "generation-one");
    write(&repository, RUN, &[started, claimed("cw-1")], b"");
    let served = served(&repository, &[]);
    let base = api(&served).replacen("/api/v1", "", 1);
    let shown = || {
        let content = page(&served, &format!("{base}/runs/{RUN}"));
        content["html"].as_str().unwrap().to_owned()
    };
    let html = shown();
    for part in [
        "<h2 id=\"at-work\">At work when it died</h2>",
        "<span>no end recorded</span>",
    ] {
        assert!(html.contains(part), "`{part}` is not in {html}");
    }
    assert!(
        html.contains(&format!("\"{base}/tasks/cw-1\"")),
        "of the current one: {html}"
    );
    let ended = |arguments: &[&str]| drop(cordwainer(&repository, arguments).run().done());
    // Another one is the current one, then this one has ended, then none is open.
    let named = format!("{base}/tasks/cw-1?generation=generation%2Done");
    ended(&["start", "--name", "two"]);
    for end in [
        &["reset", "--generation", "one"][..],
        &["reset", "--generation", "two"],
        &[],
    ] {
        let html = shown();
        assert!(html.contains(&format!("\"{named}\"")), "{html}");
        assert!(
            html.contains(&format!("{base}/tasks?generation=generation%2Done")),
            "{html}"
        );
        let task = page(&served, &named);
        assert!(task["html"].as_str().unwrap().contains("Sizes of cloth."), "{task:#}");
        if !end.is_empty() {
            ended(end);
        }
    }
}

/// The script is one file, which a browser and this can read.
#[test]
fn the_script_is_well_formed_and_puts_nothing_into_a_page_but_what_the_server_sent() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let script = served.get("/script.js").ask().expect(200);
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    for word in [
        "innerHTML",
        "outerHTML =",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "cookie",
        "http://",
        "https://",
    ] {
        assert!(!script.body.contains(word), "{word}");
    }
    assert_eq!(script.body.matches("parseFromString").count(), 1);
    let style = served.get("/page.css").ask().expect(200);
    assert!(
        !style.body.contains("url(") && !style.body.contains("@import"),
        "nothing comes from elsewhere"
    );
    let file = repository.outside().join("script.js");
    std::fs::write(&file, &script.body).unwrap();
    // Where there is a program that can read it.
    if let Ok(output) = Command::new("node").arg("--check").arg(&file).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let _: Value = served.json("/");
}

/// A key that comes, and one in the place of another: each is redacted as a whole, although every line of it begins as lines of
/// diffs do.
#[test]
fn a_private_key_in_a_diff_is_redacted_and_what_is_around_it_can_be_read() {
    let file = |first: &str, letters: &str, last: &str| {
        let lines = format!("{}\n", letters.repeat(32)).repeat(5);
        let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{lines}-----END RSA PRIVATE KEY-----");
        format!("{first}\nkey = |\n{key}\n{last}\n")
    };
    let repository = generation(&["Say more", "Say less"]);
    let (old, new) = (file("first", "Gx", "last"), file("FIRST", "Hy", "LAST"));
    merged(&repository, "cw-1", 1, &[("settings.yaml", Some(old.as_bytes()))]);
    let files: [(&str, Option<&[u8]>); 1] = [("settings.yaml", Some(new.as_bytes()))];
    attempted(&repository, "cw-2", (1, Outcome::GateFailed), &files);
    let served = served(&repository, &[]);
    let api = api(&served);
    let pages = api.replacen("/api/v1", "", 1);
    for (task, expected) in [
        ("cw-1", &["+first", "+key = |", "+[redacted private key]", "+last"][..]),
        (
            "cw-2",
            &[
                "-first",
                "+FIRST",
                " key = |",
                " [redacted private key]",
                "-last",
                "+LAST",
            ],
        ),
    ] {
        let shown = [
            cordwainer(&repository, &["issues", "diff", task]).run().done(),
            page(&served, &format!("{pages}/tasks/{task}"))["html"].to_string(),
            served.json(&format!("{api}/tasks/{task}/diff")).to_string(),
        ];
        for text in shown {
            for line in expected {
                assert!(text.contains(line), "{task}: `{line}` is not in {text}");
            }
            assert!(!text.contains("GxGx") && !text.contains("HyHy"), "{task}: {text}");
        }
    }
}
