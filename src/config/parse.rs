//! From the text of a file to a [`Config`], or to all of its problems.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::field::Field;
use super::kept::KeptPaths;
use super::keys::Files;
use super::merge;
use super::node::{self, Kind, Node};
use super::problems::{Place, Problems, Report};
use super::section::Section;
use super::source::{Origin, Setting};
use super::{Config, Tampering, paths};
use crate::model::TagPattern;

/// The largest file, in bytes. A person writes a few hundred lines; a larger file is something else.
const SIZE_LIMIT: usize = 1 << 20;

impl Config {
    /// Reads a configuration from the text of `file`. What the file does not set has its default; a key without a value
    /// counts as not set.
    ///
    /// # Errors
    /// Fails with every problem of the text at once.
    pub fn parse(text: &str, file: &str) -> Result<Self, Problems> {
        Self::parse_with(text, file, &paths::lexical)
    }

    /// Reads a configuration from the text of `file`, where `resolve` makes a path of the configuration absolute and
    /// follows its links, so that a mount cannot show by another name what must stay hidden.
    pub(crate) fn parse_with(text: &str, file: &str, resolve: &dyn Fn(&Path) -> PathBuf) -> Result<Self, Problems> {
        Self::default().read(text, file, resolve)
    }

    /// Reads what the text of `file` sets into a configuration that has all else.
    pub(super) fn read(self, text: &str, file: &str, resolve: &dyn Fn(&Path) -> PathBuf) -> Result<Self, Problems> {
        Ok(self.read_all(text, file, &[], resolve)?.0)
    }

    /// Reads what the text of `file` and `settings` set into a configuration that has all else. Returns beside it where
    /// each value comes from.
    pub(super) fn read_all(
        mut self,
        text: &str,
        file: &str,
        settings: &[Setting],
        resolve: &dyn Fn(&Path) -> PathBuf,
    ) -> Result<(Self, BTreeMap<String, Origin>), Problems> {
        let report = Report::new(file, settings);
        let mut origins = BTreeMap::new();
        if text.len() > SIZE_LIMIT {
            let message = format!("larger than {SIZE_LIMIT} bytes");
            report.note(Place::start_of(0), "", message, None);
        }
        let root = (report.count() == 0).then(|| node::read(text, 0, &report)).flatten();
        // What cannot be read at all has no keys to set anything beside.
        if report.count() == 0
            && let Some(root) = merge::apply(root, settings, &report)
        {
            origins = merge::origins(&root, &report);
            read_top(&root, &report, &mut self, resolve);
            // What is implied comes from where the image is described.
            if let (Some(_), Some(origin)) = (&self.image.build, origins.get("image")) {
                let origin = origin.clone();
                origins.entry("container.toolchain".to_owned()).or_insert(origin);
            }
        }
        match report.finish() {
            None => Ok((self, origins)),
            Some(problems) => Err(problems),
        }
    }
}

fn read_top(root: &Node, report: &Report<'_>, config: &mut Config, resolve: &dyn Fn(&Path) -> PathBuf) {
    let field = Field {
        key: String::new(),
        files: Files::None,
        node: root,
        report,
    };
    if matches!(root.kind, Kind::Null) {
        return;
    }
    if super::tokens::check(&field) {
        // Other problems with the value may be reported, too, so it waits.
        return;
    }
    let Some((top, uncalled)) = Section::top(&field) else {
        return;
    };
    config.uncalled = uncalled.into_iter().map(str::to_owned).collect();
    read_project(&top, config);
    read_places(&top, config, resolve);
    read_prompts(&top, config);
    read_work(&top, config);
    super::container::read(&top, config, resolve);
    super::image::read(&top, config);
    super::services::read(&top, config);
    super::network::read(&top, config);
    super::mcp::read(&top, config);
    super::money::read(&top, config);
    super::commits::read(&top, config);
    super::keep::read(&top, config);
    super::git::read(&top, config);
    super::roles::read(&top, config);
    super::stages::read(&top, config);
    super::rules::read(&top, config);
    super::commands::read(&top, config);
    super::gates::read(&top, config);
    super::modes::read(&top, config);
    super::guard::check(&top, config);
}

fn read_project(top: &Section<'_>, config: &mut Config) {
    top.set_some("module_path", &mut config.module_path, Field::text);
    top.set_some("binary_name", &mut config.binary_name, |field| {
        field.word("a name without spaces")
    });
    top.set("binary_dir", &mut config.binary_dir, Field::repository_path);
    top.set_some("main_package", &mut config.main_package, Field::text);
    top.set_some("version_file", &mut config.version_file, Field::repository_path);
    top.set_some("tag", &mut config.tag, read_tag);
    top.set_some("changelog", &mut config.changelog, Field::repository_path);
}

