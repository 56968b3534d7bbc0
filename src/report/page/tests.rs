//! Pages from small reports, and from hostile and large ones, read back as a browser reads them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use self::reading::{Element, Read, check};
use super::*;
use crate::lifecycle::{ComparedKind, ReviewFinding, WorkReport};
use crate::record::course::CourseOfRun;
use crate::record::overview::RunOutcome;

mod reading;
mod timelines;

/// What an agent may write to get out of its place in a page, a chart, a style or a text in Markdown.
const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</style></title></svg></pre><svg onload=alert(1)>",
    "<!-- --!> <![CDATA[ ]]> <a href=javascript:alert(1)>x</a>",
    "{{ 7 * 7 }}{% raw %}{# x #}",
    "&lt;b&gt; &#60;i&#62; &amp;",
    "\u{1b}[2J\u{202e}\u{200b}\r\u{7f}\u{0}",
    "# x\n- y | `z` ![i](https://example.invalid/i.png) <b> @someone",
];

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_796_040_000 + second).unwrap()
}

fn reader(report: &WorkReport) -> Reader {
    Reader::of(report, &TimeZone::UTC)
}

/// Makes the report of a run with these events, ten seconds apart.
fn report(events: &[Value], findings: Vec<ReviewFinding>) -> WorkReport {
    let mut course = CourseOfRun::new("20261130-120000000-1".parse().unwrap());
    for (number, event) in (0..).zip(events) {
        let line = json!({"at": second(10 * number), "event": event});
        course.add(&serde_json::from_value(line).unwrap());
    }
    WorkReport::of_run(course.summed_up(), findings, second(3600))
}

fn started() -> Value {
    json!({"type": "run_started", "run": "r", "generation": "generation-one", "mode": "feature", "engine": "podman 4.3.1", "image": "i"})
}

fn claimed(task: &str, title: &str, attempt: u32) -> Value {
    json!({"type": "task_claimed", "task": task, "title": title, "attempt": attempt})
}

fn call(task: Option<&str>, role: &str, attempt: u32) -> Value {
    json!({"role": role, "task": task, "attempt": attempt})
}

fn ended(task: Option<&str>, role: &str, model: &str, cost: f64) -> Value {
    json!({"type": "agent_ended", "call": call(task, role, 1), "reason": "done", "entry": {
        "role": role, "task": task, "attempt": 1, "cycle": 1, "run": "r", "session_id": null, "model": model, "turns": 3,
        "usage": {"input": 12_000, "output": 345, "cost_usd": cost, "calls": 1}, "estimated": false, "duration_ms": 1,
        "api_ms": 1, "wait_ms": 0, "outcome": "success", "ended_at": "2026-11-30T12:00:00Z"}})
}

fn gate(task: &str, passed: bool, output: &[&str]) -> Value {
    json!({"type": "gate_ended", "task": task, "gate": "test", "passed": passed, "verdict": if passed { "passed" } else { "failed" },
        "why": if passed { "" } else { "exited with 101" }, "output": output})
}

fn round(task: &str, number: u32, how: &str) -> Value {
    json!({"type": "round_started", "task": task, "attempt": 1, "round": number, "of": 2, "gate": "test", "how": how})
}

fn review(task: &str, score: u8, how: &str) -> Value {
    json!({"type": "review_ended", "task": task, "attempt": 1, "number": 1, "passed": score > 5, "score": score, "how": how,
        "weightiest": ["high src/a.rs:3: the last line is lost"], "seconds": 1.0})
}

fn attempt(task: &str, title: &str, outcome: &str, reason: &str) -> Value {
    json!({"type": "attempt_ended", "task": task, "title": title, "attempt": 1, "outcome": outcome, "reason": reason,
        "commit": null, "changed": {"files": 2, "insertions": 10, "deletions": 1}, "usage": {}, "seconds": 75.0})
}

fn held(task: &str, reason: &str) -> Value {
    json!({"type": "task_held", "task": task, "reason": reason})
}

fn finding(task: &str, text: &str) -> ReviewFinding {
    let finding = json!({"severity": "high", "category": text, "path": text, "line": 3, "title": text, "problem": text,
        "suggestion": text, "fingerprint": "0"});
    ReviewFinding {
        task: task.parse().unwrap(),
        attempt: 1,
        review: 1,
        finding: serde_json::from_value(finding).unwrap(),
    }
}

