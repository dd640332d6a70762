//! An image written to a file by the native engine, which keeps no archives of its own.

use std::fs;

use iofog_agent::domain::{ContainerState, Failure, Workload};
use iofog_agent::engine::Engine as _;

use super::image;
use super::scenarios::workload;
use super::site::{Native, Site as _};
use super::{eventually, remove, run, until};

pub(super) async fn an_image_that_was_saved_is_taken_from_the_archive(site: Native) {
    const NAME: &str = "iofog-engine-test-saved:1";
    let order =
        |name: &str, words: &[&str]| Workload { image: NAME.into(), ..workload(name, words) };
    let lower = image::layer(&site.folder);
    let layers = [&lower[..], &image::second_layer()];
    image::save(&site.folder.join("images/saved.tar"), NAME, &layers, "");
    let engine = site.engine();
    let id = run(&engine, &site.spec(&order("kept", &["wait"]))).await;
    let archive = site.folder.join("snapshot.tar.gz");
    let refused = engine.save(&id, &archive, 1000).await;
    assert!(matches!(refused, Err(Failure::Refused(text)) if text.contains("more bytes")));
    engine.save(&id, &archive, 100 << 20).await.unwrap();
    remove(&engine, &id).await;
    drop(engine);

    // A node that has nothing but the archive.
    fs::remove_dir_all(site.folder.join("lib")).unwrap();
    fs::remove_dir_all(site.folder.join("images")).unwrap();
    fs::create_dir(site.folder.join("images")).unwrap();
    fs::rename(&archive, site.folder.join("images/snapshot.tar.gz")).unwrap();
    let engine = site.engine();
    let words = ["env", "COLOUR", "exists", "/data/given", "exists", "/data/new", "exit", "0"];
    let spec = site.spec(&order("again", &words));
    let id = run(&engine, &spec).await;
    until(&engine, &spec.name, ContainerState::Exited).await;
    let output = eventually("output is there", async || {
        Some(site.output(&id)).filter(|text| text.matches("exists").count() == 2)
    })
    .await;
    assert_eq!(output, "COLOUR=image\nexists false\nexists true\n");
    remove(&engine, &id).await;
    site.clean();
}
