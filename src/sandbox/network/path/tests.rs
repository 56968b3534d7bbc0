use proptest::prelude::*;

use super::*;

fn fits(patterns: &[&str], path: &str) -> Result<bool, PathError> {
    let patterns: Vec<PathPattern> = patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
    RequestPath::read(path).map(|path| path.fits_one_of(&patterns))
}

fn check(pattern: &str, yes: &[&str], no: &[&str]) {
    for path in yes {
        assert_eq!(fits(&[pattern], path), Ok(true), "{pattern} {path}");
    }
    for path in no {
        assert_eq!(fits(&[pattern], path), Ok(false), "{pattern} {path}");
    }
}

#[test]
fn stars_stay_within_a_segment_and_double_stars_do_not() {
    check("/", &["/", "/?a=b"], &["/a", "//"]);
    check("/a", &["/a", "/a?b", "/%61"], &["/", "/a/", "/A", "/ab", "/b/a"]);
    check(
        "/a/*",
        &["/a/b", "/a/b.c?d=/e"],
        &["/a", "/a/", "/a/b/c", "/a/b/", "/b/a"],
    );
    check(
        "/a/*.json",
        &["/a/b.json", "/a/.json", "/a/b%2ejson"],
        &["/a/b.jsonx", "/a/b/c.json"],
    );
    check("/a*b*c", &["/abc", "/aXbYc", "/abbcc"], &["/acb", "/abcX", "/a/b/c"]);
    check(
        "/a/**",
        &["/a/", "/a/b", "/a/b/c", "/a/b/", "/a//b"],
        &["/a", "/ab", "/b/a/c"],
    );
    check("/**", &["/", "/a", "/a/b/", "//"], &[]);
    check(
        "/a/**/z",
        &["/a/z", "/a/b/z", "/a/b/c/z", "/a/z/z"],
        &["/a/z/", "/a/zz", "/z", "/a/b"],
    );
    check(
        "/**/info/refs",
        &["/info/refs", "/a/b.git/info/refs"],
        &["/a/info/refs/x", "/a/info"],
    );
    check("/\u{e4}", &["/%C3%A4"], &["/%C3%A5"]);
}

#[test]
fn paths_that_servers_read_in_two_ways_are_refused() {
    for (path, expect) in [
        ("/a/../b", PathError::DotSegment),
        ("/a/%2e%2E/b", PathError::DotSegment),
        ("/a/.%2e", PathError::DotSegment),
        ("/a/./b", PathError::DotSegment),
        ("/a/..;x=y/b", PathError::DotSegment),
        ("/a/x%2f..%2fb", PathError::DotSegment),
        ("/a/..%2fb", PathError::DotSegment),
        ("/a/..\\b", PathError::Character),
        ("/a/%5c", PathError::Character),
        ("/a/%00", PathError::Character),
        ("/a/%0d%0aX", PathError::Character),
        ("/a/%ff", PathError::Character),
        ("/a/%c0%ae%c0%ae/", PathError::Character),
        ("/a#b", PathError::Character),
        ("/a/%252e%252e/b", PathError::Encoding),
        ("/a/%252fb", PathError::Encoding),
        ("/a/%", PathError::Encoding),
        ("/a/%2", PathError::Encoding),
        ("/a/%zz", PathError::Encoding),
        ("a/b", PathError::Relative),
        ("*", PathError::Relative),
        ("", PathError::Relative),
    ] {
        assert_eq!(fits(&["/**"], path), Err(expect), "{path}");
    }
    assert_eq!(
        fits(&["/**"], &format!("/{}", "x".repeat(LONGEST))),
        Err(PathError::TooLong)
    );
}

/// npm asks for `/@scope%2fname`.
#[test]
fn an_encoded_slash_must_fit_as_a_character_and_as_a_separator() {
    let path = "/@acme%2Ftools";
    assert_eq!(fits(&["/@acme/**"], path), Ok(false));
    assert_eq!(fits(&["/@acme*"], path), Ok(false));
    assert_eq!(fits(&["/*"], path), Ok(false));
    assert_eq!(fits(&["/@acme*", "/@acme/*"], path), Ok(true));
    assert_eq!(fits(&["/**"], path), Ok(true));
    assert_eq!(fits(&["/public/*"], "/public/x%2fsecret"), Ok(false));
}

