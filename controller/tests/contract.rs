//! The index of routes of the controller contract (section 2), written down a second time: path, token, status, file field and
//! substitution of each are what the program's table says, and the table has nothing beside it but what is listed here.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

use std::collections::BTreeSet;

use iofog_api::ErrorClass;
use iofog_controller::routes::{self, Auth, Route};

/// Method and path, `u`ser, `a`gent or nobody (`-`), status, `S` where bodies are rendered, `F:` and the file field.
const INDEX: &str = "
POST /user/login - 200
POST /user/logout u 204
POST /user/signup - 201
GET /user/signup/resend-activation - 204
POST /user/activate - 303
GET /user/profile u 200
PATCH /user/profile u 200
DELETE /user/profile u 204
PATCH /user/password u 204
DELETE /user/password - 204
GET /status - 200
GET /email-activation - 200
GET /fog-types - 200
HEAD /capabilities/edgeResources - 204
HEAD /capabilities/applicationTemplates - 204
GET /iofog-list u 200
POST /iofog u 201 S
GET /iofog/:uuid u 200
PATCH /iofog/:uuid u 204 S
DELETE /iofog/:uuid u 202
GET /iofog/:uuid/provisioning-key u 201
POST /iofog/:uuid/version/:versionCommand u 204
POST /iofog/:uuid/reboot u 204
POST /iofog/:uuid/prune u 204
GET /iofog/:uuid/hal/hw u 200
GET /iofog/:uuid/hal/usb u 200
PATCH /iofog/:id/tunnel u 204
GET /iofog/:id/tunnel u 200
POST /agent/provision - 200
POST /agent/deprovision a 204
GET /agent/config a 200
PATCH /agent/config a 204
GET /agent/config/changes a 200
PATCH /agent/config/changes a 200
PUT /agent/status a 204
GET /agent/edgeResources a 200
GET /agent/microservices a 200
GET /agent/microservices/:microserviceUuid a 200
GET /agent/registries a 200
GET /agent/tunnel a 200
GET /agent/strace a 200
PUT /agent/strace a 204
GET /agent/version a 200
PUT /agent/hal/hw a 204
PUT /agent/hal/usb a 204
DELETE /agent/delete-node a 204
GET /agent/image-snapshot a 200
PUT /agent/image-snapshot a 200 F:upstream
GET /application u 200
POST /application u 201 S
POST /application/yaml u 201 F:application
GET /application/:name u 200
PATCH /application/:name u 204 S
PUT /application/:name u 204 S
PUT /application/yaml/:name u 204 F:application
DELETE /application/:name u 204
GET /applicationTemplates u 200
POST /applicationTemplate u 201
POST /applicationTemplate/yaml u 201 F:template
GET /applicationTemplate/:name u 200
PATCH /applicationTemplate/:name u 204
PUT /applicationTemplate/:name u 200
PUT /applicationTemplate/yaml/:name u 200 F:template
DELETE /applicationTemplate/:name u 204
GET /microservices/public-ports u 200
GET /microservices u 200
POST /microservices u 201 S
POST /microservices/yaml u 201 F:microservice
GET /microservices/:uuid u 200
PATCH /microservices/:uuid u 204 S
PATCH /microservices/yaml/:uuid u 204 F:microservice
DELETE /microservices/:uuid u 204
POST /microservices/:uuid/routes/:receiverUuid u 201
DELETE /microservices/:uuid/routes/:receiverUuid u 204
GET /microservices/:uuid/port-mapping u 200
POST /microservices/:uuid/port-mapping u 201
DELETE /microservices/:uuid/port-mapping/:internalPort u 204
GET /microservices/:uuid/volume-mapping u 200
POST /microservices/:uuid/volume-mapping u 201
DELETE /microservices/:uuid/volume-mapping/:id u 204
POST /microservices/:uuid/image-snapshot u 201
GET /microservices/:uuid/image-snapshot u 200
PATCH /microservices/:uuid/strace u 204
GET /microservices/:uuid/strace u 200
PUT /microservices/:uuid/strace u 204
GET /routes u 200
POST /routes u 200 S
GET /routes/:appName/:name u 200
PATCH /routes/:appName/:name u 204 S
DELETE /routes/:appName/:name u 204
GET /catalog/microservices u 200
POST /catalog/microservices u 201 S
GET /catalog/microservices/:id u 200
DELETE /catalog/microservices/:id u 204
PATCH /catalog/microservices/:id u 204 S
GET /registries u 200
POST /registries u 201 S
PATCH /registries/:id u 204 S
DELETE /registries/:id u 204
GET /edgeResources u 200
POST /edgeResource u 200 S
GET /edgeResource/:name/:version u 200
GET /edgeResource/:name u 200
PUT /edgeResource/:name/:version u 200 S
DELETE /edgeResource/:name/:version u 202
POST /edgeResource/:name/:version/link u 200
DELETE /edgeResource/:name/:version/link u 200
GET /config u 200
GET /config/:key u 200
PUT /config u 200 S
GET /router u 200
PUT /router u 200 S
GET /flow u 200
POST /flow u 201
GET /flow/:id u 200
PATCH /flow/:id u 204
DELETE /flow/:id u 204
POST /k8s/createPod u 200
PUT /k8s/updatePod u 200
DELETE /k8s/deletePod u 200
GET /k8s/getPod u 200
GET /k8s/getPods u 200
GET /k8s/getPodStatus u 200
GET /k8s/getContainerLogs u 200
GET /k8s/capacity u 200
GET /k8s/allocatable u 200
GET /k8s/nodeConditions u 200
GET /k8s/nodeAddresses u 200
GET /k8s/vk-token u 200
GET /k8s/scheduler-token u 200
";

