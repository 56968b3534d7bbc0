//! The configuration, read, completed with defaults, and checked; all other code gets this struct alone. Nothing in
//! here acts on what it reads.

pub(crate) mod billing;
mod claude_args;
pub(crate) mod client_settings;
mod commands;
mod commits;
mod container;
mod credentials;
mod defaults;
mod devcontainer;
mod document;
mod effective;
mod field;
pub(crate) mod file;
mod gates;
mod git;
mod guard;
mod image;
mod keep;
mod kept;
mod keys;
mod limit_wait;
mod limits;
pub(crate) mod locate;
mod maps;
mod mcp;
mod merge;
pub(crate) mod missing_program;
mod model_api;
mod modes;
mod money;
mod mounts;
mod named;
mod network;
mod network_limits;
mod node;
mod ours;
mod parallel;
mod parse;
mod paths;
mod podman_args;
mod problems;
mod prompts;
pub(crate) mod reload;
mod retry;
mod roles;
mod rules;
mod schema;
mod section;
mod services;
pub(crate) mod show;
mod source;
mod stages;
mod tampering;
mod timers;
mod tokens;
pub(crate) mod toolchain;
pub(crate) mod tools;
mod unused;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::base::serialization::{is_zero, or_off};
use crate::model::{Role, Severity};
use crate::sandbox::engine::Runtime;
use crate::sandbox::guarantee::Item;

pub use crate::accounting::budget::{BudgetConfig, BudgetWarning};
pub use crate::model::{ModeKind, PromptName, TagPattern};
pub use crate::sandbox::credential::Credentials;
pub use crate::sandbox::engine::EngineChoice;
pub use crate::sandbox::network::NetworkConfig;
pub(crate) use claude_args::BARE;
pub use commands::{CACHE_FOLDER, CommandsConfig, DEFAULT_INPUTS, Prepare};
pub use commits::{CommitStyle, CommitsConfig};
pub use document::example;
pub(crate) use document::quoted;
pub use effective::{EffectiveValue, effective};
pub(crate) use gates::PROOF;
pub use gates::{Compare, Gate, ResultsFormat, Serve, When};
pub use git::GitConfig;
pub use image::DEFAULT_BASE;
pub(crate) use image::{BUILT, SERVICE};
pub use image::{Image, ImageBuild, ToolVersion};
pub use keep::KeepConfig;
pub use limit_wait::LimitWait;
pub(crate) use mcp::ALL_TOOLS;
pub use mcp::McpServer;
pub use modes::Mode;
pub(crate) use named::protected_files;
pub use ours::is_ours;
pub use parallel::Parallel;
pub(crate) use paths::lexical;
pub use problems::{Problem, Problems};
pub use retry::RetryConfig;
pub use rules::{Rule, RuleWhen};
pub use schema::schema;
pub use services::{Beside, ServiceConfig, Services};
pub use source::{ConfigSource, Origin, SetBy, Setting, variables};
pub use stages::{OwnStage, Stage};
pub use tampering::Tampering;
pub(crate) use unused::{DISK_OFF, uncalled_roles, unused_review};

/// The usual name of the file, at the repository root.
pub const FILE_NAME: &str = "configuration.yaml";
/// Its other name, for repositories in which the usual one is taken by another program.
pub const OWN_FILE_NAME: &str = "cordwainer.yaml";

