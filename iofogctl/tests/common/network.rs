//! The answers of a small network: two Agents, an application, edge resources, a registry.

use crate::common::{Table, table};

const GATE: &str = r#"{"uuid":"GATE","name":"gate-1","host":"192.0.2.20","location":null,"gpsMode":"auto","latitude":1.5,"longitude":2,"description":"a gate: north","lastActive":0,"daemonStatus":"RUNNING","daemonOperatingDuration":93784000,"version":"3.0.1","dockerUrl":"unix:///var/run/docker.sock","diskLimit":50,"diskDirectory":"/var/lib/iofog/","memoryLimit":64,"cpuLimit":80,"logLimit":10,"logDirectory":"/var/log/iofog/","logFileCount":10,"statusFrequency":10,"changeFrequency":20,"deviceScanFrequency":20,"bluetoothEnabled":false,"watchdogEnabled":true,"abstractedHardwareEnabled":false,"createdAt":"","fogTypeId":2,"ipAddressExternal":"198.51.100.7","tags":["north","lab"],"routerMode":"edge","messagingPort":5672,"upstreamRouters":["HUB","default-router"],"logLevel":"INFO","dockerPruningFrequency":1,"availableDiskThreshold":20,"timeZone":null,"isSystem":false}"#;
const HUB: &str = r#"{"uuid":"HUB","name":"hub-1","host":"192.0.2.21","daemonStatus":"UNKNOWN","daemonOperatingDuration":0,"version":null,"createdAt":"","fogTypeId":1,"ipAddressExternal":"0.0.0.0","tags":[],"routerMode":"interior","messagingPort":5672,"edgeRouterPort":56721,"interRouterPort":56722,"upstreamRouters":[],"isSystem":false}"#;
const READER: &str = r#"{"uuid":"M1","name":"reader","config":"{\"rate\":5,\"big\":1234567,\"text\":\"yes\",\"nested\":{\"b\":[1,2.5,null],\"a\":true}}","rootHostAccess":false,"logSize":1,"applicationId":1,"flowId":1,"application":"demo","catalogItemId":null,"registryId":1,"iofogUuid":"GATE","ports":[{"internal":80,"external":5000,"protocol":"tcp"},{"internal":81,"external":5001,"protocol":"tcp","public":{"links":["http://9.9.9.9:6666"],"protocol":"http","schemes":["http"],"enabled":true,"router":{"port":6666,"host":"HUB"}}}],"volumeMappings":[{"id":1,"hostDestination":"/a","containerDestination":"/b","accessMode":"rw","type":"bind"}],"routes":["M2"],"env":[{"key":"MODE","value":"on"}],"cmd":["run","--fast"],"extraHosts":[{"name":"h","address":"1.2.3.4","value":"1.2.3.4"}],"images":[{"containerImage":"r:1","fogTypeId":1},{"containerImage":"ra:1","fogTypeId":2}],"status":{"status":"PULLING","percentage":41.6,"errorMessage":""}}"#;
const WRITER: &str = r#"{"uuid":"M2","name":"writer","config":"{}","rootHostAccess":true,"applicationId":1,"flowId":1,"application":"demo","catalogItemId":14,"registryId":1,"iofogUuid":"HUB","ports":[],"volumeMappings":[],"routes":[],"env":[],"cmd":[],"extraHosts":[],"images":[],"status":{"status":"RUNNING","percentage":0,"errorMessage":""}}"#;
const ROUTE: &str = r#"{"application":"demo","name":"flow","from":"reader","to":"writer","sourceMicroserviceUuid":"M1","destMicroserviceUuid":"M2"}"#;
const APPLICATION: &str =
    r#"{"id":1,"name":"demo","description":null,"isActivated":true,"isSystem":false,"userId":1}"#;
const THERMO: &str = r##"{"id":1,"name":"thermo","description":"a thermometer","version":"1.0.0","interfaceProtocol":"https","display":{"name":"Thermo","icon":"","color":"#fff"},"custom":{"unit":"c","max":100},"orchestrationTags":["therm"],"interface":{"id":1,"endpoints":[{"name":"read","method":"GET","url":"/read"}]}}"##;
const TEMPLATE: &str = r#"{"id":1,"name":"tmpl","description":"a template","variables":[{"key":"port","description":"where","defaultValue":5100}],"application":{"microservices":[{"name":"one","config":"{}"}],"routes":[]}}"#;

/// The whole table.
pub(crate) fn small() -> Table {
    let (both, agents) = (
        format!("{{\"microservices\":[{READER},{WRITER}]}}"),
        format!("{{\"fogs\":[{GATE},{HUB}]}}"),
    );
    let wrap = |name: &str, content: &str| format!("{{\"{name}\":[{content}]}}");
    table(&[
        ("GET /iofog-list?system=false", 200, &agents),
        ("GET /iofog/GATE", 200, GATE),
        ("GET /iofog/HUB", 200, HUB),
        ("GET /application", 200, &wrap("applications", APPLICATION)),
        ("GET /application/demo", 200, APPLICATION),
        ("GET /flow", 200, r#"{"flows":[]}"#),
        ("GET /microservices", 200, &both),
        ("GET /microservices?application=demo", 200, &both),
        ("GET /microservices/M1", 200, READER),
        ("GET /microservices/M2", 200, WRITER),
        ("GET /routes", 200, &wrap("routes", ROUTE)),
        ("GET /routes/demo/flow", 200, ROUTE),
        ("HEAD /capabilities/edgeResources", 204, ""),
        ("HEAD /capabilities/applicationTemplates", 204, ""),
        ("GET /edgeResources", 200, &wrap("edgeResources", THERMO)),
        ("GET /edgeResource/thermo/1.0.0", 200, THERMO),
        ("GET /applicationTemplates", 200, &wrap("applicationTemplates", TEMPLATE)),
        ("GET /applicationTemplate/tmpl", 200, TEMPLATE),
        (
            "GET /catalog/microservices/14",
            200,
            r#"{"id":14,"name":"gen","registryId":2,"images":[{"containerImage":"g:1","fogTypeId":1},{"containerImage":null,"fogTypeId":2}]}"#,
        ),
        (
            "GET /catalog/microservices",
            200,
            r#"{"catalogItems":[{"id":14,"name":"gen","description":"Generates messages","registryId":2,"images":[{"containerImage":"g:1","fogTypeId":1}]}]}"#,
        ),
        (
            "GET /registries",
            200,
            r#"{"registries":[{"id":1,"url":"registry.hub.docker.com","isPublic":true,"isSecure":true,"certificate":"","requiresCert":false,"username":"","userEmail":""},{"id":3,"url":"r.example","isPublic":false,"isSecure":true,"certificate":null,"requiresCert":false,"username":"u","userEmail":"u@example.org"}]}"#,
        ),
    ])
}
