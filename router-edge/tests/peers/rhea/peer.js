// Sends messages through the router, some of them large, receives and judges them. Arguments: folder of the
// installed packages, port.
const [modules, port] = process.argv.slice(2);
const container = require(modules + "/rhea").create_container();
const COUNT = 2000;
const body = (n) => container_message("x".repeat(n === 700 ? 3_000_000 : 50), n);
const container_message = (text, n) => ({ body: text, application_properties: { n } });
let sent = 0;
const seen = { accepted: 0, rejected: 0, released: 0, modified: 0 };
let expected = 0;

const connection = container.connect({ host: "127.0.0.1", port: Number(port), reconnect: false, username: "anonymous" });
connection.open_receiver({ source: "rhea", autoaccept: false, credit_window: 50 });
const sender = connection.open_sender({ target: "rhea", treat_modified_as_released: false });

sender.on("sendable", () => {
  while (sender.sendable() && sent < COUNT) {
    sender.send(body(sent));
    sent += 1;
  }
});
// One in each turn: this version of the library tells the first two of a turn as one, whatever their outcomes.
const waiting = [];
const judge = () => {
  const { n, delivery } = waiting[0];
  if (n % 100 === 1) delivery.reject({ condition: "test:rejected", description: "as asked" });
  else if (n % 100 === 2) delivery.release();
  else if (n % 100 === 3) delivery.release({ delivery_failed: true, undeliverable_here: true });
  else delivery.accept();
  waiting.shift();
  if (waiting.length > 0) setImmediate(judge);
};
container.on("message", ({ message, delivery }) => {
  const n = message.application_properties.n;
  if (n !== expected) throw new Error(`message ${n} came, ${expected} was due`);
  if (message.body.length !== (n === 700 ? 3_000_000 : 50)) throw new Error(`message ${n} came changed`);
  expected += 1;
  waiting.push({ n, delivery });
  if (waiting.length === 1) setImmediate(judge);
});
const done = (what) => ({ delivery }) => {
  seen[what] += 1;
  if (what === "rejected" && delivery.remote_state.error.condition !== "test:rejected") throw new Error("reason is lost");
  if (seen.accepted + seen.rejected + seen.released + seen.modified === COUNT) {
    console.log(JSON.stringify(seen));
    connection.close();
  }
};
for (const what of ["accepted", "rejected", "released", "modified"]) container.on(what, done(what));
container.on("disconnected", ({ error }) => {
  if (error) throw error;
});
