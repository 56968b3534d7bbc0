//! What holds when the file has no value.

use std::time::Duration;

use super::{
    AgentConfig, BudgetConfig, Config, ContainerConfig, Credentials, EngineChoice, LimitWait, LimitsConfig,
    NetworkConfig, RetryConfig, RoleConfig,
};
use crate::config::keys::CLAUDE_ARGS;
use crate::config::tools::OBEYED;

const MINUTE: u64 = 60;

/// The network that reaches nothing.
pub(super) const NO_NETWORK: &str = "none";

impl Default for Config {
    fn default() -> Self {
        Self {
            module_path: None,
            binary_name: None,
            binary_dir: "bin".to_owned(),
            main_package: None,
            version_file: None,
            source_dirs: Vec::new(),
            preserve_sources: false,
            gen_prefix: "generation-".to_owned(),
            base_branch: "main".to_owned(),
            generation_branch: None,
            xtask_dir: "xtask".to_owned(),
            state_dir: None,
            secrets_dir: ".secrets".into(),
            default_token_file: "claude.json".to_owned(),
            token_file: None,
            spec_globs: [].into(),
            seed_files: [].into(),
            context_files: Vec::new(),
            measure_prompt: None,
            stitch_prompt: None,
            user_prompt: None,
            claude_args: owned(CLAUDE_ARGS),
            silence_agent: true,
            stop_grace: Duration::from_secs(20),
            max_issues: 10,
            cycles: Some(1),
            estimated_lines_min: 250,
            estimated_lines_max: 350,
            max_estimated_lines: Some(1000),
            cleanup_dirs: Vec::new(),
            image: "localhost/cordwainer-claude:latest".to_owned(),
            beads_dir: None,
            container: ContainerConfig::default(),
            agent: AgentConfig::default(),
            network: NetworkConfig::default(),
            measure: RoleConfig::measure(),
            stitch: RoleConfig::stitch(),
            review: RoleConfig::review(),
            optimize: RoleConfig::optimize(),
            uncalled: Vec::new(),
            budget: BudgetConfig::default(),
            retry: RetryConfig::default(),
            limits: LimitsConfig::default(),
            protected_paths: owned(OBEYED),
            gates: Vec::new(),
        }
    }
}

impl Default for ContainerConfig {
    fn default() -> Self {
        Self {
            engine: EngineChoice::Auto,
            socket: None,
            memory: Some(4 << 30),
            cpus: None,
            pids: Some(2048),
            network: Some(NO_NETWORK.to_owned()),
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

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            command: "claude".to_owned(),
            base_url: None,
            credentials: Credentials::Subscription,
            home: "/home/agent".to_owned(),
        }
    }
}

impl RoleConfig {
    /// Returns the defaults of `measure`.
    pub fn measure() -> Self {
        Self::with(30 * MINUTE, 2)
    }

    /// Returns the defaults of `stitch`.
    pub fn stitch() -> Self {
        Self::with(60 * MINUTE, 3)
    }

    /// Returns the defaults of `review`.
    pub fn review() -> Self {
        Self::with(30 * MINUTE, 2)
    }

    /// Returns the defaults of `optimize`.
    pub fn optimize() -> Self {
        Self::with(60 * MINUTE, 3)
    }

    fn with(timeout_seconds: u64, max_attempts: u32) -> Self {
        Self {
            model: None,
            fallback_model: None,
            strict_model: false,
            base_url: None,
            effort: None,
            max_turns: None,
            budget_usd: None,
            budget_tokens: None,
            first_event_timeout: Some(Duration::from_secs(2 * MINUTE)),
            timeout: Some(Duration::from_secs(timeout_seconds)),
            idle_timeout: Some(Duration::from_secs(15 * MINUTE)),
            tool_timeout: Some(Duration::from_secs(30 * MINUTE)),
            result_grace: Duration::from_secs(20),
            tools: None,
            allowed_tools: Vec::new(),
            denied_tools: Vec::new(),
            args: Vec::new(),
            max_per_cycle: None,
            max_attempts,
            parallel: 1,
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            allow_overage: false,
            default_wait: Duration::from_secs(60 * MINUTE),
            wait: LimitWait::UpTo(Duration::from_secs(6 * 60 * MINUTE)),
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(5),
            factor: 2.0,
            ceiling: Duration::from_secs(5 * MINUTE),
            count: 5,
            breaker: 20,
        }
    }
}

fn owned(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}
