//! C and C++, with `CMake`, Meson, autotools or make.

use super::code::source_dirs;
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::make;
use super::tree::Folder;

const C: [&str; 2] = ["c", "h"];
const CPP: [&str; 7] = ["cc", "cpp", "cxx", "hh", "hpp", "hxx", "ipp"];
const AUTOTOOLS: [&str; 3] = ["configure.ac", "configure.in", "configure"];

pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    let dotted = |endings: &[&str]| -> Vec<String> { endings.iter().map(|end| format!(".{end}")).collect() };
    let has = |endings: &[&str]| {
        let dotted = dotted(endings);
        folder.has_ending(&dotted.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let is_cpp = has(&CPP);
    if !is_cpp && !has(&C) {
        return Vec::new();
    }
    let built = cmake(folder)
        .or_else(|| meson(folder))
        .or_else(|| autotools(folder))
        .or_else(|| with_make(folder));
    let Some(built) = built else { return Vec::new() };
    let compiler = if is_cpp { "c++" } else { "cc" };
    vec![DetectedProject {
        ecosystem: if is_cpp { Ecosystem::Cpp } else { Ecosystem::C },
        folder: folder.name(),
        manifest: built.manifest.to_owned(),
        package_manager: built.program.to_owned(),
        members: Vec::new(),
        source_dirs: source_dirs(folder, &[&C[..], &CPP[..]].concat(), &[]),
        commands: built.commands,
        tools: built
            .tools
            .iter()
            .chain([&compiler])
            .map(|tool| (*tool).to_owned())
            .collect(),
        hosts: Vec::new(),
        names: Names::module(built.name),
    }]
}

struct Built {
    program: &'static str,
    manifest: &'static str,
    commands: Commands,
    tools: &'static [&'static str],
    name: Option<String>,
}

fn one(command: &str) -> Vec<String> {
    vec![command.to_owned()]
}

fn cmake(folder: Folder<'_>) -> Option<Built> {
    let manifest = "CMakeLists.txt";
    if !folder.has(manifest) {
        return None;
    }
    let lists = folder
        .files()
        .filter(|file| *file == manifest || file.ends_with("/CMakeLists.txt"));
    let mut texts = lists.map(|file| folder.text(file).to_lowercase());
    let has_tests = texts.any(|text| {
        let calls = [
            "enable_testing",
            "add_test",
            "include(ctest)",
            "gtest_discover_tests",
            "catch_discover_tests",
        ];
        calls.iter().any(|call| text.contains(call))
    });
    Some(Built {
        program: "cmake",
        manifest,
        commands: Commands {
            setup: one("cmake -S . -B build"),
            build: one("cmake --build build"),
            test: if has_tests {
                one("ctest --test-dir build --output-on-failure")
            } else {
                Vec::new()
            },
            ..Commands::default()
        },
        tools: &["cmake", "make"],
        name: first_argument(folder.text(manifest), "project"),
    })
}

fn meson(folder: Folder<'_>) -> Option<Built> {
    let manifest = "meson.build";
    if !folder.has(manifest) {
        return None;
    }
    let mut files = folder
        .files()
        .filter(|file| *file == manifest || file.ends_with("/meson.build"));
    let has_tests = files.any(|file| {
        folder
            .text(file)
            .lines()
            .any(|line| line.trim_start().starts_with("test("))
    });
    Some(Built {
        program: "meson",
        manifest,
        commands: Commands {
            setup: one("meson setup build"),
            build: one("meson compile -C build"),
            test: if has_tests {
                one("meson test -C build")
            } else {
                Vec::new()
            },
            ..Commands::default()
        },
        tools: &["meson", "ninja"],
        name: first_argument(folder.text(manifest), "project"),
    })
}

fn autotools(folder: Folder<'_>) -> Option<Built> {
    let manifest = folder.first(&AUTOTOOLS)?;
    let setup = match () {
        () if folder.has("configure") => "./configure",
        () if folder.has("autogen.sh") => "./autogen.sh && ./configure",
        () => "autoreconf --install && ./configure",
    };
    let mut makefiles = folder.files().filter(|file| {
        let name = file.rsplit('/').next().unwrap_or(file);
        name == "Makefile.am" || name == "Makefile.in"
    });
    let has_tests = makefiles.any(|file| {
        let text = folder.text(file);
        text.lines()
            .any(|line| line.starts_with("TESTS") || line.starts_with("check_PROGRAMS"))
            || make::has_target(text, "check")
    });
    Some(Built {
        program: "autotools",
        manifest,
        commands: Commands {
            setup: one(setup),
            build: one("make"),
            test: if has_tests { one("make check") } else { Vec::new() },
            ..Commands::default()
        },
        tools: if setup == "./configure" {
            &["make"]
        } else {
            &["autoconf", "automake", "make"]
        },
        name: first_argument(folder.text(manifest), "AC_INIT"),
    })
}

fn with_make(folder: Folder<'_>) -> Option<Built> {
    let (manifest, text) = make::makefile(folder)?;
    Some(Built {
        program: "make",
        manifest,
        commands: Commands {
            build: one("make"),
            test: make::command(text, &make::TEST).into_iter().collect(),
            lint: make::command(text, &make::LINT).into_iter().collect(),
            ..Commands::default()
        },
        tools: &["make"],
        name: None,
    })
}

/// Returns the first argument of the first call of a function, without quotes and brackets.
fn first_argument(text: &str, function: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.trim_start().strip_prefix(function));
    let rest = lines.find_map(|rest| rest.trim_start().strip_prefix('('))?;
    let rest = rest.trim_start_matches(['[', '\'', '"', ' ']);
    let name = rest.split([' ', ',', ')', ']', '\'', '"', '\n']).next()?;
    (!name.contains("${")).then(|| name.to_owned())
}