#[test]
fn patterns_that_fit_nothing_are_refused() {
    let error = |pattern: &str| pattern.parse::<PathPattern>().unwrap_err();
    let quoted = |pattern: &str| pattern.to_owned();
    assert_eq!(error("a/b"), PatternError::Relative(quoted("a/b")));
    assert_eq!(error(""), PatternError::Relative(quoted("")));
    assert_eq!(error("/a**"), PatternError::DoubleStar(quoted("/a**")));
    assert_eq!(error("/***/b"), PatternError::DoubleStar(quoted("/***/b")));
    assert_eq!(error("/a?b=*"), PatternError::Query(quoted("/a?b=*")));
    assert_eq!(error("/a%2fb"), PatternError::Percent(quoted("/a%2fb")));
    for pattern in ["//a", "/a/../b", "/./a", "/a\\b", "/a\u{7}b"] {
        assert_eq!(
            error(pattern),
            PatternError::Unreachable(text::one_line(pattern, 60)),
            "{pattern}"
        );
    }
    assert_eq!(
        error(&format!("/{}", "x".repeat(LONGEST_PATTERN))),
        PatternError::TooLong
    );
}

#[test]
fn a_pattern_full_of_stars_takes_no_time() {
    let pattern = format!("/{}x", "a*".repeat(400));
    let path = format!("/{}", "a".repeat(8000));
    let begun = std::time::Instant::now();
    assert_eq!(fits(&[&pattern], &path), Ok(false));
    let pattern = format!("{}/x", "/**/a".repeat(200));
    assert_eq!(fits(&[&pattern], &"/a".repeat(4000)), Ok(false));
    assert!(begun.elapsed() < std::time::Duration::from_secs(10));
}

/// Patterns as their description has them: the slow and plain way.
fn reference(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], path) => path.is_empty(),
        (["**"], path) => !path.is_empty(),
        (["**", rest @ ..], path) => (0..=path.len()).any(|skipped| reference(rest, &path[skipped..])),
        ([_, ..], []) => false,
        ([one, rest @ ..], [segment, others @ ..]) => {
            let fits = *one == "*" && !segment.is_empty() || *one != "*" && letters_fit(one, segment);
            fits && reference(rest, others)
        }
    }
}

fn letters_fit(pattern: &str, text: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(rest) => (0..=text.len()).any(|skipped| letters_fit(rest, &text[skipped..])),
        None => match (pattern.chars().next(), text.chars().next()) {
            (Some(one), Some(other)) => one == other && letters_fit(&pattern[1..], &text[1..]),
            (one, other) => one == other,
        },
    }
}

proptest! {
    #[test]
    fn patterns_fit_as_their_description_has_it(pattern in "(/(\\*\\*|[ab*]{1,3})){1,4}", path in "(/[ab]{0,3}){1,6}") {
        if let Ok(parsed) = pattern.parse::<PathPattern>() {
            let found = RequestPath::read(&path).unwrap().fits_one_of(std::slice::from_ref(&parsed));
            let parts = |text: &str| text[1..].split('/').map(str::to_owned).collect::<Vec<_>>();
            let (patterns, segments) = (parts(&pattern), parts(&path));
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
            prop_assert_eq!(found, reference(&patterns, &segments), "{} {}", pattern, path);
        }
    }
}

#[test]
fn patterns_that_meet() {
    let check = |one: &str, other: &str, expect: bool| {
        let (one, other): (PathPattern, PathPattern) = (one.parse().unwrap(), other.parse().unwrap());
        assert_eq!(one.meets(&other), expect, "{one:?} {other:?}");
        assert_eq!(other.meets(&one), expect, "{other:?} {one:?}");
    };
    check("/a", "/a", true);
    check("/a", "/b", false);
    check("/a/**", "/a", false);
    check("/a/**", "/a/b/*.json", true);
    check("/a/**", "/ab/**", false);
    check("/**/z", "/a/**", true);
    check("/a*", "/*b", true);
    check("/a*c", "/ab*d", false);
    check("/*/x", "/a/**/y", false);
}
