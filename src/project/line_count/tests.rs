use super::*;

use LineKind::{Blank, Code, Comment};

fn kinds(path: &str, text: &str) -> Vec<LineKind> {
    let language = Language::of(Path::new(path), text).unwrap_or_else(|| panic!("{path} is in no language"));
    let mut kinds = Vec::new();
    each_line(text, language, |kind| kinds.push(kind));
    kinds
}

#[test]
fn a_line_is_code_where_any_of_it_is_and_else_a_comment() {
    for (path, text, expect) in [
        ("a.rs", "fn a() {} // why\n", &[Code][..]),
        (
            "a.rs",
            "  // why\n\n/// what\n//! of all",
            &[Comment, Blank, Comment, Comment],
        ),
        (
            "a.rs",
            "/* a\n\nb */\nlet c; /* d */\n/* e */ let f;\n/* g\n*/ let h;\n",
            &[Comment, Comment, Comment, Code, Code, Comment, Code],
        ),
        ("a.rs", "/* a /* b */\nstill */\nlet c;\n", &[Comment, Comment, Code]),
        ("a.c", "/* a /* b */\nint c;\n", &[Comment, Code]),
        (
            "a.rs",
            "let a = \"// no\n\n/* no\";\n// yes\n",
            &[Code, Code, Code, Comment],
        ),
        ("a.rs", "let a = \"\\\"// no\";\n// yes\n", &[Code, Comment]),
        ("a.rs", "let a = '\"';\n// yes\n", &[Code, Comment]),
        (
            "a.py",
            "# a\n'''b\n# c\n'''\nd = '#'\n",
            &[Comment, Code, Code, Code, Code],
        ),
        (
            "a.html",
            "<!-- a\nb -->\n<script>a()</script>\n<p>b</p> <!-- c -->\n",
            &[Comment, Comment, Code, Code],
        ),
        (
            "a.md",
            "# A\n\n```rust\n\nfn a() {}\n```\n",
            &[Comment, Blank, Comment, Blank, Comment, Comment],
        ),
        ("a.sh", "#!/bin/sh\n# a\necho \"# no\"\n", &[Comment, Comment, Code]),
        (
            "a.f",
            "C a\n      CALL B\nc d\n* e\n",
            &[Comment, Code, Comment, Comment],
        ),
        ("a.vim", "\" a\nlet b = \"c\"\n", &[Comment, Code]),
        (
            "a.lua",
            "--[[ a\nb ]]\n-- c\nlocal d = '--'\n",
            &[Comment, Comment, Comment, Code],
        ),
    ] {
        assert_eq!(kinds(path, text), expect, "{path}: {text:?}");
    }
}

#[test]
fn every_line_counts_once_whether_it_has_an_end_or_not() {
    for (text, lines) in [
        ("", 0),
        ("\n", 1),
        ("a", 1),
        ("a\n", 1),
        ("a\nb", 2),
        ("\r\n\r\n", 2),
        ("/*", 1),
        ("\"\n\n", 2),
    ] {
        for path in ["a.rs", "a.md", "a.html", "a.py"] {
            assert_eq!(kinds(path, text).len(), lines, "{path}: {text:?}");
        }
    }
    assert_eq!(kinds("a.rs", " \t\r\n\u{b}\n"), [Blank, Blank]);
}

#[test]
fn languages_are_known_by_name_and_by_first_line() {
    for (path, text, expect) in [
        ("src/a.rs", "", Some("Rust")),
        ("A.RS", "", Some("Rust")),
        ("Makefile", "", Some("Makefile")),
        ("x/Dockerfile", "", Some("Dockerfile")),
        ("run", "#!/usr/bin/env python3\n", Some("Python")),
        ("run", "#! /usr/bin/env -S VAR=1 node --x\n", Some("JavaScript")),
        ("run", "#!/bin/bash\n", Some("BASH")),
        ("run", "#!/usr/local/bin/perl -w\n", Some("Perl")),
        ("run", "#!\n", None),
        ("run", "#!/bin/unheard-of\n", None),
        ("LICENSE", "text\n", None),
        ("a.xyzzy", "#!/bin/bash\n", Some("BASH")),
    ] {
        assert_eq!(
            Language::of(Path::new(path), text).map(Language::name),
            expect,
            "{path}: {text}"
        );
    }
}

/// tokei would open a file whose name has no ending; what counts is the text that git has.
#[test]
fn no_file_is_read_for_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script");
    std::fs::write(&path, "#!/bin/bash\n").unwrap();
    assert_eq!(
        LanguageType::from_path(&path, &Config::default()),
        Some(LanguageType::Bash),
        "what is prevented"
    );
    assert_eq!(Language::of(&path, "text\n"), None);
}

/// What takes other counters the square of its length.
#[test]
fn time_is_proportional_to_the_text() {
    const LENGTH: usize = 4_000_000;
    let begun = std::time::Instant::now();
    for (path, text) in [
        ("a.c", format!("/*{}*/\nint a;\n", " ".repeat(LENGTH))),
        ("a.c", format!("char *a = \"{}\";\n", "x".repeat(LENGTH))),
        ("a.rs", "/*".repeat(LENGTH / 2)),
        ("a.rs", "/* /// */ \\\" '".repeat(LENGTH / 14)),
        ("a.html", "<script>\n".repeat(LENGTH / 9)),
        ("a.md", "```rust\n".repeat(LENGTH / 8)),
        ("a.c", format!("int a;{}", "\n".repeat(LENGTH))),
    ] {
        let lines = memchr::memchr_iter(b'\n', text.as_bytes()).count() + usize::from(!text.ends_with('\n'));
        assert_eq!(kinds(path, &text).len(), lines, "{path}");
    }
    // Without optimisation it takes a few seconds; the square of these lengths would take days.
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
}

/// Where no language stands in another, tokei's own counter agrees on files as people write them, but for lines on which a comment
/// ends before code.
#[test]
fn files_are_counted_as_tokei_counts_them() {
    let files = [
        (
            "go",
            "package a\n\n// A does it.\nfunc A() string {\n\t/* one\n\t   two */\n\treturn \"// no\" // yes\n}\n",
        ),
        (
            "py",
            "import a\n\n# Why.\ndef b():\n    \"\"\"What.\"\"\"\n    return '#'  # c\n",
        ),
        (
            "java",
            "/**\n * A.\n */\npublic class A {\n    String b = \"/* no */\";\n\n    // c\n}\n",
        ),
        ("ts", "// a\nconst b = `\n// no\n`;\n\n/* c */\nexport { b };\n"),
        ("toml", "# a\n[b]\nc = \"# no\"\n\n"),
        ("yaml", "a: 1 # b\n# c\nd: '#'\n"),
        ("rb", "# a\ndef b\n  '#'\nend\n=begin\nc\n=end\n"),
        ("sql", "-- a\nselect '--' from b;\n/* c\nd */\n"),
        ("css", "/* a */\nb { c: d; }\n\n/*\n e */\n"),
        ("hs", "-- a\n{- b\n {- c -}\n-}\nd = 1\n"),
    ];
    for (ending, text) in files {
        let path = format!("a.{ending}");
        let found = kinds(&path, text);
        let count = |kind| found.iter().filter(|found| **found == kind).count();
        let language = LanguageType::from_file_extension(ending).unwrap();
        let told = language.parse_from_str(text, &Config::default());
        assert_eq!(
            (count(Code), count(Comment), count(Blank)),
            (told.code, told.comments, told.blanks),
            "{path}: {found:?}"
        );
    }
}
