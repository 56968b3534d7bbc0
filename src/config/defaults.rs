//! What holds when the file has no value: read once from the table of keys, which alone knows it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use super::document::quoted;
use super::keys::{Key, Shape, TOP};
use super::{
    AgentConfig, BudgetConfig, CommandsConfig, CommitsConfig, Config, ContainerConfig, Credentials, EngineChoice,
    GitConfig, Image, KeepConfig, LimitWait, LimitsConfig, NetworkConfig, Parallel, RetryConfig, RoleConfig, Services,
    Tampering, paths,
};

/// A configuration of which nothing is read yet.
static UNSET: LazyLock<Config> = LazyLock::new(|| Config {
    module_path: None,
    binary_name: None,
    binary_dir: String::new(),
    main_package: None,
    version_file: None,
    tag: None,
    changelog: None,
    source_dirs: Vec::new(),
    preserve_sources: false,
    gen_prefix: String::new(),
    base_branch: String::new(),
    generation_branch: None,
    xtask_dir: String::new(),
    state_dir: None,
    secrets_dir: "".into(),
    default_token_file: String::new(),
    token_file: None,
    spec_globs: [].into(),
    seed_files: [].into(),
    context_files: Vec::new(),
    measure_prompt: None,
    stitch_prompt: None,
    prompts: BTreeMap::new(),
    user_prompt: None,
    claude_args: Vec::new(),
    silence_agent: false,
    stop_grace: Duration::ZERO,
    max_issues: 0,
    max_questions: 0,
    gates_parallel: 0,
    cycles: None,
    estimated_lines_min: 0,
    estimated_lines_max: 0,
    max_estimated_lines: None,
    max_changed_lines: None,
    tampering: Tampering::Hold,
    cleanup_dirs: Vec::new(),
    image: Image::default(),
    beads_dir: None,
    container: ContainerConfig::unset(),
    agent: AgentConfig::unset(),
    network: NetworkConfig::default(),
    services: Services::default(),
    mcp: [].into(),
    commands: CommandsConfig::default(),
    measure: RoleConfig::unset(),
    stitch: RoleConfig::unset(),
    review: RoleConfig::unset(),
    optimize: RoleConfig::unset(),
    stages: Vec::new(),
    rules: Vec::new(),
    modes: [].into(),
    mode: super::Mode::default(),
    uncalled: Vec::new(),
    budget: BudgetConfig::default(),
    retry: RetryConfig::UNSET,
    commits: CommitsConfig::default(),
    keep: KeepConfig::default(),
    git: GitConfig::default(),
    limits: LimitsConfig::unset(),
    protected_paths: Vec::new(),
    gates: Vec::new(),
});

static DEFAULTS: LazyLock<Config> = LazyLock::new(|| {
    let mut text = String::new();
    write_defaults(&mut text, TOP, "");
    let mut config = UNSET
        .clone()
        .read(&text, "the table of keys", &paths::lexical)
        .expect("the table of keys has good defaults, which a test reads");
    // Nothing calls it yet, so it has no keys.
    config.optimize = config.stitch.clone();
    config
});

impl Default for Config {
    fn default() -> Self {
        DEFAULTS.clone()
    }
}

/// Writes every default of a table, as a file would set it.
fn write_defaults(text: &mut String, keys: &[Key], indent: &str) {
    for key in keys {
        let _ = match key.shape {
            Shape::Section(_) => writeln!(text, "{indent}{}:", key.name),
            _ if !key.items.is_empty() => {
                let items: Vec<_> = key.items.iter().map(|item| quoted(item)).collect();
                writeln!(text, "{indent}{}: [{}]", key.name, items.join(", "))
            }
            _ if key.default.is_empty() => Ok(()),
            _ => writeln!(text, "{indent}{}: {}", key.name, key.default),
        };
        if let Shape::Section(below) = key.shape {
            write_defaults(text, below, &format!("{indent}  "));
        }
    }
}

impl AgentConfig {
    fn unset() -> Self {
        Self {
            command: String::new(),
            base_url: None,
            credentials: Credentials::Subscription,
            home: String::new(),
        }
    }
}

impl LimitsConfig {
    fn unset() -> Self {
        Self {
            allow_overage: false,
            default_wait: Duration::ZERO,
            wait: LimitWait::Never,
            reserve: None,
        }
    }
}

impl ContainerConfig {
    fn unset() -> Self {
        Self {
            engine: EngineChoice::Auto,
            socket: None,
            runtime: None,
            memory: None,
            disk: None,
            cpus: None,
            pids: None,
            network: None,
            relax: [].into(),
            mounts: Vec::new(),
            tmpfs: [].into(),
            env: [].into(),
            hosts: Vec::new(),
            labels: [].into(),
            user: None,
            toolchain: Vec::new(),
        }
    }
}

impl RoleConfig {
    fn unset() -> Self {
        Self {
            model: None,
            fallback_model: None,
            strict_model: false,
            base_url: None,
            effort: None,
            max_turns: None,
            budget_usd: None,
            budget_tokens: None,
            first_event_timeout: None,
            timeout: None,
            idle_timeout: None,
            tool_timeout: None,
            result_grace: Duration::ZERO,
            restricted: false,
            tools: None,
            allowed_tools: Vec::new(),
            denied_tools: Vec::new(),
            args: Vec::new(),
            max_per_cycle: None,
            max_attempts: 0,
            parallel: Parallel::Count(0),
            fix_rounds: None,
            stuck_after: None,
            context_bytes: None,
            review: None,
            min_score: None,
            block: None,
            closing_rounds: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_says_holds() {
        let config = Config::default();
        assert_eq!(
            (config.binary_dir.as_str(), config.cycles, config.max_issues),
            ("bin", Some(1), 10)
        );
        assert_eq!(config.stop_grace, Duration::from_secs(20));
        assert_eq!(
            (config.container.memory, config.container.pids),
            (Some(4 << 30), Some(2048))
        );
        assert_eq!(
            config.container.network.as_deref(),
            Some(crate::config::values::NO_NETWORK)
        );
        let timeouts = [&config.measure, &config.stitch].map(|role| role.timeout);
        assert_eq!(timeouts, [1800, 3600].map(|seconds| Some(Duration::from_secs(seconds))));
        assert_eq!((config.measure.max_attempts, config.stitch.max_attempts), (2, 3));
        assert_eq!((config.retry.count, config.retry.breaker), (5, 20));
        assert_eq!(config.limits.wait, LimitWait::UpTo(Duration::from_secs(6 * 3600)));
        assert!(config.silence_agent && !config.claude_args.is_empty() && !config.protected_paths.is_empty());
        assert_eq!(config, Config::parse("", "empty").expect("an empty file is good"));
    }
}
