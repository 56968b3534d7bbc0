//! What a test case is in a text: where it begins and ends, and what it is called.

use super::language::Language;
use super::source::Source;
use super::test_case::{Case, MOST_CASES};

mod blocks;
mod calls;
mod functions;

/// Finds the test cases of a file, in their order.
pub(super) fn find(source: &Source, language: Language) -> Vec<Case> {
    let mut found = match language {
        Language::Rust | Language::Go | Language::Java | Language::Kotlin | Language::CSharp | Language::Swift => {
            functions::find(source, language)
        }
        Language::Php => [functions::find(source, language), calls::find(source, language)].concat(),
        Language::JavaScript | Language::Cpp => calls::find(source, language),
        Language::Python | Language::Ruby | Language::Elixir => blocks::find(source, language),
    };
    if language == Language::Go {
        found.extend(calls::find(source, language));
    }
    found.sort_by_key(|case| (case.region.start, std::cmp::Reverse(case.region.end)));
    found.dedup_by_key(|case| case.name_at.start);
    found.truncate(MOST_CASES);
    if language == Language::Python {
        // A function within a test is one that it uses.
        let mut end = 0;
        found.retain(|case| {
            let is_within = case.region.start < end;
            end = end.max(case.region.end);
            !is_within
        });
    }
    nest(&mut found);
    found
}

/// Notes which cases are directly within others.
fn nest(cases: &mut [Case]) {
    let mut open: Vec<usize> = Vec::new();
    for index in 0..cases.len() {
        let region = cases[index].region.clone();
        while open.last().is_some_and(|outer| cases[*outer].region.end < region.end) {
            open.pop();
        }
        if let Some(outer) = open.last() {
            cases[*outer].nested.push(region);
        }
        open.push(index);
    }
}

/// Returns the whole file as one case: a script that asserts, without a runner's words.
pub(super) fn of_file(source: &Source) -> Case {
    Case {
        name: String::new(),
        name_at: 0..0,
        region: 0..source.raw.len(),
        body: 0..source.raw.len(),
        nested: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, raw: &str, expect: &[(&str, &str)]) {
        let language = Language::of(path).unwrap();
        let source = Source::new(raw, language);
        let found = find(&source, language);
        let found: Vec<_> = found
            .iter()
            .map(|case| (case.name.as_str(), raw[case.body.clone()].trim()))
            .collect();
        assert_eq!(found, expect, "{path}");
    }

    #[test]
    fn cases_are_found_with_their_bodies() {
        let rust = "fn a() {}\n#[rstest]\n#[case(1)]\npub async fn b(x: [u8; 2]) -> Result<()> { c() }\n\
                    #[test]\nfn d() { if e { f } }\n#[cfg(test)]\nfn g() {}\n";
        check("a.rs", rust, &[("b", "c()"), ("d", "if e { f }")]);
        let script = "it('a', () => { b() }); it.each([[1]])(`c %s`, (n) => d(n));\n// it('e')\ntest(\"f\", { skip: 1 }, async () => {\n})\n";
        check("a.test.js", script, &[("a", "b()"), ("c %s", "(n) => d(n)"), ("f", "")]);
        let python = "class A:\n    def test_a(\n        self,\n    ):\n        x = '''\na\n'''\n        y\n\n    def b(self): pass\n\n\nasync def test_c(): z\n";
        check(
            "a_test.py",
            python,
            &[("test_a", "x = '''\na\n'''\n        y"), ("test_c", "z")],
        );
        let go = "func TestA(t *testing.T) {\n\tt.Run(\"b\", func(t *testing.T) {\n\t\tc()\n\t})\n}\nfunc TestMain(m *testing.M) {}\n";
        check(
            "a_test.go",
            go,
            &[
                ("TestA", "t.Run(\"b\", func(t *testing.T) {\n\t\tc()\n\t})"),
                ("b", "c()"),
            ],
        );
        let java = "class A {\n  @Test\n  @Tag(\"x\")\n  public void a() throws B { c(); }\n  void d() {}\n}\n";
        check("A.java", java, &[("a", "c();")]);
        check(
            "a.kt",
            "@Test fun `a b`() = c(1)\n@Test\nfun d() { e }\n",
            &[("a b", "c(1)"), ("d", "e")],
        );
        check(
            "A.cs",
            "[TestCase(1)]\n[TestCase(2)]\npublic void A(int b) { c; }\n[Fact] public void D() => e();\n",
            &[("A", "c;"), ("D", "e()")],
        );
        check(
            "a.cc",
            "TEST_F(A, B) { c; }\nTEST_CASE(\"d\", \"[e]\") {\n SECTION(\"f\") { g; } }\n",
            &[("A.B", "c;"), ("d", "SECTION(\"f\") { g; }"), ("f", "g;")],
        );
        let ruby = "describe A do\n  it \"b\" do\n    c\n  end\n  it { d }\n  def test_e\n    f\n  end\nend\n";
        check(
            "a_spec.rb",
            ruby,
            &[("b", "c"), ("it { d }", "it { d }"), ("test_e", "f")],
        );
        check(
            "a_test.exs",
            "  @tag :x\n  test \"a\", %{b: b} do\n    c\n  end\n",
            &[("a", "c")],
        );
        check(
            "ATest.php",
            "<?php\n#[Test]\npublic function a(): void { b; }\nfunction testC() { d; }\nit('e', fn () => f());\n",
            &[("a", "b;"), ("testC", "d;"), ("e", "fn () => f()")],
        );
        check(
            "ATests.swift",
            "func testA() async throws { b }\n@Test(\"x\") func c() { d }\nfunc e() {}\n",
            &[("testA", "b"), ("c", "d")],
        );
    }

    #[test]
    fn what_is_within_another_case_is_its_own() {
        let raw = "test('a', (t) => { x; t.test('b', () => { y }); z })";
        let source = Source::new(raw, Language::JavaScript);
        let cases = find(&source, Language::JavaScript);
        assert_eq!(cases[0].body_of(&source.text).trim(), "x; ; z");
        assert_eq!(cases[1].body_of(&source.text).trim(), "y");
    }

    #[test]
    fn names_of_conventions_are_compared_without_their_spelling() {
        let plain = |name: &str| {
            Case {
                name: name.to_owned(),
                ..of_file(&Source::new("", Language::Go))
            }
            .plain_name()
        };
        assert_eq!(plain("testAddsTax"), plain("adds tax"));
        assert_eq!(plain("Test"), "test");
    }
}
