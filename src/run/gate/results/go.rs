//! The events of `go test -json`, one JSON object a line. What is not one (the compiler's complaints) is skipped.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::collected::{MOST_TESTS, Outcome, Results};

/// An event, as `go doc test2json` describes it.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Package", default)]
    package: String,
    #[serde(rename = "Test", default)]
    test: String,
}

/// How far a package is.
#[derive(Clone, Copy, Debug, Default)]
struct Package {
    /// Whether it passed or was skipped, once it ended.
    ended: Option<bool>,
    /// Whether one of its tests failed.
    has_failed_test: bool,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Go {
    results: Results,
    packages: BTreeMap<String, Package>,
    /// Tests that began and have not ended, by package.
    running: BTreeSet<(String, String)>,
}

impl Go {
    /// Reads a line.
    pub(super) fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(package) = not_built(line) {
            return self.end_package(package, false);
        }
        let Some(event) = line
            .starts_with('{')
            .then(|| serde_json::from_str::<Event>(line).ok())
            .flatten()
            .filter(|event| !event.package.is_empty())
        else {
            return Ok(());
        };
        let outcome = match event.action.as_str() {
            "pass" => Some(Outcome::Passed),
            "fail" => Some(Outcome::Failed),
            "skip" => Some(Outcome::Skipped),
            _ => None,
        };
        match (outcome, event.test.is_empty()) {
            (Some(outcome), false) => self.end_test(event, outcome),
            (Some(outcome), true) => self.end_package(&event.package, outcome != Outcome::Failed),
            (None, is_package) => {
                if !is_package && event.action == "run" {
                    self.running.insert((event.package.clone(), event.test));
                }
                self.package(&event.package).map(drop)
            }
        }
    }

    /// Returns the state of a package.
    fn package(&mut self, name: &str) -> Result<&mut Package, String> {
        if self.packages.len() + self.running.len() > MOST_TESTS {
            return Err(format!("more than {MOST_TESTS} tests"));
        }
        Ok(self.packages.entry(name.to_owned()).or_default())
    }

    fn end_test(&mut self, event: Event, outcome: Outcome) -> Result<(), String> {
        self.package(&event.package)?.has_failed_test |= outcome == Outcome::Failed;
        let test = (event.package, event.test);
        self.running.remove(&test);
        self.results.add(&format!("{} {}", test.0, test.1), outcome)
    }

    fn end_package(&mut self, name: &str, passed: bool) -> Result<(), String> {
        let package = self.package(name)?;
        // One that fails once has failed.
        package.ended = Some(passed && package.ended != Some(false));
        Ok(())
    }

    /// Checks that every package ended; returns the results. A test that began and has not ended has failed, and so has a
    /// package, by its own name, that failed without a test that did: it was not built, or ended by itself.
    pub(super) fn finish(mut self) -> Result<Results, String> {
        if self.packages.is_empty() {
            return Err("its output has no events of `go test -json`".to_owned());
        }
        for (package, test) in &self.running {
            self.results.add(&format!("{package} {test}"), Outcome::Failed)?;
        }
        for (name, package) in &self.packages {
            let has_failed_test = package.has_failed_test || self.running.iter().any(|(of, _)| of == name);
            match package.ended {
                None => return Err(format!("the package `{name}` has not come to its end")),
                Some(false) if !has_failed_test => self.results.add(name, Outcome::Failed)?,
                Some(true) if has_failed_test => {
                    return Err(format!("the package `{name}` passed, although one of its tests failed"));
                }
                Some(_) => {}
            }
        }
        Ok(self.results)
    }
}

/// Returns the package that older versions report in text: `FAIL`, a tab, `example.org/one [build failed]`.
fn not_built(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("FAIL\t")?;
    rest.strip_suffix(" [build failed]")
        .or(rest.strip_suffix(" [setup failed]"))
}

#[cfg(test)]
mod tests {
    use crate::config::ResultsFormat;
    use crate::run::gate::results::tests::read;

    const OUTPUT: &str = r#"# example.org/one/broken
{"Time":"2026-01-01T00:00:00Z","Action":"start","Package":"example.org/one"}
{"Action":"run","Package":"example.org/one","Test":"TestAdd"}
{"Action":"output","Package":"example.org/one","Test":"TestAdd","Output":"=== RUN   TestAdd\n"}
{"Action":"run","Package":"example.org/one","Test":"TestAdd/zero"}
{"Action":"pass","Package":"example.org/one","Test":"TestAdd/zero","Elapsed":0}
{"Action":"fail","Package":"example.org/one","Test":"TestAdd","Elapsed":0}
{"Action":"run","Package":"example.org/one","Test":"TestLater"}
{"Action":"skip","Package":"example.org/one","Test":"TestLater","Elapsed":0}
{"Action":"fail","Package":"example.org/one","Elapsed":0.004}
{"Action":"output","Package":"example.org/one/none","Output":"?   \texample.org/one/none\t[no test files]\n"}
{"Action":"skip","Package":"example.org/one/none","Elapsed":0}
FAIL	example.org/one/broken [build failed]
"#;

    fn of(output: &str) -> Result<String, String> {
        read(&ResultsFormat::Go, output)
    }

    #[test]
    fn tests_and_packages_are_read() {
        let expect = "example.org/one TestAdd/zero | example.org/one TestAdd, example.org/one/broken | example.org/one TestLater";
        assert_eq!(of(OUTPUT).unwrap(), expect);
        // A test that ends the program, and one that panics.
        let cut = OUTPUT.replace(
            r#"{"Action":"fail","Package":"example.org/one","Test":"TestAdd","Elapsed":0}"#,
            "",
        );
        assert_eq!(of(&cut).unwrap(), expect);
    }

    #[test]
    fn what_does_not_agree_with_itself_is_not_used() {
        let unended = OUTPUT.replace(r#"{"Action":"fail","Package":"example.org/one","Elapsed":0.004}"#, "");
        let forged = OUTPUT.replace(
            r#""fail","Package":"example.org/one","Elapsed":0.004"#,
            r#""pass","Package":"example.org/one""#,
        );
        for (output, expect) in [
            ("", "no events"),
            ("{\"Action\": 1}\n{\n[]\n", "no events"),
            (&unended, "`example.org/one` has not come to its end"),
            (&forged, "passed, although one of its tests failed"),
        ] {
            let why = of(output).unwrap_err();
            assert!(why.contains(expect), "{why}");
        }
    }
}
