//! Completions as shells ask for them, and the man pages. None needs an engine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::command::cordwainer;
use crate::support::emulators::Screens;
use crate::support::engines::skip;
use crate::support::pseudo_terminal::PseudoTerminal;
use crate::support::repository::TestRepository;

/// A repository with the open generations `search` and `sort`, a mode of its own, and two tasks.
fn project() -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "modes: {hotfix: {extends: fix}}\n");
    repository.commit("A project");
    for words in [
        &["start", "--name", "sort"][..],
        &["start", "--name", "search"],
        &["issues", "add", "Lay the table", "--label", "house,guests"],
        &["issues", "add", "Cook"],
    ] {
        cordwainer(&repository, words).run().done();
    }
    repository
}

/// What is offered for this line, whose last word is at the cursor.
fn offered(repository: &TestRepository, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let (current, before) = words.split_last().unwrap();
    let current = format!("--current={current}");
    let arguments = [&["__complete", &current, "--"], before].concat();
    let called = cordwainer(repository, &arguments).run();
    assert_eq!((called.code, called.stderr.as_str()), (0, ""), "{line}");
    let value = |line: &str| line.split('\t').next().unwrap().to_owned();
    called.stdout.lines().map(value).collect()
}

#[test]
fn what_the_store_knows_is_offered() {
    let repository = project();
    for (line, expect) in [
        ("issues show ", &["cw-1", "cw-2"][..]),
        ("issues show cw-2", &["cw-2"]),
        ("issues hold cw-1 ", &["cw-1", "cw-2"]),
        ("issues add x --depends-on cw-1,cw", &["cw-1,cw-1", "cw-1,cw-2"]),
        ("run --only ", &["guests", "house", "cw-1", "cw-2"]),
        ("run --only h", &["house"]),
        ("switch ", &["generation-search", "generation-sort"]),
        ("status --generation=generation-so", &["--generation=generation-sort"]),
        // The other generation has no tasks.
        ("issues --generation sort show ", &[]),
        ("start --mode hot", &["hotfix"]),
        ("runs stop gen", &["generation-search", "generation-sort"]),
        ("runs list --of ", &["generation-search", "generation-sort"]),
        ("completions z", &["zsh"]),
    ] {
        assert_eq!(offered(&repository, line), expect, "{line}");
    }
    let runs = repository.path().join(".git/cordwainer/runs");
    for run in ["20260101-000000000-1", "20260102-000000000-1"] {
        fs::create_dir_all(runs.join(run)).unwrap();
    }
    assert_eq!(
        offered(&repository, "run --plan "),
        ["20260102-000000000-1", "20260101-000000000-1"]
    );
    let elsewhere = repository.outside().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let there = repository.path().display().to_string();
    assert_eq!(offered(&repository, &format!("-C {there} issues show cw-1")), ["cw-1"]);
    let outside = cordwainer(&repository, &["__complete", "--current=", "--", "issues", "show"]);
    assert_eq!(
        outside.in_folder(&elsewhere).run().done(),
        "",
        "outside of a repository"
    );
}

#[test]
fn a_line_is_completed_in_no_time_without_a_lock_and_whatever_is_broken() {
    let repository = project();
    // Another process is at work, and the configuration is being written.
    let lock = repository.path().join(".git/cordwainer/lock");
    let lock = fs::File::options().read(true).write(true).open(lock).unwrap();
    lock.lock().unwrap();
    repository.write("configuration.yaml", "stitch: [\n");
    let before = repository.snapshot_of_everything();
    let begun = Instant::now();
    assert_eq!(offered(&repository, "issues show cw-1"), ["cw-1"]);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(repository.snapshot_of_everything(), before);
    // A store that cannot be read offers nothing, and says nothing.
    repository.git(&["update-ref", "refs/cordwainer/generation-search/issues", "HEAD"]);
    assert_eq!(offered(&repository, "issues show "), Vec::<String>::new());
    let titles = cordwainer(&repository, &["__complete", "--current=", "--", "issues"])
        .run()
        .done();
    assert!(titles.contains("show\tShow everything "), "{titles}");
}