/// A run with a measure, two tasks and a death.
fn small() -> WorkReport {
    let events = [
        started(),
        json!({"type": "run_progress", "task": 1, "tasks": 2, "usage": {}}),
        json!({"type": "step_started", "call": call(None, "measure", 1), "step": "checkout"}),
        ended(None, "measure", "opus", 0.25),
        json!({"type": "measure_ended", "filed": [], "dropped": [], "usage": {}}),
        claimed("cw-1", "Round half sizes up", 1),
        ended(Some("cw-1"), "stitch", "sonnet", 0.5),
        gate("cw-1", false, &["test a ... FAILED", "left: 3"]),
        claimed("cw-2", "Export entries as CSV", 1),
        round("cw-1", 1, "exited with 101"),
        gate("cw-1", true, &[]),
        ended(Some("cw-1"), "review", "opus", 0.125),
        review("cw-1", 8, "has the score 8 of 10"),
        attempt("cw-1", "Round half sizes up", "merged", ""),
        ended(Some("cw-2"), "stitch", "sonnet", 1.5),
        attempt(
            "cw-2",
            "Export entries as CSV",
            "gate_failed",
            "the gate `test` exited with 101",
        ),
        held("cw-2", "1 attempt failed"),
        claimed("cw-3", "Print a summary", 1),
    ];
    report(&events, vec![finding("cw-1", "the last line is lost")])
}

/// Everything that people and agents write is this text.
fn hostile(text: &str) -> WorkReport {
    let line = text.replace('\n', " ");
    let events = [
        started(),
        claimed("cw-1", text, 1),
        ended(Some("cw-1"), "stitch", text, 0.5),
        json!({"type": "gate_ended", "task": "cw-1", "gate": text, "passed": false, "why": text, "output": [line, line]}),
        round("cw-1", 1, text),
        review("cw-1", 3, text),
        json!({"type": "person_said", "call": call(Some("cw-1"), "stitch", 1), "text": text}),
        json!({"type": "question_asked", "task": "cw-1", "attempt": 1, "question": text}),
        json!({"type": "stage_ended", "task": "cw-1", "attempt": 1, "stage": "docs", "number": 1, "passed": false, "required": true,
            "how": text, "seconds": 1.0}),
        json!({"type": "candidate_ended", "task": "cw-1", "attempt": 1, "candidate": 1, "chosen": false, "outcome": "gate_failed",
            "reason": text}),
        attempt("cw-1", text, "gate_failed", text),
        held("cw-1", text),
        claimed("cw-2", text, 1),
        json!({"type": "tool_used", "call": call(Some("cw-2"), "stitch", 1), "tool": text, "summary": text}),
    ];
    let mut report = report(&events, vec![finding("cw-1", text)]);
    report.summary.mode = Some(text.to_owned());
    report.runs[0].reason = Some(text.to_owned());
    report.runs[0].outcome = RunOutcome::Ended;
    report
}

/// 500 tasks with three attempts each, whose texts are long and grow when they are escaped.
fn large() -> WorkReport {
    let text = "\"quoted\" <and> 'pointed' & \u{202e}turned ".repeat(12);
    let mut events = vec![started()];
    let mut findings = Vec::new();
    for task in 1..=500 {
        let task = format!("cw-{task}");
        for number in 1..=3 {
            let outcome = if number < 3 { "gate_failed" } else { "merged" };
            events.push(claimed(&task, &text, number));
            events.push(ended(Some(&task), "stitch", "sonnet", 0.5));
            for _ in 0..3 {
                events.push(gate(&task, false, &[text.as_str(); 4]));
                events.push(round(&task, 1, &text));
            }
            events.push(review(&task, 8, &text));
            events.push(attempt(&task, &text, outcome, &text));
        }
        events.push(held(&task, &text));
        findings.extend((0..5).map(|_| finding(&task, &text)));
    }
    report(&events, findings)
}

