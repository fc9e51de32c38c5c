// A device made with npm's coap-node: the peer `coap-node`. It has a thermometer, which SIGUSR2 makes warmer, a light
// that can be dimmed, and a reboot that only says so. Where PINHOLE_NATPMPC names libnatpmp's command, it has PCP-context.
"use strict";

const { addContext } = require("./coap_node_context.js");
const { load, place, say, tellAddress, version } = require("./npm_lwm2m.js");

const NAME = "coap-node";
const THERMOMETER = 3303;
const LIGHT = 3311;

function model(Model) {
  const objects = new Model();
  objects.init(THERMOMETER, 0, { 5700: 21.5, 5701: "Cel" });
  objects.init(LIGHT, 0, { 5850: false, 5851: 50 });
  return objects;
}

// The object Device is the package's own; what is executable has to be put into it.
function reboot(...words) {
  say(NAME, "rebooting");
  words.pop()(null, "");
}

function main() {
  if (process.argv[2] === "--version") {
    console.log(`${NAME} ${version(NAME)}`);
    return;
  }
  tellAddress();
  const Device = load(NAME);
  const objects = model(load("smartobject"));
  const device = new Device(process.env.PINHOLE_NODE, objects, { lifetime: 60 });
  objects.findObjectInstance("device", 0).init({
    ...objects.dumpSync("device", 0),
    reboot: { exec: reboot },
  });
  if (process.env.PINHOLE_NATPMPC) addContext(objects, device);
  device.on("error", (error) => say(NAME, `error: ${error.message}`));

  const server = place(process.env.PINHOLE_LWM2M_SERVER);
  device.register(server.address, server.port, (error, answer) => {
    say(NAME, error ? `not registered: ${error.message}` : `registered: ${answer.status}`);
  });
  process.on("SIGUSR2", () => objects.write(THERMOMETER, 0, 5700, 30.25, () => {}));
  process.on("SIGTERM", () => device.deregister(() => process.exit(0)));
  say(NAME, "ready");
}

main();
