// What the LwM2M peers from npm share: where their packages lie, what the scenario tells them, how they tell
// what happens.
"use strict";

const fs = require("node:fs");
const { createRequire } = require("node:module");
const os = require("node:os");
const path = require("node:path");

const folder = path.join(process.env.PINHOLE_BUILD, "peers", "npm", "node_modules");
const load = createRequire(path.join(folder, "..", "package.json"));

function say(name, text) {
  fs.writeSync(1, `${name}: ${text}\n`);
}

function version(name) {
  return JSON.parse(fs.readFileSync(path.join(folder, name, "package.json"), "utf8")).version;
}

// The node's own address. Both packages would have netstat find an interface with a default route, which a node
// may lack, and a machine netstat.
function ownAddress() {
  const all = Object.values(os.networkInterfaces()).flat();
  const outside = all.find((one) => one.family === "IPv4" && !one.internal);
  return outside || { address: "127.0.0.1", mac: "00:00:00:00:00:00" };
}

function tellAddress() {
  const { address, mac } = ownAddress();
  load("network").get_active_interface = (callback) =>
    callback(null, { name: "eth0", ip_address: address, mac_address: mac, gateway_ip: "0.0.0.0" });
  return address;
}

// "coap://11.0.0.2:5683"
function place(uri) {
  const { hostname, port } = new URL(uri);
  return { address: hostname, port: Number(port || 5683) };
}

// "External Address" is externalAddress, as the packages name things.
function camel(text) {
  const joined = text.replace(/[^A-Za-z0-9]+/g, "");
  return joined[0].toLowerCase() + joined.slice(1);
}

function element(text, name) {
  return text.match(new RegExp(`<${name}>(.*?)</${name}>`, "s"))[1].trim();
}

function resource(text) {
  return {
    access: element(text, "Operations"),
    multi: element(text, "MultipleInstances") === "Multiple",
    mand: element(text, "Mandatory") === "Mandatory",
    type: element(text, "Type").toLowerCase() || "opaque",
    range: null,
    init: null,
  };
}

// Teaches the packages an object from its OMA definition file; returns the object's name there.
function teach(id) {
  const file = path.join(__dirname, "../../harness/engine/lwm2m", `${id}.xml`);
  const text = fs.readFileSync(file, "utf8");
  const name = camel(element(text, "Name"));
  const items = [...text.matchAll(/<Item ID="(\d+)">(.*?)<\/Item>/gs)];
  const ids = items.map(([, id, item]) => [camel(element(item, "Name")), Number(id)]);
  const forms = items.map(([, , item]) => [camel(element(item, "Name")), resource(item)]);
  load("lwm2m-id")
    .addOid({ [name]: id })
    .addSpecificRid(name, Object.fromEntries(ids))
    .addSpecificResrcChar(name, Object.fromEntries(forms));
  return name;
}

module.exports = { load, place, say, teach, tellAddress, version };