/// The configuration with every default applied; serialized, it is a file again, in which values that may be secrets
/// are not shown. `None` means "off" where a key knows `off`, else "unset".
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// `module_path`: for templates.
    pub module_path: Option<String>,
    /// `binary_name`: for templates.
    pub binary_name: Option<String>,
    /// `binary_dir`: for templates (`bin`).
    pub binary_dir: String,
    /// `main_package`: for templates.
    pub main_package: Option<String>,
    /// `version_file`: for templates, and for the version of `tag`.
    pub version_file: Option<String>,
    /// `tag`: by which the merge of a generation is tagged.
    pub tag: Option<TagPattern>,
    /// `changelog`: the file in which the merge of a generation has an entry.
    pub changelog: Option<String>,
    /// `source_dirs`: cleared on the generation branch at `start`.
    pub source_dirs: Vec<String>,
    /// `preserve_sources`: keep them.
    pub preserve_sources: bool,
    /// `gen_prefix`: what generation branches begin with (`generation-`).
    pub gen_prefix: String,
    /// `base_branch`: where generations begin and end (`main`).
    pub base_branch: String,
    /// `generation_branch`: the generation selected, when several are open.
    pub generation_branch: Option<String>,
    /// `xtask_dir`: never cleared (`xtask`).
    pub xtask_dir: String,
    /// `state_dir`: relative to the repository root; unset means inside the git common directory.
    pub state_dir: Option<PathBuf>,
    /// `secrets_dir`: never mounted, never cleared, and never in a commit on which work begins or that is merged
    /// without review (`.secrets`).
    pub secrets_dir: PathBuf,
    /// `default_token_file`: in `secrets_dir` (`claude.json`).
    pub default_token_file: String,
    /// `token_file`: in `secrets_dir`, instead of the default one.
    pub token_file: Option<String>,
    /// `spec_globs`: label to glob, counted by `stats`.
    pub spec_globs: BTreeMap<String, String>,
    /// `seed_files`: destination to template, rendered at `start`.
    pub seed_files: BTreeMap<String, String>,
    /// `context_files`: globs of documents inlined into prompts, as `context_bytes` of the role has room.
    pub context_files: Vec<String>,
    /// `measure_prompt`: path of a template instead of the built-in one.
    pub measure_prompt: Option<String>,
    /// `stitch_prompt`: path of a template instead of the built-in one.
    pub stitch_prompt: Option<String>,
    /// `prompts`: paths of templates instead of the built-in ones, by their names.
    pub prompts: BTreeMap<PromptName, String>,
    /// `user_prompt`: a person's own text in the measure prompt.
    pub user_prompt: Option<String>,
    /// `claude_args`: how the client is always called.
    pub claude_args: Vec<String>,
    /// `silence_agent`: do not print what the agent writes (`true`).
    pub silence_agent: bool,
    /// `stop_grace`: how long a call may continue after a run is asked to stop (20 s).
    #[serde(serialize_with = "show::duration")]
    pub stop_grace: Duration,
    /// `max_issues`: proposals a measure may make (10).
    pub max_issues: u32,
    /// `max_questions`: sessions that keep their slots while they wait for answers (3).
    pub max_questions: u32,
    /// `gates_parallel`: how many gates run side by side (1).
    pub gates_parallel: u32,
    /// `cycles`: cycles a `run` makes (1); `off` is until nothing is left.
    #[serde(serialize_with = "or_off")]
    pub cycles: Option<u32>,
    /// `estimated_lines_min`: smallest task measure may propose (250).
    pub estimated_lines_min: u32,
    /// `estimated_lines_max`: largest task measure may propose (350).
    pub estimated_lines_max: u32,
    /// `max_estimated_lines`: largest estimate with which a task is filed (1000, or `estimated_lines_max` if that is
    /// larger).
    pub max_estimated_lines: Option<u32>,
    /// `max_changed_lines`: the size from which a task is held, unless ten times its estimate is more (1000 lines).
    pub max_changed_lines: Option<u32>,
    /// `tampering`: what follows from a change that weakens tests, CI or coverage.
    pub tampering: Tampering,
    /// `cleanup_dirs`: removed from the base branch when a generation is merged.
    pub cleanup_dirs: Vec<String>,
    /// `image`: the image of containers.
    pub image: Image,
    /// `beads_dir`: where `cordwainer issues import` finds an older store.
    pub beads_dir: Option<PathBuf>,
    /// `container`, with the settings of `podman_args` already folded in.
    pub container: ContainerConfig,
    /// `agent`.
    pub agent: AgentConfig,
    /// `network`.
    pub network: NetworkConfig,
    /// `services`.
    pub services: Services,
    /// `mcp`: the model context servers, by name.
    pub mcp: BTreeMap<String, McpServer>,
    /// `commands`.
    pub commands: CommandsConfig,
    /// `measure`.
    pub measure: RoleConfig,
    /// `stitch`.
    pub stitch: RoleConfig,
    /// `review`: of use where `stages` has it.
    pub review: RoleConfig,
    /// `stages`: the calls of an attempt, in their order.
    pub stages: Vec<Stage>,
    /// `rules`: how the agents of some tasks are called otherwise.
    pub rules: Vec<Rule>,
    /// `modes`: the kinds of work that the configuration changes or makes.
    pub modes: BTreeMap<String, Mode>,
    /// The kind of work that it is for: see [`Config::in_mode`].
    #[serde(skip)]
    pub mode: Mode,
    /// `optimize`; nothing calls it yet, and nothing of it is read.
    #[serde(skip)]
    pub optimize: RoleConfig,
    /// Sections of the file for roles that nothing calls yet: they are allowed, and not read.
    #[serde(skip)]
    pub uncalled: Vec<String>,
    /// `budget`.
    pub budget: BudgetConfig,
    /// `retry`.
    pub retry: RetryConfig,
    /// `limits`.
    pub limits: LimitsConfig,
    /// `commits`.
    pub commits: CommitsConfig,
    /// `keep`.
    pub keep: KeepConfig,
    /// `git`.
    pub git: GitConfig,
    /// `protected_paths`: globs; a task that touches one is held.
    pub protected_paths: Vec<String>,
    /// `gates`: commands that must succeed, in a container of the same kind, before a task is merged.
    pub gates: Vec<Gate>,
}