fn read_places(top: &Section<'_>, config: &mut Config, resolve: &dyn Fn(&Path) -> PathBuf) {
    const FOLDERS: &str = "a list of folders";
    top.set("preserve_sources", &mut config.preserve_sources, Field::flag);
    top.set("gen_prefix", &mut config.gen_prefix, read_prefix);
    top.set("base_branch", &mut config.base_branch, Field::branch);
    top.set_some("generation_branch", &mut config.generation_branch, read_generation);
    top.set("xtask_dir", &mut config.xtask_dir, Field::repository_path);
    top.set_some("state_dir", &mut config.state_dir, Field::host_path);
    top.set("secrets_dir", &mut config.secrets_dir, Field::host_path);
    top.set(
        "default_token_file",
        &mut config.default_token_file,
        Field::repository_path,
    );
    top.set_some("token_file", &mut config.token_file, Field::repository_path);
    top.set_some("beads_dir", &mut config.beads_dir, Field::host_path);
    let kept = KeptPaths::of(config, resolve);
    top.set("source_dirs", &mut config.source_dirs, |field| {
        field.list(FOLDERS, |item| kept.folder(item))
    });
    top.set("cleanup_dirs", &mut config.cleanup_dirs, |field| {
        field.list(FOLDERS, |item| kept.folder(item))
    });
    top.set("seed_files", &mut config.seed_files, |field| field.seed_files(&kept));
}

fn read_tag(field: &Field<'_>) -> Option<TagPattern> {
    match TagPattern::new(&field.text()?) {
        Ok(pattern) => Some(pattern),
        Err(why) => field.refuse_with(
            format!("this cannot be the pattern of a tag: {why}"),
            "write it such as `v1.{date}.{n}`",
        ),
    }
}

fn read_prefix(field: &Field<'_>) -> Option<String> {
    let prefix = field.text()?;
    match crate::model::generation::GenerationName::new(format!("{prefix}1")) {
        Ok(_) => Some(prefix),
        Err(_) => field.expected("the beginning of a branch name, such as `generation-`"),
    }
}

fn read_generation(field: &Field<'_>) -> Option<String> {
    let name = field.text()?;
    match crate::model::generation::GenerationName::new(name) {
        Ok(name) => Some(name.as_str().to_owned()),
        Err(_) => field.expected("the name of a generation branch"),
    }
}

fn read_prompts(top: &Section<'_>, config: &mut Config) {
    top.set("spec_globs", &mut config.spec_globs, |field| {
        field.map("a mapping of label to glob", super::maps::any_name, Field::glob)
    });
    top.set("context_files", &mut config.context_files, |field| {
        field.list("a list of globs", Field::glob)
    });
    top.set_some("measure_prompt", &mut config.measure_prompt, Field::repository_path);
    top.set_some("stitch_prompt", &mut config.stitch_prompt, Field::repository_path);
    super::prompts::read(top, config);
    top.set_some("user_prompt", &mut config.user_prompt, Field::text);
    top.set("claude_args", &mut config.claude_args, super::claude_args::read);
}

fn read_work(top: &Section<'_>, config: &mut Config) {
    const MOST_LINES: u32 = 100_000;
    top.set("silence_agent", &mut config.silence_agent, Field::flag);
    top.set("stop_grace", &mut config.stop_grace, |field| field.duration(""));
    top.set("max_issues", &mut config.max_issues, |field| field.small_count(1000));
    top.set("max_questions", &mut config.max_questions, |field| {
        field.small_count(100)
    });
    top.set_limit("cycles", &mut config.cycles, |field| {
        field.small_count_or_off(1_000_000)
    });
    top.set("estimated_lines_min", &mut config.estimated_lines_min, |field| {
        field.small_count(MOST_LINES)
    });
    top.set("estimated_lines_max", &mut config.estimated_lines_max, |field| {
        field.small_count(MOST_LINES)
    });
    top.set_limit("max_estimated_lines", &mut config.max_estimated_lines, |field| {
        field.small_count_or_off(MOST_LINES)
    });
    top.set_limit("max_changed_lines", &mut config.max_changed_lines, |field| {
        field.small_count_or_off(MOST_LINES)
    });
    let tampering = [
        ("hold", Tampering::Hold),
        ("tell", Tampering::Tell),
        ("off", Tampering::Off),
    ];
    top.set("tampering", &mut config.tampering, |field| field.choice(&tampering));
    if top.field("max_estimated_lines").is_none() {
        let least = config.estimated_lines_max;
        config.max_estimated_lines = config.max_estimated_lines.map(|most| most.max(least));
    }
    top.set("protected_paths", &mut config.protected_paths, |field| {
        field.list("a list of globs", Field::glob)
    });
}
