//! Whether a session that waits is gone on with: for the same purpose, by the same user, from the same commit.

use sha1_smol::Sha1;

use crate::git::Oid;
use crate::issues::issue::{BuildStep, Issue, Issues};
use crate::model::{AttemptId, CommitId, Role};
use crate::run::purpose::Purpose;
use crate::run::waiting::suspend::{SlotOwner, Suspended};

/// Returns why a suspended session is not gone on with, if it is not.
pub(super) fn unfit(
    (purpose, task): (&Purpose, Option<&Issue>),
    owner: &SlotOwner,
    suspended: &Suspended,
    base: Oid,
) -> Option<&'static str> {
    if suspended.owner.ids != owner.ids {
        return Some("its session belongs to another user");
    }
    if suspended.owner.about != owner.about {
        return Some("what is asked for has changed since its session began");
    }
    let from = task.and_then(|issue| issue.begins_from);
    let is_of = |from: AttemptId| {
        let candidate = suspended.owner.candidate;
        from.number == suspended.owner.attempt && (from.candidate == 0 || from.candidate == candidate)
    };
    if from.is_some_and(|from| !is_of(from)) {
        return Some("another attempt is to be gone on with");
    }
    let has_moved = !purpose.writable && suspended.base != CommitId::from(base);
    has_moved.then_some("the generation has moved on since its session began")
}

/// Returns what a measure is asked about beside the commit, as a digest: the group whose turn it is, as it is planned now. `None`
/// where it is about no group.
pub(super) fn about(purpose: &Purpose, issues: &Issues) -> Option<String> {
    if purpose.role != Role::Measure || purpose.task.is_some() {
        return None;
    }
    let BuildStep::Measure(key) = issues.next_in_build(0, None) else {
        return None;
    };
    let group = issues.group(&key).ok()?;
    let told = [&group.key, &group.name, &group.scope, &group.briefing];
    Some(Sha1::from(told.map(String::as_str).join("\0")).digest().to_string())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::config::Config;
    use crate::issues::group::Group;
    use crate::issues::issue::{GroupEdit, StoreMeta};
    use crate::model::SessionId;
    use crate::model::generation::GenerationName;

    fn issues() -> Issues {
        let mut issues = Issues::new(StoreMeta::new(
            GenerationName::new("generation-a").unwrap(),
            "main".to_owned(),
            Timestamp::UNIX_EPOCH,
        ));
        let groups = ["a", "b"].map(|key| Group::new(key, key, "All of it."));
        issues.add_groups(groups.to_vec()).unwrap();
        issues
    }

    fn purpose(role: Role) -> Purpose {
        Purpose {
            role,
            settings: Config::default().role(role).clone(),
            task: None,
            attempt: 1,
            candidate: 0,
            race: None,
            round: 0,
            cycle: 1,
            writable: false,
            layer: None,
        }
    }

    #[test]
    fn a_session_goes_on_for_the_same_purpose_of_the_same_user_from_the_same_commit() {
        let owner = |about: Option<&str>, ids: (u32, u32)| SlotOwner {
            about: about.map(str::to_owned),
            ids,
            ..serde_json::from_str(
                r#"{"generation":"generation-a","run":"run-1","task":null,"attempt":1,"cycle":1,"base":null}"#,
            )
            .unwrap()
        };
        let base = Oid::ZERO_SHA1;
        let waiting = |owner: SlotOwner| Suspended {
            slot: 1,
            base: base.into(),
            session: SessionId::parse("0123").unwrap(),
            owner,
        };
        let now = owner(Some("a group"), (1, 1));
        let of = |suspended: SlotOwner| unfit((&purpose(Role::Measure), None), &now, &waiting(suspended), base);
        assert_eq!(of(now.clone()), None);
        for about in [None, Some("another group")] {
            assert_eq!(
                of(owner(about, (1, 1))),
                Some("what is asked for has changed since its session began")
            );
        }
        assert_eq!(
            of(owner(Some("a group"), (2, 1))),
            Some("its session belongs to another user")
        );
        let moved = "0123456789012345678901234567890123456789".parse().unwrap();
        let after = |purpose: &Purpose| unfit((purpose, None), &now, &waiting(now.clone()), moved);
        let has_moved = Some("the generation has moved on since its session began");
        assert_eq!(after(&purpose(Role::Measure)), has_moved);
        let writes = Purpose {
            writable: true,
            ..purpose(Role::Measure)
        };
        assert_eq!(after(&writes), None);
    }

    #[test]
    fn a_measure_is_about_its_group_as_it_is_planned() {
        let before = issues();
        let of = |issues: &Issues| about(&purpose(Role::Measure), issues);
        assert_eq!(of(&before), of(&issues()));
        let mut rescoped = issues();
        let edit = GroupEdit {
            scope: Some("Half of it.".to_owned()),
            ..GroupEdit::default()
        };
        rescoped.edit_group("a", &edit).unwrap();
        assert_ne!(of(&before), of(&rescoped));
        let mut later = issues();
        later.begin_group("a", &"c0ffee".parse().unwrap(), true);
        assert_eq!(of(&later), None);
        later.remove_group("b").unwrap();
        let mut other = issues();
        other.remove_group("a").unwrap();
        assert!(of(&other).is_some_and(|other| Some(other) != of(&before)));
        assert_eq!(about(&purpose(Role::Review), &before), None);
    }
}