/// The address of the model's API unless the configuration names another one.
const MODEL_API: &str = "https://api.anthropic.com";

impl Config {
    /// Returns how agents of a role are called.
    pub fn role(&self, role: Role) -> &RoleConfig {
        match role {
            Role::Measure => &self.measure,
            Role::Stitch => &self.stitch,
            Role::Review => &self.review,
            Role::Optimize => &self.optimize,
            // One that is gone has no calls any more.
            Role::Stage(name) => self
                .own_stages()
                .find(|stage| stage.name == name)
                .map_or(&self.optimize, |stage| &stage.role),
        }
    }

    /// Returns whether what attempts leave is reviewed.
    pub fn has_review(&self) -> bool {
        self.stages.contains(&Stage::Review)
    }

    /// Returns the roles of the calls that a measure may make, or what stands for it in a mode that reports.
    pub(crate) fn roles_of_measures(&self) -> Vec<Role> {
        if self.mode.kind.reports() {
            return vec![Role::Review];
        }
        let review = self.measure.review.unwrap_or_default().then_some(Role::Review);
        [Role::Measure].into_iter().chain(review).collect()
    }

    /// Returns the roles of all calls that a run may make.
    pub(crate) fn called_roles(&self) -> BTreeSet<Role> {
        self.roles_of_measures()
            .into_iter()
            .chain(self.roles_of_attempts())
            .collect()
    }

    /// Returns the stages of the project's own, in their order.
    pub fn own_stages(&self) -> impl Iterator<Item = &OwnStage> {
        self.stages.iter().filter_map(|stage| match stage {
            Stage::Own(own) => Some(&**own),
            Stage::Stitch | Stage::Review => None,
        })
    }

    /// Returns the roles of the calls that an attempt at a task may make.
    pub(crate) fn roles_of_attempts(&self) -> Vec<Role> {
        self.stages.iter().map(Stage::role).collect()
    }

    /// Returns all roles: those that have a section, and the stages of the project's own.
    pub(crate) fn roles(&self) -> impl Iterator<Item = Role> {
        let own = self.own_stages().map(|stage| Role::Stage(stage.name));
        Role::ALL.into_iter().chain(own)
    }

    /// Returns the base URL of the calls of a role: its own, else the agent's; `None` is the client's default.
    pub fn base_url(&self, role: Role) -> Option<&str> {
        let own = self.role(role).base_url.as_deref();
        own.or(self.agent.base_url.as_deref())
    }

    /// Returns the address of the model's API for a role; `None` if there is no credential and no address is given.
    pub(crate) fn api(&self, role: Role) -> Option<&str> {
        let asks = self.agent.credentials != Credentials::None;
        self.base_url(role).or(asks.then_some(MODEL_API))
    }
}

/// The `container` section.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContainerConfig {
    /// Which engine.
    pub engine: EngineChoice,
    /// Where it listens: a path, or `unix://PATH`.
    pub socket: Option<String>,
    /// The runtime of containers; unset is the engine's own choice.
    pub runtime: Option<Runtime>,
    /// Bytes; `None` means no limit.
    #[serde(serialize_with = "show::size_or_off")]
    pub memory: Option<u64>,
    /// Bytes that the containers of an attempt may write to the host's disk; `None` means no limit.
    #[serde(serialize_with = "show::size_or_off")]
    pub disk: Option<u64>,
    /// Cores, such as 1.5; `None` means no limit.
    #[serde(serialize_with = "or_off")]
    pub cpus: Option<f64>,
    /// Processes and threads; `None` means no limit.
    #[serde(serialize_with = "or_off")]
    pub pids: Option<u32>,
    /// Network mode or network name (`none`); any other needs `relax`.
    pub network: Option<String>,
    /// The guarantees that a container may lack.
    pub relax: BTreeSet<Item>,
    /// Mounts beside the slot.
    pub mounts: Vec<MountConfig>,
    /// Tmpfs mounts: path in the container to options (`podman_args: --tmpfs`).
    pub tmpfs: BTreeMap<String, String>,
    /// Environment.
    #[serde(serialize_with = "show::environment")]
    pub env: BTreeMap<String, String>,
    /// Extra host names, `NAME:ADDRESS` (`podman_args: --add-host`).
    pub hosts: Vec<String>,
    /// Extra labels (`podman_args: --label`); never one of ours.
    pub labels: BTreeMap<String, String>,
    /// `UID[:GID]` or a name; unset means one that can write the slot.
    pub user: Option<String>,
    /// Commands that the image must be able to run: those that `image.build.tools` implies, and the project's own;
    /// `cordwainer image check` runs each.
    pub toolchain: Vec<String>,
}

/// One of `container.mounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MountConfig {
    /// Absolute, or relative to the repository root.
    pub source: PathBuf,
    /// Absolute path in the container.
    pub target: PathBuf,
    /// Whether the container may write to it (`false`).
    pub writable: bool,
}

