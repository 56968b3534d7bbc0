//! The arguments of `serve`.

use clap::Args;

/// The arguments of `serve`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on: `HOST:PORT`, where port 0 is any that is free, or `unix:PATH`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(super) listen: String,
    /// Open the page in a browser
    #[arg(long)]
    pub(super) open: bool,
    /// Only show: refuse everything that changes a task or a run
    #[arg(long)]
    pub(super) read_only: bool,
    /// Serve all repositories of yours that have runs, also when called within one
    #[arg(long)]
    pub(super) all: bool,
    /// Accept requests for this host, too, such as that of a proxy in front; can be given several times
    #[arg(long, value_name = "HOST")]
    pub(super) allow_host: Vec<String>,
}
