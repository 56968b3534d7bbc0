//! JUnit's XML, in which most test programs can report, read event by event. A document type definition is refused, and
//! with it every entity of a document's own.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::collected::{Outcome, Results};

/// How deep elements may be.
const DEEPEST: usize = 64;
/// How many attributes of an element are looked at.
const MOST_ATTRIBUTES: usize = 64;

/// What is open while a document is read.
#[derive(Default)]
struct Open {
    /// The names of the open elements.
    elements: Vec<Element>,
    /// The test that is open: its name, and how it ended, by what is known.
    test: Option<(String, Outcome)>,
    /// Failures that suites count, the most that one of them does, and those of tests that were read.
    counted: u64,
    failed: u64,
    /// Whether there was anything of JUnit.
    is_junit: bool,
}

/// An open element.
enum Element {
    /// A suite and its name.
    Suite(String),
    Test,
    Other,
}

/// Reads a document; else returns why it cannot be used, as the end of a sentence.
pub(super) fn read(text: &str, results: &mut Results) -> Result<(), String> {
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut open = Open::default();
    loop {
        let event = reader.read_event();
        match event.map_err(|error| format!("not XML at byte {}: {error}", reader.error_position()))? {
            Event::Start(element) => open.begin(&element)?,
            Event::Empty(element) => {
                open.begin(&element)?;
                open.end(results)?;
            }
            Event::End(_) => open.end(results)?,
            Event::DocType(_) => return Err("it has a document type definition, which is not read".to_owned()),
            Event::Eof => break,
            _ => {}
        }
    }
    if !open.elements.is_empty() {
        return Err("it ends before its elements do".to_owned());
    }
    if !open.is_junit {
        return Err("it has no `testsuite` and no `testcase`".to_owned());
    }
    if open.counted > 0 && open.failed == 0 {
        return Err(format!("it counts {} failed tests and names none", open.counted));
    }
    Ok(())
}

impl Open {
    fn begin(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        if self.elements.len() == DEEPEST {
            return Err(format!("elements more than {DEEPEST} deep"));
        }
        let name = element.name();
        let opened = match name.as_ref() {
            "testsuite" | "testsuites" => {
                self.is_junit = true;
                let [name, failures, errors] = attributes(element, ["name", "failures", "errors"])?;
                let count = |text: String| text.trim().parse::<u32>().map_or(0, u64::from);
                self.counted = self.counted.max(count(failures) + count(errors));
                Element::Suite(name)
            }
            "testcase" if self.test.is_none() => {
                self.is_junit = true;
                let [class, name, status] = attributes(element, ["classname", "name", "status"])?;
                self.test = Some((self.named(class, &name), by_status(&status)));
                Element::Test
            }
            "failure" | "error" => self.settle(Outcome::Failed),
            "skipped" | "disabled" => self.settle(Outcome::Skipped),
            _ => Element::Other,
        };
        self.elements.push(opened);
        Ok(())
    }

    /// Notes how the open test ended, if this is directly in it: failed is failed.
    fn settle(&mut self, outcome: Outcome) -> Element {
        if let (Some(Element::Test), Some((_, known))) = (self.elements.last(), &mut self.test)
            && *known != Outcome::Failed
        {
            *known = outcome;
        }
        Element::Other
    }

    /// Returns the name of a test: after its class, else after the suite that it is in.
    fn named(&self, class: String, name: &str) -> String {
        let suite = || {
            self.elements.iter().rev().find_map(|element| match element {
                Element::Suite(name) => Some(name.clone()),
                _ => None,
            })
        };
        let class = if class.is_empty() {
            suite().unwrap_or_default()
        } else {
            class
        };
        format!("{class} {name}")
    }

    fn end(&mut self, results: &mut Results) -> Result<(), String> {
        if let Some(Element::Test) = self.elements.pop()
            && let Some((name, outcome)) = self.test.take()
        {
            self.failed += u64::from(outcome == Outcome::Failed);
            results.add(&name, outcome)?;
        }
        Ok(())
    }
}