/// The `agent` section.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentConfig {
    /// The program in the image (`claude`).
    pub command: String,
    /// `ANTHROPIC_BASE_URL` in the container.
    pub base_url: Option<String>,
    /// Which credential pays for calls.
    pub credentials: Credentials,
    /// The home folder in the container (`/home/agent`).
    pub home: String,
}

/// The sections of the roles: `measure`, `stitch`, `review` and `optimize`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoleConfig {
    /// `--model`.
    pub model: Option<String>,
    /// `--fallback-model`.
    pub fallback_model: Option<String>,
    /// Whether a call is stopped if it uses another model than `model`; else there is a warning (`false`).
    pub strict_model: bool,
    /// `ANTHROPIC_BASE_URL` in the container, instead of `agent.base_url`.
    pub base_url: Option<String>,
    /// `--effort`.
    pub effort: Option<String>,
    /// `--max-turns`.
    #[serde(serialize_with = "or_off")]
    pub max_turns: Option<u32>,
    /// `--max-budget-usd`, for one call.
    #[serde(serialize_with = "or_off")]
    pub budget_usd: Option<f64>,
    /// Tokens that one call may use, read and written.
    #[serde(serialize_with = "or_off")]
    pub budget_tokens: Option<u64>,
    /// A call's limit without one event, from its start (`2m`); `None` is `off`.
    #[serde(serialize_with = "show::duration_or_off")]
    pub first_event_timeout: Option<Duration>,
    /// A call's hard limit; `None` is `off`.
    #[serde(serialize_with = "show::duration_or_off")]
    pub timeout: Option<Duration>,
    /// A call's limit without a byte of output; `None` is `off`.
    #[serde(serialize_with = "show::duration_or_off")]
    pub idle_timeout: Option<Duration>,
    /// A call's limit without a byte of output while one of its tools runs (`30m`); `None` is `off`.
    #[serde(serialize_with = "show::duration_or_off")]
    pub tool_timeout: Option<Duration>,
    /// How long the client may linger after its result (`20s`).
    #[serde(serialize_with = "show::duration")]
    pub result_grace: Duration,
    /// Whether the client is called in its restricted mode (measure: `true`).
    pub restricted: bool,
    /// `--tools`: those that the agent has; unset is the client's own choice.
    pub tools: Option<Vec<String>>,
    /// `--allowed-tools`: those that need no permission.
    pub allowed_tools: Vec<String>,
    /// `--disallowed-tools`: those that are refused.
    pub denied_tools: Vec<String>,
    /// Arguments of the client beyond `claude_args`.
    pub args: Vec<String>,
    /// Tasks of a cycle (stitch), proposals of a cycle (measure: `max_issues` limits them, too); 0 is `off`. `None` where
    /// a role has no cycles.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "show::count_or_off")]
    pub max_per_cycle: Option<u32>,
    /// Attempts at a task (stitch: 3), answers of a measure (2); 0 where a role has none.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_attempts: u32,
    /// Tasks worked on at once (stitch: 1), and measures (always 1).
    #[serde(skip_serializing_if = "Parallel::is_none")]
    pub parallel: Parallel,
    /// Fix rounds of an attempt (stitch: 2); 0 is `off`. `None` where a role has no attempts.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "show::count_or_off")]
    pub fix_rounds: Option<u32>,
    /// After how many attempts in a row that fail in the same way a task is stuck (stitch: 2); 0 is `off`. `None` where a role has none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "show::count_or_off")]
    pub stuck_after: Option<u32>,
    /// Bytes of documents that its prompt has room for (400000); `None` where a role's prompt has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_bytes: Option<u32>,
    /// Whether proposals are reviewed before they are filed (measure: `false`); `None` where a role makes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<bool>,
    /// The least score with which a review passes (7); `None` where a role gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_score: Option<u32>,
    /// The least severity of a finding with which no review passes (high); `None` where a role reports none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<Severity>,
    /// Closing reviews of a group (review: 2); 0 is `off`. `None` where a role makes none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "show::count_or_off")]
    pub closing_rounds: Option<u32>,
}

/// The `limits` section.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LimitsConfig {
    /// Whether paid overage may be used (`forbid`).
    #[serde(rename = "overage", serialize_with = "show::overage")]
    pub allow_overage: bool,
    /// How long a limit is waited out when the time at which it is lifted is not known (`1h`).
    #[serde(serialize_with = "show::duration")]
    pub default_wait: Duration,
    /// Whether to wait for a reset (`6h`).
    #[serde(serialize_with = "show::wait")]
    pub wait: LimitWait,
    /// How much of the account's windows no call begins to use, in percent (`off`).
    #[serde(serialize_with = "or_off")]
    pub reserve: Option<u32>,
}