/// So many tasks that there is no room for all; those after the first 550 are held.
fn too_many(tasks: usize) -> WorkReport {
    let title = "\"".repeat(60);
    let mut events = vec![started()];
    for number in 1..=tasks {
        let task = format!("cw-{number}");
        for number in 1..=6 {
            events.push(claimed(&task, &title, number));
            events.push(attempt(&task, &title, "gate_failed", ""));
        }
        if number > 550 {
            events.push(held(&task, "6 attempts failed"));
        }
    }
    report(&events, Vec::new())
}

fn page(report: &WorkReport) -> String {
    let page = html(report, &pages(Redactor::default()), &reader(report)).unwrap();
    page.as_str().to_owned()
}

fn text(report: &WorkReport) -> String {
    let text = markdown(report, &pages(Redactor::default()), &reader(report)).unwrap();
    text.as_str().to_owned()
}

#[test]
fn a_page_of_a_run() {
    let page = page(&small());
    check(&page);
    for never in ["http:", "https:", "url(", "<script", "@import", " style="] {
        assert!(!page.contains(never), "{never}");
    }
    let (_, rest) = page.split_once("</style>").unwrap();
    insta::assert_snapshot!(rest);
}

#[test]
fn a_text_in_markdown_of_a_run() {
    let text = text(&small());
    insta::assert_snapshot!(text);
}

#[test]
fn a_run_of_which_nothing_is_known_has_a_page() {
    let read = check(&page(&report(&[], Vec::new())));
    assert!(read.text.contains("failed before it began"), "{}", read.text);
}

/// A text is read back as it was written, but for what is made visible, and adds no element and no attribute.
#[test]
fn no_text_of_an_agent_becomes_markup() {
    let of = |text: &str| check(&page(&hostile(text)));
    let shape = |read: &Read| -> Vec<(String, Vec<String>)> {
        let names = |one: &Element| one.attributes.keys().cloned().collect();
        read.elements.iter().map(|one| (one.name.clone(), names(one))).collect()
    };
    let plain = of("plain");
    for text in HOSTILE {
        let read = of(text);
        assert_eq!(shape(&read), shape(&plain), "{text:?}");
        let shown = crate::base::text::one_line(text, 400);
        assert!(
            read.text.matches(&shown).count() > 10,
            "{text:?} is shown as {shown:?}: {}",
            read.text
        );
    }
}

#[test]
fn no_text_of_an_agent_is_markup_in_markdown() {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let of = |text: &str| {
        let text = self::text(&hostile(text));
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        let mut shape = Vec::new();
        for (event, range) in Parser::new_ext(&text, options).into_offset_iter() {
            match event {
                Event::Start(tag) => {
                    let is_markup = matches!(
                        tag,
                        Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock | Tag::CodeBlock(_)
                    );
                    assert!(!is_markup, "{tag:?} in {text}");
                    shape.push(format!("{tag:?}"));
                }
                Event::Html(html) | Event::InlineHtml(html) => panic!("{html} in {text}"),
                // Forges make links of these, too, but not in code.
                Event::Text(_) => {
                    let raw = &text[range];
                    assert!(!raw.contains("://") && !raw.contains("@someone"), "{raw} in {text}");
                }
                _ => {}
            }
        }
        shape
    };
    let plain = of("plain");
    for text in HOSTILE {
        assert_eq!(of(text), plain, "{text:?}");
    }
}

/// Puts a text in the place of each one of a document, and counts them.
fn fill(document: &mut Value, with: &str) -> usize {
    match document {
        Value::String(text) => {
            with.clone_into(text);
            1
        }
        Value::Array(all) => all.iter_mut().map(|one| fill(one, with)).sum(),
        Value::Object(all) => all.values_mut().map(|one| fill(one, with)).sum(),
        _ => 0,
    }
}

/// Whatever a template sees is a credential, words of our own among it.
#[test]
fn credentials_are_on_no_page() {
    let secret = "correct horse battery staple";
    let pages = pages(Redactor::new([&secrecy::SecretString::from(secret)]));
    let mut report = hostile("a text");
    report.summary.kind = ComparedKind::Generation;
    report.unreadable = report.runs.clone();
    let mut view = report::view(&report, &reader(&report));
    let count = fill(&mut view, secret);
    assert!(count > 100, "{view:#}");
    for template in ["report.html", "report.md"] {
        let page = pages.render(template, &view).unwrap();
        let page = page.as_str();
        assert!(!page.contains(secret), "{page}");
        let redacted = page.matches("redacted credential").count();
        assert!(redacted > 50, "{redacted} in {template}: {page}");
    }
}

