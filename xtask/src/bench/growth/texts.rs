//! The steps that read texts and lines.

use cordwainer::agent::{Ending, Transcript, reset_time};
use cordwainer::config::ModeKind;
use cordwainer::lines::{DEFAULT_LINE_LIMIT, LineReader};
use cordwainer::network::Authority;
use cordwainer::prompt::{self, Document, MeasureContext};
use cordwainer::proposal::{BatchLimits, Proposal, validate};
use cordwainer::redact::Redactor;
use cordwainer::text;
use secrecy::SecretString;
use serde_json::json;

use super::Step;

/// A credential in use.
const SECRET: &str = "sk-ant-oat01-q7Rk2Vd9sLw3Xn5Tb8Yh1Jf6Gc4Mz0Pe";
/// What a batch may be; the number of proposals is not what is measured.
const LIMITS: BatchLimits = BatchLimits {
    max_issues: 10,
    lines_min: 10,
    lines_max: 300,
    most_lines: None,
    needs_proof: false,
};

/// All of them.
pub(super) fn steps() -> Vec<Step> {
    let mut steps = redactor();
    steps.extend(stream());
    steps.extend(prompts());
    steps.extend(others());
    steps
}

/// So many bytes of a part that is repeated.
fn repeated(part: &'static str) -> impl Fn(usize) -> String {
    move |size| part.repeat(size.div_ceil(part.len()))
}

fn redactor() -> Vec<Step> {
    let find = |text: &String| {
        let redactor = Redactor::new([&SecretString::from(SECRET)]);
        std::hint::black_box(redactor.bytes(text.as_bytes()));
    };
    let line = |text: &String| {
        let redactor = Redactor::new([&SecretString::from(SECRET)]);
        std::hint::black_box(redactor.line(text.as_bytes()));
    };
    let step = |name, part| Step::of((name, "bytes", 32 << 10), repeated(part), find);
    vec![
        step("redactor: beginnings of two forms of token", "sk-cio"),
        step("redactor: one token without an end", "ghp_aaaaaaaaaaaaaaaa"),
        step("redactor: escapes in escapes", "%25%32%35%5cu0073\\u006b"),
        step("redactor: one long run of base64", "c2stYW50LW9hdDAx"),
        step("redactor: keys without an end", "-----BEGIN PRIVATE KEY-----\n"),
        step("redactor: a credential again and again", SECRET),
        Step::of(
            ("redactor: a line of JSON with credentials", "bytes", 32 << 10),
            |size| {
                let many = vec![json!({SECRET: SECRET, "a": "\\\"sk-ant-api03-"}); size / 120];
                json!({"content": many}).to_string()
            },
            line,
        ),
    ]
}

/// Lines of the client's, each made by its number.
fn lines(line: fn(usize) -> String) -> impl Fn(usize) -> Vec<String> {
    move |size| (0..size).map(line).collect()
}

fn read_lines(lines: &Vec<String>) {
    let mut transcript = Transcript::new();
    for line in lines {
        std::hint::black_box(transcript.push_line(line.as_bytes()));
    }
    std::hint::black_box(transcript.finish(&Ending::of_recording()));
}

fn assistant(number: usize, content: &serde_json::Value) -> String {
    let usage = json!({"input_tokens": 1, "output_tokens": 1});
    let message = json!({"id": format!("msg_{number}"), "type": "message", "role": "assistant", "model": format!("m{number}"),
        "content": content, "usage": usage});
    json!({"type": "assistant", "message": message, "session_id": format!("s{number}"), "uuid": number}).to_string()
}

