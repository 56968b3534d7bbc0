use proptest::prelude::*;

use super::*;

const LCOV: &str = "TN:\nSF:src/a.rs\nFN:1,main\nFNDA:1,main\nFNF:1\nFNH:1\nDA:1,4\nDA:2,0,abc\nDA:4,0\nDA:5,-3\nDA:7,1e+06\nBRDA:1,0,0,-\nLF:5\nLH:2\nend_of_record\n\
    # a comment\nTN:other\nSF:src/a.rs\nDA:2,1\nend_of_record\nSF:src/empty.rs\nLF:0\nLH:0\nend_of_record\nSF:src/counted.rs\nLF:10\nLH:7\nend_of_record\n";
const COBERTURA: &str = r#"<?xml version="1.0" ?>
<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
<coverage version="7.6" line-rate="0.5" branch-rate="0"><sources><source>/workspace/pkg</source></sources>
<packages><package name="."><classes>
<class name="a.py" filename="a.py" line-rate="0.5"><methods><method name="f"><lines><line number="2" hits="0"/></lines></method></methods>
<lines><line number="1" hits="1"/><line number="2" hits="0" branch="true"/><line number="3" hits="0"/></lines></class>
<class name="a.py$Inner" filename="a.py"><lines><line number="3" hits="9"/></lines></class>
<class name="b &amp; c" filename="sub/b &amp; c.py"><lines/></class>
</classes></package></packages></coverage>"#;
const JACOCO: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd"><report name="app"><sessioninfo id="h" start="1" dump="2"/><group name="g"><package name="com/example"><class name="com/example/A" sourcefilename="A.java"><method name="&lt;init&gt;" desc="()V" line="3"><counter type="LINE" missed="9" covered="9"/></method></class><sourcefile name="A.java"><line nr="3" mi="0" ci="3" mb="0" cb="0"/><line nr="4" mi="2" ci="0" mb="0" cb="0"/><line nr="6" mi="1" ci="0" mb="0" cb="0"/><counter type="LINE" missed="2" covered="1"/></sourcefile><sourcefile name="NoDebug.java"><counter type="LINE" missed="3" covered="5"/></sourcefile></package></group><package name=""><sourcefile name="Main.kt"><line nr="1" mi="0" ci="1"/></sourcefile></package><counter type="LINE" missed="99" covered="99"/></report>"#;
const GO: &str = "mode: set\nexample.com/mod/pkg/a.go:3.20,5.16 2 1\nexample.com/mod/pkg/a.go:5.16,7.3 1 0\nexample.com/mod/pkg/a.go:8.2,8.10 1 0\n\
    mode: set\nexample.com/mod/pkg/a.go:8.2,8.10 1 1\nexample.com/mod/b c.go:1.1,2.2 3 0\n";

/// Returns a result as lines of `path covered/all: uncovered places`.
fn shown(coverage: &Coverage) -> String {
    let files = coverage.files.iter().map(|(path, file)| {
        let places = file
            .uncovered
            .iter()
            .map(|range| format!(" {}-{}", range.first, range.last));
        let places: String = places.collect();
        format!("{path} {}/{}:{places}", file.totals.covered, file.totals.all)
    });
    files.collect::<Vec<_>>().join("\n")
}

/// The files of the repository.
const FILES: [&str; 15] = [
    "src/a.rs",
    "src/counted.rs",
    "src/empty.rs",
    "pkg/a.py",
    "pkg/sub/b & c.py",
    "com/example/A.java",
    "com/example/NoDebug.java",
    "Main.kt",
    "pkg/a.go",
    "b c.go",
    "x.go",
    "a",
    "b",
    "c",
    "x\u{1b}[2J",
];

fn of(text: &str) -> Coverage {
    of_files(text, &FILES)
}

fn read(name: &str, content: &[u8]) -> crate::base::error::Result<Coverage> {
    read_all([(name, content)], &Names::new("/workspace", FILES))
}