#[test]
fn a_page_of_500_tasks_is_less_than_a_megabyte_and_says_what_it_leaves_out() {
    let report = large();
    for text in [page(&report), text(&report)] {
        assert!(text.len() < 1_000_000, "{}", text.len());
        assert!(text.contains("Texts and lists are cut"));
        for task in ["cw-1", "cw-500"] {
            assert!(text.contains(task), "{task}");
        }
    }
    let read = check(&page(&report));
    let tasks = read.elements.iter().filter_map(|one| one.attributes.get("id"));
    assert_eq!(tasks.filter(|id| id.starts_with("task-")).count(), 500);
}

/// What waits for a person is said of all tasks, also of those that the page has no room for.
#[test]
fn held_tasks_are_named_whichever_tasks_a_page_has_room_for() {
    for (tasks, left_out) in [(600, None), (1100, Some("50 held tasks more"))] {
        let report = too_many(tasks);
        let (page, text) = (page(&report), text(&report));
        assert!(page.len() < 1_000_000 && text.len() < 1_000_000, "{tasks}");
        let read = check(&page);
        let ids = read.elements.iter().filter_map(|one| one.attributes.get("id"));
        let shown = ids.filter(|id| id.starts_with("task-")).count();
        assert!(shown <= 550, "{shown} of {tasks} are shown, held ones among them");
        let part = |text: &str, (begin, end): (&str, &str)| {
            let (_, rest) = text.split_once(begin).unwrap();
            rest.split_once(end).unwrap().0.to_owned()
        };
        let marks = [("<h2 id=\"held\">", "</section>"), ("## Held", "## ")];
        for held in [part(&page, marks[0]), part(&text, marks[1])] {
            for task in 551..=tasks.min(550 + 500) {
                assert!(held.contains(&format!("cw-{task} ")), "cw-{task} of {tasks}: {held}");
            }
            assert_eq!(left_out.is_some(), held.contains("held tasks more"), "{held}");
            assert!(held.contains(left_out.unwrap_or_default()), "{held}");
        }
    }
}

/// A line of a record is read up to 4 MiB; it is cut before anything is made of it.
#[test]
fn the_longest_lines_that_are_read_take_little_of_a_page() {
    let page = page(&hostile(&"<x".repeat(2 << 20)));
    assert!(page.len() < 200_000, "{}", page.len());
    check(&page);
}

/// Computes the relative luminance of a colour as `#rrggbb`, after WCAG 2.2.
fn luminance(colour: &str) -> f64 {
    let channel = |place: usize| {
        let value = f64::from(u8::from_str_radix(&colour[place..place + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn texts_and_areas_stand_out_in_each_theme_and_in_print() {
    assert!((contrast("#ffffff", "#000000") - 21.0).abs() < 1e-9);
    let themes: Vec<&str> = STYLE.split(":root {").skip(1).collect();
    assert_eq!(themes.len(), 3, "light, dark, print");
    for theme in themes {
        let (theme, _) = theme.split_once('}').unwrap();
        let colours: BTreeMap<&str, &str> = theme
            .split(';')
            .filter_map(|part| part.trim().strip_prefix("--")?.split_once(": "))
            .collect();
        for ground in ["ground", "raised"] {
            for text in ["text", "quiet", "good", "bad", "held", "accent"] {
                let found = contrast(colours[text], colours[ground]);
                assert!(found >= 4.5, "{text} on {ground}: {found:.2}: {theme}");
            }
            for series in 1..=6 {
                let series = format!("series-{series}");
                let found = contrast(colours[series.as_str()], colours[ground]);
                assert!(found >= 3.0, "{series} on {ground}: {found:.2}: {theme}");
            }
        }
    }
}

#[test]
fn a_template_that_does_not_fit_is_an_error_with_its_name() {
    let pages = pages(Redactor::default());
    let error = pages.render("report.html", &json!({})).unwrap_err().to_string();
    assert!(error.starts_with("cannot render the template `report.html`"), "{error}");
}
