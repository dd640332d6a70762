//! Wrong keys, tokens, bodies and names: the documented status and body, nothing half-created.

use anyhow::{Context, Result, ensure};
use iofog_tests::Outcome;
use iofog_tests::wait;
use iofog_tests::world::World;
use serde_json::{Value, json};
use xtask::ecn::rest::Rest;
use xtask::tools::http::Response;

pub(crate) fn provisioning(world: &mut World) -> Outcome {
    let rest = world.rest()?.with_token(None);
    let body = json!({ "type": 1, "key": "BBBBBBBB" });
    let answer = rest.call("POST", "/agent/provision", Some(&body))?;
    refused(&answer, 404, "NotFoundError", "Invalid Provisioning Key")?;
    let answer = rest.call("POST", "/agent/provision", Some(&json!({ "type": 1 })))?;
    refused(&answer, 400, "ValidationError", "Required field 'key' is missing")?;
    let answer = rest.call("POST", "/agent/provision", Some(&json!({ "type": 7, "key": "x" })))?;
    ensure!(answer.status == 400, "fog type 7: {}", answer.status);

    // The command line says it and keeps the node as it is.
    let ecn = world.ecn()?;
    let uuid = ecn.state.agents["gateway-1"].clone();
    let refused = xtask::ecn::agent::command(
        &ecn.layout,
        &ecn.programs,
        "gateway-1",
        &["provision", "BBBBBBBB"],
    );
    let text = refused.err().context("a wrong key was taken")?.to_string();
    ensure!(text.contains("Invalid Provisioning Key"), "{text}");
    let info = xtask::ecn::agent::command(&ecn.layout, &ecn.programs, "gateway-1", &["info"])?;
    ensure!(info.contains(&uuid), "a refused key changed the identity: {info}");
    Ok(())
}

pub(crate) fn tokens(world: &mut World) -> Outcome {
    let rest = world.rest()?;
    let wrong = rest.with_token(Some("BBBBBBBBBBBBBBBB"));
    for path in ["/agent/config", "/agent/microservices", "/iofog-list", "/microservices"] {
        refused(
            &wrong.call("GET", path, None)?,
            401,
            "AuthenticationError",
            "authorization failed",
        )?;
        let none = rest.with_token(None).call("GET", path, None)?;
        ensure!(none.status == 401, "{path} without a token: {}", none.status);
    }
    // A user's token opens no Agent route.
    refused(
        &rest.call("GET", "/agent/config", None)?,
        401,
        "AuthenticationError",
        "authorization failed",
    )
}

pub(crate) fn malformed_bodies(world: &mut World) -> Outcome {
    let rest = world.rest()?;
    let before = counts(&rest)?;
    let answer = rest.send("POST", "/iofog", Some(("application/json", b"{\"name\": ")))?;
    ensure!(answer.status == 400, "malformed JSON: {}", answer.status);
    let answer = rest.call("POST", "/iofog", Some(&json!({ "fogType": 1 })))?;
    refused(&answer, 400, "ValidationError", "Required field 'name' is missing")?;

    let yaml =
        |text: &str| rest.send_file("POST", "/application/yaml", "application", text.as_bytes());
    ensure!(yaml("kind: [unclosed")?.status == 400, "malformed YAML is not answered with 400");
    let other = "kind: Oddity\nmetadata: {name: bad}\nspec: {}\n";
    refused(&yaml(other)?, 400, "ValidationError", "Invalid kind Oddity")?;
    let bare = "kind: Application\nspec: {}\n";
    refused(&yaml(bare)?, 400, "ValidationError", "Invalid YAML format")?;
    let name = "kind: Application\nmetadata: {name: Not Allowed}\nspec: {microservices: []}\n";
    refused(&yaml(name)?, 400, "ValidationError", "Invalid format for field")?;
    ensure!(counts(&rest)? == before, "something was created");
    Ok(())
}

pub(crate) fn unknown_agent(world: &mut World) -> Outcome {
    let rest = world.rest()?;
    let before = counts(&rest)?;
    let image = json!([{ "containerImage": "iofog-samples/sensor:1", "fogTypeId": 1 }]);
    let body = json!({
        "name": "half",
        "microservices": [
            { "name": "good", "agentName": "gateway-1", "images": image, "registryId": 2 },
            { "name": "bad", "agentName": "nowhere", "images": image, "registryId": 2 },
        ],
    });
    let answer = rest.call("POST", "/application", Some(&body))?;
    refused(&answer, 400, "ValidationError", "Invalid ioFog UUID 'nowhere'")?;
    ensure!(rest.microservices("half")?.is_none(), "half an application was created");
    ensure!(counts(&rest)? == before, "something was created");
    Ok(())
}

pub(crate) fn unknown_image(world: &mut World) -> Outcome {
    let rest = world.rest()?;
    let before = counts(&rest)?;
    // No image at all for this kind of Agent: refused at once.
    let microservice = |images: Value| {
        json!({
            "name": "no-image",
            "isActivated": true,
            "microservices": [
                { "name": "m", "agentName": "gateway-1", "registryId": 2, "images": images },
            ],
        })
    };
    let arm_only = json!([{ "containerImage": "x:1", "fogTypeId": 3 - fog_type() }]);
    let answer = rest.call("POST", "/application", Some(&microservice(arm_only)))?;
    let message = "Microservice m does not have a valid image for its Agent type";
    refused(&answer, 400, "ValidationError", message)?;
    ensure!(counts(&rest)? == before, "something was created");

    // An image that nobody has: taken, reported by the Agent with its name, no container made.
    let unknown = json!([{ "containerImage": "iofog-samples/no-such:1", "fogTypeId": fog_type() }]);
    let containers = world.containers()?;
    rest.call("POST", "/application", Some(&microservice(unknown)))?.expect(&[201])?;
    wait::until_true("the Agent to report the image", || {
        let list = rest.microservices("no-image")?.unwrap_or_default();
        let error = list.first().and_then(|m| m.status.error_message.clone()).unwrap_or_default();
        Ok(error.contains("no-such"))
    })?;
    ensure!(world.containers()? == containers, "containers changed");
    rest.delete_application("no-image")?;
    ensure!(counts(&rest)? == before, "something is left");
    Ok(())
}

fn fog_type() -> u8 {
    if cfg!(target_arch = "x86_64") { 1 } else { 2 }
}

fn refused(answer: &Response, status: u16, name: &str, message: &str) -> Outcome {
    let text = answer.text();
    ensure!(answer.status == status, "status {} instead of {status}: {text}", answer.status);
    let body: Value = answer.json()?;
    ensure!(body["name"] == name, "class {name} expected: {text}");
    let said = body["message"].as_str().unwrap_or_default();
    ensure!(said.contains(message), "message {message:?} expected: {text}");
    Ok(())
}

/// How many Agents, applications and microservices there are.
fn counts(rest: &Rest) -> Result<(usize, usize, usize)> {
    let count = |path: &str, key: &str| -> Result<usize> {
        let answer: Value = rest.call("GET", path, None)?.expect(&[200])?.json()?;
        Ok(answer[key].as_array().with_context(|| format!("{path} has no {key}"))?.len())
    };
    Ok((
        count("/iofog-list", "fogs")?,
        count("/application", "applications")?,
        count("/microservices", "microservices")?,
    ))
}
