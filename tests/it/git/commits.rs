use std::fs;
use std::process::Command;

use cordwainer::error::ErrorKind;
use cordwainer::git::{EnvironmentIdentities, Identity, NewCommit};
use cordwainer::testing;
use jiff::Timestamp;

use crate::support::repository::TestRepository;

#[test]
fn a_commit_says_who_when_and_what() {
    let repository = TestRepository::new();
    let (git, base) = (repository.handle(), repository.oid("HEAD"));
    let new = NewCommit {
        committer: None,
        tree: git.tree_of(base).unwrap(),
        parents: vec![base],
        message: "do\0 it\n\nBecause.\n\nCordwainer-Task: cw-1\nCordwainer-Tokens: 12\n".into(),
        author: Some(Identity {
            name: "Ag<e>nt\n".into(),
            email: "agent@example.org".into(),
        }),
        time: Timestamp::from_second(1_800_000_000).unwrap(),
    };
    let id = git.commit(&new).unwrap();
    assert_eq!(id, git.commit(&new).unwrap(), "the same commit twice");
    let info = git.commit_info(id).unwrap();
    assert_eq!(info.subject(), "do it");
    assert_eq!(info.trailer("cordwainer-task").as_deref(), Some("cw-1"));
    assert_eq!(info.trailer("Cordwainer-Cost"), None);
    assert_eq!(
        (info.author.name.as_str(), info.committer.name.as_str()),
        ("Agent", "Tess Ter")
    );
    assert_eq!((info.parents, info.time), (vec![base], new.time));
    repository.git(&["fsck", "--strict"]);
}

#[test]
fn a_commit_without_an_identity_is_refused_with_a_hint() {
    let repository = TestRepository::new();
    repository.git(&["config", "user.email", ""]);
    repository.git(&["config", "--unset", "user.email"]);
    repository.git(&["config", "--unset", "user.name"]);
    let git = repository.handle();
    let base = repository.oid("HEAD");
    match git.user() {
        // The machine's own git configuration may name somebody.
        Ok(user) => assert!(!user.name.is_empty()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Precondition);
            assert!(error.hint_text().unwrap().contains("user.email"));
        }
    }
    assert!(
        git.commit_info(git.tree_of(base).unwrap()).is_err(),
        "a tree is no commit"
    );
}

/// How many sets of settings are tried, and the seed.
const SMALL: u32 = 60;
const LONG: u32 = 3_000;
const SEED: u64 = 8_041;