#[test]
fn titles_say_what_ids_are_about() {
    let repository = project();
    let listed = cordwainer(&repository, &["__complete", "--current=cw-1", "--", "issues", "show"])
        .run()
        .done();
    assert_eq!(listed, "cw-1\tLay the table\n");
}

/// A shell in the repository, which finds the program.
fn shell(repository: &TestRepository, words: &[&str]) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_cordwainer")).parent().unwrap();
    let home = repository.outside().join("home");
    fs::create_dir_all(&home).unwrap();
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .current_dir(repository.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8");
    command
}

/// Whether the machine has a shell; a test that has none is skipped.
fn has(shell: &str) -> bool {
    let is_there = ["/usr/bin", "/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(shell).exists());
    if !is_there {
        skip(&format!("no program `{shell}`"));
    }
    is_there
}

/// The completions of `cargo xtask` for a shell, by a program that was built as such.
fn of_xtask(repository: &TestRepository, shell: &str) -> String {
    let built = repository.path().join("target/debug/xtask");
    fs::create_dir_all(built.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cordwainer"), &built).unwrap();
    let script = Command::new(&built)
        .args(["completions", shell])
        .current_dir(repository.path())
        .env("CARGO_PKG_NAME", "xtask")
        .output()
        .unwrap();
    String::from_utf8(script.stdout).unwrap()
}

/// A script that reads the completions, and prints what bash would offer for a line.
fn in_bash(repository: &TestRepository, script: &str, words: &[&str]) -> Vec<String> {
    let line: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let text = format!(
        "{script}\nCOMP_WORDS=({})\nCOMP_CWORD={}\nspec=$(complete -p \"${{COMP_WORDS[0]}}\")\n\
         called=${{spec##*-F }}\n\"${{called%% *}}\" \"${{COMP_WORDS[0]}}\"\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        line.join(" "),
        words.len() - 1
    );
    let output = shell(repository, &["bash", "--norc", "--noprofile", "-c", &text])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "", "{words:?}");
    let offered = String::from_utf8(output.stdout).unwrap();
    offered.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_the_program() {
    let repository = project();
    let script = cordwainer(&repository, &["completions", "bash"]).run().done();
    for (words, expect) in [
        (&["cordwainer", "issues", "show", ""][..], &["cw-1", "cw-2"][..]),
        (&["cordwainer", "iss"], &["issues"]),
        (&["cordwainer", "issues", "list", "--status", "=", "cl"], &["closed"]),
        (&["cordwainer", "run", "--cyc"], &["--cycles"]),
        (&["cordwainer", "image", "build", "--nonsense", "x"], &[""]),
    ] {
        assert_eq!(in_bash(&repository, &script, words), expect, "{words:?}");
    }
}

/// The alias asks the program that was built last, wherever below its folder a person stands, and leaves the rest to cargo.
#[test]
fn bash_completes_cargo_xtask() {
    let repository = project();
    let script = of_xtask(&repository, "bash");
    let before = "of_cargo() { COMPREPLY=(\"cargo:${COMP_WORDS[COMP_CWORD]}\"); }\ncomplete -F of_cargo cargo\n";
    let script = format!("{before}{script}\ncd docs 2>/dev/null || true");
    for (words, expect) in [
        (&["cargo", "xtask", "issues", "show", ""][..], &["cw-1", "cw-2"][..]),
        (&["cargo", "xtask", "iss"], &["issues"]),
        (&["cargo", "bui"], &["cargo:bui"]),
        (&["cargo", "xta"], &["cargo:xta"]),
    ] {
        assert_eq!(in_bash(&repository, &script, words), expect, "{words:?}");
    }
}

#[test]
fn fish_completes_the_program_and_cargo_xtask() {
    if !has("fish") {
        return;
    }
    let repository = project();
    let scripts = [
        cordwainer(&repository, &["completions", "fish"]).run().done(),
        of_xtask(&repository, "fish"),
    ];
    fs::create_dir(repository.path().join("docs")).unwrap();
    for (line, expect) in [
        ("cordwainer issues show ", "cw-1\tLay the table\ncw-2\tCook\n"),
        ("cordwainer iss", "issues\tList and change the tasks of a generation\n"),
        ("cordwainer issues list --status cl", "closed\n"),
        ("cordwainer image build --nonsense conf", "configuration.yaml\n"),
        ("cargo xtask issues show ", "cw-1\tLay the table\ncw-2\tCook\n"),
        ("cargo xtask -C .. issues show ", "cw-1\tLay the table\ncw-2\tCook\n"),
    ] {
        let folder = if line.contains("-C ..") { "docs" } else { "." };
        let text = format!("{}\n{}\ncd {folder}\ncomplete -C '{line}'", scripts[0], scripts[1]);
        let output = shell(&repository, &["fish", "--no-config", "-c", &text])
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (String::from_utf8(output.stdout).unwrap(), told.as_str()),
            (expect.to_owned(), ""),
            "{line}"
        );
    }
}

/// What a person sees who presses Tab: zsh completes only where somebody types.
#[test]
fn zsh_completes_the_program_and_cargo_xtask() {
    if !has("zsh") {
        return;
    }
    let repository = project();
    let place = repository.outside().join("home");
    let mut terminal = PseudoTerminal::start(&shell(&repository, &["zsh", "-f", "-i"]));
    let script = cordwainer(&repository, &["completions", "zsh"]).run().done();
    fs::write(place.join("program"), script).unwrap();
    fs::write(place.join("xtask"), of_xtask(&repository, "zsh")).unwrap();
    terminal.types(
        "PS1='> '; autoload -U compinit && compinit -u -D; source ~/program; source ~/xtask; echo is-$((40+2))\n",
    );
    terminal.shows("is-42");
    for (line, expect) in [
        (
            "cordwainer issues show \t\t",
            &[
                "> cordwainer issues show cw-",
                "cw-1  -- Lay the table",
                "cw-2  -- Cook",
            ][..],
        ),
        ("cordwainer iss\t", &["> cordwainer issues"]),
        (
            "cordwainer image build --nonsense conf\t",
            &["> cordwainer image build --nonsense configuration.yaml"],
        ),
        (
            "cargo xtask issues show \t\t",
            &[
                "> cargo xtask issues show cw-",
                "cw-1  -- Lay the table",
                "cw-2  -- Cook",
            ],
        ),
    ] {
        terminal.types(line);
        let is_there = |screens: &Screens| {
            expect
                .iter()
                .all(|row| screens.wrapping.iter().any(|shown| shown == row))
        };
        terminal.until(is_there);
        // Ctrl-U: the line is empty again.
        terminal.types("\u{15}");
        terminal.until(|screens| screens.wrapping.last().is_some_and(|row| row == ">"));
    }
    terminal.types("exit\n");
    assert_eq!(terminal.ended().0, Some(0));
}

#[test]
fn man_pages_are_written_for_the_installed_program() {
    let repository = TestRepository::new();
    let folder = repository.outside().join("man/man1");
    let words = ["man", folder.to_str().unwrap()];
    let elsewhere = repository.outside().to_owned();
    let told = cordwainer(&repository, &words).in_folder(&elsewhere).run().done();
    assert!(told.starts_with("Wrote ") && told.contains("[T]/man/man1"), "{told}");
    let page = fs::read_to_string(folder.join("cordwainer-issues-show.1")).unwrap();
    assert!(
        page.contains("cordwainer issues show") || page.contains("cordwainer\\-issues\\-show"),
        "{page}"
    );
    assert!(fs::read_dir(&folder).unwrap().count() > 50);
    // Again, over what is there.
    cordwainer(&repository, &words).in_folder(&elsewhere).run().done();
    fs::write(repository.outside().join("file"), "").unwrap();
    let refused = cordwainer(&repository, &["man", "../file"]).run();
    assert_eq!(refused.code, 2, "{refused:?}");
}
