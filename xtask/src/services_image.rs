//! The image for the tests of services: PostgreSQL, Redis and their clients from Debian's packages, the entrypoint, and
//! the scripted agent. One image is that of the services, of the gates and of the agents.

use anyhow::Result;

use crate::agent_image::AgentImage;
use crate::debian_image::DebianBase;
use crate::provision::{Engines, Install, Started};

/// The packages, on one layer with Debian's base.
const BASE: DebianBase = DebianBase {
    reference: "localhost/cordwainer-test-services-base:1",
    folder: "services-image",
    holds: "PostgreSQL and Redis",
    packages: "postgresql,redis-server,socat",
};
/// The image.
pub(crate) const REFERENCE: &str = "localhost/cordwainer-test-services:latest";
const ENTRYPOINT: &str = include_str!("../../container/entrypoint");
const CONTAINERFILE: &str = "\
COPY claude /usr/local/bin/claude
COPY entrypoint /usr/local/bin/cordwainer-entrypoint
RUN chmod 0755 /usr/local/bin/* \\
    && useradd --uid 1000 --create-home --home-dir /home/agent --shell /bin/sh agent \\
    && mkdir /workspace && chmod 1777 /home/agent
ENV HOME=/home/agent
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /workspace
USER 1000:1000
";

/// Gives one engine the image.
pub(crate) fn provide(engine: &Started, agent: &AgentImage, install: Install) -> Result<()> {
    BASE.give(&[engine], install)?;
    import(agent, engine)
}

/// Makes the layer of packages, unless an earlier run has made it, and gives it to every engine.
pub(crate) fn provide_base(engines: &Engines, install: Install) -> Result<()> {
    BASE.give(&engines.each().collect::<Vec<_>>(), install)
}

/// Gives an engine that has the layer of packages the image.
pub(crate) fn import(agent: &AgentImage, started: &Started) -> Result<()> {
    let files = [("claude", agent.agent()), ("entrypoint", ENTRYPOINT.as_bytes())];
    BASE.build(started, CONTAINERFILE, &files, REFERENCE)
}
