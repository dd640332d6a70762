//! The document for people: one page that lists every operation, without scripts.

use std::fmt::Write as _;

use serde_json::Value;

/// The page at `/docs`; it links the document itself.
#[must_use]
pub fn page(document: &Value) -> String {
    let mut rows = String::new();
    let paths = document["paths"].as_object();
    for (path, methods) in paths.into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let token = operation["security"][0].as_object().and_then(|kinds| kinds.keys().next());
            let statuses = operation["responses"].as_object().into_iter().flatten();
            let statuses: Vec<&str> = statuses.map(|(status, _)| status.as_str()).collect();
            let summary = operation["summary"].as_str().unwrap_or_default();
            // Paths and summaries come from the route table: nothing in them needs escapes.
            let _ = writeln!(
                rows,
                "<tr><td>{}</td><td><code>{path}</code></td><td>{summary}</td><td>{}</td><td>{}</td></tr>",
                method.to_ascii_uppercase(),
                token.map_or("", String::as_str),
                statuses.join(" "),
            );
        }
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>ioFog Controller API</title>\n\
         </head>\n<body>\n<h1>ioFog Controller API</h1>\n<p>Paths below <code>{}</code>. The whole document, with the shapes of the \
         bodies: <a href=\"/docs/openapi.json\">openapi.json</a> (OpenAPI 3.0).</p>\n<table>\n<tr><th>Method</th><th>Path</th>\
         <th></th><th>Token</th><th>Answers</th></tr>\n{rows}</table>\n</body>\n</html>\n",
        crate::routes::PREFIX
    )
}
