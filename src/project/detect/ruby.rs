//! Ruby: Bundler, gems, Rake and `RSpec`.

use super::code::source_dirs;
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::tree::{Folder, shell_word};

pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    let gem = folder.here().find(|name| name.ends_with(".gemspec"));
    let has_bundler = folder.has("Gemfile");
    let has_code = || folder.has("Rakefile") && folder.has_ending(&[".rb"]);
    let manifest = match gem {
        _ if has_bundler => "Gemfile",
        Some(gem) => gem,
        None if has_code() => "Rakefile",
        None => return Vec::new(),
    };
    let mut tools = vec!["ruby".to_owned()];
    if has_bundler {
        tools.push("bundle".to_owned());
    }
    vec![DetectedProject {
        ecosystem: Ecosystem::Ruby,
        folder: folder.name(),
        manifest: manifest.to_owned(),
        package_manager: if has_bundler { "bundler" } else { "gem" }.to_owned(),
        members: Vec::new(),
        source_dirs: source_dirs(folder, &["erb", "haml", "rake", "rb", "slim"], &["script"]),
        commands: commands(folder, gem),
        tools,
        hosts: vec!["gem"],
        names: Names::module(gem.map(|gem| gem.trim_end_matches(".gemspec").to_owned())),
    }]
}

fn commands(folder: Folder<'_>, gem: Option<&str>) -> Commands {
    let has_bundler = folder.has("Gemfile");
    let run = |command: &str| {
        if has_bundler {
            format!("bundle exec {command}")
        } else {
            command.to_owned()
        }
    };
    let mut commands = Commands {
        setup: has_bundler.then(|| "bundle install".to_owned()).into_iter().collect(),
        build: gem
            .map(|gem| format!("gem build {}", shell_word(gem)))
            .into_iter()
            .collect(),
        ..Commands::default()
    };
    if folder.has("bin/rails") && folder.has_folder("test") {
        commands.test.push("bin/rails test".to_owned());
    }
    if folder.has(".rspec")
        || folder
            .files()
            .any(|file| file.starts_with("spec/") && file.ends_with("_spec.rb"))
    {
        commands.test.push(run("rspec"));
    }
    let rakefile = folder.text("Rakefile");
    if commands.test.is_empty() && (rakefile.contains("TestTask") || defines(rakefile, "test")) {
        commands.test.push(run("rake test"));
    }
    for (file, command) in [(".rubocop.yml", "rubocop"), (".standard.yml", "standardrb")] {
        if folder.has(file) {
            commands.lint.push(run(command));
        }
    }
    for (is_there, command) in [
        (folder.has("sorbet/config"), "srb tc"),
        (folder.has("Steepfile"), "steep check"),
    ] {
        if is_there {
            commands.type_check.push(run(command));
        }
    }
    commands
}

/// Returns whether a Rakefile defines a task: `task :test`, `task test: …`, `task "test"`.
fn defines(rakefile: &str, name: &str) -> bool {
    let tasks = rakefile.lines().filter_map(|line| line.trim().strip_prefix("task"));
    let mut names = tasks.map(|rest| {
        let rest = rest.trim_start_matches([' ', '(', ':', '"', '\'']);
        rest.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .next()
            .unwrap_or_default()
    });
    names.any(|task| task == name)
}