/// Beside the contract's: a call of the Java agent that is taken and ignored (section 2), the device link, and enrolment by the batch
/// (decision 0130).
const OURS: &str = "
POST /agent/tracking a 204
GET /agent/link a 101
POST /agent/enrol - 200
GET /enrolment-keys u 200
POST /enrolment-keys u 201
DELETE /enrolment-keys/:id u 204
";

fn line(route: &Route) -> String {
    let auth = match route.auth {
        Auth::Anyone => "-",
        Auth::User => "u",
        Auth::Agent => "a",
    };
    let rendered = if route.rendered { " S" } else { "" };
    let file = route.file.map_or_else(String::new, |field| format!(" F:{field}"));
    format!("{} {} {auth} {}{rendered}{file}", route.verb.name(), route.path, route.status)
}

#[test]
fn the_table_is_the_contracts_index() {
    let lines = |text: &str| -> BTreeSet<String> {
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let ours: BTreeSet<String> = routes::all().map(line).collect();
    let wanted: BTreeSet<String> = &lines(INDEX) | &lines(OURS);
    let missing: Vec<_> = wanted.difference(&ours).collect();
    let more: Vec<_> = ours.difference(&wanted).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing {missing:#?}, not known {more:#?}");
}

/// Statuses that clients read and that differ from the class's own.
#[test]
fn odd_statuses_are_the_contracts() {
    let status = |id: &str, class: ErrorClass| {
        routes::all().find(|route| route.id == id).unwrap().status_of(class)
    };
    assert_eq!(status("route.create", ErrorClass::DuplicateProperty), 400);
    assert_eq!(status("snapshot.get", ErrorClass::Validation), 500);
    assert_eq!(status("strace.ftp", ErrorClass::Ftp), 500);
    assert_eq!(status("user.reset-password", ErrorClass::EmailActivationSetup), 500);
    let odd: Vec<&str> =
        routes::all().filter(|route| !route.statuses.is_empty()).map(|route| route.id).collect();
    assert_eq!(odd, ["route.create", "snapshot.get"], "no other route differs");
}
