//! Reads the stages of an attempt.

use serde::{Serialize, Serializer};

use super::field::Field;
use super::gates::read_globs;
use super::keys::STAGE;
use super::node::Kind;
use super::section::Section;
use super::{Config, RoleConfig, guard, roles};
use crate::base::text::one_line;
use crate::model::{Role, StageName};

/// One of `stages`: a call of an attempt, or several of one purpose.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The work itself, and its fix rounds.
    Stitch,
    /// What the project's own stage is for.
    Own(Box<OwnStage>),
    /// A review of it all.
    Review,
}

/// A stage of the project's own: a session that goes on from what the stages before it left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OwnStage {
    /// Its name.
    pub name: StageName,
    /// Path of the template of what it is asked.
    pub prompt: String,
    /// Globs of the files that it may change.
    pub may_change: Vec<String>,
    /// Globs, one of which must match a file that the attempt has changed; without any it is always called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Whether the work waits for a person where it fails; else that goes on without its changes.
    pub required: bool,
    /// How its agent is called.
    #[serde(flatten)]
    pub role: RoleConfig,
}

impl Stage {
    /// Returns its name.
    pub fn name(&self) -> &'static str {
        self.role().name()
    }

    /// Returns the role of its agent.
    pub fn role(&self) -> Role {
        match self {
            Self::Stitch => Role::Stitch,
            Self::Own(stage) => Role::Stage(stage.name),
            Self::Review => Role::Review,
        }
    }
}

impl Serialize for Stage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Own(stage) => stage.serialize(serializer),
            Self::Stitch | Self::Review => serializer.serialize_str(self.name()),
        }
    }
}

/// Reads `stages`, after the roles, `agent` and `budget`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    let mut stages = config.stages.clone();
    top.set("stages", &mut stages, |field| read_stages(field, (top, config)));
    config.stages = stages;
}

/// Returns the names of the stages of the project's own, for keys that are read before `stages`: those that can be read. What
/// is wrong with the others is reported where `stages` is read.
pub(super) fn names(top: &Section<'_>) -> Vec<StageName> {
    let Some(Kind::List(items)) = top.field("stages").map(|field| &field.node.kind) else {
        return Vec::new();
    };
    let named = items.iter().filter_map(|item| item.value(|key| key == "name")?.text());
    named.filter_map(StageName::new).collect()
}

fn read_stages(field: &Field<'_>, whole: (&Section<'_>, &Config)) -> Option<Vec<Stage>> {
    let mut stages: Vec<Stage> = Vec::new();
    for item in field.items("a list of stages")? {
        let Some(stage) = read_stage(&item, whole) else {
            continue;
        };
        if stages.iter().any(|earlier| earlier.role() == stage.role()) {
            item.refuse::<()>(format!("a second stage is named `{}`", stage.name()));
        } else if stages.contains(&Stage::Review) {
            item.refuse_with::<()>(
                "expected `review` as the last stage: what comes after it would be merged without a review",
                format!("write `{}` before `review`", stage.name()),
            );
        } else {
            stages.push(stage);
        }
    }
    if stages.first() == Some(&Stage::Stitch) {
        return Some(stages);
    }
    field.refuse_with(
        "expected `stitch` as the first stage: it does the work that the others are about",
        "write `[stitch, review]`, or leave the key out",
    )
}

fn read_stage(field: &Field<'_>, whole: (&Section<'_>, &Config)) -> Option<Stage> {
    if matches!(field.node.kind, Kind::Map(_)) {
        return read_own(field, whole).map(|stage| Stage::Own(Box::new(stage)));
    }
    match field.scalar() {
        Some("stitch") => Some(Stage::Stitch),
        Some("review") => Some(Stage::Review),
        _ => field.expected("`stitch`, `review`, or a mapping of a stage of your own (name, prompt, may_change)"),
    }
}

fn read_own(field: &Field<'_>, (top, config): (&Section<'_>, &Config)) -> Option<OwnStage> {
    let section = Section::open(field, STAGE)?;
    let (mut name, mut prompt, mut needs, mut required) = (None, None, Vec::new(), true);
    let mut may_change = Vec::new();
    let mut role = RoleConfig {
        tools: None,
        restricted: false,
        min_score: None,
        context_bytes: None,
        block: None,
        closing_rounds: None,
        ..Config::default().review
    };
    section.set_some("name", &mut name, read_name);
    section.set_some("prompt", &mut prompt, Field::repository_path);
    section.set("may_change", &mut may_change, read_may_change);
    section.set("needs", &mut needs, read_globs);
    section.set("required", &mut required, Field::flag);
    roles::read_role(&section, &mut role, &config.budget);
    let mut missing = ["name", "prompt", "may_change"]
        .into_iter()
        .filter(|key| section.field(key).is_none());
    if let Some(key) = missing.next() {
        let hint = match key {
            "name" => "write a word that it is known by: `name: docs`",
            "prompt" => "write the path of a file that says what it is to do: `prompt: prompts/docs.md`",
            _ => MAY_CHANGE,
        };
        return field.refuse_with(format!("expected a `{key}`"), hint);
    }
    let name = name?;
    guard::check_stage(&section, (name.as_str(), &role), (top, config));
    Some(OwnStage {
        name,
        prompt: prompt?,
        may_change,
        needs,
        required,
        role,
    })
}

/// What is said to whoever has not written which files a stage may change.
const MAY_CHANGE: &str = "write which files it may change: `may_change: [\"docs/**\"]`";

fn read_may_change(field: &Field<'_>) -> Option<Vec<String>> {
    if field.items("a list of globs")?.is_empty() {
        return field.refuse_with("expected a glob", MAY_CHANGE);
    }
    read_globs(field)
}

fn read_name(field: &Field<'_>) -> Option<StageName> {
    let text = field.text()?;
    if StageName::is_taken(&text) {
        let hint = match text.as_str() {
            "stitch" | "review" => format!("write `{text}` alone for that stage, or another name"),
            _ => "choose another name".to_owned(),
        };
        return field.refuse_with(format!("`{}` has a meaning of its own", one_line(&text, 60)), hint);
    }
    match StageName::new(&text) {
        Some(name) => Some(name),
        None => field.expected("a word in small letters, such as `docs`: letters, digits, `-` and `_`, at most 32"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Parallel;

    #[test]
    fn a_stage_is_shown_as_a_file_has_it_and_is_a_role_like_any_other() {
        let text = "stages: [stitch, {name: docs, prompt: p.md, may_change: [\"docs/**\"], model: haiku, tools: [Read]}, review]";
        let config = Config::parse(text, "c.yaml").unwrap();
        let shown = serde_yaml::to_string(&config).unwrap();
        assert_eq!(Config::parse(&shown, "shown").as_ref(), Ok(&config), "{shown}");
        let docs = Role::Stage(StageName::new("docs").unwrap());
        assert_eq!(config.roles_of_attempts(), [Role::Stitch, docs, Role::Review]);
        let role = config.role(docs);
        assert_eq!((role.model.as_deref(), role.restricted), (Some("haiku"), false));
        // Timers and budgets as a review has them, and nothing that only a review has.
        assert_eq!(role.timeout, Config::default().review.timeout);
        assert_eq!(
            (role.min_score, role.block, role.parallel),
            (None, None, Parallel::Count(0))
        );
    }
}
