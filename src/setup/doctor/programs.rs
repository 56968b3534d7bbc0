//! Whether the image has the programs of the project's commands.

use super::check::{Check, failed};
use crate::base::text::one_line;
use crate::project::Project;
use crate::project::labels::{repository_labels, trial_labels};
use crate::sandbox::engine::{Engine, UserChoice};
use crate::setup::image::{self, ProjectNeeds};

/// Looks for what the project's commands need of the image; `None` where there are none.
pub(super) async fn examine(project: &Project, engine: &Engine) -> Option<Check> {
    let config = project.config();
    let needs = ProjectNeeds::of(config);
    let user = UserChoice::of(config.container.user.as_deref());
    if needs.is_empty() {
        return None;
    }
    let mut labels = match project.git.repository_id() {
        Ok(id) => repository_labels(&project.git, id.as_deref()),
        Err(error) => return Some(failed("programs", &error)),
    };
    labels.extend(trial_labels());
    let report = match image::check(engine, &config.image.name, &needs, user, &labels).await {
        Ok(report) => report,
        Err(error) => return Some(failed("programs", &error)),
    };
    let found = report.of_project();
    let missing = found.iter().filter(|item| !item.ok);
    let missing: Vec<String> = missing
        .map(|item| format!("{} is {}", item.name, item.detail))
        .collect();
    if missing.is_empty() {
        let names: Vec<&str> = found.iter().map(|item| item.name.as_str()).collect();
        let names = one_line(&names.join(", "), 200);
        return Some(Check::good("programs", format!("the image has them ({names})")));
    }
    let fix = "add them to the image, then run `cordwainer image build` where `image.build` describes it";
    Some(Check::bad("programs", missing.join("; "), fix))
}
