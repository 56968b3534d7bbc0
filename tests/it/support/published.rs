//! Projects as their authors published them, from the registries of their ecosystems.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::repository::TestRepository;

/// Where a project is published.
#[derive(Clone, Copy)]
pub(crate) enum Origin {
    Cargo(&'static str, &'static str),
    Npm(&'static str, &'static str),
    Python(&'static str, &'static str),
    /// A source package of the distribution, which has the archive of its authors.
    Distribution(&'static str),
}

/// Fetches a project by the program of its ecosystem, and commits what is in it; this is what git ignores there.
pub(crate) fn fetch(origin: Origin, ignored: &str) -> TestRepository {
    let repository = TestRepository::empty();
    let folder = tempfile::tempdir().unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
    };
    match origin {
        Origin::Cargo(name, version) => {
            let manifest =
                format!("[package]\nname = \"a\"\nversion = \"0.0.0\"\n[dependencies]\n{name} = \"={version}\"\n");
            fs::create_dir(folder.path().join("src")).unwrap();
            fs::write(folder.path().join("src/lib.rs"), "").unwrap();
            fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
            run("cargo", &["vendor", "--quiet"]);
            run(
                "tar",
                &["--create", "--gzip", "--file", "archive", "--directory", "vendor", name],
            );
        }
        Origin::Npm(name, version) => run("npm", &["pack", "--silent", &format!("{name}@{version}")]),
        Origin::Python(name, version) => run(
            "python3",
            &[
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--no-binary",
                name,
                &format!("{name}=={version}"),
            ],
        ),
        Origin::Distribution(name) => {
            let options = source_lists(folder.path());
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            run("apt-get", &[&options[..], &["--quiet", "update"]].concat());
            run(
                "apt-get",
                &[&options[..], &["--quiet", "--download-only", "source", name]].concat(),
            );
        }
    }
    let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let archive = files.filter(|path| path.is_file()).find(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name == "archive" || name.ends_with("gz") && !name.contains(".debian.")
    });
    let archive = archive.unwrap().display().to_string();
    let target = repository.path().display().to_string();
    run(
        "tar",
        &[
            "--extract",
            "--gzip",
            "--strip-components=1",
            "--no-same-owner",
            "--file",
            &archive,
            "--directory",
            &target,
        ],
    );
    repository.write(".gitignore", ignored);
    repository.commit("as it was published");
    repository
}

/// Writes lists of the distribution's sources below a folder, where those of its packages are, and returns the options with
/// which `apt-get` uses them and leaves the machine's own lists as they are.
fn source_lists(folder: &Path) -> Vec<String> {
    let place = |name: &str| {
        let path = folder.join("apt").join(name);
        fs::create_dir_all(&path).unwrap();
        path.display().to_string()
    };
    let (lists, cache, parts) = (place("lists/partial"), place("cache/archives/partial"), place("parts"));
    let mut texts = vec![("sources.list".to_owned(), PathBuf::from("/etc/apt/sources.list"))];
    let entries = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten();
    texts.extend(entries.map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), entry.path())
    }));
    for (name, path) in texts {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let lines = text.lines().map(|line| match line.strip_prefix("deb ") {
            Some(rest) => format!("deb-src {rest}\n"),
            None if line.starts_with("Types:") => "Types: deb-src\n".to_owned(),
            None => format!("{line}\n"),
        });
        fs::write(Path::new(&parts).join(name), lines.collect::<String>()).unwrap();
    }
    let without = |path: &str| path.trim_end_matches("/partial").to_owned();
    let options = [
        ("Dir::Etc::sourcelist", "/dev/null".to_owned()),
        ("Dir::Etc::sourceparts", parts),
        ("Dir::State::lists", without(&lists)),
        ("Dir::Cache", without(&cache).trim_end_matches("/archives").to_owned()),
        // What is downloaded is in a folder of this user.
        ("APT::Sandbox::User", "root".to_owned()),
    ];
    options
        .into_iter()
        .map(|(key, value)| format!("--option={key}={value}"))
        .collect()
}
