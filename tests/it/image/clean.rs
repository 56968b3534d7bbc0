//! `image clean` removes what was built here and nothing uses, and nothing else.

use cordwainer::config::Config;
use cordwainer::engine::{BuildRequest, Engine, EngineKind};

use crate::support::command::cordwainer;
use crate::support::engines::{IMAGE, TestEngine, build_request};
use crate::support::repository::TestRepository;

/// Builds an image of this name without any network, with these labels, unlike any other.
async fn small_image(engine: &Engine, base: &str, name: &str, labels: &[(&str, &str)]) {
    let request = BuildRequest {
        labels: labels
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect(),
        ..build_request(&format!("FROM {base}\nENV NAME={name}\n"), name)
    };
    engine.build_image(request, &mut |_| {}).await.unwrap();
}

#[tokio::test]
async fn images_that_nothing_uses_are_removed_and_no_others() {
    for test_engine in TestEngine::each() {
        let engine = test_engine.connect().await;
        let repository = TestRepository::new();
        let text = format!(
            "image: {{build: {{packages: [jq]}}}}\ncontainer: {{socket: {}}}\n",
            test_engine.socket().display()
        );
        repository.write("configuration.yaml", &text);
        let clean = |arguments: &[&str]| {
            let report = cordwainer(&repository, &[&["image", "clean", "--json"], arguments].concat())
                .run()
                .json();
            let names = |list: &serde_json::Value| {
                let images = list.as_array().unwrap().iter();
                let names =
                    images.map(|image| (image["names"][0].as_str().unwrap().to_owned(), image["why"].to_string()));
                names.collect::<std::collections::BTreeMap<_, _>>()
            };
            (names(&report["removed"]), names(&report["kept"]))
        };
        // It gives the repository its id.
        assert_eq!(clean(&["--dry-run"]).0.len(), 0);
        let id = repository.handle().repository_id().unwrap().unwrap();
        let label = [("cordwainer.image", "built")];
        let mark = &id[..8];
        let name = |what: &str| format!("localhost/cordwainer-project:{mark}-{what}");
        let uses = |id: &str, what: &str| format!("localhost/cordwainer-used:{id}-{mark}{what}");
        let configured = Config::load(&repository.path()).unwrap().image.name;
        let client = |arguments: &[&str]| test_engine.client().args(arguments).output().unwrap();
        let tag = |image: &str, name: &str| assert!(client(&["tag", image, name]).status.success(), "{name}");
        small_image(&engine, IMAGE, &configured, &label).await;
        for what in ["unused", "contained", "below", "old", "shared"] {
            small_image(&engine, IMAGE, &name(what), &label).await;
            tag(&name(what), &uses(&id, what));
        }
        small_image(&engine, &name("unused"), &name("on-unused"), &[]).await;
        tag(&name("on-unused"), &uses(&id, "on-unused"));
        tag(&name("shared"), &uses("another", "shared"));
        small_image(&engine, IMAGE, &name("unknown"), &label).await;
        let mine = format!("localhost/mine:{mark}");
        small_image(&engine, &name("below"), &mine, &[]).await;
        let container = format!("image-clean-{mark}");
        let created = client(&["create", "--name", &container, &name("contained"), "true"]);
        assert!(created.status.success(), "{created:?}");
        // An image of a person's that has lost its name, and one of ours that is built on it.
        let lost = format!("localhost/lost:{mark}");
        small_image(&engine, IMAGE, &lost, &[]).await;
        let nameless = engine.image_id(&lost).await.unwrap().unwrap();
        small_image(&engine, &nameless, &name("on-nameless"), &label).await;
        tag(&name("on-nameless"), &uses(&id, "on-nameless"));
        // The name goes to another one.
        small_image(&engine, &name("unknown"), &lost, &[]).await;

        let (would, _) = clean(&["--dry-run"]);
        let (removed, kept) = clean(&[]);
        assert_eq!(removed, would);
        let gone: Vec<&String> = removed.keys().collect();
        // podman would remove the person's image with it.
        let takes_along = test_engine.kind() == EngineKind::Podman;
        let mut expect = ["old", "on-nameless", "on-unused", "unused"].map(name).to_vec();
        expect.retain(|image| !takes_along || *image != name("on-nameless"));
        assert_eq!(gone, expect.iter().collect::<Vec<_>>(), "{kept:#?}");
        for (what, why) in [
            (configured.clone(), "the configuration uses it"),
            (name("contained"), "a container is made of it"),
            (name("below"), "an image that stays is built on it"),
            (name("shared"), "another repository uses it"),
            (name("unknown"), "it is not known which repository it was built for"),
        ] {
            assert_eq!(kept.get(&what), Some(&format!("{why:?}")), "{kept:#?}");
            assert!(engine.image_id(&what).await.unwrap().is_some(), "{what}");
        }
        for what in gone {
            assert_eq!(engine.image_id(what).await.unwrap(), None, "{what}");
        }
        assert!(engine.image_id(&mine).await.unwrap().is_some());
        // Only this repository has forgotten the one that another one uses, and nobody's images without a name went.
        assert_eq!(engine.image_id(&uses(&id, "shared")).await.unwrap(), None);
        assert!(engine.image_id(&uses("another", "shared")).await.unwrap().is_some());
        assert_eq!(engine.image_id(&nameless).await.unwrap(), Some(nameless.clone()));
        if takes_along {
            for image in [name("on-nameless"), uses(&id, "on-nameless")] {
                assert!(client(&["rmi", &image]).status.success(), "{image}");
            }
        } else {
            // A step of the build that has no label is left on it.
            client(&["rmi", "--force", &nameless]);
        }
        client(&["rm", &container]);
        let left = ["contained", "below", "shared", "unknown"].map(name);
        let of_users = [uses(&id, "contained"), uses(&id, "below"), uses("another", "shared")];
        for image in [mine, lost, configured].iter().chain(&left).chain(&of_users) {
            assert!(client(&["rmi", image]).status.success(), "{image}");
        }
    }
}