#[test]
fn whose_commits_they_are_is_what_git_says() {
    let repository = TestRepository::new();
    let base = repository.oid("HEAD");
    let mut rng = fastrand::Rng::with_seed(SEED);
    for case in 0..testing::size(SMALL, LONG) {
        let mut value = |name: &str, half: bool| (half || rng.bool()).then(|| format!("{name} {}", rng.u8(..)));
        let environment = [
            "GIT_AUTHOR_NAME",
            "GIT_AUTHOR_EMAIL",
            "GIT_COMMITTER_NAME",
            "GIT_COMMITTER_EMAIL",
            "EMAIL",
        ]
        .map(|name| (name, value(name, false)));
        let config = [
            "user.name",
            "user.email",
            "author.name",
            "author.email",
            "committer.name",
            "committer.email",
        ];
        let mut content = String::from("[core]\n\tbare = false\n");
        for key in config {
            // These two hide whatever this machine's own settings say.
            if let Some(value) = value(key, key.starts_with("user.")) {
                let (section, key) = key.split_once('.').unwrap();
                content.push_str(&format!("[{section}]\n\t{key} = {value}\n"));
            }
        }
        fs::write(repository.path().join(".git/config"), content).unwrap();
        let [author_name, author_email, committer_name, committer_email, email] =
            environment.each_ref().map(|(_, value)| value.clone());
        let git = repository.handle().with_identities(EnvironmentIdentities {
            author_name,
            author_email,
            committer_name,
            committer_email,
            email,
        });
        let info = git
            .commit_info(
                git.commit(&NewCommit {
                    tree: git.tree_of(base).unwrap(),
                    parents: vec![base],
                    message: "m".into(),
                    author: None,
                    committer: None,
                    time: Timestamp::UNIX_EPOCH,
                })
                .unwrap(),
            )
            .unwrap();
        for (variable, ours) in [
            ("GIT_AUTHOR_IDENT", info.author),
            ("GIT_COMMITTER_IDENT", info.committer),
        ] {
            let mut command = Command::new("git");
            command.current_dir(repository.path()).args(["var", variable]);
            command
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .env("GIT_CONFIG_GLOBAL", "/dev/null");
            for (name, value) in &environment {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
            let ours = format!("{} <{}> ", ours.name, ours.email);
            assert!(
                said.starts_with(&ours),
                "case {case} of seed {SEED}: git says {said}, we {ours}"
            );
        }
    }
}

#[test]
fn an_include_that_is_not_read_is_told() {
    let repository = TestRepository::new();
    let remote = "git@work.example:team/r.git";
    repository.git(&["remote", "add", "origin", remote]);
    let told = |pattern: &str| {
        let key = format!("includeIf.hasconfig:remote.*.url:{pattern}.path");
        repository.git(&["config", &key, "../work.inc"]);
        let hazards = repository.handle().hazards(repository.oid("HEAD"), &[]).unwrap();
        repository.git(&["config", "--unset", &key]);
        hazards
            .iter()
            .any(|hazard| hazard.refuses_work() && hazard.text.contains("work.inc"))
    };
    fs::write(
        repository.path().join("work.inc"),
        "[user]\n\temail = work@example.invalid\n",
    )
    .unwrap();
    for pattern in [
        "git@work.example:*/**",
        remote,
        "git@*:**",
        "**",
        "*",
        "https://**",
        "git@work.example:*",
        "?it@work*/r.git",
    ] {
        let key = format!("includeIf.hasconfig:remote.*.url:{pattern}.path");
        repository.git(&["config", &key, "../work.inc"]);
        let address = repository.git(&["config", "user.email"]);
        repository.git(&["config", "--unset", &key]);
        assert_eq!(
            told(pattern),
            address.trim() == "work@example.invalid",
            "{pattern}: git has {address}"
        );
    }
    // What libgit2 reads, and what git reads as little as it, is no hazard.
    repository.git(&["config", "includeIf.gitdir:/.path", "../work.inc"]);
    repository.git(&["config", "includeIf.unheard-of:x.path", "../work.inc"]);
    assert_eq!(repository.handle().hazards(repository.oid("HEAD"), &[]).unwrap(), []);
}

#[test]
fn a_setting_without_a_value_names_nothing() {
    let repository = TestRepository::new();
    let tip = repository.oid("HEAD");
    let config = repository.path().join(".git/config");
    let settings = fs::read_to_string(&config).unwrap();
    for more in [
        "[advice]\n\tdetachedHead\n",
        "[remote \"r\"]\n\turl\n",
        "[include]\n\tpath\n",
    ] {
        fs::write(&config, format!("{settings}[include]\n\tpath = ../mine.inc\n{more}")).unwrap();
        let git = repository.handle();
        assert_eq!(git.hazards(tip, &[]).unwrap(), [], "{more}");
        let obeyed = git.obeyed_by_settings().unwrap();
        assert_eq!(obeyed.len(), 1, "{more}: {obeyed:?}");
        assert!(obeyed[0].ends_with("../mine.inc"), "{more}: {obeyed:?}");
    }
}

#[test]
fn ancestry_and_first_parents_follow_the_history() {
    let repository = TestRepository::new();
    let (git, root) = (repository.handle(), repository.oid("HEAD"));
    let one = repository.commit("one");
    repository.git(&["checkout", "--quiet", "-b", "side", &root.to_string()]);
    let side = repository.commit("side");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.git(&["merge", "--quiet", "--no-ff", "-m", "merge", "side"]);
    let tip = repository.oid("HEAD");
    let subjects = |until| -> Vec<String> {
        let commits = git.first_parents(tip, until).unwrap();
        commits.iter().map(|commit| commit.subject().to_owned()).collect()
    };
    assert_eq!(subjects(Some(root)), ["merge", "one"]);
    assert_eq!(subjects(None), ["merge", "one", "begin"]);
    assert!(git.is_ancestor(side, tip).unwrap() && git.is_ancestor(tip, tip).unwrap());
    assert!(!git.is_ancestor(side, one).unwrap());
    assert_eq!(git.merge_base(one, side).unwrap(), Some(root));
    repository.git(&["checkout", "--quiet", "--orphan", "other"]);
    let unrelated = repository.commit("unrelated");
    assert_eq!(git.merge_base(one, unrelated).unwrap(), None);
}
