//! `cordwainer image build` and `cordwainer image check`.

use clap::{Args, Subcommand};

use super::Context;
use super::signal::{self, OnSignal};
use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::base::text;
use crate::config::Config;
use crate::git::Git;
use crate::sandbox::engine::{ConnectOptions, Engine, UserChoice};
use crate::setup::image::{self, BuildOptions, ImageReport};

/// The arguments of `image`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImageArgs {
    #[command(subcommand)]
    pub(super) command: ImageCommand,
}

/// The image that Claude runs in.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Build the image that agents run in, unless it exists and is unchanged
    ///
    /// It contains Claude Code, its tools and the entrypoint. To use a toolchain of your own, build on an image that
    /// has it.
    #[command(
        after_long_help = "Examples:\n  cordwainer image build\n  cordwainer image build --base localhost/rust:1.89"
    )]
    Build {
        /// Image to build on, such as one with the project's toolchain; it needs apt
        #[arg(long, value_name = "IMAGE", default_value = image::DEFAULT_BASE)]
        base: String,
        /// Version of the client's npm package
        #[arg(long, value_name = "VERSION", default_value = image::DEFAULT_CLIENT_VERSION)]
        client_version: String,
        /// Network for the commands of the build [default: the engine's]
        #[arg(long, value_name = "NETWORK")]
        network: Option<String>,
    },
    /// Check that the configured image has the client, its tools and the project's toolchain
    ///
    /// The toolchain is what `container.toolchain` names. Exits with 5 if anything is missing.
    #[command(after_long_help = "Example:\n  cordwainer image check")]
    Check,
}

/// Runs a command on the image that the repository's configuration names.
pub(super) async fn execute(command: &ImageCommand, context: &Context) -> Result<u8> {
    signal::listen(OnSignal::End, context)?;
    let (config, connect) = asked(context)?;
    let engine = Engine::connect(&connect).await?;
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
        ImageCommand::Check => check(context, &engine, &config).await,
    }
}

/// Returns the configuration, and the options for finding an engine: the defaults where there is no repository or no
/// file.
fn asked(context: &Context) -> Result<(Config, ConnectOptions)> {
    let environment = &context.environment;
    if !Git::is_anywhere(&context.directory) {
        let config = Config::default();
        let connect = environment.connect_options(&config, None);
        return Ok((config, connect));
    }
    let generator = context.look()?;
    Ok((generator.config().clone(), generator.connect_options()))
}

async fn build(context: &Context, engine: &Engine, options: &BuildOptions) -> Result<u8> {
    let built = image::build(engine, options, &mut |line| context.output.say(&text::harmless(line))).await?;
    if context.output.json {
        context.output.print_json(&built)?;
    } else {
        let what = if built.rebuilt { "Built" } else { "Unchanged:" };
        context
            .output
            .print(&format!("{what} `{}`, also `{}:latest`.", built.tag, image::NAME))?;
    }
    Ok(exit::DONE)
}

async fn check(context: &Context, engine: &Engine, config: &Config) -> Result<u8> {
    let user = UserChoice::of(config.container.user.as_deref());
    let report = image::check(engine, &config.image, &config.container.toolchain, user).await?;
    if context.output.json {
        context.output.print_json(&report)?;
    } else {
        context.output.print(&table(&report))?;
    }
    let failed: Vec<&str> = report
        .items
        .iter()
        .filter(|item| !item.ok)
        .map(|item| item.name.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(exit::DONE);
    }
    let message = format!("image `{}` fails its checks: {}", report.image, failed.join(", "));
    Err(Error::new(ErrorKind::Engine, message)
        .hint("run `cordwainer image build --base IMAGE` to add the client to an image of yours"))
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