fn stream() -> Vec<Step> {
    let many = |name, line| Step::of((name, "lines", 256), lines(line), read_lines);
    let long = |name, part: &'static str| {
        let input = move |size: usize| vec![repeated(part)(size)];
        Step::of((name, "bytes", 32 << 10), input, read_lines)
    };
    let quoted = |name, part: &'static str| {
        let input = move |size: usize| vec![assistant(1, &json!([{"type": "text", "text": repeated(part)(size)}]))];
        Step::of((name, "bytes", 32 << 10), input, read_lines)
    };
    vec![
        many("stream: messages of ever other models", |number| {
            assistant(number, &json!([{"type": "text", "text": "x"}]))
        }),
        many("stream: tools that never end", |number| {
            let id = format!("toolu_{number}");
            assistant(
                number,
                &json!([{"type": "tool_use", "id": id, "name": format!("T{number}"), "input": {"a": id}}]),
            )
        }),
        many("stream: unknown types", |number| {
            json!({"type": format!("t{number}"), "subtype": number}).to_string()
        }),
        long("stream: a line of brackets", "[{\"a\":"),
        long("stream: objects on one line", "{\"type\":\"x\"}"),
        long("stream: a line of terminal commands", "\u{1b}]0;\u{1b}[1;"),
        long("stream: a line of NaN and raw tabs", "[NaN,\t-Infinity],"),
        quoted("stream: blanks and marks in a text", " \u{301}\u{202e}\n"),
        Step::of(
            ("stream: lines cut from a file", "bytes", 256 << 10),
            repeated("\n\r\n{}"),
            |text| {
                let mut lines = LineReader::new(text.as_bytes(), DEFAULT_LINE_LIMIT);
                while lines.next_line().expect("memory can be read").is_some() {}
            },
        ),
    ]
}

/// A proposal that waits for so many others, which there are not.
fn proposal(number: usize, size: usize) -> Proposal {
    let words = |word: &str| vec![format!("{word} {number}")];
    Proposal {
        key: format!("k{number}"),
        title: format!("  Write   the  module\u{301} {number}"),
        description: "#".repeat(200),
        required_reading: vec![format!("docs/{number}.md")],
        files: Vec::new(),
        requirements: words("must"),
        acceptance_criteria: words("is"),
        estimated_lines: 100,
        priority: 2,
        depends_on: (0..size).map(|other| format!("k{number}-{other}")).collect(),
        proof: None,
    }
}

fn prompts() -> Vec<Step> {
    let document = |part: &'static str| {
        move |size: usize| {
            let text = repeated(part)(size);
            let documents = vec![Document {
                path: "docs/a.md".to_owned(),
                text,
            }];
            MeasureContext::new(documents, Vec::new(), [], LIMITS, None)
        }
    };
    let render = |context: &MeasureContext| {
        std::hint::black_box(
            prompt::render_measure(prompt::measure_template(ModeKind::Generate), context)
                .expect("our own template renders"),
        );
    };
    vec![
        Step::of(
            ("prompt: a document of fences", "bytes", 4 << 10),
            document("```\n~~~~\n"),
            render,
        ),
        Step::of(
            ("prompt: a document of one fence", "bytes", 4 << 10),
            document("`"),
            render,
        ),
        Step::of(
            ("prompt: a document of templates", "bytes", 4 << 10),
            document("{{ x }}{% if %}"),
            render,
        ),
        Step::of(
            ("prompt: what was wrong with an answer", "problems", 64),
            |size| {
                let problems = (0..size).map(|number| format!("``` {number} {{{{").repeat(8)).collect();
                MeasureContext::new(Vec::new(), Vec::new(), [], LIMITS, None).again(Vec::new(), problems, None)
            },
            render,
        ),
        Step::of(
            ("proposals: what they wait for", "names", 256),
            |size| (0..10).map(|number| proposal(number, size)).collect::<Vec<_>>(),
            |proposals| {
                std::hint::black_box(validate(proposals.clone().into(), &[], &LIMITS));
            },
        ),
    ]
}

fn others() -> Vec<Step> {
    let text = |name, part, step: fn(&String)| Step::of((name, "bytes", 64 << 10), repeated(part), step);
    vec![
        text("text: made harmless", "\u{1b}[31m\u{202e}\r\n\0", |text| {
            std::hint::black_box(text::harmless(text));
        }),
        text("text: cut to a line", " \u{1b}\u{301}", |text| {
            std::hint::black_box(text::one_line(text, usize::MAX));
        }),
        text("text: a title to compare", "\u{fdfa}\u{301} A", |text| {
            std::hint::black_box(text::normalised_title(text));
        }),
        text(
            "reset times: a sentence of numbers",
            "resets 12:59pm in 9 days ",
            |text| {
                std::hint::black_box(reset_time(text, Some(jiff::Timestamp::UNIX_EPOCH)));
            },
        ),
        text("hosts: a long target", "a.-1:", |text| {
            std::hint::black_box(Authority::parse(text, Some(443)).is_ok());
        }),
    ]
}
