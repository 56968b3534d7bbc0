//! `image build` and `image check`.

use std::path::Path;

use clap::Subcommand;

use crate::cli::Context;
use crate::config::Config;
use crate::engine::{Engine, UserChoice};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{self, BuildOptions, ImageReport};
use crate::text;

/// The image that Claude runs in.
#[derive(Clone, Debug, Subcommand)]
pub enum ImageCommand {
    /// Builds the Claude image unless it is there and unchanged.
    Build {
        /// Image with apt to build on, such as one with the project's toolchain.
        #[arg(long, value_name = "IMAGE", default_value = image::DEFAULT_BASE)]
        base: String,
        /// Version of the client's npm package.
        #[arg(long, value_name = "VERSION", default_value = image::DEFAULT_CLIENT_VERSION)]
        client_version: String,
        /// Network of the build's commands; the engine's default if not given.
        #[arg(long, value_name = "NETWORK")]
        network: Option<String>,
    },
    /// Checks that the configured image has the client, its tools and the project's toolchain.
    Check,
}

/// Runs the command; `service_dir` is where a podman service may be started, see
/// [`ConnectOptions`](crate::engine::ConnectOptions).
pub(crate) async fn execute(
    command: &ImageCommand,
    context: &Context,
    config: &Config,
    service_dir: &Path,
) -> Result<()> {
    let engine = Engine::connect(&context.connect_options(config, service_dir)).await?;
    match command {
        ImageCommand::Build {
            base,
            client_version,
            network,
        } => {
            let options = BuildOptions {
                base: base.clone(),
                client_version: client_version.clone(),
                network: network.clone(),
            };
            build(context, &engine, &options).await
        }
        ImageCommand::Check => check(context, &engine, config).await,
    }
}

async fn build(context: &Context, engine: &Engine, options: &BuildOptions) -> Result<()> {
    let built = image::build(engine, options, &mut |line| context.say(&text::harmless(line))).await?;
    if context.json {
        return context.print_json(&built);
    }
    let what = if built.rebuilt { "Built" } else { "Unchanged:" };
    context.print(&format!("{what} `{}`, also `{}:latest`.", built.tag, image::NAME))
}

async fn check(context: &Context, engine: &Engine, config: &Config) -> Result<()> {
    let user = config
        .container
        .user
        .clone()
        .map_or(UserChoice::SlotOwner, UserChoice::Given);
    let report = image::check(engine, &config.image, &config.container.toolchain, user).await?;
    if context.json {
        context.print_json(&report)?;
    } else {
        context.print(&table(&report))?;
    }
    let failed: Vec<&str> = report
        .items
        .iter()
        .filter(|item| !item.ok)
        .map(|item| item.name.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("image `{}` fails its check: {}", report.image, failed.join(", "));
    Err(Error::new(ErrorKind::Engine, message)
        .hint("`image build --base IMAGE` puts the client onto an image of yours"))
}

fn table(report: &ImageReport) -> String {
    let widest = report
        .items
        .iter()
        .map(|item| item.name.chars().count())
        .max()
        .unwrap_or(0);
    let lines = report.items.iter().map(|item| {
        let verdict = if item.ok { "ok    " } else { "FAILED" };
        format!("{verdict}  {:widest$}  {}", item.name, item.detail)
    });
    lines.collect::<Vec<_>>().join("\n")
}