/// Returns how a test ended by its attribute, which some programs write beside or instead of elements.
fn by_status(status: &str) -> Outcome {
    match status {
        "failed" | "fail" | "error" => Outcome::Failed,
        "notrun" | "skipped" | "disabled" => Outcome::Skipped,
        _ => Outcome::Passed,
    }
}

/// Returns the values of attributes, each empty where it is missing.
fn attributes<const N: usize>(element: &BytesStart<'_>, names: [&str; N]) -> Result<[String; N], String> {
    let mut values = names.map(|_| String::new());
    // Checks for repeats take the square of their number.
    for attribute in element.attributes().with_checks(false).take(MOST_ATTRIBUTES) {
        let attribute = attribute.map_err(|error| format!("an attribute cannot be read: {error}"))?;
        if let Some(at) = names.iter().position(|name| attribute.key.as_ref() == *name) {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            value
                .map_err(|error| format!("an attribute cannot be read: {error}"))?
                .as_ref()
                .clone_into(&mut values[at]);
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use crate::run::gate::results::of_junit;
    use crate::run::gate::results::tests::shown;

    fn of(text: &str) -> Result<String, String> {
        of_junit([("results.xml", text.as_bytes())]).map(|results| shown(&results))
    }

    #[test]
    fn what_test_programs_write_is_read() {
        let pytest = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="3" time="0.01">
            <testcase classname="tests.test_a" name="test_add[1-&lt;2&gt;]" time="0.001" />
            <testcase classname="tests.test_a" name="test_sub" time="0"><failure message="assert 1 == 2">def test_sub():
            &gt; assert &#49; == 2</failure><system-out><![CDATA[<error/>]]></system-out></testcase>
            <testcase classname="tests.test_a" name="test_later" time="0"><skipped type="pytest.skip" message="no network"/></testcase>
            </testsuite></testsuites>"#;
        assert_eq!(
            of(pytest).unwrap(),
            "tests.test_a test_add[1-<2>] | tests.test_a test_sub | tests.test_a test_later"
        );
        // Without a class, after the suite; a flaky test has passed; a status as attribute.
        let others = r#"<testsuite name="outer" tests="4"><testsuite name="inner"><testcase name="a"><flakyFailure/><rerunFailure/></testcase>
            <testcase name="b"><properties><error/></properties></testcase><testcase name="c" status="notrun"/><testcase name="d"><error/><skipped/></testcase></testsuite></testsuite>"#;
        assert_eq!(of(others).unwrap(), "inner a, inner b | inner d | inner c");
        assert_eq!(of("<testsuites/>").unwrap(), " |  | ");
        let two = of_junit([
            ("a.xml", b"<testsuite><testcase name='x'/></testsuite>".as_slice()),
            (
                "b.xml",
                b"<testsuite><testcase name='x'><failure/></testcase></testsuite>",
            ),
        ]);
        assert_eq!(shown(&two.unwrap()), "x | x | ");
    }

    #[test]
    fn what_is_malformed_or_contradicts_itself_is_not_used() {
        let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><testsuite><testcase name='&b;'/></testsuite>";
        let deep = "<testsuite>".repeat(100);
        for (text, expect) in [
            ("", "no `testsuite`"),
            ("<html></html>", "no `testsuite`"),
            ("<testsuite>", "ends before"),
            ("<testsuite><testcase name='x'></testsuite>", "not XML"),
            (bomb, "document type definition"),
            ("<testsuite><testcase name='&own;'/></testsuite>", "cannot be read"),
            (&deep, "deep"),
            (
                "<testsuite failures='2'><testcase name='x'/></testsuite>",
                "counts 2 failed tests and names none",
            ),
        ] {
            let why = of(text).unwrap_err();
            assert!(why.starts_with("`results.xml`: ") && why.contains(expect), "{why}");
        }
        assert!(of_junit([("x", b"\xff".as_slice())]).unwrap_err().contains("UTF-8"));
    }
}