#[track_caller]
fn refused(text: &str) -> String {
    read("out/result.txt", text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn each_format_is_read_into_one_form() {
    assert_eq!(
        shown(&of(LCOV)),
        "src/a.rs 3/5: 4-5\nsrc/counted.rs 7/10:\nsrc/empty.rs 0/0:"
    );
    assert_eq!(shown(&of(COBERTURA)), "pkg/a.py 2/3: 2-2\npkg/sub/b & c.py 0/0:");
    assert_eq!(
        shown(&of(JACOCO)),
        "Main.kt 1/1:\ncom/example/A.java 1/3: 4-6\ncom/example/NoDebug.java 5/8:"
    );
    assert_eq!(shown(&of(GO)), "b c.go 0/3: 1-2\npkg/a.go 3/4: 6-7");
    for text in [LCOV, COBERTURA, JACOCO, GO] {
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(of(&windows), of(text));
    }
}

#[test]
fn what_is_damaged_is_refused_with_file_and_line() {
    for (text, expect) in [
        ("", "line 1: it is empty"),
        ("TN:\n", "line 1: it has no record"),
        ("SF:a\nDA:1,1\n", "line 1: its record does not end: the file is cut off"),
        ("SF:a\nDA:1,1\nSF:b\n", "line 3: the record of line 1 has not ended"),
        ("DA:1,1\n", "line 1: `DA` stands outside of a record"),
        ("SF:a\nDA:0,1\nend_of_record\n", "line 2: there is no line 0"),
        (
            "SF:a\nDA:1,x\nend_of_record\n",
            "line 2: `1,x` is not a line and its count",
        ),
        ("SF:a\nLF:1\nLH:2\nend_of_record\n", "line 4: 2 lines are hit of 1"),
        ("SF:\nend_of_record\n", "line 1: it names no file"),
        ("hello\n", "line 1: `hello` is not a line of lcov"),
        ("end_of_record\n", "line 1: a record ends that has not begun"),
        (
            "mode: set\nx.go:1.1 2 3\n",
            "line 2: `x.go:1.1 2 3` is not a block of a cover profile",
        ),
        (
            "mode: set\nx.go:5.1,4.1 2 3\n",
            "line 2: `x.go:5.1,4.1 2 3` is not a block of a cover profile",
        ),
        (
            "mode: set\nx.go:1.1,4000000000.1 2 3\n",
            "line 2: a block of more than 1000000 lines",
        ),
        (
            "mode: set\nx.go:1.1,2.1 2 3\nx.go:1.1,2.1 1 3\n",
            "line 3: this block has another number of statements in an earlier line or file",
        ),
        (
            "<html/>",
            "line 1: `html` is neither Cobertura's `coverage` nor JaCoCo's `report`",
        ),
        (
            "<coverage>\n<project/></coverage>",
            "line 2: its `coverage` has no `packages`: is it Clover's?",
        ),
        ("<report/>", "line 1: its `report` has no `package`"),
        ("<!-- -->", "line 1: it has no element"),
        (
            "<coverage>\n<packages>",
            "line 2: it ends before its elements do: the file is cut off",
        ),
        (
            "<coverage><packages><class/></packages></coverage>",
            "line 1: an element has no `filename`",
        ),
        (
            "<coverage><packages>\n<class filename='a'><line number='x' hits='1'/></class></packages></coverage>",
            "line 2: `number` is `x`, which is not a number",
        ),
        (
            "<!DOCTYPE x [<!ENTITY a 'b'>]><coverage/>",
            "line 1: its document type has declarations of its own, which are not read",
        ),
    ] {
        assert_eq!(
            refused(text),
            format!("cannot read coverage from `out/result.txt`: {expect}"),
            "{text}"
        );
    }
    assert!(refused("<coverage><packages></coverage>").contains("line 1: it is not XML"));
    assert!(refused("<coverage><packages><class filename='&x;'/></packages></coverage>").contains("cannot be read"));
    assert!(refused(&"<coverage>".repeat(100)).contains("more than 64 deep"));
    let bytes = read("x", b"SF:a\nDA:1,\xff\n").unwrap_err().to_string();
    assert_eq!(bytes, "cannot read coverage from `x`: line 2: it is not UTF-8");
}

#[test]
fn overlapping_blocks_do_not_take_forever() {
    let blocks: String = (0..100)
        .map(|column| format!("x.go:1.{column},900000.1 1 1\n"))
        .collect::<Vec<_>>()
        .concat();
    assert!(refused(&format!("mode: set\n{blocks}")).contains("it names more than 20000000 lines"));
}

#[test]
fn a_result_that_is_too_large_to_keep_is_refused() {
    let many: Vec<String> = (0..=200_000)
        .map(|number| format!("SF:{number}\nend_of_record\n"))
        .collect();
    assert!(refused(&many.concat()).contains("it names more than 200000 files"));
    let odd: Vec<String> = (1..=500_001_u32)
        .map(|number| format!("DA:{},0\n", number * 2))
        .collect();
    // Lines between two of them that nothing was measured for are among them: here, each stands alone.
    let even: Vec<String> = (1..=500_001_u32)
        .map(|number| format!("DA:{},1\n", number * 2 + 1))
        .collect();
    let text = format!("SF:a\n{}{}end_of_record\n", odd.concat(), even.concat());
    assert!(refused(&text).contains("its uncovered lines stand in more than 500000 places"));
}

#[test]
fn files_get_the_names_of_the_repository() {
    let files = [
        "pkg/a.py",
        "tests/a.py",
        "pkg/sub/b & c.py",
        "pkg/a.go",
        "b c.go",
        "app/src/main/java/com/example/A.java",
    ];
    let placed = |text: &str| shown(&of_files(text, &files));
    assert_eq!(placed(COBERTURA), "pkg/a.py 2/3: 2-2\npkg/sub/b & c.py 0/0:");
    assert_eq!(placed(GO), "b c.go 0/3: 1-2\npkg/a.go 3/4: 6-7");
    assert_eq!(placed(JACOCO), "app/src/main/java/com/example/A.java 1/3: 4-6");
    // One file has several spellings, and what fits two files is of neither.
    let text = "SF:a.py\nDA:1,1\nend_of_record\nSF:./pkg\\a.go\nDA:1,1\nDA:2,0\nend_of_record\n\
                SF:/workspace/build/../pkg//a.go\nDA:2,1\nDA:3,0\nend_of_record\n";
    assert_eq!(placed(text), "pkg/a.go 2/3: 3-3");
}

#[test]
fn what_is_not_of_the_repository_stands_for_none_of_its_files() {
    let record = |path: &str, hit: u8| format!("SF:{path}\nDA:1,{hit}\nend_of_record\n");
    let own = record("/workspace/src/a.rs", 0);
    for library in [
        "/home/agent/.cargo/registry/src/foo-1.0/src/a.rs",
        "/workspaces/src/a.rs",
        "/workspace/other/src/a.rs",
        "/src/a.rs",
    ] {
        let library = record(library, 1);
        assert_eq!(shown(&of(&(library.clone() + &own))), "src/a.rs 0/1: 1-1");
        assert!(refused(&library).starts_with("none of its files is one of the repository, such as `/"));
    }
}

#[test]
fn a_block_of_several_profiles_is_counted_once() {
    let profiles = |profiles: &[&str]| {
        let contents = profiles.iter().map(|profile| ("cover.out", profile.as_bytes()));
        read_all(contents, &Names::new("/workspace", FILES))
    };
    let one = "mode: set\nx.com/m/pkg/a.go:1.1,2.2 3 1\nx.com/m/pkg/a.go:3.1,4.2 1 0\n";
    let other =
        "mode: set\nx.com/m/pkg/a.go:1.1,2.2 3 0\n/workspace/pkg/a.go:3.1,4.2 1 1\nx.com/m/pkg/a.go:5.1,5.9 2 0\n";
    let library = "mode: set\n/home/agent/go/pkg/mod/y.com/pkg/a.go:1.1,2.2 9 1\n";
    assert_eq!(shown(&profiles(&[one]).unwrap()), "pkg/a.go 3/4: 3-4");
    for all in [[one, other, library], [library, other, one]] {
        assert_eq!(shown(&profiles(&all).unwrap()), "pkg/a.go 4/6: 5-5");
    }
    let odd = "mode: set\nx.com/m/pkg/a.go:1.1,2.2 4 1\n";
    assert!(
        profiles(&[one, odd])
            .unwrap_err()
            .to_string()
            .contains("line 2: this block has another number")
    );
    // What is counted without lines is not counted twice, and lines say more.
    let counted = "SF:src/a.rs\nLF:10\nLH:7\nend_of_record\n";
    assert_eq!(shown(&profiles(&[counted, counted]).unwrap()), "src/a.rs 7/10:");
    let lines = "SF:src/a.rs\nDA:1,1\nDA:2,0\nend_of_record\n";
    assert_eq!(shown(&profiles(&[counted, lines]).unwrap()), "src/a.rs 1/2: 2-2");
}

#[test]
fn a_name_that_fits_another_file_too_by_now_is_compared_as_before() {
    let (one, other) = ("app/com/A.java", "lib/com/A.java");
    let record = |hits: &str| {
        format!(
            "SF:com/A.java\nDA:1,{}\nDA:2,{}\nend_of_record\n",
            &hits[..1],
            &hits[1..]
        )
    };
    let alone = of_files(&record("11"), &[one]);
    let change = |before: &Coverage, hits: &str| {
        let after = of_files(&record(hits), &[one, other]);
        assert!(after.files.is_empty() && after.ambiguous.contains_key("com/A.java"));
        CoverageChange::between(before, &after, |path| path != "com/A.java")
    };
    assert!(!change(&alone, "11").fell());
    assert_eq!(change(&alone, "10").lower[0].path, one);
    let several = of_files(&record("11"), &[one, other]);
    assert!(!change(&several, "11").fell() && change(&several, "10").fell());
    let gone = CoverageChange::between(&alone, &Coverage::default(), |_| true);
    assert_eq!(gone.unmeasured, [one]);
}

#[test]
fn coverage_falls_when_less_is_covered_and_more_is_not() {
    let record = |name: &str, hits: &[u8]| {
        let lines: String = hits
            .iter()
            .enumerate()
            .map(|(index, hit)| format!("DA:{},{hit}\n", index + 1))
            .collect::<Vec<_>>()
            .concat();
        format!("SF:{name}\n{lines}end_of_record\n")
    };
    let before = of(&(record("a", &[1, 1, 1, 0]) + &record("b", &[1, 0])));
    for (after, fell, lower) in [
        (record("a", &[1, 1, 1, 0]) + &record("b", &[1, 0]), false, ""),
        (record("a", &[1, 1, 0, 0]) + &record("b", &[1, 0]), true, "a"),
        // Made up for elsewhere.
        (record("a", &[1, 1, 0, 0]) + &record("b", &[1, 1]), false, "a"),
        // New code that is covered less, in a file of its own and in one that was there; covered code that is deleted.
        (
            record("a", &[1, 1, 1, 0]) + &record("b", &[1, 0]) + &record("c", &[0, 0, 1]),
            false,
            "",
        ),
        (record("a", &[1, 1, 1, 0, 0]) + &record("b", &[1, 0]), true, "a"),
        (record("a", &[1, 0]) + &record("b", &[1, 0]), false, ""),
        // A file that is gone, and one that is no longer measured.
        (record("a", &[1, 1, 1, 0]), true, ""),
        (record("b", &[1, 0]), false, ""),
    ] {
        let change = CoverageChange::between(&before, &of(&after), |path| path == "b");
        let paths: Vec<_> = change.lower.iter().map(|file| file.path.as_str()).collect();
        assert_eq!((change.fell(), paths.join(" ").as_str()), (fell, lower), "{after}");
    }
    assert_eq!(before.totals().percent(), "66.66 %");
    assert!(!Totals::default().is_lower_than(Totals { covered: 1, all: 1 }));
}

#[test]
fn what_is_uncovered_is_told_within_a_bound() {
    let coverage = of(LCOV);
    let whole = "10 of 15 are covered (66.66 %).\n- src/counted.rs: 3 of 10 uncovered: not told where\n- src/a.rs: 2 of 5 uncovered: 4-5\n";
    assert_eq!(coverage.uncovered_in_words(1000), whole);
    assert_eq!(
        coverage.uncovered_in_words(100),
        "10 of 15 are covered (66.66 %).\n- src/counted.rs: 3 of 10 uncovered: not told where\n- and 1 more files, with 2 uncovered\n"
    );
    let odd: String = (1..200)
        .map(|line| format!("DA:{line},{}\n", line % 2))
        .collect::<Vec<_>>()
        .concat();
    let text = of(&format!("SF:x\u{1b}[2J\n{odd}end_of_record\n")).uncovered_in_words(10_000);
    assert!(
        text.contains("58, 60 and 69 more places") && !text.contains('\u{1b}'),
        "{text}"
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read("x", &bytes);
    }

    #[test]
    fn no_damage_panics(which in 0..4_usize, at in any::<prop::sample::Index>(), with in "\\PC{0,8}", length in 0..40_usize) {
        let text = [LCOV, COBERTURA, JACOCO, GO][which];
        let mut bytes = text.as_bytes().to_vec();
        let at = at.index(bytes.len());
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, with.bytes());
        if let Ok(coverage) = read("x", &bytes) {
            let _ = CoverageChange::between(&of(LCOV), &coverage, |_| true).fell();
            prop_assert!(coverage.uncovered_in_words(500).len() < 1000);
        }
    }
}
