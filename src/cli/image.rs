//! `cordwainer image build`, `cordwainer image check` and `cordwainer image clean`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use self::progress::Progress;
use super::Context;
use super::signal::{self, OnSignal};
use crate::base::error::{Context as _, Error, ErrorKind, Result, exit};
use crate::base::fs::program;
use crate::base::interruption::Interruption;
use crate::base::text;
use crate::config::Config;
use crate::git::{Git, Head};
use crate::project::labels::{ROLE_LABEL, repository_labels, trial_labels};
use crate::report::numbers;
use crate::sandbox::engine::{ConnectOptions, Engine, UserChoice, unless_asked};
use crate::setup::abandoned;
use crate::setup::image::{self, BuildOptions, CheckedItem, ImageBuilt, ImageReport, ProjectNeeds};
use crate::setup::services::Trial;

mod progress;

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
    /// It contains Claude Code, its tools and the entrypoint, and what `image.build` of the configuration adds: packages,
    /// tools of languages, commands, or a Containerfile of your own. Without `image.build`, `--base` selects an image
    /// that has your toolchain. Where a base of Debian cannot be pulled, `mmdebstrap` makes it, if that is installed.
    ///
    /// Prints the steps; where one fails, also its last lines, and the file that has the whole output.
    #[command(
        after_long_help = "Examples:\n  cordwainer image build\n  cordwainer image build --base localhost/rust:1.89"
    )]
    Build {
        /// Image to build on where the configuration does not say how the image is built; it needs apt [default:
        /// debian:bookworm-slim]
        #[arg(long, value_name = "IMAGE")]
        base: Option<String>,
        /// Version of the client's npm package
        #[arg(long, value_name = "VERSION", default_value = image::DEFAULT_CLIENT_VERSION)]
        client_version: String,
        /// Network for the commands of the build [default: the engine's]
        #[arg(long, value_name = "NETWORK")]
        network: Option<String>,
    },
    /// Check that the configured image has the client, its tools and the project's toolchain
    ///
    /// The toolchain is what `image.build.tools` and `container.toolchain` name, and the programs that the gates run.
    /// Exits with 5 if anything is missing.
    #[command(after_long_help = "Example:\n  cordwainer image check")]
    Check,
    /// Remove the images of cordwainer that the configuration does not use
    ///
    /// What a container is made of stays, and so does what was built for another repository.
    #[command(after_long_help = "Examples:\n  cordwainer image clean --dry-run\n  cordwainer image clean")]
    Clean {
        /// Print what would be removed, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs a command on the image that the repository's configuration names.
pub(super) async fn execute(command: &ImageCommand, context: &Context) -> Result<u8> {
    let interruption = Interruption::default();
    let on_signal = match command {
        ImageCommand::Check => OnSignal::Finish {
            interruption: interruption.clone(),
            grace: signal::GRACE,
        },
        _ => OnSignal::End,
    };
    signal::listen(on_signal, context)?;
    match command {
        ImageCommand::Build {
            base,
            client_version,
            network,
        } => {
            let asked = Asked::of(context)?;
            asked.check_base(base.as_deref())?;
            asked.check_branch()?;
            let options = BuildOptions {
                base: base.clone().unwrap_or_else(|| image::DEFAULT_BASE.to_owned()),
                client_version: client_version.clone(),
                network: network.clone(),
                repository: identity(context)?,
                mmdebstrap: program("mmdebstrap", context.environment.search_path.as_deref()),
            };
            build(context, &asked, &options).await
        }
        ImageCommand::Check => Box::pin(check(context, &Asked::of(context)?, &interruption)).await,
        ImageCommand::Clean { dry_run } => clean(context, *dry_run).await,
    }
}

/// Returns the id of the repository for which an image is built.
fn identity(context: &Context) -> Result<Option<String>> {
    if Git::is_anywhere(&context.directory) {
        context.look()?.identity()
    } else {
        Ok(None)
    }
}

/// Removes the images that nothing uses; what an image is for is known in a repository alone.
async fn clean(context: &Context, is_dry: bool) -> Result<u8> {
    let generator = context.open()?;
    let engine = Engine::connect(&generator.connect_options()).await?;
    let cleaning = generator.clean_images(&engine, is_dry).await?;
    if context.output.json {
        context.output.print_json(&cleaning)?;
        return Ok(exit::DONE);
    }
    let verb = if is_dry { "Would remove" } else { "Removed" };
    for image in &cleaning.removed {
        let size = numbers::bytes(image.bytes);
        context
            .output
            .print(&format!("{verb} `{}` ({size}).", image.names.join("`, `")))?;
    }
    for image in &cleaning.kept {
        context
            .output
            .print(&format!("Keeps `{}`: {}.", image.names.join("`, `"), image.why))?;
    }
    if cleaning.removed.is_empty() {
        context.output.print("There is no image to remove.")?;
    } else {
        context
            .output
            .print("Sizes include the layers that an image shares with others.")?;
    }
    Ok(exit::DONE)
}

/// What a command is about: the defaults where there is no repository or no file.
struct Asked {
    /// The checkout, and the branch that is checked out in it.
    root: PathBuf,
    branch: Option<String>,
    config: Config,
    connect: ConnectOptions,
    /// By which containers are found that a killed command left.
    labels: BTreeMap<String, String>,
}

impl Asked {
    fn of(context: &Context) -> Result<Self> {
        if !Git::is_anywhere(&context.directory) {
            let config = Config::default();
            return Ok(Self {
                root: context.directory.clone(),
                branch: None,
                labels: BTreeMap::new(),
                connect: context.environment.connect_options(&config, None),
                config,
            });
        }
        let generator = context.look()?;
        let git = Git::discover(&context.directory)?;
        let branch = match git.head()? {
            Head::Branch { name, .. } => Some(name),
            _ => None,
        };
        Ok(Self {
            root: git.workdir().to_owned(),
            branch,
            config: generator.config().clone(),
            connect: generator.connect_options(),
            labels: repository_labels(&git, git.repository_id()?.as_deref()),
        })
    }

    /// Refuses a base beside a configuration that says how the image is built.
    fn check_base(&self, base: Option<&str>) -> Result<()> {
        let (Some(base), Some(build)) = (base, &self.config.image.build) else {
            return Ok(());
        };
        let base = text::one_line(base, 100);
        if let Some(path) = &self.config.image.devcontainer {
            let message = "`--base` contradicts `image.devcontainer` of the configuration";
            return Err(Error::new(ErrorKind::Usage, message).hint(format!("leave it out, or name it in `{path}`")));
        }
        let hint = if build.containerfile.is_some() {
            format!("write `FROM {base}` into the file that `image.build.containerfile` names")
        } else {
            format!("leave it out, or write it into the configuration: `image: {{build: {{base: {base}}}}}`")
        };
        Err(Error::new(
            ErrorKind::Usage,
            "`--base` contradicts `image.build` of the configuration",
        )
        .hint(hint))
    }

    /// Refuses to build what is described on a branch on which agents work.
    fn check_branch(&self) -> Result<()> {
        let prefix = &self.config.gen_prefix;
        let Some(branch) = self.branch.as_ref().filter(|branch| branch.starts_with(prefix)) else {
            return Ok(());
        };
        let of_services = self.config.services.iter().map(|(_, service)| &service.image);
        let mut images = of_services.chain([&self.config.image]);
        if images.all(|image| image.build.is_none()) {
            return Ok(());
        }
        let message =
            format!("`{branch}` is checked out, a branch of agents, and `image.build` would run its commands");
        Err(Error::new(ErrorKind::Precondition, message).hint(format!(
            "check out a branch of yours, such as `{}`, and build there",
            self.config.base_branch
        )))
    }
}

async fn build(context: &Context, asked: &Asked, options: &BuildOptions) -> Result<u8> {
    let engine = Engine::connect(&asked.connect).await?;
    let services = asked.config.services.iter().map(|(_, service)| &service.image);
    for unused in services.chain([&asked.config.image]).flat_map(|image| &image.unused) {
        context.output.say(&format!("Warning: {}.", text::harmless(unused)));
    }
    let mut progress = Progress::begin(context, engine.kind())?;
    let (built, of_services) = match build_all(&engine, asked, options, &mut progress).await {
        Ok(built) => built,
        Err(error) => {
            progress.keep()?;
            return Err(error);
        }
    };
    if context.output.json {
        let mut json = serde_json::to_value(&built).context("cannot write JSON")?;
        if !of_services.is_empty() {
            json["services"] = serde_json::to_value(&of_services).context("cannot write JSON")?;
        }
        context.output.print_json(&json)?;
        return Ok(exit::DONE);
    }
    for built in [built].iter().chain(&of_services) {
        let what = if built.rebuilt { "Built" } else { "Unchanged:" };
        let with = match built.client_version.as_str() {
            "" => "for a service".to_owned(),
            client => format!("with client {client}"),
        };
        let (tag, name) = (&built.tag, &built.name);
        context
            .output
            .print(&format!("{what} `{tag}`, also `{name}`, {with}."))?;
    }
    Ok(exit::DONE)
}

/// Builds the image of agents, and those of services.
async fn build_all(
    engine: &Engine,
    asked: &Asked,
    options: &BuildOptions,
    progress: &mut Progress<'_>,
) -> Result<(ImageBuilt, Vec<ImageBuilt>)> {
    let mut on_line = |line: &str| progress.line(line);
    let built = image::build_for(engine, &asked.root, &asked.config.image, options, &mut on_line).await;
    let built = built.map_err(|error| not_built("agents", error))?;
    let mut of_services = Vec::new();
    for (_, service) in asked.config.services.iter() {
        let built = image::build_for_service(engine, &asked.root, service, options, &mut on_line).await;
        of_services.extend(built.map_err(|error| not_built(&format!("the service `{}`", service.name), error))?);
    }
    Ok((built, of_services))
}

/// Says of which of the images a build failed.
fn not_built(whose: &str, error: Error) -> Error {
    Error::new(error.kind(), format!("the image of {whose} could not be built")).because(error)
}

async fn check(context: &Context, asked: &Asked, interruption: &Interruption) -> Result<u8> {
    let config = &asked.config;
    let engine = unless_asked(interruption, Box::pin(Engine::connect(&asked.connect))).await?;
    let user = UserChoice::of(config.container.user.as_deref());
    let mut labels = asked.labels.clone();
    labels.insert(ROLE_LABEL.to_owned(), "image-check".to_owned());
    labels.extend(trial_labels());
    let needs = ProjectNeeds::of(config);
    let checking = async {
        abandoned::remove(&engine).await?;
        let mut report = image::check(&engine, &config.image.name, &needs, user, &labels).await?;
        report.items.extend(services(context, config, &engine, &labels).await);
        Ok::<_, Error>(report)
    };
    let report = Box::pin(engine.unless_asked(interruption, checking)).await??;
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
    let hint = if config.image.build.is_some() {
        "add what is missing to `image.build`, and run `cordwainer image build`"
    } else {
        "describe the image in `image.build` and run `cordwainer image build`, or add the client to an image of yours \
         with `cordwainer image build --base IMAGE`"
    };
    Err(Error::new(ErrorKind::Engine, message).hint(hint))
}

/// Tries each service of the configuration.
async fn services(
    context: &Context,
    config: &Config,
    engine: &Engine,
    labels: &BTreeMap<String, String>,
) -> Vec<CheckedItem> {
    let trial = Trial {
        config,
        engine,
        labels: labels.clone(),
        redactor: &context.environment.redactor,
    };
    let items = trial.each().await.into_iter().map(|(name, tried)| CheckedItem {
        name: format!("service {name}"),
        ok: tried.is_ok(),
        detail: match tried {
            Ok(seconds) => format!("is ready after {seconds} s"),
            Err(error) => match error.hint_text() {
                Some(hint) => format!("{}: {hint}", error.in_a_line()),
                None => error.in_a_line(),
            },
        },
    });
    items.collect()
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
